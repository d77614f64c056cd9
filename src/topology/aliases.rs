//! The other names of nodes, each with the endpoint to dial: a redirect may call a node by a name that does not resolve here.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Endpoint;

/// The endpoints to dial, by the names that nodes use. Discovery writes them; workers read them when a node names another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aliases(Arc<ArcSwap<BTreeMap<Endpoint, Endpoint>>>);

impl Aliases {
    pub(crate) fn load(&self) -> Arc<BTreeMap<Endpoint, Endpoint>> {
        self.0.load_full()
    }

    pub(crate) fn store(&self, aliases: BTreeMap<Endpoint, Endpoint>) {
        self.0.store(Arc::new(aliases));
    }

    /// Returns the endpoint at which the node with this name is dialled.
    pub(crate) fn dialled(&self, named: Endpoint) -> Endpoint {
        self.0.load().get(&named).cloned().unwrap_or(named)
    }
}
