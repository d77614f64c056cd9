//! Writes the replies about commands, in either protocol version.

use crate::resp::reply::{self, Proto};

/// Appends values to `out`. After announcing a length, the caller writes that many values.
pub(super) struct ReplyWriter<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) proto: Proto,
    /// The commands about one node are among the commands that there are.
    pub(super) operator: bool,
}

impl ReplyWriter<'_> {
    pub(super) fn field(&mut self, name: &str, text: &str) {
        self.bulk(name.as_bytes());
        self.bulk(text.as_bytes());
    }

    pub(super) fn words(&mut self, words: impl Iterator<Item = &'static str> + Clone, prefix: &str) {
        self.set(words.clone().count());
        words.for_each(|word| self.simple(&format!("{prefix}{word}")));
    }

    pub(super) fn array(&mut self, len: usize) {
        reply::array(self.out, len);
    }

    pub(super) fn set(&mut self, len: usize) {
        match self.proto {
            Proto::Resp2 => reply::array(self.out, len),
            Proto::Resp3 => self.out.extend_from_slice(format!("~{len}\r\n").as_bytes()),
        }
    }

    pub(super) fn map(&mut self, len: usize) {
        reply::map(self.out, len, self.proto);
    }

    pub(super) fn integer(&mut self, number: i64) {
        reply::integer(self.out, number);
    }

    pub(super) fn simple(&mut self, text: &str) {
        reply::simple(self.out, text);
    }

    pub(super) fn error(&mut self, text: &str) {
        reply::error(self.out, &format!("ERR {text}"));
    }

    pub(super) fn null(&mut self) {
        reply::null(self.out, self.proto);
    }

    pub(super) fn bulk(&mut self, bytes: &[u8]) {
        reply::bulk(self.out, bytes);
    }
}
