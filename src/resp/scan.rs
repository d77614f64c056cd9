//! Finds the end of a request and its arguments: incremental, iterative, bounded.
//!
//! The scan keeps its place between reads, so that a request that arrives in many pieces is scanned once. The arguments
//! are ranges into the caller's buffer; only inline commands, which must not enter a shared connection as they are,
//! are rewritten as arrays in a buffer of the scan.

use thiserror::Error;

use super::inline;
use super::number::{Line, read_line, read_short};
use super::request::{ArgRange, Request};

/// Most arguments of one request; servers have the same limit. No memory is reserved for them: they take no more than a
/// fixed multiple of their bytes, which `max_frame` bounds.
const MAX_ARGS: i64 = i32::MAX as i64;
/// Most arguments, and longest one, of a client that has still to authenticate; servers have the same limits.
const MAX_ARGS_OF_STRANGER: i64 = 10;
const MAX_BULK_OF_STRANGER: usize = 16 * 1024;
/// Longest inline command, and longest header of which no end has come; servers have the same limit.
const MAX_LINE: usize = 64 * 1024;
/// Argument lists up to this length keep their memory for the next request.
const KEPT_ARGS: usize = 256;

/// A fault of the client. Its connection is closed after the error reply; nothing was sent to a node.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum ProtocolError {
    #[error("invalid multibulk length")]
    MultibulkLength,
    #[error("invalid bulk length")]
    BulkLength,
    #[error("unauthenticated multibulk length")]
    StrangersMultibulkLength,
    #[error("unauthenticated bulk length")]
    StrangersBulkLength,
    #[error("too big mbulk count string")]
    LongMultibulkLength,
    #[error("too big bulk count string")]
    LongBulkLength,
    #[error("expected '$', got '{}'", .0.escape_ascii())]
    ExpectedBulk(u8),
    #[error("invalid bulk terminator")]
    Terminator,
    #[error("too big inline request")]
    InlineTooBig,
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
    #[error("request is larger than max_frame")]
    FrameTooBig,
}

impl ProtocolError {
    /// Returns the error that the client is told, without `-`: as the servers write it, with the byte itself.
    pub(crate) fn line(self) -> Vec<u8> {
        let text = match self {
            ProtocolError::ExpectedBulk(byte) => [b"expected '$', got '".as_slice(), &[byte], b"'"].concat(),
            other => other.to_string().into_bytes(),
        };
        [b"ERR Protocol error: ".as_slice(), &text].concat()
    }
}

/// The result of a scan of the buffer's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// A request of this many bytes; [`RequestScan::request`] returns it.
    Complete(usize),
    /// More bytes are needed; the frame will have at least this many.
    Partial(usize),
}

/// The state of the scan of one request, with the arguments found so far.
#[derive(Default)]
pub(crate) struct RequestScan {
    args: Vec<ArgRange>,
    /// Number of bytes of the frame scanned so far.
    at: usize,
    /// Number of arguments still to come; `None` until the array header has been read.
    missing: Option<u32>,
    /// Length of the argument whose header has been read and whose bytes have not arrived yet.
    pending: Option<usize>,
    /// An inline command as an array; empty for other requests.
    inline: Vec<u8>,
    /// The client has still to authenticate.
    of_stranger: bool,
}

impl RequestScan {
    /// Goes on where the last call stopped. `buf` starts at the frame's first byte.
    pub(crate) fn scan(&mut self, buf: &[u8], max_frame: usize) -> Result<Scanned, ProtocolError> {
        if self.at == 0 {
            self.args.clear();
            self.inline.clear();
            match buf.first() {
                None => return Ok(Scanned::Partial(1)),
                Some(b'*') => self.at = 1,
                Some(_) => return self.scan_inline(buf),
            }
        }
        if self.missing.is_none() {
            match self.header(buf)? {
                Some(count) => self.missing = Some(count),
                None => return Ok(Scanned::Partial(buf.len() + 1)),
            }
        }
        self.arguments(buf, max_frame)
    }

    /// Sets whether the client has still to authenticate: until then its requests are small.
    pub(crate) fn set_of_stranger(&mut self, is: bool) {
        self.of_stranger = is;
    }

