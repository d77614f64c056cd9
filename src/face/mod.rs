//! The face of the proxy: it presents itself to clients as one plain Redis, as the nodes of a cluster, or as sentinels.
//!
//! No answer names a node of the backend: a client that follows an address comes back to the proxy. With the same config
//! every process gives the same answers, so that clients can use several proxies as one deployment.

mod cluster;
mod info;
mod node;
mod operator;
mod sentinel;

use crate::command::{ClusterCommand, Handling, Local, Session, lookup, unknown_command, unknown_subcommand};
#[cfg(test)]
use crate::config::DebugCommands;
use crate::config::{FaceKind, Kind, Proxy};
use crate::resp::reply::Proto;
use crate::resp::request::Request;

use node::Announced;
use operator::Operators;
use sentinel::Masters;

/// The face of one proxy, made of its config.
#[derive(Debug)]
pub(crate) struct Face {
    kind: FaceKind,
    cluster: ClusterAnswers,
    /// True if the backend is a cluster, which knows the keys in a slot.
    has_slots: bool,
    /// The announced addresses. They can be missing only for `FaceKind::Standalone`, which does not use them.
    nodes: Vec<Announced>,
    masters: Masters,
    operators: Operators,
}

/// The source of the answers to CLUSTER, READONLY, READWRITE and ASKING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClusterAnswers {
    /// The one node behind the proxy answers.
    Backend,
    /// The proxy answers as a server that is no cluster, whatever the backend is.
    Disabled,
    /// The proxy answers as a cluster whose masters are the announced addresses.
    Announced,
}

/// The error of a server that is no part of a cluster.
pub(crate) const CLUSTER_DISABLED: &str = "ERR This instance has cluster support disabled";
const CHANGES: &str = "it changes the cluster, send it to a node";

impl Face {
    pub(crate) fn of(proxy: &Proxy) -> Face {
        let (clients, kind) = (&proxy.clients, &proxy.backend.kind);
        let cluster = match (clients.face, kind) {
            (FaceKind::Cluster, _) => ClusterAnswers::Announced,
            (FaceKind::Standalone | FaceKind::Sentinel, Kind::Fixed { .. }) => ClusterAnswers::Backend,
            (
                FaceKind::Standalone | FaceKind::Sentinel,
                Kind::Sentinel { .. } | Kind::Cluster { .. } | Kind::Active { .. },
            ) => ClusterAnswers::Disabled,
        };
        Face {
            kind: clients.face,
            cluster,
            has_slots: matches!(kind, Kind::Cluster { .. }),
            nodes: node::all(&clients.announce),
            masters: match kind {
                Kind::Sentinel { master, .. } => Masters::only(master),
                Kind::Fixed { .. } | Kind::Cluster { .. } | Kind::Active { .. } => Masters::any(&proxy.name),
            },
            operators: Operators::of(proxy),
        }
    }

    /// Returns true if the commands about one node are there.
    pub(crate) fn is_of_one_node(&self) -> bool {
        matches!(self.operators, Operators::One { .. })
    }

