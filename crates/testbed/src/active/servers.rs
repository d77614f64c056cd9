//! Which program plays the active nodes. KeyDB is in no registry, so a machine without it must do without replication.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Names the executable of KeyDB.
const VARIABLE: &str = "TIDEOVER_KEYDB_SERVER";

/// As its packages call it.
const EXECUTABLE: &str = "keydb-server";

/// The program of the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Servers {
    /// The KeyDB at this path, as a mesh: every node passes on what it takes to all others.
    KeyDb(PathBuf),
    /// `redis-server` of the search path: nodes that know nothing of each other.
    Redis,
}

impl Servers {
    /// KeyDB where the variable names it or the search path holds it, else Redis.
    pub fn found() -> Self {
        let named = std::env::var_os(VARIABLE);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        choose(named.as_deref(), folders, |candidate| candidate.is_file())
    }

    /// Returns what a person must know before anything starts.
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

    /// As messages call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::KeyDb(_) => EXECUTABLE,
            Self::Redis => "redis-server",
        }
    }

    /// The config that matters to a reader.
    pub(crate) fn mode(&self) -> &'static str {
        match self {
            Self::KeyDb(_) => "active-replica yes, multi-master yes, each a replica of both others",
            Self::Redis => "appendonly yes, appendfsync always, none a replica of another",
        }
    }

    /// The executable, where it is not the usual one.
    pub(super) fn program(&self) -> Option<&PathBuf> {
        match self {
            Self::KeyDb(path) => Some(path),
            Self::Redis => None,
        }
    }

    /// The config lines of a node with these peers.
    pub(super) fn config(&self, peers: &[u16]) -> Vec<String> {
        match self {
            Self::KeyDb(_) => mesh(peers),
            // A killed node must still have what it acknowledged: nobody else does.
            Self::Redis => vec!["appendonly yes".to_owned(), "appendfsync always".to_owned()],
        }
    }
}

/// A name from a variable is taken as it is: one that is wrong shall be told and not be passed over.
fn choose(named: Option<&OsStr>, folders: Vec<PathBuf>, is_there: impl Fn(&PathBuf) -> bool) -> Servers {
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        return Servers::KeyDb(PathBuf::from(named));
    }
    let found = folders.into_iter().map(|folder| folder.join(EXECUTABLE)).find(is_there);
    found.map_or(Servers::Redis, Servers::KeyDb)
}

/// KeyDB reads the lines in order, and a second `replicaof` is a second master only in the mode that stands before it.
/// A node merges what its peers send into what it has, so it must not swap the whole of it for one peer's.
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
