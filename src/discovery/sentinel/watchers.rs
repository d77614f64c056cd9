//! The sentinels: which exist, what each said last, who may vote.
//!
//! Configured ones stay for ever; discovered ones are appended. The same sentinel under two addresses is one
//! voter, told by its run id.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::schedule::Schedule;
use super::election::Vote;
use super::replies::OtherSentinel;
use crate::topology::{ConfigEpoch, Endpoint};

/// What was said longer ago than this counts no more: a poll a second, a timeout, and some air.
const WORD_LASTS: Duration = Duration::from_millis(2500);
/// Two periods of `__sentinel__:hello` and some air.
const HELLO_LASTS: Duration = Duration::from_millis(5000);
/// A discovered sentinel that nobody has listed for this long is forgotten.
const UNLISTED: Duration = Duration::from_secs(60);
/// A group larger than this is an attack or a mistake.
const MOST: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Watchers {
    pub(super) all: BTreeMap<Endpoint, Watcher>,
    configured: usize,
    /// By run id; also of sentinels that cannot be reached from here.
    hellos: BTreeMap<String, HelloWord>,
    /// Every run id that a sentinel knew of in this group, and when it told so last.
    ids: BTreeMap<String, Duration>,
}

#[derive(Debug, Default)]
pub(super) struct Watcher {
    configured: bool,
    run_id: Option<String>,
    listed_at: Duration,
    pub(super) tilt: bool,
    /// The last election that it published. Forgotten when its subscription was lost.
    pub(super) new_epoch: Option<ConfigEpoch>,
    /// Its last answer; gone with the first question that it does not answer.
    pub(super) word: Option<GroupWord>,
    /// Its last answer named no master: it may be no sentinel, or not of this group.
    pub(super) is_stranger: bool,
    /// Its events are heard.
    pub(super) watched: bool,
    /// Questions in a row that it did not answer.
    pub(super) misses: u32,
    pub(super) group: Schedule,
    pub(super) members: Schedule,
}

/// One answer about the group.
#[derive(Clone, Debug)]
pub(super) struct GroupWord {
    /// When the question was sent: tells what the answer can know of.
    pub(super) sent: Duration,
    /// Nil does not vote.
    pub(super) names: Option<Endpoint>,
    pub(super) epoch: Option<ConfigEpoch>,
    pub(super) failing_over: bool,
    pub(super) objectively_down: bool,
    /// How many other sentinels it knows, dead ones too: the electorate is as large as Sentinel's own.
    pub(super) others: usize,
}

#[derive(Clone, Debug)]
struct HelloWord {
    at: Duration,
    vote: Vote,
}

impl Watchers {
    pub(super) fn new(configured: &[Endpoint]) -> Self {
        let mut watchers = Watchers::default();
        for endpoint in configured {
            let watcher = Watcher { configured: true, ..Watcher::default() };
            watchers.all.insert(endpoint.clone(), watcher);
        }
        watchers.configured = watchers.all.len();
        watchers
    }

    pub(super) fn said(&mut self, sentinel: &Endpoint, word: Option<GroupWord>) {
        if let Some(watcher) = self.all.get_mut(sentinel) {
            watcher.word = word;
        }
    }

    pub(super) fn heard_hello(&mut self, now: Duration, run_id: &str, vote: Vote) {
        // Any client of a node could publish one: only sentinels that the group knows are heard.
        if self.ids.contains_key(run_id) {
            self.hellos.insert(run_id.to_owned(), HelloWord { at: now, vote });
        }
    }

    /// The sentinel told its own run id: a discovered one that turns out to be the same is dropped.
    pub(super) fn identified(&mut self, now: Duration, sentinel: &Endpoint, run_id: &str) {
        self.note_id(now, run_id);
        let Some(watcher) = self.all.get_mut(sentinel) else { return };
        watcher.run_id = Some(run_id.to_owned());
        if watcher.configured {
            self.all.retain(|_, other| other.configured || other.run_id.as_deref() != Some(run_id));
        }
    }

