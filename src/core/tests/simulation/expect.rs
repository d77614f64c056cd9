//! The replies that people expect, and what they make of them.

use std::collections::VecDeque;
use std::fmt::Debug;

use crate::resp::pubsub::Space;

use super::{Asked, Meaning, Moment, Person, Promises, Stake};

/// One reply that is still to come; `A` is what people of this kind know of a node's answer.
#[derive(Debug)]
pub(super) enum Expect<A> {
    /// The proxy's own answer.
    Own(String),
    /// The proxy's own error.
    Refused,
    Pong(u64),
    Reset,
    /// The answer to HELLO with this version.
    Hello(u8),
    /// A node's answer to another change of the session.
    Session(String),
    Watch(u64),
    /// With the moment at which its time-out is over, at the earliest.
    Blocked(u64, Option<u64>),
    /// None: a reply to this write of a key was not wanted.
    Silent(Asked, String),
    Confirm(Confirmations),
    Node(Asked, A),
}

/// The names that are to be confirmed, in this order or in any.
#[derive(Debug)]
pub(super) struct Confirmations {
    pub(super) space: Space,
    pub(super) subscribes: bool,
    pub(super) names: VecDeque<String>,
    pub(super) ordered: bool,
}

/// What the people of one kind say, and what they make of the replies. The value is what one of them knows.
pub(super) trait Script: Default {
    type Answer: Debug;

    /// Says something first of all.
    fn enter(_: &mut Person<Self>, _: &mut Moment<'_>) {}

    /// Says something more, whatever is allowed at the moment.
    fn act(person: &mut Person<Self>, at: &mut Moment<'_>);

    /// Checks the answer of a node, and takes it in.
    fn answered(person: &mut Person<Self>, asked: &Asked, answer: Self::Answer, text: &str);

    /// Nobody knows if it ran.
    fn unknown(_: &mut Person<Self>, _: &Asked, _: Self::Answer) {}

    /// The turn of a write without a reply has come.
    fn passed(_: &mut Person<Self>, _: &Asked, _key: &str) {}

    /// A WATCH was confirmed.
    fn watches(_: &mut Person<Self>, _uid: u64) {}

    fn watch_failed(_: &mut Person<Self>, _uid: u64, _: &mut Promises) {}
}

impl<A> Expect<A> {
    pub(super) fn stake(&self) -> Stake {
        match self {
            Expect::Own(_) | Expect::Refused | Expect::Pong(_) | Expect::Reset => Stake::Own,
            Expect::Confirm(Confirmations { subscribes: false, .. }) => Stake::Own,
            Expect::Hello(_) | Expect::Session(_) | Expect::Watch(_) | Expect::Confirm(_) => Stake::Session,
            Expect::Blocked(uid, until) => Stake::Pop(*uid, *until),
            Expect::Silent(asked, _) | Expect::Node(asked, _) => Stake::Runs(asked.clone()),
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        matches!(self, Expect::Silent(..))
    }
}

impl<S: Script> Person<S> {
    pub(super) fn told(
        &mut self,
        expect: Expect<S::Answer>,
        meaning: Meaning,
        text: &str,
        promises: &mut Promises,
    ) {
        match (meaning, expect) {
            (Meaning::Answer, Expect::Node(asked, answer)) => S::answered(self, &asked, answer, text),
            (Meaning::Answer, expect) => self.answered(expect, text),
            (Meaning::Unknown, Expect::Node(asked, answer)) => S::unknown(self, &asked, answer),
            (Meaning::NotExecuted, Expect::Watch(uid)) => S::watch_failed(self, uid, promises),
            _ => {}
        }
    }

    fn answered(&mut self, expect: Expect<S::Answer>, text: &str) {
        match expect {
            Expect::Own(reply) | Expect::Session(reply) => assert_eq!(text, reply),
            Expect::Refused => {
                assert!(text.starts_with("-ERR unknown") || text.starts_with("-EXECABORT"), "{text}");
            }
            Expect::Reset => {
                assert_eq!(text, "+RESET\r\n");
                (self.resp3, self.script) = (false, S::default());
                self.topics.clear();
            }
            Expect::Hello(version) => {
                assert!(text.starts_with(if version == 3 { "%7" } else { "*14" }), "{text}");
                self.resp3 = version == 3;
            }
            Expect::Watch(uid) => {
                assert_eq!(text, format!("+OK.{uid}\r\n"));
                S::watches(self, uid);
            }
            Expect::Blocked(uid, _) | Expect::Pong(uid) => {
                assert!(text.ends_with(&format!("\r\n{uid}\r\n")), "{text} for {uid}");
            }
            Expect::Silent(..) | Expect::Confirm(_) | Expect::Node(..) => {
                panic!("{}: {text} for {expect:?}", self.number)
            }
        }
    }
}
