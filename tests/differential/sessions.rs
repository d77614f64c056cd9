//! What a client says about its session: subscriptions, versions of the protocol, names, replies that are off; and its faults.

use crate::grammar::CHANNELS;
use crate::line::Line;
use crate::scripting::loadable;
use crate::stories::{Author, Writing};

impl Writing<'_> {
    pub(crate) fn subscribe(&mut self, author: &mut Author) {
        author.listens = true;
        let name = self.random.of(&["SUBSCRIBE", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"]);
        let mut text = name.to_owned();
        for _ in 0..1 + self.random.below(3) {
            text += " ";
            if name == "SSUBSCRIBE" {
                text += self.tag;
            }
            text += if name == "PSUBSCRIBE" {
                self.random.of(&["c*", "c?", "c1"])
            } else {
                self.random.of(&CHANNELS)
            };
        }
        self.say(&text);
        for _ in 0..self.random.below(3) {
            self.one_of(&["PING", "PING x", "PING x y", "SUBSCRIBE", "GET s0", "MULTI", "DISCARD", "ECHO x"]);
        }
        self.say("DISCARD");
    }

    /// Ends subscriptions, once the messages under way are there.
    pub(crate) fn leave(&mut self, author: &mut Author) {
        self.say("DISCARD");
        self.say("PING");
        self.cut();
        let one = self.random.of(&[
            "UNSUBSCRIBE c0",
            "UNSUBSCRIBE c1 c2",
            "PUNSUBSCRIBE c*",
            "SUNSUBSCRIBE",
            "UNSUBSCRIBE nosuch",
        ]);
        self.say(one);
        if self.random.chance(60) {
            ["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"].iter().for_each(|all| self.say(all));
            author.listens = false;
        }
    }

    pub(crate) fn session(&mut self, author: &mut Author) {
        match self.random.below(8) {
            0 => self.say("HELLO 2"),
            1 | 2 => self.say("HELLO 3"),
            3 => self.one_of(&[
                "HELLO",
                "HELLO 1",
                "HELLO x",
                "HELLO 3 SETNAME me",
                "HELLO 2 AUTH default x",
                "HELLO 4",
            ]),
            4 => self.reset(author),
            5 => self.one_of(&["AUTH x", "AUTH default x", "AUTH nosuch x", "AUTH", "AUTH a b c"]),
            6 => self.one_of(&["CLIENT SETNAME me", "CLIENT GETNAME", "CLIENT SETNAME ", "CLIENT GETREDIR"]),
            _ => self.select(),
        }
    }

    /// Ends everything that the client has set up, once the messages under way are there.
    fn reset(&mut self, author: &mut Author) {
        self.say("PING");
        self.cut();
        if self.random.chance(30) {
            self.say("MULTI");
            self.say("GET s0");
        }
        self.say("RESET");
        author.listens = false;
    }

    /// Turns replies off for some commands, in one pipeline: before the next reply nobody knows whether they have run.
    pub(crate) fn without_replies(&mut self, author: &Author) {
        if author.listens {
            return;
        }
        let start = self.lines.len() + 1;
        match self.random.chance(50) {
            true => self.skip_a_reply(),
            false => self.turn_replies_off(),
        }
        self.lines[start..].iter_mut().for_each(|line| line.glued = true);
    }

    fn skip_a_reply(&mut self) {
        self.say("CLIENT REPLY SKIP");
        self.quiet();
        self.say("PING");
    }

    fn turn_replies_off(&mut self) {
        self.say("CLIENT REPLY OFF");
        (0..self.random.below(4)).for_each(|_| self.quiet());
        if self.random.chance(30) {
            self.say("MULTI");
            (0..self.random.below(3)).for_each(|_| self.quiet());
            self.say("EXEC");
        }
        self.say("CLIENT REPLY ON");
    }

    /// Adds a command that changes nothing of the session.
    fn quiet(&mut self) {
        let name = self.random.of(&[
            "SET {} 1",
            "GET {}",
            "LPUSH {} a b",
            "HGETALL {}",
            "DEL {}",
            "NOSUCH {}",
            "GET {} x",
            "INCR {}",
        ]);
        let text = name.replace("{}", &self.key());
        self.say(&text);
    }

    pub(crate) fn odd(&mut self) {
        match self.random.below(9) {
            8 => self.load_scripts_again(),
            0 => self.one_of(&["NOSUCH", "nosuch a b c", "CONFIG NOSUCH", "OBJECT NOSUCH s0", "XGROUP"]),
            1 => self.one_of(&["EXEC", "DISCARD", "MULTI x", "WATCH", "UNWATCH x", "EXEC x"]),
            2 => self.lines.push(Line::raw(b"\r\n", true)),
            3 => self.lines.push(Line::raw(b"*0\r\n", true)),
            4 => self.lines.push(Line::raw(b"*-1\r\n", true)),
            5 => self.lines.push(Line::raw(b"  PING   \"a\\x00b\"  \r\n", false)),
            6 => self.one_of(&["RESET x", "CLIENT NOSUCH", "CLIENT KILL 1.2.3.4:5", "CLIENT KILL ID 0"]),
            _ => self.lines.push(Line::raw(b"GET s0\n", false)),
        }
    }

    fn load_scripts_again(&mut self) {
        self.say("SCRIPT FLUSH");
        for script in loadable() {
            let args = ["SCRIPT", "LOAD", script].map(|word| word.as_bytes().to_vec()).to_vec();
            self.lines.push(Line { glued: true, ..Line::of(args) });
        }
    }

    /// Ends the connection, once the messages under way are there.
    pub(crate) fn end(&mut self, author: &mut Author) {
        author.listens = false;
        self.say("PING");
        self.cut();
        match self.random.below(7) {
            0 => self.lines.push(Line::raw(b"*1\r\n+PING\r\n", false)),
            1 => self.lines.push(Line::raw(b"*x\r\n", false)),
            2 => self.lines.push(Line::raw(b"*1\r\n$-5\r\n", false)),
            3 => self.lines.push(Line::raw(b"GET \"unbalanced\r\n", false)),
            4 => self.say("QUIT x y"),
            _ => self.say("QUIT"),
        }
        self.lines.last_mut().unwrap().closes = true;
        self.cut();
    }

    /// Lets a pipeline end here. In front of the next one all messages are there.
    fn cut(&mut self) {
        self.lines.last_mut().unwrap().cut = true;
    }
}
