//! SUBSCRIBE and its relatives: the client's side. What it listens to is the hub's to arrange, see [`super::hub`].

use crate::client::Stall;
use crate::client::audience::Part;
use crate::client::subscriptions::{Pending, meaning};
use crate::command::{Command, Subscribe};
use crate::failover::Verdict;
use crate::ids::ClientId;
use crate::node::hold::Ticket;
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CommandResult, HoldOutcome};
use crate::resp::pubsub::{Name, Space, confirmation};
use crate::resp::reply::Proto;
use crate::resp::request::Request;

use super::Core;
use super::requests::{Flow, Meta};
use super::sending::{NO_NODE, NO_ROOM, new_entry};

impl Core {
    /// Waits for what is in flight, so that no message overtakes its confirmation.
    pub(super) fn subscribe(
        &mut self,
        id: ClientId,
        kind: Subscribe,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        let limit = self.settings.output_buffer;
        let Some(client) = self.client(id) else { return Flow::Taken };
        if client.in_flight > 0 {
            return self.stall(id, Stall::Drain);
        }
        let (space, subscribes) = meaning(kind);
        if !subscribes {
            return self.unsubscribe(id, space, request, command);
        }
        if client.subscriptions.get_or_insert_default().bytes() + request.raw().len() > limit {
            return self.answer_error(id, command, "ERR tideover: too many subscriptions for one client");
        }
        let audience = self.audience_of(id);
        let names: Vec<Name> =
            request.args().skip(1).map(|name| self.name_in(audience, space, name)).collect();
        let meta = Meta::of(command, EntryKind::Plain, true);
        let held = match self.is_heard(audience, space, &names) {
            true => None,
            false => match self.hold_subscription(audience, request.raw().len()) {
                Ok(ticket) => Some(ticket),
                Err(reason) => {
                    self.tidy_audience(audience);
                    return self.refuse(id, meta, reason);
                }
            },
        };
        let (now, len) = (self.now, request.raw().len());
        let Some(client) = self.client(id) else { return Flow::Taken };
        let entry = new_entry(client, meta, now);
        self.begin(id, audience, Pending { entry, space, names, missing: 1, len, held });
        Flow::Taken
    }

