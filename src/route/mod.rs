//! Request → plan: the shards that a request goes to, found from the command table, its keys and their owners. No IO.
//!
//! A single shard gets every request whole. Requests that the proxy answers itself never come here.

mod active;
pub(crate) mod owners;
mod pattern;
pub(crate) mod redirect;
pub(crate) mod scan;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod writers;

use std::borrow::Cow;

use crate::command::{self, ActiveRule, Command, Handling, Lot, Merge, RequestPolicy, RouteRule, Slot};
use crate::resp::request::Request;
use crate::split::proxy_info::AboutProxy;
use crate::split::{self, Split, Unsplit};

use self::owners::{ONLY_SHARD, Owners};
use self::scan::ScanStep;

/// The destination of a request.
#[derive(Debug)]
pub(crate) enum Plan {
    /// The whole request goes to one shard. `lot` is the one that its keys belong to; a transaction then stays with it.
    One { shard: u16, lot: Lot },
    /// The request is split into parts, each for the owner of one slot.
    Split(Split),
    /// The whole request goes to every shard that owns slots, or to every active node. A `split::Gathering` with this merge
    /// makes one reply of the nodes' replies.
    Everywhere(Merge),
    /// The request has no key: it goes whole to any one shard. The caller keeps to the same shard for a session.
    Anywhere,
    /// INFO goes whole to one active node. A gathering with this merge makes its reply agree with the face.
    Info(Merge),
    /// A rewritten SCAN goes to one shard; `scan::reply` rewrites its reply.
    Scan(ScanStep),
    /// The request is answered with this error, which has no leading `-`.
    Refused(Cow<'static, str>),
    /// No shard owns this lot: the request is held until one does.
    Unserved(Lot),
}

/// The commands that may be split if their keys are in several slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Splitting {
    /// None, since the request is part of a transaction.
    Never,
    /// Commands that change nothing: `split_writes = false`.
    Reads,
    /// MSET, DEL and UNLINK too, which are then not atomic.
    All,
}

/// The error text of the servers.
pub(crate) const CROSS_SLOT: &str = "CROSSSLOT Keys in request don't hash to the same slot";

/// Returns the plan of a request; `command` is the result of `command::lookup` for its name. If the keys cannot be found
/// because arguments are missing or make no sense, the request goes to any shard: a node gives the right error.
pub(crate) fn plan(
    request: &Request<'_>,
    command: Option<&'static Command>,
    owners: &Owners,
    splitting: Splitting,
) -> Plan {
    match owners {
        Owners::Single => Plan::One { shard: ONLY_SHARD, lot: Lot::Home },
        Owners::Cluster(_) => in_cluster(request, command, owners, splitting),
        Owners::Active(_) => active::plan(request, command, owners, splitting),
    }
}

