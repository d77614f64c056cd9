//! The records of the programs: a Redis of its own, which no fault reaches, with one clock for all.

use std::net::SocketAddr;

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::server::{RedisOptions, RedisServer};

use super::live::LIMIT;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Milliseconds on the clock of the records.
    pub(crate) at: u64,
    pub(crate) job: String,
    /// The name of a worker, or of the producer.
    pub(crate) by: String,
    /// The error, if there is one.
    pub(crate) text: String,
}

/// All records of one program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// Jobs about to be added.
    pub(crate) asked: Vec<Entry>,
    /// Jobs that the producer knows to be added.
    pub(crate) acked: Vec<Entry>,
    /// Errors that the producer saw.
    pub(crate) refused: Vec<Entry>,
    pub(crate) done: Vec<Entry>,
    /// Errors that workers saw and survived.
    pub(crate) saw: Vec<Entry>,
    /// Results that the producer read back.
    pub(crate) read: Vec<Entry>,
    /// Results that the producer could not read back, or that were wrong.
    pub(crate) unread: Vec<Entry>,
}

/// The server, and a connection to it.
pub(crate) struct Books {
    server: RedisServer,
    client: Client,
}

impl Books {
    pub(crate) async fn open() -> Self {
        let server = RedisServer::start(RedisOptions::default()).await.unwrap();
        let client = Client::connect(server.address(), LIMIT).await.unwrap();
        Self { server, client }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the time, in milliseconds.
    pub(crate) async fn now(&mut self) -> u64 {
        let time = self.client.must(&["TIME"]).await.unwrap();
        let part = |index: usize| time.elements()[index].text().unwrap().parse::<u64>().unwrap();
        part(0) * 1000 + part(1) / 1000
    }

    /// Tells every producer to stop adding jobs.
    pub(crate) async fn stop_producers(&mut self) {
        self.client.must(&["SET", "stop", "1"]).await.unwrap();
    }

    /// Returns the records of a kind since a time.
    pub(crate) async fn since(&mut self, kind: &str, name: &str, at: u64) -> Vec<Entry> {
        let key = format!("{kind}:{name}");
        let reply = self.client.must(&["XRANGE", &key, &at.to_string(), "+"]).await.unwrap();
        reply.elements().iter().map(entry).collect()
    }

    /// Returns all records of a program.
    pub(crate) async fn account(&mut self, name: &str) -> Account {
        Account {
            asked: self.since("asked", name, 0).await,
            acked: self.since("acked", name, 0).await,
            refused: self.since("refused", name, 0).await,
            done: self.since("done", name, 0).await,
            saw: self.since("saw", name, 0).await,
            read: self.since("read", name, 0).await,
            unread: self.since("unread", name, 0).await,
        }
    }
}

fn entry(reply: &Reply) -> Entry {
    let [id, fields] = reply.elements() else { panic!("no entry: {reply:?}") };
    let id = id.text().unwrap();
    let field = |name: &str| fields.field(name).unwrap();
    Entry {
        at: id.split('-').next().unwrap().parse().unwrap(),
        job: field("job"),
        by: field("by"),
        text: field("text"),
    }
}
