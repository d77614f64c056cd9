//! Where does this reply end? Resumable, iterative, bounded in depth; knows RESP2 and RESP3.

use thiserror::Error;

use super::number::{Line, read_line};

/// Deepest nesting that a node may send.
const MAX_DEPTH: usize = 128;
/// Longest status or error line.
const MAX_LINE: usize = 64 * 1024;

/// The node broke the protocol: nothing behind this byte can be trusted, so its connection is closed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum ReplyError {
    #[error("reply of an unknown type")]
    UnknownType,
    #[error("malformed length in a reply")]
    Length,
    #[error("bulk string without its terminator")]
    Terminator,
    #[error("reply nested too deep")]
    Depth,
    #[error("reply line too long")]
    Line,
}

/// How far into a reply the bytes seen so far reach.
#[derive(Default)]
pub(crate) struct ReplyScan {
    /// Elements still missing at each open level, outermost first. Empty between replies.
    open: Vec<u64>,
    /// Bytes still missing of a bulk string, its CRLF included.
    bulk: usize,
    started: bool,
}

impl ReplyScan {
    /// Takes `buf` on from where the last call stopped; gives the bytes it took and whether the reply ended
    /// there. What it did not take must be offered again with more bytes behind it.
    pub(crate) fn scan(&mut self, buf: &[u8]) -> Result<(usize, bool), ReplyError> {
        let mut at = 0;
        if !self.started {
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
            self.close_finished_levels();
            if self.open.is_empty() {
                self.started = false;
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

    fn take_bulk(&mut self, rest: &[u8]) -> Result<usize, ReplyError> {
        let taken = rest.len().min(self.bulk);
        if taken == self.bulk && rest.get(taken - 1) != Some(&b'\n') {
            return Err(ReplyError::Terminator);
        }
        self.bulk -= taken;
        Ok(taken)
    }

    /// One header at `at`; gives where the next one starts, or `None` while its line is incomplete.
    fn element(&mut self, buf: &[u8], at: usize) -> Result<Option<usize>, ReplyError> {
        let Some(kind) = buf.get(at) else { return Ok(None) };
        match kind {
            b'+' | b'-' | b',' | b'(' => self.line(buf, at),
            b':' | b'#' | b'_' => self.line(buf, at),
            b'$' | b'=' | b'!' => self.counted(buf, at, Counted::Bytes),
            b'*' | b'~' | b'>' => self.counted(buf, at, Counted::Elements(1)),
            b'%' => self.counted(buf, at, Counted::Elements(2)),
            b'|' => self.counted(buf, at, Counted::Attribute),
            _ => Err(ReplyError::UnknownType),
        }
    }

    fn line(&mut self, buf: &[u8], at: usize) -> Result<Option<usize>, ReplyError> {
        let rest = buf.get(at..).unwrap_or_default();
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                self.finish_element();
                Ok(Some(at + end + 1))
            }
            None if rest.len() > MAX_LINE => Err(ReplyError::Line),
            None => Ok(None),
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
            // An attribute stands before the element that it describes and is none itself.
            Counted::Attribute => self.descend(count.checked_mul(2).ok_or(ReplyError::Length)?)?,
        }
        Ok(Some(next))
    }

    fn descend(&mut self, elements: u64) -> Result<(), ReplyError> {
        if self.open.len() >= MAX_DEPTH {
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

/// What the number in a header counts.
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
        assert_eq!(ReplyScan::default().scan(&b"*1\r\n".repeat(16 * 1024)), Err(ReplyError::Depth));
    }
}
