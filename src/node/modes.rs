//! The modes of a node connection that a client's CLIENT TRACKING, CLIENT NO-TOUCH and READONLY ask for. Clients that ask for the same
//! share lanes: the node tracks for the connection, and [`super::tracked`] knows for which of them.

use std::sync::Arc;

use crate::ids::ClientId;

/// The prefixes of CLIENT TRACKING … BCAST, sorted, of which none begins with another.
pub(crate) type Prefixes = Arc<[Box<[u8]>]>;

/// The modes of a connection, beside its user, database and RESP version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Modes {
    pub(crate) tracking: NodeTracking,
    /// CLIENT NO-TOUCH: what is read does not count as used.
    pub(crate) no_touch: bool,
    /// READONLY: a replica of a cluster serves reads.
    pub(crate) readonly: bool,
}

/// The changes that a node tells on a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum NodeTracking {
    #[default]
    Off,
    /// Those of keys that were read on the connection.
    Keys {
        /// NOLOOP: the connection is this client's alone, and its own changes are not told.
        only_for: Option<ClientId>,
    },
    /// Those of all keys with one of these prefixes.
    Prefixes { prefixes: Prefixes, only_for: Option<ClientId> },
}

impl NodeTracking {
    pub(crate) fn is_on(&self) -> bool {
        *self != NodeTracking::Off
    }

    pub(crate) fn is_by_prefix(&self) -> bool {
        matches!(self, NodeTracking::Prefixes { .. })
    }

    /// Returns the client without whom nobody needs the connection.
    pub(crate) fn only_for(&self) -> Option<ClientId> {
        match self {
            NodeTracking::Off => None,
            NodeTracking::Keys { only_for } | NodeTracking::Prefixes { only_for, .. } => *only_for,
        }
    }

    /// Returns the words of the command that turns it on. `redirect`: the node's id of the connection that is to be told.
    pub(crate) fn command(&self, redirect: Option<u64>) -> Option<Vec<Vec<u8>>> {
        let prefixes: &[Box<[u8]>] = match self {
            NodeTracking::Off => return None,
            NodeTracking::Keys { .. } => &[],
            NodeTracking::Prefixes { prefixes, .. } => prefixes,
        };
        let mut words: Vec<Vec<u8>> = ["CLIENT", "TRACKING", "ON"].map(Vec::from).into();
        if let Some(id) = redirect {
            words.extend([b"REDIRECT".to_vec(), id.to_string().into_bytes()]);
        }
        if let NodeTracking::Prefixes { .. } = self {
            words.push(b"BCAST".to_vec());
        }
        // The empty prefix, which every key has, stands alone and is a server's default.
        for prefix in prefixes.iter().filter(|prefix| !prefix.is_empty()) {
            words.extend([b"PREFIX".to_vec(), prefix.to_vec()]);
        }
        if self.only_for().is_some() {
            words.push(b"NOLOOP".to_vec());
        }
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_is_told_what_the_clients_have_in_common() {
        let only_for = Some(ClientId { slot: 3, generation: 1 });
        let prefixes = |names: &[&[u8]]| names.iter().map(|name| Box::from(*name)).collect::<Prefixes>();
        for (tracking, redirect, expected) in [
            (NodeTracking::Off, None, None),
            (NodeTracking::Keys { only_for: None }, None, Some("CLIENT TRACKING ON")),
            (NodeTracking::Keys { only_for }, Some(7), Some("CLIENT TRACKING ON REDIRECT 7 NOLOOP")),
            (
                NodeTracking::Prefixes { prefixes: prefixes(&[b""]), only_for: None },
                None,
                Some("CLIENT TRACKING ON BCAST"),
            ),
            (
                NodeTracking::Prefixes { prefixes: prefixes(&[b"a", b"b:"]), only_for },
                None,
                Some("CLIENT TRACKING ON BCAST PREFIX a PREFIX b: NOLOOP"),
            ),
        ] {
            let words = tracking.command(redirect).map(|words| words.join(&b' '));
            assert_eq!(words.as_deref(), expected.map(str::as_bytes), "{tracking:?}");
        }
    }
}
