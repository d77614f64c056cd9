//! The rules for nodes that all take writes (KeyDB Multi-Active): find the nodes that are ready and the nearest one, choose the
//! nodes that write each key, and move commands from one node to another.
//!
//! Pure. [`replies`] parses the answers of a node, [`observe`] takes them in, [`peer`] keeps them. [`mesh`] finds out whose writes
//! reach which nodes, and [`readiness`] which nodes are ready. [`choice`] chooses a node, [`writers`] divides keys among several,
//! and [`assignment`] says which commands go where. [`handover`] is a planned move; proxies agree on it by [`agreement`] and
//! [`consent`]. [`decide`] combines all of it, [`view`] makes the view to publish, [`pace`] decides how often each node is asked.
//!
//! An answer to PING is not enough here: a node that was restarted empty answers too, takes writes, and has no keys. So a process
//! counts as *proven* only once it has been fit, with complete data and links in both directions, for the time of
//! `active.failback`. It stays proven even without links, since the last survivor of a mesh has none.

mod agreement;
mod assignment;
mod choice;
mod consent;
mod decide;
mod handover;
mod mesh;
mod observe;
mod pace;
mod peer;
mod readiness;
mod replies;
mod smoothed_rtt;
#[cfg(test)]
mod tests;
mod view;
mod writers;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::{Active, Proxy};
use crate::topology::diagnosis::Finding;
use crate::topology::fault::Fault;
use crate::topology::{Endpoint, Node, View};

use self::agreement::{Agreement, WriterIds};
use self::assignment::{Assignment, WriterPolicies};
use self::handover::Handover;
use self::mesh::Shape;
use self::peer::ActivePeer;
pub(super) use self::replies::PROBE_KEY;
use super::{Ask, Change, Discovery, Observation, PeerKind, PeerProbe, Question};

/// The time after which a shape of the mesh counts as set up so: links come up one after the other.
const SHAPED: Duration = Duration::from_secs(10);
/// The time after which the other proxies should be ready for the same move, since they see the same nodes.
const AGREED: Duration = Duration::from_secs(60);
const NOT_AGREED: &str = "other proxies do not call the same nodes ready: keys stay where they are";

/// The rules for one set of active nodes.
pub(super) struct ActiveRules {
    active: Active,
    policies: WriterPolicies,
    address_map: BTreeMap<Endpoint, Endpoint>,
    /// The time that a node may be silent.
    patience: Duration,
    /// All endpoints. A node keeps its place for ever: assignments and views name it by its place.
    peers: Vec<ActivePeer>,
    present: Assignment,
    handover: Option<Handover>,
    agreement: Agreement,
    /// The nodes that other proxies wrote to when this one started.
    adopted: WriterIds,
    /// The time before which no planned move begins.
    no_move_before: Duration,
    home_wish: Wish,
    aside_wish: Wish,
    shape: Shape,
    /// The time since which the mesh has had this shape.
    shaped_at: Duration,
    /// The time of the first answer of a node.
    first_reply_at: Option<Duration>,
    /// True if there has been a home since the start.
    has_served: bool,
    /// The events to publish with the next view.
    news: decide::News,
    published: Option<View>,
    /// The slots of each node's own keys, for the writers in `shared`.
    shares: Vec<Vec<(u16, u16)>>,
    /// The present writers, and those after the handover, that `shares` was made for.
    shared: (BTreeSet<usize>, Option<BTreeSet<usize>>),
    /// The time of the last observation.
    now: Duration,
}

/// The node that would be better than the present one, and the time since which it has been.
type Wish = Option<(usize, Duration)>;

impl ActiveRules {
    pub(super) fn new(nodes: &[Endpoint], proxy: &Proxy, random: u64) -> Self {
        ActiveRules {
            active: proxy.active.clone(),
            policies: WriterPolicies::of(&proxy.active),
            address_map: proxy.backend.address_map.clone(),
            patience: proxy.failover.node_timeout,
            peers: nodes.iter().map(|node| ActivePeer::new(node, true)).collect(),
            present: Assignment::default(),
            handover: None,
            agreement: Agreement::new(random),
            adopted: WriterIds::new(),
            no_move_before: Duration::ZERO,
            home_wish: None,
            aside_wish: None,
            shape: Shape::Alone,
            shaped_at: Duration::ZERO,
            first_reply_at: None,
            has_served: false,
            news: decide::News::default(),
            published: None,
            shares: Vec::new(),
            shared: Default::default(),
            now: Duration::ZERO,
        }
    }

    fn place(&self, endpoint: &Endpoint) -> Option<usize> {
        self.peers.iter().position(|peer| peer.endpoint == *endpoint)
    }
}

impl Discovery for ActiveRules {
    fn poll(&mut self, now: Duration) -> Ask {
        self.note_time(now);
        let due = self.due(now);
        let name = self.policies.by_key.then(|| self.agreement.name());
        let listens = self.agreement.needs_others() || self.handover.is_some() || !self.has_served;
        let probe = |(endpoint, cannot_list): (Endpoint, bool)| {
            let list = name.is_some() && listens && !cannot_list;
            PeerProbe {
                target: PeerKind::Node(endpoint),
                question: Question::Active { name: name.clone(), list },
            }
        };
        Ask { probes: due.into_iter().map(probe).collect(), subscriptions: Vec::new(), wake: self.wake(now) }
    }

    fn observe(&mut self, now: Duration, observation: Observation) -> Option<Change> {
        self.note_time(now);
        match &observation {
            Observation::Tick | Observation::Message { .. } | Observation::Subscribed { .. } => {}
            Observation::Answer { probe, sent, outcome } => self.on_answer(now, probe, *sent, outcome),
            Observation::Lost { target } => self.on_lost(now, target.endpoint()),
            Observation::Hint(hint) => self.on_hint(now, hint),
            Observation::Drained => {
                if let Some(handover) = &mut self.handover {
                    handover.drained(now);
                }
            }
        }
        self.decide(now);
        if let Observation::Answer { probe, .. } = &observation {
            self.reschedule(now, probe.target.endpoint());
        }
        self.change(now)
    }

    fn complaint(&self) -> Option<Finding> {
        let lasts = self.has_served && self.now >= self.shaped_at + SHAPED;
        let waits = self.agreement.ready_since().is_some_and(|since| self.now >= since + AGREED);
        let words = self.shape.fault().filter(|_| lasts).or(waits.then_some(NOT_AGREED));
        Some(Finding { fault: Fault::SetUp(words?), about: None })
    }

    fn awaits_drain(&self) -> bool {
        self.handover.as_ref().is_some_and(Handover::is_draining)
    }

    fn nodes(&self) -> Vec<Node> {
        self.shown_nodes().collect()
    }
}