    /// Appends sentinels that another one knows, unless they are here under another address. Forgets those that
    /// were appended, do not answer, and that nobody has listed for long.
    pub(super) fn discovered(&mut self, now: Duration, peers: Vec<OtherSentinel>) {
        for peer in peers {
            self.note_id(now, &peer.run_id);
            if let Some(watcher) = self.all.get_mut(&peer.address) {
                watcher.listed_at = now;
                watcher.run_id.get_or_insert(peer.run_id);
                continue;
            }
            let known = self.all.values().any(|watcher| watcher.run_id.as_ref() == Some(&peer.run_id));
            if !known && self.all.len() < MOST {
                let watcher = Watcher { run_id: Some(peer.run_id), listed_at: now, ..Watcher::default() };
                self.all.insert(peer.address, watcher);
            }
        }
        self.all.retain(|_, watcher| {
            watcher.configured || watcher.misses == 0 || watcher.listed_at + UNLISTED >= now
        });
    }

    fn note_id(&mut self, now: Duration, run_id: &str) {
        self.ids.retain(|_, noted| *noted + UNLISTED >= now);
        if self.ids.len() < MOST || self.ids.contains_key(run_id) {
            self.ids.insert(run_id.to_owned(), now);
        }
        self.hellos.retain(|run_id, _| self.ids.contains_key(run_id));
    }

    /// Returns how many sentinels there are, reachable or not.
    pub(super) fn electorate(&self, now: Duration) -> usize {
        let known = self.words(now).map(|word| word.others.min(MOST) + 1).max().unwrap_or(0);
        self.configured.max(known)
    }

    /// Answers that still count, of sentinels that are not in TILT.
    pub(super) fn words(&self, now: Duration) -> impl Iterator<Item = &GroupWord> {
        let voters = self.all.values().filter(|watcher| !watcher.tilt);
        voters.filter_map(|watcher| watcher.word.as_ref()).filter(move |word| word.sent + WORD_LASTS >= now)
    }

    /// One vote per sentinel: its own answer, else the last hello of one that does not answer us. Only answers
    /// to questions sent at `since` or later count.
    pub(super) fn votes(&self, now: Duration, since: Duration) -> Vec<Vote> {
        let mut voted = BTreeSet::new();
        let mut votes = Vec::new();
        for (endpoint, watcher) in &self.all {
            let word = watcher.word.as_ref().filter(|word| word.sent + WORD_LASTS >= now);
            let Some(word) = word else { continue };
            let identity = watcher.run_id.clone().unwrap_or_else(|| endpoint.to_string());
            // Also of one that says nil, or is in TILT: an older hello must not speak for it.
            let first = voted.insert(identity);
            if let Some(address) = word.names.clone().filter(|_| first && !watcher.tilt && word.sent >= since)
            {
                votes.push(Vote { address, epoch: word.epoch });
            }
        }
        for (run_id, hello) in self.fresh_hellos(now) {
            if hello.at >= since && !voted.contains(run_id) {
                votes.push(hello.vote.clone());
            }
        }
        votes
    }

    /// Every (address, epoch) pair that counts, from answers and hellos.
    pub(super) fn claims(&self, now: Duration) -> Vec<(Endpoint, ConfigEpoch)> {
        let answered = self.words(now).filter_map(|word| word.names.clone().zip(word.epoch));
        let heard = self
            .fresh_hellos(now)
            .filter_map(|(_, hello)| Some((hello.vote.address.clone(), hello.vote.epoch?)));
        answered.chain(heard).collect()
    }

