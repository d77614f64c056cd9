//! The numbers that bound one proxy's data path, and the budget for held bytes that its workers share.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::client::telling::Telling;
use crate::config::{AuthMode, Credentials, Kind, Proxy, Reads};
use crate::face::Mask;
use crate::failover::Policy;
use crate::route::Splitting;
use crate::route::owners::Sharding;
use crate::topology::Endpoint;
use crate::topology::aliases::Aliases;
use crate::topology::diagnosis::DiagnosisCell;

use super::hub::deaf::Deaf;
use super::hub::tally::Tally;
use super::scripts::Scripts;

/// Commands of one client in flight, before it is not read any more.
pub(crate) const WINDOW: u32 = 8192;
/// The same while its lane has more than [`WINDOW`] in flight: then everybody waits for everybody.
pub(crate) const FAIR_WINDOW: u32 = 256;
/// The same at least, however large its replies are.
pub(crate) const LEAST_WINDOW: u32 = 4;
/// Bytes of replies that one client may have coming, as far as the size of the last ones tells.
pub(crate) const REPLIES_HIGH: u32 = 4 << 20;
/// Unanswered bytes on one lane, before its clients are not read any more, and at which they are read again.
pub(crate) const LANE_HIGH: usize = 16 << 20;
pub(crate) const LANE_LOW: usize = 4 << 20;
/// Bytes for a client that does not read, before it is not read any more, and at which it is read again.
pub(crate) const OUTPUT_HIGH: usize = 1 << 20;
pub(crate) const OUTPUT_LOW: usize = 256 << 10;
/// Bytes of requests that are taken from a stalled client's socket, beyond a frame in progress.
pub(crate) const INPUT_HIGH: usize = 64 << 10;
/// A request larger than this travels on a connection of its client's own, and is paid for from the hold budget.
pub(crate) const LARGE_REQUEST: usize = 256 << 10;
/// Bytes of such requests that one client may have at once, but for a single one.
pub(crate) const SHARE_HIGH: usize = 16 << 20;
/// What a streamed request begins with.
pub(crate) const FIRST_PIECE: usize = 16 << 10;
/// Bytes of a streamed request that may wait for the node, before the client is not read any more, and at which it is
/// read again.
pub(crate) const UPLOAD_HIGH: usize = 1 << 20;
pub(crate) const UPLOAD_LOW: usize = 256 << 10;
/// Nodes in a row that may send a request or a subscription on, before it waits for them to agree.
pub(crate) const HOPS: u8 = 8;
/// A reply larger than this goes on to the client before it is whole.
pub(crate) const WHOLE_REPLY: usize = 64 << 10;
/// A lane that nobody uses is closed after this time.
pub(crate) const LANE_IDLE_MICROS: u64 = 30_000_000;
/// A connection that is not established by then is given up.
pub(crate) const CONNECT_MICROS: u64 = 1_000_000;

/// What the data path needs of the config, times in microseconds.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) auth: AuthMode,
    /// What the proxy looks like to its clients.
    pub(crate) mask: Mask,
    /// The identity of every client unless they bring their own.
    pub(crate) backend_credentials: Option<Arc<Credentials>>,
    /// The identity of the proxy itself.
    pub(crate) own_credentials: Option<Arc<Credentials>>,
    /// ROLE must say master at the other end: the backend moves its master around. Active nodes have words of their own.
    pub(crate) checks_role: bool,
    pub(crate) sharding: Sharding,
    /// What may be split over slots.
    pub(crate) splitting: Splitting,
    /// From the address that a node is called by to the one to dial.
    pub(crate) address_map: BTreeMap<Endpoint, Endpoint>,
    pub(crate) connection_name: String,
    pub(crate) max_frame: usize,
    pub(crate) output_buffer: usize,
    pub(crate) idle_timeout: u64,
    pub(crate) hold: u64,
    /// A request larger than this is streamed, and cannot be sent again.
    pub(crate) resend_size: usize,
    pub(crate) node_timeout: u64,
    /// The longest wait for the answer to one command that was sent; 0: none.
    pub(crate) command_timeout: u64,
    pub(crate) patience: Patience,
    pub(crate) policy: Policy,
    pub(crate) telling: Telling,
    pub(crate) reads: Reads,
    pub(crate) scripts: Scripts,
    pub(crate) deaf: Deaf,
    /// Clients share the connections on which messages come.
    pub(crate) shares_subscriptions: bool,
    pub(crate) tally: Tally,
    pub(crate) turns: Turns,
    /// Why there may be no node.
    pub(crate) diagnosis: DiagnosisCell,
    /// What nodes are called beside where they are dialled.
    pub(crate) aliases: Aliases,
}

