//! CLIENT UNBLOCK: ends the wait of a blocked client, at its node or while it is held here.

use crate::client::inquiry::UnblockReply;
use crate::core::Effect;
use crate::core::base::Base;
use crate::core::base::strays::Stray;
use crate::ids::{ClientId, LaneId, Seq};
use crate::node::greeting;
use crate::node::link::{Link, SetAside, Up};
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CommandResult, HoldOutcome};
use crate::resp::reply;

/// Where a blocked command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whereabouts {
    /// A node has all of it.
    AtNode(LaneId),
    /// It waits on this lane.
    Held(LaneId),
    /// A node refused it, and it waits to be sent again.
    Refused(LaneId),
    Stray,
}

/// An order that a node was given and that is not fulfilled yet. If the node is lost, it is fulfilled here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnblockOrder {
    client: ClientId,
    seq: Seq,
    reply: UnblockReply,
}

/// Ends the wait of this client's blocked command. Returns false if it has none.
pub(crate) fn unblock_by_order(base: &mut Base, id: ClientId, reply: UnblockReply) -> bool {
    let Some((at, entry)) = find(base, id, None) else { return false };
    if let Whereabouts::AtNode(lane) = at {
        base.unblock_orders.push(UnblockOrder { client: id, seq: entry.seq, reply });
        return ask_node(base, lane, reply);
    }
    answer(base, at, &entry, reply);
    true
}

/// Fulfils the orders whose command no node has any more, and forgets those whose command was answered.
pub(crate) fn fulfil_unblock_orders(base: &mut Base) {
    for order in std::mem::take(&mut base.unblock_orders) {
        match find(base, order.client, Some(order.seq)) {
            None => {}
            Some((Whereabouts::AtNode(_), _)) => base.unblock_orders.push(order),
            Some((at, entry)) => answer(base, at, &entry, order.reply),
        }
    }
}

/// Finds the client's command that waits, or the one at this place among its replies.
fn find(base: &Base, id: ClientId, seq: Option<Seq>) -> Option<(Whereabouts, Entry)> {
    let waits = |entry: &&Entry| {
        entry.client == id
            && matches!(entry.kind, EntryKind::Blocking | EntryKind::Wait | EntryKind::StreamEnds)
            && seq.is_none_or(|seq| entry.seq == seq)
    };
    if let Some(stray) = base.strays.of(id).first().map(|stray| &stray.entry).filter(waits) {
        return Some((Whereabouts::Stray, *stray));
    }
    let own = base.clients.get(id)?.dedicated.iter().filter_map(|lane| base.lanes.get(*lane));
    own.filter_map(|lane| {
        if let Some(entry) = lane.link.refused().iter().map(|aside| &aside.entry).find(waits) {
            return Some((Whereabouts::Refused(lane.id), *entry));
        }
        let entry = lane.queue.front().filter(waits)?;
        let written = lane.stream.written();
        match lane.link.is_up() && entry.end <= written && entry.kind != EntryKind::StreamEnds {
            true => Some((Whereabouts::AtNode(lane.id), *entry)),
            false => (entry.start >= written).then_some((Whereabouts::Held(lane.id), *entry)),
        }
    })
    .next()
}

fn ask_node(base: &mut Base, id: LaneId, reply: UnblockReply) -> bool {
    let Some(lane) = base.lanes.get(id) else { return false };
    let (Link::Up(Up { target, .. }), Some(node_id)) = (&lane.link, lane.node_connection_id) else {
        return false;
    };
    let (endpoint, identity) = (target.endpoint.clone(), lane.key.identity.as_deref());
    let bytes = greeting::unblock_command(identity, node_id, reply == UnblockReply::Error);
    base.effects.push(Effect::SendOnce { endpoint, bytes });
    true
}

fn answer(base: &mut Base, at: Whereabouts, entry: &Entry, reply: UnblockReply) {
    remove(base, at, entry);
    base.metrics.hold_finished(HoldOutcome::Expired, base.elapsed(entry.held_since()));
    match reply {
        UnblockReply::TimedOut => base.answer_timed_out(entry),
        UnblockReply::Error => {
            if entry.kind == EntryKind::StreamEnds {
                base.take_waiting_xread(entry.client);
            }
            let mut text = Vec::new();
            reply::error(&mut text, UnblockReply::ERROR);
            base.deliver(entry, &text, CommandResult::Error);
        }
    }
}

fn remove(base: &mut Base, at: Whereabouts, entry: &Entry) {
    let is_it = |other: &Entry| other.client == entry.client && other.seq == entry.seq;
    match at {
        Whereabouts::AtNode(_) => {}
        Whereabouts::Held(lane) => {
            base.take_unsent(lane, is_it);
            base.update_held(lane);
        }
        Whereabouts::Refused(id) => {
            let Some(lane) = base.lane(id) else { return };
            let kept: Vec<SetAside> =
                lane.link.take_refused().into_iter().filter(|aside| !is_it(&aside.entry)).collect();
            lane.link.put_back_refused(kept);
            base.update_held(id);
        }
        Whereabouts::Stray => {
            let (taken, kept): (Vec<Stray>, Vec<Stray>) =
                base.strays.take(entry.client).into_iter().partition(|stray| is_it(&stray.entry));
            kept.into_iter().for_each(|stray| base.strays.insert(stray));
            taken.into_iter().for_each(|stray| base.holds.release(stray.held));
        }
    }
}
