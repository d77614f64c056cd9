//! The commands about one node: who may send them to the node of kind `fixed`, and what is left of them before several nodes.

use std::net::IpAddr;

use crate::command::{Debugging, Handling, debugging};
use crate::config::{DebugCommands, Kind, Proxy};
use crate::resp::request::Request;

#[derive(Clone, Copy, Debug)]
pub(super) enum Operators {
    /// There are several nodes, or a cluster or sentinels are played.
    Several,
    /// `looks_local`: to the node, clients from elsewhere may look like clients on its own machine.
    One { debug: DebugCommands, looks_local: bool },
}

const OWN_CONNECTIONS: &str = "it would act on the proxy's own connections";
const HARMFUL: &str = "it may end, block or change the node; `clients.debug = \"allow\"` sends it there";
const FROM_ELSEWHERE: &str = "the node may keep it for clients on its own machine, and would take this one for such a client; \
                              `clients.debug = \"allow\"` sends it there";

impl Operators {
    pub(super) fn of(proxy: &Proxy) -> Operators {
        match &proxy.backend.kind {
            Kind::Fixed { node } => {
                Operators::One { debug: proxy.clients.debug, looks_local: may_be_local(&node.host) }
            }
            Kind::Sentinel { .. } | Kind::Cluster { .. } | Kind::Active { .. } => Operators::Several,
        }
    }

    /// Returns the handling of a command that before several nodes is refused with `why`. `is_local`: the client is on the
    /// proxy's machine.
    pub(super) fn handling(self, why: &'static str, request: &Request<'_>, is_local: bool) -> Handling {
        let (effect, sent) = (debugging(request), Handling::Operator(why));
        match (self, effect) {
            (Operators::Several, Some(Debugging::Answers)) => sent,
            (Operators::Several, _) => Handling::Refuse(why),
            (Operators::One { .. }, Some(Debugging::Connection)) => Handling::Refuse(OWN_CONNECTIONS),
            (Operators::One { debug: DebugCommands::Allow, .. }, _) => sent,
            (Operators::One { .. }, Some(Debugging::Harms)) => Handling::Refuse(HARMFUL),
            (Operators::One { looks_local: true, .. }, _) if !is_local && is_protected(request) => {
                Handling::Refuse(FROM_ELSEWHERE)
            }
            (Operators::One { .. }, _) => sent,
        }
    }
}

/// Returns true for the commands that `enable-debug-command` and `enable-module-command` of a node are about. With the value
/// `local`, the node takes them over loopback alone.
fn is_protected(request: &Request<'_>) -> bool {
    [&b"debug"[..], b"module"].iter().any(|name| request.name().eq_ignore_ascii_case(name))
}

/// Returns true if connections to the host may be made over loopback. A name may stand for any address.
fn may_be_local(host: &str) -> bool {
    host.parse::<IpAddr>().map_or(true, |ip| ip.to_canonical().is_loopback())
}
