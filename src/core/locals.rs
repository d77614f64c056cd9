//! Answers that need no node, put in the place of the next reply.

use crate::client::session::ReplyMode;
use crate::client::{Stall, local};
use crate::command::{ClientCommand, Command, Local};
use crate::ids::ClientId;
use crate::reasons::CloseReason;
use crate::resp::request::Request;

use super::Core;
use super::base::clients::take_silence;
use super::base::meta::Flow;

impl Core {
    pub(super) fn answer_locally(
        &mut self,
        id: ClientId,
        local: Local,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        match local {
            Local::Quit => self.base.end_client(id, CloseReason::Quit),
            Local::Reset => {
                if self.base.client(id).is_some_and(|client| client.in_flight > 0) {
                    return self.base.stall(id, Stall::Drain);
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
        let now = self.base.now;
        let client = self.base.clients.get_mut(id);
        let Some(client) = client.filter(|client| client.id.generation == id.generation) else {
            return Flow::Taken;
        };
        let mut out = Vec::new();
        let silent = take_silence(client);
        local::answer(client, &self.base.settings.mask, local, request, now, &mut out);
        let turned_on =
            local == Local::Client(ClientCommand::Reply) && client.session.reply_mode == ReplyMode::On;
        if silent && !turned_on {
            out.clear();
        }
        self.base.put_answer(id, command, &out)
    }
}
