//! What a node of the modelled cluster does with the commands of one connection.

use std::collections::HashMap;

use crate::core::tests::simulation::{About, Conn, Rng, Run, Truth, Words, uid};
use crate::resp::reply;

use super::nodes::{Key, Model, Mood, keys, place};

#[derive(Default)]
pub(super) struct Session {
    /// ASKING was said.
    asking: bool,
    /// Watched keys with their versions.
    watched: HashMap<Key, u64>,
}

impl Conn<Session> {
    /// Runs one command, if there is one and nothing blocks.
    pub(super) fn run(&mut self, model: &mut Model, truth: &mut Truth, rng: &mut Rng) {
        if self.ended || model.mood(self.port) != Mood::Up {
            return;
        }
        if let Some(words) = self.blocked.take() {
            return self.go_on_blocking(words, model, truth, rng);
        }
        if let Some(words) = self.queue.pop_front() {
            self.command(words, model, truth, rng);
        }
    }

    fn go_on_blocking(&mut self, words: Words, model: &Model, truth: &mut Truth, rng: &mut Rng) {
        let refusal = model.refusal(self.port, &words, true, rng).filter(|text| text.contains("MOVED"));
        if let Some(refusal) = refusal {
            self.say(&refusal);
        } else if rng.chance(20) {
            let uid = self.note_run(&words, &words[1], truth);
            self.pop(&words, uid);
        } else {
            self.blocked = Some(words);
        }
    }

    /// Writes to one key are to run in the order in which they were said.
    fn note_run(&self, words: &Words, key: &[u8], truth: &mut Truth) -> u64 {
        let uid = uid(words).expect("a number");
        truth.ran(Run { uid, key, order: Some(key), connection: self.serial, late: false });
        uid
    }

    fn command(&mut self, words: Words, model: &mut Model, truth: &mut Truth, rng: &mut Rng) {
        let name = words[0].to_ascii_uppercase();
        match name.as_slice() {
            b"EXEC" => return self.exec(model, truth, rng),
            b"MULTI" => return self.begin_transaction(),
            b"ASKING" => {
                self.own.asking = true;
                return self.say("+OK");
            }
            _ => {}
        }
        let asked = if self.multi.is_some() { self.own.asking } else { std::mem::take(&mut self.own.asking) };
        if let Some(refusal) = model.refusal(self.port, &words, asked, rng) {
            self.dirty |= self.multi.is_some();
            return self.say(&refusal);
        }
        match &mut self.multi {
            Some(queued) => {
                queued.push(words);
                self.say("+QUEUED");
            }
            None if name == b"BLPOP" => self.blocked = Some(words),
            None if name == b"WATCH" => self.watch(&words, model, truth),
            None => self.data(&words, model, truth),
        }
    }

    fn watch(&mut self, words: &Words, model: &Model, truth: &mut Truth) {
        let uid = self.note_run(words, &words[1], truth);
        self.own.watched.insert(words[1].clone(), model.version(&words[1]));
        self.say(&format!("+OK.{uid}"));
    }

    fn exec(&mut self, model: &mut Model, truth: &mut Truth, rng: &mut Rng) {
        let Session { asking, watched } = std::mem::take(&mut self.own);
        let Some(queued) = self.end_transaction() else { return };
        // The keys of all commands count as those of one.
        let mut all: Words = vec![b"MGET".to_vec()];
        all.extend(queued.iter().flat_map(|words| keys(words).into_iter().cloned()));
        if let Some(refusal) = model.refusal(self.port, &all, asking, rng) {
            return self.say(&refusal);
        }
        if watched.iter().any(|(key, version)| model.version(key) != *version) {
            return self.say("*-1");
        }
        reply::array(&mut self.out, queued.len());
        queued.iter().for_each(|words| self.data(words, model, truth));
    }

    fn data(&mut self, words: &Words, model: &mut Model, truth: &mut Truth) {
        let (shard, node) = place(self.port);
        match words[0].to_ascii_uppercase().as_slice() {
            b"SET" | b"RPUSH" | b"MSET" => self.write(words, model, truth),
            b"GET" => self.value(&words[1], model),
            b"MGET" => {
                reply::array(&mut self.out, words.len() - 1);
                words[1..].iter().for_each(|key| self.value(key, model));
            }
            b"DEL" => {
                let count = words[1..].iter().filter(|key| model.touch(shard, key, None)).count();
                self.say(&format!(":{count}"));
            }
            b"DBSIZE" => self.say(&format!(":{}", 100u64.pow(shard as u32))),
            b"SCAN" => self.say("*2\r\n$1\r\n0\r\n*0"),
            _ => {
                let is_replica = model.shards[shard].master != node;
                self.about(words, &About { is_replica, run_id: "run", is_ending: false });
            }
        }
    }

    fn write(&mut self, words: &Words, model: &mut Model, truth: &mut Truth) {
        let (shard, _) = place(self.port);
        let mut uid = 0;
        for key in keys(words) {
            uid = self.note_run(words, key, truth);
            model.touch(shard, key, Some(uid));
        }
        self.say(&if words[0] == b"RPUSH" { format!(":{uid}") } else { format!("+OK.{uid}") });
    }

    fn value(&mut self, key: &Key, model: &Model) {
        let (shard, _) = place(self.port);
        let value = model.value(shard, key);
        reply::bulk(&mut self.out, format!("{}={value}", String::from_utf8_lossy(key)).as_bytes());
    }
}
