//! Commands that the replicas of a node get as well, once the node has accepted them: see [`crate::command::for_replicas`].
//!
//! The client has its reply when the replicas have answered, so that a failover right behind it does not undo the command. What
//! a replica says changes nothing in the reply: it is the node's. A wait that is too long ends here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::{for_replicas, resolve};
use crate::ids::{ClientId, LaneId};
use crate::node::queue::Entry;
use crate::node::relay::{Acceptance, Relay};
use crate::reasons::CommandResult;
use crate::resp::request::Request;

use super::Effect;
use super::base::Base;
use super::rewrite::{of_last, without_asking};

/// The longest wait of a client for replicas, in microseconds. Who relays gives up before that.
pub(super) const LONGEST: u64 = 1_500_000;
/// The number of relays that a worker may have under way, and the bytes of their commands.
const MOST: usize = 1024;
const MOST_BYTES: usize = 8 << 20;

/// The relays of this worker's clients that are under way, by their numbers.
#[derive(Default)]
pub(super) struct Relays {
    last: u32,
    open: BTreeMap<u32, OpenRelay>,
    bytes: usize,
}

struct OpenRelay {
    /// Holds the place of the reply.
    entry: Entry,
    reply: Box<[u8]>,
    due: u64,
    bytes: usize,
}

/// Returns who has accepted what is on this lane. `None`: it has no connection.
pub(super) fn acceptance_on(base: &Base, id: LaneId) -> Option<Acceptance> {
    let lane = base.lanes.get(id)?;
    let node = lane.link.target()?.endpoint.clone();
    Some(Acceptance { node, identity: lane.key.identity.clone() })
}

/// Returns the relay of a command that was accepted so. `None`: it concerns that node alone.
pub(super) fn relay_of(acceptance: Acceptance, command: &[u8]) -> Option<Relay> {
    let named = |request: &Request<'_>| Some((resolve(request)?.name, Arc::from(&*for_replicas(request)?)));
    let (command, bytes) = of_last(without_asking(command), named)??;
    Some(Relay { acceptance, command, bytes })
}

/// Returns the relay of the request at the head of a lane, which its node has accepted.
pub(super) fn relay_of_head(base: &Base, id: LaneId, entry: &Entry) -> Option<Relay> {
    relay_of(acceptance_on(base, id)?, base.lanes.get(id)?.stream.request(entry))
}
impl Relays {
    /// Has the replicas get a command. `entry` is to be answered with `reply` afterwards.
    pub(super) fn open(&mut self, base: &mut Base, entry: &Entry, relay: Relay, reply: &[u8]) {
        let bytes = relay.bytes.len();
        if self.open.len() >= MOST || self.bytes + bytes > MOST_BYTES {
            base.metrics.relay_dropped();
            return base.deliver(entry, reply, CommandResult::Ok);
        }
        self.last = self.last.wrapping_add(1);
        self.bytes += bytes;
        let open = OpenRelay { entry: *entry, reply: reply.into(), due: base.now + LONGEST, bytes };
        self.open.insert(self.last, open);
        base.effects.push(Effect::Relay { number: self.last, relay });
    }

    /// Answers the client of this relay: the replicas have answered, or have had their time.
    pub(super) fn end(&mut self, base: &mut Base, number: u32) {
        let Some(open) = self.open.remove(&number) else { return };
        self.bytes -= open.bytes;
        base.deliver(&open.entry, &open.reply, CommandResult::Ok);
    }

    /// Ends the relays whose time is over.
    pub(super) fn tick(&mut self, base: &mut Base) {
        self.end_if(base, |open, now| open.due <= now);
    }

    /// Replies with what the nodes have said: the proxy stops.
    pub(super) fn stop(&mut self, base: &mut Base) {
        self.end_if(base, |_, _| true);
    }

    fn end_if(&mut self, base: &mut Base, is_over: fn(&OpenRelay, u64) -> bool) {
        let over = self.open.iter().filter(|(_, open)| is_over(open, base.now)).map(|(number, _)| *number);
        over.collect::<Vec<u32>>().into_iter().for_each(|number| self.end(base, number));
    }

    /// Returns the clients that wait for replicas.
    pub(super) fn clients(&self) -> impl Iterator<Item = ClientId> {
        self.open.values().map(|open| open.entry.client)
    }
}
