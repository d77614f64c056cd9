//! A Sentinel group: asks all sentinels and all nodes at once, listens to all events, and says who the master is.
//!
//! Pure. What comes in is put into the tables here ([`watchers`], [`members`]); [`decide`] holds the rules by
//! which a master is taken, held, given up.

mod decide;
mod election;
mod events;
mod members;
mod replies;
mod schedule;
mod seat;
#[cfg(test)]
mod tests;
mod watchers;

use std::collections::BTreeMap;
use std::time::Duration;

use self::election::Vote;
use self::events::Event;
use self::members::{Member, Members};
use self::seat::{Cause, Serving};
use self::watchers::{Watchers, Word};
use super::{
    Answer, Ask, Change, Channel, Discovery, Failure, Hint, Observation, Probe, Question, Reason, Target,
    Watch,
};
use crate::resp::value::Value;
use crate::topology::health::NodeHealth;
use crate::topology::{Endpoint, Node, NodeState, Role, SLOTS, Shard, View};

/// How often a sentinel is asked for the master, in peace and while something is going on.
const GROUP: Duration = Duration::from_secs(1);
const GROUP_HOT: Duration = Duration::from_millis(100);
/// How often a sentinel is asked for the other sentinels and the replicas.
const LISTS: Duration = Duration::from_secs(3);
const LISTS_HOT: Duration = Duration::from_secs(1);
/// How often a node is asked for its role.
const CANDIDATE: Duration = Duration::from_millis(10);
const SUSPECT: Duration = Duration::from_millis(20);
const MASTER: Duration = Duration::from_millis(200);
const NODE: Duration = Duration::from_secs(1);
/// How long everything is asked faster after something happened.
const HOT: Duration = Duration::from_secs(2);
/// An outage longer than this is waited out at a slower pace.
const LONG_OUTAGE: Duration = Duration::from_secs(60);
/// Until a sentinel tells its own.
const FAILOVER_TIMEOUT: Duration = Duration::from_secs(180);

