//! The merging of what nodes record about slow moments: the slow log and the latency monitor.
//!
//! All functions return `None` if the replies do not have the form that the command answers with.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::merge::header;
use crate::resp::elements::{Elements, integer};
use crate::resp::reply;

/// The number of samples that a server keeps of one event.
const SERIES_LEN: usize = 160;

/// Merges entries `[id, time, …]`, the newest first. The ids stay those of the nodes.
pub(super) fn newest(replies: &[Vec<u8>], count: usize) -> Option<Vec<u8>> {
    let mut entries = Vec::new();
    for reply in replies {
        for entry in Elements::of(reply)? {
            entries.push((integer(Elements::of(entry)?.nth(1)?)?, entry));
        }
    }
    entries.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    entries.truncate(count);
    let mut out = Vec::new();
    reply::array(&mut out, entries.len());
    entries.into_iter().for_each(|(_, entry)| out.extend_from_slice(entry));
    Some(out)
}

/// Merges events `[name, time, last, worst, sum, count]`; before Redis 8 these lack the last two fields.
pub(super) fn spikes(replies: &[Vec<u8>]) -> Option<Vec<u8>> {
    let (mut places, mut events) = (HashMap::new(), Vec::<(&[u8], Vec<i64>)>::new());
    for reply in replies {
        for event in Elements::of(reply)? {
            let mut fields = Elements::of(event)?;
            let name = fields.next()?;
            let values = fields.map(integer).collect::<Option<Vec<i64>>>()?;
            let place = *places.entry(name).or_insert(events.len());
            match events.get_mut(place) {
                Some((_, merged)) => *merged = spike(merged, &values)?,
                None => events.push((name, values)),
            }
        }
    }
    let mut out = Vec::new();
    reply::array(&mut out, events.len());
    for (name, values) in events {
        reply::array(&mut out, 1 + values.len());
        out.extend_from_slice(name);
        values.into_iter().for_each(|value| reply::integer(&mut out, value));
    }
    Some(out)
}

fn spike(one: &[i64], other: &[i64]) -> Option<Vec<i64>> {
    let ([time, last, worst, sums @ ..], [other_time, other_last, other_worst, other_sums @ ..]) =
        (one, other)
    else {
        return None;
    };
    let (time, last) = (*time, *last).max((*other_time, *other_last));
    let sums = sums.iter().zip(other_sums).map(|(one, other)| one.saturating_add(*other));
    Some([time, last, *worst.max(other_worst)].into_iter().chain(sums).collect())
}

/// Merges the samples `[time, latency]` of one event, the oldest first.
pub(super) fn series(replies: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut samples = BTreeMap::new();
    for reply in replies {
        for sample in Elements::of(reply)? {
            let mut fields = Elements::of(sample)?;
            let (time, latency) = (integer(fields.next()?)?, integer(fields.next()?)?);
            let worst = samples.entry(time).or_insert(latency);
            *worst = latency.max(*worst);
        }
    }
    let left_out = samples.len().saturating_sub(SERIES_LEN);
    let mut out = Vec::new();
    reply::array(&mut out, samples.len() - left_out);
    for (time, latency) in samples.into_iter().skip(left_out) {
        reply::array(&mut out, 2);
        reply::integer(&mut out, time);
        reply::integer(&mut out, latency);
    }
    Some(out)
}

/// The latency histogram of one command: its number of calls in all, and up to each latency.
#[derive(Default)]
struct CommandHistogram<'a> {
    /// The words `calls` and `histogram_usec`, in the raw form that the nodes use.
    words: [&'a [u8]; 2],
    calls: i64,
    /// Pairs of a latency and the number of calls up to it, one list for each node.
    buckets: Vec<Vec<(i64, i64)>>,
}

/// Merges histograms `name {calls n histogram_usec {latency n …}} …`, which are nested lists or nested maps.
pub(super) fn histograms(replies: &[Vec<u8>]) -> Option<Vec<u8>> {
    let (mut places, mut found) = (HashMap::new(), Vec::<(&[u8], CommandHistogram<'_>)>::new());
    for reply in replies {
        let mut list = Elements::of(reply)?;
        while let Some(name) = list.next() {
            let place = *places.entry(name).or_insert(found.len());
            if place == found.len() {
                found.push((name, CommandHistogram::default()));
            }
            found.get_mut(place)?.1.add(list.next()?)?;
        }
    }
    let kind = *replies.first()?.first()?;
    let mut out = Vec::new();
    header(&mut out, kind, found.len() * 2);
    for (name, histogram) in found {
        out.extend_from_slice(name);
        histogram.write(&mut out, kind);
    }
    Some(out)
}

impl<'a> CommandHistogram<'a> {
    fn add(&mut self, of_node: &'a [u8]) -> Option<()> {
        let mut fields = Elements::of(of_node)?;
        let (calls, count) = (fields.next()?, integer(fields.next()?)?);
        let (usec, mut list) = (fields.next()?, Elements::of(fields.next()?)?);
        let mut buckets = Vec::new();
        while let Some(latency) = list.next() {
            buckets.push((integer(latency)?, integer(list.next()?)?));
        }
        self.words = [calls, usec];
        self.calls = self.calls.saturating_add(count);
        self.buckets.push(buckets);
        Some(())
    }

    fn write(&self, out: &mut Vec<u8>, kind: u8) {
        let merged = self.merged();
        let [calls, usec] = self.words;
        header(out, kind, 4);
        out.extend_from_slice(calls);
        reply::integer(out, self.calls);
        out.extend_from_slice(usec);
        header(out, kind, merged.len() * 2);
        for (latency, calls) in merged {
            reply::integer(out, latency);
            reply::integer(out, calls);
        }
    }

    /// Returns the merged buckets. A node leaves out latencies that no further call had: up to these it had as many
    /// calls as up to the latency before.
    fn merged(&self) -> Vec<(i64, i64)> {
        let latencies: BTreeSet<i64> = self.buckets.iter().flatten().map(|(latency, _)| *latency).collect();
        let up_to = |latency: i64| {
            let of_node = |buckets: &Vec<(i64, i64)>| {
                buckets.iter().rev().find(|(bound, _)| *bound <= latency).map_or(0, |(_, calls)| *calls)
            };
            self.buckets.iter().map(of_node).fold(0, i64::saturating_add)
        };
        latencies.into_iter().map(|latency| (latency, up_to(latency))).collect()
    }
}
