//! The faults that are known of each peer that is asked. Pure; [`super::diagnose`] finds them in the answers.

use std::collections::HashMap;

use super::diagnose::{Evidence, Expected, contact, identity};
use super::{Answer, Failure, PeerKind, Question};
use crate::topology::diagnosis::Finding;
use crate::topology::fault::Fault;

/// The faults of all peers.
#[derive(Debug, Default)]
pub(super) struct Findings(HashMap<PeerKind, PeerFindings>);

/// The faults of one peer, in two aspects: few questions ask for both.
#[derive(Debug, Default)]
struct PeerFindings {
    contact: Option<Fault>,
    identity: Option<Fault>,
}

impl PeerFindings {
    /// Returns the worst fault. What a peer is matters only if it can be talked to, and warnings of its contact come last.
    fn fault(&self) -> Option<&Fault> {
        let contact = self.contact.as_ref();
        contact.filter(|fault| !fault.is_warning()).or(self.identity.as_ref()).or(contact)
    }
}

impl Findings {
    /// Takes in the outcome of a question. Returns the fault of the peer, or `None` inside, if that has changed.
    pub(super) fn update(
        &mut self,
        expected: Expected,
        target: &PeerKind,
        question: &Question,
        outcome: &Result<Answer, Failure>,
    ) -> Option<Option<Fault>> {
        let known = self.0.entry(target.clone()).or_default();
        let before = known.fault().cloned();
        update_aspect(&mut known.contact, contact(expected, question, outcome));
        if let Ok(answer) = outcome {
            update_aspect(&mut known.identity, identity(expected, question, &answer.values));
        }
        let after = known.fault().cloned();
        (before != after).then_some(after)
    }

    /// Forgets the peers that are not asked any more. Returns true if there were any.
    pub(super) fn retain(&mut self, is_asked: impl Fn(&PeerKind) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|target, _| is_asked(target));
        self.0.len() < before
    }

    pub(super) fn all(&self) -> Vec<Finding> {
        let finding = |(target, known): (&PeerKind, &PeerFindings)| {
            let fault = known.fault()?.clone();
            Some(Finding { fault, about: Some(target.endpoint().clone()) })
        };
        self.0.iter().filter_map(finding).collect()
    }
}

fn update_aspect(aspect: &mut Option<Fault>, evidence: Evidence) {
    match evidence {
        Evidence::Nothing => {}
        Evidence::Well => *aspect = None,
        Evidence::Fault(fault) => *aspect = Some(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::value::Value;
    use crate::topology::Endpoint;

    #[test]
    fn an_answer_to_another_question_does_not_wipe_out_what_a_peer_is() {
        let target = PeerKind::Node(Endpoint::new("a", 1));
        let text = |text: &str| Value::Text(text.as_bytes().to_vec());
        let answer = |values: Vec<Value>| Ok(Answer { values, rtt: Default::default() });
        let pong = || answer(vec![text("PONG")]);
        let sentinel = answer(vec![text("redis_mode:sentinel\r\n"), Value::Nil]);
        let server = answer(vec![text("redis_mode:standalone\r\n"), Value::Nil]);
        let (ping, who) = (Question::Ping, Question::Identity { cluster: false });
        let mut findings = Findings::default();
        for (question, outcome, expected) in [
            (&ping, pong(), None),
            (&who, sentinel, Some(Some(Fault::IsSentinel))),
            (&ping, pong(), None),
            (&ping, Err(Failure::Refused), Some(Some(Fault::Refused))),
            (&ping, Err(Failure::Refused), None),
            (&ping, pong(), Some(Some(Fault::IsSentinel))),
            (&ping, answer(vec![Value::Error("MISCONF x".into())]), None),
            (&ping, pong(), None),
            (&who, Err(Failure::Closed), None),
            (&who, server, Some(None)),
        ] {
            let any = Expected::Any { asks_clients: true };
            assert_eq!(findings.update(any, &target, question, &outcome), expected, "{outcome:?}");
        }
        assert_eq!(findings.all(), []);
    }
}
