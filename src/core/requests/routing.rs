//! The way from requests to shards. If there is only one shard nothing has to be decided; otherwise the plan of
//! [`crate::route`] is carried out.

use crate::client::gathers::Gather;
use crate::client::session::Watch;
use crate::client::{Client, Stall};
use crate::command::{
    Command, Handling, Lot, Merge, handling, lone_key, lookup, may_read_from_replica, resolve, unavailable,
};
use crate::config::ReadFrom;
use crate::core::base::Base;
use crate::core::base::meta::{Flow, Meta};
use crate::core::everywhere::{asked_of_each, has_effect, to_each};
use crate::core::settings::LARGE_REQUEST;
use crate::core::shards::ONLY_SHARD;
use crate::ids::ClientId;
use crate::node::lane::Use;
use crate::node::queue::EntryKind;
use crate::resp::reply::Proto;
use crate::resp::request::Request;
use crate::route::{CROSS_SLOT, Plan, Splitting, plan};
use crate::split::gather::Gathering;

use super::Requests;
use super::info::{answer_about_proxy, send_info, send_to_single};
use super::parts::send_parts;
use super::sending::{hold_as_stray, send};

impl Requests<'_> {
    /// Sends a request to the shard or shards that its keys name.
    pub(super) fn dispatch(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
        meta: Meta,
    ) -> Flow {
        let is_info = command.is_some_and(Command::is_info);
        if is_info && let Some(flow) = answer_about_proxy(self.base, id, request, command) {
            return flow;
        }
        self.memory.scripts.note_script(self.base, id, request, command);
        let breaks = !self.memory.isolated.is_empty() && self.memory.isolated.has(request, command);
        let is_large = request.raw().len() > LARGE_REQUEST;
        let meta = Meta { dedicated: meta.dedicated || is_large || breaks, ..meta };
        let meta = Meta { use_: use_for(self.base, id, request, command, meta), ..meta };
        let owners = self.base.shards.owners();
        if owners.is_single() {
            if is_info {
                return send_to_single(self.base, id, request, meta);
            }
            return send(self.base, id, ONLY_SHARD, request.raw(), meta);
        }
        match plan(request, command, owners, self.base.settings.splitting) {
            Plan::One { shard, lot } if may_be_half_moved(self.base, shard, request, command) => {
                send_alone(self.base, id, |base| send_bound(base, id, shard, lot, request, meta))
            }
            Plan::One { shard, lot } => send_bound(self.base, id, shard, lot, request, meta),
            Plan::Split(split) => {
                let gather = Gather::parts(split.gathering, has_effect(request));
                let parts: Vec<(u16, &[u8])> =
                    split.parts.iter().map(|part| (part.shard, part.request.as_slice())).collect();
                match parts.iter().any(|(shard, _)| self.base.shards.is_moving(*shard, self.base.now)) {
                    true => send_alone(self.base, id, |base| send_parts(base, id, &parts, gather, meta)),
                    false => send_parts(self.base, id, &parts, gather, meta),
                }
            }
            Plan::Info(merge) => send_info(self.base, id, request, merge, meta),
            Plan::Everywhere(merge) => {
                // A command that waits at a node holds up all requests behind it.
                let dedicated = meta.dedicated || merge == Merge::Flushed;
                send_everywhere(self.base, id, request, request.raw(), merge, Meta { dedicated, ..meta })
            }
            // While no shard is known, requests without keys wait with the strays, which are routed again.
            Plan::Anywhere if owners.is_unknown() => hold_as_stray(self.base, id, request.raw(), meta),
            Plan::Anywhere => send_home(self.base, id, request.raw(), meta),
            Plan::Scan(step) => {
                send_parts(self.base, id, &[(step.shard, &step.request)], Gather::Scan(step.place), meta)
            }
            Plan::Refused(error) => self.base.answer_error(id, command, &error),
            Plan::Unserved(lot) => send_unserved(self.base, id, lot, request, meta),
        }
    }
}

/// Returns which nodes may serve this request. READWRITE keeps a client's reads with the master.
#[inline]
fn use_for(
    base: &Base,
    id: ClientId,
    request: &Request<'_>,
    command: Option<&'static Command>,
    meta: Meta,
) -> Use {
    if base.settings.reads.from == ReadFrom::Master || meta.dedicated || meta.kind != EntryKind::Plain {
        return Use::Master;
    }
    let client = base.clients.get(id);
    // Only masters tell what has changed to clients of RESP2.
    let free = client.is_some_and(|client| {
        !client.session.reads_of_master
            && (client.session.tracking.is_none() || client.session.proto == Proto::Resp3)
    });
    match command.is_some_and(|command| free && may_read_from_replica(request, command)) {
        true => Use::Reads,
        false => Use::Master,
    }
}

fn send_home(base: &mut Base, id: ClientId, bytes: &[u8], meta: Meta) -> Flow {
    let home = base.home(id);
    if let Some(client) = base.client(id) {
        client.home = Some(home);
    }
    send(base, id, home, bytes, meta)
}

/// Holds a request whose lot has no owner. A WATCH is bound to the lot all the same.
fn send_unserved(base: &mut Base, id: ClientId, lot: Lot, request: &Request<'_>, meta: Meta) -> Flow {
    if let Some(client) = base.client(id).filter(|_| meta.kind == EntryKind::Watch) {
        let watching = client.session.watch != Watch::None;
        if watching && client.session.watched.is_some_and(|(held, _)| held != lot) {
            return base.answer_error(id, lookup(b"WATCH"), CROSS_SLOT);
        }
        if !watching {
            client.session.watched = Some((lot, ONLY_SHARD));
        }
    }
    hold_as_stray(base, id, request.raw(), meta)
}

