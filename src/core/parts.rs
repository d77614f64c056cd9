//! One command on several lanes: its parts are taken together or not at all, and answered as one.

use crate::client::Stall;
use crate::client::gathers::{Gather, PartReply, empty_page, result_of};
use crate::ids::{ClientId, LaneId};
use crate::node::hold::Ticket;
use crate::node::queue::{Entry, WHOLE};
use crate::reasons::{CloseReason, CommandResult};

use super::Core;
use super::requests::{Flow, Meta};
use super::sending::{has_parked_enough, may_join, new_entry, window};
use super::settings::LANE_HIGH;

impl Core {
    /// Sends the parts of one command, each to its shard. `Later`: the client is stalled, nothing was noted.
    pub(super) fn send_parts(
        &mut self,
        id: ClientId,
        parts: &[(u16, &[u8])],
        gather: Gather,
        meta: Meta,
    ) -> Flow {
        if meta.dedicated && parts.iter().any(|(shard, _)| self.own_is_busy(id, *shard, meta.any_db)) {
            return self.stall(id, Stall::Drain);
        }
        let lanes: Vec<LaneId> = parts
            .iter()
            .map(|(shard, _)| match meta.dedicated {
                true => self.dedicated_lane(id, *shard, meta.any_db),
                false => self.shared_lane(id, *shard, meta.use_),
            })
            .collect();
        if let Some(stall) = self.reason_for_parts_to_wait(id, &lanes, meta) {
            return self.stall(id, stall);
        }
        let held = match self.hold_parts(&lanes, parts) {
            Ok(held) => held,
            Err(reason) => return self.refuse(id, meta, reason),
        };
        let (now, version) = (self.now, self.shards.version());
        let Some(client) = self.client(id) else { return Flow::Taken };
        let entry = new_entry(client, meta, now);
        client.gathers.open(entry.seq, gather);
        client.in_flight += u32::try_from(parts.len()).unwrap_or(u32::MAX);
        client.routed = version;
        // On lanes of the client's own nothing goes beside it: a part may be sent on, and come behind what follows.
        client.lane =
            lanes.last().copied().filter(|last| !meta.dedicated || lanes.iter().all(|lane| lane == last));
        client.apart = meta.dedicated;
        for ((part, held), (lane, (_, bytes))) in (0..WHOLE).zip(held).zip(lanes.into_iter().zip(parts)) {
            self.enqueue(lane, Entry { part, ..entry }, bytes, held);
        }
        Flow::Taken
    }

    fn reason_for_parts_to_wait(&mut self, id: ClientId, lanes: &[LaneId], meta: Meta) -> Option<Stall> {
        let version = self.shards.version();
        let client = self.clients.get(id)?;
        let known = |id: &LaneId| self.lanes.get(*id);
        let beside =
            !meta.dedicated && lanes.iter().filter_map(known).all(|lane| may_join(client, lane, version));
        if client.in_flight > 0 && (!beside || has_parked_enough(client)) {
            return Some(Stall::Drain);
        }
        let window =
            lanes.iter().filter_map(known).map(|lane| window(client, lane)).min().unwrap_or_default();
        let is_full = |id: &&LaneId| known(id).is_some_and(|lane| lane.is_full(LANE_HIGH));
        let full = lanes.iter().find(is_full).copied();
        if client.in_flight >= window {
            self.client(id)?.window = window;
            return Some(Stall::Window);
        }
        let full = full?;
        self.lane(full)?.waiting.push(id);
        Some(Stall::Lane)
    }

    /// Holds all parts that must wait, or says why one of them cannot.
    fn hold_parts(
        &mut self,
        lanes: &[LaneId],
        parts: &[(u16, &[u8])],
    ) -> Result<Vec<Option<Ticket>>, &'static str> {
        let mut held = Vec::with_capacity(parts.len());
        for (lane, (_, bytes)) in lanes.iter().zip(parts) {
            match self.hold_unless_open(*lane, bytes.len()) {
                Ok(ticket) => held.push(ticket),
                Err(reason) => {
                    held.into_iter().flatten().for_each(|ticket| self.holds.release(ticket));
                    return Err(reason);
                }
            }
        }
        Ok(held)
    }

    /// The reply to one part. Gives the reply to the whole, once it is complete.
    pub(super) fn gather(
        &mut self,
        entry: &Entry,
        bytes: &[u8],
        result: CommandResult,
    ) -> Option<(Vec<u8>, CommandResult)> {
        let limit = self.settings.output_buffer;
        let client = self.clients.get_mut(entry.client)?;
        let reply = PartReply { seq: entry.seq, part: entry.part, bytes, result };
        let whole = client.gathers.part(reply, self.shards.map(), &self.settings.mask);
        let Some(whole) = whole else {
            client.in_flight = client.in_flight.saturating_sub(1);
            if client.gathers.bytes() + client.replies.waiting() > limit {
                self.kill_client(entry.client, CloseReason::OutputLimit);
            }
            return None;
        };
        let result = result_of(&whole);
        Some((whole, result))
    }

    /// A SCAN whose shard has gone: nothing more is there.
    pub(super) fn end_scan(&mut self, entry: &Entry) {
        self.deliver(entry, &empty_page(), CommandResult::Ok);
    }
}