fn in_cluster(
    request: &Request<'_>,
    command: Option<&'static Command>,
    owners: &Owners,
    splitting: Splitting,
) -> Plan {
    let Some(command) = command else { return Plan::Refused(command::unknown_command(request).into()) };
    let entry = command.subcommand(request).unwrap_or(command);
    match entry.route {
        RouteRule::Policies => by_keys(request, entry, owners, splitting),
        RouteRule::Scan => scan::step(request, owners),
        // A transaction asks all shards, since its own may be another one than that of the pattern.
        RouteRule::Pattern if splitting == Splitting::Never => without_keys(request, entry),
        RouteRule::Pattern => match request.arg(1).and_then(pattern::slot) {
            Some(slot) => plan_for_lot(Lot::Slot(slot), owners),
            None => without_keys(request, entry),
        },
        RouteRule::SlotNumber => match request.arg(2).and_then(number).filter(|slot| *slot < Slot::COUNT) {
            Some(slot) => plan_for_lot(Lot::Slot(Slot(slot)), owners),
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

/// Returns the lot of a request's first key, or the one that its arguments name, whether or not it has an owner.
pub(crate) fn lot_of(request: &Request<'_>, entry: &Command, owners: &Owners) -> Option<Lot> {
    match owners {
        Owners::Single => first_key(request, entry, |_| Lot::Home),
        Owners::Cluster(_) => slot_of(request, entry).map(Lot::Slot),
        Owners::Active(_) => active::lot_of(request, entry, owners),
    }
}

/// Returns the slot that a request belongs to in a cluster.
pub(crate) fn slot_of(request: &Request<'_>, entry: &Command) -> Option<Slot> {
    match entry.route {
        RouteRule::Policies => first_key(request, entry, Slot::of_key),
        RouteRule::Pattern => request.arg(1).and_then(pattern::slot),
        RouteRule::SlotNumber => request.arg(2).and_then(number).filter(|slot| *slot < Slot::COUNT).map(Slot),
        RouteRule::Scan | RouteRule::Database | RouteRule::Refuse(_) => None,
    }
}

/// Maps the first key. `None`: the request has no key, or its keys make no sense.
fn first_key<T>(request: &Request<'_>, entry: &Command, mapped: impl Fn(&[u8]) -> T) -> Option<T> {
    let mut first = None;
    let visited = command::visit_keys(request, entry, &mut |key| {
        first = first.take().or_else(|| Some(mapped(key)));
    });
    // If the arguments turn out to be wrong, what was found before was no key.
    first.filter(|_| visited.is_ok())
}

/// Returns the shard of a request that has arrived only in part. `None`: its beginning does not tell; it does if the request has
/// one key, or if all keys have the same owner.
pub(crate) fn shard_of_beginning(
    beginning: &Request<'_>,
    command: Option<&Command>,
    owners: &Owners,
) -> Option<u16> {
    if owners.is_single() {
        return Some(ONLY_SHARD);
    }
    let command = command?;
    if owners.is_uniform() && command.active == ActiveRule::Keys {
        return owners.shard_of(Lot::Home);
    }
    owners.shard_of(owners.lot_of_key(command::lone_key(beginning, command)?))
}

fn plan_for_lot(lot: Lot, owners: &Owners) -> Plan {
    match owners.shard_of(lot) {
        Some(shard) => Plan::One { shard, lot },
        None => Plan::Unserved(lot),
    }
}

fn by_keys(request: &Request<'_>, entry: &'static Command, owners: &Owners, splitting: Splitting) -> Plan {
    if let Some(key) = command::lone_key(request, entry) {
        return plan_for_lot(owners.lot_of_key(key), owners);
    }
    let (mut first, mut crossing) = (None, false);
    let visited = command::visit_keys(request, entry, &mut |key| {
        let lot = owners.lot_of_key(key);
        crossing |= *first.get_or_insert(lot) != lot;
    });
    match (visited, first) {
        (Err(_), _) => Plan::Anywhere,
        (Ok(()), None) if owners.cluster().is_some() => without_keys(request, entry),
        (Ok(()), None) => Plan::Anywhere,
        (Ok(()), Some(_)) if crossing => across_slots(request, entry, owners, splitting),
        (Ok(()), Some(lot)) => plan_for_lot(lot, owners),
    }
}

fn across_slots(
    request: &Request<'_>,
    entry: &'static Command,
    owners: &Owners,
    splitting: Splitting,
) -> Plan {
    if !entry.arity_fits(request.len()) {
        return Plan::Anywhere;
    }
    let allowed = match splitting {
        Splitting::Never => false,
        Splitting::Reads => !entry.is_write(),
        Splitting::All => true,
    };
    let splittable = allowed && entry.request_policy == Some(RequestPolicy::MultiShard);
    match command::key_run(request, entry).zip(entry.merged()) {
        Some((run, merge)) if splittable => {
            match split::split(request, entry, run, merge, |key| owners.owned(key)) {
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
        // A command that the proxy answers itself comes here only as part of a transaction: PING.
        return Plan::Anywhere;
    }
    if entry.is_relayed() {
        // Of some of these the servers do not say that they are for all nodes, as ACL LOAD.
        return Plan::Everywhere(entry.merged().unwrap_or(Merge::AllSucceeded));
    }
    match (entry.merged(), entry.request_policy) {
        (Some(_), Some(RequestPolicy::MultiShard)) | (None, _) => Plan::Anywhere,
        (Some(merge), _) => Plan::Everywhere(merge_for(merge, request)),
    }
}

/// Returns the merge that the request's arguments ask for. A count below zero asks for all entries that the node gives.
fn merge_for(merge: Merge, request: &Request<'_>) -> Merge {
    match merge {
        Merge::Newest(_) => match request.arg(2).and_then(number::<i64>) {
            Some(count) => Merge::Newest(u32::try_from(count).unwrap_or(u32::MAX)),
            None => merge,
        },
        Merge::Info if AboutProxy::of(request) != AboutProxy::No => Merge::InfoProxy,
        other => other,
    }
}

fn number<T: std::str::FromStr>(arg: &[u8]) -> Option<T> {
    std::str::from_utf8(arg).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
