//! Requests → shards. With one shard there is nothing to decide; in a cluster the plan is carried out.

use crate::client::ClientId;
use crate::client::gathers::Gather;
use crate::client::session::Watch;
use crate::command::{Command, Merge, ReplayClass, Slot, lookup, replay_class};
use crate::node::queue::EntryKind;
use crate::resp::request::Request;
use crate::route::{Plan, Splitting, plan};
use crate::split::gather::Gathering;

use super::Core;
use super::requests::{Flow, Meta};
use super::shards::ONLY_SHARD;

impl Core {
    /// Where the client's requests without keys go. It changes only between them, which keeps their order.
    pub(super) fn home(&self, id: ClientId) -> u16 {
        let client = self.clients.get(id.slot as usize).filter(|client| client.id == id);
        let busy = client.filter(|client| client.in_flight > 0).and_then(|client| client.home);
        busy.unwrap_or_else(|| self.shards.home(id.slot))
    }

    fn send_home(&mut self, id: ClientId, bytes: &[u8], meta: Meta) -> Flow {
        let home = self.home(id);
        if let Some(client) = self.client(id) {
            client.home = Some(home);
        }
        self.send(id, home, bytes, meta)
    }

    /// Sends a request to the shard, or shards, that its keys name.
    pub(super) fn dispatch(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
        meta: Meta,
    ) -> Flow {
        self.note_script(request, command);
        let meta = Meta { use_: self.use_for(id, request, command, meta), ..meta };
        let Some(map) = self.shards.map() else {
            if command.is_some_and(|command| command.merged() == Some(Merge::Info))
                && self.settings.mask.masks_info()
            {
                let gather = Gather::parts(Gathering::new(Merge::Info, 1), false);
                return self.send_parts(id, &[(ONLY_SHARD, request.raw())], gather, meta);
            }
            return self.send(id, ONLY_SHARD, request.raw(), meta);
        };
        match plan(request, command, map, self.settings.splitting) {
            Plan::One { shard, slot } => self.send_bound(id, shard, slot, request, meta),
            Plan::Split(split) => {
                let gather = Gather::parts(split.gathering, has_effect(request));
                let parts: Vec<(u16, &[u8])> =
                    split.parts.iter().map(|part| (part.shard, part.request.as_slice())).collect();
                self.send_parts(id, &parts, gather, meta)
            }
            Plan::Everywhere(merge) => self.send_everywhere(id, request, request.raw(), merge, meta),
            // Nothing is known yet: also what has no key waits where it is planned again.
            Plan::Anywhere if map.shards().next().is_none() => self.send_astray(id, request.raw(), meta),
            Plan::Anywhere => self.send_home(id, request.raw(), meta),
            Plan::Scan(step) => {
                self.send_parts(id, &[(step.shard, &step.request)], Gather::Scan(step.place), meta)
            }
            Plan::Refused(error) => self.answer_error(id, command, &error),
            Plan::Unserved(_) => self.send_astray(id, request.raw(), meta),
        }
    }

    /// To the owner of a slot. A watching client reads what it watches on the connection that watches.
    fn send_bound(
        &mut self,
        id: ClientId,
        shard: u16,
        slot: Slot,
        request: &Request<'_>,
        meta: Meta,
    ) -> Flow {
        let Some(client) = self.client(id) else { return Flow::Taken };
        let watching = client.session.watch != Watch::None;
        let watched = client.session.watched;
        if !watching {
            if meta.kind == EntryKind::Watch {
                client.session.watched = Some((slot, shard));
            }
            return self.send(id, shard, request.raw(), meta);
        }
        let Some((_, watching_shard)) = watched.filter(|(held, _)| *held == slot) else {
            if meta.kind == EntryKind::Watch {
                return self.answer_error(id, lookup(b"WATCH"), CROSS_SLOT);
            }
            let dedicated = meta.dedicated && meta.kind != EntryKind::Plain;
            return self.send(id, shard, request.raw(), Meta { dedicated, ..meta });
        };
        self.send(id, watching_shard, request.raw(), meta)
    }

    /// The same bytes to every shard; one reply is made of theirs.
    pub(super) fn send_everywhere(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        bytes: &[u8],
        merge: Merge,
        meta: Meta,
    ) -> Flow {
        let Some(map) = self.shards.map() else { return self.send(id, ONLY_SHARD, bytes, meta) };
        let parts: Vec<(u16, &[u8])> = map.shards().map(|shard| (shard, bytes)).collect();
        if parts.is_empty() {
            return self.send_astray(id, bytes, meta);
        }
        let gather = Gather::parts(Gathering::new(merge, parts.len()), has_effect(request));
        self.send_parts(id, &parts, gather, meta)
    }

    /// What a transaction is to do with this command: its slot if it has one, or why it cannot be part of it.
    pub(super) fn place_in_transaction(
        &self,
        request: &Request<'_>,
        command: Option<&'static Command>,
        bound: Option<Slot>,
    ) -> Result<Option<Slot>, String> {
        let Some(map) = self.shards.map() else { return Ok(None) };
        let slot = match plan(request, command, map, Splitting::Never) {
            Plan::One { slot, .. } | Plan::Unserved(slot) => slot,
            Plan::Anywhere => return Ok(bound),
            Plan::Refused(error) => return Err(error.into_owned()),
            Plan::Split(_) => return Err(CROSS_SLOT.into()),
            Plan::Everywhere(_) | Plan::Scan(_) => {
                return Err(crate::client::admission::unavailable(
                    request,
                    "a transaction runs on one shard, and this is about all of them",
                ));
            }
        };
        match bound {
            Some(bound) if bound != slot => Err(CROSS_SLOT.into()),
            _ => Ok(Some(slot)),
        }
    }
}

pub(super) const CROSS_SLOT: &str = "CROSSSLOT Keys in request don't hash to the same slot";

pub(super) fn has_effect(request: &Request<'_>) -> bool {
    replay_class(request) != ReplayClass::Read
}
