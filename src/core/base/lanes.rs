//! The choice of the lane that a client uses, and the removal of lanes.

use super::{follow, spares};
use std::sync::Arc;

use crate::client::session::{Session, Watch};
use crate::config::Credentials;
use crate::ids::{ClientId, LaneId};
use crate::node::lane::{Lane, LaneKey, Use};
use crate::node::link::Link;
use crate::node::modes::Modes;
use crate::resp::reply::Proto;

use super::Base;

impl Base {
    /// Returns the shard of the client's requests without keys. It changes only between them, which keeps their order.
    pub(crate) fn home(&self, id: ClientId) -> u16 {
        let client = self.clients.get(id);
        let busy = client.filter(|client| client.in_flight > 0).and_then(|client| client.home);
        busy.unwrap_or_else(|| self.shards.home(id.slot))
    }

    /// Returns the lane that the client shares with all clients of its identity, database and RESP version.
    pub(crate) fn shared_lane(&mut self, id: ClientId, shard: u16, use_: Use) -> LaneId {
        let known = self.client(id).and_then(|client| client.shared.get(shard, use_));
        if let Some(lane) = known.filter(|lane| self.lanes.get(*lane).is_some()) {
            return lane;
        }
        let key = LaneKey { use_, ..self.session_key(id, shard, None) };
        let lane = self.lane_for(key);
        if let Some(client) = self.client(id) {
            client.shared.set(shard, use_, lane);
        }
        follow::note_follower(self, id, lane);
        lane
    }

    /// Returns the client's own lane to a shard. A lane that belongs to a former state of the session is replaced.
    pub(crate) fn dedicated_lane(&mut self, id: ClientId, shard: u16, any_db: bool) -> LaneId {
        let key = self.own_key(id, shard, any_db);
        if let Some(lane) = self.own_lane(id, shard) {
            if self.lane(lane).is_some_and(|lane| lane.key == key) {
                return lane;
            }
            self.give_back_own(id, lane);
        }
        let lane = spares::take(self, key);
        if let Some(client) = self.client(id) {
            client.dedicated.push(lane);
        }
        follow::note_follower(self, id, lane);
        lane
    }

    /// Returns true if the client's own lane to a shard belongs to another state of the session, and still carries
    /// requests that the client waits for.
    pub(crate) fn own_is_busy(&mut self, id: ClientId, shard: u16, any_db: bool) -> bool {
        if self.client(id).is_none_or(|client| client.in_flight == 0) {
            return false;
        }
        let key = self.own_key(id, shard, any_db);
        let own = self.own_lane(id, shard).and_then(|lane| self.lane(lane));
        own.is_some_and(|lane| lane.is_wanted() && lane.key != key)
    }

    fn own_key(&mut self, id: ClientId, shard: u16, any_db: bool) -> LaneKey {
        let key = self.session_key(id, shard, Some(id));
        if any_db { LaneKey { db: 0, ..key } } else { key }
    }

    /// Notes that the session of the client's own connection has become that of the client.
    pub(crate) fn note_session_of(&mut self, id: ClientId, lane: LaneId) {
        let Some(shard) =
            self.lane(lane).filter(|lane| lane.key.owner == Some(id)).map(|lane| lane.key.shard)
        else {
            return;
        };
        let key = self.own_key(id, shard, false);
        match self.lane(lane) {
            // What the node tracks for a connection does not change with its session.
            Some(lane) if lane.key.modes == Modes::default() && key.modes == Modes::default() => {
                lane.key = key
            }
            _ => self.drop_own_lane(id, lane),
        }
    }

    /// Returns the client's own lane to a shard, if it has one.
    fn own_lane(&mut self, id: ClientId, shard: u16) -> Option<LaneId> {
        let client = self.clients.get(id)?;
        let mut own = client.dedicated.iter();
        own.find(|lane| self.lanes.get(**lane).is_some_and(|lane| lane.key.shard == shard)).copied()
    }

