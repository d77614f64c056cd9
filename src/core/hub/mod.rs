//! Publish and subscribe: which clients listen to what, and which nodes were told so. Each topic is subscribed once
//! at each node that has messages for it, however many clients listen.
//!
//! In reading order: [`audience`] (topics and the clients with a part in them), [`subscribe`] and [`unsubscribe`] (the
//! client's side), [`sync`] (what the nodes are told), [`node`] (what the nodes say, and what follows when one is lost),
//! [`homes`] and [`changeover`] (which node of a cluster sends the messages that all of them have), [`counts`] and [`tally`]
//! (the numbers of listeners), [`order`] (messages before later answers), [`deaf`] (shards whose messages no client hears at the moment).

pub(crate) mod audience;
mod changeover;
mod counts;
pub(crate) mod deaf;
mod homes;
mod keyspace;
mod node;
mod order;
mod subscribe;
mod sync;
pub(crate) mod tally;
#[cfg(test)]
mod tests;
mod unsubscribe;

use std::collections::{BTreeSet, HashMap};

use slab::Slab;

use crate::ids::ClientId;
use crate::reasons::HoldOutcome;
use crate::resp::pubsub::{Name, Space};

use audience::{Audience, AudienceKey};
use order::AnswerOrder;
pub(crate) use subscribe::must_wait_for_confirmation;
use sync::Recheck;
pub(crate) use sync::audience_key;

use super::base::Base;

/// All subscriptions of one worker for one proxy. See the module.
#[derive(Default)]
pub(crate) struct Hub {
    pub(super) audiences: Slab<Audience>,
    pub(super) audience_keys: HashMap<AudienceKey, usize>,
    /// Clients whose SUBSCRIBE is not confirmed.
    pub(super) subscribing: BTreeSet<ClientId>,
    /// Clients whose UNSUBSCRIBE is not confirmed.
    pub(super) unsubscribing: BTreeSet<ClientId>,
    /// Answers that wait for the messages before them.
    pub(super) order: AnswerOrder,
    /// Topics that are to be checked again after a pause.
    rechecks: Vec<Recheck>,
    /// Names whose marks do not agree with the number of their listeners.
    unmarked: Vec<(usize, Space, Name)>,
}

impl Hub {
    /// Does what is due. Returns true if something waits.
    pub(crate) fn tick(&mut self, base: &mut Base) -> bool {
        self.recheck_due(base);
        let waits = self.tick_homes(base) | self.expire_unsubscribes(base) | self.expire_subscribes(base);
        waits || !self.rechecks.is_empty()
    }

    /// Answers all clients that wait, because the proxy stops.
    pub(crate) fn stop(&mut self, base: &mut Base) {
        for id in self.subscribing.clone() {
            self.fail_subscribe(base, id, HoldOutcome::Gone, "the proxy is stopping");
        }
        for id in self.unsubscribing.clone() {
            self.confirm_unsubscribe(base, id);
        }
        self.order.give_all(base);
    }
}
