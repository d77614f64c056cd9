//! Decides which requests a replica may answer in place of its master.

use crate::command::flags::{Flags, KeyFlags};
use crate::command::keys::{each_key, lone_key};
use crate::command::table::{Command, Handling, KeySpec};
use crate::resp::request::Request;

/// The flags that servers give to the keys of a module's command if the module does not say what it does with them.
const UNSAID: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE);

/// Reads that only the master can answer.
///
/// - The cursor of a scan is valid only in the process that returned it, as each process has a hash seed of its own.
/// - TOUCH, OBJECT FREQ and OBJECT IDLETIME are about access times, and the master evicts by its own.
/// - A loaded script is known to the master alone.
const OF_THE_MASTER: [&str; 7] =
    ["evalsha_ro", "hscan", "object|freq", "object|idletime", "sscan", "touch", "zscan"];

/// Returns true if a replica can answer this request as the master would have a moment ago: the request names keys, and
/// no option could make its command write. The master answers a request that may wait, and one without keys (SCAN,
/// KEYS, DBSIZE, RANDOMKEY, PUBSUB), which is about a node or about all shards.
///
/// `command` is the top-level entry. Not to be called for a request within MULTI, nor for a client that watches keys,
/// which must read the values that EXEC compares with.
pub(crate) fn may_read_from_replica(request: &Request, command: &Command) -> bool {
    let entry = match command.subcommand(request) {
        Some(subcommand) => subcommand,
        None => command,
    };
    let waits = match entry.handling {
        Handling::Forward => false,
        Handling::Blocking => super::is_blocking(request, entry),
        Handling::Local(_)
        | Handling::Session(_)
        | Handling::Transaction(_)
        | Handling::Watch
        | Handling::Unwatch
        | Handling::Wait
        | Handling::Subscribe(_)
        | Handling::Counts
        | Handling::Operator(_)
        | Handling::Refuse(_) => return false,
    };
    !waits && only_reads_keys(entry) && names_a_key(request, entry)
}

/// Returns true if the command can only read its keys, and a replica may serve it. PFCOUNT is not among them, as it may
/// store its count in its key. Of a module's command its flag is enough, as servers give it the key specs of a write.
fn only_reads_keys(entry: &Command) -> bool {
    let is_module = entry.flags.contains(Flags::MODULE);
    let reads = |spec: &KeySpec| {
        let only_reads = spec.flags.contains(KeyFlags::RO) || is_module && spec.flags == UNSAID;
        only_reads && !spec.flags.contains(KeyFlags::NOT_KEY)
    };
    entry.flags.contains(Flags::READONLY)
        && !entry.flags.contains(Flags::WRITE)
        && entry.key_specs.iter().all(reads)
        && !OF_THE_MASTER.contains(&entry.name)
}

