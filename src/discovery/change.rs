//! A change of the published topology, and the reason for it.

use std::time::Duration;

use crate::topology::View;

/// A view to publish, and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) view: View,
    pub(crate) reason: Reason,
    /// The time at which the master was lost that is now replaced or back.
    pub(crate) lost_at: Option<Duration>,
    /// True if the epoch may be lower than the published one: a promotion was undone, or the sentinels were set up anew.
    pub(crate) may_lower_epoch: bool,
}

/// The reason why a view changed; it has the same name in log, event and metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The first master.
    Found,
    /// Another master, confirmed by a newer config epoch.
    Switched,
    /// Another master: the node itself said so, before Sentinel announced it.
    Promoted,
    /// An election has chosen a candidate: nothing is sent to the old master any more.
    Selected,
    /// The master says that it is a replica.
    Demoted,
    /// Another process answers at the master's address.
    Restarted,
    /// Two addresses claim the same epoch and neither has a majority.
    Conflict,
    /// The master for which commands were held is used again.
    Resumed,
    /// The election was given up: the old master is used again.
    Aborted,
    /// A promotion was not confirmed.
    Undone,
    /// Epochs went down: the sentinels were set up anew.
    EpochReset,
    /// Slots have moved between shards, or a shard has come or gone.
    Resharded,
    /// An active node cannot serve: its commands go to other nodes.
    Left,
    /// Commands that are to move to another active node are held until that node has all data.
    Moving,
    /// A planned move to another active node is complete.
    Moved,
    /// The master is the same; its replicas, a state, or whether the epoch is confirmed has changed.
    Refreshed,
    /// The nodes are the same; other ones may serve reads, or are the nearest.
    Readers,
}

impl Reason {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reason::Found => "found",
            Reason::Switched => "switched",
            Reason::Promoted => "promoted",
            Reason::Selected => "selected",
            Reason::Demoted => "demoted",
            Reason::Restarted => "restarted",
            Reason::Conflict => "conflict",
            Reason::Resumed => "resumed",
            Reason::Aborted => "aborted",
            Reason::Undone => "undone",
            Reason::EpochReset => "epoch-reset",
            Reason::Resharded => "resharded",
            Reason::Left => "left",
            Reason::Moving => "moving",
            Reason::Moved => "moved",
            Reason::Refreshed => "refreshed",
            Reason::Readers => "readers",
        }
    }
}
