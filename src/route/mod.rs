//! Where does a request go, if there is a choice? One look at the table, the keys and the slot map; no IO.
//!
//! Only for clusters and active nodes: in the other backends every command goes whole to one node, and its keys may be
//! in any slots. What the proxy answers itself never comes here.

mod active;
pub(crate) mod map;
mod pattern;
pub(crate) mod redirect;
pub(crate) mod scan;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod writers;

use std::borrow::Cow;

use crate::command::{self, ActiveRule, Command, Handling, Lot, Merge, RequestPolicy, RouteRule, Slot};
use crate::resp::request::Request;
use crate::split::{self, Split, Unsplit};

use self::map::SlotMap;
use self::scan::ScanStep;

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Whole to one shard. `lot` is that of its keys: what a transaction binds itself to.
    One { shard: u16, lot: Lot },
    /// In parts, each to one slot's owner.
    Split(Split),
    /// Whole to every shard that owns slots, or to every active node; a `split::Gathering` with this merge makes one reply of theirs.
    Everywhere(Merge),
    /// Whole to any one shard: the request has no key. The caller keeps to one per session.
    Anywhere,
    /// INFO, whole to one active node; its reply goes through a gathering with this merge, to agree with the face.
    Info(Merge),
    /// A rewritten SCAN to one shard, whose reply `scan::reply` rewrites.
    Scan(ScanStep),
    /// The error, without `-`.
    Refused(Cow<'static, str>),
    /// No shard owns this lot: hold until one does.
    Unserved(Lot),
}

/// What may be done to a request whose keys are in several slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Splitting {
    /// Nothing: it is part of a transaction.
    Never,
    /// Commands that change nothing may be split: `split_writes = false`.
    Reads,
    /// Also MSET, DEL and UNLINK, which are then not atomic.
    All,
}

/// As the servers say it.
pub(crate) const CROSS_SLOT: &str = "CROSSSLOT Keys in request don't hash to the same slot";

/// `command` is what `command::lookup` says of the request's name. A request whose keys cannot be told, because
/// arguments are missing or make no sense, goes to any shard: the node knows the right error.
pub(crate) fn plan(
    request: &Request<'_>,
    command: Option<&'static Command>,
    map: &SlotMap,
    splitting: Splitting,
) -> Plan {
    if !map.is_of_cluster() {
        return active::plan(request, command, map, splitting);
    }
    let Some(command) = command else { return Plan::Refused(command::unknown_command(request).into()) };
    let entry = command.subcommand(request).unwrap_or(command);
    match entry.route {
        RouteRule::Policies => by_keys(request, entry, map, splitting),
        RouteRule::Scan => scan::step(request, map),
        RouteRule::Pattern => match request.arg(1).and_then(pattern::slot) {
            Some(slot) => one(Lot::Slot(slot), map),
            None => without_keys(request, entry),
        },
        RouteRule::SlotNumber => match request.arg(2).and_then(number).filter(|slot| *slot < Slot::COUNT) {
            Some(slot) => one(Lot::Slot(Slot(slot)), map),
            None => Plan::Anywhere,
        },
        RouteRule::Database => match request.arg(1).and_then(number::<i32>) {
            Some(0) => Plan::Anywhere,
            Some(_) => Plan::Refused("ERR SELECT is not allowed in cluster mode".into()),
            None => Plan::Refused("ERR value is not an integer or out of range".into()),
        },
        RouteRule::Refuse(why) => Plan::Refused(format!("ERR {why}").into()),
    }
}

/// The lot that a request belongs to, whoever owns it: that of its first key, or the one that it is about. Without a
/// map, that of a cluster.
pub(crate) fn lot_of(request: &Request<'_>, entry: &Command, map: Option<&SlotMap>) -> Option<Lot> {
    if let Some(map) = map.filter(|map| !map.is_of_cluster()) {
        return active::lot_of(request, entry, map);
    }
    match entry.route {
        RouteRule::Policies => first_key_lot(request, entry, |key| Lot::Slot(Slot::of_key(key))),
        RouteRule::Pattern => request.arg(1).and_then(pattern::slot).map(Lot::Slot),
        RouteRule::SlotNumber => request
            .arg(2)
            .and_then(number)
            .filter(|slot| *slot < Slot::COUNT)
            .map(|slot| Lot::Slot(Slot(slot))),
        RouteRule::Scan | RouteRule::Database | RouteRule::Refuse(_) => None,
    }
}

