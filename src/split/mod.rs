//! One command in parts for several shards, and one reply made of theirs. No IO, no clock.
//!
//! A node takes a command only if all its keys are in one slot, so a part has the keys of one slot; parts for the same
//! shard may travel in one pipeline. `gather` takes the replies in any order.

pub(crate) mod gather;
mod info;
mod info_rules;
mod logs;
mod merge;

use std::ops::Range;

use crate::command::{Command, KeyRun, Lot, Merge};
use crate::resp::reply;
use crate::resp::request::Request;

use self::gather::Gathering;

/// A command in parts. The reply to `parts[n]` goes to the gathering as part n.
#[derive(Debug)]
pub(crate) struct Split {
    pub(crate) parts: Vec<Part>,
    pub(crate) gathering: Gathering,
}

/// The keys of one lot, in the order of the whole, under the name of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) shard: u16,
    pub(crate) lot: Lot,
    /// As an array.
    pub(crate) request: Vec<u8>,
}

/// Why a command cannot be split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsplit {
    /// The error, without `-`: a key without its value.
    Arity(String),
    /// No shard owns this lot.
    Unserved(Lot),
}

/// Splits by the lots of the keys, to the shards that own them; `owned` says both of a key. Linear in their number.
pub(crate) fn split(
    request: &Request<'_>,
    entry: &'static Command,
    run: KeyRun,
    merge: Merge,
    owned: impl Fn(&[u8]) -> (Lot, Option<u16>),
) -> Result<Split, Unsplit> {
    if !run.counted && run.end() != request.len() {
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

/// Which keys go together.
struct Grouped {
    run: KeyRun,
    /// Index of the part of every key.
    part_of: Vec<u16>,
    groups: Vec<Group>,
}

struct Group {
    shard: u16,
    lot: Lot,
    keys: usize,
    /// Of all keys with what belongs to them.
    bytes: usize,
}

impl Grouped {
    /// The error is a lot that no shard owns.
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

/// Finds the group of a lot: few are searched one by one, many in a table.
enum Places {
    Few,
    /// Of each lot: its group's index plus one.
    Many(Vec<u16>),
}

impl Places {
    fn new(keys: usize) -> Places {
        if keys <= FEW { Places::Few } else { Places::Many(vec![0; Lot::COUNT]) }
    }

    /// The number of groups if the lot has none yet; the next one is then taken to be its group.
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

/// Up to so many keys, searching costs less than making the table.
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

/// Header and line ends of a bulk string of less than a megabyte.
const BULK_OVERHEAD: usize = 11;

fn pieces<'a>(request: &Request<'a>, places: Range<usize>) -> impl Iterator<Item = &'a [u8]> {
    let request = *request;
    places.map(move |index| request.arg(index).unwrap_or_default())
}

#[cfg(test)]
mod tests;
