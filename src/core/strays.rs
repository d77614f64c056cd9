//! Requests that have no lane at the moment: nobody owns their slot, or the node that was named is not known yet.
//! They are held like those on a lane, and are routed anew at each new topology and after a short pause.

use crate::client::gathers::Gather;
use crate::command::{Merge, ReplayClass, lookup};
use crate::failover::Verdict;
use crate::ids::ClientId;
use crate::node::queue::{Entry, EntryKind, WHOLE};
use crate::reasons::{CommandResult, HoldOutcome, RedirectReason};
use crate::resp::reply;
use crate::resp::request::Request;
use crate::route::map::SlotMap;
use crate::route::{Plan, plan};
use crate::split::Split;
use crate::split::gather::Gathering;

use super::Core;
use super::base::meta::{Flow, Meta, new_entry};
use super::base::queue::{NO_NODE, NO_ROOM};
use super::base::strays::Stray;
use super::rewrite::{class, first_slot, of_last};
use super::routing::{has_effect, to_each};

/// Between two attempts to find a stray's shard, in microseconds: at first, and at most.
const PAUSE: u64 = 10_000;
const LONGEST_PAUSE: u64 = 100_000;

/// Where one of them goes.
enum Course {
    To(u16),
    /// In parts, which are answered as one.
    Parts(Vec<(u16, Vec<u8>)>, Gather),
    /// Nowhere: this is the reply.
    Answer(Vec<u8>),
}

impl Core {
    /// Holds a request whose slot has no owner.
    pub(super) fn send_astray(&mut self, id: ClientId, bytes: &[u8], meta: Meta) -> Flow {
        if self.base.settings.hold == 0 {
            return self.base.refuse(id, meta, NO_NODE);
        }
        let version = self.base.shards.version();
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        if client.in_flight > 0 && (client.apart || meta.dedicated || client.routed != version) {
            return self.base.stall(id, crate::client::Stall::Drain);
        }
        let Some(held) = self.base.holds.try_hold(bytes.len()) else {
            return self.base.refuse(id, meta, NO_ROOM);
        };
        let now = self.base.now;
        let Some(client) = self.base.clients.get_mut(id) else { return Flow::Taken };
        let entry = new_entry(client, meta, now);
        client.in_flight += 1;
        // Nothing goes beside it: it may belong to more slots than the one that has no owner.
        client.routed = version.wrapping_sub(1);
        client.apart = meta.dedicated;
        client.lane = None;
        let slot = first_slot(bytes, self.base.shards.map());
        let (bytes, dedicated) = (bytes.to_vec(), meta.dedicated);
        self.push_stray(Stray { entry, bytes, slot, dedicated, due: 0, unserved: None, alone: false, held });
        Flow::Taken
    }

    /// Holds a request that a node has refused, until it is known where it belongs. `alone`: see [`Stray`].
    pub(super) fn go_astray(&mut self, entry: Entry, bytes: &[u8], dedicated: bool, alone: bool) {
        let mut entry = entry;
        let bytes = bytes.to_vec();
        let held = self.base.holds.hold(bytes.len());
        entry.rounds = entry.rounds.saturating_add(1);
        let slot = first_slot(&bytes, self.base.shards.map());
        self.push_stray(Stray { entry, bytes, slot, dedicated, due: 0, unserved: None, alone, held });
    }

    /// An earlier request of the same client to the same slot is among the strays: this one has to wait behind it.
    pub(super) fn is_behind_stray(&self, entry: &Entry, bytes: &[u8]) -> bool {
        self.base.strays.has(entry.client)
            && first_slot(bytes, self.base.shards.map())
                .is_some_and(|slot| self.base.strays.has_before(entry, slot))
    }

    fn push_stray(&mut self, stray: Stray) {
        let pause = PAUSE << stray.entry.rounds.saturating_sub(1).min(4);
        self.base.strays.insert(Stray { due: self.base.now + pause.min(LONGEST_PAUSE), ..stray });
        self.base.hurry = true;
    }

