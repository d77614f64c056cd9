//! The messages of channels that both sides have told a client.

use std::time::{Duration, Instant};

use crate::common::LIMIT;
use crate::session::{HANGS, Session, elements, is_message};
use crate::stage::Stage;
use crate::verdict::{Difference, shown};

impl Stage {
    /// Takes the messages if both have got the same number, and returns those that differ.
    pub(crate) fn misheard(&self, step: usize, pair: &mut [Session; 2]) -> Option<Difference> {
        if pair[0].told.len() != pair[1].told.len() {
            return None;
        }
        let [bare, through] =
            pair.each_mut().map(|session| in_order(std::mem::take(&mut session.told), self.is_cluster()));
        (bare != through).then(|| unlike(step, &bare, &through))
    }

    /// Waits until both sides have told a client everything.
    pub(crate) fn all_told(&self, step: usize, pair: &mut [Session; 2]) -> Option<Difference> {
        let difference = self.misheard(step, pair);
        if difference.is_some() || pair.iter().all(|session| session.told.is_empty()) {
            return difference;
        }
        pair.iter_mut().for_each(|session| session.listen(Duration::from_millis(500)));
        self.misheard(step, pair).or_else(|| {
            let [bare, through] = pair.each_ref().map(|session| &session.told);
            (!bare.is_empty() || !through.is_empty()).then(|| unlike(step, bare, through))
        })
    }
}

fn unlike(step: usize, bare: &[Vec<u8>], through: &[Vec<u8>]) -> Difference {
    Difference { step, at: 0, name: "messages".into(), bare: shown(bare), through: shown(through) }
}

/// Sorts the copies of one message for several patterns, which come in any order, or all messages.
fn in_order(mut told: Vec<Vec<u8>>, all: bool) -> Vec<Vec<u8>> {
    let text =
        |frame: &Vec<u8>| elements(frame).into_iter().rev().take(2).map(<[u8]>::to_vec).collect::<Vec<_>>();
    told.chunk_by_mut(|one, other| all || text(one) == text(other)).for_each(<[Vec<u8>]>::sort);
    told
}

/// Waits until a client has got as many messages through the proxy as from the bare server.
pub(crate) fn await_messages(pair: &mut [Session; 2]) {
    let [bare, through] = pair;
    let deadline = Instant::now() + LIMIT / 4;
    while through.told.len() < bare.told.len() && Instant::now() < deadline {
        through.listen(Duration::from_millis(2));
    }
}

impl Session {
    /// Reads messages until none comes for a moment.
    fn listen(&mut self, moment: Duration) {
        self.conn.patience(moment);
        while let Ok(frame) = self.conn.try_frame() {
            if is_message(&frame) {
                self.told.push(frame);
            }
        }
        self.conn.patience(HANGS);
    }
}
