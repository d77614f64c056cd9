//! SUBSCRIBE and its relatives, on the client's side. [`super::sync`] tells the nodes.

use crate::client::subscriptions::{Subscribing, Subscriptions, meaning};
use crate::client::{Beside, Stall};
use crate::command::{Command, Subscribe};
use crate::core::base::Base;
use crate::core::base::meta::{Flow, Meta, new_entry};
use crate::core::base::queue::{NO_NODE, NO_ROOM};
use crate::failover::Verdict;
use crate::ids::ClientId;
use crate::node::hold::Ticket;
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CommandResult, HoldOutcome};
use crate::resp::pubsub::{Name, Space, confirmation};
use crate::resp::reply::Proto;
use crate::resp::request::Request;

use super::Hub;
use super::audience::{AudienceKey, TopicPart};

impl Hub {
    /// Handles a subscription command, once nothing is in flight: no message may come before its confirmation.
    pub(crate) fn subscribe(
        &mut self,
        base: &mut Base,
        id: ClientId,
        kind: Subscribe,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        let now = base.now;
        let Some(client) = base.client(id) else { return Flow::Taken };
        if client.in_flight > 0 {
            return base.stall(id, Stall::Drain);
        }
        let meta = Meta::of(command, EntryKind::Plain, true);
        let (space, subscribes) = meaning(kind);
        if !subscribes {
            let entry = new_entry(client, meta, now);
            client.in_flight += 1;
            self.unsubscribe(base, entry, space, request);
            return Flow::Taken;
        }
        match self.prepare(base, id, space, request) {
            Ok(wanted) => {
                let Some(client) = base.client(id) else { return Flow::Taken };
                let entry = new_entry(client, meta, now);
                client.in_flight += 1;
                self.begin_subscribe(base, entry, wanted);
                Flow::Taken
            }
            Err(Unable::TooMany) => base.answer_error(id, command, TOO_MANY),
            Err(Unable::Wait(reason)) => base.refuse(id, meta, reason),
        }
    }

    /// Carries out a subscription command as a part of another request, which is in flight, and answers `entry`.
    pub(crate) fn subscribe_within(
        &mut self,
        base: &mut Base,
        entry: Entry,
        kind: Subscribe,
        request: &Request<'_>,
    ) {
        let (space, subscribes) = meaning(kind);
        if !subscribes {
            return self.unsubscribe(base, entry, space, request);
        }
        match self.prepare(base, entry.client, space, request) {
            Ok(wanted) => self.begin_subscribe(base, entry, wanted),
            Err(Unable::TooMany) => {
                let line = format!("-{TOO_MANY}\r\n");
                base.answer_entry(&entry, line.as_bytes(), CommandResult::Error);
            }
            Err(Unable::Wait(reason)) => base.fail_request(&entry, Verdict::NotExecuted, reason),
        }
    }

    /// Finds out who is to listen to what, and holds the command if no node can take it now.
    fn prepare(
        &mut self,
        base: &mut Base,
        id: ClientId,
        space: Space,
        request: &Request<'_>,
    ) -> Result<Wanted, Unable> {
        let (limit, len) = (base.settings.output_buffer, request.raw().len());
        let own = base.client(id).map(|client| client.subscriptions.get_or_insert_default().bytes());
        if own.is_some_and(|own| own + len > limit) {
            return Err(Unable::TooMany);
        }
        let Some(client) = base.clients.get(id) else { return Err(Unable::Wait(NO_NODE)) };
        let audience = self.audience_of(base, client);
        let names: Vec<Name> =
            request.args().skip(1).map(|name| self.name_in(audience, space, name)).collect();
        let held = match () {
            () if self.is_heard(base, audience, space, &names) => Ok(None),
            () if base.settings.hold == 0 && !self.may_come_up(base, audience) => Err(NO_NODE),
            () => base.holds.try_hold(len).map(Some).ok_or(NO_ROOM),
        };
        if held.is_err() {
            self.drop_unused_audience(audience);
        }
        let held = held.map_err(Unable::Wait)?;
        Ok(Wanted { audience, space, names, len, held })
    }

    /// Begins a command whose `entry` is in flight.
    fn begin_subscribe(&mut self, base: &mut Base, entry: Entry, wanted: Wanted) {
        let (id, Wanted { audience, space, names, len, held }) = (entry.client, wanted);
        let Some(client) = base.client(id) else {
            return held.into_iter().for_each(|ticket| base.holds.release(ticket));
        };
        client.note_sent(None, Beside::Nothing);
        let subscriptions = client.subscriptions.get_or_insert_default();
        subscriptions.audience = audience;
        let pending = Subscribing { entry, space, names: names.clone(), missing: 1, len, held };
        subscriptions.pending = Some(pending);
        self.subscribing.insert(id);
        for name in &names {
            self.await_name(base, id, audience, space, name);
        }
        // This is the one that was counted for the command itself.
        self.count_confirmed_name(base, id);
    }

