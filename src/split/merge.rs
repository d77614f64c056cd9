//! The kinds of merging. Each makes one raw reply of several, none of which is an error.
//!
//! All functions return `None` if the replies do not have the form that the command answers with.

use crate::command::is_key_event;
use crate::resp::elements::{Elements, integer, text};
use crate::resp::{number, reply};

use super::info::merge_info;

/// Room for sums that have more digits than their summands.
const SPARE: usize = 64;

/// Puts each element at the position of its key: MGET.
pub(super) fn positions(replies: &[Vec<u8>], part_of: &[u16]) -> Option<Vec<u8>> {
    let mut parts = replies.iter().map(|reply| Elements::of(reply)).collect::<Option<Vec<_>>>()?;
    let mut out = Vec::with_capacity(size(replies));
    reply::array(&mut out, part_of.len());
    for part in part_of {
        out.extend_from_slice(parts.get_mut(usize::from(*part))?.next()?);
    }
    parts.iter().all(|part| part.left() == 0).then_some(out)
}

/// Folds integers, or lists of integers element by element.
pub(super) fn numbers(replies: &[Vec<u8>], fold: fn(i64, i64) -> i64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let single = replies.iter().map(|reply| integer(reply)).collect::<Option<Vec<i64>>>();
    if let Some(values) = single {
        reply::integer(&mut out, values.into_iter().reduce(fold)?);
        return Some(out);
    }
    let lists = replies.iter().map(|reply| integers(reply)).collect::<Option<Vec<_>>>()?;
    let len = lists.first()?.len();
    if lists.iter().any(|list| list.len() != len) {
        return None;
    }
    let columns =
        lists.into_iter().reduce(|one, other| one.iter().zip(&other).map(|(a, b)| fold(*a, *b)).collect())?;
    reply::array(&mut out, len);
    columns.into_iter().for_each(|value| reply::integer(&mut out, value));
    Some(out)
}

fn integers(raw: &[u8]) -> Option<Vec<i64>> {
    Elements::of(raw)?.map(integer).collect()
}

/// Joins lists one after the other: KEYS.
pub(super) fn lists(replies: &[Vec<u8>]) -> Option<Vec<u8>> {
    let lists = replies.iter().map(|reply| Elements::of(reply)).collect::<Option<Vec<_>>>()?;
    let mut out = Vec::with_capacity(size(replies));
    let total = lists.iter().try_fold(0_usize, |total, list| total.checked_add(list.left()))?;
    header(&mut out, lists.first()?.kind, total);
    lists.iter().for_each(|list| out.extend_from_slice(list.rest()));
    Some(out)
}

/// Joins lists as [`lists`] does, but keeps equal elements only once: PUBSUB CHANNELS.
pub(super) fn union(replies: &[Vec<u8>]) -> Option<Vec<u8>> {
    let lists = replies.iter().map(|reply| Elements::of(reply)).collect::<Option<Vec<_>>>()?;
    let kind = lists.first()?.kind;
    let mut seen = std::collections::HashSet::new();
    let kept: Vec<&[u8]> = lists.into_iter().flatten().filter(|element| seen.insert(*element)).collect();
    let mut out = Vec::with_capacity(size(replies));
    header(&mut out, kind, kept.len());
    kept.into_iter().for_each(|element| out.extend_from_slice(element));
    Some(out)
}

/// Keeps the elements of the first list whose `name` is in all others: MODULE LIST.
pub(super) fn common(replies: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut lists = replies.iter().map(|reply| Elements::of(reply)).collect::<Option<Vec<_>>>()?;
    let (first, others) = lists.split_first_mut()?;
    let named: Vec<Vec<&[u8]>> = others.iter_mut().map(|list| list.filter_map(name).collect()).collect();
    let is_common =
        |element: &&[u8]| name(element).is_some_and(|name| named.iter().all(|names| names.contains(&name)));
    let kind = first.kind;
    let kept: Vec<&[u8]> = first.filter(is_common).collect();
    let mut out = Vec::with_capacity(replies.first()?.len());
    header(&mut out, kind, kept.len());
    kept.into_iter().for_each(|element| out.extend_from_slice(element));
    Some(out)
}

/// Returns the value of the key `name` of an element that alternates keys and values.
fn name(element: &[u8]) -> Option<&[u8]> {
    let mut fields = Elements::of(element)?;
    while let (Some(key), Some(value)) = (fields.next(), fields.next()) {
        if text(key) == Some(b"name") {
            return text(value);
        }
    }
    None
}

/// Adds up the counts of names that are the same on every shard: PUBSUB NUMSUB. A subscriber to events of keys is
/// subscribed at every shard and is counted once, so the largest count is taken there.
pub(super) fn tally(replies: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut lists = replies.iter().map(|reply| Elements::of(reply)).collect::<Option<Vec<_>>>()?;
    let (first, others) = lists.split_first_mut()?;
    let mut out = Vec::with_capacity(replies.first()?.len() + SPARE);
    header(&mut out, first.kind, first.left());
    while let Some(name) = first.next() {
        let everywhere = text(name).is_some_and(is_key_event);
        let mut sum = integer(first.next()?)?;
        for other in others.iter_mut() {
            if other.next()? != name {
                return None;
            }
            let count = integer(other.next()?)?;
            sum = if everywhere { sum.max(count) } else { sum.saturating_add(count) };
        }
        out.extend_from_slice(name);
        reply::integer(&mut out, sum);
    }
    Some(out)
}

/// Joins texts with a blank line between them: MEMORY DOCTOR.
pub(super) fn texts(replies: &[Vec<u8>]) -> Option<Vec<u8>> {
    let texts = replies.iter().map(|reply| text(reply)).collect::<Option<Vec<_>>>()?;
    Some(as_text(replies.first()?, &texts.join(&b"\n\n"[..])))
}

/// Merges the replies to INFO.
pub(super) fn info(replies: &[Vec<u8>]) -> Option<Vec<u8>> {
    let texts =
        replies.iter().map(|reply| std::str::from_utf8(text(reply)?).ok()).collect::<Option<Vec<_>>>()?;
    Some(as_text(replies.first()?, merge_info(&texts).as_bytes()))
}

/// Returns a text as a verbatim string if this reply is one, else as a bulk string.
pub(super) fn as_text(like: &[u8], text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 32);
    if like.starts_with(b"=") {
        out.push(b'=');
        number::write(&mut out, text.len() as i64 + 4);
        out.extend_from_slice(b"\r\ntxt:");
        out.extend_from_slice(text);
        out.extend_from_slice(b"\r\n");
    } else {
        reply::bulk(&mut out, text);
    }
    out
}

/// Writes the header of a list or a map. `elements` counts the keys and the values of a map one by one.
pub(super) fn header(out: &mut Vec<u8>, kind: u8, elements: usize) {
    out.push(kind);
    number::write(out, if kind == b'%' { elements / 2 } else { elements } as i64);
    out.extend_from_slice(b"\r\n");
}

fn size(replies: &[Vec<u8>]) -> usize {
    replies.iter().map(Vec::len).sum()
}
