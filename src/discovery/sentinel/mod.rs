//! The rules for a Sentinel group: ask all sentinels and all nodes, listen to all events, and find the master.
//!
//! Pure. [`observe`] puts all observations into two tables, [`sentinels`] and [`members`]. [`decide`] has the rules by which a
//! master is taken or given up, [`view`] makes the view to publish, [`pace`] decides how often each peer is asked.

mod decide;
mod doubts;
mod election;
mod events;
mod held;
mod members;
mod observe;
mod pace;
mod replies;
mod sentinels;
mod serving;
#[cfg(test)]
mod tests;
mod view;
mod votes;

use std::collections::BTreeMap;
use std::time::Duration;

use self::members::Members;
use self::sentinels::Sentinels;
use self::serving::Serving;
use super::schedule::Sampling;
use super::{Ask, Change, Channel, Discovery, Observation, PeerKind, PeerProbe, Question, Subscription};
use crate::config::Reads;
use crate::topology::diagnosis::Finding;
use crate::topology::{ConfigEpoch, Endpoint, Node, View};

/// The failover timeout until a sentinel reports its own.
const FAILOVER_TIMEOUT: Duration = Duration::from_secs(180);

/// The rules for one group.
pub(super) struct SentinelRules {
    group: String,
    address_map: BTreeMap<Endpoint, Endpoint>,
    sentinels: Sentinels,
    members: Members,
    serving: Serving,
    /// The time of the last observation.
    now: Duration,
    /// The periods of questions to nodes while nothing is wrong.
    sampling: Sampling,
    /// The time until which all peers are asked faster.
    fast_until: Duration,
    /// The time since which commands have had no master to go to.
    lost_at: Option<Duration>,
    failover_timeout: Duration,
    /// The master and lower epoch that a majority reports, and the time since which it does.
    lower_epoch: Option<(Endpoint, ConfigEpoch, Duration)>,
    /// The time of the first reply of a sentinel.
    first_reply_at: Option<Duration>,
    published: Option<View>,
    /// True if the rules have lowered the epoch since the last publication.
    epoch_lowered: bool,
}

impl SentinelRules {
    pub(super) fn new(
        sentinels: &[Endpoint],
        group: &str,
        address_map: BTreeMap<Endpoint, Endpoint>,
        reads: &Reads,
    ) -> Self {
        SentinelRules {
            group: group.to_owned(),
            address_map,
            sentinels: Sentinels::new(sentinels),
            members: Members::default(),
            serving: Serving::Nothing,
            now: Duration::ZERO,
            sampling: Sampling::new(reads),
            fast_until: Duration::ZERO,
            lost_at: None,
            failover_timeout: FAILOVER_TIMEOUT,
            lower_epoch: None,
            first_reply_at: None,
            published: None,
            epoch_lowered: false,
        }
    }

    fn due(&mut self, now: Duration) -> Vec<PeerProbe> {
        let mut probes = Vec::new();
        for (sentinel, peer) in &mut self.sentinels.all {
            let target = PeerKind::Sentinel(sentinel.clone());
            if peer.group.take_due(now) {
                let group = self.group.clone();
                let question = if peer.names_no_master {
                    Question::GroupAndIdentity(group)
                } else {
                    Question::Group(group)
                };
                probes.push(PeerProbe { target: target.clone(), question });
            }
            if peer.members.take_due(now) {
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
        let sentinels = self.sentinels.all.keys().map(|sentinel| Subscription {
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

impl Discovery for SentinelRules {
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
                if let Some(peer) = self.sentinels.all.get_mut(sentinel) {
                    // It may have published other epochs while the subscription was down.
                    (peer.new_epoch, peer.is_subscribed) = (None, *up);
                }
            }
            Observation::Subscribed { target: PeerKind::Node(_), .. } => {}
            Observation::Lost { target } => self.on_lost(now, target),
            Observation::Hint(hint) => self.on_hint(now, hint),
        }
        let epoch = self.serving.epoch();
        let reason = self.decide(now).or(reason);
        self.epoch_lowered |= self.serving.epoch() < epoch;
        self.change(now, reason)
    }

    fn complaint(&self) -> Option<Finding> {
        self.fault_of_start()
    }

    fn nodes(&self) -> Vec<Node> {
        self.view().map(View::into_nodes).unwrap_or_default()
    }
}
