//! Held requests that wait no longer: their time is over, or their clients have gone.

use crate::failover::Verdict;
use crate::ids::LaneId;
use crate::node::queue::Entry;
use crate::reasons::HoldOutcome;

use super::Core;

impl Core {
    /// Answers the held requests whose time is over. They are at the front: whoever came first waits longest.
    pub(super) fn expire(&mut self, id: LaneId) {
        let (now, hold) = (self.base.now, self.base.settings.hold);
        let mut told = None;
        while let Some(entry) = self.expired_head(id, now, hold) {
            let reason = told.get_or_insert_with(|| self.why_expired(id)).clone();
            self.base.metrics.hold_finished(HoldOutcome::Expired, self.base.elapsed(entry.held_since()));
            self.base.pop(id, &entry);
            if entry.until <= now {
                self.base.end_wait(&entry);
                continue;
            }
            self.base.give_up(&entry, Verdict::NotExecuted, &reason);
        }
        if told.is_some() {
            self.base.rehold(id);
        }
        self.expire_behind(id);
    }

    pub(super) fn why_expired(&self, id: LaneId) -> String {
        let (now, hold) = (self.base.now, self.base.settings.hold);
        let waited = humantime::format_duration(self.base.elapsed(now - hold.min(now)));
        let lane = self.base.lanes.get(id);
        let place = lane.map(|lane| (lane.key.shard, lane.key.use_));
        self.base.with_cause(&format!("no node took it within {waited}"), place)
    }

    fn expired_head(&mut self, id: LaneId, now: u64, hold: u64) -> Option<Entry> {
        let lane = self.base.lane(id)?;
        let entry = lane.queue.front().copied()?;
        let trying = lane.is_trying(hold);
        let unsent = entry.start >= lane.stream.written();
        let over = now.saturating_sub(entry.held_since()) >= hold || entry.until <= now;
        (unsent && !trying && over).then_some(entry)
    }

    /// Answers those whose time in hold is over behind requests that are still in flight, or that came later.
    pub(super) fn expire_behind(&mut self, id: LaneId) {
        let (now, hold) = (self.base.now, self.base.settings.hold);
        let is_over = |entry: &Entry| now.saturating_sub(entry.held_since()) >= hold || entry.until <= now;
        let Some(lane) = self.base.lanes.get(id) else { return };
        // Whoever came first waits longest, but for those that came from another lane; and a client's own lane has some with a
        // time-out of their own.
        let first = lane.queue.get(lane.begun());
        if lane.is_trying(hold)
            || !first.is_some_and(|first| lane.is_dedicated() || lane.mixed || is_over(first))
        {
            return;
        }
        let over = self.base.take_unsent(id, is_over);
        let reason = self.why_expired(id);
        for entry in over {
            self.base.metrics.hold_finished(HoldOutcome::Expired, self.base.elapsed(entry.held_since()));
            match entry.until <= now {
                true => self.base.end_wait(&entry),
                false => self.base.give_up(&entry, Verdict::NotExecuted, &reason),
            }
        }
        self.base.rehold(id);
    }
}
