//! Readers for the options of single commands, shared by the rules for keys, replay and blocking.
//!
//! They read in order, so a value that happens to spell an option is never taken for one.

use crate::resp::request::Request;

/// A decimal integer as servers accept it: no plus sign, no blanks.
pub(super) fn integer(arg: &[u8]) -> Option<i64> {
    if arg.starts_with(b"+") {
        return None;
    }
    std::str::from_utf8(arg).ok()?.parse().ok()
}

/// Returns whether an argument spells one of these upper-case words, in any case.
pub(super) fn is_any(arg: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(arg))
}

/// What XREAD and XREADGROUP ask for, as argument indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Streams {
    /// Of the milliseconds after BLOCK.
    pub(super) block: Option<usize>,
    /// Of the first stream; as many ids follow as there are streams.
    pub(super) first: usize,
    pub(super) count: usize,
}

/// `None` without the word STREAMS, or when streams and ids do not pair up. An option that is not known here is
/// taken to have no value.
pub(super) fn streams(request: &Request) -> Option<Streams> {
    let mut block = None;
    let mut index = 1;
    while let Some(arg) = request.arg(index) {
        if is_any(arg, &["STREAMS"]) {
            let rest = request.len() - index - 1;
            let paired = rest > 0 && rest.is_multiple_of(2);
            return paired.then_some(Streams { block, first: index + 1, count: rest / 2 });
        }
        if is_any(arg, &["BLOCK"]) {
            block = Some(index + 1);
        }
        index += match arg {
            arg if is_any(arg, &["GROUP"]) => 3,
            arg if is_any(arg, &["COUNT", "BLOCK", "CLAIM", "MAXCOUNT", "MAXSIZE"]) => 2,
            _ => 1,
        };
    }
    None
}

/// What a SORT does beyond reading its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SortOptions {
    /// Index of the destination; of several the last one counts.
    pub(super) store: Option<usize>,
    /// A BY or GET pattern that reads keys the request does not name.
    pub(super) reads_other_keys: bool,
}

pub(super) fn sort(request: &Request) -> SortOptions {
    let mut found = SortOptions::default();
    let mut index = 2;
    while let Some(arg) = request.arg(index) {
        if is_any(arg, &["STORE"]) {
            found.store = Some(index + 1).filter(|&store| store < request.len()).or(found.store);
        }
        if is_any(arg, &["BY", "GET"]) {
            found.reads_other_keys |= request.arg(index + 1).is_some_and(|pattern| pattern.contains(&b'*'));
        }
        index += match arg {
            arg if is_any(arg, &["LIMIT"]) => 3,
            arg if is_any(arg, &["BY", "GET", "STORE"]) => 2,
            _ => 1,
        };
    }
    found
}

/// Index of the first key after KEYS of a MIGRATE, if it has that word.
pub(super) fn migrate_keys(request: &Request) -> Option<usize> {
    let mut index = 6;
    while let Some(arg) = request.arg(index) {
        if is_any(arg, &["KEYS"]) {
            return Some(index + 1);
        }
        index += match arg {
            arg if is_any(arg, &["AUTH"]) => 2,
            arg if is_any(arg, &["AUTH2"]) => 3,
            _ => 1,
        };
    }
    None
}