    pub(crate) fn lane_for(&mut self, key: LaneKey) -> LaneId {
        if let Some(lane) = self.shared.get(&key) {
            return *lane;
        }
        let lane = self.add_lane(key.clone());
        self.shared.insert(key, lane);
        lane
    }

    pub(crate) fn add_lane(&mut self, key: LaneKey) -> LaneId {
        let now = self.now;
        self.lanes.insert(|id| Lane::new(id, key, now))
    }

    fn session_key(&mut self, id: ClientId, shard: u16, owner: Option<ClientId>) -> LaneKey {
        let backend: Option<Arc<Credentials>> = self.settings.backend_credentials.clone();
        let default = Session::default();
        let session = self.client(id).map_or(&default, |client| &client.session);
        let (db, proto): (u32, Proto) = (session.db, session.proto);
        let identity = session.identity.clone().or(backend);
        LaneKey { shard, use_: Use::Master, identity, db, proto, modes: session.modes(id), owner }
    }

    /// Gives up the client's own lanes, and with them its WATCH.
    pub(crate) fn give_back_all(&mut self, id: ClientId) {
        let own = self.client(id).map(|client| std::mem::take(&mut client.dedicated)).unwrap_or_default();
        own.into_iter().for_each(|lane| spares::give_back(self, lane));
    }

    fn give_back_own(&mut self, id: ClientId, lane: LaneId) {
        if let Some(client) = self.client(id) {
            client.dedicated.retain(|own| *own != lane);
        }
        spares::give_back(self, lane);
    }

    /// Closes the client's own connections. Connection state such as a WATCH is lost with them.
    pub(crate) fn drop_dedicated(&mut self, id: ClientId) {
        let own = self.client(id).map(|client| std::mem::take(&mut client.dedicated)).unwrap_or_default();
        own.into_iter().for_each(|lane| self.remove_lane(lane));
    }

    pub(crate) fn give_back_at(&mut self, id: ClientId, shard: u16) {
        if let Some(lane) = self.own_lane(id, shard).filter(|lane| !spares::is_kept(self, *lane)) {
            self.give_back_own(id, lane);
        }
    }

    pub(crate) fn drop_own_lane(&mut self, id: ClientId, lane: LaneId) {
        if let Some(client) = self.client(id) {
            client.dedicated.retain(|own| *own != lane);
        }
        self.remove_lane(lane);
    }

    pub(crate) fn remove_lane(&mut self, id: LaneId) {
        self.disconnect(id);
        let Some(lane) = self.lane(id) else { return };
        lane.link = Link::Down { retry_at: 0 };
        let (waiting, ear) = (std::mem::take(&mut lane.waiting), lane.ear.take());
        lane.queue.clear();
        let (dedicated, stream) = (lane.is_dedicated(), lane.stream.take());
        stream.release(&mut self.segments);
        self.update_held(id);
        self.resumed.extend(waiting);
        if let Some(lane) = self.lanes.remove(id).filter(|_| !dedicated) {
            self.shared.remove(&lane.key);
        }
        if let Some(ear) = ear {
            self.remove_lane(ear);
        }
    }

    /// Returns true if the client's WATCH is on this connection.
    pub(crate) fn is_watching(&mut self, id: LaneId) -> bool {
        let Some((owner, shard)) = self.owner_and_shard(id) else { return false };
        self.client(owner).is_some_and(|client| {
            client.session.watch != Watch::None
                && client.session.watched.is_none_or(|(_, watching)| watching == shard)
        })
    }

    fn owner_and_shard(&mut self, id: LaneId) -> Option<(ClientId, u16)> {
        let key = &self.lane(id)?.key;
        Some((key.owner?, key.shard))
    }

    /// Returns the audience of a listening lane, and the lane's shard.
    pub(crate) fn audience_at(&self, id: LaneId) -> Option<(usize, u16)> {
        let lane = self.lanes.get(id)?;
        Some((lane.listening.as_ref()?.audience, lane.key.shard))
    }
}
