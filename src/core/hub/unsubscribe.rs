//! UNSUBSCRIBE and its relatives. The client gets no more messages at once. It is answered when the nodes have
//! confirmed the end of topics that nobody else listens to, so that the numbers of listeners are right by then.

use crate::client::Beside;
use crate::client::subscriptions::Unsubscribing;
use crate::core::base::Base;
use crate::core::base::clients::throttle_client;
use crate::ids::ClientId;
use crate::node::queue::Entry;
use crate::reasons::CommandResult;
use crate::resp::pubsub::{Name, Space, confirmation};
use crate::resp::request::Request;

use super::Hub;

impl Hub {
    /// Carries out a command whose `entry` is in flight.
    pub(super) fn unsubscribe(&mut self, base: &mut Base, entry: Entry, space: Space, request: &Request<'_>) {
        let id = entry.client;
        let Some(client) = base.client(id) else { return };
        let held = client.subscriptions.get_or_insert_default();
        let names: Vec<Name> = match request.len() {
            1 => held.names(space).cloned().collect(),
            _ => request.args().skip(1).map(Name::from).collect(),
        };
        client.note_sent(None, Beside::Nothing);
        let (names, answer) = self.give_up_names(base, id, space, names);
        let missing = names.len();
        if let Some(held) = base.client(id).and_then(|client| client.subscriptions.as_mut()) {
            held.leaving = Some(Unsubscribing { entry, space, names, missing, answer });
            self.unsubscribing.insert(id);
        }
        if missing == 0 {
            self.confirm_unsubscribe(base, id);
            base.client(id).map(throttle_client);
        }
    }

    /// Takes the names from the client. Returns those whose end a node has to confirm first, and the answer.
    fn give_up_names(
        &mut self,
        base: &mut Base,
        id: ClientId,
        space: Space,
        names: Vec<Name>,
    ) -> (Vec<Name>, Vec<u8>) {
        let (mut waits, mut out) = (Vec::new(), Vec::new());
        let mut confirm = |base: &mut Base, name: Option<&Name>| {
            let client = base.client(id);
            let held = client.and_then(|client| Some((client.session.proto, client.subscriptions.as_ref()?)));
            if let Some((proto, held)) = held {
                confirmation(&mut out, proto, space.word(false), name.map(|name| &**name), held.count(space));
            }
        };
        if names.is_empty() {
            confirm(base, None);
        }
        for name in names {
            let held = base.client(id).and_then(|client| client.subscriptions.as_mut());
            let audience = held.and_then(|held| held.remove(space, &name).then_some(held.audience));
            if let Some(audience) = audience {
                self.leave_topic(base, audience, space, &name, id);
                let left = self.audiences.get_mut(audience);
                if left.is_some_and(|left| left.waits_to_leave(space, &name, id)) {
                    waits.push(name.clone());
                }
            }
            confirm(base, Some(&name));
        }
        (waits, out)
    }

    /// Counts the topic as left for the clients that wait for this, if the nodes have confirmed its end.
    pub(super) fn notify_left(&mut self, base: &mut Base, index: usize, space: Space, name: &[u8]) {
        let left = self.audiences.get_mut(index).map(|audience| audience.take_left(space, name));
        left.into_iter().flatten().for_each(|id| self.count_left_name(base, id));
    }

    pub(super) fn count_left_name(&mut self, base: &mut Base, id: ClientId) {
        let held = base.client(id).and_then(|client| client.subscriptions.as_mut());
        let Some(leaving) = held.and_then(|held| held.leaving.as_mut()) else { return };
        leaving.missing = leaving.missing.saturating_sub(1);
        if leaving.missing == 0 {
            self.confirm_unsubscribe(base, id);
        }
    }

    pub(super) fn confirm_unsubscribe(&mut self, base: &mut Base, id: ClientId) {
        if let Some(leaving) = self.take_unsubscribe(base, id) {
            // Like messages, the answer is sent in spite of CLIENT REPLY.
            let entry = Entry { silent: false, ..leaving.entry };
            base.deliver(&entry, &leaving.answer, CommandResult::Ok);
        }
    }

    /// Takes the client's unanswered UNSUBSCRIBE.
    fn take_unsubscribe(&mut self, base: &mut Base, id: ClientId) -> Option<Unsubscribing> {
        let held = base.client(id)?.subscriptions.as_mut()?;
        let (leaving, audience) = (held.leaving.take()?, held.audience);
        if held.is_empty() && held.pending.is_none() {
            base.client(id)?.subscriptions = None;
        }
        self.end_unsubscribe(id, audience, &leaving);
        Some(leaving)
    }

    pub(super) fn end_unsubscribe(&mut self, id: ClientId, audience: usize, leaving: &Unsubscribing) {
        self.unsubscribing.remove(&id);
        for name in &leaving.names {
            let topic = self.audiences.get_mut(audience).and_then(|held| held.topic_mut(leaving.space, name));
            topic.map(|topic| topic.leaving.remove(&id));
        }
    }

    /// Answers commands that a node has left unconfirmed for too long. Returns true if any are left.
    pub(super) fn expire_unsubscribes(&mut self, base: &mut Base) -> bool {
        let (now, limit, clients) = (base.now, base.settings.node_timeout, &base.clients);
        let is_over = |id: &&ClientId| {
            let held = clients.get(**id).and_then(|client| client.subscriptions.as_ref());
            let leaving = held.and_then(|held| held.leaving.as_ref());
            leaving.is_none_or(|leaving| now.saturating_sub(leaving.entry.since) >= limit)
        };
        let over: Vec<ClientId> = self.unsubscribing.iter().filter(is_over).copied().collect();
        for id in over {
            self.confirm_unsubscribe(base, id);
            self.unsubscribing.remove(&id);
        }
        !self.unsubscribing.is_empty()
    }
}
