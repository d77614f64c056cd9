//! What the log says of a node that does not take what its master has taken: at once, and then now and then. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

/// The time between two lines about the same command.
const PAUSE: Duration = Duration::from_secs(30);

/// A line for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The node did not take the command; so often since the last line about it.
    Missed(u64),
    /// It takes it again.
    Takes,
}

/// The commands that one node did not take the last time. The names are those of the table, so there are few.
#[derive(Debug, Default)]
pub(super) struct Trouble(BTreeMap<&'static str, Missing>);

#[derive(Debug)]
struct Missing {
    said: Duration,
    unsaid: u64,
}

impl Trouble {
    /// Notes whether the node has taken a command.
    pub(super) fn note(&mut self, now: Duration, command: &'static str, taken: bool) -> Option<Line> {
        if taken {
            return self.0.remove(command).map(|_| Line::Takes);
        }
        let Some(missing) = self.0.get_mut(command) else {
            self.0.insert(command, Missing { said: now, unsaid: 0 });
            return Some(Line::Missed(1));
        };
        missing.unsaid += 1;
        let is_due = now.saturating_sub(missing.said) >= PAUSE;
        is_due.then(|| {
            missing.said = now;
            Line::Missed(std::mem::take(&mut missing.unsaid))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_named_at_once_and_then_now_and_then() {
        let mut trouble = Trouble::default();
        for (at, command, taken, expected) in [
            (0, "config|set", true, None),
            (1, "config|set", false, Some(Line::Missed(1))),
            (2, "config|set", false, None),
            (3, "acl|setuser", false, Some(Line::Missed(1))),
            (30, "config|set", false, None),
            (31, "config|set", false, Some(Line::Missed(3))),
            (32, "acl|setuser", true, Some(Line::Takes)),
            (33, "acl|setuser", true, None),
            (34, "config|set", false, None),
            (35, "config|set", true, Some(Line::Takes)),
            (36, "config|set", false, Some(Line::Missed(1))),
        ] {
            assert_eq!(trouble.note(Duration::from_secs(at), command, taken), expected, "{at} {command}");
        }
    }
}
