//! A core with the worker's part played by hand: the test says what the node answers and when time passes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::client::ClientEnds;
use crate::client::failure_replies::FailureReplies;
use crate::client::inquiry::SentInquiry;
use crate::config::{AuthMode, Blocked, OnRefused, ReadFrom, Reads, RetryPolicy, one_proxy};
use crate::core::hub::deaf::Deaf;
use crate::core::scripts::Scripts;
use crate::core::settings::{HoldBudget, Patience, Settings, Turns};
use crate::core::{Core, Effect};
use crate::failover::{Loss, Policy};
use crate::ids::{ClientId, LaneId};
use crate::metrics::proxy::ProxyMetrics;
use crate::node::lane::{Lane, Use};
use crate::node::queue::EntryKind;
use crate::node::relay::Relay;
use crate::reasons::CloseReason;
use crate::route::Splitting;
use crate::route::owners::Sharding;
use crate::topology::aliases::Aliases;
use crate::topology::asked::CommandsAsked;
use crate::topology::diagnosis::DiagnosisCell;
use crate::topology::{ConfigEpoch, Endpoint, Generation, Node, NodeState, Role, Shard, Topology};

use super::simulation::books;
use super::simulation::conn::{About, Conn, request};
use super::simulation::listening::subscription;
use super::simulation::truth::Truth;

pub(crate) const HOLD_BYTES: usize = 1 << 20;
pub(crate) const SECOND: u64 = 1_000_000;

pub(crate) fn settings() -> Settings {
    Settings {
        auth: AuthMode::Passthrough,
        face: crate::face::Face::plain(),
        backend_credentials: None,
        own_credentials: None,
        checks_role: true,
        sharding: Sharding::Single,
        splitting: Splitting::All,
        address_map: BTreeMap::new(),
        connection_name: "tideover-test".into(),
        max_frame: 1 << 20,
        output_buffer: 4 << 20,
        tracked_keys: 1000,
        idle_timeout: 0,
        hold: 5 * SECOND,
        resend_size: 16 << 20,
        node_timeout: SECOND,
        command_timeout: 0,
        patience: Patience::Hold,
        policy: policy(RetryPolicy::Idempotent),
        failures: failure_replies(),
        reads: Reads { from: ReadFrom::Master, max_lag: std::time::Duration::from_secs(1) },
        scripts: Scripts::default(),
        deaf: Deaf::default(),
        shares_subscriptions: true,
        tally: crate::core::hub::tally::Tally::default(),
        turns: Turns::default(),
        diagnosis: DiagnosisCell::default(),
        aliases: Aliases::default(),
        commands_asked: CommandsAsked::already(),
        relays: false,
        made_replica: crate::core::made_replica::MadeReplica::default(),
    }
}

/// With large requests that are not kept.
pub(super) fn streaming() -> Settings {
    Settings { resend_size: 256 << 10, ..settings() }
}

pub(super) fn policy(retry: RetryPolicy) -> Policy {
    Policy { retry, blocked: Blocked::Wait }
}

/// With the words of the rules.
fn failure_replies() -> FailureReplies {
    let mut proxy = one_proxy("redis://node").unwrap();
    proxy.failover.answers.on_refused = OnRefused::TryAgain;
    FailureReplies::of(&proxy.failover)
}

/// A map with this master; `None`: nobody is to be written to.
pub(crate) fn topology(master: Option<(u16, &str)>) -> Topology {
    let nodes: Vec<Node> = master.iter().map(|(port, run_id)| node(*port, Some(run_id))).collect();
    map([shard(&[(0, 16383)], master.is_some(), nodes)])
}

/// Of a shard: its master's port and its slots.
pub(crate) type Piece<'a> = (Option<u16>, &'a [(u16, u16)]);