    /// Holds a command that no node can take now, or says why it cannot wait.
    fn hold_subscription(&mut self, audience: usize, bytes: usize) -> Result<Ticket, &'static str> {
        if self.settings.hold == 0 && !self.may_come_up(audience) {
            return Err(NO_NODE);
        }
        self.holds.try_hold(bytes).ok_or(NO_ROOM)
    }

    fn begin(&mut self, id: ClientId, audience: usize, pending: Pending) {
        let (space, names) = (pending.space, pending.names.clone());
        let Some(client) = self.client(id) else { return };
        client.in_flight += 1;
        (client.lane, client.apart) = (None, true);
        let subscriptions = client.subscriptions.get_or_insert_default();
        subscriptions.audience = audience;
        subscriptions.pending = Some(pending);
        self.subscribing.insert(id);
        for name in &names {
            self.await_name(id, audience, space, name);
        }
        // The one that stood for the command itself.
        self.one_less_missing(id);
    }

    fn await_name(&mut self, id: ClientId, audience: usize, space: Space, name: &Name) {
        let Some(held) = self.audiences.get_mut(audience) else { return };
        if held.topic(space, name).is_some_and(|topic| topic.has(id)) {
            return;
        }
        held.join(space, name, id, Part::Waiting);
        if let Some(pending) = self.pending_mut(id) {
            pending.missing += 1;
        }
        self.sync(audience, space, name);
        self.settle(audience, space, name);
    }

    /// One more name of the client's command has been confirmed.
    pub(super) fn one_less_missing(&mut self, id: ClientId) {
        let Some(pending) = self.pending_mut(id) else { return };
        pending.missing -= 1;
        if pending.missing == 0 {
            self.confirm_all(id);
        }
    }

    fn confirm_all(&mut self, id: ClientId) {
        let Some((pending, audience)) = self.take_pending(id, HoldOutcome::Sent) else { return };
        let mut out = Vec::new();
        for name in &pending.names {
            if let Some(audience) = self.audiences.get_mut(audience) {
                audience.join(pending.space, name, id, Part::Listening);
            }
            let Some(client) = self.client(id) else { return };
            let proto = client.session.proto;
            let Some(held) = &mut client.subscriptions else { return };
            held.add(pending.space, name.clone());
            let count = held.count(pending.space);
            confirmation(&mut out, proto, pending.space.word(true), Some(name), count);
        }
        // As messages are, they are told in spite of CLIENT REPLY.
        self.deliver(&Entry { silent: false, ..pending.entry }, &out, CommandResult::Ok);
        for name in &pending.names {
            self.recount(audience, pending.space, name);
        }
    }

    /// The client gets this in place of its confirmations, and has a part in nothing that it asked for.
    pub(super) fn refuse_pending(&mut self, id: ClientId, line: &[u8]) {
        if let Some(pending) = self.drop_pending(id, HoldOutcome::Refused) {
            self.answer_entry(&pending.entry, line, CommandResult::Error);
        }
    }

    pub(super) fn give_up_pending(&mut self, id: ClientId, outcome: HoldOutcome, reason: &str) {
        let Some(pending) = self.drop_pending(id, outcome) else { return };
        let reason = match outcome {
            HoldOutcome::Expired => self.with_cause(reason, None),
            HoldOutcome::Sent | HoldOutcome::Refused | HoldOutcome::Gone => reason.to_owned(),
        };
        self.give_up(&pending.entry, Verdict::NotExecuted, &reason);
    }

    fn drop_pending(&mut self, id: ClientId, outcome: HoldOutcome) -> Option<Pending> {
        let (pending, audience) = self.take_pending(id, outcome)?;
        for name in &pending.names {
            if let Some(held) = self.audiences.get_mut(audience) {
                held.give_way(pending.space, name, id);
            }
            self.sync(audience, pending.space, name);
        }
        Some(pending)
    }

    fn take_pending(&mut self, id: ClientId, outcome: HoldOutcome) -> Option<(Pending, usize)> {
        let subscriptions = self.client(id)?.subscriptions.as_mut()?;
        let (mut pending, audience) = (subscriptions.pending.take()?, subscriptions.audience);
        self.subscribing.remove(&id);
        if let Some(ticket) = pending.held.take() {
            self.metrics.hold_finished(outcome, self.elapsed(pending.entry.since));
            self.holds.release(ticket);
        }
        Some((pending, audience))
    }

    fn pending_mut(&mut self, id: ClientId) -> Option<&mut Pending> {
        self.client(id)?.subscriptions.as_mut()?.pending.as_mut()
    }

    /// The node is lost: who waits for it waits in hold.
    pub(super) fn hold_subscribing(&mut self, audience: usize) {
        for id in self.subscribing_in(audience) {
            let pending =
                self.clients.get_mut(id).and_then(|client| client.subscriptions.as_mut()?.pending.as_mut());
            if let Some(pending) = pending.filter(|pending| pending.held.is_none()) {
                pending.held = Some(self.holds.hold(pending.len));
            }
        }
    }

    pub(super) fn subscribing_in(&self, audience: usize) -> Vec<ClientId> {
        let is_in = |id: &&ClientId| {
            let client = self.clients.get(**id).and_then(|client| client.subscriptions.as_ref());
            client.is_some_and(|held| held.audience == audience)
        };
        self.subscribing.iter().filter(is_in).copied().collect()
    }

    /// Answers those whose time is over. Gives whether any are left.
    pub(super) fn expire_subscribing(&mut self) -> bool {
        let (now, hold) = (self.now, self.settings.hold);
        // Without hold, an attempt under way gets its chance.
        let limit = if hold == 0 { self.settings.node_timeout } else { hold };
        let clients = &self.clients;
        let is_over = |id: &&ClientId| {
            let held = clients.get(**id).and_then(|client| client.subscriptions.as_ref());
            let pending = held.and_then(|held| held.pending.as_ref());
            pending.is_none_or(|pending| now.saturating_sub(pending.entry.since) >= limit)
        };
        let over: Vec<ClientId> = self.subscribing.iter().filter(is_over).copied().collect();
        let reason = format!(
            "no node confirmed it within {}",
            humantime::format_duration(std::time::Duration::from_micros(limit))
        );
        for id in over {
            self.give_up_pending(id, HoldOutcome::Expired, &reason);
        }
        !self.subscribing.is_empty()
    }

    /// The client has a part in nothing any more.
    pub(super) fn leave_hub(&mut self, id: ClientId) {
        self.drop_pending(id, HoldOutcome::Gone);
        self.drop_leaving(id);
        if let Some(held) = self.client(id).and_then(|client| client.subscriptions.take()) {
            for (space, name) in held.all() {
                self.leave_topic(held.audience, space, &name, id);
            }
        }
        self.end_own_audience(id);
    }

    /// The session has another identity or version: its messages come on another lane, without a word to the client.
    pub(super) fn change_audience(&mut self, id: ClientId) {
        let Some(mut held) = self.client(id).and_then(|client| client.subscriptions.take()) else { return };
        let (names, former) = (held.all(), held.audience);
        if names.is_empty() {
            return;
        }
        let audience = self.audience_of(id);
        held.audience = audience;
        if let Some(client) = self.client(id) {
            client.subscriptions = Some(held);
        }
        for (space, name) in names {
            self.leave_topic(former, space, &name, id);
            if let Some(audience) = self.audiences.get_mut(audience) {
                audience.join(space, &name, id, Part::Listening);
            }
            self.sync(audience, space, &name);
        }
        if audience != former {
            self.end_audience(former);
        }
    }

    pub(super) fn leave_topic(&mut self, audience: usize, space: Space, name: &Name, id: ClientId) {
        if let Some(held) = self.audiences.get_mut(audience) {
            held.leave(space, name, id);
        }
        self.sync(audience, space, name);
    }

    /// In RESP2, what a client may do depends on whether it is subscribed: what is not known yet is waited for.
    pub(super) fn must_wait_for_confirmation(&mut self, id: ClientId) -> bool {
        self.client(id).is_some_and(|client| {
            let waits = client.subscriptions.as_ref().is_some_and(|held| held.is_waited_for());
            waits && client.session.proto == Proto::Resp2
        })
    }
}
