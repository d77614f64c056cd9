//! A set of nodes that all take writes (KeyDB Multi-Active): which of them are ready, which is the nearest, who writes
//! which keys, and how commands move from one to another.
//!
//! Pure. [`replies`] reads what a node says, [`peer`] keeps it, [`mesh`] says whose writes reach whom, [`standing`] who
//! is ready, [`choice`] who is the nearest, [`writers`] who writes which keys, [`assignment`] what follows,
//! [`handover`] how a planned move goes, [`agreement`] and [`consent`] how proxies agree
//! on it, [`look`] puts all of it together. [`view`] is what is published, [`pace`] how
//! often is asked.
//!
//! PING and an open port say nothing here: a node that was restarted empty answers both, takes writes, and knows no key.
//! So a process is *proven* once it was fit, with whole data and links both ways, for the time of `active.failback`; it
//! stays so for life, since the last survivor of a mesh has no links at all.

mod agreement;
mod assignment;
mod choice;
mod consent;
mod handover;
mod look;
mod mesh;
mod pace;
mod peer;
mod replies;
mod standing;
#[cfg(test)]
mod tests;
mod trip;
mod view;
mod writers;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::{Active, Proxy};
use crate::resp::value::Value;
use crate::topology::diagnosis::Finding;
use crate::topology::fault::Fault;
use crate::topology::hint::{Hint, HintReason};
use crate::topology::{Endpoint, Node, View};

use self::agreement::{Agreement, WriterIds};
use self::assignment::{Assignment, Duties};
use self::handover::Handover;
use self::mesh::Shape;
use self::peer::ActivePeer;
pub(super) use self::replies::PROBE_KEY;
use super::{Answer, Ask, Change, Discovery, Failure, Observation, PeerKind, PeerProbe, Question};

/// Addresses that nodes may name beside those of the config.
const MOST: usize = 64;
/// Where the reply to CLIENT LIST stands in an answer.
const LIST: usize = 7;
/// Without a look. Twice the longest pause between two.
const STANDSTILL: Duration = Duration::from_millis(200);
/// Links come up one after the other: what lasts longer was set up so.
const SHAPED: Duration = Duration::from_secs(10);
/// Other proxies that see the same nodes are ready to move keys at about the same time.
const AGREED: Duration = Duration::from_secs(60);
const NOT_AGREED: &str = "other proxies do not call the same nodes ready: keys stay where they are";

pub(super) struct ActiveRules {
    active: Active,
    duties: Duties,
    address_map: BTreeMap<Endpoint, Endpoint>,
    /// How long a node may be silent.
    patience: Duration,
    /// A node keeps its place for life: it is what the others and the map call it.
    peers: Vec<ActivePeer>,
    present: Assignment,
    handover: Option<Handover>,
    agreement: Agreement,
    /// Those to whom other proxies wrote at our start.
    adopted: WriterIds,
    /// No planned move before this time.
    rest_until: Duration,
    /// Another home has been wished for since then.
    home_wish: Wish,
    aside_wish: Wish,
    shape: Shape,
    /// It has been like this since then.
    shaped_at: Duration,
    /// When the first node answered.
    first_word: Option<Duration>,
    /// Somebody has served since the start.
    has_served: bool,
    /// What is to be told with the next view.
    news: look::News,
    published: Option<View>,
    /// The slots of each node's own keys, and for which writers, present and next, that is so.
    shares: Vec<Vec<(u16, u16)>>,
    shared: (BTreeSet<usize>, Option<BTreeSet<usize>>),
    /// Of the last observation.
    now: Duration,
}

/// Which node is wished for, and since when.
type Wish = Option<(usize, Duration)>;

impl ActiveRules {
    pub(super) fn new(nodes: &[Endpoint], proxy: &Proxy, random: u64) -> Self {
        ActiveRules {
            active: proxy.active.clone(),
            duties: Duties::of(&proxy.active),
            address_map: proxy.backend.address_map.clone(),
            patience: proxy.failover.node_timeout,
            peers: nodes.iter().map(|node| ActivePeer::new(node, true)).collect(),
            present: Assignment::default(),
            handover: None,
            agreement: Agreement::new(random),
            adopted: WriterIds::new(),
            rest_until: Duration::ZERO,
            home_wish: None,
            aside_wish: None,
            shape: Shape::Alone,
            shaped_at: Duration::ZERO,
            first_word: None,
            has_served: false,
            news: look::News::default(),
            published: None,
            shares: Vec::new(),
            shared: Default::default(),
            now: Duration::ZERO,
        }
    }

