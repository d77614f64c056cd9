//! The texts with which a KeyDB 6.3.4 describes itself, captured line by line from one node of a mesh of three that was
//! killed and started again without its data, while its peers held 139,000 keys. Times are from the first connection
//! that it accepted. Only the names are of the test: `RUN_ID`, `PORT` and the ports of the peers.
//!
//! Nothing here is invented: a state that was not seen at a server does not belong here. (The captured executable was
//! built from source, and calls itself 255.255.255; a packaged one says 6.3.4 in the same place.)

use Link::{Connect, Handshake, Sync, Up};

/// INFO server.
const SERVER: &str = "\
# Server
redis_version:6.3.4
redis_git_sha1:00000000
redis_git_dirty:0
redis_build_id:5d0a89bfdddcc3d8
redis_mode:standalone
os:Linux 6.18.44-fc-v657 x86_64
arch_bits:64
multiplexing_api:epoll
atomicvar_api:atomic-builtin
gcc_version:12.2.0
process_id:18745
process_supervised:no
run_id:RUN_ID
tcp_port:PORT
server_time_usec:1795644192776566
uptime_in_seconds:2
uptime_in_days:0
hz:10
configured_hz:10
lru_clock:482080
executable:/usr/bin/keydb-server
config_file:/etc/keydb/keydb.conf
availability_zone:
features:cluster_mget
";

/// INFO persistence, with the lines of a load in progress in place of `LOADING`.
const PERSISTENCE: &str = "\
# Persistence
loading:LOADING
current_cow_size:0
current_cow_size_age:0
current_fork_perc:0.00
current_save_keys_processed:0
current_save_keys_total:0
rdb_changes_since_last_save:2
rdb_bgsave_in_progress:0
rdb_last_save_time:1795644218
rdb_last_bgsave_status:ok
rdb_last_bgsave_time_sec:0
rdb_current_bgsave_time_sec:-1
rdb_last_cow_size:499712
aof_enabled:0
aof_rewrite_in_progress:0
aof_rewrite_scheduled:0
aof_last_rewrite_time_sec:-1
aof_current_rewrite_time_sec:-1
aof_last_bgrewrite_status:ok
aof_last_write_status:ok
aof_last_cow_size:0
module_fork_in_progress:0
module_fork_last_cow_size:0
";

/// The lines that follow during a load.
const LOADING: &str = "\
loading_start_time:1795644218
loading_total_bytes:7951243
loading_rdb_used_mem:33776000
loading_loaded_bytes:1404917
loading_loaded_perc:17.67
loading_eta_seconds:4
";

/// INFO replication: the lines between the masters and the replicas.
const BETWEEN: &str = "\
slave_priority:100
slave_read_only:0
replica_announced:1
";

/// The last lines of INFO replication.
const LAST: &str = "\
master_failover_state:no-failover
master_replid:e599b02e5827bd1848cf052cb2e18b80eeabb3b2
master_replid2:0000000000000000000000000000000000000000
master_repl_offset:266
second_repl_offset:-1
repl_backlog_active:1
repl_backlog_size:1048576
repl_backlog_first_byte_offset:1
repl_backlog_histlen:266
";

/// INFO keydb.
const KEYDB: &str = "# KeyDB\nmvcc_depth:0\n";

/// The reply to HELLO in RESP2; in RESP3 it has the same elements.
pub(crate) const HELLO: &str = "\
$6\nserver\n$5\nredis\n$7\nversion\n$5\n6.3.4\n$5\nproto\n:PROTO\n$2\nid\n:73\n$4\nmode\n$10\nstandalone\n\
$4\nrole\n$14\nactive-replica\n$7\nmodules\n*0\n";

/// The reply to HELLO with an unknown version.
pub(crate) const NO_PROTO: &str = "-NOPROTO unsupported protocol version\n";

/// The reply to a subcommand of CLIENT that is newer than Redis 6.2.
pub(crate) const NO_SUBCOMMAND: &str =
    "-ERR Unknown subcommand or wrong number of arguments for 'SETINFO'. Try CLIENT HELP.\n";

/// INFO of two sections at once.
pub(crate) const INFO_OF_TWO: &str = "-ERR syntax error\n";

/// The reply to a write, and to all other commands that are no reads, while the node reads the dataset of a peer.
pub(crate) const IS_LOADING: &str = "-LOADING KeyDB is loading the dataset in memory\n";

/// The reply with `replica-serve-stale-data no`, while any peer is away.
pub(crate) const MASTER_DOWN: &str =
    "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\n";

/// The reply of a node that follows another one and is not active.
pub(crate) const READ_ONLY: &str = "-READONLY You can't write against a read only replica.\n";

/// The progress of a node with one of its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Connect,
    Handshake,
    Sync,
    Up,
}

