//! The numbers that bound one proxy's data path, and the budget for held bytes that its workers share.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::client::failure_replies::FailureReplies;
use crate::config::{AuthMode, Credentials, Kind, Proxy, Reads};
use crate::face::Face;
use crate::failover::Policy;
use crate::route::Splitting;
use crate::route::owners::Sharding;
use crate::topology::Endpoint;
use crate::topology::aliases::Aliases;
use crate::topology::asked::CommandsAsked;
use crate::topology::diagnosis::DiagnosisCell;

use super::hub::deaf::Deaf;
use super::hub::tally::Tally;
use super::made_replica::MadeReplica;
use super::scripts::Scripts;

/// The number of a client's commands in flight at which its socket is not read any more.
pub(crate) const WINDOW: u32 = 8192;
/// The same limit while the client's lane has more than [`WINDOW`] in flight: then all clients wait for each other.
pub(crate) const FAIR_WINDOW: u32 = 256;
/// The least value of this limit, however large the client's replies are.
pub(crate) const LEAST_WINDOW: u32 = 4;
/// Bytes of replies that one client may have coming, estimated by the size of the last ones.
pub(crate) const REPLIES_HIGH: u32 = 4 << 20;
/// Bytes without an answer on one lane at which its clients are not read any more, and at which they are read again.
pub(crate) const LANE_HIGH: usize = 16 << 20;
pub(crate) const LANE_LOW: usize = 4 << 20;
/// Bytes for a client that does not read at which it is not read any more, and at which it is read again.
pub(crate) const OUTPUT_HIGH: usize = 1 << 20;
pub(crate) const OUTPUT_LOW: usize = 256 << 10;
/// Bytes of requests that are taken from a stalled client's socket, beyond a frame in progress.
pub(crate) const INPUT_HIGH: usize = 64 << 10;
/// The size in bytes above which a request travels on a connection of its client's own, and is counted in the hold budget.
pub(crate) const LARGE_REQUEST: usize = 256 << 10;
/// Bytes of large requests that one client may have at once; a single one may be larger.
pub(crate) const SHARE_HIGH: usize = 16 << 20;
/// The size of the first piece of a streamed request, in bytes.
pub(crate) const FIRST_PIECE: usize = 16 << 10;
/// Bytes of an upload that wait for the node at which its client is not read any more, and at which it is read again.
pub(crate) const UPLOAD_HIGH: usize = 1 << 20;
pub(crate) const UPLOAD_LOW: usize = 256 << 10;
/// The number of nodes in a row that may redirect a request or a subscription before it waits for them to agree.
pub(crate) const HOPS: u8 = 8;
/// The size in bytes above which a reply is passed on before it is whole.
pub(crate) const WHOLE_REPLY: usize = 64 << 10;
/// The time after which an unused lane is closed.
pub(crate) const LANE_IDLE_MICROS: u64 = 30_000_000;
/// The time after which a connection that is not established is given up.
pub(crate) const CONNECT_MICROS: u64 = 1_000_000;

/// The part of the config that the data path needs. Times are in microseconds.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) auth: AuthMode,
    /// The face that the proxy shows to its clients.
    pub(crate) face: Face,
    /// The identity of every client that does not bring its own.
    pub(crate) backend_credentials: Option<Arc<Credentials>>,
    /// The identity of the proxy itself.
    pub(crate) own_credentials: Option<Arc<Credentials>>,
    /// ROLE must say master at the other end, because the backend moves its master. Active nodes are checked in another way.
    pub(crate) checks_role: bool,
    pub(crate) sharding: Sharding,
    /// The commands that may be split over slots.
    pub(crate) splitting: Splitting,
    /// The addresses to dial, by the addresses that nodes are called by.
    pub(crate) address_map: BTreeMap<Endpoint, Endpoint>,
    pub(crate) connection_name: String,
    pub(crate) max_frame: usize,
    pub(crate) output_buffer: usize,
    /// The largest number of keys, times their readers, that is remembered for clients that cache.
    pub(crate) tracked_keys: usize,
    pub(crate) idle_timeout: u64,
    pub(crate) hold: u64,
    /// The size in bytes above which a request is streamed, so that it cannot be sent again.
    pub(crate) resend_size: usize,
    pub(crate) node_timeout: u64,
    /// The longest wait for the reply to a command that was sent. 0: no limit.
    pub(crate) command_timeout: u64,
    pub(crate) patience: Patience,
    pub(crate) policy: Policy,
    pub(crate) failures: FailureReplies,
    pub(crate) reads: Reads,
    pub(crate) scripts: Scripts,
    pub(crate) deaf: Deaf,
    /// Clients share the connections that messages come on.
    pub(crate) shares_subscriptions: bool,
    pub(crate) tally: Tally,
    pub(crate) turns: Turns,
    /// The diagnosis of discovery: the faults that may be the reason for a missing node.
    pub(crate) diagnosis: DiagnosisCell,
    /// Names of nodes beside the addresses at which they are dialled.
    pub(crate) aliases: Aliases,
    pub(crate) commands_asked: CommandsAsked,
    /// Replicas get what makes nodes alike.
    pub(crate) relays: bool,
    pub(crate) made_replica: MadeReplica,
}

