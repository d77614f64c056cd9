//! Blocking commands: recognises them, reads their time-out and writes them again with another one.

use crate::command::options::{self, integer};
use crate::command::resolve;
use crate::command::table::{Command, Handling, TimeoutArg};
use crate::resp::reply;
use crate::resp::request::Request;
use std::time::Duration;

/// Returns true if the server may keep this request waiting: a blocking pop, or a stream read with BLOCK.
pub(crate) fn is_blocking(request: &Request, command: &Command) -> bool {
    match command.timeout {
        None => false,
        Some(TimeoutArg::LastSeconds | TimeoutArg::FirstSeconds | TimeoutArg::Unknown) => true,
        Some(TimeoutArg::BlockMillis) => {
            options::streams(request).is_some_and(|streams| streams.block.is_some())
        }
    }
}

/// Returns the longest time that the server may keep this request waiting. `None`: it waits for ever or not at all, or
/// its time-out is not one that servers accept.
pub(crate) fn timeout(request: &Request) -> Option<Duration> {
    let millis = match timeout_of(request) {
        Some((_, Timeout::Seconds(millis) | Timeout::Millis(millis))) => millis,
        None => wait_millis(request)?,
    };
    (1..=LONGEST_MILLIS).contains(&millis).then(|| Duration::from_millis(millis))
}

/// Returns the time-out of WAIT or WAITAOF, which is the last argument.
fn wait_millis(request: &Request) -> Option<u64> {
    if resolve(request)?.handling != Handling::Wait {
        return None;
    }
    u64::try_from(integer(request.arg(request.len().checked_sub(1)?)?)?).ok()
}

/// Appends to `out` the request as a RESP array with this time-out, for a second try elsewhere.
///
/// 0 stays 0, which means for ever; a time that is used up becomes the shortest one, never 0. Returns false and writes
/// nothing if there is no time-out argument or it is not one that servers accept.
pub(crate) fn with_timeout(request: &Request, left: Duration, out: &mut Vec<u8>) -> bool {
    let Some((place, timeout)) = timeout_of(request) else { return false };
    let Some(left) = timeout.with(left) else { return false };
    let args = request.args().enumerate();
    let words: Vec<&[u8]> =
        args.map(|(index, arg)| if index == place { left.as_bytes() } else { arg }).collect();
    reply::command(out, &words);
    true
}

/// A time-out in milliseconds, with the unit in which the request gives it.
enum Timeout {
    Seconds(u64),
    Millis(u64),
}

impl Timeout {
    /// Returns the argument that says `left` in the same unit. `None`: this time-out exceeds [`LONGEST_MILLIS`].
    fn with(&self, left: Duration) -> Option<String> {
        let (Timeout::Seconds(millis) | Timeout::Millis(millis)) = *self;
        if millis > LONGEST_MILLIS {
            return None;
        }
        let left = u64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        let left = if millis == 0 { 0 } else { left.max(1) };
        Some(match self {
            Timeout::Millis(_) => left.to_string(),
            Timeout::Seconds(_) if left % 1000 == 0 => (left / 1000).to_string(),
            Timeout::Seconds(_) => format!("{}.{:03}", left / 1000, left % 1000),
        })
    }
}

/// Returns the index of the time-out argument and its value.
fn timeout_of(request: &Request) -> Option<(usize, Timeout)> {
    let command = resolve(request)?;
    let place = match command.timeout? {
        TimeoutArg::LastSeconds => request.len().checked_sub(1).filter(|last| *last > 0)?,
        TimeoutArg::FirstSeconds => 1,
        TimeoutArg::Unknown => return None,
        TimeoutArg::BlockMillis => {
            let place = options::streams(request)?.block?;
            let millis = u64::try_from(integer(request.arg(place)?)?).ok()?;
            return Some((place, Timeout::Millis(millis)));
        }
    };
    Some((place, Timeout::Seconds(millis_of_seconds(request.arg(place)?)?)))
}

