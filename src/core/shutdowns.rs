//! Nodes that end in good order. Such a node says so before its end: from then on it begins no write, and what it has
//! not answered when its connection ends did not run.
//!
//! Why that is so: whatever it ran before it said so had its reply written before that answer, and the reply comes
//! before the end of the connection, if that is an end and no reset. So a connection that was silent while the node
//! said it twice, and then ended, owes nothing that ran. docs/orderly-end.md has the whole of it.

use std::collections::HashMap;

use crate::command::is_postponed;
use crate::failover::Loss;
use crate::ids::LaneId;
use crate::node::lane::{Lane, LaneKey, Link, Use};
use crate::node::probe::{Said, said};
use crate::resp::reply::Proto;

use super::Core;
use super::rewrite::each_request;

/// A connection that owes a reply and is silent for so long is reason to ask, in microseconds.
const QUIET: u64 = 10_000;
/// Between two looks at connections that owe a reply, and at those that have become quiet.
const LOOK: u64 = 10_000;
const LOOK_AT_QUIET: u64 = 5_000;
/// A thread of the node's that has a reply to write has done so by then, in microseconds.
const THREADS: u64 = 20_000;

/// What one node has said of its end, times in microseconds on the worker's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shutdown {
    run_id: Vec<u8>,
    /// The first answer after which no reply came any more.
    since: u64,
    /// The latest answer to a question that was asked after that.
    confirmed: Option<u64>,
    threads: bool,
}

impl Shutdown {
    fn new(run_id: &[u8], threads: bool, now: u64) -> Shutdown {
        Shutdown { run_id: run_id.to_vec(), since: now, confirmed: None, threads }
    }

    /// It has said so again, asked at that time. `heard`: the last reply on any connection that owes some.
    fn again(&mut self, asked: u64, heard: u64, now: u64) {
        if heard >= self.since {
            (self.since, self.confirmed) = (now, None);
        } else if asked >= self.since {
            self.confirmed = Some(now);
        }
    }

    /// Whether a connection to this process that ends now, last heard at that time, owes nothing that ran.
    fn proves(&self, run_id: Option<&str>, heard: u64) -> bool {
        let patience = if self.threads { THREADS } else { 0 };
        run_id.is_some_and(|run_id| run_id.as_bytes() == self.run_id)
            && heard < self.since
            && self.confirmed.is_some_and(|confirmed| confirmed >= self.since + patience)
    }
}

/// By shard.
#[derive(Default)]
pub(super) struct Shutdowns(HashMap<u16, Shutdown>);

impl Core {
    /// Asks nodes that owe replies and are silent. Gives the microseconds to the next look.
    pub(super) fn watch_nodes(&mut self) -> u64 {
        let now = self.base.now;
        let mut next = u64::MAX;
        for shard in self.shutdowns.0.keys().copied().collect::<Vec<_>>() {
            self.review_shutdown(shard);
        }
        let mut quiet: Vec<u16> = self.shutdowns.0.keys().copied().collect();
        for lane in self.base.lanes.iter().filter(|lane| owes(lane)) {
            next = next.min(LOOK);
            if now.saturating_sub(lane.heard) >= QUIET && !quiet.contains(&lane.key.shard) {
                quiet.push(lane.key.shard);
            }
        }
        for shard in &quiet {
            self.ask(*shard);
        }
        self.settle_probes(&quiet);
        if quiet.is_empty() { next } else { LOOK_AT_QUIET }
    }

    fn ask(&mut self, shard: u16) {
        let now = self.base.now;
        let id = self.base.lane_for(self.probe_key(shard));
        let Some(lane) = self.base.lane(id) else { return };
        lane.used = now;
        let is_up = lane.link.is_up();
        let probe = lane.probe.get_or_insert_default();
        probe.wanted = true;
        if !is_up {
            return self.base.open_link(id);
        }
        if probe.ask(now) {
            lane.heard = now;
            self.base.touch_lane(id);
        }
    }

