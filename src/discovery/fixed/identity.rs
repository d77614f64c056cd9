//! The identity of the one server: which kind of server it is, and when to ask for it.
//!
//! A server that does not tell, or closes the connection at such a question, is taken to serve.

use std::time::Duration;

use super::super::diagnose::{Evidence, Expected, identity};
use super::super::node_reply::mode;
use super::super::{Answer, Failure, Question};

/// The time between two such questions: usually, while something is wrong, and for a server that does not tell.
pub(super) const USUAL_PERIOD: Duration = Duration::from_secs(5);
pub(super) const WRONG_PERIOD: Duration = Duration::from_secs(1);
pub(super) const UNTOLD_PERIOD: Duration = Duration::from_secs(60);

/// The identity of the server, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct NodeIdentity {
    pub(super) status: IdentityStatus,
    /// The time of the next question.
    pub(super) at: Duration,
    /// The time of the last question.
    asked_at: Option<Duration>,
    /// True if the server says that it belongs to a cluster.
    is_clustered: bool,
}

/// The ability of this kind of server to serve commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum IdentityStatus {
    #[default]
    Unknown,
    Serves,
    /// The server can serve no command.
    Useless,
}

impl NodeIdentity {
    /// Returns the question if it is time to ask it.
    pub(super) fn due(&mut self, now: Duration) -> Option<Question> {
        if now < self.at {
            return None;
        }
        self.asked_at = Some(now);
        Some(Question::Identity { cluster: self.is_clustered })
    }

    /// Asks at once: the server has just begun to answer, and may be another one.
    pub(super) fn ask_now(&mut self, now: Duration) {
        self.at = now;
    }

    /// Asks soon: the server may be another process, or have another role. Hints of that may come in floods, so it is not asked
    /// more often than while something is wrong.
    pub(super) fn ask_soon(&mut self, now: Duration) {
        let earliest = self.asked_at.map_or(now, |last| now.max(last + WRONG_PERIOD));
        self.at = self.at.min(earliest);
    }

    pub(super) fn update(
        &mut self,
        now: Duration,
        expected: Expected,
        question: &Question,
        outcome: &Result<Answer, Failure>,
    ) {
        let (status, pause) = match outcome {
            Err(_) => (self.status.or_serves(), UNTOLD_PERIOD),
            Ok(answer) => self.evaluate(expected, question, answer),
        };
        (self.status, self.at) = (status, now + pause);
    }

    fn evaluate(
        &mut self,
        expected: Expected,
        question: &Question,
        answer: &Answer,
    ) -> (IdentityStatus, Duration) {
        let server = answer.values.first();
        self.is_clustered = server.and_then(mode) == Some("cluster");
        let does_tell = answer.values.iter().any(|value| value.text().is_some());
        match identity(expected, question, &answer.values) {
            Evidence::Nothing => (self.status, Duration::ZERO),
            Evidence::Well if does_tell => (IdentityStatus::Serves, USUAL_PERIOD),
            Evidence::Well => (IdentityStatus::Serves, UNTOLD_PERIOD),
            Evidence::Fault(fault) if fault.is_warning() => (IdentityStatus::Serves, WRONG_PERIOD),
            Evidence::Fault(_) => (IdentityStatus::Useless, WRONG_PERIOD),
        }
    }
}

impl IdentityStatus {
    /// Returns the status after a question for the identity failed: the answer to PING has shown that a server is there.
    fn or_serves(self) -> IdentityStatus {
        match self {
            IdentityStatus::Unknown | IdentityStatus::Serves => IdentityStatus::Serves,
            IdentityStatus::Useless => IdentityStatus::Useless,
        }
    }
}
