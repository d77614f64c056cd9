//! Decodes RESP2 replies in full, for the control plane: the answers of nodes and sentinels to discovery.
//!
//! The bytes come from outside, but `redis-protocol` recurses for each nested array and trusts the CRLF behind a bulk
//! string. So [`frame_end`] walks the frame first, iteratively, and bounds its depth and its size.

use redis_protocol::resp2::decode::decode as decode_frame;
use redis_protocol::resp2::types::OwnedFrame;

use super::reply;

/// No reply that discovery asks for nests deeper than 3.
const MAX_DEPTH: usize = 16;
/// `SENTINEL REPLICAS` of a hundred replicas is about 80 KiB, `CLIENT LIST` of ten thousand clients about 2 MiB.
const MAX_FRAME: usize = 8 * 1024 * 1024;
/// Longest line, such as `$123\r\n` or `+simple\r\n`.
const MAX_LINE: usize = 64 * 1024;

/// One decoded reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A simple or a bulk string.
    Text(Vec<u8>),
    Error(String),
    Int(i64),
    Array(Vec<Value>),
    Nil,
}

/// A reply that breaks the protocol or a limit: its connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("reply nests deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("reply is larger than {MAX_FRAME} bytes")]
    TooBig,
    #[error("not a RESP2 reply")]
    NotResp,
}

impl Value {
    /// Returns the text of a string in UTF-8; `None` for anything else.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(bytes) => std::str::from_utf8(bytes).ok(),
            Value::Error(_) | Value::Int(_) | Value::Array(_) | Value::Nil => None,
        }
    }

    /// Returns the number, which some commands send as `:1` and others as a string.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            Value::Text(_) => self.text()?.parse().ok(),
            Value::Error(_) | Value::Array(_) | Value::Nil => None,
        }
    }

    /// Returns the items of an array; none for anything else.
    pub(crate) fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) => items,
            Value::Text(_) | Value::Error(_) | Value::Int(_) | Value::Nil => &[],
        }
    }

    /// Returns the first word of an error reply, such as `LOADING` or `NOAUTH`.
    pub(crate) fn error_code(&self) -> Option<&str> {
        match self {
            Value::Error(message) => message.split(' ').next(),
            Value::Text(_) | Value::Int(_) | Value::Array(_) | Value::Nil => None,
        }
    }
}

/// Decodes the first reply of `input` and returns its value and its length in bytes. `None`: it is not complete yet.
pub(crate) fn decode(input: &[u8]) -> Result<Option<(Value, usize)>, Malformed> {
    let Some(end) = frame_end(input)? else { return Ok(None) };
    let frame = input.get(..end).ok_or(Malformed::NotResp)?;
    match decode_frame(frame) {
        Ok(Some((frame, _))) => Ok(Some((from_frame(frame), end))),
        Ok(None) | Err(_) => Err(Malformed::NotResp),
    }
}

/// Writes a command as an array of bulk strings.
pub(crate) fn encode(args: &[impl AsRef<[u8]>], out: &mut Vec<u8>) {
    let args: Vec<&[u8]> = args.iter().map(AsRef::as_ref).collect();
    reply::command(out, &args);
}

/// Converts a frame. The recursion is bounded, as [`frame_end`] has refused anything deeper than [`MAX_DEPTH`].
fn from_frame(frame: OwnedFrame) -> Value {
    match frame {
        OwnedFrame::SimpleString(bytes) | OwnedFrame::BulkString(bytes) => Value::Text(bytes),
        OwnedFrame::Error(message) => Value::Error(message),
        OwnedFrame::Integer(number) => Value::Int(number),
        OwnedFrame::Array(items) => Value::Array(items.into_iter().map(from_frame).collect()),
        OwnedFrame::Null => Value::Nil,
    }
}

/// Returns the length of the first frame. `None`: more bytes are needed.
fn frame_end(input: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    loop {
        let Some((line, next)) = line(input, at)? else { return incomplete(input) };
        at = next;
        match element(line)? {
            Element::Whole => {}
            Element::Bulk(len) => {
                let end = at.checked_add(len).and_then(|end| end.checked_add(2)).ok_or(Malformed::TooBig)?;
                if end > MAX_FRAME {
                    return Err(Malformed::TooBig);
                }
                match input.get(end - 2..end) {
                    Some(b"\r\n") => at = end,
                    Some(_) => return Err(Malformed::NotResp),
                    None => return incomplete(input),
                }
            }
            Element::Array(0) => {}
            Element::Array(_) if open.len() >= MAX_DEPTH => return Err(Malformed::TooDeep),
            Element::Array(items) => {
                open.push(items);
                continue;
            }
        }
        if at > MAX_FRAME {
            return Err(Malformed::TooBig);
        }
        if close(&mut open) {
            return Ok(Some(at));
        }
    }
}

