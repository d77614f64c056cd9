//! One fault of a peer or of a deployment, in the words in which it is told, with the way out.
//!
//! Words of peers end in replies, logs and pages, so [`PeerWord`] lets through nothing that could break a line there.

use std::fmt;

use super::Endpoint;

/// Longer words of a peer are cut.
const LONGEST_WORD: usize = 80;
/// More names than this would hide the first ones.
const FEW: usize = 3;

/// Something that a peer said: one line of printable characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PeerWord(String);

impl PeerWord {
    pub(crate) fn of(said: &str) -> PeerWord {
        PeerWord(printable(said, LONGEST_WORD))
    }
}

impl fmt::Display for PeerWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line that any terminal can show.
pub(super) fn printable(text: &str, longest: usize) -> String {
    let letter = |letter: char| if letter == ' ' || letter.is_ascii_graphic() { letter } else { '?' };
    text.chars().take(longest).map(letter).collect()
}

/// What a server is that is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    Master,
    /// Of this node, as it calls it.
    Replica(Option<Endpoint>),
    ClusterNode,
    Other,
}

/// What is wrong. The order is that in which it is told: what no waiting can mend comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    IsSentinel,
    IsClusterNode,
    /// A sentinel was expected.
    NoSentinel(Sort),
    /// A node of a cluster was expected.
    ClusterDisabled,
    /// The sentinels do not know the group.
    UnknownGroup {
        asked: PeerWord,
        /// The groups that they know. `None`: they do not tell.
        known: Option<Vec<PeerWord>>,
    },
    /// The code with which the proxy's own user or password was refused.
    Denied(PeerWord),
    AsksForPassword,
    /// The command that may not be asked.
    Forbidden(&'static str),
    NotResp,
    Unresolved,
    Refused,
    TimedOut,
    Closed,
    Unreachable,
    Loading,
    /// A replica that serves nothing without its master.
    MasterDown,
    /// It takes no more clients.
    Full,
    /// It refuses to serve with this error.
    Refuses(PeerWord),
    /// Too few sentinels answer to believe them.
    TooFew {
        answer: usize,
        of: usize,
    },
    /// The cluster has been given no slot.
    NoSlots,
    /// Sentinels name it as the master, and it follows this node.
    NotMaster(Option<Endpoint>),
    /// It takes no writes, since it cannot keep them.
    CannotSave,
    /// It serves reads only.
    IsReplica(Option<Endpoint>),
    /// The nodes are not set up well, as the rules say it.
    SetUp(&'static str),
}

/// How much a fault keeps from working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gravity {
    /// The config is wrong, or the peer is another thing than it says.
    Lasting,
    /// It may pass by itself.
    Passing,
    /// It serves, if not as well as it could.
    Warning,
}

impl Fault {
    pub(crate) fn is_warning(&self) -> bool {
        self.gravity() == Gravity::Warning
    }

    pub(crate) fn is_lasting(&self) -> bool {
        self.gravity() == Gravity::Lasting
    }

    fn gravity(&self) -> Gravity {
        match self {
            Fault::IsSentinel
            | Fault::IsClusterNode
            | Fault::NoSentinel(_)
            | Fault::ClusterDisabled
            | Fault::UnknownGroup { .. } => Gravity::Lasting,
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
            | Fault::NotMaster(_) => Gravity::Passing,
            Fault::CannotSave | Fault::IsReplica(_) | Fault::SetUp(_) => Gravity::Warning,
        }
    }
}

impl fmt::Display for Fault {
    /// Returns what follows the name of the peer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::IsSentinel => f.write_str("is a sentinel: use redis-sentinel://, or name a data node"),
            Fault::IsClusterNode => f.write_str("is a cluster node: use redis-cluster://"),
            Fault::NoSentinel(Sort::Master) => {
                f.write_str("is a data node (master), not a sentinel: use redis:// or name a sentinel")
            }
            Fault::NoSentinel(Sort::Replica(of)) => {
                f.write_str("is a data node (replica")?;
                of.iter().try_for_each(|of| write!(f, " of {of}"))?;
                f.write_str("), not a sentinel: name a sentinel")
            }
            Fault::NoSentinel(Sort::ClusterNode) => {
                f.write_str("is a cluster node, not a sentinel: use redis-cluster:// or name a sentinel")
            }
            Fault::NoSentinel(Sort::Other) => f.write_str("is not a sentinel: name a sentinel"),
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
            Fault::Refuses(said) => write!(f, "refuses to serve: {said}"),
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

fn unknown_group(f: &mut fmt::Formatter<'_>, asked: &PeerWord, known: Option<&[PeerWord]>) -> fmt::Result {
    let Some(known) = known else {
        return write!(f, "the sentinels do not know {asked}");
    };
    if known.is_empty() {
        return write!(f, "the sentinels know no master at all, so not {asked}");
    }
    let names: Vec<String> = known.iter().take(FEW).map(PeerWord::to_string).collect();
    write!(f, "the sentinels know {}", names.join(", "))?;
    if known.len() > FEW {
        write!(f, " and {} more", known.len() - FEW)?;
    }
    write!(f, ", not {asked}")
}
