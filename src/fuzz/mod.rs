//! The properties that must hold for any bytes from outside, each a function that panics if its property is violated. The
//! targets of `fuzz/` call them with the inputs of a fuzzer, the tests here with mutated examples of a seeded loop.

#[cfg(test)]
mod tests;

use crate::command::{self, Merge, Slot, lookup, may_read_from_replica, replay_class};
use crate::config;
use crate::resp::reply;
use crate::resp::reply_scan::ReplyScan;
use crate::resp::request::Request;
use crate::resp::scan::{ProtocolError, RequestScan, Scanned};
use crate::resp::{elements, inline};
use crate::route::redirect;
use crate::split::gather::Gathering;

/// Longest input. Longer ones would find nothing more; limits of length have tests of their own.
const LONGEST: usize = 16 << 10;
const MAX_FRAME: usize = 1 << 20;

/// Checks that any cut of a client's bytes yields the same requests, and that their arguments lie within them.
pub fn requests(data: &[u8]) {
    let Some((step, stream)) = step_of(data) else { return };
    let whole = requests_of(stream, stream.len().max(1));
    assert_eq!(requests_of(stream, 1), whole, "cut into single bytes");
    assert_eq!(requests_of(stream, step), whole, "cut into {step} bytes");
}

/// Returns the number of bytes that arrive at a time, and the bytes.
fn step_of(data: &[u8]) -> Option<(usize, &[u8])> {
    let (first, stream) = data.split_first()?;
    (stream.len() <= LONGEST).then_some((usize::from(first % 64) + 1, stream))
}

type Arguments = Vec<Vec<u8>>;

fn requests_of(stream: &[u8], step: usize) -> (Vec<Arguments>, Option<ProtocolError>) {
    let (mut scan, mut start, mut end, mut found) = (RequestScan::default(), 0, 0, Vec::new());
    let mut least = 0;
    while end <= stream.len() {
        let buf = &stream[start..end];
        match scan.scan(buf, MAX_FRAME) {
            Ok(Scanned::Complete(len)) => {
                assert!(len > 0 && len <= buf.len() && len >= least, "{len} of {} bytes", buf.len());
                found.push(arguments(&scan.request(buf, len)));
                scan.reset();
                (start, least) = (start + len, 0);
            }
            Ok(Scanned::Partial(_)) if end == stream.len() => break,
            Ok(Scanned::Partial(expected)) => {
                least = least.max(expected);
                end = (end + step).min(stream.len());
            }
            Err(error) => return (found, Some(error)),
        }
    }
    (found, None)
}

fn arguments(request: &Request<'_>) -> Arguments {
    let all: Arguments = request.args().map(<[u8]>::to_vec).collect();
    assert_eq!(all.len(), request.len(), "every argument lies within its request");
    all
}

/// Checks that any cut of a node's bytes yields the same replies. Bytes not taken are offered again, as in the data path.
pub fn replies(data: &[u8]) {
    let Some((step, stream)) = step_of(data) else { return };
    let whole = ends_of(stream, stream.len().max(1));
    assert_eq!(ends_of(stream, 1), whole, "cut into single bytes");
    assert_eq!(ends_of(stream, step), whole, "cut into {step} bytes");
}

/// Returns the ends of the replies, and true if the bytes behind them are malformed.
fn ends_of(stream: &[u8], step: usize) -> (Vec<usize>, bool) {
    let (mut scan, mut start, mut end, mut ends) = (ReplyScan::default(), 0, 0, Vec::new());
    loop {
        match scan.scan(&stream[start..end]) {
            Ok((taken, done)) => {
                assert!(taken <= end - start);
                start += taken;
                match done {
                    true => ends.push(start),
                    false if end == stream.len() => return (ends, false),
                    false => end = (end + step).min(stream.len()),
                }
            }
            Err(_) => return (ends, true),
        }
    }
}

