//! Ears: the connections on which nodes tell what has changed for clients of RESP2, which cannot be told on the connection that
//! they read on. A lane with such clients is connected once its ear is, and names it to the node.

use crate::command::lookup;
use crate::ids::LaneId;
use crate::node::lane::{LaneKey, Target, Use};
use crate::node::link::Link;
use crate::node::modes::Modes;
use crate::node::queue::Entry;
use crate::resp::reply::{self, Proto};

use super::Base;

/// A command that every node answers.
pub(in crate::core) const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// Returns the node's id for the ear of a lane, if the ear is connected to this node.
pub(in crate::core) fn id_of_ear(base: &Base, id: LaneId, target: &Target) -> Option<u64> {
    let ear = base.lanes.get(base.lanes.get(id)?.ear?)?;
    let is_there = ear.link.is_up() && ear.link.target() == Some(target);
    ear.node_connection_id.filter(|_| is_there)
}

/// Connects the ear of a lane.
pub(in crate::core) fn open_ear(base: &mut Base, id: LaneId) {
    let Some(lane) = base.lanes.get(id) else { return };
    let ear = match lane.ear {
        Some(ear) => ear,
        None => {
            let modes = Modes::default();
            let key = LaneKey { use_: Use::Ear, proto: Proto::Resp3, db: 0, modes, ..lane.key.clone() };
            add_ear(base, id, key)
        }
    };
    base.tick_soon = true;
    base.open_link(ear);
}

fn add_ear(base: &mut Base, id: LaneId, key: LaneKey) -> LaneId {
    let ear = base.add_lane(key);
    if let Some(lane) = base.lane(ear) {
        lane.hears_for = Some(id);
    }
    if let Some(lane) = base.lane(id) {
        lane.ear = Some(ear);
    }
    ear
}

/// Makes the lane of an ear that was just connected use it: connects the lane, or names the ear to its node.
pub(in crate::core) fn use_ear(base: &mut Base, ear: LaneId) {
    let Some(id) = base.lanes.get(ear).and_then(|ear| ear.hears_for) else { return };
    let Some(lane) = base.lanes.get(id) else { return };
    let named = match &lane.link {
        Link::Down { .. } => return base.open_link(id),
        Link::Up(_) => base.lanes.get(ear).and_then(|ear| ear.node_connection_id),
        Link::Opening { .. } | Link::Greeting { .. } => None,
    };
    let Some(words) = named.and_then(|named| lane.key.modes.tracking.command(Some(named))) else {
        return;
    };
    let mut bytes = Vec::new();
    reply::command(&mut bytes, &words.iter().map(Vec::as_slice).collect::<Vec<_>>());
    send_own(base, id, b"client", &bytes);
}

/// Sends a command of the proxy's own on a lane of clients that is connected.
pub(in crate::core) fn send_own(base: &mut Base, id: LaneId, name: &[u8], bytes: &[u8]) {
    let Some(command) = lookup(name).filter(|_| base.is_open(id)) else { return };
    let entry = Entry::own(command.id, command.family(), base.now);
    let used = base.lanes.get(id).map(|lane| lane.used);
    base.enqueue(id, entry, bytes, None);
    if let (Some(lane), Some(used)) = (base.lane(id), used) {
        lane.used = used;
    }
}
