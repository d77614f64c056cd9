//! INFO: its section about the proxy, and what the nodes are asked for the others.

use std::borrow::Cow;

use crate::client::gathers::Gather;
use crate::command::{Command, Merge};
use crate::core::base::Base;
use crate::core::base::meta::{Flow, Meta};
use crate::core::everywhere::without_proxy;
use crate::core::shards::ONLY_SHARD;
use crate::ids::ClientId;
use crate::resp::reply;
use crate::resp::request::Request;
use crate::split::gather::Gathering;
use crate::split::proxy_info::AboutProxy;

use super::parts::send_parts;
use super::sending::send;

/// Answers an INFO about the proxy alone. `None`: it asks for other sections, which nodes have, or comes from a client that they
/// do not let in.
pub(super) fn answer_about_proxy(
    base: &mut Base,
    id: ClientId,
    request: &Request<'_>,
    command: Option<&'static Command>,
) -> Option<Flow> {
    if AboutProxy::of(request) != AboutProxy::Alone || base.is_stranger(id) {
        return None;
    }
    let (section, proto) = (base.proxy_info().section(), base.client(id)?.session.proto);
    Some(base.answer(id, command, |out| reply::text(out, &section, proto)))
}

/// Sends an INFO to the only node. It comes back as it is, with the section about the proxy if that is asked for, unless it
/// would not agree with the face, or clients of the proxy wait for the end of a pause: to a server they are blocked.
pub(super) fn send_to_single(base: &mut Base, id: ClientId, request: &Request<'_>, meta: Meta) -> Flow {
    let merge = match (base.settings.face.rewrites_info(), AboutProxy::of(request)) {
        (false, AboutProxy::No) if base.paused.is_none() => {
            return send(base, id, ONLY_SHARD, request.raw(), meta);
        }
        (false, AboutProxy::No) => Merge::InfoAsItIs,
        (false, AboutProxy::Also | AboutProxy::Named | AboutProxy::Alone) => Merge::InfoOfOne,
        (true, AboutProxy::No) => Merge::Info,
        (true, AboutProxy::Also | AboutProxy::Named | AboutProxy::Alone) => Merge::InfoProxy,
    };
    send_info(base, id, request, merge, meta)
}

/// Sends an INFO to one node.
pub(super) fn send_info(
    base: &mut Base,
    id: ClientId,
    request: &Request<'_>,
    merge: Merge,
    meta: Meta,
) -> Flow {
    let bytes: Cow<'_, [u8]> = without_proxy(request);
    send_parts(base, id, &[(ONLY_SHARD, &*bytes)], Gather::parts(Gathering::new(merge, 1), false), meta)
}
