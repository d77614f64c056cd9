//! The books of all clients, held against what the masters hold in the end.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::cluster::ClusterDeployment;
use tideover_testbed::cluster::slots::slot_of;

use super::super::live::client;
use super::book::{Book, Fate};

/// The books of all clients.
pub(crate) struct Books(pub(crate) Vec<Book>);

/// What the books and the data on the last master say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audit {
    pub(crate) acknowledged: u64,
    pub(crate) unknown: u64,
    /// Tokens that were acknowledged and are gone: the backend replicates asynchronously.
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// Tokens that are there although they were reported as not executed.
    pub(crate) denied: u64,
    /// Tokens of one client that stand in another order than they were sent.
    pub(crate) misordered: u64,
    /// Counts above what can have been counted, and counts missing.
    pub(crate) overcounted: i64,
    pub(crate) undercounted: i64,
}

impl Books {
    /// No reply was another's, out of order or of the wrong kind.
    pub(crate) fn assert_no_mix_up(&self) {
        for book in &self.0 {
            assert!(book.faults.is_empty(), "{}: {:?}", book.name, &book.faults[..book.faults.len().min(5)]);
        }
    }

    /// All errors by their text.
    pub(crate) fn errors(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (text, count) in self.0.iter().flat_map(|book| &book.errors) {
            *all.entry(text.clone()).or_default() += count;
        }
        all
    }

    /// How many errors begin with this word.
    pub(crate) fn errors_of(&self, class: &str) -> u64 {
        self.errors()
            .iter()
            .filter(|(text, _)| text.split(' ').next() == Some(class))
            .map(|(_, count)| count)
            .sum()
    }

    pub(crate) fn assert_no_error(&self) {
        assert_eq!(self.errors(), BTreeMap::new());
        let ended: Vec<_> = self.0.iter().filter_map(|book| book.ended.as_ref()).collect();
        assert!(ended.is_empty(), "{ended:?}");
    }

    /// No client has seen anything, and the masters hold all that was acknowledged.
    pub(crate) async fn assert_unnoticed(&self, cluster: &ClusterDeployment) {
        self.assert_no_mix_up();
        self.assert_no_error();
        let audit = self.audit_cluster(cluster).await;
        audit.assert_nothing_doubled();
        audit.assert_nothing_lost();
    }

    /// Every error says that the outcome is unknown, in the words of the interface.
    pub(crate) fn assert_only_uncertain(&self) {
        for text in self.errors().keys() {
            let fits = text.starts_with("UNCERTAIN tideover: ") && text.ends_with("; outcome unknown");
            assert!(fits, "{text}");
        }
        assert!(self.0.iter().all(|book| book.ended.is_none()));
    }

    pub(crate) fn older(&self) -> u64 {
        self.0.iter().map(|book| book.older).sum()
    }

    pub(crate) fn slowest(&self) -> Duration {
        self.0.iter().map(|book| book.slowest).max().unwrap_or_default()
    }

    /// Tokens that were acknowledged from these steps on, by client, and that the master does not hold.
    pub(crate) async fn lost_since(&self, master: &mut Client, steps: &[u64]) -> u64 {
        let mut lost = 0;
        for (book, from) in self.0.iter().zip(steps) {
            let list = master.must(&["LRANGE", &format!("list:{}", book.name), "0", "-1"]).await.unwrap();
            let present: HashSet<String> = list.elements().iter().filter_map(Reply::text).collect();
            let later = book.tokens.iter().enumerate().skip(usize::try_from(*from).unwrap());
            let acknowledged = later.filter(|(_, fate)| **fate == Fate::Acknowledged);
            lost += acknowledged
                .filter(|(step, _)| !present.contains(&format!("{}-{step}", book.name)))
                .count() as u64;
        }
        lost
    }

    /// Compares with what the master holds.
    pub(crate) async fn audit(&self, master: &mut Client) -> Audit {
        self.audit_with(&mut Holder::Master(master)).await
    }

    /// Compares with what the masters of a cluster hold.
    pub(crate) async fn audit_cluster(&self, cluster: &ClusterDeployment) -> Audit {
        self.audit_with(&mut Holder::Cluster(cluster)).await
    }

