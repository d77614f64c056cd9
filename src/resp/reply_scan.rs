//! Finds the end of a reply, of RESP2 or RESP3, resumably and without recursion.
//!
//! Every well-formed reply passes, however deep it nests and however long its lines are. The only limit is on the memory
//! of the scan itself.

use thiserror::Error;

use super::number::{Line, read_line, read_short};

/// Levels that may be open at once, 8 bytes each: no server nests that deep by chance.
const MAX_OPEN: usize = 1 << 20;
/// Levels for which the memory is kept for the next reply.
const KEPT_OPEN: usize = 64;

/// The node broke the protocol: nothing behind this byte can be trusted, so its connection is closed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum ReplyError {
    #[error("reply of an unknown type")]
    UnknownType,
    #[error("malformed length in a reply")]
    Length,
    #[error("bulk string without its terminator")]
    Terminator,
    #[error("reply with too many open levels")]
    Depth,
}

/// The state of the scan of one reply.
#[derive(Default)]
pub(crate) struct ReplyScan {
    /// Number of elements still missing at each open level, outermost first. A level is closed as soon as its last
    /// element has begun. Empty between replies.
    open: Vec<u64>,
    /// Number of bytes still missing of a bulk string, its CRLF included.
    bulk: usize,
    /// True within a status, a number or an error whose line has not ended.
    line: bool,
    /// True if the scan is within a reply.
    started: bool,
}

impl ReplyScan {
    /// Goes on where the last call stopped, with the bytes that follow there. Returns the number of bytes taken, and true
    /// if the reply ended with them. Bytes that were not taken must be offered again with more behind them.
    pub(crate) fn scan(&mut self, buf: &[u8]) -> Result<(usize, bool), ReplyError> {
        let mut at = 0;
        if !self.started {
            if let Some(len) = whole(buf) {
                return Ok((len, true));
            }
            self.started = true;
            self.open.push(1);
        }
        loop {
            if self.bulk > 0 {
                at += self.take_bulk(buf.get(at..).unwrap_or_default())?;
                if self.bulk > 0 {
                    return Ok((at, false));
                }
            }
            if self.line {
                at += self.take_line(buf.get(at..).unwrap_or_default());
                if self.line {
                    return Ok((at, false));
                }
            }
            self.close_finished_levels();
            if self.open.is_empty() {
                self.finish();
                return Ok((at, true));
            }
            match self.element(buf, at)? {
                Some(next) => at = next,
                None => return Ok((at, false)),
            }
        }
    }

    fn close_finished_levels(&mut self) {
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
    }

    fn finish(&mut self) {
        self.started = false;
        if self.open.capacity() > KEPT_OPEN {
            self.open = Vec::new();
        }
    }

    fn take_line(&mut self, rest: &[u8]) -> usize {
        let end = rest.iter().position(|byte| *byte == b'\n');
        self.line = end.is_none();
        end.map_or(rest.len(), |end| end + 1)
    }

    fn take_bulk(&mut self, rest: &[u8]) -> Result<usize, ReplyError> {
        let taken = rest.len().min(self.bulk);
        if taken == self.bulk && rest.get(taken - 1) != Some(&b'\n') {
            return Err(ReplyError::Terminator);
        }
        self.bulk -= taken;
        Ok(taken)
    }

    /// Reads the header at `at` and returns the index behind it, or `None` while its line is incomplete.
    fn element(&mut self, buf: &[u8], at: usize) -> Result<Option<usize>, ReplyError> {
        let Some(kind) = buf.get(at) else { return Ok(None) };
        match kind {
            b'+' | b'-' | b',' | b'(' | b':' | b'#' | b'_' => {
                self.finish_element();
                self.line = true;
                Ok(Some(at))
            }
            b'$' | b'=' | b'!' => self.counted(buf, at, Counted::Bytes),
            b'*' | b'~' | b'>' => self.counted(buf, at, Counted::Elements(1)),
            b'%' => self.counted(buf, at, Counted::Elements(2)),
            b'|' => self.counted(buf, at, Counted::Attribute),
            _ => Err(ReplyError::UnknownType),
        }
    }

    fn counted(&mut self, buf: &[u8], at: usize, counted: Counted) -> Result<Option<usize>, ReplyError> {
        let line = read_line(buf, at + 1).map_err(|_| ReplyError::Length)?;
        let Some(Line { number, next }) = line else { return Ok(None) };
        if number < -1 {
            return Err(ReplyError::Length);
        }
        let Ok(count) = u64::try_from(number) else {
            self.finish_element();
            return Ok(Some(next));
        };
        match counted {
            Counted::Bytes => {
                self.bulk = usize::try_from(count)
                    .ok()
                    .and_then(|len| len.checked_add(2))
                    .ok_or(ReplyError::Length)?;
                self.finish_element();
            }
            Counted::Elements(each) => {
                self.finish_element();
                self.descend(count.checked_mul(each).ok_or(ReplyError::Length)?)?;
            }
            // An attribute precedes the element that it describes and is none itself.
            Counted::Attribute => self.descend(count.checked_mul(2).ok_or(ReplyError::Length)?)?,
        }
        Ok(Some(next))
    }

