//! The books of all clients, and their audit against what the masters hold in the end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::book::Book;
use super::client::{Client, Reply};
use super::cluster::ClusterDeployment;
use super::cluster::slots::slot_of;
use super::error::Error;
use super::faults::Faults;
use super::ledger::Ledger;
use super::ledger::held::Held;
use super::ledger::writes::Now;
use super::load::PATIENCE;

/// List elements that are read at once.
const CHUNK: usize = 1000;

/// The books of all clients, when they have stopped.
pub struct Books {
    /// In the order of their jobs.
    pub all: Vec<Book>,
    /// The time to which the books are kept: it says which losses are excused.
    pub(crate) now: Now,
    /// The longest that a client waited for a good reply.
    pub slowest: Duration,
}

/// The books and the data on the masters, compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Audit {
    /// Tokens that were acknowledged.
    pub acknowledged: u64,
    /// Tokens that nobody knows the fate of.
    pub unknown: u64,
    /// All that is wrong, of replies and of data.
    pub faults: Faults,
}

impl Books {
    /// Compares with what the master holds.
    pub async fn audit(&self, master: &mut Client) -> Result<Audit, Error> {
        self.told(async |ledger| Held::default().with(master, ledger).await).await
    }

    /// Compares with what the masters of a cluster hold.
    pub async fn audit_cluster(&self, cluster: &ClusterDeployment) -> Result<Audit, Error> {
        self.told(async |ledger| {
            let master = cluster.must_own(slot_of(&ledger.log_key())).await?;
            Held::default().with(&mut cluster.client(master).await?, ledger).await
        })
        .await
    }

    /// Compares with what nodes hold together that have nothing of each other.
    pub async fn audit_apart(&self, nodes: &[SocketAddr]) -> Result<Audit, Error> {
        self.told(async |ledger| {
            let mut held = Held::default();
            for node in nodes {
                held = held.with(&mut Client::connect(*node, PATIENCE).await?, ledger).await?;
            }
            Ok(held)
        })
        .await
    }

    async fn told(&self, held: impl AsyncFnMut(&Ledger) -> Result<Held, Error>) -> Result<Audit, Error> {
        let audit = self.audit_with(held).await?;
        let (errors, older, slowest) = (self.errors(), self.older(), self.slowest);
        println!("{audit:?}, errors {errors:?}, older reads {older}, slowest {slowest:?}");
        Ok(audit)
    }

    /// Compares with what is held of each ledger.
    pub(crate) async fn audit_with(
        &self,
        mut held: impl AsyncFnMut(&Ledger) -> Result<Held, Error>,
    ) -> Result<Audit, Error> {
        let mut audit = Audit::default();
        for book in &self.all {
            audit.faults += book.faults();
            for ledger in &book.ledgers {
                audit.faults += ledger.audit(&held(ledger).await?, self.now);
                audit.acknowledged += ledger.acknowledged();
                audit.unknown += ledger.unknown();
            }
        }
        Ok(audit)
    }

    /// Returns all errors by their text.
    pub fn errors(&self) -> BTreeMap<&str, u64> {
        let mut all = BTreeMap::new();
        for (text, count) in self.all.iter().flat_map(|book| &book.errors) {
            *all.entry(text.as_str()).or_default() += count;
        }
        all
    }

    /// Counts the errors that begin with this word.
    pub fn errors_of(&self, class: &str) -> u64 {
        let errors = self.errors().into_iter();
        errors.filter(|(text, _)| text.split(' ').next() == Some(class)).map(|(_, count)| count).sum()
    }

    /// Counts the reads that saw an older value of the client's own than the one it had written before.
    pub fn older(&self) -> u64 {
        let ledgers = self.all.iter().flat_map(|book| &book.ledgers);
        ledgers.map(|ledger| ledger.faults.lost.set).sum()
    }
}

impl Held {
    /// Adds what this node holds.
    pub(crate) async fn with(mut self, client: &mut Client, ledger: &Ledger) -> Result<Self, Error> {
        let value = client.must(&["GET", &ledger.key("value")]).await?;
        self.values.push(value.text().map(String::into_bytes));
        let counter = client.must(&["GET", &ledger.key("counter")]).await?;
        self.counter += counter.text().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        self.logs.push(read_list(client, &ledger.log_key()).await?);
        Ok(self)
    }
}

async fn read_list(client: &mut Client, key: &str) -> Result<Vec<Vec<u8>>, Error> {
    let mut list = Vec::new();
    loop {
        let (first, last) = (list.len().to_string(), (list.len() + CHUNK - 1).to_string());
        let reply = client.must(&["LRANGE", key, &first, &last]).await?;
        let before = list.len();
        list.extend(reply.elements().iter().filter_map(Reply::text).map(String::into_bytes));
        if list.len() - before < CHUNK {
            return Ok(list);
        }
    }
}
