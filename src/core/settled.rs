//! Tells when everything is answered that was sent before the last topology. A planned move waits for this.
//!
//! A lane answers in order, so one mark in its stream is enough to tell. Blocked requests do not count, since they
//! may never be answered; they are unblocked when the topology changes.

use crate::ids::LaneId;
use crate::node::lane::Lane;
use crate::topology::Generation;

use super::base::Base;

/// The requests from the time before a topology that are still in flight.
#[derive(Default)]
pub(super) struct Settling {
    generation: Generation,
    reported: Generation,
    marks: Vec<Mark>,
}

struct Mark {
    lane: LaneId,
    connection: u32,
    end: u64,
}

impl Settling {
    /// Marks the last request of each lane, because a new topology holds from here on.
    pub(super) fn mark_sent(&mut self, base: &Base, generation: Generation) {
        let lanes = base.lanes.iter();
        let marks = lanes.filter_map(|lane| {
            let end = if base.is_open(lane.id) { last(lane) } else { last_sent(lane) }?;
            Some(Mark { lane: lane.id, connection: lane.connection, end })
        });
        let marks = marks.collect();
        *self = Settling { generation, marks, reported: self.reported };
    }

    /// Returns the latest topology before which nothing is in flight any more, if that is news.
    pub(crate) fn take(&mut self, base: &Base) -> Option<Generation> {
        if self.reported == self.generation {
            return None;
        }
        let mut marks = std::mem::take(&mut self.marks);
        marks.retain(|mark| is_in_flight(base, mark));
        self.marks = marks;
        if !self.marks.is_empty() {
            return None;
        }
        self.reported = self.generation;
        Some(self.reported)
    }
}

fn is_in_flight(base: &Base, mark: &Mark) -> bool {
    let lane = base.lanes.get(mark.lane);
    let lane = lane.filter(|lane| lane.connection == mark.connection && lane.link.is_up());
    let head = lane.and_then(|lane| lane.queue.front());
    head.is_some_and(|head| head.start < mark.end && !head.kind.may_take_long())
}

fn last(lane: &Lane) -> Option<u64> {
    lane.queue.back().map(|entry| entry.end)
}

/// Returns the end of the last request that has left whole. Those behind it wait.
fn last_sent(lane: &Lane) -> Option<u64> {
    let written = lane.stream.written();
    lane.queue.iter().rev().map(|entry| entry.end).find(|end| *end <= written)
}
