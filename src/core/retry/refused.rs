//! Replies that are not simply the client's: errors that prove that a command did not run, late and stale replies, and those that
//! have overtaken others. A refused command is set aside, and sent again when a node takes it.

use crate::client::marks::CountQuestion;
use crate::command::ReplayClass;
use crate::core::base::Base;
use crate::core::base::strays::is_before;
use crate::core::made_replica::is_of_made_replica;
use crate::core::permission::{is_denial, note_denial};
use crate::core::retry::unrouted::fail_overtaken_strays;
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
use super::script::resend_with_script;
use super::unrouted::verdict_on_overtaking;

/// What is left to do with a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is one of several replies, of which the last one decides.
    Wait,
    /// Give it to the client.
    Deliver(CommandResult),
    /// Nothing: the request is sent again, or was answered in other words.
    Done,
}

/// Handles a reply that is not simply the client's: an error, one of several, or one from a node that has just
/// refused another request.
pub(crate) fn judge_reply(base: &mut Base, id: LaneId, entry: &Entry, kind: u8, frame: &[u8]) -> Next {
    let code = (kind == b'-').then(|| ErrorCode::of(frame));
    if entry.replies > 1 {
        count_inner_reply(base, id, code, frame);
        return Next::Wait;
    }
    let code = match code {
        Some(ErrorCode::ExecAbort) => entry.refusal.or_else(|| cause(frame)).or(Some(ErrorCode::ExecAbort)),
        other => other,
    };
    let verdict = match code {
        Some(code) if is_of_made_replica(base, id, code) => Verdict::Deliver,
        Some(code) => {
            // The class makes no difference to a refusal: the command did not run.
            let class = ReplayClass::NotIdempotent;
            decide(base.settings.policy, class, entry.kind.context(), outcome(base, code))
        }
        // The node lost its role in the middle of a pipeline: data that it has read since then may be old.
        None if is_stale(base, id, entry) => Verdict::Retry(RetryReason::ReadOnly),
        // The node was asked to unblock the client, and has nothing for it.
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
    if verdict == Verdict::Deliver && kind == b'-' && resend_with_script(base, id, entry, frame) {
        return Next::Done;
    }
    if verdict == Verdict::Deliver {
        fail_overtaken_refused(base, id, entry);
        return Next::Deliver(if code.is_some() { CommandResult::Error } else { CommandResult::Ok });
    }
    carry_out(base, id, entry, verdict, frame);
    Next::Done
}

/// Returns true if it was known before this reply came that the shard has another master.
fn is_late(base: &mut Base, id: LaneId) -> bool {
    let (now, undone) = (base.now, base.settings.sharding.undoes_late_writes());
    undone && base.lane(id).is_some_and(|lane| lane.link.late_since().is_some_and(|since| since < now))
}

/// Returns true for a PUBLISH in a cluster: its node sends the message to all others, whatever its own role is.
fn is_message(base: &mut Base, id: LaneId, entry: &Entry) -> bool {
    let clustered = base.shards.owners().cluster().is_some();
    let Some(lane) = base.lane(id).filter(|_| clustered) else { return false };
    let bytes = without_asking(lane.stream.request(entry));
    of_last(bytes, CountQuestion::of).flatten() == Some(CountQuestion::Published)
}

/// Handles the reply of a former master. The node may have run the command after it was demoted, and then the command
/// will be undone. So the reply is worth no more than a lost connection.
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
            base.fail_request(entry, verdict, Loss::Demoted.reason());
        }
    }
}

/// Returns the outcome that an error stands for. In a cluster nodes redirect requests to each other; from any other
/// backend such an error is the client's to see.
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

/// Returns the verdict on a reply to a client that has strays.
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
        // This request cannot run again: its watch or its element is gone with this run.
        Context::Watched | Context::Blocking if code.is_none() && !is_null(frame) => {
            fail_overtaken_strays(base, entry, &bytes);
            Verdict::Deliver
        }
        Context::Watched
        | Context::Blocking
        | Context::Setup
        | Context::Upload
        | Context::Wait
        | Context::Operator => Verdict::Deliver,
    }
}

/// Fails earlier requests that were set aside, if the node has now taken a later one of the same client: sent again,
/// they would run in the wrong order.
fn fail_overtaken_refused(base: &mut Base, id: LaneId, entry: &Entry) {
    let transaction = matches!(entry.kind, EntryKind::Transaction | EntryKind::WatchedTransaction);
    let writes = transaction || matches!(entry.family, Family::Write | Family::Blocking);
    let by_key = !base.shards.owners().is_uniform();
    let Some(lane) = base.lane(id).filter(|lane| writes && !lane.link.refused().is_empty()) else {
        return;
    };
    let bytes = lane.stream.request(entry);
    // If one node has all keys, a client may expect one order for all commands; else for those about one key.
    let is_passed = |aside: &SetAside| {
        aside.entry.client == entry.client
            && is_before(&aside.entry, entry)
            && (!by_key || have_common_key(&aside.bytes, bytes))
    };
    let (passed, kept) = lane.link.take_refused().into_iter().partition(is_passed);
    lane.link.put_back_refused(kept);
    let passed: Vec<SetAside> = passed;
    for aside in passed {
        base.fail_request(&aside.entry, Verdict::NotExecuted, "the node refused it and took a later one");
    }
}

