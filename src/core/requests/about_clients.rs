//! CLIENT LIST, KILL, UNBLOCK, PAUSE and UNPAUSE, and MONITOR: about all clients of the proxy, which the workers have among them.

use crate::client::inquiry::SentInquiry;
use crate::client::inquiry::{Inquiry, PendingInquiry};
use crate::client::session::Watch;
use crate::client::{Beside, Stall};
use crate::command::{ClientsCommand, Command};
use crate::core::base::meta::{Flow, Meta, new_entry};
use crate::core::permission::Right;
use crate::ids::ClientId;
use crate::node::lane::Use;
use crate::node::queue::EntryKind;
use crate::resp::request::Request;

use super::Requests;
use super::sending::send;

const WATCHES: &str = "ERR MONITOR is not served to a client with a WATCH: send UNWATCH first";

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

    /// Asks all workers, once the node has said that the client may. The client waits for the answer, as it would wait for
    /// a server.
    pub(super) fn ask_all(
        &mut self,
        id: ClientId,
        inquiry: Inquiry,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        let right = Right::of(&inquiry);
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        if client.in_flight > 0 {
            return self.base.stall(id, Stall::Drain);
        }
        // The transaction of the question would end the WATCH.
        if right.needs_own_connection() && client.session.watch != Watch::None {
            return self.base.answer_error(id, command, WATCHES);
        }
        let command = command.map(|command| command.subcommand(request).unwrap_or(command));
        client.command = command;
        let sent = SentInquiry { inquiry, asker: client.public_id, request: request.raw().len() };
        match self.is_known_to_be_granted(id, right) {
            true => self.open_inquiry(id, sent, command),
            false => self.ask_for_permission(id, right, sent, command),
        }
    }

    /// Returns true if no node can be asked, and the last one that was has said that the client may.
    fn is_known_to_be_granted(&self, id: ClientId, right: Right) -> bool {
        let client = self.base.clients.get(id);
        !self.base.shards.is_open(self.base.home(id), Use::Master)
            && client.is_some_and(|client| self.memory.granted.has(client, right))
    }

    fn open_inquiry(&mut self, id: ClientId, sent: SentInquiry, command: Option<&'static Command>) -> Flow {
        let now = self.base.now;
        let Some(client) = self.base.client(id) else { return Flow::Taken };
        let entry = new_entry(client, Meta::of(command, EntryKind::Plain, false), now);
        client.in_flight += 1;
        client.note_sent(None, Beside::Nothing);
        // It may be among those that are killed: nothing that it sends is looked at before that is known.
        client.stall = Stall::Drain;
        self.memory.census.open(self.base, entry, sent);
        Flow::Taken
    }

    fn ask_for_permission(
        &mut self,
        id: ClientId,
        right: Right,
        sent: SentInquiry,
        command: Option<&'static Command>,
    ) -> Flow {
        let mut question = Vec::new();
        let replies = right.question(&mut question);
        let meta = Meta::of(command, EntryKind::Permission, right.needs_own_connection());
        let home = self.base.home(id);
        let flow = send(self.base, id, home, &question, Meta { replies, ..meta });
        if let Some(client) = self.base.client(id).filter(|client| client.in_flight > 0) {
            client.inquiry = Some(Box::new(PendingInquiry { sent, denied: None }));
            client.stall = Stall::NodeAnswer;
        }
        flow
    }
}
