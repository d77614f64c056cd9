//! Clients coming and going.

use crate::client::session::Session;
use crate::client::{Client, Life, Stall};
use crate::failover::Verdict;
use crate::ids::{ClientId, LaneId, Seq};
use crate::node::lane::Link;
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CloseReason, HoldOutcome};

use super::{Core, Effect};

impl Core {
    /// A client of this proxy was given to this worker.
    pub(crate) fn open_client(&mut self, public_id: u64, address: String) -> ClientId {
        self.metrics.client_accepted();
        let now = self.now;
        let id = self.clients.insert(|id| Client::new(id, public_id, address, now));
        if self.draining {
            self.end_client(id, CloseReason::Shutdown);
            self.end_if_settled(id);
        }
        id
    }

    /// The client's socket is broken or closed in both directions.
    pub(crate) fn client_gone(&mut self, id: ClientId) {
        self.remove_client(id, CloseReason::Gone);
    }

    /// The client will send no more. What runs for it is finished; what waits did not run and is dropped.
    pub(crate) fn client_eof(&mut self, id: ClientId) {
        let Some(client) = self.client(id) else { return };
        client.eof = true;
        let (lane, in_flight) = (client.lane, client.in_flight);
        // The node waits for the rest of what it streams, which will not come.
        let is_cut = client.upload.is_some();
        let waiting = client.is_subscriber() || self.is_blocked(id);
        let finishing = in_flight > 0 && !is_cut && !waiting && lane.is_some_and(|lane| self.is_served(lane));
        let writing =
            self.client(id).is_some_and(|client| in_flight == 0 && !client.replies.unwritten().is_empty());
        if !finishing && !writing {
            self.kill_client(id, CloseReason::Gone);
        }
    }

    /// The client's own connection waits for something that may never come.
    fn is_blocked(&mut self, id: ClientId) -> bool {
        let waits =
            |entry: &Entry| matches!(entry.kind, EntryKind::Blocking | EntryKind::Wait | EntryKind::Position);
        let own = self.client(id).map(|client| client.dedicated.clone()).unwrap_or_default();
        own.into_iter().any(|lane| self.lane(lane).is_some_and(|lane| lane.queue.iter().any(waits)))
    }

    /// Requests on this lane run now, or as soon as its first connection stands.
    fn is_served(&self, id: LaneId) -> bool {
        let lane = self.lanes.get(id);
        lane.is_some_and(|lane| {
            lane.failures == 0
                && lane.refusing.is_none()
                && lane.paused.is_none()
                && self.shards.is_open(lane.key.shard, lane.key.use_)
        })
    }

    /// Takes no more from the client and closes once it has had what it is owed.
    pub(super) fn end_client(&mut self, id: ClientId, reason: CloseReason) {
        if let Some(client) = self.client(id).filter(|client| client.life == Life::Open) {
            client.life = Life::Ending(reason);
            client.input = Vec::new();
            client.consumed = 0;
        }
        self.touch_client(id);
    }

    /// The same, at once but for the replies that come before this place: what stands there cannot be said.
    pub(super) fn end_client_before(&mut self, id: ClientId, seq: Seq, reason: CloseReason) {
        if let Some(client) = self.client(id) {
            client.replies.end_before(seq);
        }
        self.end_client(id, reason);
    }

    pub(super) fn end_if_settled(&mut self, id: ClientId) {
        let Some(client) = self.client(id).filter(|client| client.is_settled()) else { return };
        match client.life {
            Life::Ending(reason) => self.kill_client(id, reason),
            // Whatever is still in its input is less than a request, and stays so.
            Life::Open if client.eof && client.stall == Stall::None => {
                self.kill_client(id, CloseReason::Gone)
            }
            Life::Open => {}
        }
    }

