//! Numbers of subscribers: a node counts connections, the client is told of clients.
//!
//! What is asked of PUBSUB is asked with the marks of each name, see [`marks`], so the reply tells of the clients of every
//! proxy. PUBLISH says how many a message went to, and cannot be asked more: there this proxy puts in its own clients for
//! its own connections, see [`super::tally`].

use crate::client::gathers::Gather;
use crate::client::marks::{self, Question};
use crate::client::session::Transaction;
use crate::command::{Command, Merge};
use crate::ids::{ClientId, LaneId};
use crate::node::queue::{Entry, EntryKind, WHOLE};
use crate::resp::elements::{Elements, integer};
use crate::resp::pubsub::Space;
use crate::resp::reply;
use crate::resp::request::Request;
use crate::split::gather::Gathering;

use super::Core;
use super::base::meta::{Flow, Meta};
use super::rewrite::{each_request, of_last, without_asking};
use super::shards::ONLY_SHARD;

/// Names of which a node is asked at once: it takes some 5 µs for each with its marks.
const NAMES: usize = 64;
/// Parts of one question.
const PARTS: usize = 4096;

impl Core {
    /// Sends a question about subscribers. `dedicated`: on the client's own lane.
    pub(super) fn send_counted(
        &mut self,
        id: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
        dedicated: bool,
    ) -> Flow {
        let plain = Meta::of(command, EntryKind::Plain, dedicated);
        let counted = Meta { kind: EntryKind::Counted, ..plain };
        match Question::of(request) {
            Some(Question::Published | Question::ShardPublished) if self.is_counted_by_nodes() => {
                self.dispatch(id, request, command, plain)
            }
            Some(question) => self.send_question(id, question, request, command, counted),
            None => self.dispatch(id, request, command, plain),
        }
    }

    /// With its marks. One about many names goes in parts, between which the node can do something for others.
    fn send_question(
        &mut self,
        id: ClientId,
        question: Question,
        request: &Request<'_>,
        command: Option<&'static Command>,
        meta: Meta,
    ) -> Flow {
        let is_single = self.base.shards.map().is_none();
        let names = if is_single { NAMES.max(request.len() / PARTS) } else { usize::MAX };
        let parts = question.with_marks(request, names);
        match parts.as_slice() {
            [] => self.dispatch(id, request, command, meta),
            [whole] => {
                of_last(whole, |request| self.dispatch(id, request, command, meta)).unwrap_or(Flow::Taken)
            }
            several => {
                let parts: Vec<(u16, &[u8])> =
                    several.iter().map(|part| (ONLY_SHARD, part.as_slice())).collect();
                let gathering = Gathering::new(Merge::Lists, parts.len());
                self.send_parts(id, &parts, Gather::parts(gathering, false), meta)
            }
        }
    }

    /// What nodes answer PUBLISH with is true as it is.
    pub(super) fn is_counted_by_nodes(&self) -> bool {
        self.base.settings.tally.says_nothing(self.base.settings.sharding.redirects())
    }

    /// The reply to one of them, or to a part of it, as the client is to have it; `None`: as it came. To be asked while
    /// the lane still has the request.
    pub(super) fn counted(&self, id: LaneId, entry: &Entry, reply: &[u8]) -> Option<Vec<u8>> {
        let lane = self.base.lanes.get(id)?;
        let (bytes, shard) = (without_asking(lane.stream.request(entry)), lane.key.shard);
        match entry.kind {
            EntryKind::Transaction | EntryKind::WatchedTransaction => {
                self.counted_in_transaction(bytes, shard, reply)
            }
            _ => of_last(bytes, |request| {
                self.counted_one(Question::of(request)?, request, (shard, entry.part), reply)
            })?,
        }
    }

    fn counted_one(
        &self,
        question: Question,
        request: &Request<'_>,
        (shard, part): (u16, u16),
        raw: &[u8],
    ) -> Option<Vec<u8>> {
        let tally = &self.base.settings.tally;
        let channel = request.arg(1).unwrap_or_default();
        let number = match question {
            Question::Numbers(_) => return marks::summed(raw),
            Question::Names => return marks::hidden(raw),
            Question::Published => tally.published(Space::Channel, channel, shard, integer(raw)?),
            Question::ShardPublished => tally.published(Space::Shard, channel, shard, integer(raw)?),
            // One node counts different patterns already.
            Question::Patterns if part == WHOLE => return None,
            Question::Patterns => {
                let (others, ours) = tally.patterns(shard, integer(raw)?);
                others + if part == 0 { ours } else { 0 }
            }
        };
        let mut out = Vec::new();
        reply::integer(&mut out, number);
        Some(out)
    }

    /// `bytes`: MULTI, the commands that are answered in `raw`, EXEC.
    fn counted_in_transaction(&self, bytes: &[u8], shard: u16, raw: &[u8]) -> Option<Vec<u8>> {
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
            let told = Question::of(request)
                .and_then(|question| self.counted_one(question, request, (shard, WHOLE), reply));
            out.extend_from_slice(told.as_deref().unwrap_or(reply));
        });
        (replies.left() == 0).then_some(out)
    }
}

/// Queues a request in a transaction: as `bytes`, or with marks if it asks for numbers.
pub(super) fn queue_counted(transaction: &mut Transaction, request: &Request<'_>, bytes: &[u8]) {
    let question = Question::of(request);
    transaction.counts |= question.is_some();
    let marked = question.map(|question| question.with_marks(request, usize::MAX)).unwrap_or_default();
    transaction.queue(marked.first().map_or(bytes, Vec::as_slice));
}
