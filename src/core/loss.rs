//! Refusals and lost connections: every request in flight gets its verdict, what may be sent again stays in
//! order at the front of its lane.

use std::sync::Arc;

use crate::client::session::Watch;
use crate::client::telling::{Told, not_executed, unknown_outcome, waited_in_vain};
use crate::command::{ReplayClass, by_id};
use crate::failover::{Context, Loss, Outcome, Sent, Verdict, decide};
use crate::ids::LaneId;
use crate::node::lane::{Lane, Link};
use crate::node::queue::{Entry, EntryKind, WHOLE};
use crate::reasons::{CloseReason, CommandResult, HoldOutcome};
use crate::resp::reply;
use crate::topology::hint::HintReason;

use super::Core;
use super::rewrite::{class, replies_from_start, without_asking};
use super::settings::held_cost;
use super::shutdowns::is_put_off;

/// Before a node that serves nothing is tried again, in microseconds.
const PAUSE: u64 = 20_000;

impl Core {
    /// The lane's connection is gone or given up. Every request gets its verdict; the kept ones wait in order.
    pub(super) fn lose(&mut self, id: LaneId, loss: Loss) {
        self.hint_loss(id, loss);
        if self.audience_at(id).is_some() {
            return self.lose_listening(id);
        }
        self.pass_over_reader(id);
        if let Some(probe) = self.lane(id).and_then(|lane| lane.probe.as_mut()) {
            probe.forget();
        }
        self.disconnect(id);
        self.forget_watch(id);
        let in_order = self.has_ended_in_order(id, loss);
        let Some(lane) = self.lane(id) else { return };
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
        stream.release(&mut self.segments);
        self.after_loss(id);
    }

    fn judge(&mut self, id: LaneId, entry: Entry, bytes: &[u8], sent: Sent, loss: Loss, begun: bool) {
        if self.client(entry.client).is_none() {
            if sent == Sent::Incomplete {
                self.metrics.hold_finished(HoldOutcome::Gone, self.elapsed(entry.since));
            }
            return;
        }
        let class = if sent == Sent::Whole { class(bytes) } else { ReplayClass::NotIdempotent };
        match decide(self.settings.policy, class, entry.kind.context(), Outcome::Lost(sent, loss)) {
            Verdict::Retry(reason) => {
                if begun {
                    self.metrics.retried(reason);
                }
                let mut entry = entry;
                entry.may_have_run |= sent == Sent::Whole && has_effect(&entry, class);
                if sent != Sent::Incomplete {
                    entry.cast_off(self.now, self.settings.node_timeout);
                }
                self.keep(id, entry, bytes);
            }
            verdict => self.give_up(&entry, verdict, loss.reason()),
        }
    }

    /// The node serves nothing for the moment: everything that it has not answered waits, in order, on the connection
    /// that it has.
    pub(super) fn pause(&mut self, id: LaneId) {
        self.pause_until(id, self.now + PAUSE);
        self.hurry = true;
        self.fail_without_hold(id);
    }

    /// The same without a pause: the first one that waits goes out at once.
    pub(super) fn ask_again(&mut self, id: LaneId) {
        self.pause_until(id, self.now);
        self.end_pause(id);
    }

    fn pause_until(&mut self, id: LaneId, until: u64) {
        let Some(lane) = self.lane(id) else { return };
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
        stream.release(&mut self.segments);
        self.rehold(id);
    }

    /// Puts a request back at the end of its lane, as if it had just been taken.
    pub(super) fn keep(&mut self, id: LaneId, mut entry: Entry, bytes: &[u8]) {
        if entry.kind.context() == Context::Upload {
            // It is not there to be sent again; and nothing of it has been sent.
            return self.give_up(&entry, Verdict::NotExecuted, "it was too large to wait");
        }
        if self.is_behind_stray(&entry, bytes) {
            let dedicated = self.lane(id).is_some_and(|lane| lane.is_dedicated());
            return self.go_astray(entry, without_asking(bytes), dedicated, false);
        }
        let Some(lane) = self.lanes.get_mut(id) else { return };
        entry.start = lane.stream.push(bytes, &mut self.segments);
        entry.end = lane.stream.appended();
        entry.refusal = None;
        entry.replies = replies_from_start(&entry, bytes);
        lane.queue.push_back(entry);
    }

    /// The reply that the proxy makes itself. `Deliver` and `Retry` are no verdicts to give up with.
    pub(super) fn give_up(&mut self, entry: &Entry, verdict: Verdict, reason: &str) {
        let in_vain = entry.kind == EntryKind::Blocking && self.settings.policy.goes_on_waiting();
        let verdict = match verdict {
            Verdict::NotExecuted if entry.may_have_run && !in_vain => Verdict::Uncertain,
            other => other,
        };
        let proto = self.client(entry.client).map(|client| client.session.proto).unwrap_or_default();
        let (text, result) = match verdict {
            Verdict::Uncertain => {
                self.metrics.uncertain();
                (unknown_outcome(reason).into_bytes(), CommandResult::Uncertain)
            }
            Verdict::NotExecuted if entry.may_have_run => {
                (waited_in_vain(reason).into_bytes(), CommandResult::TryAgain)
            }
            Verdict::NotExecuted => (not_executed(reason).into_bytes(), CommandResult::TryAgain),
            Verdict::NoneAcknowledged => (none_acknowledged(entry), CommandResult::Ok),
            Verdict::WatchFailed => {
                let mut null = Vec::new();
                reply::null_array(&mut null, proto);
                (null, CommandResult::Ok)
            }
            Verdict::CloseClient => return self.kill_client(entry.client, CloseReason::Broken),
            Verdict::Deliver | Verdict::Retry(_) | Verdict::Redirect(_) => return,
        };
        self.answer_entry(entry, &text, result);
    }

