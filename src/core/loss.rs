//! Refusals and lost connections: every request in flight gets its verdict, what may be sent again stays in
//! order at the front of its lane.

use crate::client::session::Watch;
use crate::command::ReplayClass;
use crate::failover::{Context, Loss, Outcome, Sent, Verdict, decide};
use crate::ids::LaneId;
use crate::node::lane::Link;
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::HoldOutcome;

use super::Core;
use super::rewrite::{class, replies_from_start, without_asking};
use super::shutdowns::is_put_off;

/// Before a node that serves nothing is tried again, in microseconds.
const PAUSE: u64 = 20_000;

impl Core {
    /// The lane's connection is gone or given up. Every request gets its verdict; the kept ones wait in order.
    pub(super) fn lose(&mut self, id: LaneId, loss: Loss) {
        if self.base.audience_at(id).is_some() {
            return self.hub.lose(&mut self.base, id, loss);
        }
        self.base.hint_loss(id, loss);
        self.pass_over_reader(id);
        if let Some(probe) = self.base.lane(id).and_then(|lane| lane.probe.as_mut()) {
            probe.forget();
        }
        self.base.disconnect(id);
        self.forget_watch(id);
        let in_order = self.has_ended_in_order(id, loss);
        let Some(lane) = self.base.lane(id) else { return };
        // What the driver still has of the old connection is void.
        lane.connection = lane.connection.wrapping_add(1);
        let begun = lane.streaming.is_some();
        lane.forget_replies();
        (lane.refusing, lane.left, lane.silent, lane.names_itself) = (None, None, None, false);
        (lane.paused, lane.probing, lane.listens_first) = (None, false, false);
        let was_up = lane.link.is_up();
        lane.link = Link::Down { retry_at: 0 };
        let written = lane.stream.written();
        let has_left = lane.queue.front().is_some_and(|head| head.start < written);
        let untouched = !was_up && lane.set_aside.is_empty() && !has_left && !lane.is_dedicated();
        if untouched {
            // Nothing has left: however often no connection comes about, what waits stays where it is. On a client's own
            // lane there may be what cannot wait.
            return self.after_loss(id);
        }
        let (stream, queue) = (lane.stream.take(), std::mem::take(&mut lane.queue));
        for aside in std::mem::take(&mut lane.set_aside) {
            self.keep(id, aside.entry, &aside.bytes);
        }
        for (index, entry) in queue.into_iter().enumerate() {
            let sent = match entry.end <= written && entry.kind != EntryKind::Upload {
                true if index == 0 && begun => Sent::Answering,
                true if in_order && is_put_off(stream.request(&entry)) => Sent::PutOff,
                true => Sent::Whole,
                false => Sent::Incomplete,
            };
            let bytes = stream.request(&entry);
            self.judge(id, entry, bytes, sent, loss, entry.start < written);
        }
        stream.release(&mut self.base.segments);
        self.after_loss(id);
    }

    fn judge(&mut self, id: LaneId, entry: Entry, bytes: &[u8], sent: Sent, loss: Loss, begun: bool) {
        if self.base.client(entry.client).is_none() {
            if sent == Sent::Incomplete {
                self.base.metrics.hold_finished(HoldOutcome::Gone, self.base.elapsed(entry.since));
            }
            return;
        }
        let class = if sent == Sent::Whole { class(bytes) } else { ReplayClass::NotIdempotent };
        match decide(self.base.settings.policy, class, entry.kind.context(), Outcome::Lost(sent, loss)) {
            Verdict::Retry(reason) => {
                if begun {
                    self.base.metrics.retried(reason);
                }
                let mut entry = entry;
                entry.may_have_run |= sent == Sent::Whole && has_effect(&entry, class);
                if sent != Sent::Incomplete {
                    entry.cast_off(self.base.now, self.base.settings.node_timeout);
                }
                self.keep(id, entry, bytes);
            }
            verdict => self.base.give_up(&entry, verdict, loss.reason()),
        }
    }

    /// The node serves nothing for the moment: everything that it has not answered waits, in order, on the connection
    /// that it has.
    pub(super) fn pause(&mut self, id: LaneId) {
        self.pause_until(id, self.base.now + PAUSE);
        self.base.hurry = true;
        self.fail_without_hold(id);
    }

    /// The same without a pause: the first one that waits goes out at once.
    pub(super) fn ask_again(&mut self, id: LaneId) {
        self.pause_until(id, self.base.now);
        self.end_pause(id);
    }

    fn pause_until(&mut self, id: LaneId, until: u64) {
        let Some(lane) = self.base.lane(id) else { return };
        (lane.refusing, lane.left, lane.silent) = (None, None, None);
        lane.paused = Some(until);
        (lane.probing, lane.listens_first) = (false, false);
        let (stream, queue) = (lane.stream.take(), std::mem::take(&mut lane.queue));
        for aside in std::mem::take(&mut lane.set_aside) {
            self.keep(id, aside.entry, &aside.bytes);
        }
        for entry in queue {
            self.keep(id, entry, stream.request(&entry));
        }
        stream.release(&mut self.base.segments);
        self.base.rehold(id);
    }

    /// Puts a request back at the end of its lane, as if it had just been taken.
    pub(super) fn keep(&mut self, id: LaneId, mut entry: Entry, bytes: &[u8]) {
        if entry.kind.context() == Context::Upload {
            // It is not there to be sent again; and nothing of it has been sent.
            return self.base.give_up(&entry, Verdict::NotExecuted, "it was too large to wait");
        }
        if self.is_behind_stray(&entry, bytes) {
            let dedicated = self.base.lane(id).is_some_and(|lane| lane.is_dedicated());
            return self.go_astray(entry, without_asking(bytes), dedicated, false);
        }
        let Some(lane) = self.base.lanes.get_mut(id) else { return };
        entry.start = lane.stream.push(bytes, &mut self.base.segments);
        entry.end = lane.stream.appended();
        entry.refusal = None;
        entry.replies = replies_from_start(&entry, bytes);
        lane.queue.push_back(entry);
    }

    /// A confirmed WATCH dies with its connection.
    fn forget_watch(&mut self, id: LaneId) {
        if !self.base.is_watching(id) {
            return;
        }
        let Some(lane) = self.base.lane(id).filter(|lane| lane.link.is_up()) else { return };
        let Some(client) = lane.key.owner.and_then(|owner| self.base.client(owner)) else { return };
        if client.session.watch == Watch::Active {
            client.session.watch = Watch::Lost;
        }
    }

    /// Opens anew what is wanted, and counts what is held.
    fn after_loss(&mut self, id: LaneId) {
        self.base.rehold(id);
        let now = self.base.now;
        let Some(lane) = self.base.lane(id) else { return };
        lane.link = Link::Down { retry_at: now + lane.backoff() };
        let waiting = std::mem::take(&mut lane.waiting);
        self.base.resumed.extend(waiting);
        self.base.hurry = true;
        self.base.open_link(id);
    }
}

/// Whether a request whose outcome is not known may have changed something.
pub(super) fn has_effect(entry: &Entry, class: ReplayClass) -> bool {
    let may_change = matches!(entry.kind.context(), Context::Plain | Context::Blocking);
    may_change && class != ReplayClass::Read
}
