//! The commands that a server puts off once it is shutting down: it ends without having run them.

use crate::command::resolve;
use crate::command::table::{CommandId, ReplayClass};
use crate::resp::request::Request;

/// Commands that are no writes by their flags, but may write or add to the replication stream.
const MAY_REPLICATE: [&str; 6] = ["eval", "evalsha", "fcall", "publish", "spublish", "pfcount"];

/// Returns true if a server that has announced its shutdown no longer begins this command. `None`: unknown, as the
/// command may have begun before the announcement while its reply is still held back.
///
/// This is so for FLUSHALL and its like, which Redis 7.4 answers long after they ran, and for commands of modules, which
/// may block.
pub(crate) fn is_postponed(request: &Request) -> Option<bool> {
    let command = resolve(request)?;
    let is_learned = command.id == CommandId::OTHER;
    if command.replay == ReplayClass::Destructive || is_learned || command.name.contains('.') {
        return None;
    }
    Some(command.is_write() || MAY_REPLICATE.contains(&command.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    #[test]
    fn writes_are_put_off_and_what_runs_apart_is_never_told_of() {
        for (line, expected) in [
            ("SET k v", Some(true)),
            ("GETEX k", Some(true)),
            ("BLPOP k 0", Some(true)),
            ("XREADGROUP GROUP g c STREAMS s >", Some(true)),
            ("EVAL s 0", Some(true)),
            ("PUBLISH c m", Some(true)),
            ("PFCOUNT k", Some(true)),
            ("GET k", Some(false)),
            ("EVAL_RO s 0", Some(false)),
            ("CONFIG SET a b", Some(false)),
            ("WAIT 1 0", Some(false)),
            ("FLUSHALL", None),
            ("FLUSHDB", None),
            ("MIGRATE h 1 k 0 5", None),
            ("KEYDB.HRENAME k a b", None),
            ("NOSUCHCOMMAND k", None),
        ] {
            assert_eq!(is_postponed(&Words::of(line).request()), expected, "{line}");
        }
    }
}