/// Checks that the array made of an inline command scans to the same words at the same ranges.
pub fn inline(data: &[u8]) {
    let line = &data[..data.len().min(LONGEST)];
    let (mut out, mut ranges) = (Vec::new(), Vec::new());
    if inline::to_array(line, &mut out, &mut ranges).is_none() {
        return;
    }
    let expected = arguments(&Request::new(&out, &ranges));
    let mut scan = RequestScan::default();
    match scan.scan(&out, usize::MAX) {
        Ok(Scanned::Complete(len)) => {
            assert_eq!(len, out.len());
            assert_eq!(arguments(&scan.request(&out, len)), expected);
        }
        other => assert!(out.is_empty() && expected.is_empty(), "{other:?}"),
    }
}

/// Checks that the keys found are arguments of their request. In the input, zero bytes separate the words.
pub fn keys(data: &[u8]) {
    let words: Vec<&[u8]> = data[..data.len().min(LONGEST)].split(|byte| *byte == 0).collect();
    let mut raw = Vec::new();
    reply::command(&mut raw, &words);
    let mut scan = RequestScan::default();
    let Ok(Scanned::Complete(len)) = scan.scan(&raw, usize::MAX) else { return };
    let request = scan.request(&raw, len);
    let _ = replay_class(&request);
    let Some(command) = lookup(request.name()) else { return };
    let entry = command.subcommand(&request).unwrap_or(command);
    let _ = may_read_from_replica(&request, entry);
    let within = raw.as_ptr_range();
    let mut found = Vec::new();
    let visited = command::visit_keys(&request, entry, &mut |key| found.push(key));
    for key in &found {
        assert!(key.is_empty() || within.contains(&key.as_ptr()), "a key of the request's own");
        assert!(request.args().skip(1).any(|arg| arg == *key));
    }
    if let (Ok(()), Some(lone)) = (visited, command::lone_key(&request, entry)) {
        assert_eq!(found, [lone]);
    }
    if let Some(run) = command::key_run(&request, entry) {
        assert!(run.step > 0 && run.end() <= request.len(), "{run:?}");
    }
}

/// Checks that a redirect names a valid slot and address, and reads the same when it is written again.
pub fn redirects(data: &[u8]) {
    let Some(found) = redirect::parse(data) else { return };
    assert!(found.slot.0 < Slot::COUNT && found.port > 0);
    let again = format!("-MOVED {} {}:{}\r\n", found.slot.0, found.host, found.port);
    assert!(String::from_utf8_lossy(data).contains(found.host));
    assert_eq!(redirect::parse(again.as_bytes()), Some(found));
}

/// Checks that INFO of several nodes becomes one well-formed text with every field. Zero bytes separate the nodes.
pub fn info(data: &[u8]) {
    let texts: Vec<&[u8]> = data[..data.len().min(LONGEST)].split(|byte| *byte == 0).take(8).collect();
    let replies: Vec<Vec<u8>> = texts
        .iter()
        .map(|text| {
            let mut raw = Vec::new();
            reply::bulk(&mut raw, text);
            raw
        })
        .collect();
    let mut gathering = Gathering::new(Merge::Info, replies.len());
    let parts = replies.iter().enumerate();
    let wholes: Vec<Vec<u8>> = parts.filter_map(|(index, raw)| gathering.part(index, raw)).collect();
    let [whole] = wholes.as_slice() else { unreachable!("one reply, with the last part") };
    assert_eq!(ends_of(whole, whole.len()), (vec![whole.len()], false));
    if texts.iter().any(|text| std::str::from_utf8(text).is_err()) {
        return;
    }
    let merged = elements::text(whole).map(String::from_utf8_lossy).unwrap_or_default();
    for text in texts {
        for line in String::from_utf8_lossy(text).lines().filter(|line| !line.starts_with('#')) {
            let Some((name, _)) = line.split_once(':') else { continue };
            assert!(merged.contains(&format!("{name}:")), "{name} is left out");
        }
    }
}

/// Checks that a config which loads is shown in a form that loads to the same, and that any other has a fault.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(&data[..data.len().min(LONGEST)]) else { return };
    match config::text::load_text(text) {
        Ok(loaded) => {
            let shown = config::show(&loaded);
            match config::text::load_text(&shown) {
                Ok(again) => assert_eq!(config::show(&again), shown),
                Err(faults) => {
                    assert!(faults.is_empty(), "what was shown does not load: {faults:?}\n{shown}")
                }
            }
        }
        Err(faults) => assert!(!faults.is_empty()),
    }
}
