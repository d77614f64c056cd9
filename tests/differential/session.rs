//! One client's connection to one side: sends its lines, and knows which frames answer which of them.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use crate::common::compare::How;
use crate::common::conn::{Conn, frame_end};
use crate::line::Line;
use crate::looks::{how, names};

/// How the frames that answer a command are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Whole(How),
    /// The elements of the one frame, each in its own way.
    Each(Vec<How>),
    /// Confirmations in any order.
    Names,
}

/// The frames that answer one command.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) look: Look,
}

/// A reply that takes longer does not come. Commands that wait are made to wait for 2 ms.
pub(crate) const HANGS: Duration = Duration::from_secs(8);

/// One connection, and what is known of its session from the replies.
pub(crate) struct Session {
    pub(crate) conn: Conn,
    /// The commands of a transaction that were queued.
    queued: Option<Vec<Vec<Vec<u8>>>>,
    /// Replies are off.
    off: bool,
    /// The next reply is left out.
    skip: bool,
    resp3: bool,
    /// Channels, patterns and shard channels, each with its kind.
    subscriptions: BTreeSet<(String, Vec<u8>)>,
    /// The messages that came, in their order.
    pub(crate) told: Vec<Vec<u8>>,
    /// The subscriptions have changed since this was last cleared.
    pub(crate) changed: bool,
}

impl Session {
    pub(crate) fn over(conn: Conn) -> Self {
        conn.patience(HANGS);
        Self {
            conn,
            queued: None,
            off: false,
            skip: false,
            resp3: false,
            subscriptions: BTreeSet::new(),
            told: Vec::new(),
            changed: false,
        }
    }

    /// Returns true if other clients could count it.
    pub(crate) fn listens(&self) -> bool {
        !self.subscriptions.is_empty()
    }

    /// Returns the answer to the next line.
    pub(crate) fn answer(&mut self, line: &Line) -> io::Result<Answer> {
        let none = Answer { frames: Vec::new(), look: Look::Whole(How::Exact) };
        let (name, both) = names(&line.args);
        let in_transaction = self.queued.is_some();
        let about_replies =
            both == "client|reply" && line.args.len() == 3 && !in_transaction && !self.is_restricted();
        if line.silent || (about_replies && self.is_quiet_after(&line.args[2])) {
            return Ok(none);
        }
        if !about_replies && (self.off || std::mem::take(&mut self.skip)) {
            return Ok(none);
        }
        if !in_transaction && let Some(kind) = name.strip_suffix("subscribe") {
            return self.confirmations(kind, &line.args);
        }
        let frame = self.frame()?;
        let look = self.learn(&name, line, &frame);
        Ok(Answer { frames: vec![frame], look })
    }

    /// Applies CLIENT REPLY, and returns true if it is not answered.
    fn is_quiet_after(&mut self, mode: &[u8]) -> bool {
        match mode.to_ascii_lowercase().as_slice() {
            b"on" => (self.off, self.skip) = (false, false),
            b"off" => self.off = true,
            b"skip" => self.skip = !self.off,
            _ => return self.off || std::mem::take(&mut self.skip),
        }
        !mode.eq_ignore_ascii_case(b"on")
    }

    /// Returns true if only commands about subscriptions are allowed.
    fn is_restricted(&self) -> bool {
        !self.resp3 && !self.subscriptions.is_empty()
    }

