//! Answers that need no node, put in the place of the next reply.

use crate::client::session::ReplyMode;
use crate::client::{Client, Stall, local};
use crate::command::{ClientCommand, Command, CommandId, Local};
use crate::ids::ClientId;
use crate::reasons::{CloseReason, CommandResult};
use crate::resp::reply;
use crate::resp::request::Request;
use crate::resp::scan::ProtocolError;

use super::Core;
use super::requests::Flow;
use super::settings::{OUTPUT_HIGH, WINDOW};

impl Core {
    pub(super) fn answer_locally(
        &mut self,
        id: ClientId,
        local: Local,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        match local {
            Local::Quit => self.end_client(id, CloseReason::Quit),
            Local::Reset => {
                if self.client(id).is_some_and(|client| client.in_flight > 0) {
                    return self.stall(id, Stall::Drain);
                }
                self.reset_session(id);
            }
            Local::Ping
            | Local::Echo
            | Local::Command
            | Local::Role
            | Local::Client(_)
            | Local::Cluster(_)
            | Local::Sentinel
            | Local::UnknownSubcommand => {}
        }
        let now = self.now;
        let client = self.clients.get_mut(id);
        let Some(client) = client.filter(|client| client.id.generation == id.generation) else {
            return Flow::Taken;
        };
        let mut out = Vec::new();
        let silent = take_silence(client);
        local::answer(client, &self.settings.mask, local, request, now, &mut out);
        let turned_on =
            local == Local::Client(ClientCommand::Reply) && client.session.reply_mode == ReplyMode::On;
        if silent && !turned_on {
            out.clear();
        }
        self.put_answer(id, command, &out)
    }

    /// One answer in the place of the next reply.
    pub(super) fn answer(
        &mut self,
        id: ClientId,
        command: Option<&'static Command>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Flow {
        let Some(client) = self.client(id) else { return Flow::Taken };
        let mut out = Vec::new();
        if !take_silence(client) {
            write(&mut out);
        }
        self.put_answer(id, command, &out)
    }

    pub(super) fn answer_error(
        &mut self,
        id: ClientId,
        command: Option<&'static Command>,
        text: &str,
    ) -> Flow {
        self.answer(id, command, |out| reply::error(out, text))
    }

    pub(super) fn put_answer(
        &mut self,
        id: ClientId,
        command: Option<&'static Command>,
        bytes: &[u8],
    ) -> Flow {
        let result = if bytes.first() == Some(&b'-') { CommandResult::Error } else { CommandResult::Ok };
        self.metrics.command(command.map_or(CommandId::OTHER, |command| command.id).0, result);
        let Some(client) = self.client(id) else { return Flow::Taken };
        let seq = client.replies.open();
        client.replies.complete(seq, bytes);
        rein_in(client);
        self.touch_client(id);
        Flow::Taken
    }

    pub(super) fn protocol_error(&mut self, id: ClientId, error: ProtocolError) {
        self.answer_error(id, None, &format!("ERR Protocol error: {error}"));
        self.end_client(id, CloseReason::Protocol);
    }
}

/// No node slows down a client that we answer ourselves: one that reads slowly, or waits for a node's reply before
/// ours, is not listened to for a while.
pub(super) fn rein_in(client: &mut Client) {
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

pub(super) fn take_silence(client: &mut Client) -> bool {
    let (silent, next) = client.session.reply_mode.take();
    client.session.reply_mode = next;
    silent
}
