//! The shares that large requests take of the hold budget, see [`crate::core::requests`].

use crate::core::settings::{LARGE_REQUEST, SHARE_HIGH};
use crate::ids::ClientId;

use super::Base;
use super::queue::NO_ROOM;

const NEVER_ROOM: &str = "it is larger than what may be kept of failover.hold_bytes";

/// The answer to the question whether the bytes that have arrived can be kept.
pub(crate) enum Fit {
    Kept,
    /// They can once the client's own requests are answered.
    Later,
    No,
}

/// The reason why a transaction cannot take the command at hand.
pub(crate) enum Spoiled {
    /// It can once the client's own requests are answered.
    Later,
    /// It cannot, for this reason.
    For(&'static str),
}

impl Base {
    /// Takes from the hold budget what the client needs to keep `needed` bytes beside its requests in flight.
    pub(crate) fn take_share(&mut self, id: ClientId, needed: usize) -> Fit {
        let Some(client) = self.clients.get_mut(id) else {
            return Fit::No;
        };
        let missing = client.share.missing(needed);
        let is_busy = client.in_flight > 0;
        match () {
            () if missing == 0 => Fit::Kept,
            () if is_busy && client.share.is_crowded_by(needed, SHARE_HIGH) => Fit::Later,
            () if self.holds.budget().try_take_for_large(missing) => {
                client.share.take(missing);
                Fit::Kept
            }
            () if is_busy => Fit::Later,
            () => Fit::No,
        }
    }

    /// Notes that a large request was taken whole: its share is kept until it is answered.
    pub(crate) fn note_large(&mut self, id: ClientId, len: usize) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        // A command that is queued in a transaction is sent, and counted, with the transaction.
        if client.session.transaction.is_none() {
            client.share.take(self.holds.budget().take_up_to(client.share.missing(len)));
            client.share.send(len);
        }
        self.release_share(id);
    }

    /// Returns the reason why a transaction may not grow to so many bytes. `None`: it may.
    pub(crate) fn reason_to_spoil(&mut self, id: ClientId, bytes: usize) -> Option<Spoiled> {
        if bytes <= LARGE_REQUEST {
            return None;
        }
        match self.take_share(id, bytes) {
            Fit::Kept => None,
            Fit::Later => Some(Spoiled::Later),
            Fit::No => Some(Spoiled::For(self.no_room_for(bytes))),
        }
    }

    pub(crate) fn no_room_for(&self, bytes: usize) -> &'static str {
        if bytes > self.holds.budget().most_for_large() { NEVER_ROOM } else { NO_ROOM }
    }

    /// Gives the share of the client's large requests back to the budget, once they are answered.
    pub(crate) fn release_share(&mut self, id: ClientId) {
        let Some(client) = self.client(id).filter(|client| client.in_flight == 0) else { return };
        let arrived = client.input.len().saturating_sub(client.consumed);
        let arriving = if arrived > LARGE_REQUEST { arrived } else { 0 };
        let queued = self.queued_bytes(id);
        let Some(client) = self.client(id) else { return };
        let back = client.share.release(queued + arriving);
        self.holds.budget().give(back);
    }

    /// Returns the bytes of a queued transaction, which are kept until EXEC. A small transaction counts as 0.
    pub(crate) fn queued_bytes(&mut self, id: ClientId) -> usize {
        let transaction = self.client(id).and_then(|client| client.session.transaction.as_ref());
        transaction.map(|transaction| transaction.len()).filter(|len| *len > LARGE_REQUEST).unwrap_or(0)
    }

    /// Marks the client's transaction as failed, because one of its commands was refused: EXEC will discard the others.
    pub(crate) fn spoil_transaction(&mut self, id: ClientId) {
        if let Some(transaction) = self.client(id).and_then(|client| client.session.transaction.as_mut()) {
            transaction.dirty = true;
        }
    }
}
