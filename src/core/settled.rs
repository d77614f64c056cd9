//! Whether everything that was sent before the last map is answered: what a planned move waits for.
//!
//! A lane answers in order, so one mark in its stream says it: nothing before it is in flight any more. What a client
//! is blocked in does not count, for it may never be answered; it is called back when the map changes.

use crate::ids::LaneId;
use crate::node::lane::Lane;
use crate::topology::Generation;

use super::base::Base;

/// What is still in flight of the time before a map.
#[derive(Default)]
pub(super) struct Settling {
    generation: Generation,
    told: Generation,
    marks: Vec<Mark>,
}

struct Mark {
    lane: LaneId,
    connection: u32,
    end: u64,
}

impl Settling {
    /// A new map holds from here on.
    pub(super) fn mark_sent(&mut self, base: &Base, generation: Generation) {
        let lanes = base.lanes.iter();
        let marks = lanes.filter_map(|lane| {
            let end = if base.is_open(lane.id) { last(lane) } else { last_sent(lane) }?;
            Some(Mark { lane: lane.id, connection: lane.connection, end })
        });
        let marks = marks.collect();
        *self = Settling { generation, marks, told: self.told };
    }

    /// The latest map before which nothing is in flight, if that is news.
    pub(crate) fn take(&mut self, base: &Base) -> Option<Generation> {
        if self.told == self.generation {
            return None;
        }
        let mut marks = std::mem::take(&mut self.marks);
        marks.retain(|mark| is_in_flight(base, mark));
        self.marks = marks;
        if !self.marks.is_empty() {
            return None;
        }
        self.told = self.generation;
        Some(self.told)
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

/// Of those that have left whole: the rest waits.
fn last_sent(lane: &Lane) -> Option<u64> {
    let written = lane.stream.written();
    lane.queue.iter().rev().map(|entry| entry.end).find(|end| *end <= written)
}
