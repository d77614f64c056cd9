//! Large requests. They are held, sent again and redirected like any other, but travel on a connection of their
//! client's own, where no other client's commands wait behind them. Their bytes are taken from the hold budget, from
//! the first one until the request is answered.
//!
//! A request that is larger than `resend_size`, or for which there is no room, is streamed ([`super::uploads`]). One
//! that cannot be streamed either is refused, and the rest of it is read and dropped.

use crate::client::{Stall, Upload};
use crate::command::lookup;
use crate::core::base::Base;
use crate::core::base::meta::Meta;
use crate::core::base::shares::Fit;
use crate::ids::ClientId;
use crate::node::queue::EntryKind;
use crate::resp::reply_scan::ReplyScan;
use crate::resp::scan::RequestScan;

use super::uploads::{Begun, begin_upload};

/// Decides about a large request. `rest` begins with the part of it that has arrived; it has at least `expected` bytes.
pub(super) fn take_large(
    base: &mut Base,
    id: ClientId,
    scan: &RequestScan,
    rest: &[u8],
    expected: usize,
) -> Begun {
    let is_too_large = expected > base.settings.resend_size;
    if is_too_large {
        match begin_upload(base, id, scan, rest) {
            Begun::No => {}
            begun => return begun,
        }
    }
    let queued = base.queued_bytes(id);
    match base.take_share(id, queued + rest.len()) {
        Fit::Kept => Begun::No,
        Fit::Later => {
            base.stall(id, Stall::Drain);
            Begun::Later
        }
        Fit::No if is_too_large => drop_large(base, id, scan, rest, expected),
        Fit::No => match begin_upload(base, id, scan, rest) {
            Begun::No => drop_large(base, id, scan, rest, expected),
            begun => begun,
        },
    }
}

/// Refuses a large request. The rest of it is read and dropped.
fn drop_large(base: &mut Base, id: ClientId, scan: &RequestScan, rest: &[u8], expected: usize) -> Begun {
    let command = lookup(scan.request(rest, rest.len()).name());
    let reason = base.no_room_for(expected);
    let mut end = ReplyScan::default();
    let Ok((taken, false)) = end.scan(rest) else { return Begun::No };
    base.more_input = true;
    base.refuse(id, Meta::of(command, EntryKind::Plain, false), reason);
    base.spoil_transaction(id);
    if let Some(client) = base.client(id) {
        client.upload = Some(Box::new(Upload { scan: end, lane: None }));
    }
    base.release_share(id);
    Begun::Taken(taken)
}
