//! Takes in observations: answers, hints, lost connections, and the passing of time.

use std::time::Duration;

use super::ActiveRules;
use super::peer::ActivePeer;
use super::replies;
use crate::discovery::{Answer, Failure, PeerProbe, Question};
use crate::resp::value::Value;
use crate::topology::Endpoint;
use crate::topology::hint::{Hint, HintReason};

/// The largest number of endpoints, with those that only nodes name.
const MOST: usize = 64;
/// The index of the reply to CLIENT LIST in an answer.
const LIST: usize = 7;
/// The time between two observations after which the proxy counts as having stood still: twice the longest usual one.
const STANDSTILL: Duration = Duration::from_millis(200);

impl ActiveRules {
    /// Notes the time. If far more of it has passed than usual, the proxy itself stood still and reads answers late, so the silence
    /// of nodes until now does not count.
    pub(super) fn note_time(&mut self, now: Duration) {
        if now >= self.now + STANDSTILL.max(self.patience / 2) {
            self.peers.iter_mut().for_each(|peer| peer.silence_counts_from = now);
        }
        self.now = now;
    }

    pub(super) fn on_answer(
        &mut self,
        now: Duration,
        probe: &PeerProbe,
        sent: Duration,
        outcome: &Result<Answer, Failure>,
    ) {
        let (patience, map) = (self.patience, &self.address_map);
        let Some(at) = self.place(probe.target.endpoint()) else { return };
        let Some(peer) = self.peers.get_mut(at) else { return };
        match outcome {
            Ok(answer) => {
                peer.answered(now, sent, answer, replies::parse(&answer.values, map));
                self.first_reply_at.get_or_insert(now);
                self.add_named_peers(at);
                self.note_offset(at, sent);
                self.note_announcements(at, &probe.question, sent, answer);
            }
            // The node has more clients than can be listed: their announcements are not known, and nothing else is wrong.
            Err(Failure::Malformed) if lists(&probe.question) => {
                (peer.cannot_list, peer.unanswered_since) = (true, None);
                self.agreement.add_list(at, sent, &Value::Nil);
            }
            Err(failure) => peer.missed(now, sent, failure, patience),
        }
    }

    /// Adds the nodes that one node names to those that are asked.
    fn add_named_peers(&mut self, at: usize) {
        let reply = self.peers.get(at).and_then(|peer| peer.reply.as_ref());
        let named: Vec<Endpoint> = reply.map(|reply| reply.names().cloned().collect()).unwrap_or_default();
        for endpoint in named {
            if self.place(&endpoint).is_none() && self.peers.len() < MOST {
                self.peers.push(ActivePeer::new(&endpoint, false));
            }
        }
    }

    fn note_offset(&mut self, at: usize, sent: Duration) {
        let offset = self.peers.get(at).and_then(|peer| peer.reply.as_ref()).map_or(0, |reply| reply.offset);
        if let Some(handover) = &mut self.handover {
            handover.note_offset(at, sent, offset);
        }
    }

    /// Takes in the announcements of other proxies. They count only if the node had our present one when it listed them.
    fn note_announcements(&mut self, at: usize, question: &Question, sent: Duration, answer: &Answer) {
        let Question::Active { name: Some(name), list } = question else { return };
        if *name != self.agreement.name() {
            return;
        }
        let cannot_list = self.peers.get(at).is_some_and(|peer| peer.cannot_list);
        match answer.values.get(LIST).filter(|_| *list) {
            Some(list) => self.agreement.add_list(at, sent, list),
            None if cannot_list => self.agreement.add_list(at, sent, &Value::Nil),
            None => {}
        }
    }

    pub(super) fn on_hint(&mut self, now: Duration, hint: &Hint) {
        let Some(at) = self.place(&hint.endpoint) else { return };
        let Some(peer) = self.peers.get_mut(at) else { return };
        peer.schedule.hurry(now);
        if hint.reason.is_outage() {
            peer.doubted_since.get_or_insert(now);
        }
        peer.is_suspected |= hint.reason == HintReason::TimedOut && !peer.is_down();
    }

    pub(super) fn on_lost(&mut self, now: Duration, endpoint: &Endpoint) {
        let Some(peer) = self.place(endpoint).and_then(|at| self.peers.get_mut(at)) else { return };
        peer.doubted_since.get_or_insert(now);
        peer.schedule.hurry(now);
    }
}

fn lists(question: &Question) -> bool {
    matches!(question, Question::Active { list: true, .. })
}
