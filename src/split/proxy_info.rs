//! The section of INFO about the proxy: who asks for it, and what it says. No field has the name of a server's, since many clients
//! read INFO without its sections. It names no node but active ones: nobody is led past the proxy.

use crate::resp::elements;
use crate::resp::reply;
use crate::resp::request::Request;

use super::merge::as_text;

/// The name of the section.
const SECTION: &[u8] = b"proxy";
/// The arguments that ask for all sections, or for the usual ones.
const ALL: [&[u8]; 3] = [b"all", b"everything", b"default"];

/// Whether an INFO asks for the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AboutProxy {
    No,
    /// Beside other sections.
    Also,
    /// Beside others, and it is named, which no server would understand.
    Named,
    /// For nothing else.
    Alone,
}

impl AboutProxy {
    pub(crate) fn of(request: &Request<'_>) -> AboutProxy {
        let is = |word: &[u8], name: &[u8]| word.eq_ignore_ascii_case(name);
        let sections = || request.args().skip(1);
        let named = sections().filter(|word| is(word, SECTION)).count();
        match (request.len(), named) {
            (1, _) => AboutProxy::Also,
            (all, named) if named + 1 == all => AboutProxy::Alone,
            (_, 0) if sections().any(|word| ALL.iter().any(|name| is(word, name))) => AboutProxy::Also,
            (_, 0) => AboutProxy::No,
            _ => AboutProxy::Named,
        }
    }
}

/// Writes an INFO without the name of the section: old servers take a single section, and new ones would ignore it.
pub(crate) fn without_section(request: &Request<'_>) -> Vec<u8> {
    let words: Vec<&[u8]> = request.args().filter(|word| !word.eq_ignore_ascii_case(SECTION)).collect();
    let mut out = Vec::new();
    reply::command(&mut out, &words);
    out
}

/// What the section says. Numbers are those of the proxy over all its workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProxyInfo {
    pub(crate) name: String,
    pub(crate) uptime_seconds: u64,
    pub(crate) workers: usize,
    pub(crate) clients: u64,
    pub(crate) blocked_clients: u64,
    /// Those that wait for the end of CLIENT PAUSE.
    pub(crate) paused_clients: u64,
    pub(crate) tracking_clients: u64,
    pub(crate) pubsub_clients: u64,
    pub(crate) held_commands: u64,
    pub(crate) held_bytes: u64,
    pub(crate) retries: u64,
    pub(crate) uncertain: u64,
    pub(crate) generation: u64,
    pub(crate) shards: usize,
    /// The active nodes and their states.
    pub(crate) active_nodes: Option<String>,
}

impl ProxyInfo {
    /// Returns the section. It reveals the backend's kind only by the active nodes.
    pub(crate) fn section(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let numbers = [
            ("proxy_uptime_in_seconds", self.uptime_seconds),
            ("proxy_workers", self.workers as u64),
            ("proxy_connected_clients", self.clients),
            ("proxy_blocked_clients", self.blocked_clients + self.paused_clients),
            ("proxy_tracking_clients", self.tracking_clients),
            ("proxy_pubsub_clients", self.pubsub_clients),
            ("proxy_held_commands", self.held_commands),
            ("proxy_held_bytes", self.held_bytes),
            ("proxy_retries_total", self.retries),
            ("proxy_uncertain_total", self.uncertain),
            ("proxy_topology_generation", self.generation),
            ("backend_shards", self.shards as u64),
        ];
        let mut out = format!("# Proxy\r\ntideover_version:{version}\r\nproxy_name:{}\r\n", self.name);
        for (name, value) in numbers {
            out.push_str(&format!("{name}:{value}\r\n"));
        }
        if let Some(nodes) = &self.active_nodes {
            out.push_str(&format!("active_nodes:{nodes}\r\n"));
        }
        out
    }
}

/// Returns a reply to INFO in which so many more clients are blocked: a server counts those that wait for the end of a pause.
pub(crate) fn with_paused(raw: Vec<u8>, paused: u64) -> Vec<u8> {
    let Some(text) = elements::text(&raw).filter(|_| paused > 0 && !elements::is_error(&raw)) else {
        return raw;
    };
    let Ok(text) = std::str::from_utf8(text) else { return raw };
    let counted = |line: &str| {
        let blocked = line.strip_prefix(BLOCKED)?.trim_end().parse::<u64>().ok()?;
        Some(format!("{BLOCKED}{}\r\n", blocked.saturating_add(paused)))
    };
    let lines = text.split_inclusive('\n').map(|line| counted(line).unwrap_or_else(|| line.to_owned()));
    as_text(&raw, lines.collect::<String>().as_bytes())
}

