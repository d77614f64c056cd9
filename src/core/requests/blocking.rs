//! Blocking commands, and the question that goes before a blocking XREAD: where do its streams end?
//!
//! A time-out runs from the arrival of the command, whichever node has it. While no node has the command, the proxy ends it.

use crate::client::Stall;
use crate::client::session::Watch;
use crate::command::Command;
use crate::command::stream_ends::{ends, question};
use crate::core::base::meta::{Flow, Meta};
use crate::core::rewrite::end_of_wait;
use crate::ids::ClientId;
use crate::node::queue::EntryKind;
use crate::resp::request::Request;
use crate::route::{Plan, Splitting, plan};

use super::Requests;
use super::sending::{hold_as_stray, send};

impl Requests<'_> {
    pub(super) fn send_blocking(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        match self.asks_for_ends(id, request) {
            true => self.ask_for_ends(id, request, command),
            false => self.dispatch(id, request, command, self.blocking(request, command)),
        }
    }

    fn blocking(&self, request: &Request<'_>, command: Option<&'static Command>) -> Meta {
        let until = end_of_wait(request.raw(), self.base.now);
        Meta { until, ..Meta::of(command, EntryKind::Blocking, true) }
    }

    /// Returns true if the ends of its streams have to be known before this XREAD is sent. A watching client is not
    /// asked for, since the MULTI of the question would end its WATCH.
    fn asks_for_ends(&self, id: ClientId, request: &Request<'_>) -> bool {
        let client = self.base.clients.get(id);
        self.base.settings.policy.goes_on_waiting()
            && client.is_some_and(|client| client.session.watch == Watch::None)
            && !ends(request).is_empty()
    }

    /// Asks the node for the ends of the streams. The client is stalled until it has answered.
    fn ask_for_ends(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) -> Flow {
        let ends = ends(request);
        let replies = u32::try_from(ends.len()).unwrap_or(u32::MAX).saturating_add(2);
        let kind = EntryKind::StreamEnds;
        let meta = Meta { replies, kind, ..self.blocking(request, command) };
        let bytes = question(request, &ends);
        let owed = self.base.client(id).map_or(0, |client| client.in_flight);
        let planned = plan(request, command, self.base.shards.owners(), Splitting::Never);
        let flow = match planned {
            Plan::One { shard, .. } => send(self.base, id, shard, &bytes, meta),
            Plan::Unserved(_) => hold_as_stray(self.base, id, &bytes, meta),
            Plan::Refused(error) => self.base.answer_error(id, command, &error),
            Plan::Split(_) | Plan::Info(_) | Plan::Everywhere(_) | Plan::Anywhere | Plan::Scan(_) => {
                self.dispatch(id, request, command, self.blocking(request, command))
            }
        };
        if let Some(client) =
            self.base.client(id).filter(|client| flow == Flow::Taken && client.in_flight > owed)
        {
            client.waiting_xread = Some(request.raw().into());
            client.stall = Stall::NodeAnswer;
        }
        flow
    }
}
