//! The parser of MOVED and ASK errors, such as `-MOVED 3999 127.0.0.1:6381`.

use crate::command::Slot;

/// A slot and the node that a redirect names as its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Redirect<'a> {
    pub(crate) slot: Slot,
    /// The host of the named node. Empty: it has the same host as the node that sent the redirect.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
}

/// Parses an error line. `None`: it is no redirect, or the node does not know the owner (`?`).
pub(crate) fn parse(line: &[u8]) -> Option<Redirect<'_>> {
    let text = std::str::from_utf8(line).ok()?.trim_end();
    let mut words = text.strip_prefix('-')?.split(' ');
    words.next().filter(|code| matches!(*code, "MOVED" | "ASK"))?;
    let slot = words.next()?.parse().ok().filter(|slot| *slot < Slot::COUNT)?;
    // IPv6 addresses come without brackets: the port follows the last colon.
    let (host, port) = words.next()?.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (host != "?").then_some(Redirect { slot: Slot(slot), host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_names_slot_and_node() {
        let redirect = |slot, host, port| Some(Redirect { slot: Slot(slot), host, port });
        for (line, expected) in [
            ("-MOVED 3999 127.0.0.1:6381\r\n", redirect(3999, "127.0.0.1", 6381)),
            ("-ASK 0 node.internal:7000\r\n", redirect(0, "node.internal", 7000)),
            ("-MOVED 16383 2001:db8::1:6379\r\n", redirect(16383, "2001:db8::1", 6379)),
            ("-MOVED 5 :6380\r\n", redirect(5, "", 6380)),
            ("-MOVED 5 ?:6380\r\n", None),
            ("-MOVED 5 h:0\r\n", None),
            ("-MOVED 16384 h:1\r\n", None),
            ("-MOVED x h:1\r\n", None),
            ("-MOVED 5\r\n", None),
            ("-TRYAGAIN Multiple keys request during rehashing of slot\r\n", None),
            ("+MOVED 5 h:1\r\n", None),
        ] {
            assert_eq!(parse(line.as_bytes()), expected, "{line}");
        }
    }
}