    fn fresh_hellos(&self, now: Duration) -> impl Iterator<Item = (&String, &HelloWord)> {
        let tilted = |run_id: &String| {
            self.all.values().any(|watcher| watcher.tilt && watcher.run_id.as_ref() == Some(run_id))
        };
        self.hellos.iter().filter(move |(run_id, hello)| hello.at + HELLO_LASTS >= now && !tilted(run_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn sentinel(host: &str) -> Endpoint {
        Endpoint::new(host, 26379)
    }

    fn node(host: &str) -> Endpoint {
        Endpoint::new(host, 6379)
    }

    fn word(sent: Duration, names: Option<&str>) -> Option<GroupWord> {
        let epoch = Some(ConfigEpoch(1));
        Some(GroupWord {
            sent,
            names: names.map(node),
            epoch,
            failing_over: false,
            objectively_down: false,
            others: 0,
        })
    }

    fn peer(host: &str, run_id: &str) -> OtherSentinel {
        OtherSentinel { address: sentinel(host), run_id: run_id.into() }
    }

    #[test]
    fn nil_tilt_and_old_answers_do_not_vote() {
        let mut watchers = Watchers::new(&["a", "b", "c", "d"].map(sentinel));
        watchers.said(&sentinel("a"), word(S * 10, Some("n")));
        watchers.said(&sentinel("b"), word(S * 10, None));
        watchers.said(&sentinel("c"), word(S * 7, Some("n")));
        watchers.said(&sentinel("d"), word(S * 10, Some("n")));
        watchers.all.get_mut(&sentinel("d")).unwrap().tilt = true;
        assert_eq!(watchers.votes(S * 10, Duration::ZERO).len(), 1);
        assert_eq!(watchers.claims(S * 10).len(), 1);
        assert_eq!(watchers.votes(S * 10, S * 11).len(), 0, "not asked since");
        watchers.said(&sentinel("a"), None);
        assert_eq!(watchers.votes(S * 10, Duration::ZERO).len(), 0);
        assert_eq!(watchers.electorate(S * 10), 4);
    }

    #[test]
    fn the_same_sentinel_under_two_addresses_is_one_voter() {
        let mut watchers = Watchers::new(&["name-1", "name-2"].map(sentinel));
        watchers.discovered(S, vec![peer("10.0.0.2", "id2"), peer("10.0.0.3", "id3")]);
        assert_eq!(watchers.all.len(), 4);
        watchers.said(&sentinel("name-2"), word(S, Some("n")));
        watchers.said(&sentinel("10.0.0.2"), word(S, Some("n")));
        watchers.identified(S, &sentinel("name-1"), "id1");
        watchers.identified(S, &sentinel("name-2"), "id2");
        assert!(!watchers.all.contains_key(&sentinel("10.0.0.2")));
        assert_eq!(watchers.votes(S, Duration::ZERO).len(), 1);
        watchers.discovered(S, vec![peer("10.0.0.2", "id2")]);
        assert_eq!(watchers.all.len(), 3, "not appended again");
    }

    #[test]
    fn one_configured_sentinel_of_three_is_no_majority() {
        let mut watchers = Watchers::new(&[sentinel("a")]);
        assert_eq!(watchers.electorate(S), 1);
        let known = word(S, Some("n")).map(|word| GroupWord { others: 2, ..word });
        watchers.said(&sentinel("a"), known);
        assert_eq!(watchers.electorate(S), 3);
    }

    #[test]
    fn sentinels_that_were_replaced_are_forgotten() {
        let mut watchers = Watchers::new(&[sentinel("a")]);
        watchers.discovered(S, vec![peer("b", "idb"), peer("c", "idc")]);
        for host in ["b", "c"] {
            watchers.all.get_mut(&sentinel(host)).unwrap().misses = 1;
        }
        watchers.discovered(S * 50, vec![peer("c", "idc")]);
        watchers.discovered(S * 62, vec![]);
        let left: Vec<&Endpoint> = watchers.all.keys().collect();
        assert_eq!(left, [&sentinel("a"), &sentinel("c")], "and the configured one stays");
    }

    #[test]
    fn a_hello_votes_for_a_sentinel_that_does_not_answer_us() {
        let mut watchers = Watchers::new(&[sentinel("a")]);
        watchers.identified(S, &sentinel("a"), "ida");
        watchers.discovered(S, vec![peer("unroutable", "idb")]);
        let vote = || Vote { address: node("n"), epoch: Some(ConfigEpoch(1)) };
        watchers.heard_hello(S, "idb", vote());
        watchers.heard_hello(S, "ida", vote());
        watchers.heard_hello(S, "stranger", vote());
        watchers.said(&sentinel("a"), word(S, None));
        assert_eq!(
            watchers.votes(S, Duration::ZERO).len(),
            1,
            "ida says nil itself, the stranger is not in the group"
        );
        assert_eq!(watchers.votes(S * 10, Duration::ZERO).len(), 0);
    }
}
