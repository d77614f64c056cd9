//! Subscriptions: on the client's own connection, taken up again when that moves to another node.

use crate::client::subscriptions::{Event, event};
use crate::client::{ClientId, Stall};
use crate::command::{Command, CommandId, Slot, Subscribe, lone_key};
use crate::metrics::reasons::{CloseReason, CommandResult, Family};
use crate::node::lane::{LaneId, Use};
use crate::node::queue::EntryKind;
use crate::resp::reply::Proto;
use crate::resp::request::Request;

use super::Core;
use super::requests::{Flow, Meta};

impl Core {
    /// Each such command waits for what is in flight, so that the number of its confirmations is known.
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
        let held = client.subscriptions.get_or_insert_default();
        if held.bytes() + request.raw().len() > limit {
            return self.answer_error(id, command, "ERR tideover: too many subscriptions for one client");
        }
        let replies = held.expected(kind, request.len() - 1);
        let meta = Meta {
            command: command.map_or(CommandId::OTHER, |command| command.id),
            family: Family::Other,
            kind: EntryKind::Subscribe,
            replies,
            dedicated: true,
            use_: Use::Master,
        };
        let shard = match client.is_subscriber() {
            true => client.listens_at,
            false => self.shard_to_listen_at(id, request, command),
        };
        if let Some(client) = self.client(id) {
            client.listens_at = shard;
        }
        self.send(id, shard, request.raw(), meta)
    }

    fn shard_to_listen_at(
        &self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> u16 {
        let slot = command.and_then(|command| lone_key(request, command)).map(Slot::of_key);
        let owner = slot.and_then(|slot| self.shards.map()?.shard_of(slot));
        owner.unwrap_or_else(|| self.home(id))
    }

    /// Takes a frame on a dedicated connection if it is a message or a confirmation.
    pub(super) fn pubsub_frame(&mut self, id: LaneId, kind: u8, frame: &[u8]) -> bool {
        let Some(owner) = self.lane(id).and_then(|lane| lane.key.owner) else { return false };
        let Some(client) = self.client(owner) else { return false };
        if kind == b'-' && client.subscriptions.as_ref().is_some_and(|held| held.repeated > 0) {
            // What the client believes to listen to is refused here: only a new start is honest.
            self.kill_client(owner, CloseReason::Broken);
            return true;
        }
        let expected = match client.session.proto {
            Proto::Resp3 => b'>',
            Proto::Resp2 => b'*',
        };
        if kind != expected || client.subscriptions.is_none() {
            return kind == b'>';
        }
        match event(frame) {
            Event::Message if client.session.proto == Proto::Resp2 && !client.is_subscriber() => {
                return false;
            }
            Event::Message => self.push(owner, frame),
            Event::Confirmed { space, subscribed, name } => {
                let Some(held) = &mut client.subscriptions else { return false };
                if let Some(name) = name {
                    held.confirm(space, subscribed, name);
                }
                if held.repeated > 0 && subscribed {
                    held.repeated -= 1;
                    return true;
                }
                self.confirm(id, owner, frame);
            }
        }
        true
    }

    /// One confirmation of the request at the head, or one that the node sent of itself.
    fn confirm(&mut self, id: LaneId, owner: ClientId, frame: &[u8]) {
        let head = self.lane(id).and_then(|lane| lane.queue.front_mut());
        let Some(entry) = head.filter(|entry| entry.kind == EntryKind::Subscribe) else {
            return self.push(owner, frame);
        };
        entry.replies = entry.replies.saturating_sub(1);
        let entry = *entry;
        if entry.replies == 0 {
            self.finish(id, &entry, frame, CommandResult::Ok);
            return self.forget_if_unsubscribed(owner);
        }
        if let Some(client) = self.client(owner) {
            client.replies.part(entry.seq, frame, false);
        }
        self.touch_client(owner);
    }

    fn forget_if_unsubscribed(&mut self, owner: ClientId) {
        if let Some(client) = self.client(owner).filter(|client| !client.is_subscriber()) {
            client.subscriptions = None;
        }
    }

    fn push(&mut self, owner: ClientId, frame: &[u8]) {
        let limit = self.settings.output_buffer;
        let Some(client) = self.client(owner) else { return };
        client.replies.push(frame);
        let over = client.replies.waiting() > limit;
        self.touch_client(owner);
        if over {
            self.kill_client(owner, CloseReason::OutputLimit);
        }
    }
}
