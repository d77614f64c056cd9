//! The replies that people expect, and what they make of them.

use std::collections::VecDeque;
use std::fmt::Debug;

use crate::command::ReplayClass;
use crate::resp::pubsub::Space;

use super::person::{Moment, Person};
use super::promises::{Meaning, Promises, Stake};

/// One reply that is still to come; `X` is one that only people of this kind expect.
#[derive(Debug)]
pub(super) enum Expect<X> {
    /// The proxy's own answer.
    Own(String),
    /// The answer to HELLO with this version.
    Hello(u8),
    Watch(u64),
    /// With the moment at which its time-out is over, at the earliest.
    Blocked {
        uid: u64,
        until: Option<u64>,
    },
    /// None: the reply to this write of a key was refused.
    Silent {
        uid: u64,
        class: ReplayClass,
        key: String,
    },
    Confirm(Confirmations),
    Of(X),
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
    type Expect: Debug;

    /// Says something first of all.
    fn enter(_: &mut Person<Self>, _: &mut Moment<'_>) {}

    /// Says something more, whatever is allowed at the moment.
    fn act(person: &mut Person<Self>, at: &mut Moment<'_>);

    fn stake(expect: &Self::Expect) -> Stake;

    /// Checks the answer, and takes it in.
    fn answered(person: &mut Person<Self>, expect: Self::Expect, text: &str);

    /// It did not run, or nobody knows.
    fn failed(_: &mut Person<Self>, _: Self::Expect, _: Meaning) {}

    /// The turn of a write without a reply has come.
    fn passed(_: &mut Person<Self>, _uid: u64, _key: &str) {}

    /// A WATCH was confirmed.
    fn watches(_: &mut Person<Self>, _uid: u64) {}

    fn watch_failed(_: &mut Person<Self>, _uid: u64, _: &mut Promises) {}
}

impl<X> Expect<X> {
    pub(super) fn stake(&self, of: impl Fn(&X) -> Stake) -> Stake {
        match self {
            Expect::Own(_) | Expect::Confirm(Confirmations { subscribes: false, .. }) => Stake::Own,
            Expect::Hello(_) | Expect::Watch(_) | Expect::Confirm(_) => Stake::Session,
            Expect::Blocked { uid, until } => Stake::Pop { uid: *uid, until: *until },
            Expect::Silent { uid, class, .. } => {
                Stake::Runs { uids: vec![*uid], class: *class, watched: false }
            }
            Expect::Of(own) => of(own),
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        matches!(self, Expect::Silent { .. })
    }
}

impl<S: Script> Person<S> {
    pub(super) fn told(
        &mut self,
        expect: Expect<S::Expect>,
        meaning: Meaning,
        text: &str,
        promises: &mut Promises,
    ) {
        match (meaning, expect) {
            (Meaning::Nothing, _) => {}
            (Meaning::Answer, Expect::Of(own)) => S::answered(self, own, text),
            (Meaning::Answer, expect) => self.answered(expect, text),
            (_, Expect::Of(own)) => S::failed(self, own, meaning),
            (_, Expect::Watch(uid)) => S::watch_failed(self, uid, promises),
            _ => {}
        }
    }

    fn answered(&mut self, expect: Expect<S::Expect>, text: &str) {
        match expect {
            Expect::Own(reply) => assert_eq!(text, reply),
            Expect::Hello(version) => {
                assert!(text.starts_with(if version == 3 { "%7" } else { "*14" }), "{text}");
                self.resp3 = version == 3;
            }
            Expect::Watch(uid) => {
                assert_eq!(text, format!("+OK.{uid}\r\n"));
                S::watches(self, uid);
            }
            Expect::Blocked { uid, .. } => {
                assert!(text.ends_with(&format!("\r\n{uid}\r\n")), "{text} for {uid}");
            }
            Expect::Silent { .. } | Expect::Confirm(_) | Expect::Of(_) => {
                panic!("{}: {text} for {expect:?}", self.number)
            }
        }
    }
}