    /// Compares with what nodes hold together that have nothing of each other.
    pub(crate) async fn audit_apart(&self, nodes: &[SocketAddr]) -> Audit {
        self.audit_with(&mut Holder::Apart(nodes)).await
    }

    async fn audit_with(&self, holder: &mut Holder<'_>) -> Audit {
        let mut audit = Audit::default();
        for book in &self.0 {
            let lists = holder.ask(&format!("list:{}", book.name), &["LRANGE"], &["0", "-1"]).await;
            let texts = |list: &Reply| list.elements().iter().filter_map(Reply::text).collect();
            audit.tokens(book, &lists.iter().map(texts).collect::<Vec<_>>());
            let counters = [
                ("count", book.counted, book.count_unknown),
                ("transacted", book.transacted, book.transacted_unknown),
            ];
            for (name, counted, unknown) in counters {
                let counts = holder.ask(&format!("{name}:{}", book.name), &["GET"], &[]).await;
                let count: i64 = counts.iter().filter_map(|count| count.text()?.parse::<i64>().ok()).sum();
                audit.overcounted += (count - counted - unknown).max(0);
                audit.undercounted += (counted - count).max(0);
            }
        }
        println!(
            "{audit:?}, errors {:?}, older reads {}, slowest {:?}",
            self.errors(),
            self.older(),
            self.slowest()
        );
        audit
    }
}

/// Who has the data.
enum Holder<'a> {
    Master(&'a mut Client),
    Cluster(&'a ClusterDeployment),
    /// Each has a part.
    Apart(&'a [SocketAddr]),
}

impl Holder<'_> {
    /// The reply of everybody who may have something of the key.
    async fn ask(&mut self, key: &str, before: &[&str], after: &[&str]) -> Vec<Reply> {
        let command = [before, &[key], after].concat();
        match self {
            Self::Master(client) => vec![client.must(&command).await.unwrap()],
            Self::Cluster(cluster) => {
                let master = cluster.master_of(slot_of(key)).await.expect("a master of every slot");
                vec![cluster.client(master).await.unwrap().must(&command).await.unwrap()]
            }
            Self::Apart(nodes) => {
                let mut replies = Vec::new();
                for node in *nodes {
                    replies.push(client(*node).await.must(&command).await.unwrap());
                }
                replies
            }
        }
    }
}

impl Audit {
    fn tokens(&mut self, book: &Book, lists: &[Vec<String>]) {
        let mut places: HashMap<usize, u64> = HashMap::new();
        for list in lists {
            let mut last = None;
            for token in list {
                let step = token.strip_prefix(&format!("{}-", book.name)).and_then(|step| step.parse().ok());
                let step: usize = step.unwrap_or_else(|| panic!("{token} is not of {}", book.name));
                *places.entry(step).or_default() += 1;
                self.misordered += u64::from(last.is_some_and(|last| last > step));
                last = Some(step);
            }
        }
        for (step, fate) in book.tokens.iter().enumerate() {
            let present = places.get(&step).copied().unwrap_or_default();
            self.doubled += present.saturating_sub(1);
            match fate {
                Fate::Acknowledged => {
                    self.acknowledged += 1;
                    self.lost += u64::from(present == 0);
                }
                Fate::Unknown => self.unknown += 1,
                Fate::NotExecuted => self.denied += u64::from(present > 0),
            }
        }
    }

    /// Nothing that was acknowledged is gone.
    pub(crate) fn assert_nothing_lost(&self) {
        assert_eq!((self.lost, self.undercounted, self.unknown), (0, 0, 0), "{self:?}");
    }

    /// What was acknowledged is there; of what was not, nobody can say more.
    pub(crate) fn assert_acknowledged_kept(&self) {
        assert_eq!((self.lost, self.undercounted), (0, 0), "{self:?}");
    }

    /// Nothing ran twice, nothing ran that was denied, and each client's writes are in its order.
    pub(crate) fn assert_nothing_doubled(&self) {
        assert_eq!((self.doubled, self.denied, self.misordered, self.overcounted), (0, 0, 0, 0), "{self:?}");
    }
}
