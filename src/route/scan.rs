//! SCAN over all shards with one cursor.
//!
//! The shards are scanned one after the other, in the order of their lowest slots. The client's cursor is a decimal
//! number below 2^64 that says, from its lowest bits up:
//!
//! ```text
//! 14 bits  slot: the lowest slot of the shard that is being scanned
//! 12 bits  mark: identity of the master that made the inner cursor, 0 if there is none yet
//! 38 bits  inner: the cursor of that master
//! ```
//!
//! The proxy keeps no state, so any proxy can continue with any cursor. An inner cursor is valid only for the process that
//! made it (each has its own hash seed): if the mark is not that of the slot's present master, the shard is scanned from its
//! start again. SCAN may therefore return a key twice, but a failover leaves none out. The cursor contains a slot rather
//! than a shard's index, so that shards may come and go during the scan. A key can be missed only if its slot moves during
//! the scan to a shard that is already done: 64 bits cannot say which slots have been scanned.
//!
//! With active nodes only the home node is scanned, since it has all keys; its cursors contain slot 0.

use crate::command::{Lot, Slot};
use crate::resp::elements::{self, Elements};
use crate::resp::reply;
use crate::resp::request::Request;

use super::owners::{MARK_BITS, Owners};
use super::{Plan, number, pattern, plan_for_lot};

/// A SCAN that is sent to one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScanStep {
    pub(crate) shard: u16,
    /// The request with the inner cursor, as an array.
    pub(crate) request: Vec<u8>,
    pub(crate) place: ScanPlace,
}

/// The parts of the client's next cursor that are known before the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScanPlace {
    lot: Lot,
    mark: u16,
    /// True if all keys that MATCH can find are in this one shard.
    alone: bool,
}

const SLOT_BITS: u32 = 14;
const INNER_SHIFT: u32 = SLOT_BITS + MARK_BITS;

pub(super) fn step(request: &Request<'_>, owners: &Owners) -> Plan {
    let Some(cursor) = request.arg(1) else { return Plan::Anywhere };
    let Some(cursor) = number::<u64>(cursor) else { return Plan::Refused("ERR invalid cursor".into()) };
    let tagged = matched_slot(request).filter(|_| owners.cluster().is_some());
    let lot = tagged.map(Lot::Slot).or_else(|| lot_of(cursor, owners));
    let Some(lot) = lot else { return Plan::Unserved(Lot::Slot(Slot(0))) };
    let shard = match plan_for_lot(lot, owners) {
        Plan::One { shard, .. } => shard,
        other => return other,
    };
    let mark = owners.mark(shard);
    let inner = if mark_of(cursor) == mark { cursor >> INNER_SHIFT } else { 0 };
    let place = ScanPlace { lot, mark, alone: tagged.is_some() };
    Plan::Scan(ScanStep { shard, request: with_cursor(request, inner), place })
}

/// Replaces the cursor in a node's reply by one for all shards; an error stays as it is. `None`: it is no reply to SCAN.
pub(crate) fn reply(raw: &[u8], place: ScanPlace, owners: &Owners) -> Option<Vec<u8>> {
    if elements::is_error(raw) {
        return Some(raw.to_vec());
    }
    let mut parts = Elements::of(raw).filter(|parts| parts.left() == 2)?;
    let inner = number::<u64>(elements::text(parts.next()?)?)?;
    let cursor = next_cursor(inner, place, owners)?.to_string();
    let mut out = Vec::with_capacity(raw.len() + cursor.len());
    reply::array(&mut out, 2);
    reply::bulk(&mut out, cursor.as_bytes());
    out.extend_from_slice(parts.rest());
    Some(out)
}

/// Returns the client's next cursor. If the slot's master has changed since the plan was made, the node that answered may have
/// been given the inner cursor of another process, so the shard is scanned again. `None`: the inner cursor does not fit into
/// its bits; no hash table has so many buckets.
fn next_cursor(inner: u64, place: ScanPlace, owners: &Owners) -> Option<u64> {
    let mark = owners.shard_of(place.lot).map(|shard| owners.mark(shard));
    if mark != Some(place.mark) {
        // The mark is never 0, so even in slot 0 the cursor cannot be 0, which would end the scan.
        return Some(u64::from(place.mark) << SLOT_BITS | low_bits(place.lot));
    }
    if inner == 0 {
        let next = if place.alone { None } else { next_start(place.lot, owners) };
        return Some(next.map_or(0, |slot| u64::from(slot.0)));
    }
    let fits = inner.leading_zeros() >= INNER_SHIFT;
    fits.then(|| inner << INNER_SHIFT | u64::from(place.mark) << SLOT_BITS | low_bits(place.lot))
}

/// Returns the slot that the cursor contains: 0 for the keys of the home node.
fn low_bits(lot: Lot) -> u64 {
    match lot {
        Lot::Slot(slot) => u64::from(slot.0),
        Lot::Home | Lot::Aside => 0,
    }
}

fn next_start(lot: Lot, owners: &Owners) -> Option<Slot> {
    match (lot, owners) {
        (Lot::Slot(slot), Owners::Cluster(map)) => map.next_start(slot),
        (Lot::Slot(_) | Lot::Home | Lot::Aside, _) => None,
    }
}

/// Returns the lot to scan: the first one for cursor 0, else that of the slot in the cursor. Home has all keys of active nodes.
fn lot_of(cursor: u64, owners: &Owners) -> Option<Lot> {
    let slot = match owners {
        Owners::Single | Owners::Active(_) => return Some(Lot::Home),
        Owners::Cluster(map) if cursor == 0 => map.first_start()?,
        Owners::Cluster(_) => Slot((cursor % (1 << SLOT_BITS)) as u16),
    };
    Some(Lot::Slot(slot))
}

fn mark_of(cursor: u64) -> u16 {
    ((cursor >> SLOT_BITS) % (1 << MARK_BITS)) as u16
}

/// Returns the slot of MATCH's pattern. If MATCH is given several times the last one counts, as in the servers.
fn matched_slot(request: &Request<'_>) -> Option<Slot> {
    let mut options = (2..request.len()).step_by(2);
    let last = options.rfind(|&at| request.arg(at).is_some_and(|arg| arg.eq_ignore_ascii_case(b"MATCH")))?;
    pattern::slot(request.arg(last + 1)?)
}

fn with_cursor(request: &Request<'_>, inner: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(request.raw().len() + 24);
    reply::array(&mut out, request.len());
    let cursor = inner.to_string();
    for (index, arg) in request.args().enumerate() {
        reply::bulk(&mut out, if index == 1 { cursor.as_bytes() } else { arg });
    }
    out
}

#[cfg(test)]
mod tests;
