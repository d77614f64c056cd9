//! The node that one worker reads a shard from at present, and the choice of another one when that node fails.

use crate::config::Reads;
use crate::topology::{Endpoint, Shard};

use super::{ReadNode, readers};

/// The time for which a failed node is passed over, if discovery does not find anything wrong with it.
const PASSED_OVER_MICROS: u64 = 1_000_000;

/// The choice of one worker for the reads of one shard. Times are microseconds on the worker's clock.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// The nodes that may serve, in this worker's order.
    ranked: Vec<ReadNode>,
    /// The number of nodes at the front that count as equal; the others stand in for them.
    equals: usize,
    /// The nodes that failed, each with the time until which it is passed over.
    failed: Vec<(ReadNode, u64)>,
    current: Option<ReadNode>,
}

impl Choice {
    /// Takes in a published shard. `spread` is the worker's own number.
    ///
    /// The present node is kept as long as it is one of the equals, so that noise in round trips moves nobody. Only
    /// when a node appears that was not there before do all workers choose anew; otherwise a node that was away would
    /// never get its share.
    pub(crate) fn update(&mut self, shard: &Shard, policy: &Reads, spread: u64, now: u64) {
        let (ranked, equals) = readers(shard, policy, spread);
        let is_known = |reader: &ReadNode| self.ranked.contains(reader);
        let keeps = ranked.iter().all(is_known);
        (self.ranked, self.equals) = (ranked, equals);
        // A node that is not listed any more was found to be faulty. A new process at its address has not failed yet.
        self.failed.retain(|(failed, until)| *until > now && self.ranked.contains(failed));
        let is_best = |current: &ReadNode| self.ranked.iter().take(equals).any(|reader| reader == current);
        if !keeps || !self.current.as_ref().is_some_and(|current| is_best(current) && self.is_fit(current)) {
            self.choose();
        }
    }

    /// Notes that a node did not answer, refused the connection, or says that it is loading or has lost its master.
    /// What was sent to it goes to [`Self::reader`] now.
    pub(crate) fn fail(&mut self, endpoint: &Endpoint, now: u64) {
        let Some(reader) = self.ranked.iter().find(|reader| reader.endpoint == *endpoint).cloned() else {
            return;
        };
        let was_current = self.current.as_ref() == Some(&reader);
        self.failed.retain(|(failed, until)| *until > now && *failed != reader);
        self.failed.push((reader, now + PASSED_OVER_MICROS));
        if was_current {
            self.choose();
        }
    }

    /// Returns the node to read from. `None`: reads wait for a newer topology, or until a failed node may be tried again.
    pub(crate) fn reader(&self) -> Option<&ReadNode> {
        self.current.as_ref()
    }

    /// Returns the time at which [`Self::retry`] has something to do. `None`: no node has failed.
    pub(crate) fn retry_at(&self) -> Option<u64> {
        self.failed.iter().map(|(_, until)| *until).min()
    }

    /// Makes nodes available again that failed long enough ago.
    pub(crate) fn retry(&mut self, now: u64) {
        let before = self.failed.len();
        self.failed.retain(|(_, until)| *until > now);
        if self.failed.len() < before {
            self.choose();
        }
    }

    fn is_fit(&self, reader: &ReadNode) -> bool {
        !self.failed.iter().any(|(failed, _)| failed == reader)
    }

    /// Chooses the first node that has not failed. If there is none, the master is chosen if it may serve: its lane
    /// holds what cannot be sent.
    fn choose(&mut self) {
        let fit = self.ranked.iter().find(|reader| self.is_fit(reader));
        let chosen = fit.or_else(|| self.ranked.iter().find(|reader| reader.is_master));
        self.current = chosen.cloned();
    }
}
