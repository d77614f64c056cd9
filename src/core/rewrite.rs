//! Functions that read a request from its own bytes, when it has to be sent again. Commands that need no second run
//! do not pay for this.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use crate::command::{
    ClusterCommand, Command, Handling, Local, Lot, ReplayClass, RouteRule, Slot, handling, replay_class,
    resolve, timeout, visit_keys, with_timeout,
};
use crate::node::queue::{Entry, EntryKind, FOREVER};
use crate::resp::request::Request;
use crate::resp::scan::{RequestScan, Scanned};
use crate::route::owners::Owners;
use crate::route::{lot_of, slot_of};

/// The command that goes before a request that a node has redirected with ASK.
pub(super) const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";

pub(super) fn without_asking(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(ASKING).unwrap_or(bytes)
}

/// Returns the lot of a command, or of the first command in a transaction that has one.
pub(super) fn first_lot(bytes: &[u8], owners: &Owners) -> Option<Lot> {
    first(bytes, |request, entry| lot_of(request, entry, owners))
}

/// Returns the same for the slots of a cluster, whatever the backend is.
pub(super) fn first_slot(bytes: &[u8]) -> Option<Slot> {
    first(bytes, slot_of)
}

fn first<T>(bytes: &[u8], of: impl Fn(&Request<'_>, &Command) -> Option<T>) -> Option<T> {
    let mut found = None;
    each_request(bytes, |request| {
        found = found.take().or_else(|| of(request, resolve(request)?));
    });
    found
}

/// Returns true if the order of the two requests matters: they have a key in common, or their keys are not known.
pub(super) fn have_common_key(one: &[u8], other: &[u8]) -> bool {
    match (keys(one), keys(other)) {
        (Some(one), Some(other)) => one.iter().any(|key| other.contains(key)),
        (None, _) | (_, None) => true,
    }
}

/// Returns all keys of a request, or of a transaction. `None`: they are not known.
fn keys(bytes: &[u8]) -> Option<HashSet<Vec<u8>>> {
    let (mut keys, mut known) = (HashSet::new(), true);
    each_request(bytes, |request| {
        let visited = resolve(request).map(|entry| {
            visit_keys(request, entry, &mut |key| {
                keys.insert(key.to_vec());
            })
        });
        known &= matches!(visited, Some(Ok(())));
    });
    known.then_some(keys)
}

pub(super) fn is_scan(bytes: &[u8]) -> bool {
    let mut scan = false;
    each_request(bytes, |request| {
        scan |= resolve(request).is_some_and(|entry| entry.route == RouteRule::Scan)
    });
    scan
}

/// Calls `visit` with every whole request in `bytes`. Returns their number.
pub(super) fn each_request(bytes: &[u8], mut visit: impl FnMut(&Request<'_>)) -> u32 {
    let (mut scan, mut at, mut count) = (RequestScan::default(), 0, 0);
    while let Ok(Scanned::Complete(len)) = scan.scan(bytes.get(at..).unwrap_or_default(), usize::MAX) {
        visit(&scan.request(bytes.get(at..).unwrap_or_default(), len));
        scan.reset();
        at += len;
        count += 1;
    }
    count
}

/// Calls `visit` with every key that the requests in `bytes` read. Returns true if one of them is a script, which may have read
/// more keys than it names.
pub(super) fn each_read_key(bytes: &[u8], mut visit: impl FnMut(&[u8])) -> bool {
    let mut scripts = false;
    each_request(without_asking(bytes), |request| {
        let Some(entry) = resolve(request).filter(|entry| entry.is_read() || entry.is_script()) else {
            return;
        };
        scripts |= entry.is_script();
        // Without its keys the request is refused.
        let _ = visit_keys(request, entry, &mut |key| visit(key));
    });
    scripts
}

/// Returns the result of `look` for the last request in `bytes`: the only one, or the WAIT behind its PING.
pub(super) fn of_last<T>(bytes: &[u8], mut look: impl FnMut(&Request<'_>) -> T) -> Option<T> {
    let mut result = None;
    each_request(bytes, |request| result = Some(look(request)));
    result
}

/// Returns the class of a request, or the weakest class of all commands in a transaction.
pub(super) fn class(bytes: &[u8]) -> ReplayClass {
    let mut weakest = ReplayClass::Read;
    each_request(without_asking(bytes), |request| {
        // What is about the connection is over with it; and what the proxy answers is asked of a node without an effect.
        let handling = handling(request);
        let changes_cluster = handling == Handling::Local(Local::Cluster(ClusterCommand::Change));
        let is_harmless =
            matches!(handling, Handling::Transaction(_) | Handling::Session(_) | Handling::Local(_));
        if !is_harmless || changes_cluster {
            weakest = weakest.max(replay_class(request));
        }
    });
    weakest
}

/// Returns the time at which the time-out of a command ends that begins to wait now, in microseconds.
pub(super) fn end_of_wait(bytes: &[u8], now: u64) -> u64 {
    let timeout = of_last(without_asking(bytes), timeout).flatten();
    let micros = timeout.and_then(|timeout| u64::try_from(timeout.as_micros()).ok());
    micros.map_or(FOREVER, |micros| now.saturating_add(micros))
}

/// Returns the request as it is to be sent now: a blocking command gets the rest of its time-out.
pub(super) fn with_time_left<'a>(entry: &Entry, bytes: &'a [u8], now: u64) -> Cow<'a, [u8]> {
    if entry.kind != EntryKind::Blocking || entry.until == FOREVER {
        return Cow::Borrowed(bytes);
    }
    let left = Duration::from_micros(entry.until.saturating_sub(now));
    let request = without_asking(bytes);
    let mut out = bytes.get(..bytes.len() - request.len()).unwrap_or_default().to_vec();
    match of_last(request, |request| with_timeout(request, left, &mut out)) {
        Some(true) => Cow::Owned(out),
        Some(false) | None => Cow::Borrowed(bytes),
    }
}

/// Returns the number of replies that a request gets when it is sent again.
pub(super) fn replies_from_start(entry: &Entry, bytes: &[u8]) -> u32 {
    match entry.kind {
        EntryKind::Upload | EntryKind::Uploaded => entry.replies,
        EntryKind::Plain
        | EntryKind::Counted
        | EntryKind::Relayed
        | EntryKind::Blocking
        | EntryKind::Operator
        | EntryKind::Watch
        | EntryKind::StreamEnds
        | EntryKind::Permission
        | EntryKind::Own
        | EntryKind::SessionChange
        | EntryKind::Wait
        | EntryKind::Transaction
        | EntryKind::WatchedTransaction => each_request(bytes, |_| {}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::requests;

    #[test]
    fn order_matters_only_where_keys_are_shared_or_cannot_be_told() {
        let set = requests(&["MSET a 1 b 2"]);
        for (lines, expected) in [
            (vec!["GET b"], true),
            (vec!["GET c"], false),
            (vec!["ASKING", "GET a"], true),
            (vec!["MULTI", "INCR c", "INCR d", "EXEC"], false),
            (vec!["MULTI", "INCR c", "INCR a", "EXEC"], true),
            (vec!["NOSUCHCOMMAND c"], true),
            (vec!["EVAL script x c"], true),
            (vec!["EVAL script 1 c"], false),
            (vec!["PING"], false),
        ] {
            assert_eq!(have_common_key(&set, &requests(&lines)), expected, "{lines:?}");
        }
    }
}
