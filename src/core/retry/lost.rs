//! A lost connection: every request in flight gets its verdict, and those that may be sent again stay in order at the
//! front of their lane.

use crate::client::session::Watch;
use crate::command::ReplayClass;
use crate::core::base::Base;
use crate::core::rewrite::class;
use crate::core::shutdowns::is_put_off;
use crate::failover::{Context, Loss, Outcome, Sent, Verdict, decide};
use crate::ids::LaneId;
use crate::node::lane::Lane;
use crate::node::link::{Link, Then};
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::HoldOutcome;

use super::requeue::requeue;

/// Handles the loss of a lane's connection. Every request gets its verdict; those that are kept wait in order.
/// `in_order`: the node has ended in such a way that the requests it had put off did not run.
pub(crate) fn lose(base: &mut Base, id: LaneId, loss: Loss, in_order: bool) {
    if let Some(probe) = base.lane(id).and_then(|lane| lane.probe.as_mut()) {
        probe.forget();
    }
    base.disconnect(id);
    forget_watch(base, id);
    let Some(lane) = base.lane(id) else { return };
    // Events that the worker still has of the old connection are void.
    lane.connection = lane.connection.wrapping_add(1);
    let begun = lane.input.streaming.is_some();
    lane.forget_replies();
    let (was_up, refused) = (lane.link.is_up(), lane.link.take_refused());
    lane.names_itself = false;
    lane.link = Link::Down { retry_at: 0 };
    let written = lane.stream.written();
    let has_left = lane.queue.front().is_some_and(|head| head.start < written);
    let untouched = !was_up && !has_left && !lane.is_dedicated();
    if untouched {
        // Nothing has left, so the waiting requests stay where they are, however often no connection comes about. A
        // client's own lane may have requests that cannot wait, such as uploads.
        return after_loss(base, id);
    }
    let (stream, queue) = (lane.stream.take(), std::mem::take(&mut lane.queue));
    for aside in refused {
        requeue(base, id, aside.entry, &aside.bytes);
    }
    for (index, entry) in queue.into_iter().enumerate() {
        let sent = match entry.end <= written && entry.kind != EntryKind::Upload {
            true if index == 0 && begun => Sent::Answering,
            true if in_order && is_put_off(stream.request(&entry)) => Sent::PutOff,
            true => Sent::Whole,
            false => Sent::Incomplete,
        };
        let bytes = stream.request(&entry);
        judge_lost(base, id, entry, bytes, sent, loss, entry.start < written);
    }
    stream.release(&mut base.segments);
    after_loss(base, id);
}

/// Carries out the verdict on one request of a lost connection. `begun`: some of it has left.
fn judge_lost(base: &mut Base, id: LaneId, entry: Entry, bytes: &[u8], sent: Sent, loss: Loss, begun: bool) {
    if base.client(entry.client).is_none() {
        if sent == Sent::Incomplete {
            base.metrics.hold_finished(HoldOutcome::Gone, base.elapsed(entry.since));
        }
        return;
    }
    let class = if sent == Sent::Whole { class(bytes) } else { ReplayClass::NotIdempotent };
    match decide(base.settings.policy, class, entry.kind.context(), Outcome::Lost(sent, loss)) {
        Verdict::Retry(reason) => {
            if begun {
                base.metrics.retried(reason);
            }
            let mut entry = entry;
            entry.may_have_run |= sent == Sent::Whole && has_effect(&entry, class);
            if sent != Sent::Incomplete {
                entry.note_without_node(base.now, base.settings.node_timeout);
            }
            requeue(base, id, entry, bytes);
        }
        Verdict::NotExecuted if sent == Sent::Incomplete => {
            base.fail_request(&entry, Verdict::NotExecuted, NOT_SENT);
        }
        verdict => base.fail_request(&entry, verdict, loss.reason()),
    }
}

const NOT_SENT: &str = "the node was lost before the command was sent";

/// Puts all requests without an answer back into the queue, and pauses the lane until that moment.
pub(crate) fn pause_until(base: &mut Base, id: LaneId, until: u64) {
    let Some(lane) = base.lane(id) else { return };
    let refused = lane.link.take_refused();
    lane.link.pause(until, Then::Try);
    let (stream, queue) = (lane.stream.take(), std::mem::take(&mut lane.queue));
    for aside in refused {
        requeue(base, id, aside.entry, &aside.bytes);
    }
    for entry in queue {
        requeue(base, id, entry, stream.request(&entry));
    }
    stream.release(&mut base.segments);
    base.update_held(id);
}

/// Marks a confirmed WATCH as lost, if the connection is the one that watches.
fn forget_watch(base: &mut Base, id: LaneId) {
    if !base.is_watching(id) {
        return;
    }
    let Some(lane) = base.lane(id).filter(|lane| lane.link.is_up()) else { return };
    let Some(client) = lane.key.owner.and_then(|owner| base.client(owner)) else { return };
    if client.session.watch == Watch::Active {
        client.session.watch = Watch::Lost;
    }
}

/// Counts the held requests, and connects again if the lane is wanted.
fn after_loss(base: &mut Base, id: LaneId) {
    if base.lanes.get(id).is_some_and(Lane::is_spare) {
        // Nobody waits for it.
        return base.remove_lane(id);
    }
    base.update_held(id);
    let now = base.now;
    let Some(lane) = base.lane(id) else { return };
    lane.link = Link::Down { retry_at: now + lane.backoff() };
    let waiting = std::mem::take(&mut lane.waiting);
    base.resumed.extend(waiting);
    base.tick_soon = true;
    base.open_link(id);
}

/// Returns true if a request whose outcome is unknown may have changed something.
pub(crate) fn has_effect(entry: &Entry, class: ReplayClass) -> bool {
    let may_change = matches!(entry.kind.context(), Context::Plain | Context::Blocking);
    may_change && class != ReplayClass::Read
}
