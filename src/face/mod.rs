//! What the proxy looks like to its clients: one plain Redis, the nodes of a cluster, or sentinels.
//!
//! Nothing said here names a node of the backend: a client that follows an address comes back to the proxy. The same
//! config gives the same words in every process, so that clients find several proxies to be of one mind.

mod cluster;
mod info;
mod node;
mod sentinel;

use crate::command::{ClusterCommand, Handling, Local, unknown_command};
use crate::config::{Face, Kind, Proxy};
use crate::resp::reply::Proto;
use crate::resp::request::Request;

use node::Announced;
use sentinel::Masters;

/// The face of one proxy, made once of its config.
#[derive(Debug)]
pub(crate) struct Mask {
    face: Face,
    /// Of whom CLUSTER speaks.
    clusters: Clusters,
    /// The backend is a cluster: it knows which keys are in a slot.
    has_slots: bool,
    /// What is announced. Empty at most for `Face::Standalone`, where it is of no interest.
    nodes: Vec<Announced>,
    masters: Masters,
}

/// What becomes of CLUSTER and of the commands of a cluster's clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clusters {
    /// The one node behind the proxy speaks for itself.
    Backend,
    /// As if there were no cluster, whatever the backend is.
    Off,
    /// The announced addresses own all slots.
    Shown,
}

const DISABLED: &str = "ERR This instance has cluster support disabled";
const CHANGES: &str = "it changes the cluster, send it to a node";

impl Mask {
    pub(crate) fn of(proxy: &Proxy) -> Mask {
        let (clients, kind) = (&proxy.clients, &proxy.backend.kind);
        let clusters = match (clients.face, kind) {
            (Face::Cluster, _) => Clusters::Shown,
            (Face::Standalone | Face::Sentinel, Kind::Fixed { .. }) => Clusters::Backend,
            (
                Face::Standalone | Face::Sentinel,
                Kind::Sentinel { .. } | Kind::Cluster { .. } | Kind::Active { .. },
            ) => Clusters::Off,
        };
        Mask {
            face: clients.face,
            clusters,
            has_slots: matches!(kind, Kind::Cluster { .. }),
            nodes: node::all(&clients.announce),
            masters: match kind {
                Kind::Sentinel { master, .. } => Masters::only(master),
                Kind::Fixed { .. } | Kind::Cluster { .. } | Kind::Active { .. } => Masters::any(&proxy.name),
            },
        }
    }

    /// `mode` of HELLO. A client that came for sentinels finds its master at the same address, so this is one's.
    pub(crate) fn mode(&self) -> &'static str {
        match self.face {
            Face::Standalone | Face::Sentinel => "standalone",
            Face::Cluster => "cluster",
        }
    }

    /// Returns what becomes of a command whose table entry says `handling`; its arity has been looked at.
    ///
    /// Outcomes: the entry's own handling for everything that no face is about; forward, answer here or refuse; an
    /// error in a server's words.
    pub(crate) fn rule(&self, handling: Handling, request: &Request<'_>) -> Result<Handling, String> {
        match handling {
            Handling::Local(Local::Cluster(command)) => self.rule_cluster(command, request),
            Handling::Local(Local::Sentinel) => match self.face {
                Face::Sentinel => Ok(handling),
                Face::Standalone | Face::Cluster => Err(unknown_command(request)),
            },
            other => Ok(other),
        }
    }

    fn rule_cluster(&self, command: ClusterCommand, request: &Request<'_>) -> Result<Handling, String> {
        match self.clusters {
            Clusters::Backend => Ok(of_backend(command)),
            Clusters::Off => Err(unknown_subcommand(command, request).unwrap_or_else(|| DISABLED.to_owned())),
            Clusters::Shown => match command {
                ClusterCommand::Change => {
                    unknown_subcommand(command, request).map_or(Ok(Handling::Refuse(CHANGES)), Err)
                }
                ClusterCommand::SlotKeys if self.has_slots => Ok(Handling::Forward),
                ClusterCommand::SlotKeys => {
                    Ok(Handling::Refuse("the backend is no cluster and keeps no keys by slot"))
                }
                shown => Ok(Handling::Local(Local::Cluster(shown))),
            },
        }
    }

    /// Writes the reply to what `rule` said is to be answered here.
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

    /// INFO may have to be made to agree with the face.
    pub(crate) fn masks_info(&self) -> bool {
        match self.clusters {
            Clusters::Backend => false,
            Clusters::Off | Clusters::Shown => true,
        }
    }

    /// INFO as it agrees with the face. `None`: the reply may go as it is.
    pub(crate) fn info(&self, reply: &[u8]) -> Option<Vec<u8>> {
        match self.clusters {
            Clusters::Backend => None,
            Clusters::Off | Clusters::Shown => info::rewrite_info(reply, self.face),
        }
    }

    /// Of a proxy before a node that speaks for itself.
    #[cfg(test)]
    pub(crate) fn plain() -> Mask {
        Mask {
            face: Face::Standalone,
            clusters: Clusters::Backend,
            has_slots: false,
            nodes: Vec::new(),
            masters: Masters::any("test"),
        }
    }
}

/// Where the node speaks for itself, what would change it or the connection that clients share is refused.
fn of_backend(command: ClusterCommand) -> Handling {
    match command {
        ClusterCommand::Change => Handling::Refuse(CHANGES),
        ClusterCommand::ReadOnly | ClusterCommand::ReadWrite => {
            Handling::Refuse("it would act on the proxy's own connections")
        }
        ClusterCommand::Asking => Handling::Refuse("the proxy follows redirects itself"),
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

/// The error for a subcommand of CLUSTER that no server knows.
fn unknown_subcommand(command: ClusterCommand, request: &Request<'_>) -> Option<String> {
    let known = command != ClusterCommand::Change
        || crate::command::lookup(request.name()).is_some_and(|entry| entry.subcommand(request).is_some());
    (!known).then(|| no_such_subcommand("CLUSTER", request.arg(1).unwrap_or_default()))
}

/// The name is cut, as the servers do it.
fn no_such_subcommand(command: &str, name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name.get(..128).unwrap_or(name));
    format!("ERR unknown subcommand '{name}'. Try {command} HELP.")
}

#[cfg(test)]
mod tests;
