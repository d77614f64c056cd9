//! The node that one worker reads a shard from at present, and what it does when that node fails.

use crate::config::Reads;
use crate::topology::{Endpoint, Shard};

use super::{Reader, preferred};

/// How long a node that failed is passed over, if discovery does not find anything wrong with it.
const PASSED_OVER_MICROS: u64 = 1_000_000;

/// Where one worker's reads of one shard go. Times are microseconds on the worker's clock.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// The first one is to be used, but for those that failed.
    ranked: Vec<Reader>,
    /// So many of them are equals; the others stand in for them.
    equals: usize,
    /// Who failed, and until when it is passed over.
    failed: Vec<(Reader, u64)>,
    current: Option<Endpoint>,
}

impl Choice {
    /// Takes in a published shard. `spread` is the worker's own number.
    pub(crate) fn update(&mut self, shard: &Shard, policy: &Reads, spread: u64, now: u64) {
        (self.ranked, self.equals) = preferred(shard, policy, spread, self.current.as_ref());
        // One that is not listed any more was found out; a new process at its address has not failed yet.
        self.failed.retain(|(failed, _)| self.ranked.contains(failed));
        self.choose(now);
    }

    /// This node did not answer, refused the connection, or says that it is loading or has lost its master. What was
    /// sent to it goes to [`Self::reader`] now.
    pub(crate) fn fail(&mut self, endpoint: &Endpoint, now: u64) {
        let reader = self.ranked.iter().find(|reader| reader.endpoint == *endpoint);
        let Some(reader) = reader.cloned() else { return };
        self.failed.retain(|(failed, _)| *failed != reader);
        self.failed.push((reader, now + PASSED_OVER_MICROS));
        self.choose(now);
    }

    /// The node to read from. `None`: reads wait for a newer topology, or until a node that failed may be tried again.
    pub(crate) fn reader(&self) -> Option<&Reader> {
        let current = self.current.as_ref()?;
        self.ranked.iter().find(|reader| reader.endpoint == *current)
    }

    /// When [`Self::retry`] is worth a call. `None`: nothing has failed.
    pub(crate) fn retry_at(&self) -> Option<u64> {
        self.failed.iter().map(|(_, until)| *until).min()
    }

    /// Those that failed long enough ago may be tried again. The present one is kept if it is as good as any.
    pub(crate) fn retry(&mut self, now: u64) {
        self.failed.retain(|(_, until)| *until > now);
        let best = self.ranked.iter().take(self.equals);
        if !best.map(|reader| &reader.endpoint).any(|best| self.current.as_ref() == Some(best)) {
            self.choose(now);
        }
    }

    /// Where nobody is left, the master after all, if it may serve: its lane holds what cannot be sent.
    fn choose(&mut self, now: u64) {
        self.failed.retain(|(_, until)| *until > now);
        let fit = |reader: &&Reader| !self.failed.iter().any(|(failed, _)| failed == *reader);
        let chosen = self.ranked.iter().find(fit);
        let chosen = chosen.or_else(|| self.ranked.iter().find(|reader| reader.is_master));
        self.current = chosen.map(|reader| reader.endpoint.clone());
    }
}
