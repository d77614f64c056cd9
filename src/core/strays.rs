//! Requests that have no lane at the moment: nobody owns their slot, or the node that was named is not known yet.
//! They are held like those on a lane, and are routed anew at each new topology and after a short pause.

use std::collections::HashMap;

use crate::client::ClientId;
use crate::client::gathers::Gather;
use crate::command::{Merge, lookup};
use crate::failover::Verdict;
use crate::metrics::reasons::{CommandResult, HoldOutcome};
use crate::node::queue::{Entry, EntryKind, WHOLE};
use crate::resp::reply;
use crate::resp::request::Request;
use crate::route::map::SlotMap;
use crate::route::{Plan, plan};
use crate::split::Split;
use crate::split::gather::Gathering;

use super::Core;
use super::requests::{Flow, Meta};
use super::rewrite::{first_slot, have_common_key, of_last};
use super::routing::has_effect;
use super::sending::{NO_NODE, NO_ROOM, new_entry};

/// Between two attempts to find a stray's shard, in microseconds.
const PAUSE: u64 = 10_000;

/// How far the strays of one client may go.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// Those behind this one, if all between are answered.
    From(Option<u32>),
    /// No further one.
    Over,
}

/// One of them.
pub(super) struct Stray {
    pub(super) entry: Entry,
    pub(super) bytes: Vec<u8>,
    /// It belongs on a lane of the client's own.
    dedicated: bool,
    due: u64,
    /// Nothing of its client's may follow it before it is answered: the node may refuse it again, and take the next one.
    alone: bool,
    /// What it has of the hold budget.
    held: usize,
}

impl Stray {
    /// Of the same client, and sent before.
    fn is_before(&self, entry: &Entry) -> bool {
        let ahead = entry.seq.wrapping_sub(self.entry.seq);
        self.entry.client == entry.client && ahead > 0 && ahead < u32::MAX / 2
    }
}

/// Where one of them goes.
enum Course {
    To(u16),
    /// In parts, which are answered as one.
    Parts(Vec<(u16, Vec<u8>)>, Gather),
    /// Nowhere: this is the reply.
    Answer(Vec<u8>),
}

impl Course {
    fn everywhere(map: &SlotMap, bytes: &[u8], merge: Merge, has_effect: bool) -> Course {
        let parts: Vec<(u16, Vec<u8>)> = map.shards().map(|shard| (shard, bytes.to_vec())).collect();
        let gather = Gather::parts(Gathering::new(merge, parts.len()), has_effect);
        Course::Parts(parts, gather)
    }
}

/// `None`: a slot has no owner yet.
fn planned_course(planned: Plan, request: &Request<'_>, map: &SlotMap, home: u16) -> Option<Course> {
    Some(match planned {
        Plan::One { shard, .. } => Course::To(shard),
        Plan::Anywhere => Course::To(home),
        Plan::Everywhere(merge) => Course::everywhere(map, request.raw(), merge, has_effect(request)),
        Plan::Split(Split { parts, gathering }) => {
            let parts = parts.into_iter().map(|part| (part.shard, part.request)).collect();
            Course::Parts(parts, Gather::parts(gathering, has_effect(request)))
        }
        Plan::Scan(step) => Course::Parts(vec![(step.shard, step.request)], Gather::Scan(step.place)),
        Plan::Refused(error) => {
            let mut text = Vec::new();
            reply::error(&mut text, &error);
            Course::Answer(text)
        }
        Plan::Unserved(_) => return None,
    })
}

impl Core {
    /// Holds a request whose slot has no owner.
    pub(super) fn send_astray(&mut self, id: ClientId, bytes: &[u8], meta: Meta) -> Flow {
        if self.settings.hold == 0 {
            return self.refuse(id, meta, NO_NODE);
        }
        let version = self.shards.version();
        let Some(client) = self.client(id) else { return Flow::Taken };
        if client.in_flight > 0 && (client.apart || meta.dedicated || client.routed != version) {
            return self.stall(id, crate::client::Stall::Drain);
        }
        if !self.budget.try_take(bytes.len()) {
            return self.refuse(id, meta, NO_ROOM);
        }
        let now = self.now;
        let Some(client) = self.client(id) else { return Flow::Taken };
        let entry = new_entry(client, meta, now);
        client.in_flight += 1;
        client.routed = version;
        client.apart = meta.dedicated;
        client.lane = None;
        let (bytes, held) = (bytes.to_vec(), bytes.len());
        self.push_stray(Stray { entry, bytes, dedicated: meta.dedicated, due: 0, alone: false, held });
        Flow::Taken
    }

    /// Holds a request that a node has refused, until it is known where it belongs. `alone`: see [`Stray`].
    pub(super) fn go_astray(&mut self, entry: Entry, bytes: Vec<u8>, dedicated: bool, alone: bool) {
        let held = self.budget.take_up_to(bytes.len());
        self.push_stray(Stray { entry, bytes, dedicated, due: 0, alone, held });
    }

    fn push_stray(&mut self, stray: Stray) {
        self.held_commands += 1;
        self.held_bytes += stray.held;
        self.metrics.held(self.held_commands, self.held_bytes);
        self.put_back(Stray { due: self.now + PAUSE, ..stray });
        self.hurry = true;
    }

    /// One that comes back stands before those that were sent after it.
    pub(super) fn put_back(&mut self, stray: Stray) {
        let later = self.strays.iter().position(|other| stray.is_before(&other.entry));
        self.strays.insert(later.unwrap_or(self.strays.len()), stray);
    }

