//! What kind of server it is, and when it is asked that.
//!
//! One that does not say what it is, or closes the connection at such a question, is taken to serve.

use std::time::Duration;

use super::super::diagnose::{Expected, Tells, identity};
use super::super::said::mode;
use super::super::{Answer, Failure, Question};

/// How often it is asked: in peace, when something is wrong, and when it does not tell.
pub(super) const IN_PEACE: Duration = Duration::from_secs(5);
pub(super) const WRONG: Duration = Duration::from_secs(1);
pub(super) const UNTOLD: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct NodeIdentity {
    pub(super) standing: IdentityStanding,
    /// When it is asked next, and when it was asked last.
    pub(super) at: Duration,
    asked_at: Option<Duration>,
    /// It says that it is of a cluster.
    is_clustered: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum IdentityStanding {
    #[default]
    Unknown,
    Serves,
    /// No command can be served there, whoever sends it.
    Useless,
}

impl NodeIdentity {
    /// The question, if it is time.
    pub(super) fn due(&mut self, now: Duration) -> Option<Question> {
        if now < self.at {
            return None;
        }
        self.asked_at = Some(now);
        Some(Question::Identity { cluster: self.is_clustered })
    }

    /// Whatever is there now has just begun to answer.
    pub(super) fn back(&mut self, now: Duration) {
        self.at = now;
    }

    /// It may be another process, or have another role. However often that is said, it is not asked more often than when
    /// something is wrong.
    pub(super) fn doubt(&mut self, now: Duration) {
        let earliest = self.asked_at.map_or(now, |last| now.max(last + WRONG));
        self.at = self.at.min(earliest);
    }

    pub(super) fn take(
        &mut self,
        now: Duration,
        expected: Expected,
        question: &Question,
        outcome: &Result<Answer, Failure>,
    ) {
        let (standing, pause) = match outcome {
            Err(_) => (self.standing.or_serves(), UNTOLD),
            Ok(answer) => self.told(expected, question, answer),
        };
        (self.standing, self.at) = (standing, now + pause);
    }

    fn told(
        &mut self,
        expected: Expected,
        question: &Question,
        answer: &Answer,
    ) -> (IdentityStanding, Duration) {
        let server = answer.values.first();
        self.is_clustered = server.and_then(mode) == Some("cluster");
        let does_tell = answer.values.iter().any(|value| value.text().is_some());
        match identity(expected, question, &answer.values) {
            Tells::Nothing => (self.standing, Duration::ZERO),
            Tells::Well if does_tell => (IdentityStanding::Serves, IN_PEACE),
            Tells::Well => (IdentityStanding::Serves, UNTOLD),
            Tells::Fault(fault) if fault.is_warning() => (IdentityStanding::Serves, WRONG),
            Tells::Fault(_) => (IdentityStanding::Useless, WRONG),
        }
    }
}

impl IdentityStanding {
    /// Its answer to the first PING has shown that it is there.
    fn or_serves(self) -> IdentityStanding {
        match self {
            IdentityStanding::Unknown | IdentityStanding::Serves => IdentityStanding::Serves,
            IdentityStanding::Useless => IdentityStanding::Useless,
        }
    }
}
