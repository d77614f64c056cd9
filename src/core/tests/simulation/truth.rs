//! What really happened, over all nodes.

use std::collections::{HashMap, HashSet};

type Key = Vec<u8>;

/// Numbers of one client's commands are `client * CLIENT + 1, 2, …`.
pub(super) const CLIENT: u64 = 1_000_000;

#[derive(Default)]
pub(in crate::core::tests) struct Truth {
    /// How often each command ran, on the key where it ran most.
    runs: HashMap<u64, u32>,
    times: HashMap<(u64, Key), u32>,
    /// Commands of which the kernel took every byte.
    pub(super) whole: HashSet<u64>,
    /// The connection on which a WATCH, or the first command of a transaction, ran last.
    pub(super) ran_on: HashMap<u64, u64>,
    /// Of all that is to run in order: the latest write that ran for the first time.
    latest: HashMap<Key, u64>,
    /// Writes that ran after a later one that they were to run before.
    pub(super) overtaken: Vec<(u64, u64)>,
}

/// One run of a command on one of its keys.
pub(super) struct Run<'a> {
    pub(super) uid: u64,
    pub(super) key: &'a [u8],
    /// The name of all commands that this one must keep its place among, if it changes anything.
    pub(super) order: Option<&'a [u8]>,
    pub(super) connection: u64,
    /// It ran on a connection that the proxy had given up.
    pub(super) late: bool,
}

impl Truth {
    pub(super) fn runs(&self, uid: u64) -> u32 {
        self.runs.get(&uid).copied().unwrap_or_default()
    }

    pub(super) fn ran(&mut self, Run { uid, key, order, connection, late }: Run<'_>) {
        let times = self.times.entry((uid, key.to_vec())).or_default();
        *times += 1;
        let is_first = *times == 1;
        let most = self.runs.entry(uid).or_default();
        *most = (*most).max(*times);
        match late {
            true => drop(self.ran_on.entry(uid).or_insert(connection)),
            false => drop(self.ran_on.insert(uid, connection)),
        }
        if let Some(order) = order.filter(|_| is_first && !late) {
            self.keep_order(uid, order);
        }
    }

    fn keep_order(&mut self, uid: u64, order: &[u8]) {
        let latest = self.latest.entry(order.to_vec()).or_default();
        if uid < *latest {
            self.overtaken.push((uid, *latest));
        }
        *latest = uid.max(*latest);
    }
}
