//! Numbers of subscribers: nodes count connections, but clients are to see the numbers of clients.
//!
//! A PUBSUB question is sent with the marks of each name, see [`marks`], so that the reply covers the clients of
//! every proxy. The reply to PUBLISH says how many connections a message went to, and no further question is
//! possible. There this proxy replaces its own connections by its own clients, see [`super::hub::tally`].

use crate::client::marks::{self, CountQuestion};
use crate::ids::LaneId;
use crate::node::queue::{Entry, EntryKind};
use crate::resp::elements::{Elements, integer};
use crate::resp::pubsub::Space;
use crate::resp::reply;
use crate::resp::request::Request;

use super::base::Base;
use super::rewrite::{each_request, of_last, without_asking};

/// Returns true if the nodes' replies to PUBLISH are right as they are.
pub(crate) fn is_counted_by_nodes(base: &Base) -> bool {
    base.settings.tally.needs_no_correction(base.settings.sharding.redirects())
}

/// Returns the reply to a question about subscribers, or to a part of it, in the form for the client; `None`: as it
/// came. To be called while the lane still has the request.
pub(crate) fn counted(base: &Base, id: LaneId, entry: &Entry, reply: &[u8]) -> Option<Vec<u8>> {
    let lane = base.lanes.get(id)?;
    let (bytes, shard) = (without_asking(lane.stream.request(entry)), lane.key.shard);
    match entry.kind {
        EntryKind::Transaction | EntryKind::WatchedTransaction => {
            counted_in_transaction(base, bytes, shard, reply)
        }
        _ => of_last(bytes, |request| {
            counted_one(base, CountQuestion::of(request)?, request, (shard, entry.part), reply)
        })?,
    }
}

pub(crate) fn counted_one(
    base: &Base,
    question: CountQuestion,
    request: &Request<'_>,
    (shard, part): (u16, Option<u16>),
    raw: &[u8],
) -> Option<Vec<u8>> {
    let tally = &base.settings.tally;
    let channel = request.arg(1).unwrap_or_default();
    let number = match question {
        CountQuestion::Numbers(_) => return marks::summed(raw),
        CountQuestion::Names => return marks::hidden(raw),
        CountQuestion::Published => tally.published(Space::Channel, channel, shard, integer(raw)?),
        CountQuestion::ShardPublished => tally.published(Space::Shard, channel, shard, integer(raw)?),
        // The number from a single node is already that of different patterns.
        CountQuestion::Patterns if part.is_none() => return None,
        CountQuestion::Patterns => {
            let (others, ours) = tally.patterns(shard, integer(raw)?);
            others + if part == Some(0) { ours } else { 0 }
        }
    };
    let mut out = Vec::new();
    reply::integer(&mut out, number);
    Some(out)
}

/// Corrects the replies within a transaction. `bytes`: MULTI, the commands whose replies are in `raw`, EXEC.
pub(crate) fn counted_in_transaction(base: &Base, bytes: &[u8], shard: u16, raw: &[u8]) -> Option<Vec<u8>> {
    let mut replies = Elements::of(raw)?;
    let mut out = Vec::with_capacity(raw.len());
    out.extend_from_slice(raw.get(..raw.len() - replies.rest().len())?);
    let mut first = true;
    each_request(bytes, |request| {
        if std::mem::take(&mut first) {
            return;
        }
        // There is no reply left for EXEC.
        let Some(reply) = replies.next() else { return };
        let corrected = CountQuestion::of(request)
            .and_then(|question| counted_one(base, question, request, (shard, None), reply));
        out.extend_from_slice(corrected.as_deref().unwrap_or(reply));
    });
    (replies.left() == 0).then_some(out)
}
