//! What happens with a command in front of each kind of backend, in a few words.

use crate::command::testing::Words;
use crate::command::{Command, Handling, Merge, Transaction, lookup};
use crate::config::{FaceKind, Writer, one_proxy};
use crate::face::{CLUSTER_DISABLED, Face};
use crate::route::owners::Owners;
use crate::route::testing::{active_map, active_topology, thirds, writers};
use crate::route::{CROSS_SLOT, Plan, Splitting, plan};
use crate::topology::Endpoint;

use super::example::Example;

/// A kind of backend with the defaults of the config. The slots of a cluster belong to three shards; of three active nodes, each
/// writes keys of its own.
pub(super) struct Backend {
    face: Face,
    owners: Owners,
    /// The words for one of its parts, and for all of them.
    one: &'static str,
    all: &'static str,
}

impl Backend {
    pub(super) fn fixed() -> Backend {
        Backend { face: face("redis://h", None), owners: Owners::Single, one: "forwarded", all: "forwarded" }
    }

    pub(super) fn sentinel() -> Backend {
        Backend { face: face("redis-sentinel://h/m", None), ..Backend::fixed() }
    }

    pub(super) fn cluster() -> Backend {
        Backend {
            face: face("redis-cluster://h", None),
            owners: thirds(),
            one: "one shard",
            all: "all shards",
        }
    }

    pub(super) fn active() -> Backend {
        let topology = active_topology(7000, 7001, &[&[(0, 5460)], &[(5461, 10922)], &[(10923, 16383)]]);
        let owners = active_map(writers(Writer::Key, &[]), &topology);
        Backend { face: face("redis-active://h", None), owners, one: "one node", all: "all nodes" }
    }

    /// Returns the same backend behind another face.
    pub(super) fn with_face(url: &str, kind: FaceKind) -> Backend {
        Backend { face: face(url, Some(kind)), ..Backend::fixed() }
    }

    /// Returns what happens with a command.
    pub(super) fn way(&self, entry: &Command) -> String {
        let example = Example::of(entry);
        match self.face.handling(entry.handling, &example.together.request(), true) {
            Ok(handling) => self.way_of(handling, &example),
            Err(error) if error == CLUSTER_DISABLED => "no cluster".to_owned(),
            Err(error) => refused(error.split(" '").next().unwrap_or_default()),
        }
    }

    fn way_of(&self, handling: Handling, example: &Example) -> String {
        match handling {
            Handling::Forward | Handling::Counts => self.place(example),
            Handling::Blocking | Handling::Watch => format!("{}, own connection", self.place(example)),
            Handling::Wait if self.owners.is_single() => format!("{}, own connection", self.one),
            Handling::Wait => format!("{} ({}), own connections", self.all, merged(Merge::Min)),
            Handling::Local(_) | Handling::Transaction(Transaction::Multi | Transaction::Discard) => {
                "here".to_owned()
            }
            Handling::Transaction(Transaction::Exec) => "the transaction as a whole".to_owned(),
            Handling::Session(_) | Handling::Unwatch => "session".to_owned(),
            Handling::Subscribe(_) => "subscription".to_owned(),
            Handling::Refuse(why) => format!("refused: {why}"),
            // A face has made a refusal of it unless there is one node.
            Handling::Operator(_) => format!("{}, own connection", self.one),
        }
    }

    /// Returns where a command goes.
    fn place(&self, example: &Example) -> String {
        let planned = |words: &Words| {
            let request = words.request();
            plan(&request, lookup(request.name()), &self.owners, Splitting::All)
        };
        match (planned(&example.together), planned(&example.apart)) {
            (Plan::One { .. }, _) if self.owners.is_single() => self.one.to_owned(),
            (Plan::One { .. } | Plan::Unserved(_), Plan::Split(_)) => "by key, split".to_owned(),
            (Plan::One { .. }, Plan::Refused(why)) if why == CROSS_SLOT => "by key, one slot".to_owned(),
            (Plan::One { .. }, Plan::One { .. }) => "by key".to_owned(),
            (_, Plan::Everywhere(merge)) => with_merge(self.all, merge),
            (_, Plan::Anywhere | Plan::Info(_)) => self.one.to_owned(),
            (_, Plan::Scan(_)) => format!("{}, as the cursor says", self.one),
            (_, Plan::Refused(why)) => refused(&why),
            (first, second) => unreachable!("{first:?} {second:?}"),
        }
    }
}

fn face(url: &str, kind: Option<FaceKind>) -> Face {
    let mut proxy = one_proxy(url).expect("a backend");
    if let Some(kind) = kind {
        proxy.clients.face = kind;
        proxy.clients.announce = vec![Endpoint::new("h", 6380)];
    }
    Face::of(&proxy)
}

/// Shortens an error of the proxy to its reason.
fn refused(error: &str) -> String {
    match error.split_once("is not available here: ") {
        Some((_, why)) => format!("refused: {why}"),
        None => format!("error: {}", error.trim_start_matches("ERR ")),
    }
}

fn with_merge(all: &str, merge: Merge) -> String {
    match merged(merge) {
        "" => all.to_owned(),
        how => format!("{all} ({how})"),
    }
}

/// Returns the words for the way in which replies become one.
fn merged(merge: Merge) -> &'static str {
    match merge {
        Merge::AllSucceeded | Merge::Flushed => "",
        Merge::OneSucceeded => "the first success",
        Merge::Sum | Merge::Histograms => "added up",
        Merge::Min => "the smallest",
        Merge::Max => "the largest",
        Merge::And => "all agree",
        Merge::Or => "one agrees",
        Merge::Positions | Merge::Lists | Merge::Texts => "joined",
        Merge::Newest(_) => "the newest",
        Merge::Spikes | Merge::Series => "the worst",
        Merge::Common => "what all have",
        Merge::Union => "joined, each once",
        Merge::Tally => "counts added up",
        Merge::AnyValue => "one of them",
        Merge::Info | Merge::InfoProxy | Merge::InfoOfOne | Merge::InfoAsItIs => "as of one server",
    }
}
