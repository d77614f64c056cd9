//! The table of the sentinels: which ones exist, the last reply of each, and their votes.
//!
//! Configured sentinels stay for ever; discovered ones are added. Two addresses with the same run id have one vote.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::schedule::Schedule;
use super::election::Vote;
use super::replies::OtherSentinel;
use crate::topology::{ConfigEpoch, Endpoint};

/// The age up to which a reply counts: one question each second, a timeout and some margin.
const REPLY_LASTS: Duration = Duration::from_millis(2500);
/// The age up to which a hello counts: two of its periods and some margin.
const HELLO_LASTS: Duration = Duration::from_millis(5000);
/// The time after which a discovered sentinel is forgotten if no other sentinel lists it.
const UNLISTED: Duration = Duration::from_secs(60);
/// The largest number of sentinels. More of them are an attack or a mistake.
const MOST: usize = 32;

/// All sentinels of the group.
#[derive(Debug, Default)]
pub(super) struct Sentinels {
    pub(super) all: BTreeMap<Endpoint, SentinelPeer>,
    /// The number of configured sentinels.
    configured: usize,
    /// The last hello of each sentinel by its run id, even of one that cannot be reached from here.
    hellos: BTreeMap<String, ReceivedHello>,
    /// Every run id that a sentinel has named as one of this group, and the last time that it was named.
    ids: BTreeMap<String, Duration>,
}

/// One sentinel.
#[derive(Debug, Default)]
pub(super) struct SentinelPeer {
    configured: bool,
    run_id: Option<String>,
    /// The last time that another sentinel has listed this one.
    listed_at: Duration,
    pub(super) tilt: bool,
    /// The epoch of the last election that the sentinel published. It is forgotten when the subscription is lost.
    pub(super) new_epoch: Option<ConfigEpoch>,
    /// The last reply. It is forgotten at the first question without an answer.
    pub(super) reply: Option<GroupReply>,
    /// True if the last reply named no master: the peer may be no sentinel, or may not know this group.
    pub(super) names_no_master: bool,
    /// True while the subscription to its events is up.
    pub(super) is_subscribed: bool,
    /// The number of questions in a row that were not answered.
    pub(super) misses: u32,
    /// The schedule of questions about the master.
    pub(super) group: Schedule,
    /// The schedule of questions about replicas and other sentinels.
    pub(super) members: Schedule,
}

/// The reply of one sentinel about the group.
#[derive(Clone, Debug)]
pub(super) struct GroupReply {
    /// The time at which the question was sent: the reply covers all that happened before.
    pub(super) sent: Duration,
    /// The master that the sentinel names. `None`: it has no vote.
    pub(super) names: Option<Endpoint>,
    pub(super) epoch: Option<ConfigEpoch>,
    pub(super) failing_over: bool,
    pub(super) objectively_down: bool,
    /// The number of other sentinels that this one knows, including dead ones: Sentinel itself counts majorities of all.
    pub(super) others: usize,
}

/// The last hello of one sentinel.
#[derive(Clone, Debug)]
struct ReceivedHello {
    at: Duration,
    vote: Vote,
}

impl Sentinels {
    pub(super) fn new(configured: &[Endpoint]) -> Self {
        let mut sentinels = Sentinels::default();
        for endpoint in configured {
            let peer = SentinelPeer { configured: true, ..SentinelPeer::default() };
            sentinels.all.insert(endpoint.clone(), peer);
        }
        sentinels.configured = sentinels.all.len();
        sentinels
    }

    pub(super) fn set_reply(&mut self, sentinel: &Endpoint, reply: Option<GroupReply>) {
        if let Some(peer) = self.all.get_mut(sentinel) {
            peer.reply = reply;
        }
    }

    pub(super) fn add_hello(&mut self, now: Duration, run_id: &str, vote: Vote) {
        // Any client of a node could publish a hello, so only those of sentinels that the group knows count.
        if self.ids.contains_key(run_id) {
            self.hellos.insert(run_id.to_owned(), ReceivedHello { at: now, vote });
        }
    }