pub(super) struct Sentinel {
    group: String,
    address_map: BTreeMap<Endpoint, Endpoint>,
    watchers: Watchers,
    members: Members,
    serving: Serving,
    hot_until: Duration,
    /// Since when commands have had no master to go to.
    lost_at: Option<Duration>,
    failover_timeout: Duration,
    /// A majority tells a lower epoch since then.
    lower: Option<(Endpoint, crate::topology::ConfigEpoch, Duration)>,
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
    ) -> Self {
        Sentinel {
            group: group.to_owned(),
            address_map,
            watchers: Watchers::new(sentinels),
            members: Members::default(),
            serving: Serving::Nothing,
            hot_until: Duration::ZERO,
            lost_at: None,
            failover_timeout: FAILOVER_TIMEOUT,
            lower: None,
            first_word: None,
            published: None,
            lowers: false,
        }
    }

    /// The address to dial for one that was announced.
    fn dialled(&self, announced: Endpoint) -> Endpoint {
        self.address_map.get(&announced).cloned().unwrap_or(announced)
    }

    /// The name by which we know that node.
    fn canonical<'a>(&'a self, endpoint: &'a Endpoint) -> &'a Endpoint {
        let preferred = self.serving.seat().map(|seat| &seat.endpoint);
        self.members.canonical(endpoint, preferred)
    }

    /// Looks closer for a while.
    fn heat(&mut self, now: Duration) {
        self.hot_until = now + HOT;
    }

    fn is_unsettled(&self, now: Duration) -> bool {
        now < self.hot_until || self.is_without_master()
    }

    fn is_without_master(&self) -> bool {
        let silent = |endpoint| self.members.all.get(endpoint).is_none_or(Member::is_silent);
        self.serving.master().is_none_or(silent)
    }

    fn on_group(
        &mut self,
        now: Duration,
        sentinel: &Endpoint,
        sent: Duration,
        outcome: &Result<Answer, Failure>,
    ) {
        let word = outcome.as_ref().ok().and_then(|answer| self.word(sent, &answer.values));
        if word.is_some() {
            self.first_word.get_or_insert(now);
        }
        if let Some(address) = word.as_ref().and_then(|word| word.names.clone()) {
            self.members.ensure(now, &address);
        }
        let unsettled = self.is_unsettled(now);
        if let Some(watcher) = self.watchers.all.get_mut(sentinel) {
            watcher.misses = if outcome.is_ok() { 0 } else { watcher.misses.saturating_add(1) };
            watcher.group.answered(now, group_pace(unsettled, watcher.misses));
        }
        self.watchers.said(sentinel, word);
    }

    /// Address and epoch are paired only when they cannot come from two sides of a failover.
    fn word(&mut self, sent: Duration, values: &[Value]) -> Option<Word> {
        let [address, master] = values else { return None };
        let names = replies::master_address(address);
        let master = replies::master(master);
        if let Some(timeout) = master.failover_timeout {
            self.failover_timeout = timeout;
        }
        let consistent = !master.failing_over && names.is_some() && names == master.address;
        Some(Word {
            sent,
            names: names.map(|names| self.dialled(names)),
            epoch: master.epoch.filter(|_| consistent),
            failing_over: master.failing_over,
            objectively_down: master.objectively_down,
        })
    }

    fn on_lists(&mut self, now: Duration, sentinel: &Endpoint, outcome: &Result<Answer, Failure>) {
        let pace = if self.is_unsettled(now) { LISTS_HOT } else { LISTS };
        if let Some(watcher) = self.watchers.all.get_mut(sentinel) {
            watcher.members.answered(now, pace);
        }
        let Ok(Answer { values, .. }) = outcome else { return };
        let [replicas, peers, own_id, info] = values.as_slice() else { return };
        if let Some(tilt) = replies::info(info, "sentinel_tilt")
            && let Some(watcher) = self.watchers.all.get_mut(sentinel)
        {
            watcher.tilt = tilt == "1";
        }
        if let Some(run_id) = own_id.text() {
            self.watchers.identified(sentinel, run_id);
        }
        let mut peers = replies::peers(peers);
        for peer in &mut peers {
            peer.address = self.dialled(peer.address.clone());
        }
        self.watchers.discovered(peers);
        let mut replicas = replies::replicas(replicas);
        for replica in &mut replicas {
            replica.address = self.dialled(replica.address.clone());
        }
        let keep: Vec<&Endpoint> = self
            .serving
            .seat()
            .map(|seat| &seat.endpoint)
            .into_iter()
            .chain(self.serving.candidate())
            .collect();
        self.members.listed(now, replicas, &keep);
    }

    fn on_node(&mut self, now: Duration, node: &Endpoint, sent: Duration, outcome: &Result<Answer, Failure>) {
        let seat = self.serving.seat().map(|seat| seat.endpoint.clone());
        self.members.answered(now, node, sent, outcome, seat.as_ref());
        if outcome.is_err() && self.serving.master() == Some(node) {
            self.lost_at.get_or_insert(sent);
            self.heat(now);
        }
        let pace = self.pace(now, node);
        if let Some(member) = self.members.all.get_mut(node) {
            member.schedule.answered(now, pace);
        }
    }

    /// How often this node is asked at present.
    fn pace(&self, now: Duration, node: &Endpoint) -> Duration {
        if self.serving.candidate() == Some(node) {
            return CANDIDATE;
        }
        let is_master = self.serving.master() == Some(node);
        let never_found = self.first_word.filter(|_| self.serving == Serving::Nothing);
        let lost_at = self.lost_at.or(never_found);
        let long = lost_at.is_some_and(|lost| lost + LONG_OUTAGE < now);
        if self.is_without_master() || (is_master && now < self.hot_until) {
            return if long { MASTER } else { SUSPECT };
        }
        if is_master { MASTER } else { NODE }
    }

    fn on_message(&mut self, now: Duration, target: &Target, channel: &str, payload: &str) -> Option<Reason> {
        match target {
            Target::Node(_) => {
                let hello = events::hello(&self.group, payload)?;
                let address = self.dialled(hello.master);
                self.members.ensure(now, &address);
                let vote = Vote { address, epoch: Some(hello.epoch) };
                self.watchers.heard_hello(now, &hello.run_id, vote);
                None
            }
            Target::Sentinel(sentinel) => {
                let event = events::event(&self.group, channel, payload)?;
                self.on_event(now, sentinel, event)
            }
        }
    }

    fn on_event(&mut self, now: Duration, sentinel: &Endpoint, event: Event) -> Option<Reason> {
        self.heat(now);
        let watcher = self.watchers.all.get_mut(sentinel)?;
        watcher.group.hurry(now);
        match event {
            Event::NewEpoch(epoch) => watcher.new_epoch = Some(epoch),
            Event::Tilt(tilt) => watcher.tilt = tilt,
            Event::Stirring => {}
            Event::Aborted => self.aborted(now, sentinel),
            Event::Switched(address) => {
                let address = self.dialled(address);
                self.members.ensure(now, &address)?.schedule.hurry(now);
            }
            Event::Candidate(address) => {
                let address = self.dialled(address);
                self.members.ensure(now, &address)?.schedule.hurry(now);
                return self.selected(now, sentinel, &address);
            }
        }
        None
    }

    fn on_hint(&mut self, now: Duration, hint: &Hint) {
        self.heat(now);
        let is_master = self.serving.master() == Some(&hint.endpoint);
        if is_master && hint.reason.is_outage() {
            self.lost_at.get_or_insert(now);
        }
        self.hurry_node(now, &hint.endpoint);
        for watcher in self.watchers.all.values_mut() {
            watcher.group.at_pace(group_pace(true, watcher.misses));
        }
    }

    fn on_lost(&mut self, now: Duration, target: &Target) {
        match target {
            Target::Sentinel(sentinel) => {
                if let Some(watcher) = self.watchers.all.get_mut(sentinel) {
                    watcher.group.hurry(now);
                }
            }
            Target::Node(node) => {
                self.hurry_node(now, node);
                if self.serving.master() == Some(node) {
                    self.lost_at.get_or_insert(now);
                    self.heat(now);
                }
            }
        }
    }

    fn hurry_node(&mut self, now: Duration, node: &Endpoint) {
        if let Some(member) = self.members.all.get_mut(node) {
            member.schedule.hurry(now);
        }
    }

    /// Waiting questions follow a change of pace.
    fn adjust_paces(&mut self, now: Duration) {
        let paces: Vec<Duration> = self.members.all.keys().map(|node| self.pace(now, node)).collect();
        for (member, pace) in self.members.all.values_mut().zip(paces) {
            member.schedule.at_pace(pace);
        }
        if self.is_unsettled(now) {
            for watcher in self.watchers.all.values_mut() {
                watcher.group.at_pace(group_pace(true, watcher.misses));
                watcher.members.at_pace(LISTS_HOT);
            }
        }
    }

    fn due(&mut self, now: Duration) -> Vec<Probe> {
        let mut probes = Vec::new();
        for (sentinel, watcher) in &mut self.watchers.all {
            let target = Target::Sentinel(sentinel.clone());
            if watcher.group.take(now) {
                probes.push(Probe { target: target.clone(), question: Question::Group(self.group.clone()) });
            }
            if watcher.members.take(now) {
                probes.push(Probe { target, question: Question::Members(self.group.clone()) });
            }
        }
        for (node, member) in &mut self.members.all {
            if member.schedule.take(now) {
                probes.push(Probe { target: Target::Node(node.clone()), question: Question::Node });
            }
        }
        probes
    }

    fn wake(&self, now: Duration) -> Duration {
        let watchers =
            self.watchers.all.values().flat_map(|watcher| [watcher.group.wake(), watcher.members.wake()]);
        let members = self.members.all.values().map(|member| member.schedule.wake());
        watchers.chain(members).flatten().min().unwrap_or(now + GROUP).clamp(now, now + GROUP)
    }

    fn watches(&self) -> Vec<Watch> {
        let sentinels = self.watchers.all.keys().map(|sentinel| Watch {
            target: Target::Sentinel(sentinel.clone()),
            channel: Channel::Everything,
        });
        let nodes = self
            .members
            .all
            .keys()
            .map(|node| Watch { target: Target::Node(node.clone()), channel: Channel::Hello });
        sentinels.chain(nodes).collect()
    }

    /// What is to be published. `None`: nothing was ever found.
    fn view(&self) -> Option<View> {
        let seat = self.serving.seat()?;
        let shown = |endpoint: &Endpoint, member: &Member| {
            *endpoint == seat.endpoint || (!member.hidden && self.canonical(endpoint) == endpoint)
        };
        let members = self.members.all.iter().filter(|(endpoint, member)| shown(endpoint, member));
        let nodes: Vec<Node> = members.map(|(endpoint, member)| self.node(endpoint, member)).collect();
        let master =
            self.serving.master().and_then(|master| nodes.iter().position(|node| node.endpoint == *master));
        let shard = Shard { slots: vec![(0, SLOTS - 1)], master, nodes, epoch: seat.epoch };
        Some(View { shards: vec![shard] })
    }

    fn node(&self, endpoint: &Endpoint, member: &Member) -> Node {
        let seat = self.serving.seat().filter(|seat| seat.endpoint == *endpoint);
        let role = if seat.is_some() && !self.is_demoted() { Role::Master } else { Role::Replica };
        let run_id = seat.map_or_else(|| member.run_id.clone(), |seat| seat.run_id.clone());
        let endpoint = endpoint.clone();
        Node { endpoint, role, state: member.state, run_id, rtt: member.rtt, lag: member.lag }
    }

    fn is_demoted(&self) -> bool {
        match &self.serving {
            Serving::Held(held) => held.cause == Cause::Demoted,
            Serving::Nothing | Serving::Master(_) => false,
        }
    }

    /// The change since the last publication, leaving round trips and lags aside.
    fn change(&mut self, now: Duration, reason: Option<Reason>) -> Option<Change> {
        let lost_at = self.lost_at;
        let proven = |master| {
            self.members
                .all
                .get(master)
                .is_some_and(|member| member.proves_master(now, lost_at.unwrap_or_default()))
        };
        if self.serving.master().is_some_and(proven) {
            self.lost_at = None;
        }
        let view = self.view()?;
        let plain = plain(&view);
        if self.published.as_ref() == Some(&plain) {
            return None;
        }
        self.published = Some(plain);
        let may_lower_epoch = std::mem::take(&mut self.lowers);
        Some(Change { view, reason: reason.unwrap_or(Reason::Refreshed), lost_at, may_lower_epoch })
    }
}

