//! Refusals and lost connections: every request in flight gets its verdict, what may be sent again stays in
//! order at the front of its lane.

use crate::client::session::Watch;
use crate::client::subscriptions::Subscriptions;
use crate::command::{Handling, ReplayClass};
use crate::command::{handling, replay_class, with_timeout};
use crate::discovery::HintReason;
use crate::failover::{Context, Loss, Outcome, Sent, Verdict, decide};
use crate::metrics::reasons::{CloseReason, CommandResult, Family, HoldOutcome, RetryReason};
use crate::node::lane::{Lane, LaneId, Link, SetAside};
use crate::node::queue::{Entry, EntryKind};
use crate::resp::reply::{self, ErrorCode};
use crate::resp::scan::{RequestScan, Scanned};

use super::Core;
use super::sending::{not_executed, unknown_outcome};

impl Core {
    /// A reply that is not simply the client's: an error, one of several, or one from a node that has just
    /// refused another request.
    pub(super) fn careful_reply(&mut self, id: LaneId, entry: Entry, kind: u8, frame: &[u8]) {
        let code = (kind == b'-').then(|| ErrorCode::of(frame));
        if entry.replies > 1 && entry.kind != EntryKind::Subscribe {
            return self.swallow(id, code);
        }
        let code = match code {
            Some(ErrorCode::ExecAbort) => {
                entry.refusal.or_else(|| cause(frame)).or(Some(ErrorCode::ExecAbort))
            }
            other => other,
        };
        let verdict = match code {
            Some(code) => {
                let class = ReplayClass::NotIdempotent;
                decide(self.settings.retry, class, entry.kind.context(), Outcome::Refused(code))
            }
            // The node lost its role in the middle of a pipeline: what it read since may be old.
            None if self.is_stale(id, &entry) => Verdict::Retry(RetryReason::ReadOnly),
            // It was asked to let the client go, and has nothing for it.
            None if entry.kind == EntryKind::Blocking && is_null(frame) && self.is_refusing(id) => {
                Verdict::Retry(RetryReason::Unblocked)
            }
            None => Verdict::Deliver,
        };
        if verdict == Verdict::Deliver {
            self.overtaken(id, &entry);
        }
        let result = if code.is_some() { CommandResult::Error } else { CommandResult::Ok };
        self.carry_out(id, &entry, verdict, frame, result);
        self.end_refusal(id);
    }

    /// The node takes requests again before what it refused could be sent again: sent now, the client's commands
    /// would run in the wrong order.
    fn overtaken(&mut self, id: LaneId, entry: &Entry) {
        let transaction = matches!(entry.kind, EntryKind::Transaction | EntryKind::WatchedTransaction);
        let writes = transaction || matches!(entry.family, Family::Write | Family::Blocking);
        let Some(lane) = self.lane(id).filter(|lane| writes && !lane.set_aside.is_empty()) else { return };
        let (passed, kept) = std::mem::take(&mut lane.set_aside)
            .into_iter()
            .partition(|aside| aside.entry.client == entry.client);
        lane.set_aside = kept;
        let passed: Vec<SetAside> = passed;
        for aside in passed {
            self.give_up(&aside.entry, Verdict::NotExecuted, "the node refused it and took a later one");
        }
    }

    /// A reply within a transaction, or the PING before a WAIT: remembered only if it proves that nothing ran.
    fn swallow(&mut self, id: LaneId, code: Option<ErrorCode>) {
        let Some(entry) = self.lane(id).and_then(|lane| lane.queue.front_mut()) else { return };
        entry.replies -= 1;
        let Some(code) = code else { return };
        let verdict = decide(
            crate::config::RetryPolicy::Never,
            ReplayClass::NotIdempotent,
            Context::Plain,
            Outcome::Refused(code),
        );
        if matches!(verdict, Verdict::Retry(_)) {
            entry.refusal = entry.refusal.or(Some(code));
        }
    }

