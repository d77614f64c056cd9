//! The fate of every write, and what excuses that one is gone.

use super::super::faults::Faults;
use super::super::sharing::Sharing;

/// The number of kills so far.
pub(crate) type Era = usize;

/// The moment in which a command was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) era: Era,
    /// While a node came back to a mesh.
    pub(crate) returning: bool,
}

/// The moment in which a reply was read, or what the nodes hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) era: Era,
    /// Nobody counts kills: the deployment may have lost a write at any time.
    pub(crate) losing: bool,
}

impl Now {
    /// Returns true if the deployment may have lost what was sent then.
    pub(crate) fn excuses(self, sent: Moment) -> bool {
        self.losing || sent.era < self.era || sent.returning
    }
}

/// The rules by which the parts of a ledger judge, and the place of their faults.
pub(super) struct Rules<'a> {
    pub(super) now: Now,
    pub(super) sharing: Sharing,
    pub(super) faults: &'a mut Faults,
}

/// The outcome of one write, as far as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// No reply yet, or none that tells.
    Unknown,
    Acked,
    /// It did not run, by the reply.
    Refused,
}

/// One write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    pub(crate) sent: Moment,
    /// The era in which its outcome was read.
    pub(crate) settled: Option<Era>,
    pub(crate) fate: Fate,
}

/// Writes in the order in which they were sent, numbered from 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writes(Vec<Write>);

impl Writes {
    /// Enters one that is about to be sent.
    pub(crate) fn send(&mut self, sent: Moment) -> u64 {
        self.0.push(Write { sent, settled: None, fate: Fate::Unknown });
        self.newest()
    }

    /// Enters what became of it.
    pub(crate) fn settle(&mut self, seq: u64, fate: Fate, now: Now) {
        if let Some(write) = index(seq).and_then(|index| self.0.get_mut(index)) {
            (write.fate, write.settled) = (fate, Some(now.era));
        }
    }

    pub(crate) fn get(&self, seq: u64) -> Option<&Write> {
        self.0.get(index(seq)?)
    }

    /// Returns the number of the last one; 0 if there is none.
    pub(crate) fn newest(&self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Write> {
        self.0.iter()
    }

    pub(crate) fn count(&self, fate: Fate) -> u64 {
        self.0.iter().filter(|write| write.fate == fate).count() as u64
    }
}

fn index(seq: u64) -> Option<usize> {
    usize::try_from(seq).ok()?.checked_sub(1)
}