    /// Returns the next frame that is no message.
    fn frame(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let frame = self.conn.try_frame()?;
            if !is_message(&frame) {
                return Ok(frame);
            }
            self.told.push(frame);
        }
    }

    /// Returns the confirmations of a command about subscriptions; `kind` is what its name begins with, such as `pun`.
    fn confirmations(&mut self, kind: &str, args: &[Vec<u8>]) -> io::Result<Answer> {
        let first = self.frame()?;
        let of = kind.strip_suffix("un");
        let is_error = first.starts_with(b"-");
        let open = self.subscriptions.iter().filter(|(known, _)| Some(known.as_str()) == of).count();
        let count = match args.len() - 1 {
            _ if is_error => 1,
            0 => open.max(1),
            names => names,
        };
        let look =
            if args.len() == 1 && of.is_some() && !is_error { Look::Names } else { Look::Whole(How::Exact) };
        let mut frames = vec![first];
        for _ in 1..count {
            frames.push(self.frame()?);
        }
        frames.iter().for_each(|frame| self.confirmed(frame));
        Ok(Answer { frames, look })
    }

    /// Learns from the confirmation of a subscription or of its end.
    fn confirmed(&mut self, frame: &[u8]) {
        let parts = elements(frame);
        let [kind, name, ..] = parts.as_slice() else { return };
        let kind = String::from_utf8_lossy(kind).split("\r\n").nth(1).unwrap_or_default().to_owned();
        let Some(of) = kind.strip_suffix("subscribe") else { return };
        self.changed = true;
        match of.strip_suffix("un") {
            Some(of) => drop(self.subscriptions.remove(&(of.to_owned(), name.to_vec()))),
            None => drop(self.subscriptions.insert((of.to_owned(), name.to_vec()))),
        }
    }

    /// Learns what a reply says about the session, and returns how the reply is compared.
    fn learn(&mut self, name: &str, line: &Line, frame: &[u8]) -> Look {
        if frame == b"+QUEUED\r\n"
            && let Some(queued) = &mut self.queued
        {
            queued.push(line.args.clone());
            return Look::Whole(How::Exact);
        }
        match (name, frame[0]) {
            ("multi", b'+') => self.queued = Some(Vec::new()),
            ("discard", b'+') => self.queued = None,
            ("reset", b'+') => self.forget(),
            ("hello", kind @ (b'%' | b'*')) => self.resp3 = kind == b'%',
            ("exec", _) => return self.executed(frame),
            _ => {}
        }
        Look::Whole(how(&line.args))
    }

    fn forget(&mut self) {
        self.changed |= self.listens();
        (self.queued, self.off, self.skip, self.resp3) = (None, false, false, false);
        self.subscriptions.clear();
    }

    fn executed(&mut self, frame: &[u8]) -> Look {
        let queued = self.queued.take().unwrap_or_default();
        let parts = elements(frame);
        if parts.len() != queued.len() {
            return Look::Whole(How::Exact);
        }
        for (args, part) in queued.iter().zip(parts) {
            match names(args).0.as_str() {
                "hello" if matches!(part[0], b'%' | b'*') => self.resp3 = part[0] == b'%',
                name if name.ends_with("subscribe") => self.confirmed(part),
                _ => {}
            }
        }
        Look::Each(queued.iter().map(|args| how(args)).collect())
    }
}

/// Returns true if a frame is a message of a channel.
pub(crate) fn is_message(frame: &[u8]) -> bool {
    let kinds: [&[u8]; 3] =
        [b"3\r\n$7\r\nmessage\r\n", b"4\r\n$8\r\npmessage\r\n", b"3\r\n$8\r\nsmessage\r\n"];
    matches!(frame[0], b'*' | b'>') && kinds.iter().any(|kind| frame[1..].starts_with(kind))
}

/// Returns the elements of an array or a push, as they came.
pub(crate) fn elements(frame: &[u8]) -> Vec<&[u8]> {
    let Some(end) = frame.windows(2).position(|pair| pair == b"\r\n") else { return Vec::new() };
    let count = std::str::from_utf8(&frame[1..end]).ok().and_then(|count| count.parse::<i64>().ok());
    if !matches!(frame[0], b'*' | b'>' | b'~') {
        return Vec::new();
    }
    let (mut at, mut parts) = (end + 2, Vec::new());
    for _ in 0..count.unwrap_or_default() {
        let next = frame_end(frame, at).unwrap();
        parts.push(&frame[at..next]);
        at = next;
    }
    parts
}
