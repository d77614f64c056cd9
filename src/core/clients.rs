//! The arrival and the end of clients.

use crate::client::inquiry::{InquiryAnswer, SentInquiry};
use crate::client::{Client, ClientEnds};
use crate::core::base::follow;
use crate::core::base::spares;
use crate::core::base::tell;
use crate::failover::Verdict;
use crate::ids::ClientId;
use crate::node::queue::EntryKind;
use crate::reasons::CloseReason;
use crate::resp::invalidation::Invalidation;

use super::census;
use super::hub::audience_key;
use super::{Core, Effect, monitors, retry};

impl Core {
    /// Adds a client that was given to this worker.
    pub(crate) fn open_client(&mut self, public_id: u64, ends: ClientEnds) -> ClientId {
        self.base.metrics.client_accepted();
        let now = self.base.now;
        let id = self.base.clients.insert(|id| Client::new(id, public_id, ends, now));
        if self.draining {
            self.base.end_client(id, CloseReason::Shutdown);
            self.base.end_if_settled(id);
        }
        id
    }

    /// Notes that the client's socket is broken, or closed in both directions.
    pub(crate) fn client_gone(&mut self, id: ClientId) {
        self.base.remove_client(id, CloseReason::Gone);
    }

    /// Notes that the client will send no more. Its requests that are running are finished; those that wait did not
    /// run and are dropped.
    pub(crate) fn client_eof(&mut self, id: ClientId) {
        let Some(client) = self.base.client(id) else { return };
        client.eof = true;
        let (lane, in_flight, is_subscriber) = (client.lane, client.in_flight, client.is_subscriber());
        // An upload cannot be finished: the rest of it will not come.
        let is_cut = client.upload.is_some();
        let is_ordered = self.hub.order.has(&self.base, id);
        let waiting = is_subscriber && !is_ordered || self.base.is_blocked(id);
        let is_served = lane.is_some_and(|lane| self.base.is_served(lane))
            || self.memory.census.is_asking(id)
            || self.memory.relays.clients().any(|waiting| waiting == id)
            || is_ordered;
        let finishing = in_flight > 0 && !is_cut && !waiting && is_served;
        let writing = self
            .base
            .client(id)
            .is_some_and(|client| in_flight == 0 && !client.replies.unwritten().is_empty());
        if !finishing && !writing {
            self.base.kill_client(id, CloseReason::Gone);
        }
    }

    /// Answers an inquiry of another worker's client for the clients of this worker.
    pub(crate) fn answer_inquiry(&mut self, sent: &SentInquiry) -> InquiryAnswer {
        census::answer_other(&mut self.base, sent)
    }

    /// Tells how many workers there are beside this one, and the Unix time at which the worker's clock began, in microseconds.
    /// To be called once, before all else.
    pub(crate) fn begin(&mut self, other_workers: usize, clock_start: u64) {
        self.memory.census.other_workers = other_workers;
        self.base.workers = other_workers + 1;
        self.base.caches.share_among(other_workers + 1, self.base.settings.tracked_keys);
        self.base.monitors.clock_start = clock_start;
    }

    /// Another worker has lines for this one's monitoring clients. `None`: it had to drop some.
    pub(crate) fn show_lines(&mut self, lines: Option<&[u8]>) {
        match lines {
            Some(lines) => monitors::show(&mut self.base, lines),
            None => monitors::close_monitors(&mut self.base),
        }
    }

    /// A client of another worker redirects to this one, which is to drop from its cache what has changed. `None`: everything.
    pub(crate) fn tell_target(&mut self, target: u64, keys: Option<&[u8]>) {
        let invalidation = keys.map_or(Invalidation::All, |keys| Invalidation::Keys(keys.into()));
        tell::tell_target_here(&mut self.base, target, &invalidation);
    }

    /// A client has gone to which clients redirect.
    pub(crate) fn target_gone(&mut self, target: u64) {
        self.memory.census.target_gone(target);
        tell::target_gone(&mut self.base, target);
    }

    /// One of the other workers has answered the inquiry with this number. `None`: it has ended, and its clients with it.
    pub(crate) fn inquiry_answered(&mut self, number: u32, answer: Option<InquiryAnswer>) {
        self.memory.census.answered(&mut self.base, number, answer);
    }

    /// The replicas have the command of the relay with this number, or had their time.
    pub(crate) fn relayed(&mut self, number: u32) {
        self.memory.relays.end(&mut self.base, number);
    }

    /// Gives up what removed clients had: their subscriptions and their own lanes. Returns true if there were any.
    pub(super) fn release_gone_clients(&mut self) -> bool {
        let gone = std::mem::take(&mut self.base.gone);
        let any = !gone.is_empty();
        for mut client in gone {
            let (key, held) = (audience_key(&self.base, &client), client.subscriptions.take());
            self.hub.end_subscriptions(&mut self.base, client.id, &key, held);
            monitors::end_monitor(&mut self.base, client.id);
            follow::end_tracking(&mut self.base, client.id);
            if self.base.caches.forget_target(client.public_id) {
                self.target_gone(client.public_id);
                self.base.effects.push(Effect::TargetGone { target: client.public_id });
            }
            client.dedicated.into_iter().for_each(|lane| spares::give_back(&mut self.base, lane));
        }
        any
    }

    /// Starts to drain: no more commands are taken, and each client is closed as soon as it has the replies that it is owed.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        for id in self.base.clients.ids() {
            self.base.end_client(id, CloseReason::Shutdown);
            self.base.end_if_settled(id);
        }
    }

    /// Answers all requests that are still open, because the grace period is over.
    pub(crate) fn stop(&mut self) {
        retry::stop_strays(&mut self.base);
        self.hub.stop(&mut self.base);
        self.memory.census.stop(&mut self.base);
        self.memory.relays.stop(&mut self.base);
        for id in self.base.lanes.ids() {
            let refused = self.base.lane(id).map(|lane| lane.link.take_refused()).unwrap_or_default();
            for aside in refused {
                self.base.fail_request(&aside.entry, Verdict::NotExecuted, "the proxy is stopping");
            }
            while let Some(entry) = self.base.lane(id).and_then(|lane| lane.queue.front().copied()) {
                let sent = self.base.lane(id).is_some_and(|lane| entry.end <= lane.stream.written());
                self.base.pop(id, &entry);
                if sent && entry.kind == EntryKind::Blocking && self.base.settings.policy.goes_on_waiting() {
                    // The client can wait again on another connection, so it gets no error.
                    self.base.end_client_before(entry.client, entry.seq, CloseReason::Shutdown);
                    continue;
                }
                let verdict = if sent { Verdict::Uncertain } else { Verdict::NotExecuted };
                self.base.fail_request(&entry, verdict, "the proxy is stopping");
            }
        }
    }
}
