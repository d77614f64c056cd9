//! CLIENT LIST, KILL, UNBLOCK, PAUSE and UNPAUSE, and MONITOR: about all clients of the proxy, which the workers have among them.

use crate::client::inquiry::Inquiry;
use crate::client::{Beside, Stall};
use crate::command::{ClientsCommand, Command};
use crate::core::base::meta::{Flow, Meta, new_entry};
use crate::core::census::SentInquiry;
use crate::ids::ClientId;
use crate::node::queue::EntryKind;
use crate::resp::request::Request;

use super::Requests;

impl Requests<'_> {
    /// Reads one of these commands, and asks all workers.
    pub(super) fn inquire(
        &mut self,
        id: ClientId,
        sub: ClientsCommand,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        match Inquiry::of(sub, request) {
            Ok(inquiry) => self.ask_all(id, inquiry, request, command),
            Err(error) => self.base.answer_error(id, command, &error),
        }
    }

    /// Asks all workers. The client waits for their answer, as it would wait for a server.
    pub(super) fn ask_all(
        &mut self,
        id: ClientId,
        inquiry: Inquiry,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        let now = self.base.now;
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        if client.in_flight > 0 {
            return self.base.stall(id, Stall::Drain);
        }
        client.command = command.map(|command| command.subcommand(request).unwrap_or(command));
        let entry = new_entry(client, Meta::of(command, EntryKind::Plain, false), now);
        client.in_flight += 1;
        client.note_sent(None, Beside::Nothing);
        // It may be among those that are killed: nothing that it sends is looked at before that is known.
        client.stall = Stall::Drain;
        let sent = SentInquiry { inquiry, asker: client.public_id, request: request.raw().len() };
        self.memory.census.open(self.base, entry, sent);
        Flow::Taken
    }
}