    /// When the node of this lane last said anything of itself; 0: it was not asked.
    pub(super) fn heard_when_asked(&mut self, id: LaneId) -> u64 {
        let Some(lane) = self.base.lanes.get(id) else { return 0 };
        let probe = self.base.shared.get(&self.probe_key(lane.key.shard));
        let probe = probe.and_then(|probe| self.base.lanes.get(*probe));
        let is_same = |probe: &&Lane| {
            let nodes = [probe.link.target(), lane.link.target()];
            probe.link.is_up() && nodes[0].map(|node| &node.endpoint) == nodes[1].map(|node| &node.endpoint)
        };
        probe.filter(is_same).map_or(0, |probe| probe.heard)
    }

    fn probe_key(&self, shard: u16) -> LaneKey {
        LaneKey {
            shard,
            use_: Use::Probe,
            identity: self.base.settings.own_credentials.clone(),
            db: 0,
            proto: Proto::Resp2,
            owner: None,
        }
    }

    /// Probes of other shards are not wanted any more.
    fn settle_probes(&mut self, quiet: &[u16]) {
        let probes =
            self.base.lanes.iter_mut().filter_map(|lane| Some((lane.key.shard, lane.probe.as_mut()?)));
        for (shard, probe) in probes {
            probe.wanted = quiet.contains(&shard);
        }
    }

    /// The probe's connection stands, or its node has answered.
    pub(super) fn probe_frame(&mut self, id: LaneId, frame: &[u8]) {
        let Some(lane) = self.base.lane(id) else { return };
        let shard = lane.key.shard;
        let Some(asked) = lane.probe.as_mut().and_then(|probe| probe.answered()) else {
            return self.lose(id, Loss::Broken);
        };
        match said(frame) {
            Said::Ends { run_id, threads } => self.ends(shard, run_id, threads, asked),
            Said::Serves => self.goes_on(shard),
            Said::Nothing => {}
        }
    }

    /// The node says that it ends. Nothing more is sent to it: what reaches it in its last moment would turn the end of
    /// its connections into a reset, which proves nothing.
    fn ends(&mut self, shard: u16, run_id: &[u8], threads: bool, asked: u64) {
        let now = self.base.now;
        let lanes = self.base.lanes.iter();
        let heard = lanes.filter(|lane| lane.key.shard == shard && owes(lane)).map(|lane| lane.heard).max();
        if let Some(known) = self.shutdowns.0.get_mut(&shard).filter(|known| known.run_id == run_id) {
            return known.again(asked, heard.unwrap_or_default(), now);
        }
        self.shutdowns.0.insert(shard, Shutdown::new(run_id, threads, now));
        self.base.shards.close_for_shutdown(shard);
        self.follow_gates(shard);
    }

    /// The shutdown was called off, or its connections are gone: requests may be sent again.
    fn goes_on(&mut self, shard: u16) {
        if self.shutdowns.0.remove(&shard).is_some() {
            self.base.shards.open_after_shutdown(shard);
            self.follow_gates(shard);
        }
    }

    fn follow_gates(&mut self, shard: u16) {
        let of_master = |lane: &Lane| {
            lane.key.shard == shard && lane.key.use_ != Use::Probe && lane.key.use_.gate() == Use::Master
        };
        let lanes = self.base.lanes.iter().filter(|lane| of_master(lane));
        for id in lanes.map(|lane| lane.id).collect::<Vec<_>>() {
            self.follow_gate(id);
        }
    }

    /// A connection of the shard's is gone. With the last one the node is, and others may be connected to.
    pub(super) fn review_shutdown(&mut self, shard: u16) {
        if !self.shutdowns.0.contains_key(&shard) {
            return;
        }
        let is_left =
            |lane: &Lane| lane.key.shard == shard && lane.key.use_ == Use::Master && lane.link.is_up();
        if !self.base.lanes.iter().any(is_left) {
            self.goes_on(shard);
        }
    }

    /// Shards that have another master now.
    pub(super) fn forget_shutdowns(&mut self) {
        let shards = &self.base.shards;
        self.shutdowns.0.retain(|shard, _| shards.is_closed_for_shutdown(*shard));
    }