    /// Returns the request that the last scan of `buf` found.
    pub(crate) fn request<'a>(&'a self, buf: &'a [u8], len: usize) -> Request<'a> {
        let raw = if self.inline.is_empty() { buf.get(..len).unwrap_or_default() } else { &self.inline };
        Request::new(raw, &self.args)
    }

    /// Forgets the frame. To be called after each complete one, and before bytes are scanned again from their start.
    pub(crate) fn reset(&mut self) {
        self.at = 0;
        self.missing = None;
        self.pending = None;
        if self.args.capacity() > KEPT_ARGS {
            self.args = Vec::new();
        }
    }

    fn header(&mut self, buf: &[u8]) -> Result<Option<u32>, ProtocolError> {
        if let Some((count, taken)) = buf.get(self.at..).and_then(read_short)
            && !self.of_stranger
        {
            self.at += taken;
            return Ok(Some(count as u32));
        }
        const LONG: ProtocolError = ProtocolError::LongMultibulkLength;
        match read_line(buf, self.at) {
            Ok(Some(Line { number, next })) if number <= MAX_ARGS => {
                if self.of_stranger && number > MAX_ARGS_OF_STRANGER {
                    return Err(ProtocolError::StrangersMultibulkLength);
                }
                self.at = next;
                // An empty or negative array is no command; the servers skip it in silence, and so does the caller.
                Ok(Some(u32::try_from(number).unwrap_or(0)))
            }
            Ok(None) => Ok(None),
            Ok(Some(_)) | Err(_) => {
                fault_when_line_ends(buf, 0, LONG, ProtocolError::MultibulkLength).map(|()| None)
            }
        }
    }

    fn arguments(&mut self, buf: &[u8], max_frame: usize) -> Result<Scanned, ProtocolError> {
        let mut missing = self.missing.unwrap_or(0);
        loop {
            if self.pending.is_none() {
                missing = self.short_arguments(buf, missing, max_frame.min(u32::MAX as usize));
            }
            if missing == 0 {
                break;
            }
            let len = match self.pending.take() {
                Some(len) => len,
                None => match self.bulk_header(buf, max_frame)? {
                    Some(len) => len,
                    None => {
                        self.missing = Some(missing);
                        return Ok(Scanned::Partial(buf.len() + 1));
                    }
                },
            };
            let end = self.at + len;
            match buf.get(end..) {
                Some([b'\r', b'\n', ..]) => {}
                Some([_, _, ..]) => return Err(ProtocolError::Terminator),
                Some(_) | None => {
                    (self.missing, self.pending) = (Some(missing), Some(len));
                    return Ok(Scanned::Partial(end + 2));
                }
            }
            self.args.push(ArgRange { start: self.at as u32, len: len as u32 });
            self.at = end + 2;
            missing -= 1;
        }
        self.missing = Some(0);
        Ok(Scanned::Complete(self.at))
    }

    /// Takes the arguments that have come whole and are short, as nearly all are. Returns how many are missing from then on.
    #[inline]
    fn short_arguments(&mut self, buf: &[u8], mut missing: u32, longest_frame: usize) -> u32 {
        while missing > 0
            && let Some([b'$', number @ ..]) = buf.get(self.at..)
            && let Some((len, taken)) = read_short(number)
            && let Some([b'\r', b'\n', ..]) = number.get(taken + len..)
        {
            let start = self.at + 1 + taken;
            let next = start + len + 2;
            if next > longest_frame {
                break;
            }
            self.args.push(ArgRange { start: start as u32, len: len as u32 });
            self.at = next;
            missing -= 1;
        }
        missing
    }

    fn bulk_header(&mut self, buf: &[u8], max_frame: usize) -> Result<Option<usize>, ProtocolError> {
        let rest = match buf.get(self.at..) {
            None | Some([]) => return Ok(None),
            Some([b'$', rest @ ..]) => rest,
            Some([other, ..]) => return self.faulty_bulk(buf, ProtocolError::ExpectedBulk(*other)),
        };
        let (len, next) = match read_short(rest) {
            Some((len, taken)) => (len, self.at + 1 + taken),
            None => match read_line(buf, self.at + 1) {
                Ok(Some(Line { number, next })) => match usize::try_from(number) {
                    Ok(len) => (len, next),
                    Err(_) => return Err(ProtocolError::BulkLength),
                },
                Ok(None) => return Ok(None),
                Err(_) => return self.faulty_bulk(buf, ProtocolError::BulkLength),
            },
        };
        if len > max_frame {
            return Err(ProtocolError::BulkLength);
        }
        if self.of_stranger && len > MAX_BULK_OF_STRANGER {
            return Err(ProtocolError::StrangersBulkLength);
        }
        if next + len + 2 > max_frame.min(u32::MAX as usize) {
            return Err(ProtocolError::FrameTooBig);
        }
        self.at = next;
        Ok(Some(len))
    }

