//! Errors that prove that a command did not run: it is set aside, and sent again when a node takes it.

use crate::client::marks::CountQuestion;
use crate::command::ReplayClass;
use crate::core::base::Base;
use crate::core::base::strays::is_before;
use crate::core::retry::unrouted::give_up_overtaken;
use crate::core::rewrite::{class, have_common_key, of_last, without_asking};
use crate::failover::{Context, Loss, Outcome, Sent, Verdict, decide};
use crate::ids::LaneId;
use crate::node::lane::Lane;
use crate::node::link::SetAside;
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CommandResult, Family, RedirectReason, RetryReason};
use crate::resp::reply::ErrorCode;
use crate::topology::hint::HintReason;

use super::lost::has_effect;
use super::redirected::redirected;
use super::script::heal_script;
use super::unrouted::verdict_on_overtaking;

/// What is left to do with a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is one of several: the last one decides.
    Wait,
    /// The client gets it.
    Deliver(CommandResult),
    /// Nothing: its request is sent again, or was answered in other words.
    Done,
}

/// A reply that is not simply the client's: an error, one of several, or one from a node that has just
/// refused another request.
pub(crate) fn careful_reply(base: &mut Base, id: LaneId, entry: &Entry, kind: u8, frame: &[u8]) -> Next {
    let code = (kind == b'-').then(|| ErrorCode::of(frame));
    if entry.replies > 1 {
        swallow(base, id, code, frame);
        return Next::Wait;
    }
    let code = match code {
        Some(ErrorCode::ExecAbort) => entry.refusal.or_else(|| cause(frame)).or(Some(ErrorCode::ExecAbort)),
        other => other,
    };
    let verdict = match code {
        Some(code) => {
            let class = ReplayClass::NotIdempotent;
            decide(base.settings.policy, class, entry.kind.context(), outcome(base, code))
        }
        // The node lost its role in the middle of a pipeline: what it read since may be old.
        None if is_stale(base, id, entry) => Verdict::Retry(RetryReason::ReadOnly),
        // It was asked to let the client go, and has nothing for it.
        None if entry.kind == EntryKind::Blocking && is_null(frame) && is_refusing(base, id) => {
            Verdict::Retry(RetryReason::Unblocked)
        }
        None => Verdict::Deliver,
    };
    if code.is_none() && verdict == Verdict::Deliver && is_late(base, id) && !is_message(base, id, entry) {
        late_reply(base, id, entry);
        return Next::Done;
    }
    let verdict = match verdict {
        Verdict::Deliver => verdict_on_later(base, id, entry, code, frame),
        other => other,
    };
    if verdict == Verdict::Deliver && kind == b'-' && heal_script(base, id, entry, frame) {
        return Next::Done;
    }
    if verdict == Verdict::Deliver {
        overtaken(base, id, entry);
        return Next::Deliver(if code.is_some() { CommandResult::Error } else { CommandResult::Ok });
    }
    carry_out(base, id, entry, verdict, frame);
    Next::Done
}

/// It was known before this reply came that the shard has another master.
fn is_late(base: &mut Base, id: LaneId) -> bool {
    let (now, undone) = (base.now, base.settings.sharding.undoes_late_writes());
    undone && base.lane(id).is_some_and(|lane| lane.link.left().is_some_and(|since| since < now))
}

/// Each node of a cluster tells a message to all others, whatever it is itself.
fn is_message(base: &mut Base, id: LaneId, entry: &Entry) -> bool {
    let clustered = base.shards.owners().cluster().is_some();
    let Some(lane) = base.lane(id).filter(|_| clustered) else { return false };
    let bytes = without_asking(lane.stream.request(entry));
    of_last(bytes, CountQuestion::of).flatten() == Some(CountQuestion::Published)
}

/// A former master has done what it was asked, perhaps when it was none any more: then it will be undone. So this
/// says no more than a lost connection.
fn late_reply(base: &mut Base, id: LaneId, entry: &Entry) {
    let Some(lane) = base.lane(id) else { return };
    let class = class(lane.stream.request(entry));
    let outcome = Outcome::Lost(Sent::Whole, Loss::Demoted);
    match decide(base.settings.policy, class, entry.kind.context(), outcome) {
        Verdict::Retry(reason) => {
            let may_have_run = entry.may_have_run || has_effect(entry, class);
            set_aside(base, id, &Entry { may_have_run, ..*entry }, reason);
        }
        verdict => {
            base.pop(id, entry);
            base.give_up(entry, verdict, Loss::Demoted.reason());
        }
    }
}

/// In a cluster the nodes send requests on to each other; elsewhere that is the client's to see.
pub(crate) fn outcome(base: &Base, code: ErrorCode) -> Outcome {
    match code {
        _ if !base.settings.sharding.redirects() => Outcome::Refused(code),
        ErrorCode::Moved => Outcome::Redirected(RedirectReason::Moved),
        ErrorCode::Ask => Outcome::Redirected(RedirectReason::Ask),
        ErrorCode::TryAgain => Outcome::Redirected(RedirectReason::TryAgain),
        ErrorCode::ClusterDown => Outcome::Redirected(RedirectReason::ClusterDown),
        other => Outcome::Refused(other),
    }
}