    fn is_refusing(&mut self, id: LaneId) -> bool {
        self.lane(id).is_some_and(|lane| lane.refusing.is_some())
    }

    fn is_stale(&mut self, id: LaneId, entry: &Entry) -> bool {
        let Some(lane) = self.lane(id).filter(|lane| lane.refusing.is_some()) else { return false };
        entry.kind == EntryKind::Plain && class(lane.stream.request(entry)) == ReplayClass::Read
    }

    fn carry_out(
        &mut self,
        id: LaneId,
        entry: &Entry,
        verdict: Verdict,
        frame: &[u8],
        result: CommandResult,
    ) {
        match verdict {
            Verdict::Deliver => self.finish(id, entry, frame, result),
            Verdict::Retry(reason) => self.set_aside(id, entry, reason),
            Verdict::Uncertain | Verdict::NotExecuted | Verdict::WatchFailed | Verdict::CloseClient => {
                self.pop(id, entry);
                self.give_up(entry, verdict, "the node refused it");
            }
        }
    }

    fn set_aside(&mut self, id: LaneId, entry: &Entry, reason: RetryReason) {
        self.metrics.retried(reason);
        let Some(lane) = self.lane(id) else { return };
        let bytes = lane.stream.request(entry).to_vec();
        lane.set_aside.push(SetAside { entry: *entry, bytes });
        lane.refusing = Some(reason);
        let endpoint = lane.link.target().map(|target| target.endpoint.clone());
        self.pop(id, entry);
        let hint = match reason {
            RetryReason::ReadOnly | RetryReason::Unblocked => Some(HintReason::ReadOnly),
            RetryReason::Loading => Some(HintReason::Loading),
            RetryReason::MasterDown => Some(HintReason::MasterDown),
            RetryReason::Moved
            | RetryReason::Ask
            | RetryReason::TryAgain
            | RetryReason::ClusterDown
            | RetryReason::ExecAbort
            | RetryReason::Connection
            | RetryReason::Timeout => None,
        };
        if let (Some(endpoint), Some(hint)) = (endpoint, hint) {
            self.hint(endpoint, hint);
        }
    }

    /// Once nothing is in flight behind a refusal, the connection is given up: the node does not take what it is
    /// asked, and after a pause it is asked anew whether it does.
    pub(super) fn end_refusal(&mut self, id: LaneId) {
        let Some(lane) = self.lane(id).filter(|lane| lane.refusing.is_some()) else { return };
        let in_flight = lane.queue.front().is_some_and(|entry| entry.end <= lane.stream.written());
        if !in_flight {
            lane.failures += 1;
            self.lose(id, Loss::Demoted);
        }
    }

