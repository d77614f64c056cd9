//! Answers that the proxy makes itself, and the end of clients.

use std::sync::Arc;
use std::time::Duration;

use crate::client::failure_replies::{FailureReply, not_executed};
use crate::client::{Client, Life, Stall};
use crate::command::{Command, CommandId};
use crate::core::Effect;
use crate::core::settings::{OUTPUT_HIGH, WHOLE_REPLY, WINDOW};
use crate::ids::{ClientId, LaneId, Seq};
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CloseReason, CommandResult, HoldOutcome};
use crate::resp::reply;
use crate::resp::scan::ProtocolError;

use super::Base;
use super::meta::{Flow, Meta, new_entry};
use super::queue::NO_NODE;

/// An answer to a subscriber, with the place that it has among the client's replies.
pub(crate) type OrderedAnswer = (Entry, Vec<u8>);

impl Base {
    /// Takes no more input, and closes the connection once the client has received the replies that it is owed.
    pub(crate) fn end_client(&mut self, id: ClientId, reason: CloseReason) {
        if let Some(client) = self.client(id).filter(|client| client.life == Life::Open) {
            client.life = Life::Ending(reason);
            client.input = Vec::new();
            client.consumed = 0;
        }
        self.touch_client(id);
    }

    /// Ends the client in the same way, but owes it no reply from `seq` on: that one cannot be given.
    pub(crate) fn end_client_before(&mut self, id: ClientId, seq: Seq, reason: CloseReason) {
        if let Some(client) = self.client(id) {
            client.replies.end_before(seq);
        }
        self.end_client(id, reason);
    }

    pub(crate) fn end_if_settled(&mut self, id: ClientId) {
        let Some(client) = self.client(id).filter(|client| client.is_settled()) else { return };
        match client.life {
            Life::Ending(reason) => self.kill_client(id, reason),
            // Input that is left is less than a request, and nothing will complete it.
            Life::Open if client.eof && client.stall == Stall::None => {
                self.kill_client(id, CloseReason::Gone)
            }
            Life::Open => {}
        }
    }

    /// Closes the client's connection at once.
    pub(crate) fn kill_client(&mut self, id: ClientId, reason: CloseReason) {
        if self.remove_client(id, reason) {
            self.effects.push(Effect::CloseClient { client: id, reason });
        }
    }

    /// Removes the client. Returns true if it was there. Its lanes and subscriptions go at the end of the turn.
    pub(crate) fn remove_client(&mut self, id: ClientId, reason: CloseReason) -> bool {
        let Some(client) = self.clients.remove(id) else { return false };
        self.holds.budget().give(client.share.all());
        self.metrics.client_closed(reason);
        self.gone.push(client);
        true
    }

    /// Returns true if no node lets this client in before it authenticates.
    pub(crate) fn is_stranger(&self, id: ClientId) -> bool {
        self.shards.asks_password()
            && self.clients.get(id).is_some_and(|client| client.session.identity.is_none())
    }

    /// Returns true if a request on one of the client's own connections waits for something that may never come.
    pub(crate) fn is_blocked(&self, id: ClientId) -> bool {
        let waits = |entry: &Entry| {
            matches!(entry.kind, EntryKind::Blocking | EntryKind::Wait | EntryKind::StreamEnds)
        };
        let own = self.clients.get(id).map(|client| client.dedicated.as_slice()).unwrap_or_default();
        own.iter().any(|lane| self.lanes.get(*lane).is_some_and(|lane| lane.queue.iter().any(waits)))
            || self.strays.of(id).iter().any(|stray| waits(&stray.entry))
    }

    /// Returns true if requests on this lane run now, or as soon as its first connection is established.
    pub(crate) fn is_served(&self, id: LaneId) -> bool {
        let lane = self.lanes.get(id);
        lane.is_some_and(|lane| {
            lane.failures == 0
                && lane.link.refusing().is_none()
                && lane.link.paused().is_none()
                && self.shards.is_open(lane.key.shard, lane.key.use_)
        })
    }

    pub(crate) fn stall(&mut self, id: ClientId, stall: Stall) -> Flow {
        if let Some(client) = self.client(id) {
            client.stall = stall;
        }
        Flow::Later
    }

    /// Answers the client's latest command, in the place of its next reply.
    pub(crate) fn answer(
        &mut self,
        id: ClientId,
        command: Option<&'static Command>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Flow {
        let Some(client) = self.client(id) else { return Flow::Taken };
        let mut out = Vec::new();
        if !advance_reply_mode(client) {
            write(&mut out);
        }
        self.put_answer(id, command, &out)
    }

