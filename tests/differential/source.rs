//! What the clients say their things from, and where the keys of a command are in a cluster.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::common::cluster::slot;
use crate::common::compare::Value;
use crate::common::conn::Conn;
use crate::looks::is_one_of;
use crate::table::Shape;

/// What every client says its things from.
pub(crate) struct Source {
    /// The commands that may come anywhere.
    pub(crate) shapes: Vec<Shape>,
    /// Values as DUMP shows them.
    pub(crate) dumped: Vec<Vec<u8>>,
    /// What stands in front of keys, so that they are in the same slot: one of these for each story.
    pub(crate) tags: &'static [&'static str],
    /// A server that knows the keys of a command, if these may be in several slots.
    pub(crate) guide: Option<RefCell<Conn>>,
}

impl Source {
    /// Returns the slots of a command's keys.
    fn slots(&self, args: &[Vec<u8>]) -> BTreeSet<u16> {
        let Some(guide) = &self.guide else { return BTreeSet::new() };
        let question: Vec<&[u8]> =
            [&b"COMMAND"[..], b"GETKEYS"].into_iter().chain(args.iter().map(Vec::as_slice)).collect();
        let reply = Value::of(&guide.borrow_mut().call_args(&question));
        let keys = reply.elements().iter().map(|key| slot(key.bytes()));
        // A shard channel is no key, but has a slot.
        let channel = args.get(1).filter(|_| is_one_of(args, &["spublish"])).map(|name| slot(name));
        keys.chain(channel).collect()
    }

    /// Returns true if a command can be sent to a cluster: its keys are in one slot, that of its story if others stand around it,
    /// or it can be split.
    pub(crate) fn fits(&self, args: &[Vec<u8>], home: Option<&str>) -> bool {
        let slots = self.slots(args);
        // The server itself finds its STORE in two ways.
        if is_one_of(args, &["georadius", "georadiusbymember"])
            && args.iter().any(|arg| arg.starts_with(b"STORE"))
        {
            return false;
        }
        let home = home.map(|tag| slot(tag.as_bytes()));
        match home {
            Some(home) => slots.iter().all(|slot| *slot == home),
            None => slots.len() < 2 || is_one_of(args, &SPLIT),
        }
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.guide.is_some()
    }
}

/// The commands whose keys may be in any slots of a cluster.
pub(crate) const SPLIT: [&str; 6] = ["mget", "mset", "del", "unlink", "exists", "touch"];
