//! The node that one worker reads a shard from at present, and what it does when that node fails.

use crate::config::Reads;
use crate::topology::{Endpoint, Shard};

use super::{ReadNode, readers};

/// How long a node that failed is passed over, if discovery does not find anything wrong with it.
const PASSED_OVER_MICROS: u64 = 1_000_000;

/// Where one worker's reads of one shard go. Times are microseconds on the worker's clock.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// In the order of this worker's turn.
    ranked: Vec<ReadNode>,
    /// So many of them are equals; the others stand in for them.
    equals: usize,
    /// Who failed, and until when it is passed over.
    failed: Vec<(ReadNode, u64)>,
    current: Option<ReadNode>,
}

impl Choice {
    /// Takes in a published shard. `spread` is the worker's own number.
    ///
    /// The present node stays for as long as it is one of the equals, so that noise in round trips moves nobody. Only
    /// when there is one that was not there before, everybody takes the one whose turn it is: else a node that was away
    /// would stay without its share.
    pub(crate) fn update(&mut self, shard: &Shard, policy: &Reads, spread: u64, now: u64) {
        let (ranked, equals) = readers(shard, policy, spread);
        let is_known = |reader: &ReadNode| self.ranked.contains(reader);
        let keeps = ranked.iter().all(is_known);
        (self.ranked, self.equals) = (ranked, equals);
        // One that is not listed any more was found out; a new process at its address has not failed yet.
        self.failed.retain(|(failed, until)| *until > now && self.ranked.contains(failed));
        let is_best = |current: &ReadNode| self.ranked.iter().take(equals).any(|reader| reader == current);
        if !keeps || !self.current.as_ref().is_some_and(|current| is_best(current) && self.is_fit(current)) {
            self.choose();
        }
    }

    /// This node did not answer, refused the connection, or says that it is loading or has lost its master. What was
    /// sent to it goes to [`Self::reader`] now.
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

    /// The node to read from. `None`: reads wait for a newer topology, or until a node that failed may be tried again.
    pub(crate) fn reader(&self) -> Option<&ReadNode> {
        self.current.as_ref()
    }

    /// Returns when [`Self::retry`] is worth a call. `None`: nothing has failed.
    pub(crate) fn retry_at(&self) -> Option<u64> {
        self.failed.iter().map(|(_, until)| *until).min()
    }

    /// Those that failed long enough ago get their turn again.
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

    /// Where nobody is left, the master after all, if it may serve: its lane holds what cannot be sent.
    fn choose(&mut self) {
        let fit = self.ranked.iter().find(|reader| self.is_fit(reader));
        let chosen = fit.or_else(|| self.ranked.iter().find(|reader| reader.is_master));
        self.current = chosen.cloned();
    }
}