fn first_key_lot(request: &Request<'_>, entry: &Command, lot: impl Fn(&[u8]) -> Lot) -> Option<Lot> {
    let mut first = None;
    let visited = command::visit_keys(request, entry, &mut |key| {
        first = first.or_else(|| Some(lot(key)));
    });
    // What was found before an error is no key.
    first.filter(|_| visited.is_ok())
}

/// The shard of a request of which only the beginning is there, as far as that tells it: it has one key, or its keys make
/// no difference.
pub(crate) fn shard_of_beginning(beginning: &Request<'_>, command: &Command, map: &SlotMap) -> Option<u16> {
    if map.is_uniform() && command.active == ActiveRule::Keys {
        return map.shard_of(Lot::Home);
    }
    map.shard_of(map.lot_of_key(command::lone_key(beginning, command)?))
}

fn one(lot: Lot, map: &SlotMap) -> Plan {
    match map.shard_of(lot) {
        Some(shard) => Plan::One { shard, lot },
        None => Plan::Unserved(lot),
    }
}

fn by_keys(request: &Request<'_>, entry: &'static Command, map: &SlotMap, splitting: Splitting) -> Plan {
    if let Some(key) = command::lone_key(request, entry) {
        return one(map.lot_of_key(key), map);
    }
    let (mut first, mut crossing) = (None, false);
    let visited = command::visit_keys(request, entry, &mut |key| {
        let lot = map.lot_of_key(key);
        crossing |= *first.get_or_insert(lot) != lot;
    });
    match (visited, first) {
        (Err(_), _) => Plan::Anywhere,
        (Ok(()), None) if map.is_of_cluster() => without_keys(request, entry),
        (Ok(()), None) => Plan::Anywhere,
        (Ok(()), Some(_)) if crossing => across_slots(request, entry, map, splitting),
        (Ok(()), Some(lot)) => one(lot, map),
    }
}

fn across_slots(request: &Request<'_>, entry: &'static Command, map: &SlotMap, splitting: Splitting) -> Plan {
    let allowed = match splitting {
        Splitting::Never => false,
        Splitting::Reads => !entry.is_write(),
        Splitting::All => true,
    };
    let splittable = allowed && entry.request_policy == Some(RequestPolicy::MultiShard);
    match command::key_run(request, entry).zip(entry.merged()) {
        Some((run, merge)) if splittable => {
            match split::split(request, entry, run, merge, |key| map.owned(key)) {
                Ok(split) => Plan::Split(split),
                Err(Unsplit::Arity(why)) => Plan::Refused(why.into()),
                Err(Unsplit::Unserved(slot)) => Plan::Unserved(slot),
            }
        }
        Some(_) | None => Plan::Refused(CROSS_SLOT.into()),
    }
}

fn without_keys(request: &Request<'_>, entry: &Command) -> Plan {
    if matches!(entry.handling, Handling::Local(_)) {
        // It comes here as part of a transaction only: PING.
        return Plan::Anywhere;
    }
    match (entry.merged(), entry.request_policy) {
        (Some(_), Some(RequestPolicy::MultiShard)) | (None, _) => Plan::Anywhere,
        (Some(merge), _) => Plan::Everywhere(asked(merge, request)),
    }
}

/// Returns what the arguments say about merging. A count below zero asks for everything, as far as the node takes it.
fn asked(merge: Merge, request: &Request<'_>) -> Merge {
    let named = |word: &[u8]| request.args().skip(1).any(|arg| arg.eq_ignore_ascii_case(word));
    match merge {
        Merge::Newest(_) => match request.arg(2).and_then(number::<i64>) {
            Some(count) => Merge::Newest(u32::try_from(count).unwrap_or(u32::MAX)),
            None => merge,
        },
        Merge::Info if named(b"proxy") => Merge::InfoProxy,
        other => other,
    }
}

fn number<T: std::str::FromStr>(arg: &[u8]) -> Option<T> {
    std::str::from_utf8(arg).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
