//! One fault of a peer or of a deployment, with the text that names it and says how to mend it.
//!
//! Text from peers is shown in replies, logs and pages, so [`PeerText`] lets through nothing that could break a line there.

use std::fmt;

use super::Endpoint;

/// The longest text of a peer, in characters; what is longer is cut.
const LONGEST_TEXT: usize = 80;
/// The number of groups that are named. More of them would hide the first ones.
const FEW: usize = 3;

/// A text that came from a peer, as one line of printable characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PeerText(String);

impl PeerText {
    pub(crate) fn of(text: &str) -> PeerText {
        PeerText(printable(text, LONGEST_TEXT))
    }
}

impl fmt::Display for PeerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Cuts a text to `longest` characters and replaces all that some terminal could not show.
pub(super) fn printable(text: &str, longest: usize) -> String {
    let letter = |letter: char| if letter == ' ' || letter.is_ascii_graphic() { letter } else { '?' };
    text.chars().take(longest).map(letter).collect()
}

/// The kind of a server that is not the expected one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ServerKind {
    Master,
    /// A replica, and the address of its master as it gives it.
    Replica(Option<Endpoint>),
    ClusterNode,
    Other,
}

/// A fault. Findings are shown in the order of these variants: what waiting cannot mend comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    IsSentinel,
    IsClusterNode,
    /// A sentinel was expected, and this is another kind of server.
    NotSentinel(ServerKind),
    /// A node of a cluster was expected, and this one runs without cluster support.
    ClusterDisabled,
    /// The sentinels do not know the configured group.
    UnknownGroup {
        asked: PeerText,
        /// The groups that the sentinels know. `None`: they do not tell.
        known: Option<Vec<PeerText>>,
    },
    /// The peer refused the proxy's own user or password with this error code.
    Denied(PeerText),
    AsksForPassword,
    /// The proxy's user may not run this command there.
    Forbidden(&'static str),
    NotResp,
    Unresolved,
    Refused,
    TimedOut,
    Closed,
    Unreachable,
    Loading,
    /// The peer is a replica that serves nothing without its master.
    MasterDown,
    /// The peer has as many clients as it may have.
    Full,
    /// The peer refuses to serve with this error code.
    Refuses(PeerText),
    /// Too few sentinels answer to be believed.
    TooFew {
        answer: usize,
        of: usize,
    },
    /// No node of the cluster owns a slot.
    NoSlots,
    /// The sentinels name the peer as the master, but it is a replica of this node.
    NotMaster(Option<Endpoint>),
    /// The peer takes no writes, since it cannot save them.
    CannotSave,
    /// The peer is a replica of this node, and serves reads only.
    IsReplica(Option<Endpoint>),
    /// The nodes are not set up well; the text says in which way.
    SetUp(&'static str),
}

/// The severity of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    /// Waiting does not help: the config is wrong, or the peer is not the kind of server that the config says.
    Lasting,
    /// The fault may pass by itself.
    Passing,
    /// The peer serves, but not as well as it could.
    Warning,
}

impl Fault {
    pub(crate) fn is_warning(&self) -> bool {
        self.severity() == Severity::Warning
    }

    pub(crate) fn is_lasting(&self) -> bool {
        self.severity() == Severity::Lasting
    }

    fn severity(&self) -> Severity {
        match self {
            Fault::IsSentinel
            | Fault::IsClusterNode
            | Fault::NotSentinel(_)
            | Fault::ClusterDisabled
            | Fault::UnknownGroup { .. } => Severity::Lasting,
            Fault::Denied(_)
            | Fault::AsksForPassword
            | Fault::Forbidden(_)
            | Fault::NotResp
            | Fault::Unresolved
            | Fault::Refused
            | Fault::TimedOut
            | Fault::Closed
            | Fault::Unreachable
            | Fault::Loading
            | Fault::MasterDown
            | Fault::Full
            | Fault::Refuses(_)
            | Fault::TooFew { .. }
            | Fault::NoSlots
            | Fault::NotMaster(_) => Severity::Passing,
            Fault::CannotSave | Fault::IsReplica(_) | Fault::SetUp(_) => Severity::Warning,
        }
    }
}

