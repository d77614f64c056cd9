//! What a request that is to be sent again is, read from its own bytes: nothing of this costs a command that
//! needs no second run.

use std::time::Duration;

use crate::command::{Handling, ReplayClass, handling, replay_class, with_timeout};
use crate::node::queue::{Entry, EntryKind};
use crate::resp::reply;
use crate::resp::scan::{RequestScan, Scanned};

/// The class of a request, or the weakest of all commands in a transaction.
pub(super) fn class(bytes: &[u8]) -> ReplayClass {
    let (mut scan, mut at, mut weakest) = (RequestScan::default(), 0, ReplayClass::Read);
    while let Ok(Scanned::Complete(len)) = scan.scan(bytes.get(at..).unwrap_or_default(), usize::MAX) {
        let request = scan.request(bytes.get(at..).unwrap_or_default(), len);
        if !matches!(handling(&request), Handling::Transaction(_)) {
            weakest = weakest.max(replay_class(&request));
        }
        scan.reset();
        at += len;
    }
    weakest
}

pub(super) fn shorten(bytes: &[u8], waited: Duration, out: &mut Vec<u8>) -> bool {
    let mut scan = RequestScan::default();
    match scan.scan(bytes, usize::MAX) {
        Ok(Scanned::Complete(len)) => with_timeout(&scan.request(bytes, len), waited, out),
        Ok(Scanned::Partial(_)) | Err(_) => false,
    }
}

/// A subscription to the last `left` of its names: the client has the confirmations of the others.
pub(super) fn unconfirmed(bytes: &[u8], left: usize, out: &mut Vec<u8>) -> bool {
    let mut scan = RequestScan::default();
    let Ok(Scanned::Complete(len)) = scan.scan(bytes, usize::MAX) else { return false };
    let request = scan.request(bytes, len);
    let names = request.len().saturating_sub(1);
    if left >= names {
        return false;
    }
    let words = request.args().take(1).chain(request.args().skip(1 + names - left));
    reply::command(out, &words.collect::<Vec<_>>());
    true
}

/// A request that is sent again gets all of its replies again; subscriptions go on from where they were.
pub(super) fn replies_from_start(entry: &Entry, bytes: &[u8]) -> u32 {
    match entry.kind {
        EntryKind::Transaction | EntryKind::WatchedTransaction | EntryKind::Wait => {
            let (mut scan, mut at, mut count) = (RequestScan::default(), 0, 0);
            while let Ok(Scanned::Complete(len)) = scan.scan(bytes.get(at..).unwrap_or_default(), usize::MAX)
            {
                scan.reset();
                at += len;
                count += 1;
            }
            count
        }
        EntryKind::Plain
        | EntryKind::Blocking
        | EntryKind::Watch
        | EntryKind::Proof
        | EntryKind::Subscribe
        | EntryKind::Upload
        | EntryKind::Uploaded => entry.replies,
    }
}