    /// Sends on what has a shard now. `all`: also those whose pause is not over.
    pub(super) fn route_strays(&mut self, all: bool) {
        let (now, layout) = (self.base.now, self.base.shards.layout());
        let is_due = |own: &[Stray]| own.first().is_some_and(|first| first.is_due(all, now, layout));
        let due = self.base.strays.clients(|_, own| is_due(own));
        due.into_iter().for_each(|client| self.route_strays_of(client, all));
    }

    /// Those of one client stay in their order: the first that must wait stops the others, and all of them wait for
    /// whatever else the client has in flight, for that may be sent back to them or have passed them.
    fn route_strays_of(&mut self, id: ClientId, all: bool) {
        let (now, layout) = (self.base.now, self.base.shards.layout());
        let in_flight = self.base.client(id).map_or(0, |client| client.in_flight as usize);
        let is_due = |stray: &Stray| stray.is_due(all, now, layout);
        let own = self.base.strays.of(id);
        if in_flight > own.len() || !own.first().is_some_and(is_due) {
            return;
        }
        let mut own = self.base.strays.take(id).into_iter().peekable();
        while own.peek().is_some_and(is_due) {
            let Some(mut stray) = own.next() else { break };
            match self.course(&stray) {
                Some(course) => {
                    let alone = stray.alone;
                    self.route_stray(stray, course);
                    if alone {
                        break;
                    }
                }
                None => {
                    stray.unserved = Some(layout);
                    self.base.strays.insert(stray);
                    break;
                }
            }
        }
        own.for_each(|stray| self.base.strays.insert(stray));
    }