    /// Takes in the run id that a sentinel reports as its own. A discovered sentinel that turns out to be the same is dropped.
    pub(super) fn identified(&mut self, now: Duration, sentinel: &Endpoint, run_id: &str) {
        self.note_id(now, run_id);
        let Some(peer) = self.all.get_mut(sentinel) else { return };
        peer.run_id = Some(run_id.to_owned());
        if peer.configured {
            self.all.retain(|_, other| other.configured || other.run_id.as_deref() != Some(run_id));
        }
    }

    /// Adds the sentinels that another one lists, unless they are known by another address. Forgets sentinels that were added,
    /// do not answer, and were not listed for long.
    pub(super) fn discovered(&mut self, now: Duration, listed: Vec<OtherSentinel>) {
        for OtherSentinel { address, run_id } in listed {
            self.note_id(now, &run_id);
            if let Some(peer) = self.all.get_mut(&address) {
                peer.listed_at = now;
                peer.run_id.get_or_insert(run_id);
                continue;
            }
            let known = self.all.values().any(|peer| peer.run_id.as_ref() == Some(&run_id));
            if !known && self.all.len() < MOST {
                let peer = SentinelPeer { run_id: Some(run_id), listed_at: now, ..SentinelPeer::default() };
                self.all.insert(address, peer);
            }
        }
        self.all.retain(|_, peer| peer.configured || peer.misses == 0 || peer.listed_at + UNLISTED >= now);
    }

    fn note_id(&mut self, now: Duration, run_id: &str) {
        self.ids.retain(|_, noted| *noted + UNLISTED >= now);
        if self.ids.len() < MOST || self.ids.contains_key(run_id) {
            self.ids.insert(run_id.to_owned(), now);
        }
        self.hellos.retain(|run_id, _| self.ids.contains_key(run_id));
    }

    /// Returns the number of sentinels that exist, reachable or not.
    pub(super) fn electorate(&self, now: Duration) -> usize {
        let known = self.replies(now).map(|reply| reply.others.min(MOST) + 1).max().unwrap_or(0);
        self.configured.max(known)
    }

    /// Returns the replies that still count, of sentinels that are not in TILT.
    pub(super) fn replies(&self, now: Duration) -> impl Iterator<Item = &GroupReply> {
        let voters = self.all.values().filter(|peer| !peer.tilt);
        voters.filter_map(|peer| peer.reply.as_ref()).filter(move |reply| reply.sent + REPLY_LASTS >= now)
    }

    /// Returns one vote for each sentinel: its reply or, if it is silent, its last hello. Both must be from `since` or later.
    pub(super) fn votes(&self, now: Duration, since: Duration) -> Vec<Vote> {
        let mut voted = BTreeSet::new();
        let mut votes = Vec::new();
        for (endpoint, peer) in &self.all {
            let reply = peer.reply.as_ref().filter(|reply| reply.sent + REPLY_LASTS >= now);
            let Some(reply) = reply else { continue };
            let identity = peer.run_id.clone().unwrap_or_else(|| endpoint.to_string());
            // A sentinel that names no master, or is in TILT, counts as having voted: an older hello must not replace its reply.
            let first = voted.insert(identity);
            if let Some(address) = reply.names.clone().filter(|_| first && !peer.tilt && reply.sent >= since)
            {
                votes.push(Vote { address, epoch: reply.epoch });
            }
        }
        for (run_id, hello) in self.fresh_hellos(now) {
            if hello.at >= since && !voted.contains(run_id) {
                votes.push(hello.vote.clone());
            }
        }
        votes
    }

    /// Returns every pair of address and epoch that counts, from replies and hellos.
    pub(super) fn claims(&self, now: Duration) -> Vec<(Endpoint, ConfigEpoch)> {
        let answered = self.replies(now).filter_map(|reply| reply.names.clone().zip(reply.epoch));
        let from_hellos = self
            .fresh_hellos(now)
            .filter_map(|(_, hello)| Some((hello.vote.address.clone(), hello.vote.epoch?)));
        answered.chain(from_hellos).collect()
    }

