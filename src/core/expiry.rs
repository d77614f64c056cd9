//! Held requests that wait no longer: their time is over, or their clients have gone.

use std::collections::HashSet;

use crate::failover::Verdict;
use crate::ids::{ClientId, LaneId};
use crate::node::queue::Entry;
use crate::reasons::HoldOutcome;

use super::Core;
use super::settings::LANE_LOW;

impl Core {
    /// Answers the held requests whose time is over. They are at the front: whoever came first waits longest.
    pub(super) fn expire(&mut self, id: LaneId) {
        let (now, hold) = (self.now, self.settings.hold);
        let mut told = None;
        while let Some(entry) = self.expired_head(id, now, hold) {
            let reason = told.get_or_insert_with(|| self.why_expired(id)).clone();
            self.metrics.hold_finished(HoldOutcome::Expired, self.elapsed(entry.held_since()));
            self.pop(id, &entry);
            if entry.until <= now {
                self.end_wait(&entry);
                continue;
            }
            self.give_up(&entry, Verdict::NotExecuted, &reason);
        }
        if told.is_some() {
            self.rehold(id);
        }
        self.expire_behind(id);
    }

    pub(super) fn why_expired(&self, id: LaneId) -> String {
        let (now, hold) = (self.now, self.settings.hold);
        let waited = humantime::format_duration(self.elapsed(now - hold.min(now)));
        let lane = self.lanes.get(id);
        let place = lane.map(|lane| (lane.key.shard, lane.key.use_));
        self.with_cause(&format!("no node took it within {waited}"), place)
    }

    fn expired_head(&mut self, id: LaneId, now: u64, hold: u64) -> Option<Entry> {
        let lane = self.lane(id)?;
        let entry = lane.queue.front().copied()?;
        let trying = lane.is_trying(hold);
        let unsent = entry.start >= lane.stream.written();
        let over = now.saturating_sub(entry.held_since()) >= hold || entry.until <= now;
        (unsent && !trying && over).then_some(entry)
    }

    /// Takes those that have not begun to leave, and are to go, off the end of a lane. They are given in their order.
    pub(super) fn take_unsent(&mut self, id: LaneId, goes: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let Some(lane) = self.lanes.get_mut(id) else {
            return Vec::new();
        };
        let first = lane.begun();
        if !lane.queue.iter().skip(first).any(&goes) {
            return Vec::new();
        }
        let unsent = lane.queue.split_off(first);
        let end = unsent.front().map_or(lane.stream.appended(), |entry| entry.start);
        let bytes = lane.stream.split_off(end);
        let mut taken = Vec::new();
        for mut entry in unsent {
            if goes(&entry) {
                taken.push(entry);
                continue;
            }
            entry.start = lane.stream.push_from(&bytes, &entry, &mut self.segments);
            entry.end = lane.stream.appended();
            lane.queue.push_back(entry);
        }
        bytes.release(&mut self.segments);
        if lane.stream.unanswered() < LANE_LOW {
            self.resumed.append(&mut lane.waiting);
        }
        taken
    }

    /// Answers those whose time in hold is over behind requests that are still in flight, or that came later.
    pub(super) fn expire_behind(&mut self, id: LaneId) {
        let (now, hold) = (self.now, self.settings.hold);
        let is_over = |entry: &Entry| now.saturating_sub(entry.held_since()) >= hold || entry.until <= now;
        let Some(lane) = self.lanes.get(id) else { return };
        // Whoever came first waits longest, but for those that came from another lane; and a client's own lane has some with a
        // time-out of their own.
        let first = lane.queue.get(lane.begun());
        if lane.is_trying(hold)
            || !first.is_some_and(|first| lane.is_dedicated() || lane.mixed || is_over(first))
        {
            return;
        }
        let over = self.take_unsent(id, is_over);
        let reason = self.why_expired(id);
        for entry in over {
            self.metrics.hold_finished(HoldOutcome::Expired, self.elapsed(entry.held_since()));
            match entry.until <= now {
                true => self.end_wait(&entry),
                false => self.give_up(&entry, Verdict::NotExecuted, &reason),
            }
        }
        self.rehold(id);
    }

    /// Held requests whose clients have gone did not run, and are not run for nobody.
    pub(super) fn drop_abandoned(&mut self, id: LaneId) {
        let clients = &self.clients;
        let is_gone = |client: ClientId| clients.get(client).is_none_or(|held| held.id != client);
        let Some(lane) = self.lanes.get(id) else { return };
        let gone: HashSet<ClientId> = lane
            .queue
            .iter()
            .skip(lane.begun())
            .map(|entry| entry.client)
            .filter(|id| is_gone(*id))
            .collect();
        if gone.is_empty() {
            return;
        }
        for entry in self.take_unsent(id, |entry| gone.contains(&entry.client)) {
            self.metrics.hold_finished(HoldOutcome::Gone, self.elapsed(entry.since));
        }
    }
}
