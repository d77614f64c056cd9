//! Nodes that end in good order. Such a node announces its end: from then on it begins no write, and requests that it
//! has not answered when its connection ends did not run.
//!
//! The proof: whatever the node ran before the announcement had its reply written before that, and the reply comes before
//! the end of the connection, unless the end is a reset. So a connection on which nothing came while the node announced its
//! end twice, and which then ended, owes no reply to anything that ran. docs/orderly-end.md has the whole story.

use std::collections::HashMap;

use crate::command::is_postponed;
use crate::failover::Loss;
use crate::ids::LaneId;
use crate::node::lane::{Lane, LaneKey, Use};
use crate::node::link::Link;
use crate::node::modes::Modes;
use crate::node::probe::{ProbeReply, read_answer};
use crate::resp::reply::Proto;

use super::base::Base;
use super::rewrite::each_request;

/// The time for which a connection that owes a reply has to be silent before the node is asked, in microseconds.
const QUIET: u64 = 10_000;
/// The time between two looks at connections that owe a reply, and at those that have become quiet, in microseconds.
const LOOK: u64 = 10_000;
const LOOK_AT_QUIET: u64 = 5_000;
/// The time in which all threads of a node have written the replies that they have, in microseconds.
const THREADS: u64 = 20_000;

/// The announcement of one node's end. Times are microseconds on the worker's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shutdown {
    run_id: Vec<u8>,
    /// The time of the first announcement after which no reply came any more.
    since: u64,
    /// The time of the latest announcement to a question that was asked after `since`.
    confirmed: Option<u64>,
    /// Other threads of the node may still have had replies to write.
    threads: bool,
}

impl Shutdown {
    fn new(run_id: &[u8], threads: bool, now: u64) -> Shutdown {
        Shutdown { run_id: run_id.to_vec(), since: now, confirmed: None, threads }
    }

    /// Takes a further announcement, in answer to `asked`. `heard`: the last reply on any connection that owes some.
    fn announced_again(&mut self, asked: u64, heard: u64, now: u64) {
        if heard >= self.since {
            (self.since, self.confirmed) = (now, None);
        } else if asked >= self.since {
            self.confirmed = Some(now);
        }
    }

    /// Returns true if a connection to this process, on which a reply came last at `heard` and which ends now, owes
    /// no reply to anything that ran.
    fn proves(&self, run_id: Option<&str>, heard: u64) -> bool {
        let patience = if self.threads { THREADS } else { 0 };
        run_id.is_some_and(|run_id| run_id.as_bytes() == self.run_id)
            && heard < self.since
            && self.confirmed.is_some_and(|confirmed| confirmed >= self.since + patience)
    }
}

/// The announcements, by shard.
#[derive(Default)]
pub(super) struct Shutdowns(HashMap<u16, Shutdown>);

/// The effect of an answer to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeEffect {
    Nothing,
    /// The gate of this shard has changed: its node ends, or serves on.
    Gate(u16),
    /// The frame was no answer.
    Broken,
}

impl Shutdowns {
    /// Returns the shards whose nodes are about to end.
    pub(super) fn shards(&self) -> Vec<u16> {
        self.0.keys().copied().collect()
    }

    /// Asks the nodes that owe replies and are silent. Returns the microseconds until the next look.
    pub(super) fn ask_quiet(&self, base: &mut Base) -> u64 {
        let now = base.now;
        let mut next = u64::MAX;
        let mut quiet = self.shards();
        for lane in base.lanes.iter().filter(|lane| owes(lane)) {
            next = next.min(LOOK);
            if now.saturating_sub(lane.heard) >= QUIET && !quiet.contains(&lane.key.shard) {
                quiet.push(lane.key.shard);
            }
        }
        for shard in &quiet {
            ask(base, *shard);
        }
        update_probes(base, &quiet);
        if quiet.is_empty() { next } else { LOOK_AT_QUIET }
    }

    /// Handles a frame on a probe's connection.
    pub(super) fn probe_frame(&mut self, base: &mut Base, id: LaneId, frame: &[u8]) -> ProbeEffect {
        let Some(lane) = base.lane(id) else { return ProbeEffect::Nothing };
        let shard = lane.key.shard;
        let Some(asked) = lane.probe.as_mut().and_then(|probe| probe.take_question()) else {
            return ProbeEffect::Broken;
        };
        let changed = match read_answer(frame) {
            ProbeReply::Ends { run_id, threads } => {
                self.note_announcement(base, shard, run_id, threads, asked)
            }
            ProbeReply::Serves => self.end_shutdown(base, shard),
            ProbeReply::Nothing => false,
        };
        if changed { ProbeEffect::Gate(shard) } else { ProbeEffect::Nothing }
    }

    /// Notes that the shard's node has announced its end. Nothing more is sent to it: bytes that reach it in its last moment
    /// would turn the end of its connections into a reset, which proves nothing. Returns true for the first announcement.
    fn note_announcement(
        &mut self,
        base: &mut Base,
        shard: u16,
        run_id: &[u8],
        threads: bool,
        asked: u64,
    ) -> bool {
        let now = base.now;
        let lanes = base.lanes.iter();
        let heard = lanes.filter(|lane| lane.key.shard == shard && owes(lane)).map(|lane| lane.heard).max();
        if let Some(known) = self.0.get_mut(&shard).filter(|known| known.run_id == run_id) {
            known.announced_again(asked, heard.unwrap_or_default(), now);
            return false;
        }
        self.0.insert(shard, Shutdown::new(run_id, threads, now));
        base.shards.close_for_shutdown(shard);
        true
    }