    /// Returns the `mode` of HELLO. Behind the face of sentinels, the same address is also that of the master, so the mode
    /// is a data node's.
    pub(crate) fn mode(&self) -> &'static str {
        match self.kind {
            FaceKind::Standalone | FaceKind::Sentinel => "standalone",
            FaceKind::Cluster => "cluster",
        }
    }

    /// Returns the handling of a command under this face, given that of its table entry. The arity is checked already. `is_local`:
    /// the client is on the proxy's machine.
    ///
    /// Outcomes: the entry's own handling if the face does not matter; forward, answer here or refuse; an error in a
    /// server's words.
    pub(crate) fn handling(
        &self,
        handling: Handling,
        request: &Request<'_>,
        is_local: bool,
    ) -> Result<Handling, String> {
        match handling {
            Handling::Operator(why) => Ok(self.operators.handling(why, request, is_local)),
            // It may be a replica.
            Handling::Local(Local::Role) if self.cluster == ClusterAnswers::Backend => Ok(Handling::Forward),
            Handling::Local(Local::Cluster(command)) => self.cluster_handling(command, request),
            Handling::Local(Local::Sentinel) => match self.kind {
                FaceKind::Sentinel => Ok(handling),
                FaceKind::Standalone | FaceKind::Cluster => Err(unknown_command(request)),
            },
            other => Ok(other),
        }
    }

    fn cluster_handling(&self, command: ClusterCommand, request: &Request<'_>) -> Result<Handling, String> {
        match self.cluster {
            ClusterAnswers::Backend => {
                unknown_to_servers(command, request).map_or(Ok(left_to_backend(command)), Err)
            }
            ClusterAnswers::Disabled => {
                Err(unknown_to_servers(command, request).unwrap_or_else(|| CLUSTER_DISABLED.to_owned()))
            }
            ClusterAnswers::Announced => match command {
                ClusterCommand::Change => {
                    unknown_to_servers(command, request).map_or(Ok(Handling::Refuse(CHANGES)), Err)
                }
                ClusterCommand::SlotKeys if self.has_slots => Ok(Handling::Forward),
                ClusterCommand::SlotKeys => {
                    Ok(Handling::Refuse("the backend is no cluster and keeps no keys by slot"))
                }
                answered => Ok(Handling::Local(Local::Cluster(answered))),
            },
        }
    }

    /// Writes the reply to a CLUSTER command that `handling` has the proxy answer.
    pub(crate) fn cluster(
        &self,
        command: ClusterCommand,
        request: &Request<'_>,
        proto: Proto,
        out: &mut Vec<u8>,
    ) {
        cluster::answer(&self.nodes, command, request, proto, out);
    }

    /// Writes the reply to a SENTINEL command.
    pub(crate) fn sentinel(&self, request: &Request<'_>, proto: Proto, out: &mut Vec<u8>) {
        sentinel::answer(&self.nodes, &self.masters, request, proto, out);
    }

    /// Returns true if replies to INFO may have to be rewritten.
    pub(crate) fn rewrites_info(&self) -> bool {
        match self.cluster {
            ClusterAnswers::Backend => false,
            ClusterAnswers::Disabled | ClusterAnswers::Announced => true,
        }
    }

    /// Rewrites a reply to INFO so that it agrees with the face. `None`: the reply may go as it is.
    pub(crate) fn info(&self, reply: &[u8]) -> Option<Vec<u8>> {
        if self.rewrites_info() { info::rewrite_info(reply, self.kind) } else { None }
    }

    /// Returns the face of a proxy in front of one node, which answers CLUSTER itself.
    #[cfg(test)]
    pub(crate) fn plain() -> Face {
        Face {
            kind: FaceKind::Standalone,
            cluster: ClusterAnswers::Backend,
            has_slots: false,
            nodes: Vec::new(),
            masters: Masters::any("test"),
            operators: Operators::One { debug: DebugCommands::Allow, looks_local: false },
        }
    }
}

/// Returns the handling if the node behind the proxy answers CLUSTER. ASKING has an effect on no later command: the node has
/// all slots, so that it takes over none.
fn left_to_backend(command: ClusterCommand) -> Handling {
    match command {
        ClusterCommand::Change | ClusterCommand::Asking => Handling::Operator(CHANGES),
        ClusterCommand::ReadOnly => Handling::Session(Session::ReadOnly),
        ClusterCommand::ReadWrite => Handling::Session(Session::ReadWrite),
        ClusterCommand::Slots
        | ClusterCommand::Shards
        | ClusterCommand::Nodes
        | ClusterCommand::Info
        | ClusterCommand::MyId
        | ClusterCommand::MyShardId
        | ClusterCommand::KeySlot
        | ClusterCommand::SlotKeys
        | ClusterCommand::SlotMigrations
        | ClusterCommand::Links
        | ClusterCommand::Replicas
        | ClusterCommand::FailureReports
        | ClusterCommand::Help => Handling::Forward,
    }
}

/// Returns the error for a subcommand of CLUSTER that no server knows.
fn unknown_to_servers(command: ClusterCommand, request: &Request<'_>) -> Option<String> {
    let known = command != ClusterCommand::Change
        || lookup(request.name()).is_some_and(|entry| entry.subcommand(request).is_some());
    (!known).then(|| unknown_subcommand("CLUSTER", request.arg(1).unwrap_or_default()))
}

#[cfg(test)]
mod tests;
