//! A base alone, for tests of the owners that stand on it: lanes are up when the test says so, and nothing happens by itself.

use std::sync::Arc;

use crate::client::Client;
use crate::command::lookup;
use crate::command::testing::requests;
use crate::core::base::Base;
use crate::core::base::meta::{Meta, new_entry};
use crate::core::settings::{HoldBudget, Settings};
use crate::ids::{ClientId, LaneId};
use crate::metrics::proxy::ProxyMetrics;
use crate::node::greeting::Check;
use crate::node::lane::{Target, Use};
use crate::node::link::Link;
use crate::node::queue::{Entry, EntryKind};
use crate::topology::{Endpoint, Topology};

use super::rig::{HOLD_BYTES, SECOND};

pub(crate) struct Stand {
    pub(crate) base: Base,
}

impl Stand {
    pub(crate) fn new(settings: Settings, topology: &Topology) -> Stand {
        let names =
            |index: u16| crate::command::by_id(crate::command::CommandId(index)).map(|command| command.name);
        let (metrics, budget) = (ProxyMetrics::new("test", names).worker(), HoldBudget::new(HOLD_BYTES));
        let mut base = Base::new(Arc::new(settings), metrics, Arc::new(budget));
        base.now = SECOND;
        let mut stand = Stand { base };
        stand.publish(topology);
        stand
    }

    pub(crate) fn publish(&mut self, topology: &Topology) {
        let settings = Arc::clone(&self.base.settings);
        self.base.shards.update(topology, &settings, self.base.now);
    }

    pub(crate) fn client(&mut self) -> ClientId {
        let now = self.base.now;
        self.base.clients.insert(|id| Client::new(id, 1, crate::client::ClientEnds::default(), now))
    }

    /// The lane that this client shares with others at a shard, with a connection if the shard has a master.
    pub(crate) fn lane(&mut self, client: ClientId, shard: u16) -> LaneId {
        let lane = self.base.shared_lane(client, shard, Use::Master);
        if !self.base.lane(lane).unwrap().link.is_up() {
            self.raise(lane);
        }
        lane
    }

    /// The lane has a connection from now on.
    pub(crate) fn raise(&mut self, lane: LaneId) {
        let target = Target { endpoint: Endpoint::new("node", 1), check: Check::default() };
        self.base.lane(lane).unwrap().link = Link::up(target);
    }

    /// Puts a request of a client on a lane, as the way of a command does; several commands with semicolons are one.
    pub(crate) fn ask(&mut self, client: ClientId, lane: LaneId, line: &str, kind: EntryKind) -> Entry {
        let command = lookup(line.split(' ').next().unwrap().as_bytes());
        let now = self.base.now;
        let asking = self.base.client(client).unwrap();
        let entry = new_entry(asking, Meta::of(command, kind, false), now);
        asking.in_flight += 1;
        let held = self.base.hold_unless_open(lane, line.len()).unwrap();
        self.base.enqueue(lane, entry, &requests(&line.split(';').collect::<Vec<_>>()), held);
        *self.base.lane(lane).unwrap().queue.back().unwrap()
    }

    /// The node takes so many bytes, or all.
    pub(crate) fn write(&mut self, lane: LaneId, bytes: Option<usize>) {
        let stream = &mut self.base.lane(lane).unwrap().stream;
        let bytes = bytes.unwrap_or((stream.appended() - stream.written()) as usize);
        stream.advance_written(bytes);
    }

    /// The requests that wait on a lane, in their order.
    pub(crate) fn waiting(&mut self, lane: LaneId) -> Vec<String> {
        let lane = self.base.lane(lane).unwrap();
        let text = |entry: &Entry| words(lane.stream.request(entry));
        lane.queue.iter().map(text).collect()
    }

    /// The requests of a client that have no lane.
    pub(crate) fn astray(&self, client: ClientId) -> Vec<String> {
        self.base.strays.of(client).iter().map(|stray| words(&stray.bytes)).collect()
    }

    /// Everything that the client was told.
    pub(crate) fn heard(&mut self, client: ClientId) -> String {
        let text = String::from_utf8_lossy(self.base.client_output(client)).into_owned();
        self.base.client_written(client, text.len());
        text
    }
}

/// The words of a request, without their lengths.
fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let words = text.split("\r\n").filter(|word| !word.starts_with(['*', '$']) && !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}
