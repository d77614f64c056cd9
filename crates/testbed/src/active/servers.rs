//! The program of the active nodes. KeyDB is in no package registry, so a machine without it runs nodes without replication.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// The environment variable that names the executable of KeyDB.
const VARIABLE: &str = "TIDEOVER_KEYDB_SERVER";

/// The name of the executable in KeyDB's packages.
const EXECUTABLE: &str = "keydb-server";

/// The program of the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Servers {
    /// The KeyDB at this path, as a mesh: every node passes its writes on to all others.
    KeyDb(PathBuf),
    /// The `redis-server` of the search path: nodes that know nothing of each other.
    Redis,
}

impl Servers {
    /// Returns KeyDB if the variable names it or it is on the search path, else Redis.
    pub fn found() -> Self {
        let named = std::env::var_os(VARIABLE);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        choose(named.as_deref(), folders, |candidate| candidate.is_file())
    }

    /// Returns the text that a person must read before anything starts.
    pub(crate) fn remark(&self) -> &'static str {
        match self {
            Self::KeyDb(_) => {
                "The nodes are KeyDB, a mesh: what one has acknowledged and not yet passed on when it is killed is lost."
            }
            Self::Redis => {
                "NO KEYDB HERE: TIDEOVER_KEYDB_SERVER names none and there is no keydb-server on the PATH.\n\
                 The same is played with three plain redis-servers. They do not replicate: each keeps what it took, so\n\
                 a client may read an older value, or none, after the proxy went to another node. That is not checked;\n\
                 what they hold in the end is added up over all three."
            }
        }
    }

    /// Returns the name of the program for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::KeyDb(_) => EXECUTABLE,
            Self::Redis => "redis-server",
        }
    }

    /// Returns the part of the config that a person wants to know.
    pub(crate) fn mode(&self) -> &'static str {
        match self {
            Self::KeyDb(_) => "active-replica yes, multi-master yes, each a replica of both others",
            Self::Redis => "appendonly yes, appendfsync always, none a replica of another",
        }
    }

    /// Returns the executable if it is not the usual one.
    pub(super) fn program(&self) -> Option<&PathBuf> {
        match self {
            Self::KeyDb(path) => Some(path),
            Self::Redis => None,
        }
    }

    /// Returns the config lines of a node with these peers.
    pub(super) fn config(&self, peers: &[u16]) -> Vec<String> {
        match self {
            Self::KeyDb(_) => mesh(peers),
            // A killed node must still have the writes that it acknowledged, since no other node has them.
            Self::Redis => vec!["appendonly yes".to_owned(), "appendfsync always".to_owned()],
        }
    }
}

/// Chooses the program. A name from the variable is used even if nothing is there: a wrong name shall be an error.
fn choose(named: Option<&OsStr>, folders: Vec<PathBuf>, is_there: impl Fn(&PathBuf) -> bool) -> Servers {
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        return Servers::KeyDb(PathBuf::from(named));
    }
    let found = folders.into_iter().map(|folder| folder.join(EXECUTABLE)).find(is_there);
    found.map_or(Servers::Redis, Servers::KeyDb)
}

/// Returns the config lines of a mesh. KeyDB reads them in order, and a second `replicaof` adds a second master only if the mode
/// comes before it. A node merges what its peers send into its own data, so it must not replace all of it by that of one peer.
fn mesh(peers: &[u16]) -> Vec<String> {
    let mode = ["server-threads 1", "repl-diskless-load disabled", "active-replica yes", "multi-master yes"];
    let mut lines: Vec<String> = mode.map(str::to_owned).into();
    lines.extend(peers.iter().map(|port| format!("replicaof {} {port}", Ipv4Addr::LOCALHOST)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keydb_is_what_the_variable_names_else_on_the_path_else_absent() {
        let key_db = |path: &str| Servers::KeyDb(path.into());
        let cases = [
            (Some("/own/server"), true, key_db("/own/server")),
            (Some("/own/server"), false, key_db("/own/server")),
            (Some(""), true, key_db("/b/keydb-server")),
            (None, true, key_db("/b/keydb-server")),
            (None, false, Servers::Redis),
        ];
        for (named, on_path, wanted) in cases {
            let folders = vec![PathBuf::from("/a"), PathBuf::from("/b")];
            let found = choose(named.map(OsStr::new), folders, |path| on_path && path.starts_with("/b"));
            assert_eq!(found, wanted, "{named:?} {on_path}");
        }
    }

    #[test]
    fn the_masters_of_a_mesh_stand_after_its_mode() {
        let lines = Servers::KeyDb("/k".into()).config(&[7001, 7002]);
        let place = |wanted: &str| lines.iter().position(|line| line == wanted);
        assert!(place("multi-master yes") < place("replicaof 127.0.0.1 7001"), "{lines:?}");
        assert!(place("replicaof 127.0.0.1 7002").is_some(), "{lines:?}");
        assert!(Servers::Redis.config(&[7001]).iter().all(|line| !line.starts_with("replicaof")));
    }
}
