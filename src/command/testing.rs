//! Requests for tests, from a line of words.

use crate::resp::request::{ArgRange, Request};

/// The arguments of a request, kept so that it can borrow them.
#[derive(Debug)]
pub(crate) struct Words {
    raw: Vec<u8>,
    args: Vec<ArgRange>,
}

impl Words {
    /// Arguments parted by blanks; `""` is the empty argument.
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
