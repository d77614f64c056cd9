//! The subscriptions that get events about keys.

use crate::command::{KEY_EVENT_PREFIXES, is_key_event};
use crate::resp::pubsub::Space;

/// Returns true if messages about keys can come for this name.
pub(super) fn tells_of_keys(space: Space, name: &[u8]) -> bool {
    match space {
        Space::Channel => is_key_event(name),
        Space::Pattern => KEY_EVENT_PREFIXES.iter().any(|beginning| may_match(name, beginning)),
        Space::Shard => false,
    }
}

/// Returns true if a channel that begins with `beginning` can match the pattern. A class counts as any byte, since
/// asking one node too many costs little.
fn may_match(mut pattern: &[u8], mut beginning: &[u8]) -> bool {
    while let [wanted, rest @ ..] = beginning {
        let (fits, behind) = match pattern {
            [b'*', ..] => return true,
            [] => return false,
            [b'?', behind @ ..] => (true, behind),
            [b'[', class @ ..] => (true, behind_class(class)),
            [b'\\', plain, behind @ ..] => (plain == wanted, behind),
            [plain, behind @ ..] => (plain == wanted, behind),
        };
        if !fits {
            return false;
        }
        (pattern, beginning) = (behind, rest);
    }
    true
}

fn behind_class(mut class: &[u8]) -> &[u8] {
    loop {
        class = match class {
            [] => return class,
            [b']', behind @ ..] => return behind,
            [b'\\', _, behind @ ..] | [_, behind @ ..] => behind,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_tell_of_keys() {
        for (space, name, expected) in [
            (Space::Channel, "__keyspace@0__:k", true),
            (Space::Channel, "__keyevent@0__:del", true),
            (Space::Channel, "__key", false),
            (Space::Channel, "*", false),
            (Space::Shard, "__keyspace@0__:k", false),
            (Space::Pattern, "*", true),
            (Space::Pattern, "__key*", true),
            (Space::Pattern, "__key*__:*", true),
            (Space::Pattern, "__keyevent@*__:expired", true),
            (Space::Pattern, "__keyevent@0__:expired", true),
            (Space::Pattern, "__ke[xy]space@*", true),
            (Space::Pattern, "__ke[x\\]y]event@*", true),
            (Space::Pattern, "????????????", true),
            (Space::Pattern, "?????", false),
            (Space::Pattern, "\\_\\_keyspace@1", true),
            (Space::Pattern, "\\*", false),
            (Space::Pattern, "news.*", false),
            (Space::Pattern, "__keyspace", false),
            (Space::Pattern, "", false),
            (Space::Pattern, "[", false),
        ] {
            assert_eq!(tells_of_keys(space, name.as_bytes()), expected, "{space:?} {name}");
        }
    }
}
