//! Two sides that get the same lines: a bare server, and the proxy before others.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::common::LIMIT;
use crate::common::compare::How;
use crate::common::conn::Conn;
use crate::episode::{CLIENTS, Step};
use crate::grammar::PARAMETERS;
use crate::line::Line;
use crate::looks::names;
use crate::scripting::loadable;
use crate::session::{Answer, HANGS, Look, Session, elements, is_message};
use crate::verdict::{Difference, agree, shown};

/// The size of a pipeline that is written while its replies are read.
const LARGE: usize = 16 << 10;

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
    fn is_cluster(&self) -> bool {
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

    /// Takes the messages if both have got the same number, and returns those that differ.
    fn misheard(&self, step: usize, pair: &mut [Session; 2]) -> Option<Difference> {
        if pair[0].told.len() != pair[1].told.len() {
            return None;
        }
        let [bare, through] =
            pair.each_mut().map(|session| in_order(std::mem::take(&mut session.told), self.is_cluster()));
        (bare != through).then(|| unlike(step, &bare, &through))
    }

    /// Waits until both sides have told a client everything.
    fn all_told(&self, step: usize, pair: &mut [Session; 2]) -> Option<Difference> {
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

impl Session {
    /// Sends a pipeline and returns the answers; the last one is an error if the connection ended.
    fn run(&mut self, step: &Step) -> Vec<io::Result<Answer>> {
        let bytes: Vec<u8> = step.lines.iter().flat_map(Line::bytes).collect();
        let mut writer = self.conn.writer();
        let mut write = move || bytes.chunks(step.piece).try_for_each(|piece| writer.write_all(piece));
        if step.lines.iter().map(|line| line.args.iter().map(Vec::len).sum::<usize>()).sum::<usize>() < LARGE
        {
            // If the other side has closed, reading says so.
            let _ = write();
            return self.answers(&step.lines);
        }
        std::thread::scope(|scope| {
            scope.spawn(write);
            self.answers(&step.lines)
        })
    }

    fn answers(&mut self, lines: &[Line]) -> Vec<io::Result<Answer>> {
        let mut answers = Vec::new();
        for line in lines {
            answers.push(self.answer(line));
            if answers.last().is_some_and(Result::is_err) {
                break;
            }
        }
        if lines.last().is_some_and(|line| line.closes) && answers.iter().all(Result::is_ok) {
            answers.push(
                self.conn
                    .try_frame()
                    .map(|frame| Answer { frames: vec![frame], look: Look::Whole(How::Exact) }),
            );
        }
        answers
    }
}

/// Returns true if both sides have answered the same, or both have closed the connection.
fn both_agree(bare: Option<&io::Result<Answer>>, through: Option<&io::Result<Answer>>) -> bool {
    match (bare, through) {
        (Some(Ok(bare)), Some(Ok(through))) => agree(bare, through),
        (Some(Err(bare)), Some(Err(through))) => is_end(bare) && is_end(through),
        (None, None) => true,
        _ => false,
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

fn told(answer: Option<&io::Result<Answer>>) -> String {
    match answer {
        Some(Ok(answer)) => shown(&answer.frames),
        Some(Err(error)) => format!("no reply: {error}"),
        None => "nothing more".to_owned(),
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
fn await_messages(pair: &mut [Session; 2]) {
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
