//! Who ends each wait of a client: what holds between two turns, whatever has happened.
//!
//! Asserted in debug builds at each look at everything, and by the simulations after each of their steps.

use crate::client::{Client, Stall};
use crate::node::queue::EntryKind;

use super::Core;
use super::settings::OUTPUT_LOW;

/// A wait that nothing would end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgotten {
    /// A reply is owed, and no request is under way.
    Reply,
    /// No further command is taken, and what that was for has come to pass.
    Stalled(Stall),
}

impl Core {
    /// The first client that waits without an owner.
    pub(super) fn forgotten(&self) -> Option<(&Client, Forgotten)> {
        self.base.clients.iter().find_map(|client| Some((client, self.forgotten_wait(client)?)))
    }

    fn forgotten_wait(&self, client: &Client) -> Option<Forgotten> {
        if client.replies.owed() > 0 && client.in_flight == 0 {
            return Some(Forgotten::Reply);
        }
        let is_owned = self.is_stall_owned(client) || self.base.resumed.contains(&client.id);
        (!is_owned).then_some(Forgotten::Stalled(client.stall))
    }

    /// What lets the client go on is still to come.
    fn is_stall_owned(&self, client: &Client) -> bool {
        match client.stall {
            Stall::None => true,
            Stall::Drain => client.in_flight > 0,
            Stall::Window => client.in_flight > client.window / 2,
            Stall::Lane => self.base.lanes.iter().any(|lane| lane.waiting.contains(&client.id)),
            Stall::Output => client.replies.unwritten().len() >= OUTPUT_LOW,
            Stall::Proof => client.in_flight > 0 && (client.proof.is_some() || client.position.is_some()),
            Stall::Upload => self.is_upload_under_way(client),
        }
    }

    fn is_upload_under_way(&self, client: &Client) -> bool {
        let id = client.upload.as_ref().and_then(|upload| upload.lane);
        let lane = id.and_then(|id| self.base.lanes.get(id));
        lane.and_then(|lane| lane.queue.back()).is_some_and(|entry| entry.kind == EntryKind::Upload)
    }
}