/// One state of the whole node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    /// The time at which it was seen.
    pub(crate) at_ms: u32,
    /// By index in INFO, as it was at that time.
    pub(crate) links: [Link; 2],
    pub(crate) loading: bool,
    /// True if the peers have the data of this node: `slaveN` lines of state `online`.
    pub(crate) replicas: bool,
    /// True if a key that all nodes had before the restart is found.
    pub(crate) knows: bool,
}

/// A node that was never away.
pub(crate) const HEALTHY: State =
    State { at_ms: 0, links: [Up, Up], loading: false, replicas: true, knows: true };

/// The states of a node that came back empty. At 2,894 ms it says that it is ready by all it knows, and takes writes.
pub(crate) const RESTARTED: [State; 8] = [
    State { at_ms: 0, links: [Connect, Handshake], loading: false, replicas: false, knows: false },
    State { at_ms: 26, links: [Connect, Sync], loading: false, replicas: false, knows: false },
    State { at_ms: 435, links: [Connect, Sync], loading: false, replicas: true, knows: false },
    State { at_ms: 461, links: [Connect, Sync], loading: true, replicas: true, knows: true },
    State { at_ms: 2894, links: [Connect, Up], loading: false, replicas: true, knows: true },
    State { at_ms: 3025, links: [Up, Sync], loading: false, replicas: true, knows: true },
    State { at_ms: 5688, links: [Up, Sync], loading: true, replicas: true, knows: true },
    State { at_ms: 7912, links: [Up, Up], loading: false, replicas: true, knows: true },
];

/// Returns INFO server of the process with this run id.
pub(crate) fn server(run_id: &str, port: u16) -> String {
    SERVER.replace("RUN_ID", run_id).replace("PORT", &port.to_string())
}

/// Returns INFO keydb.
pub(crate) fn keydb() -> String {
    KEYDB.to_owned()
}

impl State {
    /// Returns INFO persistence.
    pub(crate) fn persistence(&self) -> String {
        let lines = PERSISTENCE.replace("LOADING", if self.loading { "1" } else { "0" });
        if self.loading { lines + LOADING } else { lines }
    }

    /// Returns INFO replication of a node with these peers.
    pub(crate) fn replication(&self, peers: [u16; 2]) -> String {
        let up = self.links.iter().filter(|link| **link == Up).count();
        let global = if up == self.links.len() { "up" } else { "down" };
        let mut lines = format!(
            "# Replication\nrole:active-replica\nmaster_global_link_status:{global}\nconnected_masters:{up}\n"
        );
        for (index, (link, port)) in self.links.iter().zip(peers).enumerate() {
            let name = if index == 0 { "master".to_owned() } else { format!("master_{index}") };
            lines += &link.lines(&name, port);
        }
        lines += BETWEEN;
        lines += &format!("connected_slaves:{}\n", if self.replicas { 2 } else { 0 });
        for (index, port) in peers.iter().enumerate().filter(|_| self.replicas) {
            lines += &format!("slave{index}:ip=127.0.0.1,port={port},state=online,offset=266,lag=0\n");
        }
        lines + LAST
    }

    /// Returns the reply to ROLE.
    pub(crate) fn role(&self, peers: [u16; 2]) -> String {
        let of = |(link, port): (&Link, u16)| {
            let (state, offset) = link.role();
            let peer = format!("$14\nactive-replica\n$9\n127.0.0.1\n:{port}\n");
            format!("*5\n{peer}${}\n{state}\n:{offset}\n", state.len())
        };
        "*2\n".to_owned() + &self.links.iter().zip(peers).map(of).collect::<String>()
    }
}

impl Link {
    fn lines(self, name: &str, port: u16) -> String {
        let (status, syncing) = match self {
            Up => ("up", 0),
            Sync => ("down", 1),
            Connect | Handshake => ("down", 0),
        };
        let last_io = if self == Up { 0 } else { -1 };
        let mut lines = format!(
            "{name}_host:127.0.0.1\n{name}_port:{port}\n{name}_link_status:{status}\n\
             {name}_last_io_seconds_ago:{last_io}\n{name}_sync_in_progress:{syncing}\n\
             slave_read_repl_offset:1\nslave_repl_offset:1\n"
        );
        if self == Sync {
            lines += &format!(
                "{name}_sync_total_bytes:7951243\n{name}_sync_read_bytes:6176768\n\
                 {name}_sync_left_bytes:1774475\n{name}_sync_perc:77.68\n\
                 {name}_sync_last_io_seconds_ago:0\n"
            );
        }
        if self != Up {
            lines += &format!("{name}_link_down_since_seconds:-1\n");
        }
        lines
    }

    fn role(self) -> (&'static str, i64) {
        match self {
            Connect => ("connect", -1),
            Handshake => ("handshake", -1),
            Sync => ("sync", -1),
            Up => ("connected", 91_782_196),
        }
    }
}
