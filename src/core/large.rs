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
use super::base::meta::Meta;
use super::base::shares::Fit;
use super::uploads::Begun;

impl Core {
    /// `rest` begins with a request of at least `expected` bytes, as far as it has arrived.
    pub(super) fn take_large(
        &mut self,
        id: ClientId,
        scan: &RequestScan,
        rest: &[u8],
        expected: usize,
    ) -> Begun {
        let is_too_large = expected > self.base.settings.resend_size;
        if is_too_large {
            match self.begin_upload(id, scan, rest) {
                Begun::No => {}
                begun => return begun,
            }
        }
        let queued = self.base.queued_bytes(id);
        match self.base.take_share(id, queued + rest.len()) {
            Fit::Kept => Begun::No,
            Fit::Later => {
                self.base.stall(id, Stall::Drain);
                Begun::Later
            }
            Fit::No if is_too_large => self.drop_large(id, scan, rest, expected),
            Fit::No => match self.begin_upload(id, scan, rest) {
                Begun::No => self.drop_large(id, scan, rest, expected),
                begun => begun,
            },
        }
    }

    /// Nothing of it is sent anywhere: it is answered now, and the rest of it goes nowhere.
    fn drop_large(&mut self, id: ClientId, scan: &RequestScan, rest: &[u8], expected: usize) -> Begun {
        let command = lookup(scan.request(rest, rest.len()).name());
        let reason = self.base.no_room_for(expected);
        let mut end = ReplyScan::default();
        let Ok((taken, false)) = end.scan(rest) else { return Begun::No };
        self.base.behind = true;
        self.base.refuse(id, Meta::of(command, EntryKind::Plain, false), reason);
        self.base.spoil(id);
        if let Some(client) = self.base.client(id) {
            client.upload = Some(Box::new(Upload { scan: end, lane: None }));
        }
        self.base.settle_share(id);
        Begun::Taken(taken)
    }
}