/// Counts one finished element and closes the arrays that end with it. Returns true if no array is open any more.
fn close(open: &mut Vec<usize>) -> bool {
    while let Some(left) = open.last_mut() {
        *left -= 1;
        if *left > 0 {
            return false;
        }
        open.pop();
    }
    true
}

fn incomplete(input: &[u8]) -> Result<Option<usize>, Malformed> {
    if input.len() > MAX_FRAME { Err(Malformed::TooBig) } else { Ok(None) }
}

enum Element {
    /// An element that consists of its line.
    Whole,
    Bulk(usize),
    Array(usize),
}

/// Parses the first line of an element. `$-1` and `*-1` are whole: they are nil.
fn element(line: &[u8]) -> Result<Element, Malformed> {
    let (kind, rest) = line.split_first().ok_or(Malformed::NotResp)?;
    match kind {
        b'+' | b'-' => Ok(Element::Whole),
        b':' => number(rest).map(|_| Element::Whole),
        b'$' | b'*' => {
            let length = number(rest)?;
            if length == -1 {
                return Ok(Element::Whole);
            }
            let length = usize::try_from(length).map_err(|_| Malformed::NotResp)?;
            if length > MAX_FRAME {
                return Err(Malformed::TooBig);
            }
            Ok(if *kind == b'$' { Element::Bulk(length) } else { Element::Array(length) })
        }
        _ => Err(Malformed::NotResp),
    }
}

fn number(digits: &[u8]) -> Result<i64, Malformed> {
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or(Malformed::NotResp)
}

/// Returns the line at `at`, without its CRLF, and the index of the next one.
fn line(input: &[u8], at: usize) -> Result<Option<(&[u8], usize)>, Malformed> {
    let rest = input.get(at..).unwrap_or_default();
    let searched = rest.get(..MAX_LINE).unwrap_or(rest);
    match searched.windows(2).position(|pair| pair == b"\r\n") {
        Some(end) => Ok(rest.get(..end).map(|line| (line, at + end + 2))),
        None if searched.len() == MAX_LINE => Err(Malformed::TooBig),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.as_bytes().to_vec())
    }

    #[test]
    fn decodes_every_kind_of_reply() {
        let cases: [(&[u8], Value); 9] = [
            (b"+PONG\r\n", text("PONG")),
            (b"-LOADING wait\r\n", Value::Error("LOADING wait".into())),
            (b":-7\r\n", Value::Int(-7)),
            (b"$3\r\nabc\r\n", text("abc")),
            (b"$0\r\n\r\n", text("")),
            (b"$-1\r\n", Value::Nil),
            (b"*-1\r\n", Value::Nil),
            (b"*0\r\n", Value::Array(vec![])),
            (
                b"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n",
                Value::Array(vec![Value::Array(vec![Value::Int(1)]), text("x")]),
            ),
        ];
        for (input, value) in cases {
            assert_eq!(decode(input), Ok(Some((value, input.len()))), "{input:?}");
        }
    }

    #[test]
    fn every_prefix_is_incomplete_and_leaves_what_follows() {
        let input = b"*3\r\n$6\r\nmaster\r\n:12\r\n*1\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n$-1\r\n";
        for cut in 0..input.len() {
            assert_eq!(decode(&input[..cut]), Ok(None), "cut at {cut}");
        }
        let mut longer = input.to_vec();
        longer.extend_from_slice(b"+NEXT\r\n");
        assert_eq!(decode(&longer).unwrap().unwrap().1, input.len());
    }

    #[test]
    fn refuses_what_is_too_deep_too_big_or_no_resp() {
        assert_eq!(decode(&b"*1\r\n".repeat(8000)), Err(Malformed::TooDeep));
        assert_eq!(decode(b"*2000000000\r\n"), Err(Malformed::TooBig));
        assert_eq!(decode(b"$99999999999\r\n"), Err(Malformed::TooBig));
        assert_eq!(decode(&vec![b'+'; MAX_LINE + 10]), Err(Malformed::TooBig));
        for garbage in [&b"HTTP/1.1 200\r\n"[..], b"$-2\r\n", b":x\r\n", b"$1\r\nabc\r\n", b"\r\n", b"%1\r\n"]
        {
            assert_eq!(decode(garbage), Err(Malformed::NotResp), "{garbage:?}");
        }
    }

    #[test]
    fn encodes_a_command() {
        let mut out = Vec::new();
        encode(&["SENTINEL", "MYID"], &mut out);
        assert_eq!(out, b"*2\r\n$8\r\nSENTINEL\r\n$4\r\nMYID\r\n");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(input in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = decode(&input);
        }
    }
}
