//! Two sides that get the same lines: a bare server, and the proxy before others.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::common::LIMIT;
use crate::common::conn::Conn;
use crate::episode::{CLIENTS, Step};
use crate::grammar::PARAMETERS;
use crate::looks::names;
use crate::messages::await_messages;
use crate::scripting::loadable;
use crate::session::Session;
use crate::verdict::{Difference, both_agree, told};

/// The addresses of the two sides.
pub(crate) struct Stage {
    pub(crate) bare: SocketAddr,
    pub(crate) through: SocketAddr,
    /// What stands in front of keys and shard channels.
    pub(crate) tags: &'static [&'static str],
}

/// The sessions of one episode, of the bare side and through the proxy.
type Sessions = Vec<[Session; 2]>;

impl Stage {
    /// Returns true if the proxy is in front of a cluster. Messages that were published at several nodes have no order there, and
    /// come some time after the reply to PUBLISH.
    pub(crate) fn is_cluster(&self) -> bool {
        self.tags.len() > 1
    }

    /// Plays the steps to clean servers, and returns the first difference.
    pub(crate) fn play(&self, steps: &[Step]) -> Option<Difference> {
        self.clean();
        let mut sessions: Sessions = (0..=CLIENTS).map(|_| self.open()).collect();
        for (number, step) in steps.iter().enumerate() {
            if let Some(difference) = self.step(number, step, &mut sessions) {
                return Some(difference);
            }
        }
        sessions.iter_mut().find_map(|pair| self.all_told(steps.len(), pair))
    }

    fn clean(&self) {
        for address in [self.bare, self.through] {
            let mut conn = Conn::open(address);
            for line in ["FLUSHALL", "FUNCTION FLUSH", "SCRIPT FLUSH", "CONFIG RESETSTAT"] {
                assert_eq!(conn.call(line), "+OK\r\n", "{line}");
            }
            for script in loadable() {
                assert_eq!(conn.call_args(&["SCRIPT", "LOAD", script])[0], b'$', "{script}");
            }
            for (name, value) in PARAMETERS {
                assert_eq!(conn.call(&format!("CONFIG SET {name} {value}")), "+OK\r\n", "{name}");
            }
        }
        self.settle().unwrap();
    }

    fn open(&self) -> [Session; 2] {
        [self.bare, self.through].map(|address| Session::over(Conn::open(address)))
    }

    fn step(&self, number: usize, step: &Step, sessions: &mut Sessions) -> Option<Difference> {
        let pair = &mut sessions[step.client];
        if self.is_cluster() && step.is_behind_cut {
            await_messages(pair);
        }
        let [bare, through] = pair.each_mut().map(|session| session.run(step));
        let at = (0..bare.len().max(through.len())).find(|at| !both_agree(bare.get(*at), through.get(*at)));
        if let Some(at) = at {
            let name = step.lines.get(at).map_or_else(|| "end".into(), |line| names(&line.args).0);
            let [bare, through] = [bare, through].map(|answers| told(answers.get(at)));
            return Some(Difference { step: number, at, name, bare, through });
        }
        let ended =
            bare.last().is_some_and(|answer| answer.is_err()) || step.lines.iter().any(|line| line.closes);
        let has_changed = pair.iter_mut().any(|session| std::mem::take(&mut session.changed));
        if let Some(difference) = self.misheard(number, pair) {
            return Some(difference);
        }
        let listened = pair[0].listens();
        if ended {
            if let Some(difference) = self.all_told(number, pair) {
                return Some(difference);
            }
            *pair = self.open();
        }
        if has_changed || (ended && listened) {
            let unequal = self.settle().err();
            return unequal.map(|[bare, through]| Difference {
                step: number,
                at: 0,
                name: "counts".into(),
                bare,
                through,
            });
        }
        None
    }

    /// Returns the questions about the numbers of subscribers.
    fn questions(&self) -> impl Iterator<Item = String> {
        let of_shards = self.tags.iter().map(|tag| format!("PUBSUB SHARDNUMSUB {tag}c0 {tag}c1 {tag}c2"));
        ["PUBSUB NUMSUB c0 c1 c2", "PUBSUB NUMPAT"].map(str::to_owned).into_iter().chain(of_shards)
    }

    /// Waits until both sides count the same subscribers: others see a change an instant after the client that made it.
    fn settle(&self) -> Result<(), [String; 2]> {
        let mut conns = [self.bare, self.through].map(Conn::open);
        let deadline = Instant::now() + LIMIT / 4;
        loop {
            let counts = conns
                .each_mut()
                .map(|conn| self.questions().map(|line| conn.call(&line)).collect::<String>());
            if counts[0] == counts[1] {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(counts);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
