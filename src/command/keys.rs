//! Finds the keys of a request by the servers' key specs, or by a parser of its own where those are incomplete.

use crate::command::flags::{Flags, KeyFlags};
use crate::command::lookup;
use crate::command::options::{self, integer};
use crate::command::table::{BeginSearch, Command, FindKeys, KeyRule, KeySpec};
use crate::resp::request::Request;
use thiserror::Error;

/// The reason why the keys of a request cannot be found. All but the first are faults of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum KeysError {
    #[error("the command is not in the table")]
    UnknownCommand,
    #[error("the number of keys is not a number that fits")]
    KeyCount,
    #[error("arguments are missing")]
    Missing,
}

/// Returns the key of a command that has exactly one, at a fixed place. This is the short way for most requests.
pub(crate) fn lone_key<'a>(request: &Request<'a>, command: &Command) -> Option<&'a [u8]> {
    match (command.key_rule, command.key_specs) {
        (
            KeyRule::Specs,
            [KeySpec { begin: BeginSearch::Index(index), find: FindKeys::Range { last: 0, .. }, .. }],
        ) => request.arg(usize::try_from(*index).ok()?),
        _ => None,
    }
}

/// Calls `visit` with every key of the request, in the order of the key specs. This is for routing: the channels of
/// sharded pub/sub count as keys. `entry` is the subcommand's if the request has one. If an error is returned, the keys
/// visited before it mean nothing.
pub(crate) fn visit_keys<'a>(
    request: &Request<'a>,
    entry: &Command,
    visit: &mut dyn FnMut(&'a [u8]),
) -> Result<(), KeysError> {
    each_key(request, entry, &mut |index, _| {
        visit(request.arg(index).ok_or(KeysError::Missing)?);
        Ok(())
    })
}

/// The layout of a request that consists of keys, each with its value if it has one: `MSET key value …`. The number of
/// keys may precede them, and options that apply to each key alone may follow: `MSETEX 2 key value key value EX 9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyRun {
    /// Index of the first key.
    pub(crate) first: usize,
    /// Number of arguments per key: 2 for a key and its value.
    pub(crate) step: usize,
    /// Number of keys.
    pub(crate) keys: usize,
    /// True if the argument in front of the first key is the number of keys.
    pub(crate) counted: bool,
    /// Number of arguments behind the keys, which apply to each key alone.
    pub(crate) options: usize,
}

impl KeyRun {
    /// Returns the index of the first argument behind the keys.
    pub(crate) fn end(&self) -> usize {
        self.first + self.keys * self.step
    }
}

/// Most options that may follow the keys: every part of a split request carries them all.
const MAX_OPTIONS: usize = 3;
const MAX_OPTION_LEN: usize = 32;

/// Returns the layout of a request that can be split by its keys. `None`: the request has another form, or an option
/// applies to all keys together (NX, XX).
pub(crate) fn key_run(request: &Request, entry: &Command) -> Option<KeyRun> {
    let (KeyRule::Specs, [KeySpec { begin: BeginSearch::Index(1), find, .. }]) =
        (entry.key_rule, entry.key_specs)
    else {
        return None;
    };
    match *find {
        FindKeys::Range { last: last @ ..0, step, limit: 0 } => {
            let step = usize::try_from(step).ok().filter(|&step| step > 0)?;
            let options = usize::from(last.unsigned_abs()) - 1;
            let keys = request.len().checked_sub(1 + options)? / step;
            Some(KeyRun { first: 1, step, keys, counted: false, options })
        }
        FindKeys::Count { count: 0, first: 1, step } => {
            let step = usize::try_from(step).ok().filter(|&step| step > 0)?;
            let keys = usize::try_from(integer(request.arg(1)?)?).ok()?;
            let run = KeyRun { first: 2, step, keys, counted: true, options: 0 };
            let options = request.len().checked_sub(run.end()).filter(|_| keys <= request.len())?;
            options_for_each(request, run.end()).then_some(KeyRun { options, ..run })
        }
        FindKeys::Range { .. } | FindKeys::Count { .. } | FindKeys::Unknown => None,
    }
}

