//! The subscribers: what they say. What they may hear is the same for whoever listens.

use crate::core::tests::simulation::{Asked, Confirmations, Expect, Moment, Person, Script};
use std::convert::Infallible;

use super::NAMES;

#[derive(Default)]
pub(super) struct Listener;

impl Script for Listener {
    /// No command reaches a node.
    type Answer = Infallible;

    fn enter(person: &mut Person<Self>, at: &mut Moment<'_>) {
        if at.rng.chance(40) {
            person.ask(&["HELLO", "3"], Expect::Hello(3), at);
        }
    }

    fn act(person: &mut Person<Self>, at: &mut Moment<'_>) {
        if person.expects.len() > 3 || !at.rng.chance(12) {
            return;
        }
        let ((space, all), subscribes) = (at.rng.one_of(&NAMES), at.rng.chance(60));
        let names = (0..1 + at.rng.below(3)).map(|_| at.rng.one_of(all).to_owned()).collect();
        person.listen(Confirmations { space, subscribes, names, ordered: true }, at);
    }

    fn answered(_: &mut Person<Self>, _: &Asked, answer: Infallible, _: &str) {
        match answer {}
    }
}
