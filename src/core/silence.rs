//! Nodes that are silent with requests in flight. Silence is a reason to look, never an outcome: requests that were
//! sent wait for the node, for the end of its connection, or for another master. Requests that come meanwhile are
//! held, so it is certain that they did not run.
//!
//! If another node could serve at once, silence for `node_timeout` counts as a loss.

use crate::command::ReplayClass;
use crate::failover::{Verdict, may_run_twice};
use crate::ids::{ClientId, LaneId};
use crate::node::lane::{Lane, Use};
use crate::node::queue::{Entry, EntryKind};

use super::base::Base;
use super::settings::{Patience, Settings};

/// The meaning of a silence of a lane's node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// The requests wait on.
    Wait,
    /// The node is taken to be gone.
    Loss,
}

/// What would be lost with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stake {
    /// Nothing: the connection is not greeted yet, or is a probe.
    Nothing,
    /// The reply to a read, which another node may serve.
    Read,
    /// The place of a blocking command at the node.
    Wait,
    /// The outcome of commands, or messages.
    Command,
}

impl Stake {
    fn of(lane: &Lane) -> Stake {
        let waits = |head: &Entry| matches!(head.kind, EntryKind::Blocking | EntryKind::Wait);
        match lane.key.use_ {
            _ if !lane.link.is_up() => Stake::Nothing,
            Use::Probe | Use::Ear => Stake::Nothing,
            _ if owes_nobody(lane) => Stake::Nothing,
            Use::Reads => Stake::Read,
            Use::Master | Use::Listening if lane.queue.front().is_some_and(waits) => Stake::Wait,
            Use::Master | Use::Listening => Stake::Command,
        }
    }
}

/// Returns true if the node owes only the replies to commands of the proxy's own.
fn owes_nobody(lane: &Lane) -> bool {
    !lane.queue.is_empty() && lane.queue.iter().all(|entry| entry.kind == EntryKind::Own)
}

/// Returns the meaning of a silence of so many microseconds, which is more than `node_timeout`.
fn silence(stake: Stake, settings: &Settings, silent: u64) -> Silence {
    let costs_nothing = match stake {
        Stake::Nothing => true,
        Stake::Read => may_run_twice(settings.policy.retry, ReplayClass::Read),
        Stake::Wait => settings.policy.goes_on_waiting(),
        Stake::Command => false,
    };
    let patience = match settings.patience {
        _ if costs_nothing => return Silence::Loss,
        Patience::Never => return Silence::Loss,
        Patience::Hold => settings.hold.max(settings.node_timeout),
        Patience::Connection => u64::MAX,
    };
    if silent > patience { Silence::Loss } else { Silence::Wait }
}

/// Returns true if `command_timeout` applies to the request. One that may take long has a time-out of its own.
fn is_timed(entry: &Entry) -> bool {
    !entry.kind.may_take_long()
}

pub(crate) fn meaning_of_silence(base: &Base, id: LaneId) -> Silence {
    let lane = base.lanes.get(id);
    lane.map_or(Silence::Loss, |lane| {
        silence(Stake::of(lane), &base.settings, base.now.saturating_sub(lane.heard))
    })
}

/// Returns true if the node has taken a part of a request, and no more of it within `command_timeout`.
pub(crate) fn is_stuck(base: &mut Base, id: LaneId) -> bool {
    let (now, limit) = (base.now, base.settings.command_timeout);
    let Some(lane) = base.lane(id) else { return false };
    let written = lane.stream.written();
    let next = lane.queue.iter().find(|entry| entry.end > written);
    next.is_some_and(|next| next.start < written && now.saturating_sub(lane.heard.max(next.sent)) > limit)
}

/// Answers requests that were sent longer than `command_timeout` ago. Their entries stay for the replies.
pub(crate) fn answer_overdue(base: &mut Base, id: LaneId) {
    let (now, limit) = (base.now, base.settings.command_timeout);
    let Some(lane) = base.lane(id).filter(|lane| lane.link.is_up()) else { return };
    let written = lane.stream.written();
    let is_over = |entry: &Entry| now.saturating_sub(entry.sent) > limit && is_timed(entry);
    let sent = lane.queue.iter_mut().take_while(|entry| entry.end <= written);
    let over: Vec<Entry> = sent
        .filter(|entry| entry.client != ClientId::NOBODY && is_over(entry))
        // The proxy answers it: whatever the node still says to it is for nobody.
        .map(|entry| std::mem::replace(entry, Entry { client: ClientId::NOBODY, ..*entry }))
        .collect();
    let begun = lane.input.streaming.and(lane.queue.front()).map(|head| head.start);
    for entry in over {
        let verdict = if begun == Some(entry.start) { Verdict::CloseClient } else { Verdict::Uncertain };
        base.fail_request(&entry, verdict, "the node did not answer within command_timeout");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{RetryPolicy, one_proxy};

    const SECOND: u64 = 1_000_000;

    #[test]
    fn silence_is_a_loss_where_it_costs_nothing_or_another_node_can_serve() {
        // Nothing, Read, Wait, Command: `L` is a loss, `w` waits on. `hold` is 30 s, `node_timeout` 2 s.
        for (url, retry, seconds, expected) in [
            ("redis://a:1", RetryPolicy::Idempotent, 3, "LLLw"),
            ("redis://a:1", RetryPolicy::Idempotent, 1_000, "LLLw"),
            ("redis://a:1", RetryPolicy::Never, 3, "Lwww"),
            ("redis-sentinel://a:1/m", RetryPolicy::Idempotent, 3, "LLLw"),
            ("redis-sentinel://a:1/m", RetryPolicy::Idempotent, 31, "LLLL"),
            ("redis-cluster://a:1", RetryPolicy::Never, 29, "Lwww"),
            ("redis-cluster://a:1", RetryPolicy::Never, 31, "LLLL"),
            ("redis-active://a:1,b:1", RetryPolicy::Idempotent, 3, "LLLL"),
            ("redis-active://a:1,b:1", RetryPolicy::Never, 3, "LLLL"),
        ] {
            let mut proxy = one_proxy(url).unwrap();
            proxy.failover.retry = retry;
            let settings = Settings::of(&proxy);
            let found: String = [Stake::Nothing, Stake::Read, Stake::Wait, Stake::Command]
                .map(|stake| match silence(stake, &settings, seconds * SECOND) {
                    Silence::Loss => 'L',
                    Silence::Wait => 'w',
                })
                .iter()
                .collect();
            assert_eq!(found, expected, "{url} {retry:?} after {seconds} s");
        }
    }
}
