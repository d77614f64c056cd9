//! One line of MONITOR: `+1339518083.107412 [0 127.0.0.1:60866] "set" "key" "value"`.

use std::fmt::Write;

use super::ClientEnds;
use crate::resp::request::Request;

/// Stands in place of what nobody is to see.
const REDACTED: &[u8] = b"(redacted)";

/// Appends the line of a command. `unix` is the time in microseconds since 1970.
pub(crate) fn append_line(out: &mut Vec<u8>, unix: u64, db: u32, ends: &ClientEnds, request: &Request<'_>) {
    let mut line = String::new();
    let (seconds, micros) = (unix / 1_000_000, unix % 1_000_000);
    let path = ends.addr.strip_suffix(":0").filter(|_| ends.is_unix);
    // Writing to a string cannot fail.
    let _ = match path {
        Some(path) => write!(line, "+{seconds}.{micros:06} [{db} unix:{path}]"),
        None => write!(line, "+{seconds}.{micros:06} [{db} {}]", ends.addr),
    };
    let secret = first_secret(request);
    for (at, arg) in request.args().enumerate() {
        let is_secret = secret.as_ref().is_some_and(|secret| secret.contains(&at));
        line.push(' ');
        append_quoted(&mut line, if is_secret { REDACTED } else { arg });
    }
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Returns the arguments that are credentials: of AUTH all, of HELLO and MIGRATE those behind AUTH.
fn first_secret(request: &Request<'_>) -> Option<std::ops::Range<usize>> {
    let named = |name: &[u8]| request.name().eq_ignore_ascii_case(name);
    let behind = |word: &[u8], count: usize| {
        let at = (1..request.len())
            .find(|&at| request.arg(at).is_some_and(|arg| arg.eq_ignore_ascii_case(word)))?;
        Some(at + 1..at + 1 + count)
    };
    match () {
        () if named(b"auth") => Some(1..request.len()),
        () if named(b"hello") => behind(b"auth", 2),
        () if named(b"migrate") => behind(b"auth2", 2).or_else(|| behind(b"auth", 1)),
        () => None,
    }
}

/// Appends the bytes in double quotes, as servers escape them.
fn append_quoted(line: &mut String, bytes: &[u8]) {
    line.push('"');
    for &byte in bytes {
        match byte {
            b'\\' => line.push_str("\\\\"),
            b'"' => line.push_str("\\\""),
            b'\n' => line.push_str("\\n"),
            b'\r' => line.push_str("\\r"),
            b'\t' => line.push_str("\\t"),
            0x07 => line.push_str("\\a"),
            0x08 => line.push_str("\\b"),
            b' '..=b'~' => line.push(char::from(byte)),
            _ => {
                let _ = write!(line, "\\x{byte:02x}");
            }
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    fn line(words: &str) -> String {
        let ends = ClientEnds { addr: "127.0.0.1:5".into(), ..ClientEnds::default() };
        let mut out = Vec::new();
        append_line(&mut out, 1_339_518_083_007_412, 3, &ends, &Words::of(words).request());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_has_time_database_address_and_arguments() {
        assert_eq!(line("SET a 1"), "+1339518083.007412 [3 127.0.0.1:5] \"SET\" \"a\" \"1\"\r\n");
    }

    #[test]
    fn credentials_are_left_out() {
        for (words, shown) in [
            ("AUTH secret", "\"AUTH\" \"(redacted)\""),
            ("auth user secret", "\"auth\" \"(redacted)\" \"(redacted)\""),
            ("HELLO 3 SETNAME me AUTH user secret", "\"me\" \"AUTH\" \"(redacted)\" \"(redacted)\""),
            ("MIGRATE h 1 k 0 5 AUTH secret KEYS a", "\"AUTH\" \"(redacted)\" \"KEYS\" \"a\""),
            ("MIGRATE h 1 k 0 5 AUTH2 user secret", "\"AUTH2\" \"(redacted)\" \"(redacted)\""),
            ("GET secret", "\"GET\" \"secret\""),
        ] {
            assert!(line(words).contains(shown), "{words}: {}", line(words));
        }
    }

    #[test]
    fn bytes_are_escaped_as_servers_do_it() {
        let mut text = String::new();
        append_quoted(&mut text, b"a\\\"\n\r\t\x07\x08\x00\xff b");
        assert_eq!(text, "\"a\\\\\\\"\\n\\r\\t\\a\\b\\x00\\xff b\"");
    }
}
