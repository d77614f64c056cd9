//! The numbers of listeners: they are given to the tally of this proxy, and to the nodes by marks.

use crate::client::marks;
use crate::core::base::Base;
use crate::resp::pubsub::{Name, Space};

use super::Hub;
use super::audience::{Audience, Topic};

impl Hub {
    /// Updates the numbers of a topic, after its listeners or the places of its subscription have changed.
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

    /// Updates the numbers of all topics of an audience. A home counts for nothing while it is being replaced, so this
    /// follows each change of the home and of its changeover.
    pub(super) fn recount_all(&mut self, base: &mut Base, index: usize) {
        for (space, name) in self.audiences.get(index).map(Audience::names).unwrap_or_default() {
            self.recount(base, index, space, &name);
        }
    }

    /// Updates at the nodes the marks of all topics whose number of listeners has changed in this turn. If many
    /// clients come in one turn, only the last number is sent.
    pub(crate) fn send_marks(&mut self, base: &mut Base) {
        while let Some((index, space, name)) = self.unmarked.pop() {
            let Some(audience) = self.audiences.get_mut(index) else { continue };
            let changed = audience.update_marks(space, &name);
            audience.drop_unused_topic(space, &name);
            for mark in changed {
                self.sync(base, index, space, &mark);
            }
            self.drop_unused_audience(index);
        }
    }
}
