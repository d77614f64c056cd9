//! The splitting of one command into parts for several shards, and the merging of their replies into one. No IO, no clock.
//!
//! A node takes a command only if all its keys are in one slot, so each part has the keys of one slot. Parts for the
//! same shard may travel in one pipeline. `gather` takes the replies in any order.

pub(crate) mod gather;
mod info;
mod info_rules;
mod logs;
mod merge;
pub(crate) mod proxy_info;

use std::ops::Range;

use crate::command::{Command, KeyRun, Lot, Merge};
use crate::resp::reply;
use crate::resp::request::Request;

use self::gather::Gathering;

/// A command in parts. The reply to `parts[n]` is given to the gathering as part n.
#[derive(Debug)]
pub(crate) struct Split {
    pub(crate) parts: Vec<Part>,
    pub(crate) gathering: Gathering,
}

/// A command with those keys of the whole command that are in one lot, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) shard: u16,
    pub(crate) lot: Lot,
    /// The request as a RESP array.
    pub(crate) request: Vec<u8>,
}

/// The reason why a command cannot be split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsplit {
    /// A key lacks its value. The text is the error without `-`.
    Arity(String),
    /// No shard owns this lot.
    Unserved(Lot),
}

/// Splits a command by the lots of its keys. `owned` returns the lot of a key and the shard that owns it. The time is
/// linear in the number of keys.
pub(crate) fn split(
    request: &Request<'_>,
    entry: &'static Command,
    run: KeyRun,
    merge: Merge,
    owned: impl Fn(&[u8]) -> (Lot, Option<u16>),
) -> Result<Split, Unsplit> {
    if run.end() + run.options != request.len() {
        let why = format!("ERR wrong number of arguments for '{}' command", entry.name);
        return Err(Unsplit::Arity(why));
    }
    let grouped = Grouped::new(request, run, owned).map_err(Unsplit::Unserved)?;
    let parts = grouped.parts(request);
    let gathering = match merge {
        Merge::Positions => Gathering::by_positions(grouped.part_of, parts.len()),
        other => Gathering::new(other, parts.len()),
    };
    Ok(Split { parts, gathering })
}

/// The keys of a command, grouped by lot.
struct Grouped {
    run: KeyRun,
    /// The index of the part of each key.
    part_of: Vec<u16>,
    groups: Vec<Group>,
}

struct Group {
    shard: u16,
    lot: Lot,
    keys: usize,
    /// Bytes of all keys of the group, with what belongs to them.
    bytes: usize,
}

impl Grouped {
    /// Groups the keys. The error is a lot that no shard owns.
    fn new(
        request: &Request<'_>,
        run: KeyRun,
        owned: impl Fn(&[u8]) -> (Lot, Option<u16>),
    ) -> Result<Grouped, Lot> {
        let mut places = Places::new(run.keys);
        let mut grouped = Grouped { run, part_of: Vec::with_capacity(run.keys), groups: Vec::new() };
        for first in (run.first..run.end()).step_by(run.step) {
            let (lot, owner) = owned(request.arg(first).unwrap_or_default());
            let place = places.of(lot, &grouped.groups);
            if usize::from(place) == grouped.groups.len() {
                let shard = owner.ok_or(lot)?;
                grouped.groups.push(Group { shard, lot, keys: 0, bytes: 0 });
            }
            let bytes =
                pieces(request, first..first + run.step).map(|arg| arg.len() + BULK_OVERHEAD).sum::<usize>();
            grouped.part_of.push(place);
            if let Some(group) = grouped.groups.get_mut(usize::from(place)) {
                group.keys += 1;
                group.bytes += bytes;
            }
        }
        Ok(grouped)
    }

    fn parts(&self, request: &Request<'_>) -> Vec<Part> {
        let run = self.run;
        let options = run.end()..request.len();
        let mut parts: Vec<Part> =
            self.groups.iter().map(|group| group.begin(request.name(), run, options.len())).collect();
        for (first, part) in (run.first..run.end()).step_by(run.step).zip(&self.part_of) {
            let Some(part) = parts.get_mut(usize::from(*part)) else { continue };
            pieces(request, first..first + run.step).for_each(|arg| reply::bulk(&mut part.request, arg));
        }
        for part in &mut parts {
            pieces(request, options.clone()).for_each(|arg| reply::bulk(&mut part.request, arg));
        }
        parts
    }
}

/// The index of the group of each lot. A few groups are searched one by one; for many there is a table.
enum Places {
    Few,
    /// For each lot the index of its group plus one; 0 if it has none.
    Many(Vec<u16>),
}

impl Places {
    fn new(keys: usize) -> Places {
        if keys <= FEW { Places::Few } else { Places::Many(vec![0; Lot::COUNT]) }
    }

    /// Returns the index of the lot's group. That is the number of groups if the caller has to add it.
    fn of(&mut self, lot: Lot, groups: &[Group]) -> u16 {
        let new = groups.len() as u16;
        match self {
            Places::Few => groups.iter().position(|group| group.lot == lot).map_or(new, |place| place as u16),
            Places::Many(places) => match places.get_mut(lot.index()) {
                Some(place @ 0) => {
                    *place = new + 1;
                    new
                }
                Some(place) => *place - 1,
                None => new,
            },
        }
    }
}

/// Up to this number of keys, searching costs less than making the table.
const FEW: usize = 32;

impl Group {
    fn begin(&self, name: &[u8], run: KeyRun, options: usize) -> Part {
        let count = run.counted.then(|| self.keys.to_string());
        let mut request = Vec::with_capacity(name.len() + (4 + 2 * options) * BULK_OVERHEAD + self.bytes);
        reply::array(&mut request, 1 + usize::from(run.counted) + self.keys * run.step + options);
        reply::bulk(&mut request, name);
        count.iter().for_each(|count| reply::bulk(&mut request, count.as_bytes()));
        Part { shard: self.shard, lot: self.lot, request }
    }
}

/// The header and line ends of a bulk string of less than a megabyte, in bytes.
const BULK_OVERHEAD: usize = 11;

fn pieces<'a>(request: &Request<'a>, places: Range<usize>) -> impl Iterator<Item = &'a [u8]> {
    let request = *request;
    places.map(move |index| request.arg(index).unwrap_or_default())
}

#[cfg(test)]
mod tests;
