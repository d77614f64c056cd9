//! The questions to one node about a key, and the meaning of its replies. No value is kept beyond its digest.
//!
//! The first question is the type. If not all servers have it, that is the last one, as KeyDB 6.3.4 crashes on questions
//! about types of its own (`MEMORY USAGE` and `DEBUG DIGEST-VALUE` of a cron or of a nested hash). Then follows the size,
//! then either the node's own digest (DEBUG DIGEST-VALUE, which KeyDB allows unless an ACL forbids it) or a plain read that
//! is hashed here. Both ignore the order of sets and hashes, but not that of lists. Where a node evicts by use, a plain
//! read counts as a use of the key.

use sha1::{Digest as _, Sha1};

use super::look::{Digest, HeldValue, KeyReport, KeyType, Skipped};
use crate::resp::value::Value;

/// Largest value, as MEMORY USAGE estimates it, whose digest a node is asked for: the node does nothing else meanwhile.
const LARGEST_DIGESTED: i64 = 512 * 1024;
/// Largest value that is read, which costs more than a digest.
const LARGEST_READ: i64 = 64 * 1024;
/// Longest key that is remembered, and so looked at.
pub(super) const LONGEST_KEY: usize = 1024;

pub(super) type SampleCommand = Vec<Vec<u8>>;

/// The source of digests. All nodes of a look use the same method, as the digests of the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Digest,
    Read,
}

/// The result of the questions so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadSoFar {
    /// The node does not have the key.
    Nothing,
    /// The next question can be asked.
    Value(KeyType),
    /// The key cannot be compared.
    Skipped,
}

pub(super) fn random_key_command() -> SampleCommand {
    command(&[b"RANDOMKEY"])
}

/// Returns the command for digests without a key: the reply shows whether the node permits the command.
pub(super) fn permission_command() -> SampleCommand {
    command(&[b"DEBUG", b"DIGEST-VALUE"])
}

/// Returns true if the reply is no error, so that the node permits the command.
pub(super) fn is_permitted(reply: &Value) -> bool {
    matches!(reply, Value::Array(_))
}

pub(super) fn type_command(key: &[u8]) -> SampleCommand {
    command(&[b"TYPE", key])
}

pub(super) fn parse_type(reply: &Value) -> ReadSoFar {
    match reply.text() {
        Some("none") => ReadSoFar::Nothing,
        Some("string") => ReadSoFar::Value(KeyType::String),
        Some("list") => ReadSoFar::Value(KeyType::List),
        Some("set") => ReadSoFar::Value(KeyType::Set),
        Some("hash") => ReadSoFar::Value(KeyType::Hash),
        Some("zset") => ReadSoFar::Value(KeyType::SortedSet),
        Some("stream") => ReadSoFar::Value(KeyType::Stream),
        Some(_) | None => ReadSoFar::Skipped,
    }
}

pub(super) fn size_command(key: &[u8]) -> SampleCommand {
    command(&[b"MEMORY", b"USAGE", key])
}

pub(super) fn parse_size(method: Method, key_type: KeyType, size: &Value) -> ReadSoFar {
    let largest = match method {
        Method::Digest => LARGEST_DIGESTED,
        Method::Read => LARGEST_READ,
    };
    match size {
        // The key went away between the two questions.
        Value::Nil => ReadSoFar::Nothing,
        size if size.int().is_some_and(|size| size <= largest) => ReadSoFar::Value(key_type),
        Value::Int(_) | Value::Text(_) | Value::Array(_) | Value::Error(_) => ReadSoFar::Skipped,
    }
}

