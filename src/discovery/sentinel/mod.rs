//! A Sentinel group: asks all sentinels and all nodes at once, listens to all events, and says who the master is.
//!
//! Pure. What comes in is put into two tables ([`watchers`], [`members`]) by [`observe`]; [`decide`] holds the
//! rules by which a master is taken, held, given up; [`view`] says what is published, [`pace`] how often is asked.

mod decide;
mod election;
mod events;
mod members;
mod observe;
mod pace;
mod replies;
mod seat;
#[cfg(test)]
mod tests;
mod view;
mod watchers;

use std::collections::BTreeMap;
use std::time::Duration;

use self::members::Members;
use self::seat::Serving;
use self::watchers::Watchers;
use super::schedule::Sampling;
use super::{Ask, Change, Channel, Discovery, Observation, PeerKind, PeerProbe, Question, Subscription};
use crate::config::Reads;
use crate::topology::diagnosis::Finding;
use crate::topology::{ConfigEpoch, Endpoint, Node, View};

/// Until a sentinel tells its own.
const FAILOVER_TIMEOUT: Duration = Duration::from_secs(180);

pub(super) struct Sentinel {
    group: String,
    address_map: BTreeMap<Endpoint, Endpoint>,
    watchers: Watchers,
    members: Members,
    serving: Serving,
    /// Of the last observation.
    now: Duration,
    /// How often nodes are asked in peace, so that lags and round trips are known well enough.
    sampling: Sampling,
    hot_until: Duration,
    /// Since when commands have had no master to go to.
    lost_at: Option<Duration>,
    failover_timeout: Duration,
    /// A majority tells a lower epoch since then.
    lower: Option<(Endpoint, ConfigEpoch, Duration)>,
    /// When the first sentinel answered: the patience of a start with most sentinels gone counts from here.
    first_word: Option<Duration>,
    published: Option<View>,
    /// The epoch went down since the last publication, for a reason.
    lowers: bool,
}

impl Sentinel {
    pub(super) fn new(
        sentinels: &[Endpoint],
        group: &str,
        address_map: BTreeMap<Endpoint, Endpoint>,
        reads: &Reads,
    ) -> Self {
        Sentinel {
            group: group.to_owned(),
            address_map,
            watchers: Watchers::new(sentinels),
            members: Members::default(),
            serving: Serving::Nothing,
            now: Duration::ZERO,
            sampling: Sampling::new(reads),
            hot_until: Duration::ZERO,
            lost_at: None,
            failover_timeout: FAILOVER_TIMEOUT,
            lower: None,
            first_word: None,
            published: None,
            lowers: false,
        }
    }

    fn due(&mut self, now: Duration) -> Vec<PeerProbe> {
        let mut probes = Vec::new();
        for (sentinel, watcher) in &mut self.watchers.all {
            let target = PeerKind::Sentinel(sentinel.clone());
            if watcher.group.take_due(now) {
                let group = self.group.clone();
                let question = if watcher.is_stranger {
                    Question::GroupAndIdentity(group)
                } else {
                    Question::Group(group)
                };
                probes.push(PeerProbe { target: target.clone(), question });
            }
            if watcher.members.take_due(now) {
                probes.push(PeerProbe { target, question: Question::Members(self.group.clone()) });
            }
        }
        for (node, member) in &mut self.members.all {
            if member.node.schedule.take_due(now) {
                probes.push(PeerProbe { target: PeerKind::Node(node.clone()), question: Question::Node });
            }
        }
        probes
    }

    fn subscriptions(&self) -> Vec<Subscription> {
        let sentinels = self.watchers.all.keys().map(|sentinel| Subscription {
            target: PeerKind::Sentinel(sentinel.clone()),
            channel: Channel::Everything,
        });
        let nodes = self
            .members
            .all
            .keys()
            .map(|node| Subscription { target: PeerKind::Node(node.clone()), channel: Channel::Hello });
        sentinels.chain(nodes).collect()
    }
}

impl Discovery for Sentinel {
    fn poll(&mut self, now: Duration) -> Ask {
        self.adjust_paces(now);
        let probes = self.due(now);
        Ask { probes, subscriptions: self.subscriptions(), wake: self.wake(now) }
    }

    fn observe(&mut self, now: Duration, observation: Observation) -> Option<Change> {
        self.now = now;
        let mut reason = None;
        match &observation {
            Observation::Tick | Observation::Drained => {}
            Observation::Answer { probe, sent, outcome } => match (&probe.target, &probe.question) {
                (PeerKind::Node(node), _) => self.on_node(now, node, *sent, outcome),
                (PeerKind::Sentinel(sentinel), Question::Members(_)) => {
                    reason = self.on_lists(now, sentinel, outcome);
                }
                (PeerKind::Sentinel(sentinel), _) => self.on_group(now, sentinel, *sent, outcome),
            },
            Observation::Message { target, channel, payload } => {
                reason = self.on_message(now, target, channel, payload);
            }
            Observation::Subscribed { target: PeerKind::Sentinel(sentinel), up } => {
                if let Some(watcher) = self.watchers.all.get_mut(sentinel) {
                    // What it published while it was not heard is not known.
                    (watcher.new_epoch, watcher.watched) = (None, *up);
                }
            }
            Observation::Subscribed { target: PeerKind::Node(_), .. } => {}
            Observation::Lost { target } => self.on_lost(now, target),
            Observation::Hint(hint) => self.on_hint(now, hint),
        }
        let epoch = self.serving.epoch();
        let reason = self.decide(now).or(reason);
        self.lowers |= self.serving.epoch() < epoch;
        self.change(now, reason)
    }

    fn complaint(&self) -> Option<Finding> {
        self.unfounded()
    }

    fn nodes(&self) -> Vec<Node> {
        self.view().map(View::into_nodes).unwrap_or_default()
    }
}
