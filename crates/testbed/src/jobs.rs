//! What each client of a load does, and with which keys. No IO.

use super::cluster::slots::{name_within, part, slot_of};
use super::kind::Kind;
use super::round::{ALL_SHARDS, FULL, PLAIN, Round};

/// One client's work.
#[derive(Clone, Debug)]
pub struct Job {
    /// The beginnings of its keys, one for each of its ledgers.
    pub prefixes: Vec<String>,
    /// The requests that it repeats.
    pub round: Round,
    /// The rounds that it sends before it reads; 0: one command at a time.
    pub depth: usize,
    /// The one shard that it uses. It runs on a thread of its own: standing still during a kill is no stall of others.
    pub(crate) only: Option<usize>,
}

impl Job {
    /// Returns a client with one ledger for each depth.
    pub fn each(name: &str, depths: &[usize], round: Round) -> Vec<Self> {
        let job = |(index, depth): (usize, &usize)| Self::of(vec![format!("{name}{index}")], round, *depth);
        depths.iter().enumerate().map(job).collect()
    }

    /// Returns a client that does everything, with six ledgers whose keys begin as `prefix` says of their number.
    pub fn full(depth: usize, prefix: impl Fn(usize) -> String) -> Self {
        Self::of((0..6).map(prefix).collect(), FULL, depth)
    }

    fn of(prefixes: Vec<String>, round: Round, depth: usize) -> Self {
        Self { prefixes, round, depth, only: None }
    }

    /// Returns as many commands as it can have sent without a reply.
    pub(crate) fn most_in_flight(&self) -> u64 {
        let commands: usize = self.round.iter().map(|request| request.commands()).sum();
        (self.depth * commands).max(1) as u64
    }
}

/// Shards of the cluster.
pub(crate) const SHARDS: usize = 3;

/// Clients where every client uses all keys alike.
const CLIENTS: usize = 8;

/// Clients of the cluster that use all shards.
const WIDE: usize = 5;

impl Kind {
    /// Returns the clients that are to work. Every second one sends a round at once, as a pipeline: then the order of the
    /// replies counts.
    pub(crate) fn jobs(self) -> Vec<Job> {
        let depth = |id: usize| id % 2;
        match self {
            Self::Sentinel | Self::Active => {
                let depths: Vec<usize> = (0..CLIENTS).map(depth).collect();
                Job::each("demo:", &depths, PLAIN)
            }
            Self::Cluster => {
                let prefixes = |id| (0..SHARDS).map(|shard| prefix(shard, id)).collect();
                let wide = (0..WIDE).map(|id| Job::of(prefixes(id), ALL_SHARDS, depth(id)));
                let narrow = (0..SHARDS).map(|shard| Job {
                    only: Some(shard),
                    ..Job::of(vec![prefix(shard, WIDE + shard)], PLAIN, 0)
                });
                wide.chain(narrow).collect()
            }
        }
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
        let jobs = Kind::Cluster.jobs();
        let shards = |job: &Job| -> Vec<usize> {
            let slots = job.prefixes.iter().map(|prefix| slot_of(prefix));
            slots.filter_map(|slot| (0..SHARDS).find(|shard| part(*shard, SHARDS).contains(&slot))).collect()
        };
        assert!(jobs.iter().take(WIDE).all(|job| shards(job) == [0, 1, 2] && job.only.is_none()));
        let narrow: Vec<_> = jobs.iter().skip(WIDE).map(|job| (shards(job), job.only)).collect();
        assert_eq!(narrow, [0, 1, 2].map(|shard| (vec![shard], Some(shard))));
    }
}