    /// Ends a shutdown that was called off or is complete: requests may be sent again. Returns true if there was one.
    fn end_shutdown(&mut self, base: &mut Base, shard: u16) -> bool {
        let ended = self.0.remove(&shard).is_some();
        if ended {
            base.shards.open_after_shutdown(shard);
        }
        ended
    }

    /// Ends the state of a shutdown with the last connection to the node. Returns true if that has happened.
    pub(super) fn end_if_gone(&mut self, base: &mut Base, shard: u16) -> bool {
        let is_left =
            |lane: &Lane| lane.key.shard == shard && lane.key.use_ == Use::Master && lane.link.is_up();
        self.0.contains_key(&shard) && !base.lanes.iter().any(is_left) && self.end_shutdown(base, shard)
    }

    /// Forgets the announcements of shards that have another master now.
    pub(super) fn forget(&mut self, base: &Base) {
        self.0.retain(|shard, _| base.shards.is_closed_for_shutdown(*shard));
    }

    /// Returns true if the unanswered requests on this lane that its node had put off did not run. To be called
    /// before the lane forgets its connection.
    pub(super) fn has_ended_in_order(&self, base: &Base, id: LaneId, loss: Loss) -> bool {
        let has_ended = match loss {
            Loss::Ended => true,
            // If the node went on after all, what it ran as a former master would be undone.
            Loss::Demoted => base.settings.sharding.undoes_late_writes(),
            Loss::Closed | Loss::Silent | Loss::Broken => false,
        };
        has_ended && self.is_ending(base, id)
    }

    /// Returns true if this lane's node has proved, by its announcements, that it has put off what it has not answered.
    pub(super) fn is_ending(&self, base: &Base, id: LaneId) -> bool {
        let Some(lane) = base.lanes.get(id) else { return false };
        let Some(shutdown) = self.0.get(&lane.key.shard) else { return false };
        lane.link.is_up()
            && lane.input.is_between_replies()
            && shutdown.proves(lane.run_id.as_deref(), lane.heard)
    }
}

fn ask(base: &mut Base, shard: u16) {
    let now = base.now;
    let id = base.lane_for(probe_key(base, shard));
    let Some(lane) = base.lane(id) else { return };
    lane.used = now;
    let is_up = lane.link.is_up();
    let probe = lane.probe.get_or_insert_default();
    probe.wanted = true;
    if !is_up {
        return base.open_link(id);
    }
    if probe.ask(now) {
        lane.heard = now;
        base.touch_lane(id);
    }
}

/// Returns the time at which the probe of this lane's node last got an answer; 0 if it was not asked.
pub(super) fn heard_when_asked(base: &Base, id: LaneId) -> u64 {
    let Some(lane) = base.lanes.get(id) else { return 0 };
    let probe = base.shared.get(&probe_key(base, lane.key.shard));
    let probe = probe.and_then(|probe| base.lanes.get(*probe));
    let is_same = |probe: &&Lane| {
        let nodes = [probe.link.target(), lane.link.target()];
        probe.link.is_up() && nodes[0].map(|node| &node.endpoint) == nodes[1].map(|node| &node.endpoint)
    };
    probe.filter(is_same).map_or(0, |probe| probe.heard)
}

fn probe_key(base: &Base, shard: u16) -> LaneKey {
    LaneKey {
        shard,
        use_: Use::Probe,
        identity: base.settings.own_credentials.clone(),
        db: 0,
        proto: Proto::Resp2,
        modes: Modes::default(),
        owner: None,
    }
}

/// Notes which probes are wanted: those of quiet shards.
fn update_probes(base: &mut Base, quiet: &[u16]) {
    let probes = base.lanes.iter_mut().filter_map(|lane| Some((lane.key.shard, lane.probe.as_mut()?)));
    for (shard, probe) in probes {
        probe.wanted = quiet.contains(&shard);
    }
}

/// Returns true if the lane's node has a whole request and owes the reply at once.
fn owes(lane: &Lane) -> bool {
    let head = lane.queue.front();
    lane.key.use_ == Use::Master
        && matches!(lane.link, Link::Up(_))
        && head.is_some_and(|head| head.end <= lane.stream.written() && !head.kind.may_take_long())
}

/// Returns true if a node that ended in good order had put this request off: a command that is known to be put off,
/// or a transaction with such a command and no unknown one.
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
    fn two_announcements_after_the_last_reply_prove_that_nothing_else_ran() {
        let after = |threads, answers: &[(u64, u64, u64)]| {
            let mut shutdown = Shutdown::new(b"abc", threads, 100);
            for (asked, heard, now) in answers {
                shutdown.announced_again(*asked, *heard, *now);
            }
            shutdown
        };
        // Threads, further announcements (asked, last reply by then, time), run id, last reply; whether it is proven.
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
            let found = after(threads, &answers).proves(run_id, heard);
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
