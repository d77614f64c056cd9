//! A set of nodes that all take writes (KeyDB Multi-Active).

use std::time::Duration;

use super::{Ask, Change, Discovery, Observation};
use crate::config::Proxy;
use crate::topology::Endpoint;
use crate::topology::health::NodeHealth;

pub(super) struct ActiveRules;

impl ActiveRules {
    pub(super) fn new(_nodes: &[Endpoint], _proxy: &Proxy) -> Self {
        ActiveRules
    }
}

impl Discovery for ActiveRules {
    fn poll(&mut self, now: Duration) -> Ask {
        Ask { probes: Vec::new(), watches: Vec::new(), wake: now + Duration::from_secs(1) }
    }

    fn observe(&mut self, _now: Duration, _observation: Observation) -> Option<Change> {
        None
    }

    fn health(&self) -> Vec<NodeHealth> {
        Vec::new()
    }
}
