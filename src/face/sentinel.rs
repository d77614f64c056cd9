//! Answers SENTINEL as sentinels at the announced addresses would, with the first address as their master.
//!
//! The master never changes, as the proxy at its address finds the node that is master now. It has no replicas, so that
//! no client goes past the proxy.

use crate::command::unknown_subcommand;
use crate::resp::reply::{self, Proto};
use crate::resp::request::Request;

use super::node::Announced;

/// The names under which clients may ask for the master.
#[derive(Debug)]
pub(super) struct Masters {
    /// The names in the reply to SENTINEL MASTERS.
    listed: Vec<String>,
    /// True if every other name is taken as well.
    any: bool,
}

impl Masters {
    /// Takes one name only: that of the backend's own sentinels.
    pub(super) fn only(name: &str) -> Masters {
        Masters { listed: vec![name.to_owned()], any: false }
    }

    /// Takes every name, for a backend whose master has none. Some clients look for theirs in the list of masters, so that
    /// has the proxy's name and the usual one.
    pub(super) fn any(proxy: &str) -> Masters {
        let mut listed = vec![proxy.to_owned()];
        if proxy != USUAL {
            listed.push(USUAL.to_owned());
        }
        Masters { listed, any: true }
    }

    fn knows(&self, name: &[u8]) -> bool {
        self.any || self.listed.iter().any(|listed| listed.as_bytes() == name)
    }
}

const USUAL: &str = "mymaster";
const NO_MASTER: &str = "ERR No such master with that name";
const REFUSED: &str =
    "ERR tideover: SENTINEL is not available here: it is about the sentinels themselves, send it to one";

/// A subcommand of SENTINEL. They are listed here, as no data server has SENTINEL in its command table.
#[derive(Clone, Copy)]
enum Sub {
    Masters,
    OfMaster(MasterQuery),
    MyId,
    IsDown,
    Scripts,
    Help,
    /// A subcommand about the sentinels themselves, of which there are none.
    Refused,
}

/// A question about the master whose name is argument 2.
#[derive(Clone, Copy)]
enum MasterQuery {
    All,
    Address,
    Replicas,
    Sentinels,
    Quorum,
}

/// Name, arity (SENTINEL included; a negative one is a minimum) and meaning.
const SUBCOMMANDS: &[(&str, i16, Sub)] = &[
    ("ckquorum", 3, Sub::OfMaster(MasterQuery::Quorum)),
    ("config", -3, Sub::Refused),
    ("debug", -2, Sub::Refused),
    ("failover", -3, Sub::Refused),
    ("flushconfig", 2, Sub::Refused),
    ("get-master-addr-by-name", 3, Sub::OfMaster(MasterQuery::Address)),
    ("get-primary-addr-by-name", 3, Sub::OfMaster(MasterQuery::Address)),
    ("help", 2, Sub::Help),
    ("info-cache", -3, Sub::Refused),
    ("is-master-down-by-addr", 6, Sub::IsDown),
    ("is-primary-down-by-addr", 6, Sub::IsDown),
    ("master", 3, Sub::OfMaster(MasterQuery::All)),
    ("masters", 2, Sub::Masters),
    ("monitor", 6, Sub::Refused),
    ("myid", 2, Sub::MyId),
    ("pending-scripts", 2, Sub::Scripts),
    ("primaries", 2, Sub::Masters),
    ("primary", 3, Sub::OfMaster(MasterQuery::All)),
    ("remove", 3, Sub::Refused),
    ("replicas", 3, Sub::OfMaster(MasterQuery::Replicas)),
    ("reset", 3, Sub::Refused),
    ("sentinels", 3, Sub::OfMaster(MasterQuery::Sentinels)),
    ("set", -5, Sub::Refused),
    ("simulate-failure", -3, Sub::Refused),
    ("slaves", 3, Sub::OfMaster(MasterQuery::Replicas)),
];

/// Writes the reply, an error in a sentinel's words, or the refusal of a subcommand that would change sentinels.
pub(super) fn answer(
    nodes: &[Announced],
    masters: &Masters,
    request: &Request<'_>,
    proto: Proto,
    out: &mut Vec<u8>,
) {
    let sub = match subcommand(request) {
        Ok(sub) => sub,
        Err(error) => return reply::error(out, &error),
    };
    let Some((first, others)) = nodes.split_first() else { return reply::error(out, NO_MASTER) };
    match sub {
        Sub::Masters => {
            reply::array(out, masters.listed.len());
            masters.listed.iter().for_each(|name| master(name.as_bytes(), first, others.len(), proto, out));
        }
        Sub::MyId => reply::bulk(out, first.sentinel_id.as_bytes()),
        Sub::Scripts => reply::array(out, 0),
        Sub::Help => reply::lines(out, HELP),
        Sub::IsDown => not_down(out),
        Sub::Refused => reply::error(out, REFUSED),
        Sub::OfMaster(about) => {
            let name = request.arg(2).unwrap_or_default();
            match (masters.knows(name), about) {
                (true, _) => of_master(about, name, (first, others), proto, out),
                (false, MasterQuery::Address) => reply::null_array(out, proto),
                (false, _) => reply::error(out, NO_MASTER),
            }
        }
    }
}