    fn faulty_bulk(&self, buf: &[u8], error: ProtocolError) -> Result<Option<usize>, ProtocolError> {
        fault_when_line_ends(buf, self.at, ProtocolError::LongBulkLength, error).map(|()| None)
    }

    fn scan_inline(&mut self, buf: &[u8]) -> Result<Scanned, ProtocolError> {
        let window = buf.get(..=MAX_LINE).unwrap_or(buf);
        let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
            return match window.len() <= MAX_LINE {
                true => Ok(Scanned::Partial(buf.len() + 1)),
                false => Err(ProtocolError::InlineTooBig),
            };
        };
        let line = window.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        inline::to_array(line, &mut self.inline, &mut self.args).ok_or(ProtocolError::UnbalancedQuotes)?;
        Ok(Scanned::Complete(end + 1))
    }
}

/// Returns the fault of the header that begins at `at` once the header is whole, as the servers look at it only then: with its
/// CR and the byte behind it. Until then it may be so long that this is the fault.
fn fault_when_line_ends(
    buf: &[u8],
    at: usize,
    long: ProtocolError,
    fault: ProtocolError,
) -> Result<(), ProtocolError> {
    let line = buf.get(at..).unwrap_or_default();
    match line.iter().position(|byte| *byte == b'\r') {
        Some(end) if end + 1 < line.len() => Err(fault),
        None if line.len() > MAX_LINE => Err(long),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    fn all(input: &[u8]) -> Result<Vec<Vec<Vec<u8>>>, ProtocolError> {
        let (mut scan, mut at, mut found) = (RequestScan::default(), 0, Vec::new());
        while let Scanned::Complete(len) = scan.scan(&input[at..], LIMIT)? {
            found.push(scan.request(&input[at..], len).args().map(<[u8]>::to_vec).collect());
            scan.reset();
            at += len;
        }
        Ok(found)
    }

    fn words(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn arrays_and_inline_commands_are_found_in_one_stream() {
        let input = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n*0\r\n\r\nSET \"a b\" 'c'\n*1\r\n$0\r\n\r\n";
        let expected = vec![
            words(&["GET", "a"]),
            words(&["PING"]),
            words(&[]),
            words(&[]),
            words(&["SET", "a b", "c"]),
            words(&[""]),
        ];
        assert_eq!(all(input).unwrap(), expected);
    }

    #[test]
    fn a_request_in_single_bytes_is_found_like_a_whole_one() {
        let input = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nv\r\nue\r\n";
        let mut scan = RequestScan::default();
        for end in 0..input.len() {
            assert!(matches!(scan.scan(&input[..end], LIMIT), Ok(Scanned::Partial(_))), "at {end}");
        }
        assert_eq!(scan.scan(input, LIMIT), Ok(Scanned::Complete(input.len())));
        assert_eq!(scan.request(input, input.len()).arg(2), Some(&b"v\r\nue"[..]));
    }

    #[test]
    fn malformed_and_oversized_requests_are_errors() {
        for (input, expected) in [
            (&b"*2147483648\r\n"[..], ProtocolError::MultibulkLength),
            (b"*x\r\n", ProtocolError::MultibulkLength),
            (b"*99999999999999999999999\r\n", ProtocolError::MultibulkLength),
            (b"*1\rx", ProtocolError::MultibulkLength),
            (b"*1\r\n*1\r\n", ProtocolError::ExpectedBulk(b'*')),
            (b"*1\r\n$4\rx", ProtocolError::BulkLength),
            (b"*1\r\n$9223372036854775808\r\n", ProtocolError::BulkLength),
            (b"*1\r\n$-1\r\n", ProtocolError::BulkLength),
            (b"*1\r\n$2000000\r\n", ProtocolError::BulkLength),
            (b"*1\r\n$1048576\r\n", ProtocolError::FrameTooBig),
            (b"*1\r\n$1\r\nabc", ProtocolError::Terminator),
            (b"GET \"a\r\n", ProtocolError::UnbalancedQuotes),
        ] {
            assert_eq!(all(input), Err(expected), "{}", input.escape_ascii());
        }
    }

    #[test]
    fn a_header_is_looked_at_when_it_is_whole_or_too_long() {
        for (head, fault, long) in [
            (&b"*"[..], ProtocolError::MultibulkLength, ProtocolError::LongMultibulkLength),
            (b"*1\r\n$", ProtocolError::BulkLength, ProtocolError::LongBulkLength),
            (b"*1\r\n:", ProtocolError::ExpectedBulk(b':'), ProtocolError::LongBulkLength),
        ] {
            for byte in [b'1', b'x'] {
                let with = |count: usize, end: &[u8]| all(&[head, &vec![byte; count], end].concat());
                let (at_most, name) = (MAX_LINE - 1, head.escape_ascii());
                assert_eq!(with(at_most, b""), Ok(Vec::new()), "{name}");
                assert_eq!(with(at_most, b"\r"), Ok(Vec::new()), "{name}");
                assert_eq!(with(at_most, b"\r\n"), Err(fault), "{name}");
                assert_eq!(with(MAX_LINE, b""), Err(long), "{name}");
            }
        }
        let line = |len: usize, end: &[u8]| all(&[&vec![b'a'; len], end].concat()).map(|found| found.len());
        assert_eq!(line(MAX_LINE, b""), Ok(0));
        assert_eq!(line(MAX_LINE, b"\n"), Ok(1));
        assert_eq!(line(MAX_LINE + 1, b""), Err(ProtocolError::InlineTooBig));
    }

    #[test]
    fn requests_of_a_stranger_are_small() {
        let (many, long) = (ProtocolError::StrangersMultibulkLength, ProtocolError::StrangersBulkLength);
        for (input, expected) in [
            (&b"*10\r\n"[..], None),
            (b"*11\r\n", Some(many)),
            (b"*2147483648\r\n", Some(ProtocolError::MultibulkLength)),
            (b"*1\r\n$16384\r\n", None),
            (b"*1\r\n$16385\r\n", Some(long)),
            (b"*1\r\n$1048577\r\n", Some(ProtocolError::BulkLength)),
        ] {
            let mut scan = RequestScan::default();
            scan.set_of_stranger(true);
            assert_eq!(scan.scan(input, LIMIT).err(), expected, "{}", input.escape_ascii());
            assert_ne!(RequestScan::default().scan(input, LIMIT).err(), Some(many));
        }
    }

    #[test]
    fn nested_arrays_end_at_the_second_header() {
        let hostile = b"*1\r\n".repeat(16 * 1024);
        assert_eq!(all(&hostile), Err(ProtocolError::ExpectedBulk(b'*')));
    }

    proptest::proptest! {
        #[test]
        fn any_cut_of_any_stream_gives_the_same_requests(
            commands in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::vec(0u8.., 0..12), 1..5), 1..6),
            step in 1usize..9,
        ) {
            let mut stream = Vec::new();
            for command in &commands {
                stream.extend(format!("*{}\r\n", command.len()).bytes());
                for arg in command {
                    stream.extend(format!("${}\r\n", arg.len()).bytes());
                    stream.extend(arg);
                    stream.extend(b"\r\n");
                }
            }
            let (mut scan, mut start, mut end, mut found) = (RequestScan::default(), 0, 0, Vec::new());
            while start < stream.len() {
                match scan.scan(&stream[start..end], LIMIT).unwrap() {
                    Scanned::Complete(len) => {
                        let request = scan.request(&stream[start..end], len);
                        found.push(request.args().map(<[u8]>::to_vec).collect::<Vec<_>>());
                        start += len;
                        scan.reset();
                    }
                    Scanned::Partial(_) => end = (end + step).min(stream.len()),
                }
            }
            proptest::prop_assert_eq!(found, commands);
        }

        #[test]
        fn no_bytes_make_the_scan_panic(bytes in proptest::collection::vec(0u8.., 0..200)) {
            let _ = all(&bytes);
        }
    }
}