impl Discovery for Sentinel {
    fn poll(&mut self, now: Duration) -> Ask {
        self.adjust_paces(now);
        let probes = self.due(now);
        Ask { probes, watches: self.watches(), wake: self.wake(now) }
    }

    fn observe(&mut self, now: Duration, observation: Observation) -> Option<Change> {
        let mut reason = None;
        match &observation {
            Observation::Tick => {}
            Observation::Answer { probe, sent, outcome } => match (&probe.target, &probe.question) {
                (Target::Node(node), _) => self.on_node(now, node, *sent, outcome),
                (Target::Sentinel(sentinel), Question::Members(_)) => self.on_lists(now, sentinel, outcome),
                (Target::Sentinel(sentinel), _) => self.on_group(now, sentinel, *sent, outcome),
            },
            Observation::Message { target, channel, payload } => {
                reason = self.on_message(now, target, channel, payload);
            }
            Observation::Watching { target: Target::Sentinel(sentinel), up } => {
                if let Some(watcher) = self.watchers.all.get_mut(sentinel).filter(|_| !up) {
                    // What it published since then is not known.
                    watcher.new_epoch = None;
                }
            }
            Observation::Watching { target: Target::Node(_), .. } => {}
            Observation::Lost { target } => self.on_lost(now, target),
            Observation::Hint(hint) => self.on_hint(now, hint),
        }
        let epoch = self.serving.epoch();
        let reason = self.decide(now).or(reason);
        self.lowers |= self.serving.epoch() < epoch;
        self.change(now, reason)
    }

    fn health(&self) -> Vec<NodeHealth> {
        let nodes = self.view().into_iter().flat_map(|view| view.shards).flat_map(|shard| shard.nodes);
        let health = |node: Node| NodeHealth {
            endpoint: node.endpoint,
            role: node.role,
            state: node.state,
            rtt: node.rtt,
            lag: node.lag,
        };
        nodes.map(health).collect()
    }
}

/// One that does not answer is asked less and less often, but never less than once in a second.
fn group_pace(unsettled: bool, misses: u32) -> Duration {
    if unsettled { (GROUP_HOT * (1 << misses.min(4))).min(GROUP) } else { GROUP }
}

fn plain(view: &View) -> View {
    let mut view = view.clone();
    for node in view.shards.iter_mut().flat_map(|shard| &mut shard.nodes) {
        (node.rtt, node.lag) = (None, None);
    }
    view
}

/// A master that was just taken has proven to be up.
fn mark_up(members: &mut Members, endpoint: &Endpoint) {
    if let Some(member) = members.all.get_mut(endpoint) {
        member.state = NodeState::Up;
        member.lag = Some(Duration::ZERO);
    }
}
