//! What the shards of a backend of the kind `active` are: every node takes writes, so a shard is not who has which
//! keys but where a client's commands go.
//!
//! | place | leads to | `slots` |
//! |---|---|---|
//! | [`HOME`] | the node that the proxy's own `active.writer` chooses (`key`: the nearest): commands without keys go here too | all of them, unless `writer = "key"` |
//! | [`ASIDE`] | the other one of nearest and first, for keys whose rule says so | none |
//! | [`FIRST_OWN`] and above | one node each, for life | those of the keys that it alone writes, by `writer = "key"` or a rule that says so |
//!
//! The master of a shard is the node that its commands go to. A slot that is to be shared out by key and that no shard
//! owns is held: it is on its way from one node to another.

use super::Shard;

/// Where commands go that have no writer of their own. Its `nodes` are all of them.
pub(crate) const HOME: u16 = 0;
/// The first of the list where home is the nearest, the nearest where home is the first. Without nodes where no rule
/// asks for it.
pub(crate) const ASIDE: u16 = 1;
/// Each node has a place of its own from here on, which leads to no other.
pub(crate) const FIRST_OWN: u16 = 2;

/// The nodes' own places that take commands at present: where a command goes that all nodes are to be told.
pub(crate) fn own(shards: &[Shard]) -> impl Iterator<Item = (u16, &Shard)> {
    let own = (0..u16::MAX).zip(shards).skip(usize::from(FIRST_OWN));
    own.filter(|(_, shard)| shard.master.is_some())
}
