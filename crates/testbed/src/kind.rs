//! Which deployment is played, and what is said of it. No IO.

use super::sharing::Sharing;

/// Which deployment is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One master, two replicas, three sentinels.
    Sentinel,
    /// Three masters, each with a replica.
    Cluster,
    /// Three nodes that all take writes.
    Active,
}

impl Kind {
    /// Returns what a person reads first.
    pub(crate) fn opening(self, failovers: usize) -> String {
        let clients = self.jobs().len();
        let (what, whom) = match self {
            Self::Sentinel => ("Redis deployment", "the master"),
            Self::Cluster => ("Redis Cluster", "the master of one shard after the other,"),
            Self::Active => ("set of three active nodes", "the node in use"),
        };
        format!(
            "This demo starts a real {what} on loopback, the proxy before it and {clients} plain clients,\n\
             then kills {whom} {failovers} times with SIGKILL. The clients retry nothing and know no node."
        )
    }

    /// Returns what was killed, such as `master 127.0.0.1:7001 of shard 2`.
    pub(crate) fn killed(self, node: &str, shard: Option<usize>) -> String {
        let shard = shard.map(|shard| format!(" of shard {}", shard + 1)).unwrap_or_default();
        match self {
            Self::Sentinel | Self::Cluster => format!("master {node}{shard} is gone"),
            Self::Active => format!("{node}, the node in use, is gone"),
        }
    }

    /// Returns who took its place.
    pub(crate) fn replaced(self, node: &str, after: &str) -> String {
        match self {
            Self::Sentinel | Self::Cluster => format!("backend took writes again after {after}, at {node}"),
            Self::Active => format!("the proxy uses {node} after {after}"),
        }
    }

    /// Returns how the killed node came back.
    pub(crate) fn mended(self, node: &str) -> String {
        match self {
            Self::Sentinel | Self::Cluster => format!("{node} is back as a replica, the deployment is whole"),
            Self::Active => format!("{node} is back, and the proxy calls every node up"),
        }
    }
}

/// Returns what the clients do, one line for each sort of them: `narrow` ones use one shard only.
pub(crate) fn clients_told(all: usize, narrow: usize, sharing: Sharing) -> Vec<String> {
    if narrow == 0 {
        let checked = match sharing {
            Sharing::Followed | Sharing::Meshed => "every reply checked",
            Sharing::Apart => "every reply checked, save that a client need not read what it wrote",
        };
        return vec![format!("{all} clients       SET, GET, INCR, RPUSH through the proxy, {checked}")];
    }
    vec![
        format!(
            "{} clients       MSET, MGET, DEL over all shards, SET, GET, INCR, RPUSH, MULTI, BLPOP, every reply checked",
            all - narrow
        ),
        format!("{narrow} clients       SET, GET, INCR, RPUSH, each in one shard only"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_says_what_it_kills() {
        let cases = [
            (Kind::Sentinel, None, "master n is gone"),
            (Kind::Cluster, Some(1), "master n of shard 2 is gone"),
            (Kind::Active, None, "n, the node in use, is gone"),
        ];
        for (kind, shard, text) in cases {
            assert_eq!(kind.killed("n", shard), text);
            assert!(
                kind.opening(3).contains("8 plain clients") && kind.opening(3).contains("3 times"),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn only_nodes_that_stand_apart_leave_something_unchecked() {
        for (sharing, unchecked) in
            [(Sharing::Followed, false), (Sharing::Meshed, false), (Sharing::Apart, true)]
        {
            assert_eq!(clients_told(8, 0, sharing)[0].contains("need not read"), unchecked);
        }
        assert_eq!(clients_told(8, 3, Sharing::Followed).len(), 2);
    }
}
