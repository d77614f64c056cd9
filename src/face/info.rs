//! Makes INFO agree with the face, as some clients read there whether they are connected to a cluster.

use crate::config::FaceKind;

/// The fields about it, with their values without a cluster and with one. Valkey has a name of its own for the mode.
const FIELDS: [(&str, &str, &str); 3] = [
    ("redis_mode", "standalone", "cluster"),
    ("server_mode", "standalone", "cluster"),
    ("cluster_enabled", "0", "1"),
];

/// Rewrites a node's complete reply to INFO. `None`: nothing is to be changed, or the reply is not a text.
pub(super) fn rewrite_info(reply: &[u8], face: FaceKind) -> Option<Vec<u8>> {
    let head_end = reply.iter().position(|byte| *byte == b'\n')? + 1;
    let kind = *reply.first().filter(|kind| matches!(kind, b'$' | b'='))?;
    let text = std::str::from_utf8(reply.get(head_end..)?).ok()?.strip_suffix("\r\n")?;
    let mut changed = false;
    let lines: String = text.split_inclusive('\n').map(|line| rewritten(line, face, &mut changed)).collect();
    changed.then(|| {
        let mut out = vec![kind];
        out.extend_from_slice(format!("{}\r\n{lines}\r\n", lines.len()).as_bytes());
        out
    })
}

fn rewritten(line: &str, face: FaceKind, changed: &mut bool) -> String {
    let content = line.trim_end();
    let end = line.get(content.len()..).unwrap_or_default();
    let field = content.split_once(':').and_then(|(name, value)| {
        let (_, without, with) = FIELDS.iter().find(|(known, ..)| *known == name)?;
        let right = match face {
            FaceKind::Standalone | FaceKind::Sentinel => without,
            FaceKind::Cluster => with,
        };
        (value != *right).then(|| format!("{name}:{right}{end}"))
    });
    *changed |= field.is_some();
    field.unwrap_or_else(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(kind: char, text: &str) -> Vec<u8> {
        format!("{kind}{}\r\n{text}\r\n", text.len()).into_bytes()
    }

    #[test]
    fn mode_and_cluster_agree_with_the_face() {
        let plain = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n";
        let cluster = plain.replace("standalone", "cluster").replace("enabled:0", "enabled:1");
        for (kind, start) in [('$', ""), ('=', "txt:")] {
            let (plain, cluster) =
                (framed(kind, &format!("{start}{plain}")), framed(kind, &format!("{start}{cluster}")));
            assert_eq!(rewrite_info(&plain, FaceKind::Cluster), Some(cluster.clone()));
            assert_eq!(rewrite_info(&cluster, FaceKind::Standalone), Some(plain.clone()));
            assert_eq!(rewrite_info(&cluster, FaceKind::Sentinel), Some(plain.clone()));
            assert_eq!(rewrite_info(&plain, FaceKind::Standalone), None);
            assert_eq!(rewrite_info(&cluster, FaceKind::Cluster), None);
        }
    }

    #[test]
    fn the_first_line_of_a_verbatim_text_is_found_too() {
        let reply = framed('=', "txt:# Cluster\r\ncluster_enabled:0\r\n");
        let expected = framed('=', "txt:# Cluster\r\ncluster_enabled:1\r\n");
        assert_eq!(rewrite_info(&reply, FaceKind::Cluster), Some(expected));
    }

    #[test]
    fn what_is_no_text_is_left_alone() {
        for reply in [&b"-NOAUTH x\r\n"[..], b"$-1\r\n", b"*0\r\n", b"", b"$5\r\nab", b"$1\r\n\xff\r\n"] {
            assert_eq!(rewrite_info(reply, FaceKind::Cluster), None);
        }
    }
}
