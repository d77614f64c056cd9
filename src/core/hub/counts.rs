//! The numbers of listeners: told to the tally of this proxy, and to the nodes by marks.

use crate::client::marks;
use crate::core::base::Base;
use crate::resp::pubsub::{Name, Space};

use super::Hub;
use super::audience::Topic;

impl Hub {
    /// The audience has other listeners of a name than before, or is subscribed to it elsewhere.
    pub(super) fn recount(&mut self, base: &mut Base, index: usize, space: Space, name: &Name) {
        if marks::base(name).is_some() {
            return;
        }
        let worker = base.shards.spread();
        let Some(audience) = self.audiences.get(index) else { return };
        let (clients, shards) = audience.standing(space, name);
        base.settings.tally.set((worker, index), space, name, clients, shards);
        if audience.topic(space, name).is_some_and(Topic::is_marked_wrongly) {
            self.unmarked.push((index, space, name.clone()));
        }
    }

    /// Tells the nodes of the numbers that this turn has changed: of a crowd that comes at once, the last one.
    pub(crate) fn mark_all(&mut self, base: &mut Base) {
        while let Some((index, space, name)) = self.unmarked.pop() {
            let Some(audience) = self.audiences.get_mut(index) else { continue };
            for mark in audience.remark(space, &name) {
                self.sync(base, index, space, &mark);
            }
        }
    }
}
