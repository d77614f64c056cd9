//! The form in which a client learns that a node's reply to its command is missing: an error with a certain first
//! word, or the end of its connection.
//!
//! Client libraries take an unknown error for a fault of the program and a lost connection for an everyday event, and
//! they differ in which word means what. So the operator chooses the form, for all clients or for those of one
//! library. The statement about the command stays the same.

use std::borrow::Cow;

use crate::config::{Answers, Failover, Library, OnRefused, OnUnknown};
use crate::reasons::{CloseReason, CommandResult};

use super::session::Session;

/// The operator's choice of forms.
#[derive(Clone, Debug)]
pub(crate) struct FailureReplies {
    all: Answers,
    libraries: Vec<Library>,
}

/// The form for one client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FailureReply<'a> {
    /// This error line.
    Line(Cow<'a, [u8]>),
    /// No reply: the client's connection ends after the replies before this one.
    Close(CloseReason),
}

impl FailureReplies {
    pub(crate) fn of(failover: &Failover) -> FailureReplies {
        FailureReplies { all: failover.answers, libraries: failover.libraries.clone() }
    }

    /// Returns the form for a reply that the proxy makes. `line` says by its first word, as `result` does, that the
    /// command was not executed or that its outcome is unknown. Any other line stays as it is.
    ///
    /// `alone`: nothing else that the client sent together with the command has run or will run. A library that takes
    /// a word for a reason to send again repeats the whole pipeline, so the word is used only then.
    pub(crate) fn reply_for<'a>(
        &self,
        session: &Session,
        line: &'a [u8],
        result: CommandResult,
        alone: bool,
    ) -> FailureReply<'a> {
        match result {
            CommandResult::Ok | CommandResult::Error => FailureReply::Line(line.into()),
            CommandResult::Uncertain => match self.answers(session).on_unknown {
                OnUnknown::Error => FailureReply::Line(line.into()),
                OnUnknown::Close => FailureReply::Close(CloseReason::Unknown),
            },
            CommandResult::TryAgain => match word(self.answers(session).on_refused) {
                Some(word) if alone => FailureReply::Line(with_word(line, word)),
                Some(_) => FailureReply::Line(line.into()),
                None => FailureReply::Close(CloseReason::NotExecuted),
            },
        }
    }

    /// Returns true if this client's connection is to end when an outcome is unknown.
    pub(crate) fn closes(&self, session: &Session) -> bool {
        self.answers(session).on_unknown == OnUnknown::Close
    }

    fn answers(&self, session: &Session) -> Answers {
        let own = self.libraries.iter().find(|library| is_of(session, library.name.as_bytes()));
        own.map_or(self.all, |library| library.answers)
    }
}

/// Returns true if the session's library or client name is `name`. A library may add what it is used by in brackets:
/// `redis-py(django-redis_v5.4)`.
fn is_of(session: &Session, name: &[u8]) -> bool {
    let bare = session.library.split(|byte| *byte == b'(').next().unwrap_or_default();
    [&session.library, bare, &session.name].into_iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Returns the first word of the error. `None`: the connection ends instead.
fn word(on_refused: OnRefused) -> Option<&'static str> {
    match on_refused {
        OnRefused::TryAgain => Some("TRYAGAIN"),
        OnRefused::Loading => Some("LOADING"),
        OnRefused::ReadOnly => Some("READONLY"),
        OnRefused::ClusterDown => Some("CLUSTERDOWN"),
        OnRefused::Close => None,
    }
}

const NOT_EXECUTED: &str = "TRYAGAIN";

fn with_word<'a>(line: &'a [u8], word: &str) -> Cow<'a, [u8]> {
    match line.strip_prefix(b"-").and_then(|text| text.strip_prefix(NOT_EXECUTED.as_bytes())) {
        Some(rest) if word != NOT_EXECUTED => Cow::Owned([b"-", word.as_bytes(), rest].concat()),
        _ => Cow::Borrowed(line),
    }
}

