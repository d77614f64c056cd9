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
//! The proxy keeps nothing, so any proxy goes on with any cursor. An inner cursor means something to the process
//! only that made it (each has a hash seed of its own): when the mark is not that of the slot's present master,
//! the shard is scanned from its start again. SCAN may report a key twice, but a failover leaves none out. A slot and
//! not a shard's index stands in the cursor, so shards may come and go meanwhile. Only keys whose slot moves during the
//! scan, to a shard that is done, can be missed: no number of 64 bits says which slots have been seen.
//!
//! Of active nodes only the home node is scanned, since it has all keys. Slot 0 stands for its own in the cursor.

use crate::command::{Lot, Slot};
use crate::resp::elements::{self, Elements};
use crate::resp::reply;
use crate::resp::request::Request;

use super::map::{MARK_BITS, SlotMap};
use super::{Plan, number, one, pattern};

/// One SCAN to one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScanStep {
    pub(crate) shard: u16,
    /// The request with the inner cursor, as an array.
    pub(crate) request: Vec<u8>,
    pub(crate) place: ScanPlace,
}

/// What the reply's cursor is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScanPlace {
    lot: Lot,
    mark: u16,
    /// All keys that MATCH can find are in this one shard.
    alone: bool,
}

const SLOT_BITS: u32 = 14;
const INNER_SHIFT: u32 = SLOT_BITS + MARK_BITS;

pub(super) fn step(request: &Request<'_>, map: &SlotMap) -> Plan {
    let Some(cursor) = request.arg(1) else { return Plan::Anywhere };
    let Some(cursor) = number::<u64>(cursor) else { return Plan::Refused("ERR invalid cursor".into()) };
    let tagged = matched_slot(request).filter(|_| map.is_of_cluster());
    let lot = tagged.map(Lot::Slot).or_else(|| lot_of(cursor, map));
    let Some(lot) = lot else { return Plan::Unserved(Lot::Slot(Slot(0))) };
    let shard = match one(lot, map) {
        Plan::One { shard, .. } => shard,
        other => return other,
    };
    let mark = map.mark(shard);
    let inner = if mark_of(cursor) == mark { cursor >> INNER_SHIFT } else { 0 };
    let place = ScanPlace { lot, mark, alone: tagged.is_some() };
    Plan::Scan(ScanStep { shard, request: with_cursor(request, inner), place })
}

/// Rewrites the node's reply: its cursor to one for all shards. An error passes as it came. `None`: it is no reply
/// to SCAN.
pub(crate) fn reply(raw: &[u8], place: ScanPlace, map: &SlotMap) -> Option<Vec<u8>> {
    if elements::is_error(raw) {
        return Some(raw.to_vec());
    }
    let mut parts = Elements::of(raw).filter(|parts| parts.left() == 2)?;
    let inner = number::<u64>(elements::text(parts.next()?)?)?;
    let cursor = next_cursor(inner, place, map)?.to_string();
    let mut out = Vec::with_capacity(raw.len() + cursor.len());
    reply::array(&mut out, 2);
    reply::bulk(&mut out, cursor.as_bytes());
    out.extend_from_slice(parts.rest());
    Some(out)
}

/// If the slot's master has changed since the plan, whoever answered may have been given another's inner cursor:
/// the shard is scanned again. `None`: the inner cursor is larger than the bits for it. No table of keys has so many
/// buckets.
fn next_cursor(inner: u64, place: ScanPlace, map: &SlotMap) -> Option<u64> {
    let mark = map.shard_of(place.lot).map(|shard| map.mark(shard));
    if mark != Some(place.mark) {
        // The mark keeps it from being 0, the end, in slot 0.
        return Some(u64::from(place.mark) << SLOT_BITS | low_bits(place.lot));
    }
    if inner == 0 {
        let next = if place.alone { None } else { next_start(place.lot, map) };
        return Some(next.map_or(0, |slot| u64::from(slot.0)));
    }
    let fits = inner.leading_zeros() >= INNER_SHIFT;
    fits.then(|| inner << INNER_SHIFT | u64::from(place.mark) << SLOT_BITS | low_bits(place.lot))
}