fn names_a_key(request: &Request, entry: &Command) -> bool {
    if lone_key(request, entry).is_some() {
        return true;
    }
    let mut named = false;
    let found = each_key(request, entry, &mut |_, _| {
        named = true;
        Ok(())
    });
    found.is_ok() && named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::lookup;
    use crate::command::lookup::all;
    use crate::command::testing::Words;

    fn may(line: &str) -> bool {
        let words = Words::of(line);
        let request = words.request();
        lookup(request.name()).is_some_and(|command| may_read_from_replica(&request, command))
    }

    #[test]
    fn requests_that_a_replica_may_answer_and_those_that_it_may_not() {
        let table = [
            ("GET k", true),
            ("get k", true),
            ("MGET a b", true),
            ("EXISTS a b", true),
            ("OBJECT ENCODING k", true),
            ("MEMORY USAGE k", true),
            ("XINFO STREAM s", true),
            ("XREAD COUNT 2 STREAMS s 0", true),
            ("XREAD BLOCK 0 STREAMS s $", false),
            ("XREAD STREAMS s", false),
            ("XREADGROUP GROUP g c STREAMS s >", false),
            ("SORT_RO k", true),
            ("SORT k", false),
            ("SORT k STORE d", false),
            ("GEORADIUS_RO k 1 1 1 m", true),
            ("GEORADIUS k 1 1 1 m", false),
            ("GEORADIUS k 1 1 1 m STORE d", false),
            ("GEOSEARCH k FROMMEMBER a BYRADIUS 1 m", true),
            ("GEOSEARCHSTORE d k FROMMEMBER a BYRADIUS 1 m", false),
            ("BITFIELD_RO k GET u8 0", true),
            ("BITFIELD k GET u8 0", false),
            ("SINTERCARD 2 a b", true),
            ("SINTERCARD x a b", false),
            ("SINTERSTORE d a b", false),
            ("ZUNION 2 a b", true),
            ("ZRANGE k 0 -1", true),
            ("ZRANGESTORE d k 0 -1", false),
            ("EVAL_RO return 1 k", true),
            ("EVAL_RO s 1 k", true),
            ("EVAL_RO s 0", false),
            ("EVALSHA_RO s 1 k", false),
            ("FCALL_RO f 1 k", true),
            ("FCALL_RO f 0", false),
            ("EVAL s 1 k", false),
            ("EVAL #!lua_flags=no-writes 1 k", false),
            ("FCALL f 1 k", false),
            ("GETEX k", false),
            ("GETDEL k", false),
            ("GETSET k v", false),
            ("PFCOUNT k", false),
            ("HSCAN k 0", false),
            ("SCAN 0", false),
            ("KEYS *", false),
            ("DBSIZE", false),
            ("RANDOMKEY", false),
            ("TOUCH k", false),
            ("OBJECT FREQ k", false),
            ("OBJECT HELP", false),
            ("OBJECT NOSUCH k", false),
            ("PUBSUB NUMSUB c", false),
            ("SPUBLISH c m", false),
            ("SSUBSCRIBE c", false),
            ("WATCH k", false),
            ("SET k v", false),
            ("PING", false),
            ("INFO", false),
            ("NOSUCH k", false),
        ];
        for (line, expected) in table {
            assert_eq!(may(line), expected, "{line}");
        }
    }

    /// All reads that a replica may serve, by name, so that somebody checks each command that a new table adds.
    const READS: &str = "bitcount bitfield_ro bitpos dump eval_ro exists expiretime fcall_ro geodist geohash \
         geopos georadius_ro georadiusbymember_ro geosearch get getbit getrange hexists hexpiretime hget \
         hgetall hkeys hlen hmget hpexpiretime hpttl hrandfield hstrlen httl hvals keydb.mexists keydb.nhget lcs lindex llen lpos lrange \
         memory|usage mget object|encoding object|refcount pexpiretime pttl scard sdiff sinter sintercard \
         sismember smembers smismember sort_ro srandmember stralgo strlen substr sunion ttl type vcard vdim vemb vgetattr vinfo vismember vlinks vrandmember vsim xinfo|consumers \
         xinfo|groups xinfo|stream xlen xpending xrange xread xrevrange zcard zcount zdiff zinter zintercard \
         zlexcount zmscore zrandmember zrange zrangebylex zrangebyscore zrank zrevrange zrevrangebylex \
         zrevrangebyscore zrevrank zscore zunion";

    #[test]
    fn every_command_of_the_table_is_judged() {
        let entries = all().flat_map(|command| command.subcommands.iter().chain([command]));
        let readable = |entry: &&Command| only_reads_keys(entry) && !entry.key_specs.is_empty();
        let mut found: Vec<&str> = entries.clone().filter(readable).map(|entry| entry.name).collect();
        found.sort_unstable();
        assert_eq!(found, READS.split_whitespace().collect::<Vec<_>>());
        for entry in entries.filter(|entry| entry.is_write()) {
            assert!(!only_reads_keys(entry), "{}", entry.name);
        }
    }
}