/// Parses seconds with a fraction into milliseconds, rounded up: a short time must not become 0, which means for ever.
fn millis_of_seconds(arg: &[u8]) -> Option<u64> {
    let seconds: f64 = std::str::from_utf8(arg).ok()?.parse().ok()?;
    let millis = (seconds * 1000.0).ceil();
    (millis.is_finite() && millis >= 0.0).then_some(millis as u64)
}

/// Nearly nine thousand years. A longer time-out goes to the server as it is, for an error of the server's own.
const LONGEST_MILLIS: u64 = 1 << 48;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    fn with(line: &str, millis: u64) -> Option<String> {
        let mut out = Vec::new();
        let left = Duration::from_millis(millis);
        let done = with_timeout(&Words::of(line).request(), left, &mut out);
        let text = String::from_utf8(out).expect("text");
        assert_eq!(done, !text.is_empty());
        // The array as words again: the lines that follow a length.
        done.then(|| text.split("\r\n").skip(2).step_by(2).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_time_left_takes_the_place_of_the_time_out() {
        let cases = [
            ("BLPOP a b 5", 4000, "BLPOP a b 4"),
            ("BLPOP a b 5", 3500, "BLPOP a b 3.500"),
            ("BLPOP a 0.25", 50, "BLPOP a 0.050"),
            ("BLPOP a 0", 99_000, "BLPOP a 0"),
            ("BLPOP a 5", 0, "BLPOP a 0.001"),
            ("BLMOVE a b LEFT RIGHT 2", 1500, "BLMOVE a b LEFT RIGHT 1.500"),
            ("BLMPOP 2 1 a LEFT", 1500, "BLMPOP 1.500 1 a LEFT"),
            ("XREAD BLOCK 2000 STREAMS s $", 1500, "XREAD BLOCK 1500 STREAMS s $"),
            ("XREAD BLOCK 0 STREAMS s $", 500, "XREAD BLOCK 0 STREAMS s $"),
            ("XREAD BLOCK 100 STREAMS s $", 0, "XREAD BLOCK 1 STREAMS s $"),
            (
                "XREADGROUP GROUP BLOCK c BLOCK 900 STREAMS s >",
                400,
                "XREADGROUP GROUP BLOCK c BLOCK 400 STREAMS s >",
            ),
        ];
        for (line, left, expected) in cases {
            assert_eq!(with(line, left).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn the_time_out_is_what_the_server_takes_it_for() {
        for (line, expected) in [
            ("BLPOP a 5", Some(5000)),
            ("BLPOP a 0.0001", Some(1)),
            ("BLPOP a 0", None),
            ("BLPOP a x", None),
            ("BLPOP a 1e300", None),
            ("BLMPOP 0.5 1 a LEFT", Some(500)),
            ("XREAD BLOCK 70 STREAMS s $", Some(70)),
            ("XREAD STREAMS s 0", None),
            ("WAIT 1 250", Some(250)),
            ("WAITAOF 1 0 250", Some(250)),
            ("WAIT 1 0", None),
            ("EXPIRE k 250", None),
        ] {
            let found = timeout(&Words::of(line).request());
            assert_eq!(found, expected.map(Duration::from_millis), "{line}");
        }
    }

    #[test]
    fn what_has_no_usable_timeout_stays_as_it_is() {
        let lines = [
            "GET k",
            "nosuchcommand 5",
            "BLPOP",
            "BLPOP a x",
            "BLPOP a -1",
            "BLPOP a inf",
            "BLPOP a nan",
            "BLPOP a 1e300",
            "XREAD STREAMS s 0",
            "XREAD BLOCK x STREAMS s 0",
            "XREAD BLOCK -1 STREAMS s 0",
        ];
        for line in lines {
            assert_eq!(with(line, 100), None, "{line}");
        }
    }

    #[test]
    fn a_rewritten_request_is_an_array() {
        let mut out = Vec::new();
        assert!(with_timeout(&Words::of("BLPOP k 3").request(), Duration::from_secs(2), &mut out));
        assert_eq!(out, b"*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n$1\r\n2\r\n");
    }
}