    fn await_name(&mut self, base: &mut Base, id: ClientId, audience: usize, space: Space, name: &Name) {
        let Some(held) = self.audiences.get_mut(audience) else { return };
        if held.topic(space, name).is_some_and(|topic| topic.has(id)) {
            return;
        }
        held.join(space, name, id, TopicPart::Waiting);
        if let Some(pending) = pending_mut(base, id) {
            pending.missing += 1;
        }
        self.sync(base, audience, space, name);
        self.notify_waiting(base, audience, space, name);
    }

    /// Counts one more name of the client's command as confirmed.
    pub(super) fn count_confirmed_name(&mut self, base: &mut Base, id: ClientId) {
        let Some(pending) = pending_mut(base, id) else { return };
        pending.missing -= 1;
        if pending.missing == 0 {
            self.confirm_all(base, id);
        }
    }

    fn confirm_all(&mut self, base: &mut Base, id: ClientId) {
        let Some((pending, audience)) = self.take_pending(base, id, HoldOutcome::Sent) else { return };
        let mut out = Vec::new();
        for name in &pending.names {
            if let Some(audience) = self.audiences.get_mut(audience) {
                audience.join(pending.space, name, id, TopicPart::Listening);
            }
            let Some(client) = base.client(id) else { return };
            let proto = client.session.proto;
            let Some(held) = &mut client.subscriptions else { return };
            held.add(pending.space, name.clone());
            let count = held.count(pending.space);
            confirmation(&mut out, proto, pending.space.word(true), Some(name), count);
        }
        // Like messages, confirmations are sent in spite of CLIENT REPLY.
        base.deliver(&Entry { silent: false, ..pending.entry }, &out, CommandResult::Ok);
        for name in &pending.names {
            self.recount(base, audience, pending.space, name);
        }
    }

    /// Answers the client's SUBSCRIBE with this line. The client has no part in its names any more.
    pub(super) fn refuse_pending(&mut self, base: &mut Base, id: ClientId, line: &[u8]) {
        if let Some(pending) = self.drop_pending(base, id, HoldOutcome::Refused) {
            base.answer_entry(&pending.entry, line, CommandResult::Error);
        }
    }

    pub(super) fn fail_subscribe(
        &mut self,
        base: &mut Base,
        id: ClientId,
        outcome: HoldOutcome,
        reason: &str,
    ) {
        let Some(pending) = self.drop_pending(base, id, outcome) else { return };
        let reason = match outcome {
            HoldOutcome::Expired => base.with_cause(reason, None),
            HoldOutcome::Sent | HoldOutcome::Refused | HoldOutcome::Gone => reason.to_owned(),
        };
        base.fail_request(&pending.entry, Verdict::NotExecuted, &reason);
    }

    fn drop_pending(&mut self, base: &mut Base, id: ClientId, outcome: HoldOutcome) -> Option<Subscribing> {
        let (pending, audience) = self.take_pending(base, id, outcome)?;
        self.withdraw(base, id, audience, &pending);
        Some(pending)
    }

    /// Ends the client's parts in the names of this command, as far as it does not listen to them already.
    fn withdraw(&mut self, base: &mut Base, id: ClientId, audience: usize, pending: &Subscribing) {
        for name in &pending.names {
            if let Some(held) = self.audiences.get_mut(audience) {
                held.withdraw(pending.space, name, id);
            }
            self.sync(base, audience, pending.space, name);
        }
    }

    fn take_pending(
        &mut self,
        base: &mut Base,
        id: ClientId,
        outcome: HoldOutcome,
    ) -> Option<(Subscribing, usize)> {
        let subscriptions = base.client(id)?.subscriptions.as_mut()?;
        let (mut pending, audience) = (subscriptions.pending.take()?, subscriptions.audience);
        self.end_pending(base, id, &mut pending, outcome);
        Some((pending, audience))
    }

    /// Ends the wait of a command, and releases its ticket.
    fn end_pending(
        &mut self,
        base: &mut Base,
        id: ClientId,
        pending: &mut Subscribing,
        outcome: HoldOutcome,
    ) {
        self.subscribing.remove(&id);
        if let Some(ticket) = pending.held.take() {
            base.metrics.hold_finished(outcome, base.elapsed(pending.entry.since));
            base.holds.release(ticket);
        }
    }

