//! The counter of everything that one worker holds, wherever it waits: on a lane, set aside, without a lane, or for a
//! subscription. It is bounded by the budget that all workers of the proxy share, and reports to the metrics.

use std::sync::Arc;

use crate::core::settings::{HoldBudget, held_cost};
use crate::metrics::worker::WorkerMetrics;
use crate::node::hold::Ticket;

/// The held commands and bytes of one worker. See the module.
pub(crate) struct Holds {
    budget: Arc<HoldBudget>,
    metrics: Arc<WorkerMetrics>,
    commands: usize,
    bytes: usize,
}

impl Holds {
    pub(crate) fn new(budget: Arc<HoldBudget>, metrics: Arc<WorkerMetrics>) -> Self {
        Holds { budget, metrics, commands: 0, bytes: 0 }
    }

    pub(crate) fn budget(&self) -> &HoldBudget {
        &self.budget
    }

    /// Holds a request of `len` bytes. Returns `None` if the budget has no room for it.
    pub(crate) fn try_hold(&mut self, len: usize) -> Option<Ticket> {
        let bytes = held_cost(len);
        self.budget.try_take(bytes).then(|| self.count(Ticket { commands: 1, bytes }))
    }

    /// Holds a request that was accepted already, with as many bytes of the budget as are left.
    pub(crate) fn hold(&mut self, len: usize) -> Ticket {
        let bytes = self.budget.take_up_to(held_cost(len));
        self.count(Ticket { commands: 1, bytes })
    }

    /// Replaces `ticket` by one for so many requests of this cost. Returns by how many requests it has grown.
    pub(super) fn replace(&mut self, ticket: &mut Ticket, commands: usize, cost: usize) -> i64 {
        let before = ticket.commands;
        self.release(std::mem::take(ticket));
        let bytes = self.budget.take_up_to(cost);
        *ticket = self.count(Ticket { commands, bytes });
        commands as i64 - before as i64
    }

    pub(crate) fn release(&mut self, ticket: Ticket) {
        if ticket == Ticket::default() {
            return;
        }
        debug_assert!(self.commands >= ticket.commands && self.bytes >= ticket.bytes, "released twice");
        self.commands = self.commands.saturating_sub(ticket.commands);
        self.bytes = self.bytes.saturating_sub(ticket.bytes);
        self.budget.give(ticket.bytes);
        self.metrics.held(self.commands, self.bytes);
    }

    fn count(&mut self, ticket: Ticket) -> Ticket {
        if ticket != Ticket::default() {
            self.commands += ticket.commands;
            self.bytes += ticket.bytes;
            self.metrics.held(self.commands, self.bytes);
        }
        ticket
    }

    /// Returns the held commands and bytes.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.commands, self.bytes)
    }
}

#[cfg(test)]
impl super::Base {
    /// Returns the commands and bytes of all tickets, wherever they are.
    pub(crate) fn held_everywhere(&self) -> (usize, usize) {
        let subscriptions = self.clients.iter().filter_map(|client| client.subscriptions.as_ref());
        let pending = subscriptions.filter_map(|subscriptions| subscriptions.pending.as_ref()?.held.as_ref());
        let lanes = self.lanes.iter().map(|lane| &lane.held);
        let tickets = lanes.chain(self.strays.iter().map(|stray| &stray.held)).chain(pending);
        tickets.fold((0, 0), |(commands, bytes), ticket| (commands + ticket.commands, bytes + ticket.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::proxy::ProxyMetrics;

    fn holds(bytes: usize) -> Holds {
        let metrics = ProxyMetrics::new("test", |_| None).worker();
        Holds::new(Arc::new(HoldBudget::new(bytes)), metrics)
    }

    #[test]
    fn what_is_held_is_counted_until_it_is_released() {
        let cost = held_cost(100);
        let mut holds = holds(2 * cost);
        let first = holds.try_hold(100).unwrap();
        let second = holds.try_hold(100).unwrap();
        assert!(holds.try_hold(0).is_none(), "no room");
        assert_eq!(holds.counts(), (2, 2 * cost));
        let late = holds.hold(100);
        assert_eq!((&late, holds.counts()), (&Ticket { commands: 1, bytes: 0 }, (3, 2 * cost)));
        for ticket in [first, late, second] {
            holds.release(ticket);
        }
        assert_eq!((holds.counts(), holds.budget().left()), ((0, 0), 2 * cost));
    }

    #[test]
    fn a_ticket_for_several_is_renewed_as_they_come_and_go() {
        let cost = held_cost(100);
        let mut holds = holds(3 * cost);
        let mut ticket = holds.hold(100);
        ticket.join(holds.hold(100));
        assert_eq!(holds.replace(&mut ticket, 5, 5 * cost), 3);
        assert_eq!(ticket, Ticket { commands: 5, bytes: 3 * cost });
        assert_eq!(holds.replace(&mut ticket, 0, 0), -5);
        assert_eq!((ticket, holds.counts()), (Ticket::default(), (0, 0)));
    }
}