fn options_for_each(request: &Request, from: usize) -> bool {
    let mut options = request.args().skip(from);
    request.len() - from <= MAX_OPTIONS
        && options.all(|arg| arg.len() <= MAX_OPTION_LEN && !options::is_any(arg, &["NX", "XX"]))
}

/// Returns the entry whose key specs hold: an unknown subcommand is an error, never its command's entry.
pub(super) fn known(request: &Request) -> Result<&'static Command, KeysError> {
    let command = lookup(request.name()).ok_or(KeysError::UnknownCommand)?;
    if command.subcommands.is_empty() || request.len() == 1 {
        return Ok(command);
    }
    command.subcommand(request).ok_or(KeysError::UnknownCommand)
}

type Visit<'a> = dyn FnMut(usize, KeyFlags) -> Result<(), KeysError> + 'a;

/// Calls `visit` with the argument index and the flags of every key.
pub(super) fn each_key(request: &Request, command: &Command, visit: &mut Visit) -> Result<(), KeysError> {
    match command.key_rule {
        KeyRule::Specs => {
            command.key_specs.iter().try_for_each(|spec| by_spec(request, command, spec, visit))
        }
        KeyRule::Streams => by_streams(request, command, visit),
        KeyRule::Sort => by_sort(request, command, visit),
        KeyRule::Migrate => by_migrate(request, visit),
    }
}

fn by_spec(request: &Request, command: &Command, spec: &KeySpec, visit: &mut Visit) -> Result<(), KeysError> {
    let Some(begin) = begin_of(request, spec.begin) else { return Ok(()) };
    if begin >= request.len() && command.arity_fits(request.len()) {
        return Ok(());
    }
    let (first, last, step) = range_of(request, spec.find, begin)?;
    let mut index = first;
    while index <= last {
        let place = usize::try_from(index).map_err(|_| KeysError::Missing)?;
        if place >= request.len() {
            return Err(KeysError::Missing);
        }
        visit(place, spec.flags)?;
        index += step;
    }
    Ok(())
}

/// Returns the index of the argument where the search begins; `None` if its keyword is missing.
fn begin_of(request: &Request, begin: BeginSearch) -> Option<usize> {
    match begin {
        BeginSearch::Index(index) => usize::try_from(index).ok(),
        BeginSearch::Keyword { word, start_from } => {
            let is_word =
                |index: &usize| request.arg(*index).is_some_and(|arg| options::is_any(arg, &[word]));
            let distance = usize::from(start_from.unsigned_abs());
            let place = if start_from >= 0 {
                (distance..request.len()).find(is_word)
            } else {
                (1..=request.len().saturating_sub(distance)).rev().find(is_word)
            };
            place.map(|index| index + 1)
        }
        BeginSearch::Unknown => None,
    }
}

/// Returns the index of the first key, that of the last one, and the step. The last is below the first if there are none.
fn range_of(request: &Request, find: FindKeys, begin: usize) -> Result<(i64, i64, i64), KeysError> {
    let (begin, len) = (begin as i64, request.len() as i64);
    match find {
        FindKeys::Range { last, step, limit } => {
            let last = match (i64::from(last), i64::from(limit)) {
                (last, _) if last >= 0 => begin + last,
                (last, ..=1) => len + last,
                (last, limit) => begin + (len - begin) / limit + last,
            };
            if last < begin {
                return Err(KeysError::Missing);
            }
            Ok((begin, last, i64::from(step).max(1)))
        }
        FindKeys::Count { count, first, step } => {
            let place = usize::try_from(begin + i64::from(count)).map_err(|_| KeysError::Missing)?;
            let count = integer(request.arg(place).ok_or(KeysError::Missing)?).ok_or(KeysError::KeyCount)?;
            if !(0..=len).contains(&count) {
                return Err(KeysError::KeyCount);
            }
            let (first, step) = (begin + i64::from(first), i64::from(step).max(1));
            Ok((first, first + (count - 1) * step, step))
        }
        FindKeys::Unknown => Ok((1, 0, 1)),
    }
}

