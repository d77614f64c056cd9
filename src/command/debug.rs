//! What the subcommands of DEBUG can do. Servers do not tell, as they list none of them.

use crate::resp::request::Request;

/// The effect of a DEBUG command, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Debugging {
    /// It plays an error or a reply, or explains itself: every node does the same.
    Answers,
    /// It shows something of the node, or sets what is made for tests.
    Inspects,
    /// It may end, block or fill the node, or change its data; or it is not known.
    Harms,
    /// It changes the connection that it comes on.
    Connection,
}

const ANSWERS: [&str; 3] = ["ERROR", "HELP", "PROTOCOL"];
const INSPECTS: [&str; 22] = [
    "CHANGE-REPL-ID",
    "CLIENT-EVICTION",
    "DICT-RESIZING",
    "DIGEST",
    "DIGEST-VALUE",
    "HTSTATS",
    "HTSTATS-KEY",
    "LISTPACK",
    "LOG",
    "OBJECT",
    "QUICKLIST",
    "QUICKLIST-PACKED-THRESHOLD",
    "REPLYBUFFER",
    "SDSLEN",
    "SET-ACTIVE-EXPIRE",
    "SET-DISABLE-DENY-SCRIPTS",
    "SET-SKIP-CHECKSUM-VALIDATION",
    "STRINGMATCH-LEN",
    "STRINGMATCH-TEST",
    "STRUCTSIZE",
    "ZIPLIST",
    "ZIPLIST-ENTRIES",
];
const CONNECTION: [&str; 1] = ["MARK-INTERNAL-CLIENT"];

/// Returns the effect of a DEBUG command; `None` for any other command.
pub(crate) fn debugging(request: &Request<'_>) -> Option<Debugging> {
    if !request.name().eq_ignore_ascii_case(b"debug") {
        return None;
    }
    let word = request.arg(1).unwrap_or_default();
    let is_of = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
    Some(match () {
        () if is_of(&ANSWERS) => Debugging::Answers,
        () if is_of(&INSPECTS) || reloads_what_it_saves(request, word) => Debugging::Inspects,
        () if is_of(&CONNECTION) => Debugging::Connection,
        () => Debugging::Harms,
    })
}

/// Returns true for RELOAD without options: with them, data may be lost.
fn reloads_what_it_saves(request: &Request<'_>, word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"reload") && request.len() == 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    #[test]
    fn what_is_not_known_to_be_harmless_harms() {
        for (line, expected) in [
            ("GET debug", None),
            ("debug error x", Some(Debugging::Answers)),
            ("DEBUG HELP", Some(Debugging::Answers)),
            ("DEBUG Object k", Some(Debugging::Inspects)),
            ("DEBUG RELOAD", Some(Debugging::Inspects)),
            ("DEBUG RELOAD NOSAVE", Some(Debugging::Harms)),
            ("DEBUG SLEEP 1", Some(Debugging::Harms)),
            ("DEBUG SEGFAULT", Some(Debugging::Harms)),
            ("DEBUG NOSUCH", Some(Debugging::Harms)),
            ("DEBUG", Some(Debugging::Harms)),
            ("DEBUG MARK-INTERNAL-CLIENT", Some(Debugging::Connection)),
        ] {
            assert_eq!(debugging(&Words::of(line).request()), expected, "{line}");
        }
    }
}