impl Settings {
    pub(crate) fn of(proxy: &Proxy) -> Self {
        let micros = |duration: std::time::Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Settings {
            auth: proxy.clients.auth,
            mask: Mask::of(proxy),
            own_credentials: proxy.backend.credentials.clone().map(Arc::new),
            backend_credentials: match proxy.clients.auth {
                AuthMode::Backend => proxy.backend.credentials.clone().map(Arc::new),
                AuthMode::Passthrough | AuthMode::None => None,
            },
            checks_role: matches!(proxy.backend.kind, Kind::Sentinel { .. } | Kind::Cluster { .. }),
            sharding: Sharding::of(proxy),
            splitting: if proxy.cluster.split_writes { Splitting::All } else { Splitting::Reads },
            address_map: proxy.backend.address_map.clone(),
            connection_name: format!("tideover-{}", proxy.name),
            max_frame: proxy.clients.max_frame,
            output_buffer: proxy.clients.output_buffer,
            idle_timeout: micros(proxy.clients.idle_timeout),
            hold: micros(proxy.failover.hold),
            resend_size: proxy.failover.resend_size,
            node_timeout: micros(proxy.failover.node_timeout),
            command_timeout: micros(proxy.failover.command_timeout),
            patience: Patience::of(&proxy.backend.kind),
            policy: Policy {
                retry: match proxy.backend.kind {
                    // What a lost node has done may still come to the others from it: run again elsewhere, it is done
                    // twice.
                    Kind::Active { .. } => proxy.failover.retry.stricter(),
                    Kind::Fixed { .. } | Kind::Sentinel { .. } | Kind::Cluster { .. } => proxy.failover.retry,
                },
                blocked: proxy.failover.blocked,
            },
            telling: Telling::of(&proxy.failover),
            reads: proxy.reads.clone(),
            scripts: Scripts::default(),
            deaf: Deaf::default(),
            shares_subscriptions: proxy.clients.share_subscriptions,
            tally: Tally::default(),
            turns: Turns::default(),
            diagnosis: DiagnosisCell::default(),
            aliases: Aliases::default(),
        }
    }
}

/// How long a node may be silent with requests in flight that may have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// No longer than `node_timeout`: another node can serve at once.
    Never,
    /// As long as a command may wait: by then there is another master, or there will be none.
    Hold,
    /// As long as its connection stands: nobody else has what it has.
    Connection,
}

impl Patience {
    fn of(kind: &Kind) -> Patience {
        match kind {
            Kind::Fixed { .. } => Patience::Connection,
            Kind::Sentinel { .. } | Kind::Cluster { .. } => Patience::Hold,
            Kind::Active { .. } => Patience::Never,
        }
    }
}

/// A number for each worker, by which they choose different nodes among equals. Each process begins at one of its own.
#[derive(Debug)]
pub(crate) struct Turns {
    next: AtomicU64,
}

impl Default for Turns {
    fn default() -> Self {
        Turns { next: AtomicU64::new(RandomState::new().hash_one(0)) }
    }
}

impl Turns {
    pub(super) fn take(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A number that looks like chance (SplitMix64).
    pub(super) fn random(&self) -> u64 {
        let mut number = self.take().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        number ^ (number >> 31)
    }
}

/// What is noted of each held request beside its bytes, in memory.
const HELD_NOTE: usize = 192;

/// Returns what a request takes of the hold budget while it is held. The bytes of a large one were taken already.
pub(super) fn held_cost(bytes: usize) -> usize {
    HELD_NOTE + if bytes > LARGE_REQUEST { 0 } else { bytes }
}

/// Bytes that may be held over all workers of a proxy. Touched only while commands are held.
#[derive(Debug)]
pub(crate) struct HoldBudget {
    left: AtomicUsize,
    /// What large requests that are not held leave for those that are.
    spared: usize,
}

impl HoldBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        HoldBudget { left: AtomicUsize::new(bytes), spared: bytes / 2 }
    }

    /// All that large requests may take.
    pub(crate) fn most_for_large(&self) -> usize {
        self.spared
    }

    /// For large requests on their way: a half stays for what has to be held.
    pub(crate) fn try_take_for_large(&self, bytes: usize) -> bool {
        let taken = |left: usize| left.checked_sub(bytes).filter(|left| *left >= self.spared);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    pub(crate) fn try_take(&self, bytes: usize) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    /// For what was accepted already and must now wait: takes what is left, and gives what it took.
    pub(crate) fn take_up_to(&self, bytes: usize) -> usize {
        let before = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(bytes)));
        before.unwrap_or(0).min(bytes)
    }

    pub(crate) fn give(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{RetryPolicy, one_proxy};

    #[test]
    fn active_nodes_allow_one_class_less_to_run_again() {
        use RetryPolicy::{Always, Idempotent, Never, Reads, Relaxed};
        for (policy, active) in
            [(Never, Never), (Reads, Reads), (Idempotent, Reads), (Relaxed, Idempotent), (Always, Relaxed)]
        {
            for (url, expected) in [
                ("redis-active://a:1,b:2", active),
                ("redis-cluster://a:1,b:2", policy),
                ("redis://a:1", policy),
            ] {
                let mut proxy = one_proxy(url).unwrap();
                proxy.failover.retry = policy;
                assert_eq!(Settings::of(&proxy).policy.retry, expected, "{url} {policy:?}");
            }
        }
    }

    #[test]
    fn only_sentinels_and_clusters_move_their_masters() {
        for (url, checks_role) in [
            ("redis://a:1", false),
            ("redis-sentinel://a:1/m", true),
            ("redis-cluster://a:1", true),
            ("redis-active://a:1", false),
        ] {
            assert_eq!(Settings::of(&one_proxy(url).unwrap()).checks_role, checks_role, "{url}");
        }
    }
}