/// Visits the first half of the arguments behind STREAMS; the other half are ids.
fn by_streams(request: &Request, command: &Command, visit: &mut Visit) -> Result<(), KeysError> {
    let streams = options::streams(request).ok_or(KeysError::Missing)?;
    let flags = command.key_specs.first().map_or(KeyFlags::EMPTY, |spec| spec.flags);
    (streams.first..streams.first + streams.count).try_for_each(|index| visit(index, flags))
}

/// Visits the key, then the destination if there is one. The keys that BY and GET patterns reach cannot be known.
fn by_sort(request: &Request, command: &Command, visit: &mut Visit) -> Result<(), KeysError> {
    if request.len() < 2 {
        return Err(KeysError::Missing);
    }
    visit(1, KeyFlags::RO.with(KeyFlags::ACCESS))?;
    match options::sort(request).store {
        Some(store) if command.flags.contains(Flags::WRITE) => {
            visit(store, KeyFlags::OW.with(KeyFlags::UPDATE))
        }
        _ => Ok(()),
    }
}

/// Visits the key at index 3, or the keys behind KEYS if that argument is empty.
fn by_migrate(request: &Request, visit: &mut Visit) -> Result<(), KeysError> {
    let flags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE);
    let key = request.arg(3).ok_or(KeysError::Missing)?;
    match options::migrate_keys(request) {
        Some(first) if key.is_empty() => (first..request.len()).try_for_each(|index| visit(index, flags)),
        _ => visit(3, flags),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;
    use crate::command::{handling, is_blocking, replay_class, with_timeout};
    use proptest::prelude::*;

    /// The argument indexes of the keys.
    fn keys(request: &Request) -> Result<Vec<usize>, KeysError> {
        let mut out = Vec::new();
        each_key(request, known(request)?, &mut |index, _| {
            out.push(index);
            Ok(())
        })?;
        Ok(out)
    }

    fn keys_of(line: &str) -> Result<Vec<usize>, KeysError> {
        keys(&Words::of(line).request())
    }

    #[test]
    fn keys_are_where_the_commands_have_them() {
        let cases: &[(&str, &[usize])] = &[
            ("PING", &[]),
            ("get k", &[1]),
            ("DEL a b c", &[1, 2, 3]),
            ("MSET a 1 b 2", &[1, 3]),
            ("SINTERSTORE d a b", &[1, 2, 3]),
            ("LMOVE a b LEFT LEFT", &[1, 2]),
            ("OBJECT ENCODING k", &[2]),
            ("OBJECT HELP", &[]),
            ("MEMORY USAGE k", &[2]),
            ("XGROUP CREATE s g $", &[2]),
            ("XINFO STREAM s", &[2]),
            ("BITOP AND d a b", &[2, 3, 4]),
            ("ZINTER 2 a b WEIGHTS 1 2", &[2, 3]),
            ("MSETEX 2 a 1 b 2 EX 9", &[2, 4]),
            ("LMPOP 1 a LEFT", &[2]),
            ("EVAL body 2 a b arg", &[3, 4]),
            ("EVAL body 0", &[]),
            ("FCALL_RO f 1 a", &[3]),
            ("ZUNIONSTORE d 2 a b", &[1, 3, 4]),
            ("BLMPOP 0 2 a b LEFT", &[3, 4]),
            ("BLPOP a b 0", &[1, 2]),
            ("XREAD STREAMS a b 0 0", &[2, 3]),
            ("XREAD COUNT 2 BLOCK 5 STREAMS a 0", &[6]),
            ("XREADGROUP GROUP STREAMS c STREAMS a >", &[5]),
            ("GEORADIUS k 1 2 3 m", &[1]),
            ("GEORADIUS k 1 2 3 m WITHDIST STORE d", &[1, 8]),
            ("GEORADIUSBYMEMBER k m 3 m STOREDIST d", &[1, 6]),
            ("SORT k", &[1]),
            ("SORT k BY STORE GET # LIMIT 0 2 STORE d ALPHA", &[1, 10]),
            ("SORT k STORE", &[1]),
            ("SORT k STORE a STORE d", &[1, 5]),
            ("SORT_RO k STORE d", &[1]),
            ("SORT_RO k BY w_*", &[1]),
            ("MIGRATE h 1 k 0 5 COPY", &[3]),
            ("MIGRATE h 1 \"\" 0 5 AUTH KEYS KEYS a b", &[9, 10]),
            ("SPUBLISH c m", &[1]),
            ("SSUBSCRIBE c d", &[1, 2]),
            ("SUNSUBSCRIBE", &[]),
            ("PUBLISH c m", &[]),
            ("EXPIREMEMBER k m 5", &[1]),
            ("KEYDB.MEXISTS a b", &[1, 2]),
            ("EXPDEL a b", &[1, 2]),
            ("KEYDB.HRENAME k f g", &[1]),
            ("KEYDB.NHSET k.a v w", &[1]),
            ("KEYDB.CRON k REPEAT 5 script 1 a", &[]),
            ("STRALGO LCS IDX KEYS a b", &[4, 5]),
            ("STRALGO LCS STRINGS a b", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(keys_of(line).as_deref(), Ok(*expected), "{line}");
        }
    }

    #[test]
    fn requests_without_their_keys_are_errors() {
        let cases = [
            ("nosuchcommand k", KeysError::UnknownCommand),
            ("OBJECT NOSUCH k", KeysError::UnknownCommand),
            ("GET", KeysError::Missing),
            ("LMOVE a", KeysError::Missing),
            ("BLPOP", KeysError::Missing),
            ("EVAL body", KeysError::Missing),
            ("EVAL body 2 a", KeysError::Missing),
            ("EVAL body 9 a b", KeysError::KeyCount),
            ("EVAL body -1 a", KeysError::KeyCount),
            ("EVAL body x a", KeysError::KeyCount),
            ("ZUNION 9223372036854775807 a", KeysError::KeyCount),
            ("XREAD STREAMS a b 0", KeysError::Missing),
            ("XREAD COUNT 1", KeysError::Missing),
            ("MIGRATE h 1", KeysError::Missing),
        ];
        for (line, expected) in cases {
            assert_eq!(keys_of(line), Err(expected), "{line}");
        }
    }

    /// A known name, then words that options are made of, numbers and bytes.
    fn arguments() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let names: Vec<Vec<u8>> = lookup::all().map(|command| command.name.as_bytes().to_vec()).collect();
        let subs = lookup::all().flat_map(|command| command.subcommands);
        let mut words: Vec<Vec<u8>> = subs.map(|sub| sub.short_name().as_bytes().to_vec()).collect();
        let options = "streams store storedist keys auth block count group by get limit nx xx ex fields maxlen ~ * > \
             -1 0 1 2 3 9223372036854775807 -9223372036854775808 1e400 nan inf #!lua";
        words.extend(options.split_whitespace().map(|word| word.as_bytes().to_vec()));
        let word = prop_oneof![
            proptest::sample::select(words),
            proptest::collection::vec(any::<u8>(), 0..20),
            (-3_i64..12).prop_map(|number| number.to_string().into_bytes()),
        ];
        let name = prop_oneof![9 => proptest::sample::select(names), 1 => proptest::collection::vec(any::<u8>(), 0..24)];
        (name, proptest::collection::vec(word, 0..12))
            .prop_map(|(name, rest)| std::iter::once(name).chain(rest).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn nothing_panics_whatever_a_client_sends(args in arguments()) {
            let words = Words::new(&args);
            let request = words.request();
            if let Ok(found) = keys(&request) {
                prop_assert!(found.iter().all(|index| *index < request.len()));
            }
            replay_class(&request);
            handling(&request);
            let blocking = lookup(request.name()).is_some_and(|command| is_blocking(&request, command));
            let mut out = Vec::new();
            let rewritten = with_timeout(&request, std::time::Duration::from_millis(1500), &mut out);
            prop_assert!(blocking || !rewritten);
            let asked = Words::new([b"COMMAND".to_vec(), b"GETKEYSANDFLAGS".to_vec()].iter().chain(&args));
            crate::command::command_reply(&asked.request(), true, crate::resp::reply::Proto::Resp3, &mut out);
        }
    }
}