    /// Whether what this lane's node has not answered, and had put off, did not run. To be asked before the lane forgets
    /// its connection.
    pub(super) fn has_ended_in_order(&self, id: LaneId, loss: Loss) -> bool {
        let has_ended = match loss {
            Loss::Ended => true,
            // If it went on after all, what it ran as a former master would be undone.
            Loss::Demoted => self.base.settings.sharding.undoes_what_is_late(),
            Loss::Closed | Loss::Silent | Loss::Broken => false,
        };
        has_ended && self.is_ending(id)
    }

    /// Whether this lane's node has put off what it has not answered, as far as it has said.
    pub(super) fn is_ending(&self, id: LaneId) -> bool {
        let Some(lane) = self.base.lanes.get(id) else { return false };
        let Some(shutdown) = self.shutdowns.0.get(&lane.key.shard) else { return false };
        let between_replies = lane.link.is_up() && lane.partial.is_empty() && lane.streaming.is_none();
        between_replies && shutdown.proves(lane.run_id.as_deref(), lane.heard)
    }
}

/// Its node has a whole request and owes the reply at once.
fn owes(lane: &Lane) -> bool {
    let head = lane.queue.front();
    lane.key.use_ == Use::Master
        && matches!(lane.link, Link::Up { .. })
        && head.is_some_and(|head| head.end <= lane.stream.written() && !head.kind.may_take_long())
}

/// Whether a node that ended in good order had put this off: a command of which it is known, or a transaction that holds
/// one and nothing of which it is not.
pub(super) fn is_put_off(bytes: &[u8]) -> bool {
    let (mut any, mut known) = (false, true);
    each_request(bytes, |request| match is_postponed(request) {
        Some(postponed) => any |= postponed,
        None => known = false,
    });
    any && known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::requests;

    #[test]
    fn two_answers_behind_the_last_reply_prove_it() {
        let told = |threads, answers: &[(u64, u64, u64)]| {
            let mut shutdown = Shutdown::new(b"abc", threads, 100);
            for (asked, heard, now) in answers {
                shutdown.again(*asked, *heard, *now);
            }
            shutdown
        };
        // Threads, further answers (asked, last reply by then, told), run id, last reply; whether it is proven.
        for (threads, answers, run_id, heard, expected) in [
            (false, vec![], Some("abc"), 50, false),
            (false, vec![(90, 50, 110)], Some("abc"), 50, false),
            (false, vec![(100, 50, 110)], Some("abc"), 50, true),
            (false, vec![(105, 50, 110)], Some("other"), 50, false),
            (false, vec![(105, 50, 110)], None, 50, false),
            (false, vec![(105, 102, 110)], Some("abc"), 102, false),
            (false, vec![(105, 102, 110), (115, 102, 120)], Some("abc"), 102, true),
            (false, vec![(105, 102, 110), (115, 115, 120)], Some("abc"), 115, false),
            (true, vec![(105, 50, 110)], Some("abc"), 50, false),
            (true, vec![(105, 50, 110), (115, 50, 20_099)], Some("abc"), 50, false),
            (true, vec![(105, 50, 110), (115, 50, 20_100)], Some("abc"), 50, true),
        ] {
            let found = told(threads, &answers).proves(run_id, heard);
            assert_eq!(found, expected, "{threads} {answers:?} {run_id:?} {heard}");
        }
    }

    #[test]
    fn a_transaction_is_put_off_with_its_writes() {
        for (lines, expected) in [
            (vec!["INCR n"], true),
            (vec!["GET n"], false),
            (vec!["MULTI", "INCR n", "GET n", "EXEC"], true),
            (vec!["MULTI", "GET n", "EXEC"], false),
            (vec!["MULTI", "INCR n", "FLUSHALL", "EXEC"], false),
            (vec!["ASKING", "INCR n"], true),
        ] {
            assert_eq!(is_put_off(&requests(&lines)), expected, "{lines:?}");
        }
    }
}
