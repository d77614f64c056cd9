//! In what replicas differ from their masters, as it was found last. Kept beside the topology, as health is.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Serialize;

use super::Endpoint;

/// The users and the settings of a replica that differ from its master's. `None`: it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) users: Option<Vec<String>>,
    pub(crate) settings: Option<Vec<&'static str>>,
}

impl Difference {
    /// Returns true if nothing is known to differ.
    pub(crate) fn is_none(&self) -> bool {
        self.users.as_ref().is_none_or(Vec::is_empty) && self.settings.as_ref().is_none_or(Vec::is_empty)
    }

    pub(crate) fn counts(&self) -> DifferenceCounts {
        let count = |names: usize| u64::try_from(names).unwrap_or(u64::MAX);
        DifferenceCounts {
            users: self.users.as_ref().map(|users| count(users.len())),
            settings: self.settings.as_ref().map(|settings| count(settings.len())),
        }
    }
}

/// The numbers of users and settings that differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct DifferenceCounts {
    pub(crate) users: Option<u64>,
    pub(crate) settings: Option<u64>,
}

/// The differences of all replicas that were compared. The control plane writes it; admin and metrics read it.
#[derive(Debug, Default)]
pub(crate) struct DifferenceTable(ArcSwap<BTreeMap<Endpoint, Difference>>);

impl DifferenceTable {
    pub(crate) fn load(&self) -> Arc<BTreeMap<Endpoint, Difference>> {
        self.0.load_full()
    }

    pub(crate) fn store(&self, differences: BTreeMap<Endpoint, Difference>) {
        self.0.store(Arc::new(differences));
    }
}
