//! Why no node takes a command, as far as discovery knows: for the end of the reply that says so.

use crate::node::lane::Use;
use crate::topology::Endpoint;

use super::Core;
use super::shards::{Gate, ONLY_SHARD};

impl Core {
    /// The reason with what is known to be behind it. `place`: where the command was to go, if that is known.
    pub(super) fn with_cause(&self, reason: &str, place: Option<(u16, Use)>) -> String {
        let diagnosis = self.settings.board.load();
        match diagnosis.why(|peer| self.concerns(peer, place)) {
            Some(finding) => format!("{reason}: {finding}"),
            None => reason.to_owned(),
        }
    }

    /// Whether a fault of this peer may be why nothing is taken there.
    fn concerns(&self, peer: &Endpoint, place: Option<(u16, Use)>) -> bool {
        let only = self.shards.map().is_none().then_some((ONLY_SHARD, Use::Master));
        let Some((shard, use_)) = place.or(only) else { return true };
        match self.shards.gate(shard, use_) {
            Gate::Open(target) => target.endpoint == *peer,
            Gate::Closed => self.shards.shard_at(peer).is_none_or(|other| other == shard),
        }
    }
}