/// Returns the whole reply to a command that was not executed.
pub(crate) fn not_executed(reason: &str) -> String {
    format!("-{NOT_EXECUTED} tideover: {reason}; not executed\r\n")
}

/// Returns the whole reply to a blocking command that was lost while it waited and found no other node to wait at. It
/// can be sent again like any command that was refused, but an element may have been popped for it.
pub(crate) fn waited_in_vain(reason: &str) -> String {
    format!("-{NOT_EXECUTED} tideover: {reason}; outcome unknown\r\n")
}

/// Returns the whole reply to a command of unknown outcome.
pub(crate) fn unknown_outcome(reason: &str) -> String {
    format!("-UNCERTAIN tideover: {reason}; outcome unknown\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure_replies() -> FailureReplies {
        let library = |name: &str, on_unknown, on_refused| Library {
            name: name.to_owned(),
            answers: Answers { on_unknown, on_refused },
        };
        FailureReplies {
            all: Answers { on_unknown: OnUnknown::Error, on_refused: OnRefused::Loading },
            libraries: vec![
                library("redis-py(rq)", OnUnknown::Close, OnRefused::Close),
                library("redis-py", OnUnknown::Close, OnRefused::TryAgain),
                library("worker", OnUnknown::Error, OnRefused::ReadOnly),
            ],
        }
    }

    fn session(library: &str, name: &str) -> Session {
        Session { library: library.into(), name: name.into(), ..Session::default() }
    }

    #[test]
    fn the_form_depends_on_library_and_name() {
        let refused = not_executed("no node");
        let unknown = unknown_outcome("lost");
        let (close, leave) = (CloseReason::Unknown, CloseReason::NotExecuted);
        // LIB-NAME and client name; the first word of both replies, or the reason why the connection ends.
        for (library, name, on_unknown, on_refused) in [
            ("", "", Ok("-UNCERTAIN"), Ok("-LOADING")),
            ("ioredis", "x", Ok("-UNCERTAIN"), Ok("-LOADING")),
            ("redis-py", "", Err(close), Ok("-TRYAGAIN")),
            ("Redis-Py(django-redis_v5)", "", Err(close), Ok("-TRYAGAIN")),
            ("redis-py(rq)", "", Err(close), Err(leave)),
            ("redis-pyx", "", Ok("-UNCERTAIN"), Ok("-LOADING")),
            ("", "worker", Ok("-UNCERTAIN"), Ok("-READONLY")),
        ] {
            let session = session(library, name);
            for (line, result, expected) in [
                (&unknown, CommandResult::Uncertain, on_unknown),
                (&refused, CommandResult::TryAgain, on_refused),
            ] {
                let found = match failure_replies().reply_for(&session, line.as_bytes(), result, true) {
                    FailureReply::Close(reason) => Err(reason),
                    FailureReply::Line(text) => Ok(String::from_utf8(text.into_owned()).unwrap()),
                };
                match (found, expected) {
                    (Ok(text), Ok(word)) => {
                        let rest = line.split_once(' ').unwrap().1;
                        assert_eq!(text, format!("{word} {rest}"), "{library} {name}");
                    }
                    (found, expected) => assert_eq!(found.err(), expected.err(), "{library} {name}"),
                }
            }
        }
    }

    #[test]
    fn a_pipeline_gets_the_word_that_libraries_do_not_send_again() {
        let line = not_executed("no node");
        let found =
            failure_replies().reply_for(&session("", ""), line.as_bytes(), CommandResult::TryAgain, false);
        assert_eq!(found, FailureReply::Line(line.as_bytes().into()));
    }

    #[test]
    fn an_error_of_a_node_is_not_changed() {
        let line = b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
        for result in [CommandResult::Ok, CommandResult::Error] {
            let found = failure_replies().reply_for(&session("redis-py(rq)", ""), line, result, true);
            assert_eq!(found, FailureReply::Line(line.as_slice().into()));
        }
    }
}
