//! Parsers for the options of single commands, shared by the rules for keys, replay and blocking.
//!
//! They read in order, so that a value that happens to spell an option is never taken for one.

use crate::resp::request::Request;

/// Parses a decimal integer as servers accept it: no plus sign, no blanks.
pub(super) fn integer(arg: &[u8]) -> Option<i64> {
    if arg.starts_with(b"+") {
        return None;
    }
    std::str::from_utf8(arg).ok()?.parse().ok()
}

/// Returns true if the argument is one of these words, in any case.
pub(super) fn is_any(arg: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(arg))
}

/// The arguments of XREAD or XREADGROUP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Streams {
    /// Index of the milliseconds behind BLOCK.
    pub(super) block: Option<usize>,
    /// Index of the first stream; behind the streams follow as many ids.
    pub(super) first: usize,
    /// Number of streams.
    pub(super) count: usize,
}

/// Parses an XREAD or XREADGROUP. `None`: the word STREAMS is missing, or streams and ids do not pair up. An unknown
/// option is taken to have no value.
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

/// The options of SORT that reach other keys than the one it sorts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SortOptions {
    /// Index of the destination; if there are several, the last one counts.
    pub(super) store: Option<usize>,
    /// True if a BY or GET pattern reads keys that the request does not name.
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

/// Returns the index of the first key behind KEYS of a MIGRATE, if it has that word.
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
