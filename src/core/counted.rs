//! Numbers of subscribers: a node counts connections, the client is told of clients.
//!
//! What is asked of PUBSUB is asked with the marks of each name, see [`marks`], so the reply tells of the clients of every
//! proxy. PUBLISH says how many a message went to, and cannot be asked more: there this proxy puts in its own clients for
//! its own connections, see [`super::hub::tally`].

use crate::client::marks::{self, CountQuestion};
use crate::ids::LaneId;
use crate::node::queue::{Entry, EntryKind};
use crate::resp::elements::{Elements, integer};
use crate::resp::pubsub::Space;
use crate::resp::reply;
use crate::resp::request::Request;

use super::base::Base;
use super::rewrite::{each_request, of_last, without_asking};

/// Returns whether the nodes' answers to PUBLISH are true as they are.
pub(crate) fn is_counted_by_nodes(base: &Base) -> bool {
    base.settings.tally.says_nothing(base.settings.sharding.redirects())
}

/// The reply to one of them, or to a part of it, as the client is to have it; `None`: as it came. To be asked while
/// the lane still has the request.
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
        // One node counts different patterns already.
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

/// `bytes`: MULTI, the commands that are answered in `raw`, EXEC.
pub(crate) fn counted_in_transaction(base: &Base, bytes: &[u8], shard: u16, raw: &[u8]) -> Option<Vec<u8>> {
    let mut replies = Elements::of(raw)?;
    let mut out = Vec::with_capacity(raw.len());
    out.extend_from_slice(raw.get(..raw.len() - replies.rest().len())?);
    let mut first = true;
    each_request(bytes, |request| {
        if std::mem::take(&mut first) {
            return;
        }
        // There is none left for EXEC.
        let Some(reply) = replies.next() else { return };
        let told = CountQuestion::of(request)
            .and_then(|question| counted_one(base, question, request, (shard, None), reply));
        out.extend_from_slice(told.as_deref().unwrap_or(reply));
    });
    (replies.left() == 0).then_some(out)
}