/// Three shards with a third of the slots each.
pub(crate) const THIRDS: [Piece<'static>; 3] =
    [(Some(7000), &[(0, 5460)]), (Some(7001), &[(5461, 10922)]), (Some(7002), &[(10923, 16383)])];

pub(crate) fn cluster(shards: &[Piece<'_>]) -> Topology {
    let nodes = |master: &Option<u16>| master.iter().map(|port| node(*port, None)).collect();
    map(shards.iter().map(|(master, slots)| shard(slots, master.is_some(), nodes(master))))
}

pub(super) fn map(shards: impl IntoIterator<Item = Shard>) -> Topology {
    Topology { generation: Generation(1), shards: shards.into_iter().collect(), asks_password: false }
}

/// `serves`: the first of these nodes is its master.
pub(super) fn shard(slots: &[(u16, u16)], serves: bool, nodes: Vec<Node>) -> Shard {
    Shard { slots: slots.to_vec(), master: serves.then_some(0), nodes, epoch: ConfigEpoch(0) }
}

pub(super) fn node(port: u16, run_id: Option<&str>) -> Node {
    let (endpoint, run_id) = (Endpoint::new("node", port), run_id.map(Into::into));
    Node { endpoint, role: Role::Master, state: NodeState::Up, run_id, rtt: None, lag: None }
}

pub(super) fn core(settings: Settings, budget: &Arc<HoldBudget>) -> Core {
    let names =
        |index: u16| crate::command::by_id(crate::command::CommandId(index)).map(|command| command.name);
    let metrics = ProxyMetrics::new("test", names).worker();
    Core::new(Arc::new(settings), metrics, Arc::clone(budget))
}

pub(super) struct Rig {
    pub(super) core: Core,
    pub(super) budget: Arc<HoldBudget>,
    pub(super) now: u64,
    /// Lanes whose connection was asked for, with its number and the node's port.
    pub(super) wanted: BTreeMap<u32, (LaneId, u32, u16)>,
    /// The same for those that ask nodes about themselves: they are connected by [`Rig::connect_probe`] alone.
    probes: BTreeMap<u32, (LaneId, u32, u16)>,
    /// The same for spare lanes: they are connected by [`Rig::connect_spares`] alone.
    spares: BTreeMap<u32, (LaneId, u32, u16)>,
    /// Lanes with a connection.
    pub(super) links: BTreeMap<u32, (LaneId, u32)>,
    pub(super) closed: Vec<(ClientId, CloseReason)>,
    /// Where the lanes were connected to last.
    ports: BTreeMap<u32, u16>,
    clients: u64,
    /// What the other workers were asked.
    pub(super) inquiries: Vec<(u32, Arc<SentInquiry>)>,
    /// What is for replicas.
    pub(super) relays: Vec<(u32, Relay)>,
    /// What nodes were sent beside their lanes.
    pub(super) sent_once: Vec<String>,
    /// Lines of MONITOR for other workers.
    pub(super) shown_elsewhere: String,
    /// Invalidations for clients of other workers.
    pub(super) told_elsewhere: Vec<(u64, Option<Arc<[u8]>>)>,
    pub(super) targets_gone: Vec<u64>,
}

impl Rig {
    /// With a master on port 1.
    pub(super) fn new(settings: Settings) -> Self {
        let budget = Arc::new(HoldBudget::new(HOLD_BYTES));
        let mut rig = Rig {
            core: core(settings, &budget),
            budget,
            now: SECOND,
            wanted: BTreeMap::new(),
            probes: BTreeMap::new(),
            spares: BTreeMap::new(),
            links: BTreeMap::new(),
            closed: Vec::new(),
            ports: BTreeMap::new(),
            clients: 0,
            inquiries: Vec::new(),
            relays: Vec::new(),
            sent_once: Vec::new(),
            shown_elsewhere: String::new(),
            told_elsewhere: Vec::new(),
            targets_gone: Vec::new(),
        };
        rig.core.set_now(rig.now);
        match rig.core.base.settings.sharding {
            Sharding::Single => rig.gate(Some(1)),
            Sharding::Cluster => rig.publish(&THIRDS),
            // The test says who is there.
            Sharding::Active(_) => {}
        }
        rig
    }

    /// Shards, each with its master's port and its slots.
    pub(super) fn publish(&mut self, shards: &[Piece<'_>]) {
        self.core.set_topology(&cluster(shards));
        self.turn();
    }

    /// The lane that was connected to this port, its latest one.
    pub(super) fn lane_to(&self, port: u16) -> LaneId {
        let lanes = self.links.iter().filter(|(slot, _)| self.ports.get(slot) == Some(&port));
        lanes.map(|(_, (lane, _))| *lane).max_by_key(|lane| lane.serial).expect("a lane to that port")
    }

    /// The connected lane of this place, its latest one.
    pub(super) fn lane_of(&self, shard: u16) -> LaneId {
        let lanes = self.links.values().map(|(lane, _)| *lane);
        let is_of =
            |lane: &LaneId| self.core.base.lanes.get(*lane).is_some_and(|lane| lane.key.shard == shard);
        lanes.filter(is_of).max_by_key(|lane| lane.serial).expect("a lane of that place")
    }

    pub(super) fn gate(&mut self, port: Option<u16>) {
        self.core.set_topology(&topology(port.map(|port| (port, "run"))));
        self.turn();
    }

    pub(super) fn client(&mut self) -> ClientId {
        self.clients += 1;
        self.core.open_client(self.clients, ClientEnds::default())
    }

    /// Lets time pass, tick by tick.
    pub(super) fn wait(&mut self, micros: u64) {
        let end = self.now + micros;
        while self.now < end {
            self.now = (self.now + 50_000).min(end);
            self.core.set_now(self.now);
            self.core.tick();
            self.turn();
        }
    }

    pub(super) fn turn(&mut self) {
        self.core.finish_turn();
        let mut effects = Vec::new();
        self.core.take_effects(&mut effects);
        for effect in effects {
            match effect {
                Effect::Connect { lane, connection, endpoint, .. } => {
                    let held = self.core.base.lanes.get(lane);
                    let into = match held {
                        Some(lane) if lane.key.use_ == Use::Probe => &mut self.probes,
                        Some(lane) if lane.is_spare() => &mut self.spares,
                        _ => &mut self.wanted,
                    };
                    into.insert(lane.slot, (lane, connection, endpoint.port));
                }
                Effect::Disconnect { lane } => {
                    self.wanted.remove(&lane.slot);
                    self.probes.remove(&lane.slot);
                    self.spares.remove(&lane.slot);
                    self.links.remove(&lane.slot);
                }
                Effect::CloseClient { client, reason } => self.closed.push((client, reason)),
                Effect::Inquire { number, inquiry } => self.inquiries.push((number, inquiry)),
                Effect::Relay { number, relay } => self.relays.push((number, relay)),
                Effect::SendOnce { bytes, .. } => {
                    self.sent_once.push(String::from_utf8_lossy(&bytes).into_owned());
                }
                Effect::ShowElsewhere { lines } => {
                    self.shown_elsewhere.push_str(&String::from_utf8_lossy(&lines));
                }
                Effect::TellElsewhere { target, keys } => {
                    self.told_elsewhere.push((target, keys));
                }
                Effect::TargetGone { target } => self.targets_gone.push(target),
                Effect::ReadClient { .. } | Effect::Hint(_) => {}
            }
        }
        // To look at a crowd after each turn takes too long.
        if self.core.base.clients.len() < 20 {
            books::check(&self.core, &self.budget, HOLD_BYTES);
        }
    }

    /// Inline commands, one a line.
    pub(super) fn say(&mut self, id: ClientId, lines: &str) {
        let bytes = lines.replace('\n', "\r\n") + "\r\n";
        self.core.client_input(id, bytes.as_bytes());
        self.turn();
    }

    /// One command, its words in full.
    pub(super) fn command(&mut self, id: ClientId, words: &[&str]) {
        self.core.client_input(id, &request(words));
        self.turn();
    }

    /// Everything for the client so far.
    pub(super) fn heard(&mut self, id: ClientId) -> String {
        let text = String::from_utf8_lossy(self.core.client_output(id)).into_owned();
        self.core.client_written(id, text.len());
        self.core.client_flushed(id);
        self.turn();
        text
    }

    /// Takes up every connection that is asked for, and answers its greeting as a healthy master does.
    pub(super) fn connect(&mut self) -> Vec<LaneId> {
        // A spare lane may be a client's by now.
        let lanes = &self.core.base.lanes;
        let is_spare = |lane: LaneId| lanes.get(lane).is_some_and(|lane| lane.is_spare());
        self.wanted.extend(self.spares.extract_if(.., |_, (lane, ..)| !is_spare(*lane)));
        let wanted = std::mem::take(&mut self.wanted);
        let mut lanes = Vec::new();
        for (slot, (lane, connection, port)) in wanted {
            self.ports.insert(slot, port);
            assert!(self.core.connected(lane, connection));
            self.links.insert(slot, (lane, connection));
            let greeting = self.sent(lane);
            answers(&greeting).iter().for_each(|answer| self.reply(lane, answer));
            lanes.push(lane);
        }
        self.turn();
        lanes
    }

    /// Says it, and has the node allow whatever of it needs the node's permission.
    pub(super) fn say_permitted(&mut self, id: ClientId, lines: &str) {
        self.say(id, lines);
        loop {
            self.connect();
            let asks =
                |lane: &&Lane| lane.queue.front().is_some_and(|head| head.kind == EntryKind::Permission);
            let asked = self.core.base.lanes.iter().find(asks);
            let Some((lane, replies)) = asked.map(|lane| (lane.id, lane.queue[0].replies)) else { return };
            self.sent(lane);
            self.reply(lane, if replies == 3 { "+OK\r\n+QUEUED\r\n+OK\r\n" } else { ":0\r\n" });
        }
    }

    /// Takes up the connections that are asked for to have them spare.
    pub(super) fn connect_spares(&mut self) -> Vec<LaneId> {
        self.wanted.append(&mut self.spares);
        self.connect()
    }

    /// Takes up the connection that is asked for to ask a node about itself.
    pub(super) fn connect_probe(&mut self) -> LaneId {
        self.wanted.append(&mut self.probes);
        let lanes = self.connect();
        let asks =
            |lane: &LaneId| self.core.base.lanes.get(*lane).is_some_and(|lane| lane.key.use_ == Use::Probe);
        lanes.into_iter().find(asks).expect("a node is asked about itself")
    }

    /// Returns what the lane has for its node, all of it taken.
    pub(super) fn sent(&mut self, lane: LaneId) -> String {
        let mut text = String::new();
        loop {
            let bytes = self.core.lane_output(lane);
            if bytes.is_empty() {
                break;
            }
            text.push_str(&String::from_utf8_lossy(bytes));
            let len = bytes.len();
            self.core.lane_written(lane, len);
        }
        self.core.lane_flushed(lane);
        text
    }

    pub(super) fn reply(&mut self, lane: LaneId, bytes: &str) {
        let (_, connection) = self.links[&lane.slot];
        self.core.node_input(lane, connection, bytes.as_bytes());
        self.turn();
    }

    pub(super) fn lose(&mut self, lane: LaneId) {
        self.close(lane, Loss::Closed);
    }

    /// The node ends the connection, and everything that it wrote was read.
    pub(super) fn end(&mut self, lane: LaneId) {
        self.close(lane, Loss::Ended);
    }

    fn close(&mut self, lane: LaneId, loss: Loss) {
        let (_, connection) = self.links.remove(&lane.slot).expect("a lane with a connection");
        self.core.link_closed(lane, connection, loss);
        self.turn();
    }

    /// Checks that nothing is left when all clients have gone and lanes were idle for long enough.
    pub(super) fn assert_nothing_left(&mut self) {
        let connected = |lane: &LaneId| self.links.contains_key(&lane.slot);
        let wiped: Vec<LaneId> = self.core.base.spares.iter().copied().filter(connected).collect();
        for lane in wiped {
            let unwatch = self.sent(lane);
            if unwatch.ends_with("UNWATCH\r\n") {
                self.reply(lane, "+OK\r\n");
            }
        }
        self.wait(100 * SECOND);
        books::assert_nothing_left(&self.core, &self.budget, HOLD_BYTES);
    }
}

/// The answers of a healthy master to a greeting; a subscription is the test's to confirm.
fn answers(greeting: &str) -> Vec<String> {
    let mut node = Conn::<()>::new(7, 1);
    node.take(greeting.as_bytes(), &mut Truth::default());
    let asked = std::mem::take(&mut node.queue).into_iter();
    let about = About { is_replica: false, run_id: "run", is_ending: false };
    let greets = asked.filter(|words| subscription(words).is_none());
    greets
        .map(|words| {
            node.about(&words, &about);
            String::from_utf8_lossy(&std::mem::take(&mut node.out)).into_owned()
        })
        .collect()
}
