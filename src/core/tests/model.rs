//! A model of a server: runs whole commands only, and keeps the books of what ran.
//!
//! Every command bears a number that is found again in its reply, so that no reply can be mistaken for another's.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use crate::resp::reply;
use crate::resp::scan::{RequestScan, Scanned};

/// Numbers of one client are `client * CLIENT + 1, 2, …`.
pub(super) const CLIENT: u64 = 1_000_000;

/// A small generator of numbers: the same seed, the same run.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// What really happened, over all nodes.
#[derive(Default)]
pub(super) struct Truth {
    pub(super) runs: HashMap<u64, u32>,
    /// Commands of which the kernel took every byte.
    pub(super) whole: HashSet<u64>,
    /// The connection on which a WATCH, or the first command of a transaction, ran last.
    pub(super) ran_on: HashMap<u64, u64>,
    /// The latest write of each client that ran for the first time.
    latest: HashMap<u64, u64>,
    /// Writes that ran after a later one of their client.
    pub(super) overtaken: Vec<(u64, u64)>,
}

impl Truth {
    pub(super) fn runs(&self, uid: u64) -> u32 {
        self.runs.get(&uid).copied().unwrap_or_default()
    }

    /// `late`: on a connection that the proxy has given up.
    fn ran(&mut self, uid: u64, connection: u64, ordered: bool, late: bool) {
        let runs = self.runs.entry(uid).or_default();
        *runs += 1;
        if late {
            self.ran_on.entry(uid).or_insert(connection);
        } else {
            self.ran_on.insert(uid, connection);
        }
        if *runs == 1 && ordered && !late {
            let latest = self.latest.entry(uid / CLIENT).or_default();
            if uid < *latest {
                self.overtaken.push((uid, *latest));
            }
            *latest = uid.max(*latest);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Master,
    Replica,
    Loading,
    /// Takes connections and bytes, does nothing.
    Hung,
    /// Puts off every write until it ends, and says so.
    Ending,
    Dead,
}

pub(super) struct Server {
    pub(super) port: u16,
    pub(super) run_id: String,
    pub(super) mood: Mood,
}

type Words = Vec<Vec<u8>>;

/// One connection of the proxy to a server, the server's side.
pub(super) struct Conn {
    pub(super) serial: u64,
    pub(super) port: u16,
    input: Vec<u8>,
    scan: RequestScan,
    queue: VecDeque<Words>,
    pub(super) out: Vec<u8>,
    multi: Option<Vec<Words>>,
    dirty: bool,
    resp3: bool,
    pub(super) names: BTreeSet<Vec<u8>>,
    blocked: Option<Words>,
    /// No more will come after `out`.
    pub(super) ended: bool,
    /// The server has ended in good order.
    pub(super) in_order: bool,
    /// The proxy has closed it.
    pub(super) orphan: bool,
    /// A connection that is to be killed by its number.
    pub(super) kills: Option<u64>,
}

impl Conn {
    pub(super) fn new(serial: u64, port: u16) -> Self {
        Conn {
            serial,
            port,
            input: Vec::new(),
            scan: RequestScan::default(),
            queue: VecDeque::new(),
            out: Vec::new(),
            multi: None,
            dirty: false,
            resp3: false,
            names: BTreeSet::new(),
            blocked: None,
            ended: false,
            in_order: false,
            orphan: false,
            kills: None,
        }
    }

    /// The kernel took these bytes.
    pub(super) fn take(&mut self, bytes: &[u8], truth: &mut Truth) {
        self.input.extend_from_slice(bytes);
        while let Scanned::Complete(len) = self.scan.scan(&self.input, usize::MAX).expect("whole requests") {
            let words: Words = self.scan.request(&self.input, len).args().map(<[u8]>::to_vec).collect();
            self.scan.reset();
            self.input.drain(..len);
            truth.whole.extend(uid(&words));
            self.queue.push_back(words);
        }
    }

    /// As if the time of a blocking command were over.
    pub(super) fn unblock(&mut self) {
        if self.blocked.take().is_some() && !self.ended {
            self.say(if self.resp3 { "_" } else { "*-1" });
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty() || self.blocked.is_some()
    }

    /// Runs one command, if there is one and nothing blocks.
    pub(super) fn run(&mut self, server: &Server, truth: &mut Truth, rng: &mut Rng) {
        if self.ended || matches!(server.mood, Mood::Hung | Mood::Dead) {
            return;
        }
        if let Some(words) = &self.blocked {
            let uid = uid(words).unwrap_or_default();
            if server.mood == Mood::Replica {
                self.out.extend_from_slice(
                    b"-UNBLOCKED force unblock from blocking operation, instance state changed\r\n",
                );
                self.ended = true;
            } else if server.mood != Mood::Ending && rng.chance(20) {
                let words = self.blocked.take().unwrap_or_default();
                truth.ran(uid, self.serial, true, self.orphan);
                reply::array(&mut self.out, 2);
                reply::bulk(&mut self.out, &words[1]);
                reply::bulk(&mut self.out, uid.to_string().as_bytes());
            }
            return;
        }
        if server.mood == Mood::Ending && self.is_put_off() {
            return;
        }
        if let Some(words) = self.queue.pop_front() {
            self.command(words, server, truth);
        }
    }

    /// The next command is a write, or makes some run.
    fn is_put_off(&self) -> bool {
        let writes = |words: &Words| is_write(&words[0].to_ascii_uppercase());
        self.queue.front().is_some_and(|words| {
            let queued = || self.multi.iter().flatten().any(writes);
            writes(words) || words[0].eq_ignore_ascii_case(b"EXEC") && queued()
        })
    }

    pub(super) fn publish(&mut self, rng: &mut Rng) {
        let at = rng.below(self.names.len());
        if let Some(name) = self.names.iter().nth(at) {
            let mut frame = vec![if self.resp3 { b'>' } else { b'*' }];
            frame.extend_from_slice(b"3\r\n");
            let payload = vec![b'm'; if rng.chance(5) { 100_000 } else { 9 }];
            for part in [&b"message"[..], name, &payload] {
                reply::bulk(&mut frame, part);
            }
            self.out.extend(frame);
        }
    }

    fn command(&mut self, words: Words, server: &Server, truth: &mut Truth) {
        let name = words[0].to_ascii_uppercase();
        if let Some(refusal) = refusal(&name, server) {
            self.dirty |= self.multi.is_some();
            return self.say(&format!("-{refusal}"));
        }
        match (name.as_slice(), &mut self.multi) {
            (b"EXEC", _) => self.exec(server, truth),
            (_, Some(queued)) => {
                queued.push(words);
                self.say("+QUEUED");
            }
            (b"MULTI", None) => {
                (self.multi, self.dirty) = (Some(Vec::new()), false);
                self.say("+OK");
            }
            (b"BLPOP", None) => self.blocked = Some(words),
            (b"SUBSCRIBE" | b"UNSUBSCRIBE", None) => self.subscribe(&words),
            (b"HELLO" | b"CLIENT" | b"ROLE" | b"INFO" | b"SELECT" | b"AUTH", None) => {
                self.connection(&name, &words, server);
            }
            (_, None) => self.data(&words, truth),
        }
    }

    fn say(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    fn data(&mut self, words: &Words, truth: &mut Truth) {
        let uid = uid(words);
        if let Some(uid) = uid {
            let ordered = words[0] == b"SET" || words[0] == b"INCR";
            truth.ran(uid, self.serial, ordered, self.orphan);
        }
        let key = words.get(1).map(Vec::as_slice).unwrap_or_default();
        self.out.extend(data_reply(&words[0], key, uid.unwrap_or_default()));
    }

    fn exec(&mut self, server: &Server, truth: &mut Truth) {
        let Some(queued) = self.multi.take() else { return self.say("-ERR EXEC without MULTI") };
        if self.dirty {
            return self.say("-EXECABORT Transaction discarded because of previous errors.");
        }
        if let Some(refusal) = queued.iter().find_map(|words| refusal(&words[0], server)) {
            return self.say(&format!("-EXECABORT Transaction discarded because of: {refusal}"));
        }
        reply::array(&mut self.out, queued.len());
        queued.iter().for_each(|words| self.data(words, truth));
    }

    fn subscribe(&mut self, words: &Words) {
        let adds = words[0].eq_ignore_ascii_case(b"SUBSCRIBE");
        let mut names: Vec<Option<Vec<u8>>> = words[1..].iter().cloned().map(Some).collect();
        if names.is_empty() {
            names = self.names.iter().cloned().map(Some).collect();
        }
        if names.is_empty() {
            names.push(None);
        }
        for name in names {
            match &name {
                Some(name) if adds => drop(self.names.insert(name.clone())),
                Some(name) => drop(self.names.remove(name)),
                None => {}
            }
            self.out.push(if self.resp3 { b'>' } else { b'*' });
            self.say("3");
            reply::bulk(&mut self.out, if adds { b"subscribe" } else { b"unsubscribe" });
            match name {
                Some(name) => reply::bulk(&mut self.out, &name),
                None if self.resp3 => self.say("_"),
                None => self.say("$-1"),
            }
            reply::integer(&mut self.out, self.names.len() as i64);
        }
    }

    fn connection(&mut self, name: &[u8], words: &Words, server: &Server) {
        let word = |index: usize| words.get(index).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
        match name {
            b"HELLO" | b"AUTH" if words.last().is_some_and(|word| word == b"bad") => {
                self.say("-WRONGPASS invalid username-password pair or user is disabled.");
            }
            b"HELLO" => {
                self.resp3 = word(1) == b"3";
                self.say(if self.resp3 { "%1\r\n+server\r\n+model" } else { "*2\r\n+server\r\n+model" });
            }
            b"CLIENT" if word(1) == b"ID" => self.say(&format!(":{}", self.serial)),
            b"CLIENT" if word(1) == b"KILL" => {
                self.kills = std::str::from_utf8(&word(3)).ok().and_then(|id| id.parse().ok());
                self.say(":1");
            }
            b"ROLE" if server.mood == Mood::Replica => {
                self.say("*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:1");
            }
            b"ROLE" => self.say("*3\r\n$6\r\nmaster\r\n:1\r\n*0"),
            b"INFO" => {
                let ends = if server.mood == Mood::Ending { "shutdown_in_milliseconds:9000\r\n" } else { "" };
                let info = format!("# Server\r\nrun_id:{}\r\nio_threads_active:0\r\n{ends}", server.run_id);
                reply::bulk(&mut self.out, info.as_bytes());
            }
            _ => self.say("+OK"),
        }
    }
}

/// The number in a command: behind the colon of its first argument.
pub(super) fn uid(words: &[Vec<u8>]) -> Option<u64> {
    let text = std::str::from_utf8(words.get(1)?).ok()?;
    text.rsplit_once(':').map_or(text, |(_, number)| number).parse().ok().filter(|number| *number > CLIENT)
}

/// The reply to one data command, from which its number can be read.
pub(super) fn data_reply(name: &[u8], key: &[u8], uid: u64) -> Vec<u8> {
    let mut out = Vec::new();
    match name {
        b"SET" | b"WATCH" => reply::simple(&mut out, &format!("OK.{uid}")),
        b"INCR" | b"WAIT" => reply::integer(&mut out, uid as i64),
        b"PING" => reply::simple(&mut out, "PONG"),
        _ if key.starts_with(b"big") => reply::bulk(&mut out, format!("{uid}.").repeat(15_000).as_bytes()),
        _ => reply::bulk(&mut out, uid.to_string().as_bytes()),
    }
    out
}

fn refusal(name: &[u8], server: &Server) -> Option<&'static str> {
    let writes = is_write(name);
    match server.mood {
        Mood::Replica if writes => Some("READONLY You can't write against a read only replica."),
        Mood::Loading if writes || name == b"GET" => Some("LOADING Redis is loading the dataset in memory"),
        Mood::Master | Mood::Ending | Mood::Replica | Mood::Loading | Mood::Hung | Mood::Dead => None,
    }
}

fn is_write(name: &[u8]) -> bool {
    matches!(name, b"SET" | b"INCR" | b"XTAG" | b"BLPOP")
}