/// A reply to a client of which another request is astray.
fn verdict_on_later(
    base: &mut Base,
    id: LaneId,
    entry: &Entry,
    code: Option<ErrorCode>,
    frame: &[u8],
) -> Verdict {
    if !base.strays.has(entry.client) {
        return Verdict::Deliver;
    }
    let Some(lane) = base.lane(id) else { return Verdict::Deliver };
    let bytes = without_asking(lane.stream.request(entry)).to_vec();
    match entry.kind.context() {
        Context::Plain => verdict_on_overtaking(base, entry, &bytes),
        // It cannot be run again, whatever it was: its watch or its element has gone with this run.
        Context::Watched | Context::Blocking if code.is_none() && !is_null(frame) => {
            give_up_overtaken(base, entry, &bytes);
            Verdict::Deliver
        }
        Context::Watched | Context::Blocking | Context::Setup | Context::Upload | Context::Wait => {
            Verdict::Deliver
        }
    }
}

/// The node takes requests again before what it refused could be sent again: sent now, the client's commands
/// would run in the wrong order.
fn overtaken(base: &mut Base, id: LaneId, entry: &Entry) {
    let transaction = matches!(entry.kind, EntryKind::Transaction | EntryKind::WatchedTransaction);
    let writes = transaction || matches!(entry.family, Family::Write | Family::Blocking);
    let by_key = !base.shards.owners().is_uniform();
    let Some(lane) = base.lane(id).filter(|lane| writes && !lane.link.refused().is_empty()) else {
        return;
    };
    let bytes = lane.stream.request(entry);
    // Where one node has all keys a client may expect all of its commands in one order, elsewhere those about a key.
    let is_passed = |aside: &SetAside| {
        aside.entry.client == entry.client
            && is_before(&aside.entry, entry)
            && (!by_key || have_common_key(&aside.bytes, bytes))
    };
    let (passed, kept) = lane.link.take_refused().into_iter().partition(is_passed);
    lane.link.put_back_refused(kept);
    let passed: Vec<SetAside> = passed;
    for aside in passed {
        base.give_up(&aside.entry, Verdict::NotExecuted, "the node refused it and took a later one");
    }
}

/// A reply within a transaction, or the PING before a WAIT: remembered only if it proves that nothing ran.
fn swallow(base: &mut Base, id: LaneId, code: Option<ErrorCode>, frame: &[u8]) {
    let outcome = code.map(|code| outcome(base, code));
    let told = match outcome {
        Some(Outcome::Redirected(_)) => base.learn(id, frame),
        Some(Outcome::Refused(_) | Outcome::Lost(..)) | None => None,
    };
    let policy = base.settings.policy;
    let Some(entry) = base.lane(id).and_then(|lane| lane.queue.front_mut()) else { return };
    entry.replies -= 1;
    let (Some(code), Some(outcome)) = (code, outcome) else { return };
    entry.asked = entry.asked.or(told);
    let verdict = decide(policy, ReplayClass::NotIdempotent, Context::Plain, outcome);
    if matches!(verdict, Verdict::Retry(_) | Verdict::Redirect(_)) {
        entry.refusal = entry.refusal.or(Some(code));
    }
}

fn is_refusing(base: &mut Base, id: LaneId) -> bool {
    base.lane(id).is_some_and(|lane| lane.link.refusing().is_some())
}

/// A read of an active node is not old because the node is about to be left: only a refusal tells that.
fn is_stale(base: &mut Base, id: LaneId, entry: &Entry) -> bool {
    let undone = base.settings.sharding.undoes_late_writes();
    let is_stale =
        |lane: &&mut Lane| lane.link.refusing().is_some() && (undone || !lane.link.refused().is_empty());
    let Some(lane) = base.lane(id).filter(is_stale) else { return false };
    matches!(entry.kind, EntryKind::Plain | EntryKind::Counted)
        && class(lane.stream.request(entry)) == ReplayClass::Read
}

pub(crate) fn carry_out(base: &mut Base, id: LaneId, entry: &Entry, verdict: Verdict, frame: &[u8]) {
    match verdict {
        Verdict::Deliver => {}
        Verdict::Redirect(RedirectReason::ClusterDown) if !is_of_one_slot(frame) => {
            base.learn(id, frame);
            set_aside(base, id, entry, RetryReason::ClusterDown);
        }
        Verdict::Redirect(reason) => redirected(base, id, entry, reason, frame),
        Verdict::Retry(reason) => set_aside(base, id, entry, reason),
        Verdict::Uncertain
        | Verdict::NotExecuted
        | Verdict::NoneAcknowledged
        | Verdict::WatchFailed
        | Verdict::CloseClient => {
            learn_from_refusal(base, id, frame);
            base.pop(id, entry);
            base.give_up(entry, verdict, "the node refused it");
        }
    }
}

/// Also what is not sent on tells where its slot is.
fn learn_from_refusal(base: &mut Base, id: LaneId, frame: &[u8]) {
    if base.settings.sharding.redirects() {
        base.learn(id, frame);
    }
}

pub(super) fn set_aside(base: &mut Base, id: LaneId, entry: &Entry, reason: RetryReason) {
    base.metrics.retried(reason);
    let (now, node_timeout) = (base.now, base.settings.node_timeout);
    let Some(lane) = base.lane(id) else { return };
    let bytes = lane.stream.request(entry).to_vec();
    let mut aside = *entry;
    aside.cast_off(now, node_timeout);
    let refusing = lane.link.refuse(reason);
    debug_assert!(refusing.is_some(), "only a connection that stands refuses anything");
    if let Some(refusing) = refusing {
        refusing.refused.push(SetAside { entry: aside, bytes });
    }
    let endpoint = lane.link.target().map(|target| target.endpoint.clone());
    base.pop(id, entry);
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
        base.hint(endpoint, hint);
    }
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
