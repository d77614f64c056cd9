//! Commands that nobody knows yet: at the start, they wait until the nodes have been asked for theirs.
//!
//! They wait for `hold` at most, as commands do that no node has, and that once: the wait is the worker's, not the command's.

use crate::client::Stall;
use crate::command::Command;

use super::base::Base;

/// Whether unknown commands wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Learning {
    /// There was no unknown command so far.
    #[default]
    Unneeded,
    /// They wait until the nodes have been asked, and until this time at most.
    Until(u64),
    Over,
}

/// Returns true if this command has to wait, since it may be one that is about to be learned.
#[inline]
pub(super) fn waits_to_be_known(base: &mut Base, command: Option<&Command>) -> bool {
    command.is_none() && begin_or_go_on(base)
}

#[cold]
fn begin_or_go_on(base: &mut Base) -> bool {
    if base.learning == Learning::Unneeded {
        base.learning = match base.settings.commands_asked.is_set() || base.settings.hold == 0 {
            true => Learning::Over,
            false => Learning::Until(base.now + base.settings.hold),
        };
        base.tick_soon = true;
    }
    base.learning != Learning::Over
}

/// Lets the clients go on that wait, if it is time. Returns true if they go on waiting.
pub(super) fn tick_learning(base: &mut Base) -> bool {
    let Learning::Until(until) = base.learning else { return false };
    if base.now < until && !base.settings.commands_asked.is_set() {
        return true;
    }
    base.learning = Learning::Over;
    let waiting = base.clients.iter().filter(|client| client.stall == Stall::Unlearned);
    base.resumed.extend(waiting.map(|client| client.id));
    false
}