pub(super) fn value_command(method: Method, key_type: KeyType, key: &[u8]) -> SampleCommand {
    let words: &[&[u8]] = match (method, key_type) {
        (Method::Digest, _) => &[b"DEBUG", b"DIGEST-VALUE", key],
        (Method::Read, KeyType::String) => &[b"GET", key],
        (Method::Read, KeyType::List) => &[b"LRANGE", key, b"0", b"-1"],
        (Method::Read, KeyType::Set) => &[b"SMEMBERS", key],
        (Method::Read, KeyType::Hash) => &[b"HGETALL", key],
        (Method::Read, KeyType::SortedSet) => &[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"],
        (Method::Read, KeyType::Stream) => &[b"XRANGE", key, b"-", b"+"],
    };
    command(words)
}

pub(super) fn parse_value(method: Method, key_type: KeyType, reply: &Value) -> KeyReport {
    let digest = match method {
        Method::Digest => from_hex(reply).ok_or(Skipped)?,
        Method::Read => return hash_reply(key_type, reply),
    };
    // All zeros: the key went away in between.
    let gone = digest == Digest::default();
    Ok(if gone { HeldValue::Nothing } else { HeldValue::Value(key_type, digest) })
}

/// Parses the node's digest: an array of one text of 40 hex digits.
fn from_hex(reply: &Value) -> Option<Digest> {
    let [value] = reply.items() else { return None };
    let text = value.text().filter(|text| text.len() == 40 && text.is_ascii())?;
    let mut digest = Digest::default();
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(digest)
}

fn hash_reply(key_type: KeyType, reply: &Value) -> KeyReport {
    let mut hasher = Sha1::new();
    match (key_type, reply) {
        (_, Value::Error(_)) => return Err(Skipped),
        (_, Value::Nil) => return Ok(HeldValue::Nothing),
        // An empty stream exists; an empty value of another type does not.
        (KeyType::Stream, Value::Array(_)) => feed(&mut hasher, reply),
        (_, Value::Array(items)) if items.is_empty() => return Ok(HeldValue::Nothing),
        (KeyType::Set, Value::Array(items)) => feed_in_any_order(&mut hasher, items, 1),
        (KeyType::Hash, Value::Array(items)) => feed_in_any_order(&mut hasher, items, 2),
        (_, Value::Array(_) | Value::Text(_) | Value::Int(_)) => feed(&mut hasher, reply),
    }
    Ok(HeldValue::Value(key_type, hasher.finalize().into()))
}

/// Hashes groups of so many items in the order of their digests, so that the order of the reply does not matter.
fn feed_in_any_order(hasher: &mut Sha1, items: &[Value], group: usize) {
    let digest = |group: &[Value]| -> Digest {
        let mut hasher = Sha1::new();
        group.iter().for_each(|item| feed(&mut hasher, item));
        hasher.finalize().into()
    };
    let mut digests: Vec<Digest> = items.chunks(group).map(digest).collect();
    digests.sort_unstable();
    digests.iter().for_each(|digest| hasher.update(digest));
}

/// Hashes a value with its length in front, so that two ways of dividing the same bytes differ. The recursion is as deep as
/// the reply, which its decoder bounds.
fn feed(hasher: &mut Sha1, value: &Value) {
    match value {
        Value::Array(items) => {
            hasher.update(format!("*{}:", items.len()));
            items.iter().for_each(|item| feed(hasher, item));
        }
        Value::Text(bytes) => {
            hasher.update(format!("${}:", bytes.len()));
            hasher.update(bytes);
        }
        Value::Int(number) => hasher.update(format!(":{number}:")),
        Value::Error(_) | Value::Nil => hasher.update("-"),
    }
}

fn command(words: &[&[u8]]) -> SampleCommand {
    words.iter().map(|word| word.to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.as_bytes().to_vec())
    }

    fn array(items: &[&str]) -> Value {
        Value::Array(items.iter().map(|item| text(item)).collect())
    }

    fn refused() -> Value {
        Value::Error("NOPERM no".into())
    }

    #[test]
    fn nothing_more_is_asked_of_a_type_that_not_all_servers_have() {
        for (reply, expected) in [
            (text("none"), ReadSoFar::Nothing),
            (text("string"), ReadSoFar::Value(KeyType::String)),
            (text("zset"), ReadSoFar::Value(KeyType::SortedSet)),
            (text("cron"), ReadSoFar::Skipped),
            (text("unknown"), ReadSoFar::Skipped),
            (text("rejson"), ReadSoFar::Skipped),
            (refused(), ReadSoFar::Skipped),
        ] {
            assert_eq!(parse_type(&reply), expected, "{reply:?}");
        }
    }

    #[test]
    fn only_small_keys_that_are_there_are_looked_at() {
        use ReadSoFar::{Nothing, Skipped};
        let list = ReadSoFar::Value(KeyType::List);
        let cases = [
            (Value::Nil, Nothing, Nothing),
            (Value::Int(56), list, list),
            (Value::Int(LARGEST_READ + 1), list, Skipped),
            (Value::Int(LARGEST_DIGESTED + 1), Skipped, Skipped),
            (refused(), Skipped, Skipped),
        ];
        for (size, digested, read) in cases {
            assert_eq!(parse_size(Method::Digest, KeyType::List, &size), digested, "{size:?}");
            assert_eq!(parse_size(Method::Read, KeyType::List, &size), read, "{size:?}");
        }
    }

    #[test]
    fn a_reading_is_hashed_in_the_order_that_counts_for_its_type() {
        use KeyType::{Hash, List, Set, SortedSet, Stream, String};
        let hashed = |key_type, reply: &Value| parse_value(Method::Read, key_type, reply).unwrap();
        // Type, two replies, whether they are the same value.
        let cases = [
            (String, text("a"), text("a"), true),
            (String, text("a"), text("b"), false),
            (List, array(&["a", "b"]), array(&["b", "a"]), false),
            (List, array(&["ab", "c"]), array(&["a", "bc"]), false),
            (Set, array(&["a", "b"]), array(&["b", "a"]), true),
            (Set, array(&["a", "b"]), array(&["a", "c"]), false),
            (Hash, array(&["f", "1", "g", "2"]), array(&["g", "2", "f", "1"]), true),
            (Hash, array(&["f", "1", "g", "2"]), array(&["f", "2", "g", "1"]), false),
            (SortedSet, array(&["a", "1", "b", "2"]), array(&["a", "1", "b", "2.5"]), false),
            (
                Stream,
                Value::Array(vec![Value::Array(vec![text("1-1"), array(&["f", "v"])])]),
                Value::Array(vec![Value::Array(vec![text("1-1"), array(&["f", "w"])])]),
                false,
            ),
        ];
        for (key_type, one, other, same) in cases {
            let agree = hashed(key_type, &one) == hashed(key_type, &other);
            assert_eq!(agree, same, "{one:?} {other:?}");
        }
        assert_ne!(hashed(Set, &array(&["a"])), hashed(List, &array(&["a"])));
    }

    #[test]
    fn what_is_gone_by_the_second_question_is_nothing_and_what_is_refused_is_skipped() {
        let digest = |digits: &str| Value::Array(vec![text(digits)]);
        let (ones, zeros) = ("01".repeat(20), "0".repeat(40));
        let cases = [
            (Method::Digest, KeyType::Set, digest(&ones), Ok(HeldValue::Value(KeyType::Set, [1; 20]))),
            (Method::Digest, KeyType::Set, digest(&zeros), Ok(HeldValue::Nothing)),
            (Method::Digest, KeyType::Set, digest("01"), Err(Skipped)),
            (Method::Digest, KeyType::Set, digest(&"é".repeat(20)), Err(Skipped)),
            (Method::Digest, KeyType::Set, digest(&"x".repeat(40)), Err(Skipped)),
            (Method::Digest, KeyType::Set, refused(), Err(Skipped)),
            (Method::Read, KeyType::String, Value::Nil, Ok(HeldValue::Nothing)),
            (Method::Read, KeyType::Set, Value::Array(vec![]), Ok(HeldValue::Nothing)),
            (Method::Read, KeyType::Set, refused(), Err(Skipped)),
        ];
        for (method, key_type, reply, expected) in cases {
            assert_eq!(parse_value(method, key_type, &reply), expected, "{reply:?}");
        }
        let empty_stream = parse_value(Method::Read, KeyType::Stream, &Value::Array(vec![]));
        assert!(matches!(empty_stream, Ok(HeldValue::Value(KeyType::Stream, _))));
    }

    #[test]
    fn how_a_value_is_asked_for() {
        let line = |command: SampleCommand| String::from_utf8(command.join(&b' ')).unwrap();
        for (key_type, expected) in [
            (KeyType::String, "GET k"),
            (KeyType::List, "LRANGE k 0 -1"),
            (KeyType::Set, "SMEMBERS k"),
            (KeyType::Hash, "HGETALL k"),
            (KeyType::SortedSet, "ZRANGE k 0 -1 WITHSCORES"),
            (KeyType::Stream, "XRANGE k - +"),
        ] {
            assert_eq!(line(value_command(Method::Read, key_type, b"k")), expected);
            assert_eq!(line(value_command(Method::Digest, key_type, b"k")), "DEBUG DIGEST-VALUE k");
        }
        assert!(is_permitted(&Value::Array(vec![])));
        assert!(!is_permitted(&refused()));
    }
}