/// The field of servers.
const BLOCKED: &str = "blocked_clients:";

/// Returns a reply to INFO with the section at its end, behind an empty line as between all sections. An error stays as it is.
pub(crate) fn with_section(raw: &[u8], section: &str) -> Vec<u8> {
    let Some(text) = elements::text(raw).filter(|_| !elements::is_error(raw)) else { return raw.to_vec() };
    let blank: &[u8] = if text.is_empty() { b"" } else { b"\r\n" };
    as_text(raw, &[text, blank, section.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    #[test]
    fn the_section_is_asked_for_by_name_and_with_the_usual_ones() {
        for (line, expected, left) in [
            ("INFO", AboutProxy::Also, "INFO"),
            ("INFO default", AboutProxy::Also, "INFO default"),
            ("info ALL", AboutProxy::Also, "info ALL"),
            ("INFO memory everything", AboutProxy::Also, "INFO memory everything"),
            ("INFO memory", AboutProxy::No, "INFO memory"),
            ("INFO memory server", AboutProxy::No, "INFO memory server"),
            ("INFO proxy", AboutProxy::Alone, "INFO"),
            ("INFO Proxy PROXY", AboutProxy::Alone, "INFO"),
            ("INFO memory proxy server", AboutProxy::Named, "INFO memory server"),
            ("INFO all proxy", AboutProxy::Named, "INFO all"),
        ] {
            let (words, left) = (line.split(' ').collect::<Vec<_>>(), left.split(' ').collect::<Vec<_>>());
            let words = Words::new(&words);
            assert_eq!(AboutProxy::of(&words.request()), expected, "{line}");
            let mut bytes = Vec::new();
            reply::command(&mut bytes, &left.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
            assert_eq!(without_section(&words.request()), bytes, "{line}");
        }
    }

    #[test]
    fn clients_that_wait_for_the_end_of_a_pause_are_blocked() {
        for (raw, paused, expected) in [
            (
                "$29\r\na:1\r\nblocked_clients:7\r\nb:2\r\n\r\n",
                2,
                "$29\r\na:1\r\nblocked_clients:9\r\nb:2\r\n\r\n",
            ),
            (
                "=28\r\ntxt:a:1\r\nblocked_clients:9\r\n\r\n",
                1,
                "=29\r\ntxt:a:1\r\nblocked_clients:10\r\n\r\n",
            ),
            ("$19\r\nblocked_clients:9\r\n\r\n", 0, "$19\r\nblocked_clients:9\r\n\r\n"),
            ("$22\r\ntotal_blocked_keys:9\r\n\r\n", 3, "$22\r\ntotal_blocked_keys:9\r\n\r\n"),
            ("-NOPERM x\r\n", 3, "-NOPERM x\r\n"),
        ] {
            let found = with_paused(raw.as_bytes().to_vec(), paused);
            assert_eq!(String::from_utf8_lossy(&found), expected);
        }
    }

    #[test]
    fn the_section_stands_apart_from_the_others() {
        let info = ProxyInfo { name: "default".into(), clients: 3, shards: 1, ..ProxyInfo::default() };
        let section = info.section();
        assert!(section.starts_with("# Proxy\r\ntideover_version:"), "{section}");
        assert!(
            section.contains("\r\nproxy_connected_clients:3\r\n")
                && section.ends_with("backend_shards:1\r\n")
        );
        assert!(!section.contains("active"), "{section}");
        let info = ProxyInfo { active_nodes: Some("a:1=up".into()), ..info };
        assert!(info.section().ends_with("\r\nactive_nodes:a:1=up\r\n"));
        for (raw, expected) in [
            ("$0\r\n\r\n", "$9\r\n# Proxy\r\n\r\n"),
            ("$5\r\na:1\r\n\r\n", "$16\r\na:1\r\n\r\n# Proxy\r\n\r\n"),
            ("=9\r\ntxt:a:1\r\n\r\n", "=20\r\ntxt:a:1\r\n\r\n# Proxy\r\n\r\n"),
            ("-NOPERM x\r\n", "-NOPERM x\r\n"),
        ] {
            let found = with_section(raw.as_bytes(), "# Proxy\r\n");
            assert_eq!(String::from_utf8_lossy(&found), expected);
        }
    }
}