fn of_master(
    about: MasterQuery,
    name: &[u8],
    (first, others): (&Announced, &[Announced]),
    proto: Proto,
    out: &mut Vec<u8>,
) {
    match about {
        MasterQuery::All => master(name, first, others.len(), proto, out),
        MasterQuery::Address => {
            reply::array(out, 2);
            reply::bulk(out, first.host.as_bytes());
            reply::bulk(out, first.port.to_string().as_bytes());
        }
        MasterQuery::Replicas => reply::array(out, 0),
        MasterQuery::Sentinels => {
            reply::array(out, others.len());
            others.iter().for_each(|other| sentinel(other, proto, out));
        }
        MasterQuery::Quorum => {
            let usable = others.len() + 1;
            let text =
                format!("OK {usable} usable Sentinels. Quorum and failover authorization can be reached");
            reply::simple(out, &text);
        }
    }
}

/// Writes the reply to IS-MASTER-DOWN-BY-ADDR: the master is not down, and there was no vote for a leader.
fn not_down(out: &mut Vec<u8>) {
    reply::array(out, 3);
    reply::integer(out, 0);
    reply::bulk(out, b"*");
    reply::integer(out, 0);
}

fn subcommand(request: &Request<'_>) -> Result<Sub, String> {
    let too_few = |name: &str| format!("ERR wrong number of arguments for '{name}' command");
    let given = request.arg(1).ok_or_else(|| too_few("sentinel"))?;
    let known = SUBCOMMANDS.iter().find(|(name, ..)| name.as_bytes().eq_ignore_ascii_case(given));
    let (name, arity, sub) = known.ok_or_else(|| unknown_subcommand("SENTINEL", given))?;
    let needed = usize::from(arity.unsigned_abs());
    let fits = if *arity < 0 { request.len() >= needed } else { request.len() == needed };
    if fits { Ok(*sub) } else { Err(too_few(&format!("sentinel|{name}"))) }
}

fn master(name: &[u8], node: &Announced, others: usize, proto: Proto, out: &mut Vec<u8>) {
    let (port, others, quorum) =
        (node.port.to_string(), others.to_string(), (others.div_ceil(2) + 1).to_string());
    let fields: [(&str, &[u8]); 20] = [
        ("name", name),
        ("ip", node.host.as_bytes()),
        ("port", port.as_bytes()),
        ("runid", node.id.as_bytes()),
        ("flags", b"master"),
        ("link-pending-commands", b"0"),
        ("link-refcount", b"1"),
        ("last-ping-sent", b"0"),
        ("last-ok-ping-reply", b"0"),
        ("last-ping-reply", b"0"),
        ("down-after-milliseconds", b"30000"),
        ("info-refresh", b"0"),
        ("role-reported", b"master"),
        ("role-reported-time", b"0"),
        ("config-epoch", b"0"),
        ("num-slaves", b"0"),
        ("num-other-sentinels", others.as_bytes()),
        ("quorum", quorum.as_bytes()),
        ("failover-timeout", b"180000"),
        ("parallel-syncs", b"1"),
    ];
    write_fields(&fields, proto, out);
}

fn sentinel(node: &Announced, proto: Proto, out: &mut Vec<u8>) {
    let (id, port) = (node.sentinel_id.as_bytes(), node.port.to_string());
    let fields: [(&str, &[u8]); 14] = [
        ("name", id),
        ("ip", node.host.as_bytes()),
        ("port", port.as_bytes()),
        ("runid", id),
        ("flags", b"sentinel"),
        ("link-pending-commands", b"0"),
        ("link-refcount", b"1"),
        ("last-ping-sent", b"0"),
        ("last-ok-ping-reply", b"0"),
        ("last-ping-reply", b"0"),
        ("down-after-milliseconds", b"30000"),
        ("last-hello-message", b"0"),
        ("voted-leader", b"?"),
        ("voted-leader-epoch", b"0"),
    ];
    write_fields(&fields, proto, out);
}

fn write_fields(fields: &[(&str, &[u8])], proto: Proto, out: &mut Vec<u8>) {
    reply::map(out, fields.len(), proto);
    for (name, value) in fields {
        reply::bulk(out, name.as_bytes());
        reply::bulk(out, value);
    }
}

const HELP: &[&str] = &[
    "SENTINEL <subcommand> [<arg> ...]. The proxy answers for the addresses that it announces:",
    "GET-MASTER-ADDR-BY-NAME <name>",
    "    Host and port of the master: the first address.",
    "MASTERS | MASTER <name>",
    "    The masters, or one, with what is known of them.",
    "REPLICAS <name> | SENTINELS <name>",
    "    No replicas, and the other addresses.",
    "CKQUORUM <name> | MYID | PENDING-SCRIPTS",
    "    As of sentinels that are all well.",
    "HELP",
    "    This text.",
];
