//! The clients of each deployment: who works with which keys. No IO.

use super::cluster::slots::{name_within, part, slot_of};
use super::kind::Kind;
use super::load::Seat;
use super::round::{ALL_SHARDS, PLAIN};

/// Shards of the cluster.
pub(crate) const SHARDS: usize = 3;

/// Clients where every client uses all keys alike.
const CLIENTS: usize = 8;

/// Clients of the cluster that use all shards.
const WIDE: usize = 5;

impl Kind {
    /// The clients that are to work.
    pub(crate) fn seats(self) -> Vec<Seat> {
        match self {
            Self::Sentinel | Self::Active => (0..CLIENTS).map(plain).collect(),
            Self::Cluster => (0..WIDE + SHARDS).map(seat).collect(),
        }
    }
}

/// Every second client sends a round at once, as a pipeline: then the order of the replies counts.
fn plain(id: usize) -> Seat {
    let depth = if id.is_multiple_of(2) { 1 } else { PLAIN.len() };
    Seat { prefixes: vec![format!("demo:{id}")], round: &PLAIN, depth, only: None }
}

/// The first clients use all shards, the others one each.
fn seat(id: usize) -> Seat {
    match id.checked_sub(WIDE) {
        None => {
            let prefixes = (0..SHARDS).map(|shard| prefix(shard, id)).collect();
            let depth = if id.is_multiple_of(2) { 1 } else { ALL_SHARDS.len() };
            Seat { prefixes, round: &ALL_SHARDS, depth, only: None }
        }
        Some(shard) => Seat { prefixes: vec![prefix(shard, id)], round: &PLAIN, depth: 1, only: Some(shard) },
    }
}

fn prefix(shard: usize, id: usize) -> String {
    format!("demo:{{{}}}:{id}", tag(shard))
}

/// A hash tag for one of the shards.
pub(crate) fn tag(shard: usize) -> String {
    name_within("shard", &part(shard, SHARDS))
}

/// A slot of this shard: all that is done with a shard is done by it.
pub(crate) fn slot(shard: usize) -> u16 {
    slot_of(&tag(shard))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_a_cluster_use_all_shards_or_their_own() {
        let seats = Kind::Cluster.seats();
        let shards = |seat: &Seat| -> Vec<usize> {
            let slots = seat.prefixes.iter().map(|prefix| slot_of(prefix));
            slots.filter_map(|slot| (0..SHARDS).find(|shard| part(*shard, SHARDS).contains(&slot))).collect()
        };
        assert!(seats.iter().take(WIDE).all(|seat| shards(seat) == [0, 1, 2] && seat.only.is_none()));
        let narrow: Vec<_> = seats.iter().skip(WIDE).map(|seat| (shards(seat), seat.only)).collect();
        assert_eq!(narrow, [0, 1, 2].map(|shard| (vec![shard], Some(shard))));
    }
}
