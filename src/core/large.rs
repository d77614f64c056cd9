//! Large requests. They are held, sent again and redirected like any other, but travel on a connection of their client's
//! own, where nobody else's commands wait behind them, and are paid for from the hold budget: from their first bytes
//! until they are answered.
//!
//! What is larger than `resend_size`, and what there is no room for, is streamed ([`super::uploads`]); what cannot be
//! streamed either is refused, and the rest of it is read and dropped.

use crate::client::{Stall, Upload};
use crate::command::lookup;
use crate::ids::ClientId;
use crate::node::queue::EntryKind;
use crate::resp::reply_scan::ReplyScan;
use crate::resp::scan::RequestScan;

use super::Core;
use super::requests::Meta;
use super::sending::NO_ROOM;
use super::settings::{LARGE_REQUEST, SHARE_HIGH};
use super::uploads::Begun;

const NEVER_ROOM: &str = "it is larger than what may be kept of failover.hold_bytes";

/// Whether what has arrived can be kept.
enum Fit {
    Kept,
    /// Once the client's own requests are answered.
    Later,
    No,
}

/// Why a transaction cannot take the command at hand.
pub(super) enum Spoiled {
    /// It can once the client's own requests are answered.
    Later,
    For(&'static str),
}

impl Core {
    /// `rest` begins with a request of at least `expected` bytes, as far as it has arrived.
    pub(super) fn take_large(
        &mut self,
        id: ClientId,
        scan: &RequestScan,
        rest: &[u8],
        expected: usize,
    ) -> Begun {
        let is_too_large = expected > self.settings.resend_size;
        if is_too_large {
            match self.begin_upload(id, scan, rest) {
                Begun::No => {}
                begun => return begun,
            }
        }
        let queued = self.queued_bytes(id);
        match self.take_share(id, queued + rest.len()) {
            Fit::Kept => Begun::No,
            Fit::Later => {
                self.stall(id, Stall::Drain);
                Begun::Later
            }
            Fit::No if is_too_large => self.drop_large(id, scan, rest, expected),
            Fit::No => match self.begin_upload(id, scan, rest) {
                Begun::No => self.drop_large(id, scan, rest, expected),
                begun => begun,
            },
        }
    }

    /// Takes from the hold budget what it needs to keep so many bytes beside what is in flight.
    fn take_share(&mut self, id: ClientId, needed: usize) -> Fit {
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

    /// A request was taken whole: its share is kept until it is answered.
    pub(super) fn note_large(&mut self, id: ClientId, len: usize) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        // What is queued in a transaction is sent with it.
        if client.session.transaction.is_none() {
            client.share.take(self.holds.budget().take_up_to(client.share.missing(len)));
            client.share.send(len);
        }
        self.settle_share(id);
    }

    /// Whether a transaction may grow to so many bytes. `None`: it may.
    pub(super) fn reason_to_spoil(&mut self, id: ClientId, bytes: usize) -> Option<Spoiled> {
        if bytes <= LARGE_REQUEST {
            return None;
        }
        match self.take_share(id, bytes) {
            Fit::Kept => None,
            Fit::Later => Some(Spoiled::Later),
            Fit::No => Some(Spoiled::For(self.no_room_for(bytes))),
        }
    }

    fn no_room_for(&self, bytes: usize) -> &'static str {
        if bytes > self.holds.budget().most_for_large() { NEVER_ROOM } else { NO_ROOM }
    }

    /// Gives back what the client's large requests had, once they are answered.
    pub(super) fn settle_share(&mut self, id: ClientId) {
        let Some(client) = self.client(id).filter(|client| client.in_flight == 0) else { return };
        let arrived = client.input.len().saturating_sub(client.consumed);
        let arriving = if arrived > LARGE_REQUEST { arrived } else { 0 };
        let queued = self.queued_bytes(id);
        let Some(client) = self.client(id) else { return };
        let back = client.share.settle(queued + arriving);
        self.holds.budget().give(back);
    }

    /// Bytes of a transaction that are kept until EXEC; those of a small one do not count.
    fn queued_bytes(&mut self, id: ClientId) -> usize {
        let transaction = self.client(id).and_then(|client| client.session.transaction.as_ref());
        transaction.map(|transaction| transaction.bytes.len()).filter(|len| *len > LARGE_REQUEST).unwrap_or(0)
    }

    /// Nothing of it is sent anywhere: it is answered now, and the rest of it goes nowhere.
    fn drop_large(&mut self, id: ClientId, scan: &RequestScan, rest: &[u8], expected: usize) -> Begun {
        let command = lookup(scan.request(rest, rest.len()).name());
        let reason = self.no_room_for(expected);
        let mut end = ReplyScan::default();
        let Ok((taken, false)) = end.scan(rest) else { return Begun::No };
        self.behind = true;
        self.refuse(id, Meta::of(command, EntryKind::Plain, false), reason);
        self.spoil(id);
        if let Some(client) = self.client(id) {
            client.upload = Some(Box::new(Upload { scan: end, lane: None }));
        }
        self.settle_share(id);
        Begun::Taken(taken)
    }
}