    /// Closes at once.
    pub(super) fn kill_client(&mut self, id: ClientId, reason: CloseReason) {
        if self.client(id).is_some() {
            self.effects.push(Effect::CloseClient { client: id, reason });
            self.remove_client(id, reason);
        }
    }

    fn remove_client(&mut self, id: ClientId, reason: CloseReason) {
        if self.client(id).is_none() {
            return;
        }
        self.leave_hub(id);
        self.drop_dedicated(id);
        if let Some(client) = self.clients.remove(id) {
            self.holds.budget().give(client.share.all());
            self.metrics.client_closed(reason);
        }
    }

    /// RESET: as a fresh connection, but for the name that CLIENT ID tells.
    pub(super) fn reset_session(&mut self, id: ClientId) {
        self.leave_hub(id);
        self.drop_dedicated(id);
        if let Some(client) = self.client(id) {
            client.session = Session::default();
            client.shared = Default::default();
            client.stall = Stall::None;
        }
        self.settle_share(id);
    }

    /// Closes the client's own connections: whatever they were in the middle of is forgotten with them.
    pub(super) fn drop_dedicated(&mut self, id: ClientId) {
        let own = self.client(id).map(|client| std::mem::take(&mut client.dedicated)).unwrap_or_default();
        own.into_iter().for_each(|lane| self.remove_lane(lane));
    }

    pub(super) fn drop_dedicated_at(&mut self, id: ClientId, shard: u16) {
        if let Some(lane) = self.own_lane(id, shard) {
            self.drop_own_lane(id, lane);
        }
    }

    pub(super) fn drop_own_lane(&mut self, id: ClientId, lane: LaneId) {
        if let Some(client) = self.client(id) {
            client.dedicated.retain(|own| *own != lane);
        }
        self.remove_lane(lane);
    }

    pub(super) fn remove_lane(&mut self, id: LaneId) {
        self.disconnect(id);
        let Some(lane) = self.lane(id) else { return };
        lane.link = Link::Down { retry_at: 0 };
        let waiting = std::mem::take(&mut lane.waiting);
        lane.queue.clear();
        lane.set_aside.clear();
        let (dedicated, stream) = (lane.is_dedicated(), lane.stream.take());
        stream.release(&mut self.segments);
        self.rehold(id);
        self.end_listening(id);
        self.resumed.extend(waiting);
        if let Some(lane) = self.lanes.remove(id).filter(|_| !dedicated) {
            self.shared.remove(&lane.key);
        }
    }

    /// Takes no more commands; clients leave as soon as they have what they are owed.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        for id in self.clients.ids() {
            self.end_client(id, CloseReason::Shutdown);
            self.end_if_settled(id);
        }
    }

    /// The grace is over: everything that is still open is answered truthfully.
    pub(crate) fn stop(&mut self) {
        self.stop_strays();
        for id in self.subscribing.clone() {
            self.give_up_pending(id, HoldOutcome::Gone, "the proxy is stopping");
        }
        for id in self.unsubscribing.clone() {
            self.confirm_leaving(id);
        }
        for id in self.lanes.ids() {
            let refused = self.lane(id).map(|lane| std::mem::take(&mut lane.set_aside)).unwrap_or_default();
            for aside in refused {
                self.give_up(&aside.entry, Verdict::NotExecuted, "the proxy is stopping");
            }
            while let Some(entry) = self.lane(id).and_then(|lane| lane.queue.front().copied()) {
                let sent = self.lane(id).is_some_and(|lane| entry.end <= lane.stream.written());
                self.pop(id, &entry);
                if sent && entry.kind == EntryKind::Blocking && self.settings.policy.goes_on_waiting() {
                    // Whoever waits can ask again elsewhere.
                    self.end_client_before(entry.client, entry.seq, CloseReason::Shutdown);
                    continue;
                }
                let verdict = if sent { Verdict::Uncertain } else { Verdict::NotExecuted };
                self.give_up(&entry, verdict, "the proxy is stopping");
            }
        }
    }
}