    fn fresh_hellos(&self, now: Duration) -> impl Iterator<Item = (&String, &ReceivedHello)> {
        let tilted =
            |run_id: &String| self.all.values().any(|peer| peer.tilt && peer.run_id.as_ref() == Some(run_id));
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

    fn reply(sent: Duration, names: Option<&str>) -> Option<GroupReply> {
        let epoch = Some(ConfigEpoch(1));
        Some(GroupReply {
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
        let mut sentinels = Sentinels::new(&["a", "b", "c", "d"].map(sentinel));
        sentinels.set_reply(&sentinel("a"), reply(S * 10, Some("n")));
        sentinels.set_reply(&sentinel("b"), reply(S * 10, None));
        sentinels.set_reply(&sentinel("c"), reply(S * 7, Some("n")));
        sentinels.set_reply(&sentinel("d"), reply(S * 10, Some("n")));
        sentinels.all.get_mut(&sentinel("d")).unwrap().tilt = true;
        assert_eq!(sentinels.votes(S * 10, Duration::ZERO).len(), 1);
        assert_eq!(sentinels.claims(S * 10).len(), 1);
        assert_eq!(sentinels.votes(S * 10, S * 11).len(), 0, "not asked since");
        sentinels.set_reply(&sentinel("a"), None);
        assert_eq!(sentinels.votes(S * 10, Duration::ZERO).len(), 0);
        assert_eq!(sentinels.electorate(S * 10), 4);
    }

    #[test]
    fn the_same_sentinel_under_two_addresses_is_one_voter() {
        let mut sentinels = Sentinels::new(&["name-1", "name-2"].map(sentinel));
        sentinels.discovered(S, vec![peer("10.0.0.2", "id2"), peer("10.0.0.3", "id3")]);
        assert_eq!(sentinels.all.len(), 4);
        sentinels.set_reply(&sentinel("name-2"), reply(S, Some("n")));
        sentinels.set_reply(&sentinel("10.0.0.2"), reply(S, Some("n")));
        sentinels.identified(S, &sentinel("name-1"), "id1");
        sentinels.identified(S, &sentinel("name-2"), "id2");
        assert!(!sentinels.all.contains_key(&sentinel("10.0.0.2")));
        assert_eq!(sentinels.votes(S, Duration::ZERO).len(), 1);
        sentinels.discovered(S, vec![peer("10.0.0.2", "id2")]);
        assert_eq!(sentinels.all.len(), 3, "not appended again");
    }

    #[test]
    fn one_configured_sentinel_of_three_is_no_majority() {
        let mut sentinels = Sentinels::new(&[sentinel("a")]);
        assert_eq!(sentinels.electorate(S), 1);
        let known = reply(S, Some("n")).map(|reply| GroupReply { others: 2, ..reply });
        sentinels.set_reply(&sentinel("a"), known);
        assert_eq!(sentinels.electorate(S), 3);
    }

    #[test]
    fn sentinels_that_were_replaced_are_forgotten() {
        let mut sentinels = Sentinels::new(&[sentinel("a")]);
        sentinels.discovered(S, vec![peer("b", "idb"), peer("c", "idc")]);
        for host in ["b", "c"] {
            sentinels.all.get_mut(&sentinel(host)).unwrap().misses = 1;
        }
        sentinels.discovered(S * 50, vec![peer("c", "idc")]);
        sentinels.discovered(S * 62, vec![]);
        let left: Vec<&Endpoint> = sentinels.all.keys().collect();
        assert_eq!(left, [&sentinel("a"), &sentinel("c")], "and the configured one stays");
    }

    #[test]
    fn a_hello_votes_for_a_sentinel_that_does_not_answer_us() {
        let mut sentinels = Sentinels::new(&[sentinel("a")]);
        sentinels.identified(S, &sentinel("a"), "ida");
        sentinels.discovered(S, vec![peer("unroutable", "idb")]);
        let vote = || Vote { address: node("n"), epoch: Some(ConfigEpoch(1)) };
        sentinels.add_hello(S, "idb", vote());
        sentinels.add_hello(S, "ida", vote());
        sentinels.add_hello(S, "stranger", vote());
        sentinels.set_reply(&sentinel("a"), reply(S, None));
        assert_eq!(
            sentinels.votes(S, Duration::ZERO).len(),
            1,
            "ida says nil itself, the stranger is not in the group"
        );
        assert_eq!(sentinels.votes(S * 10, Duration::ZERO).len(), 0);
    }
}