/// Sends a request to the owner of its lot. A watching client reads what it watches on the connection that watches.
fn send_bound(
    base: &mut Base,
    id: ClientId,
    shard: u16,
    lot: Lot,
    request: &Request<'_>,
    meta: Meta,
) -> Flow {
    let Some(client) = base.client(id) else { return Flow::Taken };
    let watching = client.session.watch != Watch::None;
    let watched = client.session.watched;
    if !watching {
        if meta.kind == EntryKind::Watch {
            client.session.watched = Some((lot, shard));
        }
        return send(base, id, shard, request.raw(), meta);
    }
    let Some((_, watching_shard)) = watched.filter(|(held, _)| *held == lot) else {
        if meta.kind == EntryKind::Watch {
            return base.answer_error(id, lookup(b"WATCH"), CROSS_SLOT);
        }
        let dedicated = meta.dedicated && !matches!(meta.kind, EntryKind::Plain | EntryKind::Counted);
        return send(base, id, shard, request.raw(), Meta { dedicated, ..meta });
    };
    send(base, id, watching_shard, request.raw(), meta)
}

/// Sends a WAIT to the one node that has all of the client's writes, or to every node.
pub(super) fn send_to_writers(
    base: &mut Base,
    id: ClientId,
    request: &Request<'_>,
    bytes: &[u8],
    meta: Meta,
) -> Flow {
    match base.shards.owners().is_uniform() {
        true => send(base, id, ONLY_SHARD, bytes, meta),
        false => send_everywhere(base, id, request, bytes, Merge::Min, meta),
    }
}

/// Sends the same bytes to every shard; their replies are merged into one. Nothing else of the client's is in flight beside
/// it: a node may redirect an earlier request, or refuse its own part, and the order would differ from the client's.
fn send_everywhere(
    base: &mut Base,
    id: ClientId,
    request: &Request<'_>,
    bytes: &[u8],
    merge: Merge,
    meta: Meta,
) -> Flow {
    let shards = base.shards.owners().everywhere();
    let asked = asked_of_each(&base.settings, merge, bytes, shards.len());
    let parts = to_each(&shards, &asked);
    if parts.is_empty() {
        return hold_as_stray(base, id, bytes, meta);
    }
    let gathering = Gathering::new(merge, parts.len()).choosing(base.settings.turns.random());
    let gather = Gather::parts(gathering, has_effect(request));
    send_alone(base, id, |base| send_parts(base, id, &parts, gather, meta))
}

/// Sends a request beside which no other of the client's may be in flight.
pub(super) fn send_alone(base: &mut Base, id: ClientId, send: impl FnOnce(&mut Base) -> Flow) -> Flow {
    if base.clients.get(id).is_some_and(|client| client.in_flight > 0) {
        return base.stall(id, Stall::Drain);
    }
    let flow = send(base);
    if flow == Flow::Taken {
        base.client(id).map(Client::drain_before_next);
    }
    flow
}

/// Returns true if the node may refuse this request, as one of its keys has moved already, and take the next one.
fn may_be_half_moved(
    base: &Base,
    shard: u16,
    request: &Request<'_>,
    command: Option<&'static Command>,
) -> bool {
    base.shards.is_moving(shard, base.now)
        && command.is_some_and(|command| {
            lone_key(request, command.subcommand(request).unwrap_or(command)).is_none()
        })
}

/// The place of a queued command.
pub(super) enum Placed {
    /// With the transaction, which has this lot now.
    In(Option<Lot>),
    /// At every shard; their replies become one by this merge.
    EachShard(Merge),
}

/// Returns the place of a command in a transaction, or the error if the command cannot be part of it. `bound`: the lot that the
/// transaction has already.
pub(super) fn place_in_transaction(
    base: &Base,
    request: &Request<'_>,
    command: Option<&'static Command>,
    bound: Option<Lot>,
) -> Result<Placed, String> {
    let lot = match plan(request, command, base.shards.owners(), Splitting::Never) {
        Plan::One { .. } if is_relayed(base, request, command) => {
            let merge = resolve(request).and_then(Command::merged);
            return Ok(Placed::EachShard(merge.unwrap_or(Merge::AllSucceeded)));
        }
        Plan::One { lot, .. } | Plan::Unserved(lot) => lot,
        Plan::Anywhere | Plan::Info(_) => return Ok(Placed::In(bound)),
        // WAIT is about the node of the transaction, and waits for nothing there.
        Plan::Everywhere(_) if handling(request) == Handling::Wait => return Ok(Placed::In(bound)),
        Plan::Everywhere(merge) if is_one_request_each(merge) && handling(request) == Handling::Forward => {
            return Ok(Placed::EachShard(merge));
        }
        Plan::Refused(error) => return Err(error.into_owned()),
        Plan::Split(_) => return Err(CROSS_SLOT.into()),
        Plan::Everywhere(_) | Plan::Scan(_) => {
            return Err(unavailable(
                request,
                "a transaction runs on one shard, and this is about all of them",
            ));
        }
    };
    match bound {
        Some(bound) if bound != lot => Err(CROSS_SLOT.into()),
        _ => Ok(Placed::In(Some(lot))),
    }
}

/// Returns true if the replicas get this command as well.
pub(super) fn is_relayed(base: &Base, request: &Request<'_>, command: Option<&'static Command>) -> bool {
    base.settings.relays
        && command.is_some_and(|command| command.subcommand(request).unwrap_or(command).is_relayed())
}

fn is_one_request_each(merge: Merge) -> bool {
    !matches!(merge, Merge::AnyValue | Merge::Flushed | Merge::Info | Merge::InfoProxy)
}
