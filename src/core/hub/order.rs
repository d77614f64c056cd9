//! The order between messages and answers. A message that was published before a subscriber asked something comes before the
//! answer. What a node answers is written by the node after its messages, and is read after them; what the proxy answers itself
//! waits until the nodes have answered a PING on the listening connections of the subscriber.
//!
//! All such answers of one turn wait for the same PING, so it costs the same for one client and for a thousand.

use std::collections::BTreeMap;

use slab::Slab;

use crate::core::base::Base;
use crate::core::base::clients::OrderedAnswer;
use crate::ids::{ClientId, LaneId};

use super::audience::Audience;

/// Answers that wait for the same PING.
#[derive(Debug)]
struct AnswerBatch {
    answers: Vec<OrderedAnswer>,
    /// The number of listening connections on which the PING is not answered.
    missing: usize,
}

/// All answers that wait for the messages before them. See the module.
#[derive(Debug, Default)]
pub(crate) struct AnswerOrder {
    batches: Slab<AnswerBatch>,
}

impl AnswerOrder {
    /// Sends the PINGs that the answers of this turn wait for.
    pub(in crate::core) fn ask(&mut self, base: &mut Base, audiences: &Slab<Audience>) {
        if base.ordered.is_empty() {
            return;
        }
        let mut answers: BTreeMap<Option<usize>, Vec<OrderedAnswer>> = BTreeMap::new();
        for answer in std::mem::take(&mut base.ordered) {
            let client = base.clients.get(answer.0.client);
            let held = client.and_then(|client| client.subscriptions.as_ref());
            answers.entry(held.map(|held| held.audience)).or_default().push(answer);
        }
        for (index, answers) in answers {
            let audience = index.and_then(|index| audiences.get(index));
            self.open(base, audience, answers);
        }
    }

    fn open(&mut self, base: &mut Base, audience: Option<&Audience>, answers: Vec<OrderedAnswer>) {
        let lanes = audience.into_iter().flat_map(|audience| audience.lanes.values().copied());
        // Messages that a lost connection had are lost as well.
        let lanes: Vec<LaneId> = lanes.filter(|lane| is_heard(base, *lane)).collect();
        if lanes.is_empty() {
            return give(base, answers);
        }
        let batch = self.batches.insert(AnswerBatch { answers, missing: lanes.len() });
        lanes.into_iter().for_each(|lane| ping_listening(base, lane, Some(batch)));
    }

    /// Notes that a PING is answered, or never will be. With the last one of a batch, the clients get their answers.
    pub(super) fn pinged(&mut self, base: &mut Base, batch: Option<usize>) {
        let waiting = batch.and_then(|batch| Some((batch, self.batches.get_mut(batch)?)));
        let Some((batch, waiting)) = waiting else { return };
        waiting.missing = waiting.missing.saturating_sub(1);
        if waiting.missing == 0 {
            give(base, self.batches.remove(batch).answers);
        }
    }

    /// Gives up the PINGs on a connection that is lost, or about to be closed.
    pub(super) fn give_up(&mut self, base: &mut Base, id: LaneId) {
        let listening = base.lane(id).and_then(|lane| lane.listening.as_ref());
        let batches: Vec<usize> =
            listening.map(|listening| listening.batches().collect()).unwrap_or_default();
        batches.into_iter().for_each(|batch| self.pinged(base, Some(batch)));
    }

    /// Gives all answers without waiting any longer, because the proxy stops.
    pub(super) fn give_all(&mut self, base: &mut Base) {
        let ordered = std::mem::take(&mut base.ordered);
        give(base, ordered);
        self.batches.drain().for_each(|batch| give(base, batch.answers));
    }

    /// Returns true if an answer to this client waits.
    pub(in crate::core) fn has(&self, base: &Base, id: ClientId) -> bool {
        self.clients().chain(base.ordered.iter().map(|(entry, _)| entry.client)).any(|other| other == id)
    }

    /// Returns the clients with an answer that waits for a PING, once for each answer.
    pub(in crate::core) fn clients(&self) -> impl Iterator<Item = ClientId> {
        let answers = self.batches.iter().flat_map(|(_, batch)| batch.answers.iter());
        answers.map(|(entry, _)| entry.client)
    }
}

/// Sends a PING on a listening lane. `batch`: the answers that wait for it.
pub(super) fn ping_listening(base: &mut Base, id: LaneId, batch: Option<usize>) {
    let now = base.now;
    let Some(lane) = base.lane(id) else { return };
    let Some(listening) = &mut lane.listening else { return };
    if !listening.is_owed() {
        lane.heard = now;
    }
    listening.ping(batch);
    base.touch_lane(id);
}

fn is_heard(base: &Base, id: LaneId) -> bool {
    let listening = base.lanes.get(id).and_then(|lane| lane.listening.as_ref());
    base.is_open(id) && listening.is_some_and(|listening| listening.wanted)
}

fn give(base: &mut Base, answers: Vec<OrderedAnswer>) {
    answers.into_iter().for_each(|(entry, answer)| base.give_answer(&entry, &answer));
}