impl fmt::Display for Fault {
    /// Writes the text that follows the name of the peer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::IsSentinel => f.write_str("is a sentinel: use redis-sentinel://, or name a data node"),
            Fault::IsClusterNode => f.write_str("is a cluster node: use redis-cluster://"),
            Fault::NotSentinel(ServerKind::Master) => {
                f.write_str("is a data node (master), not a sentinel: use redis:// or name a sentinel")
            }
            Fault::NotSentinel(ServerKind::Replica(of)) => {
                f.write_str("is a data node (replica")?;
                of.iter().try_for_each(|of| write!(f, " of {of}"))?;
                f.write_str("), not a sentinel: name a sentinel")
            }
            Fault::NotSentinel(ServerKind::ClusterNode) => {
                f.write_str("is a cluster node, not a sentinel: use redis-cluster:// or name a sentinel")
            }
            Fault::NotSentinel(ServerKind::Other) => f.write_str("is not a sentinel: name a sentinel"),
            Fault::ClusterDisabled => f.write_str(
                "is no cluster node, cluster support is disabled there: use redis:// or name a cluster node",
            ),
            Fault::UnknownGroup { asked, known } => unknown_group(f, asked, known.as_deref()),
            Fault::Denied(code) if code.0 == "ERR" => {
                f.write_str("does not let the proxy in: ERR, the password is wrong, or the server has none")
            }
            Fault::Denied(code) => {
                write!(f, "does not let the proxy in: {code}, check its user and password")
            }
            Fault::AsksForPassword => f.write_str("asks for a password: NOAUTH, give the proxy its own"),
            Fault::Forbidden(command) => {
                write!(f, "does not let the proxy ask {command}: NOPERM, allow it to the proxy's user")
            }
            Fault::NotResp => {
                f.write_str("does not speak RESP: another service listens there, or it wants TLS")
            }
            Fault::Unresolved => f.write_str("does not resolve: check the name, or the DNS of this machine"),
            Fault::Refused => f.write_str("connection refused: nobody listens there"),
            Fault::TimedOut => f.write_str("does not answer in time"),
            Fault::Closed => f.write_str("closes the connection without an answer"),
            Fault::Unreachable => f.write_str("cannot be reached"),
            Fault::Loading => f.write_str("is loading its data: LOADING"),
            Fault::MasterDown => f.write_str("is a replica that has lost its master: MASTERDOWN"),
            Fault::Full => f.write_str("takes no more clients: raise its maxclients"),
            Fault::Refuses(error) => write!(f, "refuses to serve: {error}"),
            Fault::TooFew { answer, of } => {
                write!(f, "{answer} of {of} sentinels answer, which is no majority")
            }
            Fault::NoSlots => f.write_str("no slot of the cluster has an owner: create the cluster"),
            Fault::CannotSave => f.write_str("takes no writes: MISCONF, it cannot save its data"),
            Fault::NotMaster(of) => {
                f.write_str("is the master by the sentinels' word, and a replica")?;
                of.iter().try_for_each(|of| write!(f, " of {of}"))?;
                f.write_str(" by its own")
            }
            Fault::IsReplica(of) => {
                f.write_str("is a replica")?;
                of.iter().try_for_each(|of| write!(f, " of {of}"))?;
                f.write_str(": it serves reads only, name the master to write")
            }
            Fault::SetUp(words) => f.write_str(words),
        }
    }
}

fn unknown_group(f: &mut fmt::Formatter<'_>, asked: &PeerText, known: Option<&[PeerText]>) -> fmt::Result {
    let Some(known) = known else {
        return write!(f, "the sentinels do not know {asked}");
    };
    if known.is_empty() {
        return write!(f, "the sentinels know no master at all, so not {asked}");
    }
    let names: Vec<String> = known.iter().take(FEW).map(PeerText::to_string).collect();
    write!(f, "the sentinels know {}", names.join(", "))?;
    if known.len() > FEW {
        write!(f, " and {} more", known.len() - FEW)?;
    }
    write!(f, ", not {asked}")
}
