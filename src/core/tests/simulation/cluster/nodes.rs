//! A model of a cluster: shards of two nodes with the same data, slots that move key by key, and the refusals of each.
//!
//! Written values are the numbers of their commands, and every reply bears the key or number that it belongs to.

use crate::core::tests::simulation::{Rng, Slots, Words};
use std::collections::HashMap;

pub(super) type Key = Vec<u8>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Up,
    Hung,
    Dead,
}

pub(super) struct ShardModel {
    /// The one of the two nodes that is the master, if it lives.
    pub(super) master: usize,
    pub(super) moods: [Mood; 2],
    data: HashMap<Key, u64>,
}

#[derive(Clone, Copy)]
struct Moving {
    slot: u16,
    from: usize,
    to: usize,
}

pub(super) struct Model {
    pub(super) slots: Slots,
    pub(super) shards: Vec<ShardModel>,
    moving: Option<Moving>,
    pub(super) is_down: bool,
    /// Nodes that do not own a slot may tell nonsense about who does.
    pub(super) is_confused: bool,
    /// All nodes have all keys and take whatever they are asked; slots are of interest to the proxy only.
    pub(super) is_active: bool,
    /// This one refuses writes, of active nodes.
    pub(super) loading: Option<usize>,
    /// So many times was each key changed.
    touched: HashMap<Key, u64>,
}

pub(super) fn port(shard: usize, node: usize) -> u16 {
    7000 + 10 * shard as u16 + node as u16
}

pub(super) fn place(port: u16) -> (usize, usize) {
    (usize::from((port - 7000) / 10), usize::from(port % 10))
}

impl Model {
    pub(super) fn new(is_active: bool) -> Self {
        let shard = || ShardModel { master: 0, moods: [Mood::Up; 2], data: HashMap::new() };
        Model {
            slots: Slots::new(),
            shards: (0..4).map(|_| shard()).collect(),
            moving: None,
            is_down: false,
            is_confused: false,
            is_active,
            loading: None,
            touched: HashMap::new(),
        }
    }

    pub(super) fn mood(&self, port: u16) -> Mood {
        let (shard, node) = place(port);
        self.shards[shard].moods[node]
    }

    pub(super) fn living_master(&self, shard: usize) -> Option<u16> {
        let ShardModel { master, moods, .. } = &self.shards[shard];
        (moods[*master] != Mood::Dead).then(|| port(shard, *master))
    }

    pub(super) fn heal(&mut self) {
        (self.is_down, self.is_confused, self.loading) = (false, false, None);
        self.shards.iter_mut().for_each(|shard| shard.moods = [Mood::Up; 2]);
    }

    pub(super) fn fail_over(&mut self, shard: usize) {
        let model = &mut self.shards[shard];
        model.master = 1 - model.master;
        model.moods[model.master] = Mood::Up;
    }

    pub(super) fn begin_move(&mut self, slot: u16, to: usize) {
        let from = self.slots.owner(slot).filter(|from| *from != to);
        if let (None, Some(from)) = (self.moving, from) {
            self.moving = Some(Moving { slot, from, to });
        }
    }

    /// Moves one key, or the slot if none is left.
    pub(super) fn move_on(&mut self) {
        let Some(moving) = self.moving else { return };
        let slot = moving.slot..moving.slot + 1;
        if self.is_active && self.slots.owner(moving.slot).is_some() {
            // First nobody has it, then the other one.
            self.slots.give(slot, None);
        } else if self.is_active || !self.move_a_key(moving) {
            self.slots.give(slot, Some(moving.to));
            self.moving = None;
        }
    }

    /// Returns false if there is none.
    fn move_a_key(&mut self, Moving { slot, from, to }: Moving) -> bool {
        let keys = self.shards[from].data.keys().filter(|key| Slots::of(key) == slot);
        let Some(key) = keys.min().cloned() else { return false };
        let value = self.shards[from].data.remove(&key).expect("it is there");
        *self.touched.entry(key.clone()).or_default() += 1;
        self.shards[to].data.insert(key, value);
        true
    }

    fn redirect(&self, code: &str, slot: u16, shard: usize) -> String {
        format!("-{code} {slot} node:{}", port(shard, self.shards[shard].master))
    }

    /// The error that the node answers with, before anything runs. `asked`: ASKING was said.
    pub(super) fn refusal(&self, port: u16, words: &Words, asked: bool, rng: &mut Rng) -> Option<String> {
        let keys = keys(words);
        let slot = Slots::of(keys.first()?);
        let (shard, node) = place(port);
        if self.is_active {
            let writes = !matches!(words[0].as_slice(), b"GET" | b"MGET" | b"WATCH");
            let refuses = writes && self.loading == Some(shard);
            return refuses.then(|| "-LOADING KeyDB is loading the dataset in memory".into());
        }
        let owner = self.slots.owner(slot);
        if self.shards[shard].master != node {
            return Some(self.redirect("MOVED", slot, owner.unwrap_or(shard)));
        }
        if self.is_down {
            return Some("-CLUSTERDOWN The cluster is down".into());
        }
        let Some(owner) = owner else { return Some("-CLUSTERDOWN Hash slot not served".into()) };
        let missing = keys.iter().filter(|key| !self.shards[shard].data.contains_key(**key)).count();
        let tryagain = || Some("-TRYAGAIN Multiple keys request during rehashing of slot".into());
        match self.moving.filter(|moving| moving.slot == slot) {
            Some(moving) if owner == shard && missing == keys.len() => {
                Some(self.redirect("ASK", slot, moving.to))
            }
            Some(_) if owner == shard && missing > 0 => tryagain(),
            Some(moving) if moving.to == shard && asked => {
                if missing > 0 && keys.len() > 1 {
                    tryagain()
                } else {
                    None
                }
            }
            _ if owner == shard => None,
            _ if self.is_confused && rng.chance(30) => {
                Some(format!("-MOVED {slot} node:{}", rng.one_of(&[port, 9999, 7000, 7010, 7020])))
            }
            _ => Some(self.redirect("MOVED", slot, owner)),
        }
    }

    /// Active nodes have the same data.
    fn data_of(&self, shard: usize) -> usize {
        if self.is_active { 0 } else { shard }
    }

    /// Writes or deletes. Returns true if the key was there.
    pub(super) fn touch(&mut self, shard: usize, key: &[u8], value: Option<u64>) -> bool {
        *self.touched.entry(key.to_vec()).or_default() += 1;
        let at = self.data_of(shard);
        let data = &mut self.shards[at].data;
        match value {
            Some(value) => data.insert(key.to_vec(), value).is_some(),
            None => data.remove(key).is_some(),
        }
    }

    pub(super) fn value(&self, shard: usize, key: &[u8]) -> u64 {
        self.shards[self.data_of(shard)].data.get(key).copied().unwrap_or_default()
    }

    pub(super) fn version(&self, key: &[u8]) -> u64 {
        self.touched.get(key).copied().unwrap_or_default()
    }
}

pub(super) fn keys(words: &Words) -> Vec<&Key> {
    match words[0].to_ascii_uppercase().as_slice() {
        b"SET" | b"GET" | b"RPUSH" | b"BLPOP" => vec![&words[1]],
        b"MGET" | b"DEL" | b"WATCH" => words[1..].iter().collect(),
        b"MSET" => words[1..].iter().step_by(2).collect(),
        _ => Vec::new(),
    }
}
