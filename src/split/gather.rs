//! The gathering of the replies to all parts of one command, in any order, into one reply.

use crate::command::Merge;
use crate::resp::elements::{integer, is_error, is_null};

use super::{logs, merge};

/// The replies that have come so far.
#[derive(Debug)]
pub(crate) struct Gathering {
    merge: Merge,
    /// For `Merge::Positions`: the index of the part that has the element of each position.
    part_of: Vec<u16>,
    /// The raw replies, by part.
    replies: Vec<Option<Vec<u8>>>,
    /// The number of parts without a reply.
    missing: usize,
    /// A random number, for merges that choose at random.
    chance: u64,
    /// Bytes of the replies that are kept.
    bytes: usize,
}

/// The most that the replies may have together: as much as one reply may take of a client's output buffer by default.
const MAX_BYTES: usize = 256 << 20;

impl Gathering {
    pub(crate) fn new(merge: Merge, parts: usize) -> Gathering {
        Gathering {
            merge,
            part_of: Vec::new(),
            replies: vec![None; parts],
            missing: parts,
            chance: 0,
            bytes: 0,
        }
    }

    pub(super) fn by_positions(part_of: Vec<u16>, parts: usize) -> Gathering {
        Gathering { part_of, ..Gathering::new(Merge::Positions, parts) }
    }

    /// Sets the random number for `Merge::AnyValue`. All `u64` must be equally likely.
    pub(crate) fn choosing(self, chance: u64) -> Gathering {
        Gathering { chance, ..self }
    }

    pub(crate) fn merge(&self) -> Merge {
        self.merge
    }

    /// Takes in the raw reply to one part, or the error line that the proxy has for it. Returns the reply to the
    /// whole command with the last missing part. A second reply to the same part changes nothing.
    pub(crate) fn part(&mut self, index: usize, reply: &[u8]) -> Option<Vec<u8>> {
        let place = self.replies.get_mut(index).filter(|place| place.is_none())?;
        let kept = if self.bytes + reply.len() > MAX_BYTES { TOO_LARGE } else { reply };
        self.bytes += kept.len();
        *place = Some(kept.to_vec());
        self.missing -= 1;
        if self.missing > 0 {
            return None;
        }
        let replies: Vec<Vec<u8>> = std::mem::take(&mut self.replies).into_iter().flatten().collect();
        Some(self.merged(&replies))
    }

    fn merged(&self, replies: &[Vec<u8>]) -> Vec<u8> {
        if self.merge == Merge::OneSucceeded {
            return one_succeeded(replies);
        }
        let counted = match self.merge {
            Merge::AnyValue => every_second(replies, 1),
            Merge::Flushed => every_second(replies, 0),
            _ => replies.iter().collect(),
        };
        if let Some(error) = worst_error(&counted) {
            return error.to_vec();
        }
        let merged = match self.merge {
            Merge::Positions => merge::positions(replies, &self.part_of),
            Merge::Sum => merge::numbers(replies, i64::saturating_add),
            Merge::Min => merge::numbers(replies, i64::min),
            Merge::Max => merge::numbers(replies, i64::max),
            Merge::And => merge::numbers(replies, |one, other| i64::from(one != 0 && other != 0)),
            Merge::Or => merge::numbers(replies, |one, other| i64::from(one != 0 || other != 0)),
            Merge::AllSucceeded | Merge::OneSucceeded | Merge::Flushed => replies.first().cloned(),
            Merge::Lists => merge::lists(replies),
            Merge::Newest(count) => logs::newest(replies, count as usize),
            Merge::Spikes => logs::spikes(replies),
            Merge::Series => logs::series(replies),
            Merge::Histograms => logs::histograms(replies),
            Merge::Common => merge::common(replies),
            Merge::Union => merge::union(replies),
            Merge::Tally => merge::tally(replies),
            Merge::Texts => merge::texts(replies),
            Merge::AnyValue => any_value(replies, self.chance),
            Merge::Info | Merge::InfoProxy => merge::info(replies),
            Merge::InfoOfOne | Merge::InfoAsItIs => replies.first().cloned(),
        };
        merged.unwrap_or_else(|| MISFIT.to_vec())
    }
}

/// The answer if nodes have different versions, or one of them is no Redis.
const MISFIT: &[u8] = b"-ERR tideover: the replies of the shards do not fit together\r\n";

const TOO_LARGE: &[u8] = b"-ERR tideover: the replies of the shards are larger than 256 MiB together\r\n";

/// Returns the error of the whole command, if any part has one. An unknown outcome of one part makes that of the
/// whole unknown, so that error goes before all others.
fn worst_error<'a>(replies: &[&'a Vec<u8>]) -> Option<&'a Vec<u8>> {
    let uncertain = replies.iter().find(|reply| reply.starts_with(b"-UNCERTAIN "));
    uncertain.or_else(|| replies.iter().find(|reply| is_error(reply))).copied()
}

/// Returns the first (0) or the second (1) of the two replies of each shard.
fn every_second(replies: &[Vec<u8>], which: usize) -> Vec<&Vec<u8>> {
    replies.iter().skip(which).step_by(2).collect()
}

/// Merges the replies to SCRIPT KILL and FUNCTION KILL: all shards but the busy one answer that they are not busy.
fn one_succeeded(replies: &[Vec<u8>]) -> Vec<u8> {
    let success = replies.iter().find(|reply| !is_error(reply));
    let telling = || replies.iter().find(|reply| !reply.starts_with(b"-NOTBUSY"));
    success.or_else(telling).or(replies.first()).cloned().unwrap_or_else(|| MISFIT.to_vec())
}

/// Merges the replies to RANDOMKEY, which are sizes and keys in turn. A key is chosen with a probability in proportion to
/// the size of its shard. A shard that does not tell its size counts as one key. The result is null only if all keys are.
fn any_value(replies: &[Vec<u8>], chance: u64) -> Option<Vec<u8>> {
    let (sizes, values) = (every_second(replies, 0), every_second(replies, 1));
    let weight = |(size, value): (&&Vec<u8>, &&Vec<u8>)| match is_null(value) {
        true => 0,
        false => integer(size).and_then(|size| u64::try_from(size).ok()).unwrap_or(1).max(1),
    };
    let weights: Vec<u64> = sizes.iter().zip(&values).map(weight).collect();
    let total = weights.iter().fold(0_u64, |total, weight| total.saturating_add(*weight));
    let mut place = chance.checked_rem(total).unwrap_or(0);
    let chosen = weights.iter().position(|weight| {
        let here = place < *weight;
        place = place.saturating_sub(*weight);
        here
    });
    values.get(chosen.unwrap_or(0)).map(|value| (*value).clone())
}
