//! Errors that prove that a command did not run: it is set aside, and sent again when a node takes it.

use crate::client::marks::Question;
use crate::command::ReplayClass;
use crate::failover::{Context, Loss, Outcome, Sent, Verdict, decide};
use crate::ids::LaneId;
use crate::node::lane::{Lane, SetAside};
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CommandResult, Family, RedirectReason, RetryReason};
use crate::resp::reply::ErrorCode;
use crate::topology::hint::HintReason;

use super::Core;
use super::base::strays::is_before;
use super::loss::has_effect;
use super::rewrite::{class, have_common_key, of_last, without_asking};

impl Core {
    /// A reply that is not simply the client's: an error, one of several, or one from a node that has just
    /// refused another request.
    pub(super) fn careful_reply(&mut self, id: LaneId, entry: Entry, kind: u8, frame: &[u8]) {
        let code = (kind == b'-').then(|| ErrorCode::of(frame));
        if entry.replies > 1 {
            return self.swallow(id, code, frame);
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
                decide(self.base.settings.policy, class, entry.kind.context(), self.outcome(code))
            }
            // The node lost its role in the middle of a pipeline: what it read since may be old.
            None if self.is_stale(id, &entry) => Verdict::Retry(RetryReason::ReadOnly),
            // It was asked to let the client go, and has nothing for it.
            None if entry.kind == EntryKind::Blocking && is_null(frame) && self.is_refusing(id) => {
                Verdict::Retry(RetryReason::Unblocked)
            }
            None => Verdict::Deliver,
        };
        if code.is_none() && verdict == Verdict::Deliver && self.is_late(id) && !self.is_message(id, &entry) {
            return self.late_reply(id, &entry);
        }
        let verdict = match verdict {
            Verdict::Deliver => self.verdict_on_later(id, &entry),
            other => other,
        };
        if verdict == Verdict::Deliver && kind == b'-' && self.heal_script(id, &entry, frame) {
            return self.end_refusal(id);
        }
        if verdict == Verdict::Deliver {
            self.overtaken(id, &entry);
        }
        let result = if code.is_some() { CommandResult::Error } else { CommandResult::Ok };
        self.carry_out(id, &entry, verdict, frame, result);
        self.end_refusal(id);
    }

    /// It was known before this reply came that the shard has another master.
    fn is_late(&mut self, id: LaneId) -> bool {
        let (now, undone) = (self.base.now, self.base.settings.sharding.undoes_what_is_late());
        undone && self.base.lane(id).is_some_and(|lane| lane.left.is_some_and(|since| since < now))
    }

    /// Each node of a cluster tells a message to all others, whatever it is itself.
    fn is_message(&mut self, id: LaneId, entry: &Entry) -> bool {
        let clustered = self.base.shards.cluster_map().is_some();
        let Some(lane) = self.base.lane(id).filter(|_| clustered) else { return false };
        let bytes = without_asking(lane.stream.request(entry));
        of_last(bytes, Question::of).flatten() == Some(Question::Published)
    }

    /// A former master has done what it was asked, perhaps when it was none any more: then it will be undone. So this
    /// says no more than a lost connection.
    fn late_reply(&mut self, id: LaneId, entry: &Entry) {
        let Some(lane) = self.base.lane(id) else { return };
        let class = class(lane.stream.request(entry));
        let outcome = Outcome::Lost(Sent::Whole, Loss::Demoted);
        match decide(self.base.settings.policy, class, entry.kind.context(), outcome) {
            Verdict::Retry(reason) => {
                let may_have_run = entry.may_have_run || has_effect(entry, class);
                self.set_aside(id, &Entry { may_have_run, ..*entry }, reason);
            }
            verdict => {
                self.base.pop(id, entry);
                self.base.give_up(entry, verdict, Loss::Demoted.reason());
            }
        }
        self.end_refusal(id);
    }

    /// In a cluster the nodes send requests on to each other; elsewhere that is the client's to see.
    fn outcome(&self, code: ErrorCode) -> Outcome {
        match code {
            _ if !self.base.settings.sharding.redirects() => Outcome::Refused(code),
            ErrorCode::Moved => Outcome::Redirected(RedirectReason::Moved),
            ErrorCode::Ask => Outcome::Redirected(RedirectReason::Ask),
            ErrorCode::TryAgain => Outcome::Redirected(RedirectReason::TryAgain),
            ErrorCode::ClusterDown => Outcome::Redirected(RedirectReason::ClusterDown),
            other => Outcome::Refused(other),
        }
    }

    /// A reply to a client of which another request is astray.
    fn verdict_on_later(&mut self, id: LaneId, entry: &Entry) -> Verdict {
        if !self.base.strays.has(entry.client) || entry.kind.context() != Context::Plain {
            return Verdict::Deliver;
        }
        let Some(lane) = self.base.lane(id) else { return Verdict::Deliver };
        let bytes = without_asking(lane.stream.request(entry)).to_vec();
        self.verdict_on_overtaking(entry, &bytes)
    }

    /// The node takes requests again before what it refused could be sent again: sent now, the client's commands
    /// would run in the wrong order.
    fn overtaken(&mut self, id: LaneId, entry: &Entry) {
        let transaction = matches!(entry.kind, EntryKind::Transaction | EntryKind::WatchedTransaction);
        let writes = transaction || matches!(entry.family, Family::Write | Family::Blocking);
        let by_key = self.base.shards.map().is_some_and(|map| !map.is_uniform());
        let Some(lane) = self.base.lane(id).filter(|lane| writes && !lane.set_aside.is_empty()) else {
            return;
        };
        let bytes = lane.stream.request(entry);
        // Where one node has all keys a client may expect all of its commands in one order, elsewhere those about a key.
        let is_passed = |aside: &SetAside| {
            aside.entry.client == entry.client
                && is_before(&aside.entry, entry)
                && (!by_key || have_common_key(&aside.bytes, bytes))
        };
        let (passed, kept) = std::mem::take(&mut lane.set_aside).into_iter().partition(is_passed);
        lane.set_aside = kept;
        let passed: Vec<SetAside> = passed;
        for aside in passed {
            self.base.give_up(&aside.entry, Verdict::NotExecuted, "the node refused it and took a later one");
        }
    }

    /// A reply within a transaction, or the PING before a WAIT: remembered only if it proves that nothing ran.
    fn swallow(&mut self, id: LaneId, code: Option<ErrorCode>, frame: &[u8]) {
        let outcome = code.map(|code| self.outcome(code));
        let told = match outcome {
            Some(Outcome::Redirected(_)) => self.base.learn(id, frame),
            Some(Outcome::Refused(_) | Outcome::Lost(..)) | None => None,
        };
        let policy = self.base.settings.policy;
        let Some(entry) = self.base.lane(id).and_then(|lane| lane.queue.front_mut()) else { return };
        entry.replies -= 1;
        let (Some(code), Some(outcome)) = (code, outcome) else { return };
        entry.asked = entry.asked.or(told);
        let verdict = decide(policy, ReplayClass::NotIdempotent, Context::Plain, outcome);
        if matches!(verdict, Verdict::Retry(_) | Verdict::Redirect(_)) {
            entry.refusal = entry.refusal.or(Some(code));
        }
    }

    /// The node reads no more of what the client asks, and closes the connection. Sent again it would be the same.
    pub(super) fn left_unread(&mut self, id: LaneId, entry: &Entry, frame: &[u8]) {
        self.finish(id, entry, frame, CommandResult::Error);
        self.lose(id, Loss::Closed);
    }

    fn is_refusing(&mut self, id: LaneId) -> bool {
        self.base.lane(id).is_some_and(|lane| lane.refusing.is_some())
    }

    /// What an active node reads is not old because it is about to be left: only a refusal tells that.
    fn is_stale(&mut self, id: LaneId, entry: &Entry) -> bool {
        let undone = self.base.settings.sharding.undoes_what_is_late();
        let is_stale = |lane: &&mut Lane| lane.refusing.is_some() && (undone || !lane.set_aside.is_empty());
        let Some(lane) = self.base.lane(id).filter(is_stale) else { return false };
        matches!(entry.kind, EntryKind::Plain | EntryKind::Counted)
            && class(lane.stream.request(entry)) == ReplayClass::Read
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
            Verdict::Redirect(RedirectReason::ClusterDown) if !is_of_one_slot(frame) => {
                self.base.learn(id, frame);
                self.set_aside(id, entry, RetryReason::ClusterDown);
            }
            Verdict::Redirect(reason) => self.redirected(id, entry, reason, frame),
            Verdict::Retry(reason) => self.set_aside(id, entry, reason),
            Verdict::Uncertain
            | Verdict::NotExecuted
            | Verdict::NoneAcknowledged
            | Verdict::WatchFailed
            | Verdict::CloseClient => {
                self.learn_from_refusal(id, frame);
                self.base.pop(id, entry);
                self.base.give_up(entry, verdict, "the node refused it");
            }
        }
    }

    /// Also what is not sent on tells where its slot is.
    fn learn_from_refusal(&mut self, id: LaneId, frame: &[u8]) {
        if self.base.settings.sharding.redirects() {
            self.base.learn(id, frame);
        }
    }

    pub(super) fn set_aside(&mut self, id: LaneId, entry: &Entry, reason: RetryReason) {
        self.base.metrics.retried(reason);
        let (now, node_timeout) = (self.base.now, self.base.settings.node_timeout);
        let Some(lane) = self.base.lane(id) else { return };
        let bytes = lane.stream.request(entry).to_vec();
        let mut aside = *entry;
        aside.cast_off(now, node_timeout);
        lane.set_aside.push(SetAside { entry: aside, bytes });
        lane.refusing = Some(reason);
        let endpoint = lane.link.target().map(|target| target.endpoint.clone());
        self.base.pop(id, entry);
        let hint = match reason {
            RetryReason::ReadOnly | RetryReason::Unblocked => Some(HintReason::ReadOnly),
            RetryReason::Loading => Some(HintReason::Loading),
            RetryReason::MasterDown => Some(HintReason::MasterDown),
            RetryReason::Moved
            | RetryReason::Ask
            | RetryReason::TryAgain
            | RetryReason::ClusterDown
            | RetryReason::ExecAbort
            | RetryReason::NoScript
            | RetryReason::Connection
            | RetryReason::Timeout => None,
        };
        if let (Some(endpoint), Some(hint)) = (endpoint, hint) {
            self.base.hint(endpoint, hint);
        }
    }

    /// Once nothing is in flight behind a refusal, the connection is given up: the node does not take what it is
    /// asked, and after a pause it is asked anew whether it does.
    pub(super) fn end_refusal(&mut self, id: LaneId) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.refusing.is_some()) else { return };
        // One that has begun to leave is answered as well.
        let in_flight = lane.queue.front().is_some_and(|entry| entry.start < lane.stream.written());
        if in_flight && (lane.refusing == Some(RetryReason::ClusterDown) || is_sent(lane)) {
            return;
        }
        match lane.refusing {
            Some(RetryReason::ClusterDown) => self.pause(id),
            // Half of a request on this connection could not be followed by another.
            _ if lane.may_take_it_now() && !in_flight => self.ask_again(id),
            _ => {
                lane.failures += 1;
                self.lose(id, Loss::Demoted);
            }
        }
    }
}

/// `-ERR Protocol error: invalid bulk length`: more than the node's `proto-max-bulk-len`, which it says as soon as it is told
/// the length.
pub(super) fn is_left_unread(frame: &[u8]) -> bool {
    frame.starts_with(b"-ERR Protocol error")
}

fn is_sent(lane: &Lane) -> bool {
    lane.queue.front().is_some_and(|entry| entry.end <= lane.stream.written())
}

/// Only the request's own slot is not served, or only writes are not: others may still be.
fn is_of_one_slot(frame: &[u8]) -> bool {
    frame.starts_with(b"-CLUSTERDOWN Hash slot not served")
        || frame.starts_with(b"-CLUSTERDOWN The cluster is down and only accepts read")
}

/// The nulls of both versions.
fn is_null(frame: &[u8]) -> bool {
    matches!(frame, b"*-1\r\n" | b"$-1\r\n" | b"_\r\n")
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