    fn descend(&mut self, elements: u64) -> Result<(), ReplyError> {
        // The last element of a level replaces the level, so that a chain of last elements needs no memory.
        self.close_finished_levels();
        if self.open.len() >= MAX_OPEN {
            return Err(ReplyError::Depth);
        }
        self.open.push(elements);
        Ok(())
    }

    fn finish_element(&mut self) {
        if let Some(missing) = self.open.last_mut() {
            *missing = missing.saturating_sub(1);
        }
    }
}

/// Returns the length of a short bulk string that has arrived in full, as nearly every reply is. `None`: it is something
/// else, or malformed.
#[inline]
fn whole(buf: &[u8]) -> Option<usize> {
    let [b'$', rest @ ..] = buf else { return None };
    let (len, taken) = read_short(rest)?;
    let end = 1 + taken + len + 2;
    (buf.get(end - 1) == Some(&b'\n')).then_some(end)
}

/// The things that the number in a header counts.
enum Counted {
    Bytes,
    Elements(u64),
    Attribute,
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLIES: [&[u8]; 14] = [
        b"+OK\r\n",
        b"-ERR no\r\n",
        b":1\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b"$5\r\na\r\nbc\r\n",
        b"*0\r\n",
        b"*2\r\n*1\r\n:1\r\n$0\r\n\r\n",
        b"_\r\n",
        b"#t\r\n",
        b"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n,1.5\r\n",
        b">3\r\n+message\r\n$1\r\nc\r\n$1\r\nm\r\n",
        b"|1\r\n+ttl\r\n:1\r\n$1\r\na\r\n",
        b"=5\r\ntxt:a\r\n",
    ];

    #[test]
    fn every_type_ends_where_it_ends() {
        for reply in REPLIES {
            let mut twice = reply.to_vec();
            twice.extend_from_slice(reply);
            assert_eq!(
                ReplyScan::default().scan(&twice),
                Ok((reply.len(), true)),
                "{}",
                reply.escape_ascii()
            );
        }
    }

    #[test]
    fn a_reply_in_pieces_ends_at_the_same_byte() {
        for reply in REPLIES {
            let (mut scan, mut taken) = (ReplyScan::default(), 0);
            for end in 1..=reply.len() {
                let (more, done) = scan.scan(&reply[taken..end]).unwrap();
                taken += more;
                assert_eq!(done, end == reply.len(), "{} at {end}", reply.escape_ascii());
            }
            assert_eq!(taken, reply.len());
            assert!(!scan.started);
        }
    }

    #[test]
    fn broken_replies_are_errors() {
        for (reply, expected) in [
            (&b"hello\r\n"[..], ReplyError::UnknownType),
            (b"$x\r\n", ReplyError::Length),
            (b"$-2\r\n", ReplyError::Length),
            (b"$1\r\nabc", ReplyError::Terminator),
        ] {
            assert_eq!(ReplyScan::default().scan(reply), Err(expected), "{}", reply.escape_ascii());
        }
    }

    #[test]
    fn replies_of_any_depth_and_width_pass_and_leave_no_memory() {
        let chain = [b"*1\r\n".repeat(100_000), b":1\r\n".to_vec()].concat();
        let left = [b"*2\r\n".repeat(100_000), b":1\r\n".repeat(100_001)].concat();
        let attributes = [b"|1\r\n+a\r\n".repeat(100_000), b":1\r\n".repeat(100_001)].concat();
        let wide = [b"*1000000\r\n".to_vec(), b":1\r\n".repeat(1_000_000)].concat();
        for reply in [chain, left, attributes, wide] {
            for piece in [reply.len(), 65_536, 4099] {
                let (mut scan, mut start, mut end, mut done) = (ReplyScan::default(), 0, 0, false);
                while !done {
                    end = (end + piece).min(reply.len());
                    let (taken, whole) = scan.scan(&reply[start..end]).unwrap();
                    (start, done) = (start + taken, whole);
                    assert_eq!(done, start == reply.len());
                }
                assert!(scan.open.is_empty() && scan.open.capacity() <= KEPT_OPEN);
            }
        }
    }

    #[test]
    fn a_long_line_is_looked_at_once() {
        for kind in [b'+', b'-', b'('] {
            let mut scan = ReplyScan::default();
            assert_eq!(scan.scan(&[kind]), Ok((1, false)));
            for _ in 0..1000 {
                assert_eq!(scan.scan(&[b'x'; 1000]), Ok((1000, false)));
            }
            assert_eq!(scan.scan(b"\r\n:1"), Ok((2, true)));
            assert_eq!(scan.scan(b":1\r\n"), Ok((4, true)));
        }
    }

    #[test]
    fn more_open_levels_than_memory_is_spent_on_are_an_error() {
        let levels = b"*2\r\n".repeat(MAX_OPEN + 1);
        assert_eq!(ReplyScan::default().scan(&levels), Err(ReplyError::Depth));
    }
}