    /// `None`: its slot has no owner yet.
    /// `None`: a slot has no owner yet.
    fn planned_course(
        &self,
        planned: Plan,
        request: &Request<'_>,
        map: &SlotMap,
        home: u16,
    ) -> Option<Course> {
        Some(match planned {
            Plan::One { shard, .. } => Course::To(shard),
            Plan::Anywhere => Course::To(home),
            Plan::Everywhere(merge) => {
                return self.course_everywhere(map, request.raw(), merge, has_effect(request));
            }
            Plan::Info(merge) => {
                let gathering = Gathering::new(merge, 1).about(map.nodes_told());
                Course::Parts(vec![(home, request.raw().to_vec())], Gather::parts(gathering, false))
            }
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

    /// `None`: nobody is there.
    fn course_everywhere(
        &self,
        map: &SlotMap,
        bytes: &[u8],
        merge: Merge,
        has_effect: bool,
    ) -> Option<Course> {
        let shards = map.everywhere();
        let asked = self.asked_of_each(merge, bytes, shards.len());
        let own = |(shard, bytes): (u16, &[u8])| (shard, bytes.to_vec());
        let parts: Vec<(u16, Vec<u8>)> = to_each(&shards, &asked).into_iter().map(own).collect();
        let gathering = Gathering::new(merge, parts.len()).choosing(self.base.settings.turns.random());
        (!parts.is_empty()).then_some(Course::Parts(parts, Gather::parts(gathering, has_effect)))
    }

    fn course(&self, stray: &Stray) -> Option<Course> {
        let map = self.base.shards.map().filter(|map| !map.is_unknown())?;
        let Entry { client, part, kind, .. } = stray.entry;
        match kind {
            EntryKind::Plain | EntryKind::Counted if part == WHOLE => of_last(&stray.bytes, |request| {
                let planned = plan(request, lookup(request.name()), map, self.base.settings.splitting);
                self.planned_course(planned, request, map, self.home(client))
            })?,
            EntryKind::Wait if part == WHOLE => self.course_everywhere(map, &stray.bytes, Merge::Min, true),
            _ => match stray.slot {
                Some(slot) => map.shard_of(slot).map(Course::To),
                None => Some(Course::To(self.home(client))),
            },
        }
    }

    fn route_stray(&mut self, stray: Stray, course: Course) {
        let waited = self.base.elapsed(stray.entry.since);
        let Stray { entry, bytes, dedicated, held, .. } = stray;
        self.base.holds.release(held);
        let Some(client) = self.base.client(entry.client) else {
            return self.base.metrics.hold_finished(HoldOutcome::Gone, waited);
        };
        match course {
            Course::To(shard) => self.transfer(entry, &bytes, shard, dedicated),
            Course::Answer(text) => self.base.answer_entry(&entry, &text, CommandResult::Error),
            Course::Parts(parts, gather) => {
                let dedicated = dedicated || gather.waits();
                client.gathers.open(entry.seq, gather);
                let more = u32::try_from(parts.len().saturating_sub(1)).unwrap_or(u32::MAX);
                client.in_flight = client.in_flight.saturating_add(more);
                for (part, (shard, bytes)) in (0..WHOLE).zip(parts) {
                    self.transfer(Entry { part, ..entry }, &bytes, shard, dedicated);
                }
            }
        }
    }

    /// Answers those whose time is over, drops those whose clients have gone, and tries the others. Gives whether any
    /// are left.
    pub(super) fn tick_strays(&mut self) -> bool {
        if self.base.strays.is_empty() {
            return false;
        }
        self.route_strays(false);
        let (now, hold, clients) = (self.base.now, self.base.settings.hold, &self.base.clients);
        let is_over =
            |id, own: &[Stray]| clients.get(id).is_none() || own.iter().any(|stray| stray.is_over(now, hold));
        for id in self.base.strays.clients(is_over) {
            match self.base.client(id).is_some() {
                true => self.expire_strays_of(id),
                false => self.drop_strays_of(id),
            }
        }
        !self.base.strays.is_empty()
    }

    fn expire_strays_of(&mut self, id: ClientId) {
        let (now, hold) = (self.base.now, self.base.settings.hold);
        let is_over = |stray: &Stray| stray.is_over(now, hold);
        let (over, kept): (Vec<Stray>, Vec<Stray>) = self.base.strays.take(id).into_iter().partition(is_over);
        kept.into_iter().for_each(|stray| self.base.strays.insert(stray));
        for stray in over {
            let reason = self.base.with_cause("no node served its slot in time", None);
            self.base.metrics.hold_finished(HoldOutcome::Expired, self.base.elapsed(stray.entry.since));
            self.base.holds.release(stray.held);
            if stray.entry.until <= now {
                self.base.end_wait(&stray.entry);
                continue;
            }
            self.base.give_up_stray(&stray.entry, &reason);
        }
    }

    fn drop_strays_of(&mut self, id: ClientId) {
        for stray in self.base.strays.take(id) {
            self.base.metrics.hold_finished(HoldOutcome::Gone, self.base.elapsed(stray.entry.since));
            self.base.holds.release(stray.held);
        }
    }

    /// Gives all of them up: the proxy stops.
    pub(super) fn stop_strays(&mut self) {
        for stray in self.base.strays.take_all().collect::<Vec<_>>() {
            self.base.holds.release(stray.held);
            self.base.give_up_stray(&stray.entry, "the proxy is stopping");
        }
    }

    /// A later request of the same client was answered. Gives the verdict on it: what it has read is to be read again
    /// after those that have keys in common with it; what it has written makes it too late for them.
    pub(super) fn verdict_on_overtaking(&mut self, entry: &Entry, bytes: &[u8]) -> Verdict {
        let passed = self.base.strays.take_before(entry, bytes);
        if !passed.is_empty()
            && class(bytes) == ReplayClass::Read
            && first_slot(bytes, self.base.shards.map()).is_some()
        {
            passed.into_iter().for_each(|stray| self.base.strays.insert(stray));
            return Verdict::Redirect(RedirectReason::TryAgain);
        }
        for stray in passed {
            self.base.holds.release(stray.held);
            self.base.give_up_stray(&stray.entry, "the node refused it and took a later one");
        }
        Verdict::Deliver
    }
}