/// Slot 0 stands for the keys of the home node.
fn low_bits(lot: Lot) -> u64 {
    match lot {
        Lot::Slot(slot) => u64::from(slot.0),
        Lot::Home | Lot::Aside => 0,
    }
}

fn next_start(lot: Lot, map: &SlotMap) -> Option<Slot> {
    match lot {
        Lot::Slot(slot) => map.next_start(slot),
        Lot::Home | Lot::Aside => None,
    }
}

/// Cursor 0 begins; any other names its slot.
fn lot_of(cursor: u64, map: &SlotMap) -> Option<Lot> {
    if cursor == 0 || !map.is_of_cluster() {
        return map.first_start();
    }
    Some(Lot::Slot(Slot((cursor % (1 << SLOT_BITS)) as u16)))
}

fn mark_of(cursor: u64) -> u16 {
    ((cursor >> SLOT_BITS) % (1 << MARK_BITS)) as u16
}

/// The slot of MATCH's pattern; of several, the last counts, as for the servers.
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
mod tests {
    use super::*;
    use crate::command::lookup;
    use crate::command::testing::Words;
    use crate::config::Writer;
    use crate::route::testing::{active_map, active_topology, map_of, thirds, topology_of, writers};
    use crate::route::{Splitting, plan};

    fn scan(line: &str, map: &SlotMap) -> Plan {
        let words = Words::of(line);
        plan(&words.request(), lookup(b"scan"), map, Splitting::All)
    }

    fn step_of(line: &str, map: &SlotMap) -> (u16, String, ScanPlace) {
        match scan(line, map) {
            Plan::Scan(step) => (step.shard, String::from_utf8(step.request).unwrap(), step.place),
            other => panic!("{line}: {other:?}"),
        }
    }

    fn node_reply(cursor: u64) -> Vec<u8> {
        format!("*2\r\n${}\r\n{cursor}\r\n*1\r\n$1\r\nk\r\n", cursor.to_string().len()).into_bytes()
    }

    fn cursor_of(reply: &[u8]) -> u64 {
        number(elements::text(Elements::of(reply).unwrap().next().unwrap()).unwrap()).unwrap()
    }

    /// Scans to the end; each visit as shard and inner cursor. The node needs two steps for its keys.
    fn visits(options: &str, map: &SlotMap) -> Vec<(u16, u64)> {
        let (mut cursor, mut seen) = (0, Vec::new());
        for _ in 0..20 {
            let (shard, request, place) = step_of(&format!("SCAN {cursor}{options}"), map);
            let inner: u64 = request.split("\r\n").nth(4).unwrap().parse().unwrap();
            seen.push((shard, inner));
            let answer = node_reply(if inner == 0 { 1 << 37 } else { 0 });
            cursor = cursor_of(&reply(&answer, place, map).unwrap());
            if cursor == 0 {
                return seen;
            }
        }
        panic!("endless: {seen:?}");
    }

    #[test]
    fn every_shard_is_scanned_to_its_end() {
        let big = 1 << 37;
        assert_eq!(visits("", &thirds()), [(0, 0), (0, big), (1, 0), (1, big), (2, 0), (2, big)]);
        let mixed = map_of(&[&[(50, 60), (90, 95)], &[(10, 20), (70, 80)]]);
        assert_eq!(visits(" COUNT 10", &mixed), [(1, 0), (1, big), (0, 0), (0, big)]);
    }

    #[test]
    fn a_hash_tag_needs_one_shard_only() {
        assert_eq!(visits(" MATCH {foo}*", &thirds()), [(2, 0), (2, 1 << 37)]);
        assert_eq!(visits(" count 5 match x match {foo}*", &thirds()), [(2, 0), (2, 1 << 37)]);
    }

    #[test]
    fn options_and_keys_stay_as_they_are() {
        let (_, request, place) = step_of("SCAN 0 MATCH a* COUNT 7 TYPE set", &thirds());
        assert!(request.ends_with(
            "$1\r\n0\r\n$5\r\nMATCH\r\n$2\r\na*\r\n$5\r\nCOUNT\r\n$1\r\n7\r\n$4\r\nTYPE\r\n$3\r\nset\r\n"
        ));
        assert!(reply(&node_reply(3), place, &thirds()).unwrap().ends_with(b"\r\n*1\r\n$1\r\nk\r\n"));
    }

