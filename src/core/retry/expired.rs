//! Held requests that wait no longer, because their time is over or their clients have gone.

use crate::core::base::Base;
use crate::failover::Verdict;
use crate::ids::LaneId;
use crate::node::queue::Entry;
use crate::reasons::HoldOutcome;

/// Answers the held requests whose time is over. The oldest stand in front; for the exceptions see
/// [`expire_behind`].
pub(crate) fn expire(base: &mut Base, id: LaneId) {
    let (now, hold) = (base.now, base.settings.hold);
    let mut shared_reason = None;
    while let Some(entry) = expired_head(base, id, now, hold) {
        let reason = shared_reason.get_or_insert_with(|| why_expired(base, id)).clone();
        base.metrics.hold_finished(HoldOutcome::Expired, base.elapsed(entry.held_since()));
        base.pop(id, &entry);
        if entry.until <= now {
            base.answer_timed_out(&entry);
            continue;
        }
        base.fail_request(&entry, Verdict::NotExecuted, &reason);
    }
    if shared_reason.is_some() {
        base.update_held(id);
    }
    expire_behind(base, id);
}

fn why_expired(base: &Base, id: LaneId) -> String {
    let (now, hold) = (base.now, base.settings.hold);
    let waited = humantime::format_duration(base.elapsed(now - hold.min(now)));
    let lane = base.lanes.get(id);
    let place = lane.map(|lane| (lane.key.shard, lane.key.use_));
    base.with_cause(&format!("no node took it within {waited}"), place)
}

fn expired_head(base: &mut Base, id: LaneId, now: u64, hold: u64) -> Option<Entry> {
    let lane = base.lane(id)?;
    let entry = lane.queue.front().copied()?;
    let trying = lane.is_trying(hold);
    let unsent = entry.start >= lane.stream.written();
    let over = now.saturating_sub(entry.held_since()) >= hold || entry.until <= now;
    (unsent && !trying && over).then_some(entry)
}

/// Answers requests whose time in hold is over, behind others that are in flight or have waited for less.
fn expire_behind(base: &mut Base, id: LaneId) {
    let (now, hold) = (base.now, base.settings.hold);
    let is_over = |entry: &Entry| now.saturating_sub(entry.held_since()) >= hold || entry.until <= now;
    let Some(lane) = base.lanes.get(id) else { return };
    // The first request has waited longest, except if requests came from another lane. On a client's own lane some
    // have a time-out of their own.
    let first = lane.queue.get(lane.begun());
    if lane.is_trying(hold)
        || !first.is_some_and(|first| lane.is_dedicated() || lane.mixed_ages || is_over(first))
    {
        return;
    }
    let over = base.take_unsent(id, is_over);
    let reason = why_expired(base, id);
    for entry in over {
        base.metrics.hold_finished(HoldOutcome::Expired, base.elapsed(entry.held_since()));
        match entry.until <= now {
            true => base.answer_timed_out(&entry),
            false => base.fail_request(&entry, Verdict::NotExecuted, &reason),
        }
    }
    base.update_held(id);
}