    /// Sends on what has a shard now. `all`: also those whose pause is not over. Those of one client stay in their order: the
    /// first that must wait stops the others, and none goes before all that was sent before it is answered or goes too.
    pub(super) fn route_strays(&mut self, all: bool) {
        if self.strays.is_empty() {
            return;
        }
        let mut turns: HashMap<ClientId, Turn> = HashMap::new();
        for stray in std::mem::take(&mut self.strays) {
            let (client, seq, alone) = (stray.entry.client, stray.entry.seq, stray.alone);
            let due = all || stray.due <= self.now;
            let turn = turns.get(&client).copied().unwrap_or(Turn::From(None));
            let goes = due && self.is_its_turn(&stray, turn);
            let Some(course) = self.course(&stray).filter(|_| goes) else {
                turns.insert(client, Turn::Over);
                self.strays.push(stray);
                continue;
            };
            turns.insert(client, if alone { Turn::Over } else { Turn::From(Some(seq.wrapping_add(1))) });
            self.route_stray(stray, course);
        }
    }

    fn is_its_turn(&self, stray: &Stray, turn: Turn) -> bool {
        let client = self.clients.get(stray.entry.client.slot as usize);
        match (turn, client.filter(|client| client.id == stray.entry.client)) {
            (_, None) => true,
            (Turn::Over, Some(_)) => false,
            (Turn::From(from), Some(client)) => client.replies.is_next(stray.entry.seq, from),
        }
    }

    /// `None`: its slot has no owner yet.
    fn course(&self, stray: &Stray) -> Option<Course> {
        let map = self.shards.map()?;
        map.shards().next()?;
        let Entry { client, part, kind, .. } = stray.entry;
        match kind {
            EntryKind::Plain if part == WHOLE => of_last(&stray.bytes, |request| {
                let planned = plan(request, lookup(request.name()), map, self.settings.splitting);
                planned_course(planned, request, map, self.home(client))
            })?,
            EntryKind::Wait if part == WHOLE => Some(Course::everywhere(map, &stray.bytes, Merge::Min, true)),
            _ => match first_slot(&stray.bytes) {
                Some(slot) => map.shard_of(slot).map(Course::To),
                None => Some(Course::To(self.home(client))),
            },
        }
    }

    fn route_stray(&mut self, stray: Stray, course: Course) {
        self.release_stray(&stray);
        let waited = self.elapsed(stray.entry.since);
        let Stray { entry, bytes, dedicated, .. } = stray;
        let Some(client) = self.client(entry.client) else {
            return self.metrics.hold_finished(HoldOutcome::Gone, waited);
        };
        match course {
            Course::To(shard) => self.transfer(entry, &bytes, shard, dedicated),
            Course::Answer(text) => self.answer_entry(&entry, &text, CommandResult::Error),
            Course::Parts(parts, gather) => {
                client.gathers.open(entry.seq, gather);
                let more = u32::try_from(parts.len().saturating_sub(1)).unwrap_or(u32::MAX);
                client.in_flight = client.in_flight.saturating_add(more);
                for (part, (shard, bytes)) in (0..WHOLE).zip(parts) {
                    self.transfer(Entry { part, ..entry }, &bytes, shard, dedicated);
                }
            }
        }
    }

    pub(super) fn release_stray(&mut self, stray: &Stray) {
        self.held_commands -= 1;
        self.held_bytes -= stray.held;
        self.budget.give(stray.held);
        self.metrics.held(self.held_commands, self.held_bytes);
    }

    /// Answers those whose time is over, drops those whose clients have gone, and tries the others. Gives whether any are left.
    pub(super) fn tick_strays(&mut self) -> bool {
        self.route_strays(false);
        let (now, hold) = (self.now, self.settings.hold);
        let clients = &self.clients;
        let is_over = |stray: &Stray| {
            let client = clients.get(stray.entry.client.slot as usize);
            client.is_none_or(|held| held.id != stray.entry.client)
                || now.saturating_sub(stray.entry.since) >= hold
        };
        let (over, kept) = std::mem::take(&mut self.strays).into_iter().partition(is_over);
        self.strays = kept;
        let over: Vec<Stray> = over;
        for stray in over {
            self.metrics.hold_finished(HoldOutcome::Expired, self.elapsed(stray.entry.since));
            self.release_stray(&stray);
            self.give_up_stray(&stray.entry, "no node served its slot in time");
        }
        !self.strays.is_empty()
    }

    pub(super) fn give_up_stray(&mut self, entry: &Entry, reason: &str) {
        match entry.kind {
            EntryKind::WatchedTransaction => self.give_up(entry, Verdict::WatchFailed, reason),
            _ => self.give_up(entry, Verdict::NotExecuted, reason),
        }
    }

    /// Whether the client has strays that were sent before this and belong to the same slot.
    pub(super) fn is_behind_strays(&self, entry: &Entry, bytes: &[u8]) -> bool {
        let before = |stray: &&Stray| stray.is_before(entry);
        let slot = || first_slot(bytes);
        self.strays.iter().filter(before).any(|stray| first_slot(&stray.bytes) == slot())
    }

    /// Takes the client's strays that were sent before this and have a key in common with it.
    pub(super) fn strays_before(&mut self, entry: &Entry, bytes: &[u8]) -> Vec<Stray> {
        let is_before = |stray: &Stray| stray.is_before(entry) && have_common_key(&stray.bytes, bytes);
        let (before, kept) = std::mem::take(&mut self.strays).into_iter().partition(is_before);
        self.strays = kept;
        before
    }
}
