//! Keeps a command's effect the same on both sides whatever the time is, and keeps a run short.

use crate::looks::names;

/// Times to live, in seconds or milliseconds, are longer than any run.
const TO_LIVE: i64 = 1_000_000;
/// A second that no run will see.
const FAR: i64 = 9_999_999_999;
/// Larger offsets make values of hundreds of megabytes.
const OFFSET: i64 = 100_000;
/// A time in ms that no entry of a stream has been idle for.
const IDLE: i64 = 3_600_000;

/// How long a command waits, in milliseconds: long enough for the proxy to have a connection for it by then.
const WAIT: i64 = 50;

/// Changes the arguments that would make a difference of their own.
pub(crate) fn tame(args: &mut [Vec<u8>]) {
    let (name, both) = names(args);
    match name.as_str() {
        "expire" | "pexpire" | "setex" | "psetex" | "restore" => to_live(args, 2),
        "set" | "getex" => {
            behind(args, &["ex", "px"], to_live);
            // A key that SET gives a time in the past is counted until the server comes upon it.
            behind(args, &["exat"], |args, at| replace(args, at, |time| (1..FAR).contains(&time), FAR));
            behind(args, &["pxat"], |args, at| {
                replace(args, at, |time| (1..1000 * FAR).contains(&time), 1000 * FAR)
            });
        }
        "blpop" | "brpop" | "bzpopmin" | "bzpopmax" | "brpoplpush" | "blmove" => {
            seconds(args, args.len().saturating_sub(1));
        }
        "blmpop" | "bzmpop" => seconds(args, 1),
        "xread" | "xreadgroup" => behind(args, &["block"], milliseconds),
        "wait" => replace(args, 2, |ms| ms == 0 || ms > 2, 2),
        "setrange" | "setbit" | "bitfield" | "bitfield_ro" => {
            (2..args.len()).for_each(|at| replace(args, at, |number| number > OFFSET, OFFSET));
        }
        "xclaim" | "xautoclaim" => replace(args, 4, |ms| (1..IDLE).contains(&ms), 0),
        "xpending" => behind(args, &["idle"], |args, at| replace(args, at, |ms| (1..IDLE).contains(&ms), 0)),
        // No client has this id on either side.
        "client" if ["client|unblock", "client|list"].contains(&both.as_str()) => {
            (2..args.len()).for_each(|at| replace(args, at, |id| id > 0, 999_999_999));
        }
        "client" if both == "client|pause" => replace(args, 2, |ms| ms > 2, 2),
        _ => {}
    }
}

fn number(args: &[Vec<u8>], at: usize) -> Option<i64> {
    std::str::from_utf8(args.get(at)?).ok()?.parse().ok()
}

fn replace(args: &mut [Vec<u8>], at: usize, which: impl Fn(i64) -> bool, with: i64) {
    if number(args, at).is_some_and(which) {
        args[at] = with.to_string().into_bytes();
    }
}

fn to_live(args: &mut [Vec<u8>], at: usize) {
    replace(args, at, |time| (1..TO_LIVE).contains(&time), TO_LIVE);
}

fn milliseconds(args: &mut [Vec<u8>], at: usize) {
    replace(args, at, |time| time >= 0, WAIT);
}

/// Sets a time-out, which may be written in any form that C knows.
fn seconds(args: &mut [Vec<u8>], at: usize) {
    let Some(arg) = args.get_mut(at) else { return };
    let text = String::from_utf8_lossy(arg).to_lowercase();
    let is_valid = text.parse::<f64>().is_ok_and(|time| time >= 0.0 && time.is_finite());
    if is_valid || text.contains("0x") {
        *arg = format!("0.0{WAIT}").into_bytes();
    }
}

/// Applies a change to the arguments behind these words.
fn behind(args: &mut [Vec<u8>], words: &[&str], change: impl Fn(&mut [Vec<u8>], usize)) {
    for at in 1..args.len() {
        if words.iter().any(|word| args[at].eq_ignore_ascii_case(word.as_bytes())) {
            change(args, at + 1);
        }
    }
}

/// Returns the key to be deleted behind a command whose effect is random, or depends on the clock or on the order in a table.
pub(crate) fn random_key(args: &[Vec<u8>]) -> Option<Vec<u8>> {
    let at = |word: &str| args.iter().rposition(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    match names(args).0.as_str() {
        "spop" => args.get(1).cloned(),
        "xadd" => at("*").and(args.get(1)).cloned(),
        "sort" => at("store")
            .filter(|_| at("alpha").is_none() || at("by").is_some())
            .and_then(|at| args.get(at + 1))
            .cloned(),
        _ => None,
    }
}