/// Counts a reply within a transaction or to the PING before a WAIT, and notes it if it proves that nothing ran.
fn count_inner_reply(base: &mut Base, id: LaneId, code: Option<ErrorCode>, frame: &[u8]) {
    let outcome = code.map(|code| outcome(base, code));
    let named = match outcome {
        Some(Outcome::Redirected(_)) => base.apply_redirect(id, frame),
        Some(Outcome::Refused(_) | Outcome::Lost(..)) | None => None,
    };
    let policy = base.settings.policy;
    let Some(entry) = base.lane(id).and_then(|lane| lane.queue.front_mut()) else { return };
    entry.replies -= 1;
    let (Some(code), Some(outcome)) = (code, outcome) else { return };
    if entry.kind == EntryKind::Permission && is_denial(frame) {
        let id = entry.client;
        return note_denial(base, id, frame);
    }
    entry.redirect_shard = entry.redirect_shard.or(named);
    let verdict = decide(policy, ReplayClass::NotIdempotent, Context::Plain, outcome);
    if matches!(verdict, Verdict::Retry(_) | Verdict::Redirect(_)) {
        entry.refusal = entry.refusal.or(Some(code));
    }
    let start = entry.start;
    if let Some(lane) = base.lane(id)
        && lane.input.refused.as_ref().is_none_or(|(of, _)| *of != start)
    {
        lane.input.refused = Some((start, frame.into()));
    }
}

/// Returns the reply to an EXEC that failed because of a queued command, with the reason in it: the client was not told when it
/// queued the command. `None`: the reply is another, or no reason is known. To be called while the lane still has the transaction.
pub(crate) fn with_reason(base: &mut Base, id: LaneId, entry: &Entry, reply: &[u8]) -> Option<Vec<u8>> {
    let (start, refused) = base.lane(id)?.input.refused.take()?;
    let is_of_exec = start == entry.start && reply.starts_with(PREVIOUS_ERRORS);
    let reason = refused.strip_prefix(b"-").filter(|_| is_of_exec)?;
    Some([BECAUSE_OF, reason.strip_prefix(b"ERR ").unwrap_or(reason)].concat())
}

const PREVIOUS_ERRORS: &[u8] = b"-EXECABORT Transaction discarded because of previous errors";
const BECAUSE_OF: &[u8] = b"-EXECABORT Transaction discarded because of: ";

fn is_refusing(base: &mut Base, id: LaneId) -> bool {
    base.lane(id).is_some_and(|lane| lane.link.refusing().is_some())
}

/// Returns true if what the node has read may be old. A read from an active node is not, just because the node is
/// about to be replaced: only a refusal tells that.
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
            base.apply_redirect(id, frame);
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
            base.fail_request(entry, verdict, "the node refused it");
        }
    }
}

/// Applies a redirect that is not followed: it still tells where the slot is.
fn learn_from_refusal(base: &mut Base, id: LaneId, frame: &[u8]) {
    if base.settings.sharding.redirects() {
        base.apply_redirect(id, frame);
    }
}

/// Keeps a refused request on its lane until it can be sent again, and tells discovery.
pub(super) fn set_aside(base: &mut Base, id: LaneId, entry: &Entry, reason: RetryReason) {
    base.metrics.retried(reason);
    let (now, node_timeout) = (base.now, base.settings.node_timeout);
    let Some(lane) = base.lane(id) else { return };
    let bytes = lane.stream.request(entry).to_vec();
    let mut aside = *entry;
    aside.note_without_node(now, node_timeout);
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

/// Returns true if only the request's own slot is not served, or only writes are not: other requests may still be.
fn is_of_one_slot(frame: &[u8]) -> bool {
    frame.starts_with(b"-CLUSTERDOWN Hash slot not served")
        || frame.starts_with(b"-CLUSTERDOWN The cluster is down and only accepts read")
}

/// Returns true for the null replies of both RESP versions.
fn is_null(frame: &[u8]) -> bool {
    matches!(frame, b"*-1\r\n" | b"$-1\r\n" | b"_\r\n")
}

/// Returns the refusal of EXEC itself from `EXECABORT Transaction discarded because of: READONLY …`.
fn cause(frame: &[u8]) -> Option<ErrorCode> {
    let marker = b"because of: ";
    let at = frame.windows(marker.len()).position(|window| window == marker)?;
    match ErrorCode::of(frame.get(at + marker.len()..)?) {
        ErrorCode::Other => None,
        code => Some(code),
    }
}
