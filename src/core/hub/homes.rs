//! The home of an audience: the shard whose node sends it the messages that every node of a cluster has. The home
//! moves when it has no node, when its node fails, and when the node is no master any more.
//!
//! As long as the former node still sends everything, the home moves only after another node does so as well. Then
//! nothing is missed, and no client has to be told.

use crate::core::base::Base;
use crate::failover::Loss;
use crate::ids::LaneId;
use crate::node::lane::{Lane, Use};
use crate::resp::pubsub::{Event, event};

use super::Hub;
use super::audience::{Audience, Reach};
use super::changeover::{Changeover, ChangeoverFacts, ChangeoverStep};
use super::order::ping_listening;

impl Hub {
    /// Applies a new topology: homes move to shards with a node, topics of slots to the slots' owners.
    pub(crate) fn follow_topology(&mut self, base: &mut Base, owners: bool) {
        for index in self.audiences.iter().map(|(index, _)| index).collect::<Vec<_>>() {
            let moves = self.move_home(base, index, None);
            if moves || owners {
                self.sync_all(base, index);
            } else {
                self.notify_all_waiting(base, index);
            }
        }
    }

    /// Moves the home if the present one has no node, or is to be avoided. Returns true if anything has changed.
    fn move_home(&mut self, base: &mut Base, index: usize, avoid: Option<u16>) -> bool {
        if self.is_changing_over(base, index) {
            return false;
        }
        let Some(next) = self.next_home(base, index, avoid) else { return false };
        let tells_on = avoid.is_none() && self.is_home_heard(base, index);
        match self.audiences.get_mut(index) {
            Some(audience) if !tells_on => {
                (audience.home, audience.changeover) = (next, None);
                self.recount_all(base, index);
            }
            Some(_) => self.start_changeover(base, index, next),
            None => {}
        }
        true
    }

    fn start_changeover(&mut self, base: &mut Base, index: usize, next: u16) {
        let now = base.now;
        let Some(audience) = self.audiences.get_mut(index) else { return };
        audience.changeover = Some(Box::new(Changeover::new(next, now)));
        base.tick_soon = true;
        self.recount_all(base, index);
    }

    /// Returns a better home than the present one, if there is any.
    fn next_home(&self, base: &Base, index: usize, avoid: Option<u16>) -> Option<u16> {
        let (audience, map) = self.audiences.get(index).zip(base.shards.owners().cluster())?;
        let lane = |shard: &u16| listening_at(base, audience, *shard);
        let is_open = |shard: &u16| base.shards.is_open(*shard, Use::Listening);
        let is_good = |shard: &u16| {
            let failed = lane(shard).is_some_and(|lane| lane.failures > 0);
            is_open(shard) && !failed && !base.shards.is_failing(*shard)
        };
        // A shard whose node failed some time ago is worth another attempt if nothing better is known.
        let is_fair =
            |shard: &u16| is_open(shard) && lane(shard).is_none_or(|lane| !lane.is_backing_off(base.now));
        let home = audience.home;
        let known = map.shards().any(|shard| shard == home);
        let stays = known && is_open(&home) && avoid != Some(home);
        if stays && is_good(&home) {
            return None;
        }
        let behind = map.shards().skip_while(|shard| *shard != home).skip(1);
        let others = || behind.clone().chain(map.shards()).filter(|shard| *shard != home);
        let fair = || others().find(is_fair).filter(|_| !stays);
        others().find(is_good).or_else(fair).or_else(|| map.shards().next().filter(|_| !known))
    }

    /// Returns true if the home's node is connected and sends messages, and the cluster still has the shard.
    fn is_home_heard(&self, base: &Base, index: usize) -> bool {
        let Some((audience, map)) = self.audiences.get(index).zip(base.shards.owners().cluster()) else {
            return false;
        };
        let lane = listening_at(base, audience, audience.home);
        let tells = lane.is_some_and(|lane| lane.link.is_up() && lane.link.silent().is_none());
        tells && map.shards().any(|shard| shard == audience.home)
    }

    /// Returns true if the audience is changing over to a home that still has a node.
    fn is_changing_over(&self, base: &Base, index: usize) -> bool {
        let to = self.audiences.get(index).and_then(Audience::next_home);
        to.is_some_and(|to| base.shards.is_open(to, Use::Listening)) && self.is_home_heard(base, index)
    }

    /// Starts to leave this lane's node, which is no master any more. Returns false if it cannot be heard on until then.
    pub(super) fn leave_gradually(&mut self, base: &mut Base, id: LaneId) -> bool {
        let Some((index, shard)) = base.audience_at(id) else { return false };
        let Some(audience) = self.audiences.get(index) else { return false };
        let is_of_shard = |reach| self.shards_for(base, audience, reach).contains(&shard);
        // Messages that only this shard's nodes have are to be heard from its master.
        let owns =
            audience.reaches_everywhere() || audience.slots().any(|slot| is_of_shard(Reach::Slot(slot)));
        if audience.home != shard || owns || !audience.reaches_home() || !self.is_home_heard(base, index) {
            return false;
        }
        if self.is_changing_over(base, index) {
            return true;
        }
        let Some(next) = self.next_home(base, index, Some(shard)) else { return false };
        self.start_changeover(base, index, next);
        true
    }

