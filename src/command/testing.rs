//! Builds requests for tests from lines of words.

use crate::resp::reply;
use crate::resp::request::{ArgRange, Request};

/// Encodes requests one after the other as on the wire, each from a line of words separated by blanks.
pub(crate) fn requests(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        reply::command(&mut out, &words);
    }
    out
}

/// The arguments of a request, kept so that it can borrow them.
#[derive(Debug)]
pub(crate) struct Words {
    raw: Vec<u8>,
    args: Vec<ArgRange>,
}

impl Words {
    /// Splits a line at blanks; `""` is the empty argument.
    pub(crate) fn of(line: &str) -> Words {
        Words::new(line.split_whitespace().map(|word| if word == "\"\"" { "" } else { word }))
    }

    pub(crate) fn new(words: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Words {
        let mut made = Words { raw: Vec::new(), args: Vec::new() };
        for word in words {
            let (start, len) = (made.raw.len() as u32, word.as_ref().len() as u32);
            made.raw.extend_from_slice(word.as_ref());
            made.args.push(ArgRange { start, len });
        }
        made
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request::new(&self.raw, &self.args)
    }
}
