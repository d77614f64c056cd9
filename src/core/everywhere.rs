//! Commands that go to every shard: the requests that each shard gets.

use std::borrow::Cow;

use crate::command::{Merge, ReplayClass, replay_class};
use crate::resp::reply;
use crate::resp::request::Request;

use crate::split::proxy_info::{AboutProxy, without_section};

use super::rewrite::of_last;
use super::settings::Settings;

const DBSIZE: &[u8] = b"*1\r\n$6\r\nDBSIZE\r\n";

/// Returns the requests that each of so many shards gets, for a command whose replies are merged by `merge`.
pub(crate) fn asked_of_each<'a>(
    settings: &Settings,
    merge: Merge,
    bytes: &'a [u8],
    shards: usize,
) -> Vec<Cow<'a, [u8]>> {
    if merge == Merge::AnyValue {
        return vec![DBSIZE.into(), bytes.into()];
    }
    if merge == Merge::InfoProxy {
        let asked = of_last(bytes, |request| without_proxy(request).into_owned());
        return asked.map(Cow::from).into_iter().collect();
    }
    let wait = (merge == Merge::Flushed).then(|| passed_on(shards, settings.node_timeout).into());
    [Cow::from(bytes)].into_iter().chain(wait).collect()
}

/// Returns an INFO without the section about the proxy, of which nodes know nothing.
pub(crate) fn without_proxy<'a>(request: &Request<'a>) -> Cow<'a, [u8]> {
    match AboutProxy::of(request) {
        AboutProxy::Named => without_section(request).into(),
        AboutProxy::No | AboutProxy::Also | AboutProxy::Alone => request.raw().into(),
    }
}

/// Returns a WAIT until all other nodes have what this node was told. Its limit is half of `node_timeout`.
fn passed_on(nodes: usize, node_timeout: u64) -> Vec<u8> {
    let (others, limit) = (nodes.saturating_sub(1).to_string(), (node_timeout / 2_000).max(1).to_string());
    let mut out = Vec::new();
    reply::command(&mut out, &[b"WAIT", others.as_bytes(), limit.as_bytes()]);
    out
}

/// Returns the shard and the bytes of each request. Those of one shard are adjacent.
pub(crate) fn to_each<'a>(shards: &[u16], asked: &'a [Cow<'_, [u8]>]) -> Vec<(u16, &'a [u8])> {
    shards.iter().flat_map(|shard| asked.iter().map(|bytes| (*shard, &**bytes))).collect()
}

pub(crate) fn has_effect(request: &Request<'_>) -> bool {
    replay_class(request) != ReplayClass::Read
}