    /// A reply in place of the node's; a session change that was asked for is off.
    pub(super) fn answer_entry(&mut self, entry: &Entry, text: &[u8], result: CommandResult) {
        // One that has come whole is not the one that the client is sending.
        if entry.kind == EntryKind::Upload {
            self.abandon_upload(entry.client);
        }
        if entry.kind == EntryKind::Watch {
            self.fail_watch(entry.client);
        }
        if entry.kind == EntryKind::Proof
            && let Some(client) = self.client(entry.client)
        {
            client.proof = None;
            client.stall = crate::client::Stall::Drain;
        }
        if entry.kind == EntryKind::Position {
            self.forget_position(entry.client);
        }
        self.tell(entry, text, result);
    }

    /// A reply of our own, or one that was put together of such. The client gets it in its words.
    pub(super) fn tell(&mut self, entry: &Entry, text: &[u8], result: CommandResult) {
        let settings = Arc::clone(&self.settings);
        let Some(client) = self.client(entry.client).filter(|_| entry.part == WHOLE) else {
            return self.deliver(entry, text, result);
        };
        let ran = client.ran;
        // What stands behind an upload is not known before it has come.
        let alone = !ran && client.in_flight <= 1 && client.input.is_empty() && client.upload.is_none();
        match settings.telling.told(&client.session, text, result, alone) {
            Told::Line(line) => self.deliver(entry, &line, result),
            Told::Close(reason) => {
                self.end_client_before(entry.client, entry.seq, reason);
                self.deliver(entry, b"", result);
            }
        }
        if let Some(client) = self.client(entry.client).filter(|_| result != CommandResult::Ok) {
            client.ran &= ran;
        }
    }

    /// A confirmed WATCH dies with its connection.
    fn forget_watch(&mut self, id: LaneId) {
        if !self.is_watching(id) {
            return;
        }
        let Some(lane) = self.lane(id).filter(|lane| lane.link.is_up()) else { return };
        let Some(client) = lane.key.owner.and_then(|owner| self.client(owner)) else { return };
        if client.session.watch == Watch::Active {
            client.session.watch = Watch::Lost;
        }
    }

    fn hint_loss(&mut self, id: LaneId, loss: Loss) {
        let Some(lane) = self.lane(id) else { return };
        let was_up = lane.link.is_up();
        let Some(endpoint) = lane.link.target().map(|target| target.endpoint.clone()) else { return };
        let reason = match loss {
            Loss::Closed | Loss::Ended if was_up => HintReason::ConnectionLost,
            Loss::Closed | Loss::Ended => HintReason::ConnectRefused,
            Loss::Silent => HintReason::TimedOut,
            Loss::Demoted | Loss::Broken => return,
        };
        self.hint(endpoint, reason);
    }

    /// Opens anew what is wanted, and counts what is held.
    fn after_loss(&mut self, id: LaneId) {
        self.rehold(id);
        let now = self.now;
        let Some(lane) = self.lane(id) else { return };
        lane.link = Link::Down { retry_at: now + lane.backoff() };
        let waiting = std::mem::take(&mut lane.waiting);
        self.resumed.extend(waiting);
        self.hurry = true;
        self.open_link(id);
    }

    /// Brings the gauges and the budget in line with what waits on this lane.
    pub(super) fn rehold(&mut self, id: LaneId) {
        let open = self.is_open(id);
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let (commands, bytes) = if open { (0, 0) } else { waiting(lane) };
        let more = self.holds.renew(&mut lane.held, commands, bytes);
        self.metrics.held_at(lane.key.shard, more);
    }
}

/// Whether a request whose outcome is not known may have changed something.
pub(super) fn has_effect(entry: &Entry, class: ReplayClass) -> bool {
    let may_change = matches!(entry.kind.context(), Context::Plain | Context::Blocking);
    may_change && class != ReplayClass::Read
}

/// The reply of WAIT and WAITAOF when nothing is known.
fn none_acknowledged(entry: &Entry) -> Vec<u8> {
    let of_aof = by_id(entry.command).is_some_and(|command| command.name == "waitaof");
    if of_aof { b"*2\r\n:0\r\n:0\r\n".to_vec() } else { b":0\r\n".to_vec() }
}

/// Requests that have not been written, and what they take of the hold budget.
fn waiting(lane: &Lane) -> (usize, usize) {
    let unsent = lane.queue.iter().filter(|entry| entry.end > lane.stream.written());
    let aside = lane.set_aside.iter().map(|aside| &aside.entry);
    unsent
        .chain(aside)
        .fold((0, 0), |(commands, bytes), entry| (commands + 1, bytes + held_cost(entry.len())))
}