    /// Holds the commands that wait for a confirmation, because their node is lost.
    pub(super) fn hold_subscribing(&mut self, base: &mut Base, audience: usize) {
        for id in self.subscribing_in(base, audience) {
            let pending =
                base.clients.get_mut(id).and_then(|client| client.subscriptions.as_mut()?.pending.as_mut());
            if let Some(pending) = pending.filter(|pending| pending.held.is_none()) {
                pending.held = Some(base.holds.hold(pending.len));
            }
        }
    }

    pub(super) fn subscribing_in(&self, base: &Base, audience: usize) -> Vec<ClientId> {
        let is_in = |id: &&ClientId| {
            let client = base.clients.get(**id).and_then(|client| client.subscriptions.as_ref());
            client.is_some_and(|held| held.audience == audience)
        };
        self.subscribing.iter().filter(is_in).copied().collect()
    }

    /// Answers the commands whose time is over. Returns true if any are left.
    pub(super) fn expire_subscribes(&mut self, base: &mut Base) -> bool {
        let (now, hold) = (base.now, base.settings.hold);
        // Without `hold`, a connection attempt under way still gets its chance.
        let limit = if hold == 0 { base.settings.node_timeout } else { hold };
        let clients = &base.clients;
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
            self.fail_subscribe(base, id, HoldOutcome::Expired, &reason);
        }
        !self.subscribing.is_empty()
    }

    /// Ends all parts of a client in topics. `key`: that of its audience; `held`: the client's subscriptions.
    pub(crate) fn end_subscriptions(
        &mut self,
        base: &mut Base,
        id: ClientId,
        key: &AudienceKey,
        held: Option<Box<Subscriptions>>,
    ) {
        if let Some(mut held) = held {
            if let Some(mut pending) = held.pending.take() {
                self.end_pending(base, id, &mut pending, HoldOutcome::Gone);
                self.withdraw(base, id, held.audience, &pending);
            }
            if let Some(leaving) = held.leaving.take() {
                self.end_unsubscribe(id, held.audience, &leaving);
            }
            for (space, name) in held.all() {
                self.leave_topic(base, held.audience, space, &name, id);
            }
        }
        self.end_own_audience(base, key);
    }

    /// Moves a client's subscriptions to the audience of its changed session. The client is told nothing.
    pub(crate) fn change_audience(&mut self, base: &mut Base, id: ClientId) {
        let Some(mut held) = base.client(id).and_then(|client| client.subscriptions.take()) else { return };
        let (names, former) = (held.all(), held.audience);
        if names.is_empty() {
            return;
        }
        let Some(client) = base.clients.get(id) else { return };
        let audience = self.audience_of(base, client);
        held.audience = audience;
        if let Some(client) = base.client(id) {
            client.subscriptions = Some(held);
        }
        for (space, name) in names {
            self.leave_topic(base, former, space, &name, id);
            if let Some(audience) = self.audiences.get_mut(audience) {
                audience.join(space, &name, id, TopicPart::Listening);
            }
            self.sync(base, audience, space, &name);
        }
        if audience != former {
            self.end_audience(base, former);
        }
    }

    pub(super) fn leave_topic(
        &mut self,
        base: &mut Base,
        audience: usize,
        space: Space,
        name: &Name,
        id: ClientId,
    ) {
        if let Some(held) = self.audiences.get_mut(audience) {
            held.remove_listener(space, name, id);
        }
        self.sync(base, audience, space, name);
    }
}

/// Returns true if the client's next command has to wait for a confirmation. What a RESP2 client may do depends
/// on whether it is subscribed.
pub(crate) fn must_wait_for_confirmation(base: &Base, id: ClientId) -> bool {
    base.clients.get(id).is_some_and(|client| {
        let waits = client.subscriptions.as_ref().is_some_and(|held| held.is_waited_for());
        waits && client.session.proto == Proto::Resp2
    })
}

const TOO_MANY: &str = "ERR tideover: too many subscriptions for one client";

/// What a subscribing command asks for.
struct Wanted {
    audience: usize,
    space: Space,
    names: Vec<Name>,
    /// Bytes of the request.
    len: usize,
    held: Option<Ticket>,
}

/// The reason why a subscribing command is not even begun.
enum Unable {
    TooMany,
    /// No node can take it, and it cannot wait for one.
    Wait(&'static str),
}

fn pending_mut(base: &mut Base, id: ClientId) -> Option<&mut Subscribing> {
    base.client(id)?.subscriptions.as_mut()?.pending.as_mut()
}