    #[test]
    fn after_a_failover_the_shard_starts_again() {
        let before = thirds();
        let (_, _, place) = step_of("SCAN 0", &before);
        let cursor = cursor_of(&reply(&node_reply(77), place, &before).unwrap());
        let mut topology = topology_of(&[&[(0, 5460)], &[(5461, 16383)]]);
        topology.shards[0].nodes[0].endpoint.port = 8000;
        let after = SlotMap::new(&topology);
        assert!(step_of(&format!("SCAN {cursor}"), &before).1.contains("$2\r\n77\r\n"));
        for inner in [0, 78] {
            let restart = cursor_of(&reply(&node_reply(inner), place, &after).unwrap());
            assert_ne!(restart, 0);
            let (shard, request, _) = step_of(&format!("SCAN {restart}"), &after);
            assert_eq!((shard, request.contains("$1\r\n0\r\n")), (0, true), "{inner}");
        }
        assert!(step_of(&format!("SCAN {cursor}"), &after).1.contains("$1\r\n0\r\n"));
    }

    #[test]
    fn of_active_nodes_the_home_node_alone_is_scanned_and_another_one_begins_anew() {
        let own: [&[(u16, u16)]; 2] = [&[(0, 8191)], &[(8192, 16383)]];
        for writer in [Writer::Nearest, Writer::Key] {
            let map = active_map(writers(writer, &[]), &active_topology(7000, 7000, &own));
            let big = 1 << 37;
            assert_eq!(visits("", &map), [(0, 0), (0, big)]);
            assert_eq!(visits(" MATCH {foo}*", &map), [(0, 0), (0, big)]);
            let (_, _, place) = step_of("SCAN 0", &map);
            let cursor = cursor_of(&reply(&node_reply(77), place, &map).unwrap());
            assert!(step_of(&format!("SCAN {cursor}"), &map).1.contains("$2\r\n77\r\n"));
            let moved = active_map(writers(writer, &[]), &active_topology(7001, 7000, &own));
            assert!(step_of(&format!("SCAN {cursor}"), &moved).1.contains("$1\r\n0\r\n"));
            let restart = cursor_of(&reply(&node_reply(0), place, &moved).unwrap());
            assert_ne!(restart, 0);
            assert!(step_of(&format!("SCAN {restart}"), &moved).1.contains("$1\r\n0\r\n"));
        }
    }

    #[test]
    fn a_shard_that_lost_its_lowest_slot_is_still_scanned() {
        let before = map_of(&[&[(0, 99)], &[(100, 199)]]);
        let (_, _, place) = step_of("SCAN 0", &before);
        let cursor = cursor_of(&reply(&node_reply(5), place, &before).unwrap());
        let after = map_of(&[&[(1, 99)], &[(0, 0), (100, 199)]]);
        let (shard, request, place) = step_of(&format!("SCAN {cursor}"), &after);
        assert_eq!((shard, request.contains("$1\r\n0\r\n")), (1, true));
        assert_eq!(cursor_of(&reply(&node_reply(0), place, &after).unwrap()), 1);
    }

    #[test]
    fn faults_are_answered_or_held() {
        for cursor in ["x", "-1", "18446744073709551616", "\"\""] {
            assert!(matches!(scan(&format!("SCAN {cursor}"), &thirds()), Plan::Refused(_)), "{cursor}");
        }
        assert!(matches!(scan("SCAN 9", &map_of(&[&[(0, 8)]])), Plan::Unserved(Lot::Slot(Slot(9)))));
        assert!(matches!(scan("SCAN 0", &map_of(&[])), Plan::Unserved(Lot::Slot(Slot(0)))));
        let (_, _, place) = step_of("SCAN 0", &thirds());
        assert_eq!(reply(b"-LOADING\r\n", place, &thirds()).unwrap(), b"-LOADING\r\n");
        for broken in [&b"+OK\r\n"[..], b"*2\r\n$1\r\nx\r\n*0\r\n", b"*1\r\n$1\r\n0\r\n", b""] {
            assert_eq!(reply(broken, place, &thirds()), None);
        }
        assert_eq!(reply(&node_reply(1 << 38), place, &thirds()), None);
    }
}