    /// Takes the next step of all changeovers. Returns true if there are any.
    pub(super) fn tick_homes(&mut self, base: &mut Base) -> bool {
        let moving = self.audiences.iter().filter(|(_, audience)| audience.changeover.is_some());
        let moving: Vec<usize> = moving.map(|(index, _)| index).collect();
        for index in &moving {
            self.step_changeover(base, *index);
        }
        !moving.is_empty()
    }

    fn step_changeover(&mut self, base: &mut Base, index: usize) {
        let Some(audience) = self.audiences.get(index) else { return };
        let to = audience.next_home().unwrap_or(audience.home);
        let heard = |shard| listening_at(base, audience, shard).map_or(0, |lane| lane.heard);
        let facts = ChangeoverFacts {
            now: base.now,
            confirmed: audience.has_confirmed_all(to),
            heard: heard(audience.home).min(heard(to)),
            patience: base.settings.node_timeout,
        };
        let lanes = [audience.home, to].map(|shard| audience.lanes.get(&shard).copied());
        let changeover = self.audiences.get_mut(index).and_then(|audience| audience.changeover.as_mut());
        match changeover.map_or(ChangeoverStep::Wait, |changeover| changeover.next_step(facts)) {
            ChangeoverStep::Wait => {}
            ChangeoverStep::Ask => self.sync_all(base, index),
            ChangeoverStep::Ping => lanes.into_iter().flatten().for_each(|id| ping_listening(base, id, None)),
            ChangeoverStep::TakeOver => self.finish_changeover(base, index, to),
            ChangeoverStep::GiveUp => self.give_up_changeover(base, index),
            ChangeoverStep::End => self.end_changeover(index),
        }
    }

    fn end_changeover(&mut self, index: usize) {
        if let Some(audience) = self.audiences.get_mut(index) {
            audience.changeover = None;
        }
    }

    /// Gives up a changeover. The former home is kept if its node is still the master; otherwise its loss tells the
    /// clients that messages may be missed.
    fn give_up_changeover(&mut self, base: &mut Base, index: usize) {
        let Some(audience) = self.audiences.get_mut(index) else { return };
        let (home, next) = (audience.home, audience.next_home());
        let Some(former) = audience.lanes.get(&home).copied() else { return };
        let current = base.lane(former).and_then(|lane| lane.link.target()).cloned();
        if !current.is_some_and(|current| base.shards.gate(home, Use::Listening).leads_to(&current)) {
            return self.lose(base, former, Loss::Demoted);
        }
        if let Some(next) = next {
            self.cancel_changeover_to(base, index, next);
            self.sync_all(base, index);
        }
    }

    fn finish_changeover(&mut self, base: &mut Base, index: usize, to: u16) {
        let now = base.now;
        let Some(audience) = self.audiences.get_mut(index) else { return };
        let former = audience.lanes.get(&audience.home).copied();
        audience.home = to;
        let waiting = audience.changeover.as_mut().map(|changeover| changeover.take_over(now));
        self.recount_all(base, index);
        for message in waiting.into_iter().flatten() {
            if let Event::Message { space, name, .. } = event(&message) {
                self.forward(base, index, space, name, &message);
            }
        }
        self.sync_all(base, index);
        if let Some(former) = former {
            // This closes the connection if its node is no master any more.
            self.follow_gate(base, former);
        }
    }

    /// Cancels the changeover if it leads to this home. Returns true if it does.
    pub(super) fn cancel_changeover_to(&mut self, base: &mut Base, index: usize, shard: u16) -> bool {
        let was_next = |audience: &&mut Audience| audience.next_home() == Some(shard);
        let Some(audience) = self.audiences.get_mut(index).filter(was_next) else { return false };
        audience.changeover = None;
        self.recount_all(base, index);
        true
    }

    /// Looks for another next home, after the one that was chosen is lost.
    pub(super) fn replace_next_home(&mut self, base: &mut Base, index: usize) {
        let home = self.audiences.get(index).and_then(|audience| audience.lanes.get(&audience.home)).copied();
        if self.move_home(base, index, None) {
            self.sync_all(base, index);
        }
        if let Some(home) = home {
            self.follow_gate(base, home);
        }
    }

    /// Replaces the home of the audience if this shard, whose node is lost, was the home.
    pub(super) fn replace_lost_home(&mut self, base: &mut Base, index: usize, shard: u16) {
        let Some(audience) = self.audiences.get(index).filter(|audience| audience.home == shard) else {
            return;
        };
        let next = audience.next_home();
        match next.filter(|next| audience.lanes.get(next).is_some_and(|lane| base.is_open(*lane))) {
            Some(next) => self.finish_changeover(base, index, next),
            None if self.move_home(base, index, Some(shard)) => self.sync_all(base, index),
            None => {}
        }
    }
}

fn listening_at<'a>(base: &'a Base, audience: &Audience, shard: u16) -> Option<&'a Lane> {
    let id = audience.lanes.get(&shard)?;
    base.lanes.get(*id)
}
