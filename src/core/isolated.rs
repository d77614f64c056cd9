//! Commands whose replies have broken the protocol. From then on, each such command runs on a connection of its
//! client's own, where it takes no other client's commands with it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use tracing::warn;

use crate::command::{Command, CommandId, by_id, lookup};
use crate::ids::LaneId;
use crate::resp::request::Request;

use super::base::Base;
use super::rewrite::{of_last, without_asking};

/// The number of suspects that a worker remembers. At the limit all are forgotten.
const MANY: usize = 1024;

/// An isolated command or script. Its arguments and contents are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Suspect {
    Command(CommandId),
    /// The hash of a script, of its digest, of a function's name, or of the name of a learned command.
    Script(u64),
}

/// The commands and scripts that this worker isolates.
#[derive(Default)]
pub(super) struct Isolated {
    seen: HashSet<Suspect>,
    hasher: RandomState,
}

impl Isolated {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Returns true if this command is isolated, whatever its arguments are.
    pub(super) fn has_command(&self, command: Option<&Command>) -> bool {
        command.is_some_and(|command| self.seen.contains(&Suspect::Command(command.id)))
    }

    /// Returns true if this command, or the script that it runs, is isolated.
    pub(super) fn has(&self, request: &Request<'_>, command: Option<&Command>) -> bool {
        let by_name = |command| self.seen.contains(&self.name(request, command));
        self.has_command(command) || command.is_some_and(by_name)
    }

    fn name(&self, request: &Request<'_>, command: &Command) -> Suspect {
        match request.arg(1).filter(|_| runs_a_script(command)) {
            Some(script) => Suspect::Script(self.hasher.hash_one(script)),
            None if command.id == CommandId::OTHER => Suspect::Script(self.hasher.hash_one(command.name)),
            None => Suspect::Command(command.id),
        }
    }

    /// Adds a suspect. Returns true if it is new.
    fn insert(&mut self, suspect: Suspect) -> bool {
        if self.seen.len() >= MANY {
            self.seen.clear();
        }
        self.seen.insert(suspect)
    }
}

impl Isolated {
    /// Isolates the command whose reply broke the protocol. `within`: some of the reply was well-formed, so the
    /// command answered before cannot be at fault.
    pub(super) fn note_suspect(&mut self, base: &Base, id: LaneId, within: bool) {
        let Some(lane) = base.lanes.get(id) else { return };
        let former =
            lane.input.answered.filter(|id| !within && *id != CommandId::OTHER).map(Suspect::Command);
        let head = lane.being_answered();
        let named = head.and_then(|head| {
            of_last(without_asking(lane.stream.request(head)), |request| {
                lookup(request.name()).map(|command| self.name(request, command))
            })?
        });
        let command = lane.input.answered.filter(|_| !within).or(head.map(|head| head.command));
        let command = command.and_then(by_id).map_or("other", |command| command.name);
        base.metrics.protocol_broken();
        let found = former.into_iter().chain(named);
        // One log line for each suspect, however often it breaks the protocol.
        if found.fold(false, |new, suspect| self.insert(suspect) | new) {
            warn!(
                command,
                shard = lane.key.shard,
                "the node's bytes were no reply: the connection is closed"
            );
        }
    }
}

fn runs_a_script(command: &Command) -> bool {
    matches!(command.name, "eval" | "eval_ro" | "evalsha" | "evalsha_ro" | "fcall" | "fcall_ro")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::requests;

    #[test]
    fn a_suspect_is_known_by_its_script_or_by_its_name() {
        let mut isolated = Isolated::default();
        let met = |isolated: &Isolated, words: &str| {
            of_last(&requests(&[words]), |request| isolated.has(request, lookup(request.name()))).unwrap()
        };
        let name = |isolated: &Isolated, words: &str| {
            of_last(&requests(&[words]), |request| isolated.name(request, lookup(request.name()).unwrap()))
                .unwrap()
        };
        isolated.insert(name(&isolated, "EVAL bad 0"));
        isolated.insert(name(&isolated, "LOLWUT"));
        crate::command::learned::learn_names(&["iso.bad", "iso.good"]);
        isolated.insert(name(&isolated, "ISO.BAD"));
        for (words, expected) in [
            ("eval bad 1 k", true),
            ("EVAL good 0", false),
            ("LOLWUT VERSION 5", true),
            ("GET bad", false),
            ("iso.bad k", true),
            ("iso.good k", false),
            ("UNHEARDOF bad", false),
        ] {
            assert_eq!(met(&isolated, words), expected, "{words}");
        }
        for script in 0..MANY {
            isolated.insert(Suspect::Script(script as u64));
        }
        assert!(isolated.seen.len() <= MANY);
    }
}