    /// We look much more often than this, if we are let: a proxy that was stopped hears the answers too late.
    fn passed(&mut self, now: Duration) {
        if now >= self.now + STANDSTILL.max(self.patience / 2) {
            self.peers.iter_mut().for_each(|peer| peer.awake = now);
        }
        self.now = now;
    }

    fn on_answer(
        &mut self,
        now: Duration,
        probe: &PeerProbe,
        sent: Duration,
        outcome: &Result<Answer, Failure>,
    ) {
        let (patience, map) = (self.patience, &self.address_map);
        let Some(at) = self.place(probe.target.endpoint()) else { return };
        let Some(peer) = self.peers.get_mut(at) else { return };
        match outcome {
            Ok(answer) => {
                peer.answered(now, sent, answer, replies::said(&answer.values, map));
                self.first_word.get_or_insert(now);
                self.meet(at);
                self.told(at, sent);
                self.heard(at, &probe.question, sent, answer);
            }
            // It has more clients than can be listed: what they say is not known there, and nothing else is wrong.
            Err(Failure::Malformed) if lists(&probe.question) => {
                (peer.is_mute, peer.open) = (true, None);
                self.agreement.heard(at, sent, &Value::Nil);
            }
            Err(failure) => peer.missed(now, sent, failure, patience),
        }
    }

    /// Whoever it names is asked from here on.
    fn meet(&mut self, at: usize) {
        let said = self.peers.get(at).and_then(|peer| peer.said.as_ref());
        let named: Vec<Endpoint> = said.map(|said| said.names().cloned().collect()).unwrap_or_default();
        for endpoint in named {
            if self.place(&endpoint).is_none() && self.peers.len() < MOST {
                self.peers.push(ActivePeer::new(&endpoint, false));
            }
        }
    }

    fn told(&mut self, at: usize, sent: Duration) {
        let offset = self.peers.get(at).and_then(|peer| peer.said.as_ref()).map_or(0, |said| said.offset);
        if let Some(handover) = &mut self.handover {
            handover.told(at, sent, offset);
        }
    }

    /// What other proxies say counts once the node has what we say.
    fn heard(&mut self, at: usize, question: &Question, sent: Duration, answer: &Answer) {
        let Question::Active { name: Some(name), list } = question else { return };
        if *name != self.agreement.name() {
            return;
        }
        let is_mute = self.peers.get(at).is_some_and(|peer| peer.is_mute);
        match answer.values.get(LIST).filter(|_| *list) {
            Some(list) => self.agreement.heard(at, sent, list),
            None if is_mute => self.agreement.heard(at, sent, &Value::Nil),
            None => {}
        }
    }

    fn on_hint(&mut self, now: Duration, hint: &Hint) {
        let Some(at) = self.place(&hint.endpoint) else { return };
        let Some(peer) = self.peers.get_mut(at) else { return };
        peer.schedule.hurry(now);
        if hint.reason.is_outage() {
            peer.doubted.get_or_insert(now);
        }
        peer.is_suspected |= hint.reason == HintReason::TimedOut && !peer.is_down();
    }

    fn on_lost(&mut self, now: Duration, endpoint: &Endpoint) {
        let Some(peer) = self.place(endpoint).and_then(|at| self.peers.get_mut(at)) else { return };
        peer.doubted.get_or_insert(now);
        peer.schedule.hurry(now);
    }

    fn place(&self, endpoint: &Endpoint) -> Option<usize> {
        self.peers.iter().position(|peer| peer.endpoint == *endpoint)
    }
}

fn lists(question: &Question) -> bool {
    matches!(question, Question::Active { list: true, .. })
}

impl Discovery for ActiveRules {
    fn poll(&mut self, now: Duration) -> Ask {
        self.passed(now);
        let due = self.due(now);
        let name = self.duties.by_key.then(|| self.agreement.name());
        let listens = self.agreement.listens() || self.handover.is_some() || !self.has_served;
        let probe = |(endpoint, is_mute): (Endpoint, bool)| {
            let list = name.is_some() && listens && !is_mute;
            PeerProbe {
                target: PeerKind::Node(endpoint),
                question: Question::Active { name: name.clone(), list },
            }
        };
        Ask { probes: due.into_iter().map(probe).collect(), subscriptions: Vec::new(), wake: self.wake(now) }
    }

    fn observe(&mut self, now: Duration, observation: Observation) -> Option<Change> {
        self.passed(now);
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
        self.look(now);
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
