//! Which arguments of a request are keys: the servers' key specs, and a parser where those are incomplete.

use crate::command::flags::KeyFlags;
use crate::command::lookup;
use crate::command::options::{self, integer};
use crate::command::table::{BeginSearch, Command, FindKeys, KeyRule, KeySpec};
use crate::resp::request::Request;
use thiserror::Error;

/// Why the keys of a request cannot be told. All but the first are faults of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum KeysError {
    #[error("the command is not in the table")]
    UnknownCommand,
    #[error("the number of keys is not a number that fits")]
    KeyCount,
    #[error("arguments are missing")]
    Missing,
    #[error("too many arguments")]
    TooManyArguments,
}

/// Fills `out` with the argument indexes of the keys, in the order of the key specs, for routing: the channels of
/// sharded pub/sub count as keys. A command without keys gives none; after an error `out` is of no use.
pub(crate) fn keys(request: &Request, out: &mut Vec<u16>) -> Result<(), KeysError> {
    out.clear();
    let command = known(request)?;
    each_key(request, command, &mut |index, _| {
        out.push(u16::try_from(index).map_err(|_| KeysError::TooManyArguments)?);
        Ok(())
    })
}

/// The entry whose key specs hold: never a command's own when its subcommand is not known.
pub(super) fn known(request: &Request) -> Result<&'static Command, KeysError> {
    let command = lookup(request.name()).ok_or(KeysError::UnknownCommand)?;
    if command.subcommands.is_empty() || request.len() == 1 {
        return Ok(command);
    }
    command.subcommand(request).ok_or(KeysError::UnknownCommand)
}

type Found<'a> = dyn FnMut(usize, KeyFlags) -> Result<(), KeysError> + 'a;

/// Calls `found` with the argument index of every key and what happens to it.
pub(super) fn each_key(request: &Request, command: &Command, found: &mut Found) -> Result<(), KeysError> {
    match command.key_rule {
        KeyRule::Specs => {
            command.key_specs.iter().try_for_each(|spec| by_spec(request, command, spec, found))
        }
        KeyRule::Streams => by_streams(request, command, found),
        KeyRule::Sort => by_sort(request, found),
        KeyRule::Migrate => by_migrate(request, found),
    }
}

fn by_spec(request: &Request, command: &Command, spec: &KeySpec, found: &mut Found) -> Result<(), KeysError> {
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
        found(place, spec.flags)?;
        index += step;
    }
    Ok(())
}

/// The argument where the search begins; `None` if its keyword is not there.
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

/// First key, last key and step. A last key before the first one means no keys, if the request may have none.
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

/// The first half of what follows STREAMS.
fn by_streams(request: &Request, command: &Command, found: &mut Found) -> Result<(), KeysError> {
    let streams = options::streams(request).ok_or(KeysError::Missing)?;
    let flags = command.key_specs.first().map_or(KeyFlags::EMPTY, |spec| spec.flags);
    (streams.first..streams.first + streams.count).try_for_each(|index| found(index, flags))
}

/// The key and, last, the destination. Keys that BY and GET patterns reach cannot be told.
fn by_sort(request: &Request, found: &mut Found) -> Result<(), KeysError> {
    if request.len() < 2 {
        return Err(KeysError::Missing);
    }
    found(1, KeyFlags::RO.with(KeyFlags::ACCESS))?;
    match options::sort(request).store {
        Some(store) => found(store, KeyFlags::OW.with(KeyFlags::UPDATE)),
        None => Ok(()),
    }
}

/// One key at 3, or an empty argument there and keys after KEYS.
fn by_migrate(request: &Request, found: &mut Found) -> Result<(), KeysError> {
    let flags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE);
    let key = request.arg(3).ok_or(KeysError::Missing)?;
    match options::migrate_keys(request) {
        Some(first) if key.is_empty() => (first..request.len()).try_for_each(|index| found(index, flags)),
        _ => found(3, flags),
    }
}
