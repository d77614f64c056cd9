//! A model of a server: runs whole commands only, and answers each with the number that it bears.

use crate::core::tests::simulation::{About, CLIENT, Conn, Rng, Run, Truth, Words, uid};
use crate::resp::pubsub::Space;
use crate::resp::reply;

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

#[derive(Default)]
pub(super) struct Session {
    /// The proxy has closed the connection.
    pub(super) is_orphan: bool,
    /// The number of a connection that is to be killed.
    pub(super) kills: Option<u64>,
}

impl Server {
    fn refusal(&self, name: &[u8]) -> Option<&'static str> {
        let writes = is_write(name);
        match self.mood {
            Mood::Replica if writes => Some("READONLY You can't write against a read only replica."),
            Mood::Loading if writes || name == b"GET" => {
                Some("LOADING Redis is loading the dataset in memory")
            }
            Mood::Master | Mood::Ending | Mood::Replica | Mood::Loading | Mood::Hung | Mood::Dead => None,
        }
    }

    fn about(&self) -> About<'_> {
        let (is_replica, is_ending) = (self.mood == Mood::Replica, self.mood == Mood::Ending);
        About { is_replica, run_id: &self.run_id, is_ending }
    }
}

impl Conn<Session> {
    /// Returns true if nothing more runs on it that counts.
    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty() || self.blocked.is_some()
    }

    /// Runs one command, if there is one and nothing blocks.
    pub(super) fn run(&mut self, server: &Server, truth: &mut Truth, rng: &mut Rng) {
        if self.ended || matches!(server.mood, Mood::Hung | Mood::Dead) {
            return;
        }
        if self.blocked.is_some() {
            return self.go_on_blocking(server.mood, truth, rng);
        }
        if server.mood == Mood::Ending && self.is_put_off() {
            return;
        }
        if let Some(words) = self.queue.pop_front() {
            self.command(words, server, truth);
        }
    }

    fn go_on_blocking(&mut self, mood: Mood, truth: &mut Truth, rng: &mut Rng) {
        if mood == Mood::Replica {
            self.say("-UNBLOCKED force unblock from blocking operation, instance state changed");
            self.ended = true;
        } else if mood != Mood::Ending && rng.chance(20) {
            let words = self.blocked.take().unwrap_or_default();
            let uid = self.note_run(&words, truth);
            self.pop(&words, uid);
        }
    }

    /// Returns true if the next command is a write, or makes some run.
    fn is_put_off(&self) -> bool {
        let writes = |words: &Words| is_write(&words[0].to_ascii_uppercase());
        self.queue.front().is_some_and(|words| {
            let queued = || self.multi.iter().flatten().any(writes);
            writes(words) || words[0].eq_ignore_ascii_case(b"EXEC") && queued()
        })
    }

    /// Somebody publishes to one of the channels.
    pub(super) fn publish(&mut self, rng: &mut Rng) {
        let at = rng.below(self.topics.len());
        if let Some((_, channel)) = self.topics.iter().nth(at).cloned() {
            let text = "m".repeat(if rng.chance(5) { 100_000 } else { 9 });
            self.message(Space::Channel, &channel, &text);
        }
    }

    fn command(&mut self, words: Words, server: &Server, truth: &mut Truth) {
        let name = words[0].to_ascii_uppercase();
        if let Some(refusal) = server.refusal(&name) {
            self.dirty |= self.multi.is_some();
            return self.say(&format!("-{refusal}"));
        }
        match (name.as_slice(), &mut self.multi) {
            (b"EXEC", _) => self.exec(server, truth),
            (_, Some(queued)) => {
                queued.push(words);
                self.say("+QUEUED");
            }
            (b"MULTI", None) => self.begin_transaction(),
            (b"BLPOP", None) => self.blocked = Some(words),
            (b"HELLO" | b"CLIENT" | b"ROLE" | b"INFO" | b"SELECT" | b"AUTH" | b"PING", None) => {
                self.own.kills = kill(&words).or(self.own.kills);
                self.about(&words, &server.about());
            }
            (_, None) => {
                if !self.subscribed(&words) {
                    self.data(&words, truth);
                }
            }
        }
    }

    fn note_run(&self, words: &Words, truth: &mut Truth) -> u64 {
        let uid = uid(words).unwrap_or_default();
        // All writes of one client are to run in the order in which it said them.
        let (client, connection) = ((uid / CLIENT).to_be_bytes(), self.serial);
        let order = matches!(words[0].as_slice(), b"SET" | b"INCR" | b"BLPOP").then_some(&client[..]);
        if uid > 0 {
            truth.ran(Run { uid, key: &words[1], order, connection, late: self.own.is_orphan });
        }
        uid
    }

    fn data(&mut self, words: &Words, truth: &mut Truth) {
        let uid = self.note_run(words, truth);
        let word =
            |index: usize| words.get(index).map(|word| String::from_utf8_lossy(word)).unwrap_or_default();
        self.out.extend(data_reply(&word(0), &word(1), uid).bytes());
    }

    fn exec(&mut self, server: &Server, truth: &mut Truth) {
        let Some(queued) = self.end_transaction() else { return };
        if let Some(refusal) = queued.iter().find_map(|words| server.refusal(&words[0])) {
            return self.say(&format!("-EXECABORT Transaction discarded because of: {refusal}"));
        }
        reply::array(&mut self.out, queued.len());
        for words in &queued {
            match words[0].eq_ignore_ascii_case(b"SELECT") {
                true => self.about(words, &server.about()),
                false => self.data(words, truth),
            }
        }
    }
}

/// The number in `CLIENT KILL ID number`.
fn kill(words: &Words) -> Option<u64> {
    let kills = words.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"KILL"));
    std::str::from_utf8(words.get(3).filter(|_| kills)?).ok()?.parse().ok()
}

/// The reply to one data command, from which its number can be read.
pub(super) fn data_reply(name: &str, key: &str, uid: u64) -> String {
    let bulk = |text: String| format!("${}\r\n{text}\r\n", text.len());
    match name {
        "SET" | "WATCH" => format!("+OK.{uid}\r\n"),
        "INCR" | "WAIT" => format!(":{uid}\r\n"),
        _ if key.starts_with("big") => bulk(format!("{uid}.").repeat(15_000)),
        _ => bulk(uid.to_string()),
    }
}

fn is_write(name: &[u8]) -> bool {
    matches!(name, b"SET" | b"INCR" | b"XTAG" | b"BLPOP" | b"CONFIG")
}