    /// The lane's connection is gone or given up. Every request gets its verdict; the kept ones wait in order.
    pub(super) fn lose(&mut self, id: LaneId, loss: Loss) {
        self.hint_loss(id, loss);
        self.disconnect(id);
        self.forget_watch(id);
        let Some(lane) = self.lane(id) else { return };
        // What the driver still has of the old connection is void.
        lane.connection = lane.connection.wrapping_add(1);
        let begun = lane.streaming;
        lane.forget_replies();
        lane.refusing = None;
        lane.link = Link::Down { retry_at: 0 };
        let written = lane.stream.written();
        let (stream, queue) = (lane.stream.take(), std::mem::take(&mut lane.queue));
        for aside in std::mem::take(&mut lane.set_aside) {
            self.keep(id, aside.entry, &aside.bytes);
        }
        for (index, entry) in queue.into_iter().enumerate() {
            let sent = match entry.end <= written && entry.kind != EntryKind::Upload {
                true if index == 0 && begun => Sent::Answering,
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
        match decide(self.settings.retry, class, entry.kind.context(), Outcome::Lost(sent, loss)) {
            Verdict::Retry(reason) => {
                if begun {
                    self.metrics.retried(reason);
                }
                let has_effect = entry.kind.context() == Context::Plain && class != ReplayClass::Read;
                let may_have_run = entry.may_have_run || (sent == Sent::Whole && has_effect);
                self.keep(id, Entry { may_have_run, ..entry }, bytes);
            }
            verdict => self.give_up(&entry, verdict, loss.reason()),
        }
    }

    /// Puts a request back at the end of its lane, as if it had just been taken.
    fn keep(&mut self, id: LaneId, mut entry: Entry, bytes: &[u8]) {
        let waited = self.elapsed(entry.since);
        let mut rewritten = Vec::new();
        let changed = match entry.kind {
            EntryKind::Blocking => shorten(bytes, waited, &mut rewritten),
            EntryKind::Subscribe => unconfirmed(bytes, entry.replies as usize, &mut rewritten),
            EntryKind::Plain
            | EntryKind::Transaction
            | EntryKind::WatchedTransaction
            | EntryKind::Watch
            | EntryKind::Wait
            | EntryKind::Proof
            | EntryKind::Upload
            | EntryKind::Uploaded => false,
        };
        let bytes = if changed { &rewritten } else { bytes };
        if entry.kind.may_take_long() {
            entry.since = self.now;
        }
        let Some(lane) = self.lanes.get_mut(id.slot as usize).filter(|lane| lane.id == id) else { return };
        entry.start = lane.stream.push(bytes, &mut self.segments);
        entry.end = lane.stream.appended();
        entry.refusal = None;
        entry.replies = replies_from_start(&entry, bytes);
        lane.queue.push_back(entry);
    }

    /// The reply that the proxy makes itself. `Deliver` and `Retry` are no verdicts to give up with.
    pub(super) fn give_up(&mut self, entry: &Entry, verdict: Verdict, reason: &str) {
        let verdict = match verdict {
            Verdict::NotExecuted if entry.may_have_run => Verdict::Uncertain,
            other => other,
        };
        let proto = self.client(entry.client).map(|client| client.session.proto).unwrap_or_default();
        let (text, result) = match verdict {
            Verdict::Uncertain => {
                self.metrics.uncertain();
                (unknown_outcome(reason).into_bytes(), CommandResult::Uncertain)
            }
            Verdict::NotExecuted => (not_executed(reason).into_bytes(), CommandResult::TryAgain),
            Verdict::WatchFailed => {
                let mut null = Vec::new();
                reply::null_array(&mut null, proto);
                (null, CommandResult::Ok)
            }
            Verdict::CloseClient => return self.kill_client(entry.client, CloseReason::Broken),
            Verdict::Deliver | Verdict::Retry(_) => return,
        };
        self.answer_entry(entry, &text, result);
    }

    /// A reply in place of the node's; a session change that was asked for is off.
    pub(super) fn answer_entry(&mut self, entry: &Entry, text: &[u8], result: CommandResult) {
        // One that has come whole is not the one that the client is sending.
        if entry.kind == EntryKind::Upload {
            self.abandon_upload(entry.client);
        }
        if entry.kind == EntryKind::Proof
            && let Some(client) = self.client(entry.client)
        {
            client.proof = None;
            client.stall = crate::client::Stall::Drain;
        }
        self.deliver(entry, text, result);
    }

    /// A confirmed WATCH dies with its connection.
    fn forget_watch(&mut self, id: LaneId) {
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
            Loss::Closed if was_up => HintReason::ConnectionLost,
            Loss::Closed => HintReason::ConnectRefused,
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
        let Some(lane) = self.lanes.get_mut(id.slot as usize).filter(|lane| lane.id == id) else { return };
        let (commands, bytes) = if open { (0, 0) } else { waiting(lane) };
        self.held_commands = self.held_commands + commands - lane.held_commands;
        self.held_bytes -= lane.held_bytes;
        self.budget.give(lane.held_bytes);
        lane.held_bytes = self.budget.take_up_to(bytes);
        lane.held_commands = commands;
        self.held_bytes += lane.held_bytes;
        self.metrics.held(self.held_commands, self.held_bytes);
    }
}

/// The nulls of both versions.
fn is_null(frame: &[u8]) -> bool {
    matches!(frame, b"*-1\r\n" | b"$-1\r\n" | b"_\r\n")
}

/// Requests, and their bytes, that have not been written.
fn waiting(lane: &Lane) -> (usize, usize) {
    let unsent = lane.queue.iter().filter(|entry| entry.end > lane.stream.written());
    let aside = lane.set_aside.iter().map(|aside| &aside.entry);
    unsent.chain(aside).fold((0, 0), |(commands, bytes), entry| (commands + 1, bytes + entry.len()))
}

/// `EXECABORT Transaction discarded because of: READONLY …`: the refusal of EXEC itself.
fn cause(frame: &[u8]) -> Option<ErrorCode> {
    let marker = b"because of: ";
    let at = frame.windows(marker.len()).position(|window| window == marker)?;
    match ErrorCode::of(frame.get(at + marker.len()..)?) {
        ErrorCode::Other => None,
        code => Some(code),
    }
}

/// The class of a request, or the weakest of all commands in a transaction.
fn class(bytes: &[u8]) -> ReplayClass {
    let (mut scan, mut at, mut weakest) = (RequestScan::default(), 0, ReplayClass::Read);
    while let Ok(Scanned::Complete(len)) = scan.scan(bytes.get(at..).unwrap_or_default(), usize::MAX) {
        let request = scan.request(bytes.get(at..).unwrap_or_default(), len);
        if !matches!(handling(&request), Handling::Transaction(_)) {
            weakest = weakest.max(replay_class(&request));
        }
        scan.reset();
        at += len;
    }
    weakest
}

fn shorten(bytes: &[u8], waited: std::time::Duration, out: &mut Vec<u8>) -> bool {
    let mut scan = RequestScan::default();
    match scan.scan(bytes, usize::MAX) {
        Ok(Scanned::Complete(len)) => with_timeout(&scan.request(bytes, len), waited, out),
        Ok(Scanned::Partial(_)) | Err(_) => false,
    }
}

/// A subscription to the last `left` of its names: the client has the confirmations of the others.
fn unconfirmed(bytes: &[u8], left: usize, out: &mut Vec<u8>) -> bool {
    let mut scan = RequestScan::default();
    let Ok(Scanned::Complete(len)) = scan.scan(bytes, usize::MAX) else { return false };
    let request = scan.request(bytes, len);
    let names = request.len().saturating_sub(1);
    if left >= names {
        return false;
    }
    let words = request.args().take(1).chain(request.args().skip(1 + names - left));
    reply::command(out, &words.collect::<Vec<_>>());
    true
}

/// A request that is sent again gets all of its replies again; subscriptions go on from where they were.
fn replies_from_start(entry: &Entry, bytes: &[u8]) -> u32 {
    match entry.kind {
        EntryKind::Transaction | EntryKind::WatchedTransaction | EntryKind::Wait => {
            let (mut scan, mut at, mut count) = (RequestScan::default(), 0, 0);
            while let Ok(Scanned::Complete(len)) = scan.scan(bytes.get(at..).unwrap_or_default(), usize::MAX)
            {
                scan.reset();
                at += len;
                count += 1;
            }
            count
        }
        EntryKind::Plain
        | EntryKind::Blocking
        | EntryKind::Watch
        | EntryKind::Proof
        | EntryKind::Subscribe
        | EntryKind::Upload
        | EntryKind::Uploaded => entry.replies,
    }
}

/// Kept beside `lose`: what a lane that has to take up subscriptions again says first.
pub(super) fn subscriptions_again(held: Option<&mut Box<Subscriptions>>) -> Vec<u8> {
    held.map(|held| held.again()).unwrap_or_default()
}
