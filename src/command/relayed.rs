//! What a master's replicas get as well: the commands that make a node what it is to its clients, its users and settings above
//! all. Replication does not carry them, so that without this a failover would undo them.
//!
//! SCRIPT LOAD and FLUSH are not among them: a node that lacks a script is sent it (`core::retry`).

use std::borrow::Cow;

use crate::resp::reply;
use crate::resp::request::Request;

use super::flags::Flags;
use super::table::{ActiveRule, Command, ReplayClass};

/// The settings that belong to one node, by the reason why replicas keep their own.
const OF_ONE_NODE: &[&str] = &[
    // Where it is reached.
    "bind",
    "bind-source-addr",
    "cluster-port",
    "port",
    "tls-port",
    "unixsocket",
    "unixsocketperm",
    // How it announces itself to the others.
    "cluster-announce-bus-port",
    "cluster-announce-client-ipv4",
    "cluster-announce-client-ipv6",
    "cluster-announce-hostname",
    "cluster-announce-human-nodename",
    "cluster-announce-ip",
    "cluster-announce-port",
    "cluster-announce-tls-port",
    "replica-announce-ip",
    "replica-announce-port",
    "replica-announced",
    "slave-announce-ip",
    "slave-announce-port",
    // Its place among master and replicas.
    "replica-priority",
    "replica-read-only",
    "replicaof",
    "slave-priority",
    "slave-read-only",
    "slaveof",
    // Its files, and what its machine has.
    "aclfile",
    "appenddirname",
    "appendfilename",
    "availability-zone",
    "cluster-config-file",
    "dbfilename",
    "dir",
    "logfile",
    "pidfile",
    "tls-ca-cert-dir",
    "tls-ca-cert-file",
    "tls-cert-file",
    "tls-client-cert-file",
    "tls-client-key-file",
    "tls-client-key-file-pass",
    "tls-dh-params-file",
    "tls-key-file",
    "tls-key-file-pass",
];

impl Command {
    /// Returns true for commands about the node itself that change something. Each active node gets them as well. What is about the
    /// node's data (SAVE, BGREWRITEAOF) it does not take while it loads them; replicas save theirs by themselves.
    pub(crate) fn is_relayed(&self) -> bool {
        self.active == ActiveRule::EachNode
            && self.flags.contains(Flags::ADMIN)
            && self.flags.contains(Flags::LOADING)
            && self.replay != ReplayClass::Read
    }
}

/// Returns what replicas get of a command that their master has accepted: all of it, or a CONFIG SET without the settings that
/// belong to one node. `None`: nothing is left.
pub(crate) fn for_replicas<'a>(request: &Request<'a>) -> Option<Cow<'a, [u8]>> {
    if !is_config_set(request) {
        return Some(request.raw().into());
    }
    let args: Vec<&[u8]> = request.args().collect();
    let (words, pairs) = args.split_at_checked(2)?;
    let shared: Vec<&[u8]> =
        pairs.chunks(2).filter(|pair| !is_of_one_node(pair)).flatten().copied().collect();
    if shared.len() == pairs.len() {
        return Some(request.raw().into());
    }
    let mut out = Vec::new();
    reply::command(&mut out, &[words, &shared].concat());
    (!shared.is_empty()).then_some(out.into())
}

fn is_config_set(request: &Request<'_>) -> bool {
    let is = |index, word: &[u8]| request.arg(index).is_some_and(|arg| arg.eq_ignore_ascii_case(word));
    is(0, b"config") && is(1, b"set")
}

fn is_of_one_node(pair: &[&[u8]]) -> bool {
    let name = pair.first().copied().unwrap_or_default();
    OF_ONE_NODE.iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::generated::COMMANDS;
    use crate::command::testing::requests;
    use crate::resp::scan::{RequestScan, Scanned};

    fn relayed(line: &str) -> Option<Vec<u8>> {
        let (raw, mut scan) = (requests(&[line]), RequestScan::default());
        let Ok(Scanned::Complete(len)) = scan.scan(&raw, raw.len()) else { panic!("{line}") };
        for_replicas(&scan.request(&raw, len)).map(Cow::into_owned)
    }

    #[test]
    fn these_commands_and_no_others_go_to_replicas_too() {
        let all = COMMANDS.iter().flat_map(|command| [command].into_iter().chain(command.subcommands));
        let relayed: Vec<&str> = all.filter(|entry| entry.is_relayed()).map(|entry| entry.name).collect();
        let expected = [
            "acl|deluser",
            "acl|load",
            "acl|save",
            "acl|setuser",
            "commandlog|reset",
            "config|resetstat",
            "config|rewrite",
            "config|set",
            "latency|reset",
            "slowlog|reset",
        ];
        assert_eq!(relayed, expected);
    }

    #[test]
    fn replicas_keep_the_settings_that_belong_to_them() {
        for (line, expected) in [
            ("CONFIG SET maxmemory 1gb", Some("CONFIG SET maxmemory 1gb")),
            ("config set REPLICA-PRIORITY 0", None),
            ("CONFIG SET dir /x dbfilename y", None),
            ("CONFIG SET dir /x maxmemory 1gb save  pidfile y", Some("CONFIG SET maxmemory 1gb save ")),
            ("CONFIG SET requirepass p masterauth p", Some("CONFIG SET requirepass p masterauth p")),
            ("CONFIG REWRITE", Some("CONFIG REWRITE")),
            ("ACL SETUSER dir on", Some("ACL SETUSER dir on")),
            // The node says what is wrong with it, and nothing is relayed that it has not accepted.
            ("CONFIG SET maxmemory", Some("CONFIG SET maxmemory")),
            ("CONFIG SET dir", None),
        ] {
            assert_eq!(relayed(line), expected.map(|text| requests(&[text])), "{line}");
        }
    }
}
