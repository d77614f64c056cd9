//! Answers that need no node, in the place of the client's next reply.

use crate::client::session::{ReplyMode, Session};
use crate::client::{Stall, local};
use crate::command::{ClientCommand, Command, Local};
use crate::core::base::clients::advance_reply_mode;
use crate::core::base::follow;
use crate::core::base::meta::Flow;
use crate::core::hub::audience_key;
use crate::core::monitors::end_monitor;
use crate::ids::ClientId;
use crate::reasons::CloseReason;
use crate::resp::request::Request;

use super::Requests;

impl Requests<'_> {
    /// Carries out RESET: the session becomes that of a fresh connection, but keeps the id that CLIENT ID returns.
    fn reset_session(&mut self, id: ClientId) {
        let key = self.base.clients.get(id).map(|client| audience_key(self.base, client));
        let held = self.base.client(id).and_then(|client| client.subscriptions.take());
        if let Some(key) = key {
            self.hub.end_subscriptions(self.base, id, &key, held);
        }
        end_monitor(self.base, id);
        follow::end_tracking(self.base, id);
        self.base.give_back_all(id);
        if let Some(client) = self.base.client(id) {
            client.session = Session::default();
            client.shared = Default::default();
            client.stall = Stall::None;
        }
        self.base.release_share(id);
    }

    pub(super) fn answer_locally(
        &mut self,
        id: ClientId,
        local: Local,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        let mode = self.base.clients.get(id).map(|client| client.session.reply_mode);
        let is_skipped = mode == Some(ReplyMode::SkipNext);
        match local {
            Local::Quit => self.base.end_client(id, CloseReason::Quit),
            Local::Reset => {
                if self.base.client(id).is_some_and(|client| client.in_flight > 0) {
                    return self.base.stall(id, Stall::Drain);
                }
                self.reset_session(id);
                if let Some(client) = self.base.client(id).filter(|_| is_skipped) {
                    client.session.reply_mode = ReplyMode::SkipNext;
                }
            }
            Local::Ping
            | Local::Echo
            | Local::Command
            | Local::Role
            | Local::Client(_)
            | Local::Clients(_)
            | Local::Monitor
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
        let silent = advance_reply_mode(client);
        local::answer(client, &self.base.settings.face, local, request, now, &mut out);
        let turned_on =
            local == Local::Client(ClientCommand::Reply) && client.session.reply_mode == ReplyMode::On;
        if silent && !turned_on {
            out.clear();
        }
        self.base.put_answer(id, command, &out)
    }
}