    pub(crate) fn answer_error(
        &mut self,
        id: ClientId,
        command: Option<&'static Command>,
        text: &str,
    ) -> Flow {
        self.answer(id, command, |out| reply::error(out, text))
    }

    pub(crate) fn put_answer(
        &mut self,
        id: ClientId,
        command: Option<&'static Command>,
        bytes: &[u8],
    ) -> Flow {
        if self.clients.get(id).is_some_and(|client| client.id == id && client.is_subscriber()) {
            return self.put_ordered_answer(id, command, bytes);
        }
        let result = result_of_answer(bytes);
        self.metrics.command(command.map_or(CommandId::OTHER, |command| command.id).0, result);
        let Some(client) = self.client(id) else { return Flow::Taken };
        client.replies.answer(bytes);
        throttle_client(client);
        self.touch_client(id);
        Flow::Taken
    }

    /// Puts an answer to a subscriber behind the messages that were published before it asked.
    fn put_ordered_answer(&mut self, id: ClientId, command: Option<&'static Command>, bytes: &[u8]) -> Flow {
        let now = self.now;
        let Some(client) = self.client(id) else { return Flow::Taken };
        let mode = std::mem::take(&mut client.session.reply_mode);
        // The mode of CLIENT REPLY was applied when the answer was made.
        let entry = new_entry(client, Meta::of(command, EntryKind::Plain, false), now);
        client.session.reply_mode = mode;
        client.in_flight += 1;
        throttle_client(client);
        if bytes.len() > WHOLE_REPLY && client.stall == Stall::None {
            client.stall = Stall::Drain;
        }
        self.ordered.push((entry, bytes.to_vec()));
        Flow::Taken
    }

    pub(crate) fn give_answer(&mut self, entry: &Entry, bytes: &[u8]) {
        self.deliver(entry, bytes, result_of_answer(bytes));
    }

    pub(crate) fn protocol_error(&mut self, id: ClientId, error: ProtocolError) {
        self.answer(id, None, |out| reply::error_of_bytes(out, &error.line()));
        self.end_client(id, CloseReason::Protocol);
    }

    pub(crate) fn refuse(&mut self, id: ClientId, meta: Meta, reason: &str) -> Flow {
        let reason = if reason == NO_NODE { self.with_cause(reason, None) } else { reason.to_owned() };
        self.metrics.hold_finished(HoldOutcome::Refused, Duration::ZERO);
        self.metrics.command(meta.command.0, CommandResult::TryAgain);
        let (settings, more_input) = (Arc::clone(&self.settings), self.more_input);
        let Some(client) = self.client(id) else { return Flow::Taken };
        let (silent, next) = client.session.reply_mode.advance();
        client.session.reply_mode = next;
        let (seq, text) = (client.replies.open(), not_executed(&reason));
        let alone = !client.others_ran && client.in_flight == 0 && !more_input;
        match settings.failures.reply_for(&client.session, text.as_bytes(), CommandResult::TryAgain, alone) {
            FailureReply::Line(line) => client.replies.complete(seq, if silent { b"" } else { &line }),
            FailureReply::Close(reason) => {
                self.end_client_before(id, seq, reason);
                return Flow::Taken;
            }
        }
        throttle_client(client);
        self.touch_client(id);
        Flow::Taken
    }
}

fn result_of_answer(bytes: &[u8]) -> CommandResult {
    if bytes.first() == Some(&b'-') { CommandResult::Error } else { CommandResult::Ok }
}

/// Stops reading a client that is answered without a node, if it reads its replies slowly or has many of them waiting
/// behind a reply that a node owes. No node slows such a client down.
pub(crate) fn throttle_client(client: &mut Client) {
    let waits_for_node = client.replies.owed() > WINDOW || client.replies.parked_bytes() > OUTPUT_HIGH;
    if client.stall != Stall::None {
        return;
    }
    if client.replies.unwritten().len() > OUTPUT_HIGH {
        client.stall = Stall::Output;
    } else if client.in_flight > 0 && waits_for_node {
        client.stall = Stall::Drain;
    }
}

/// Returns true if CLIENT REPLY suppresses the reply to the command at hand, and moves on to the mode of the next one.
pub(crate) fn advance_reply_mode(client: &mut Client) -> bool {
    let (silent, next) = client.session.reply_mode.advance();
    client.session.reply_mode = next;
    silent
}
