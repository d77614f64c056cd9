//! Questions about numbers of subscribers. They are sent with the marks of each name, in parts if there are many
//! names. [`crate::core::counted`] turns the answers into replies.

use crate::client::Client;
use crate::client::gathers::Gather;
use crate::client::marks::CountQuestion;
use crate::client::transaction::Transaction;
use crate::command::{Command, Merge};
use crate::core::base::Base;
use crate::core::base::meta::{Flow, Meta};
use crate::core::counted::is_counted_by_nodes;
use crate::core::rewrite::{each_request, of_last};
use crate::core::shards::ONLY_SHARD;
use crate::ids::{ClientId, Seq};
use crate::node::queue::EntryKind;
use crate::resp::request::Request;
use crate::split::gather::Gathering;

use super::Requests;
use super::parts::send_parts;

/// The number of names in one part of a question: a node takes some 5 µs for each name with its marks.
const NAMES: usize = 64;
/// The largest number of parts of one question.
const PARTS: usize = 4096;

impl Requests<'_> {
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
        match CountQuestion::of(request) {
            Some(CountQuestion::Published | CountQuestion::ShardPublished)
                if is_counted_by_nodes(self.base) =>
            {
                self.dispatch(id, request, command, plain)
            }
            Some(question) => self.send_question(id, question, request, command, counted),
            None => self.dispatch(id, request, command, plain),
        }
    }

    /// Sends a question with its marks. One about many names goes in parts, between which the node can serve other clients.
    fn send_question(
        &mut self,
        id: ClientId,
        question: CountQuestion,
        request: &Request<'_>,
        command: Option<&'static Command>,
        meta: Meta,
    ) -> Flow {
        let is_single = self.base.shards.owners().is_single();
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
                send_parts(self.base, id, &parts, Gather::parts(gathering, false), meta)
            }
        }
    }
}

/// Notes what a subscriber publishes, by a command or a transaction in this place among its replies.
pub(super) fn note_published(base: &mut Base, id: ClientId, place: Seq, bytes: &[u8]) {
    let client = base.clients.get_mut(id).filter(|client| client.id == id);
    let Some(Client { subscriptions, replies, .. }) = client else { return };
    let Some(own) = subscriptions.as_mut().map(|held| &mut held.own) else { return };
    own.forget_answered(|seq| replies.owes(seq));
    each_request(bytes, |request| {
        let publishes = matches!(
            CountQuestion::of(request),
            Some(CountQuestion::Published | CountQuestion::ShardPublished)
        );
        if publishes && let (Some(channel), Some(text)) = (request.arg(1), request.arg(2)) {
            own.note(place, channel, text);
        }
    });
}

/// Queues a request in a transaction: as `bytes`, or with marks if it asks for numbers.
pub(super) fn queue_counted(transaction: &mut Transaction, request: &Request<'_>, bytes: &[u8]) {
    let question = CountQuestion::of(request);
    transaction.counts |= question.is_some();
    let marked = question.map(|question| question.with_marks(request, usize::MAX)).unwrap_or_default();
    transaction.queue(marked.first().map_or(bytes, Vec::as_slice), None);
}
