//! What the proxy has promised with its replies: judged at once as far as possible, and all of it at the very end.

use std::collections::HashSet;

use crate::command::ReplayClass;
use crate::config::RetryPolicy;
use crate::failover::may_run_twice;

use super::Truth;

/// Commands that a node runs, for one reply.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) uids: Vec<u64>,
    /// What a second run of them would do.
    pub(super) class: ReplayClass,
    /// They stand behind a WATCH.
    pub(super) watched: bool,
}

impl Asked {
    pub(super) fn one(uid: u64, class: ReplayClass) -> Self {
        Asked { uids: vec![uid], class, watched: false }
    }
}

/// What one reply is about, and so what the client may be told in place of it.
#[derive(Debug)]
pub(super) enum Stake {
    /// The proxy answers by itself: nothing can go wrong.
    Own,
    /// The session, a WATCH, a subscription: a node may not be asked, but nothing is lost by that.
    Session,
    Runs(Asked),
    /// A command that blocks, and the moment at which its time-out is over, at the earliest.
    Pop(u64, Option<u64>),
}

/// What a reply means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is the answer.
    Answer,
    /// It is a rightful answer that says nothing: of a WATCH that failed, a time-out, a WAIT in vain.
    Nothing,
    NotExecuted,
    Unknown,
}

/// How often clients were told something.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) good: u64,
    pub(super) tryagain: u64,
    pub(super) uncertain: u64,
    pub(super) messages: u64,
}

impl Stake {
    fn uids(&self) -> &[u64] {
        match self {
            Stake::Own | Stake::Session => &[],
            Stake::Runs(asked) => &asked.uids,
            Stake::Pop(uid, _) => std::slice::from_ref(uid),
        }
    }
}

#[derive(Default)]
pub(super) struct Promises {
    pub(super) told: Told,
    /// The moment of the step.
    pub(super) now: u64,
    /// Told not to have run.
    not_run: Vec<u64>,
    said: Vec<(u64, ReplayClass)>,
    /// Those that block: one whose node was lost may run again at the next.
    pops: Vec<u64>,
    /// A WATCH, and the first command of the transaction behind it.
    pub(super) watched: Vec<(u64, u64)>,
    /// Answered by a node.
    confirmed: HashSet<u64>,
}

impl Promises {
    /// A client says something that has this at stake.
    pub(super) fn said(&mut self, stake: &Stake) {
        match stake {
            Stake::Runs(Asked { uids, class, .. }) => self.said.extend(uids.iter().map(|uid| (*uid, *class))),
            Stake::Pop(uid, _) => self.pops.push(*uid),
            Stake::Own | Stake::Session => {}
        }
    }

    /// Judges a reply.
    pub(super) fn heard(&mut self, stake: &Stake, text: &str, truth: &Truth) -> Meaning {
        if text.starts_with("-TRYAGAIN tideover") {
            self.told.tryagain += 1;
            self.not_executed(stake, text, truth);
            return Meaning::NotExecuted;
        }
        if text.starts_with("-UNCERTAIN tideover") {
            self.told.uncertain += 1;
            unknown(stake, text, truth);
            return Meaning::Unknown;
        }
        self.told.good += 1;
        self.answered(stake, text, truth)
    }

    fn not_executed(&mut self, stake: &Stake, text: &str, truth: &Truth) {
        match stake {
            Stake::Own => panic!("{text} for what the proxy answers itself"),
            Stake::Runs(Asked { class: ReplayClass::Read, .. }) => return,
            Stake::Pop(..) if text.ends_with("; outcome unknown\r\n") => return,
            Stake::Session | Stake::Runs(_) | Stake::Pop(..) => {}
        }
        let ran = stake.uids().iter().find(|uid| truth.runs(**uid) > 0);
        assert_eq!(ran, None, "it ran, and was called not executed: {text}");
        self.not_run.extend(stake.uids());
    }

    fn answered(&mut self, stake: &Stake, text: &str, truth: &Truth) -> Meaning {
        let is_null = matches!(text, "*-1\r\n" | "_\r\n");
        match stake {
            Stake::Pop(_, until) if is_null => {
                assert!(until.is_some_and(|until| until <= self.now), "{text} for {stake:?} at {}", self.now);
                return Meaning::Nothing;
            }
            Stake::Runs(Asked { watched: true, .. }) if is_null => return Meaning::Nothing,
            // WAIT whose node was lost.
            Stake::Runs(Asked { class: ReplayClass::Connection, .. }) if text == ":0\r\n" => {
                return Meaning::Nothing;
            }
            _ => {}
        }
        let uids = stake.uids();
        assert!(uids.iter().all(|uid| truth.runs(*uid) > 0), "{text}, but not all of {uids:?} ran");
        self.confirmed.extend(uids);
        Meaning::Answer
    }

    /// Judges what can be judged only when everything has run that ever will.
    pub(super) fn check(&self, truth: &Truth, policy: RetryPolicy) {
        for uid in &self.not_run {
            assert_eq!(truth.runs(*uid), 0, "{uid} was called not executed");
        }
        for (uid, class) in &self.said {
            let runs = truth.runs(*uid);
            // A read from a node that had just lost its role is asked again, whatever the policy.
            let repeatable = *class == ReplayClass::Read || may_run_twice(policy, *class);
            assert!(runs <= 1 || repeatable, "{uid} ({class:?}) ran {runs} times under {policy:?}");
        }
        for uid in &self.pops {
            let runs = truth.runs(*uid);
            assert!(runs <= 1 || policy != RetryPolicy::Never, "{uid} was popped {runs} times");
        }
        self.check_order(truth);
    }

    fn check_order(&self, truth: &Truth) {
        for (earlier, later) in &truth.overtaken {
            // A later one of unknown outcome may have run, or may not: nobody can rely on the order. One that ran
            // again behind the earlier one has put the order right.
            let settled = truth.runs(*later) == 1 && self.confirmed.contains(later);
            assert!(!settled, "{earlier} ran after {later}");
        }
        for (watch, first) in self.watched.iter().filter(|(_, first)| truth.runs(*first) > 0) {
            let (watched_on, ran_on) = (truth.ran_on.get(watch), truth.ran_on.get(first));
            assert_eq!(watched_on, ran_on, "{first} ran without its watch {watch}");
        }
    }
}

fn unknown(stake: &Stake, text: &str, truth: &Truth) {
    assert!(matches!(stake, Stake::Runs(_) | Stake::Pop(..)), "{text} for {stake:?}");
    let unsent = stake.uids().first().filter(|uid| !truth.whole.contains(uid));
    assert_eq!(unsent, None, "it never left whole, but: {text}");
}