impl Settings {
    pub(crate) fn of(proxy: &Proxy) -> Self {
        let micros = |duration: std::time::Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Settings {
            auth: proxy.clients.auth,
            face: Face::of(proxy),
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
            tracked_keys: proxy.clients.tracked_keys,
            idle_timeout: micros(proxy.clients.idle_timeout),
            hold: micros(proxy.failover.hold),
            resend_size: proxy.failover.resend_size,
            node_timeout: micros(proxy.failover.node_timeout),
            command_timeout: micros(proxy.failover.command_timeout),
            patience: Patience::of(&proxy.backend.kind),
            policy: Policy {
                retry: match proxy.backend.kind {
                    // A lost node may still pass its writes on to the others. A write that ran there and again
                    // elsewhere would have its effect twice.
                    Kind::Active { .. } => proxy.failover.retry.stricter(),
                    Kind::Fixed { .. } | Kind::Sentinel { .. } | Kind::Cluster { .. } => proxy.failover.retry,
                },
                blocked: proxy.failover.blocked,
            },
            failures: FailureReplies::of(&proxy.failover),
            reads: proxy.reads.clone(),
            scripts: Scripts::default(),
            deaf: Deaf::default(),
            shares_subscriptions: proxy.clients.share_subscriptions,
            tally: Tally::default(),
            turns: Turns::default(),
            diagnosis: DiagnosisCell::default(),
            aliases: Aliases::default(),
            commands_asked: CommandsAsked::already(),
            relays: proxy.replicas.relay
                && matches!(proxy.backend.kind, Kind::Sentinel { .. } | Kind::Cluster { .. }),
            made_replica: MadeReplica::default(),
        }
    }
}

/// How long a node may be silent while requests are in flight that may have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// No longer than `node_timeout`: another node can serve at once.
    Never,
    /// As long as a command may be held: by then there is another master, or there will be none.
    Hold,
    /// As long as its connection is established: no other node has its data.
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

/// Numbers by which workers choose different nodes among equals, one each. Each process begins at a random one.
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
    pub(super) fn draw(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns a pseudo-random number (SplitMix64).
    pub(super) fn random(&self) -> u64 {
        let mut number = self.draw().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        number ^ (number >> 31)
    }
}

/// The memory that a held request takes beside its bytes, in bytes.
const HELD_NOTE: usize = 192;

/// Returns what a request takes of the hold budget while it is held. The bytes of a large one were taken already.
pub(super) fn held_cost(bytes: usize) -> usize {
    HELD_NOTE + if bytes > LARGE_REQUEST { 0 } else { bytes }
}

/// Bytes that may be held over all workers of a proxy. Touched only while commands are held.
#[derive(Debug)]
pub(crate) struct HoldBudget {
    left: AtomicUsize,
    /// Bytes that large requests which are not held leave for requests that are.
    spared: usize,
}

impl HoldBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        HoldBudget { left: AtomicUsize::new(bytes), spared: bytes / 2 }
    }

    /// Returns the bytes that all large requests together may take.
    pub(crate) fn most_for_large(&self) -> usize {
        self.spared
    }

    /// Takes bytes for a large request that is not held. Half of the budget stays for requests that have to be held.
    pub(crate) fn try_take_for_large(&self, bytes: usize) -> bool {
        let taken = |left: usize| left.checked_sub(bytes).filter(|left| *left >= self.spared);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    pub(crate) fn try_take(&self, bytes: usize) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    /// Takes as many bytes as are left, for a request that was accepted already and must now wait. Returns the bytes taken.
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
    fn the_relation_of_shards_follows_from_the_backend() {
        // URL, redirects, late writes are undone, ROLE says master.
        for (url, redirects, undoes, checks_role) in [
            ("redis://a:1", false, true, false),
            ("redis-sentinel://a:1/m", false, true, true),
            ("redis-cluster://a:1", true, true, true),
            ("redis-active://a:1", false, false, false),
        ] {
            let settings = Settings::of(&one_proxy(url).unwrap());
            let sharding = &settings.sharding;
            let found = (sharding.redirects(), sharding.undoes_late_writes(), settings.checks_role);
            assert_eq!(found, (redirects, undoes, checks_role), "{url}");
        }
    }
}
