//! The replay class of a request: what a second run would do if it is unknown whether the first one happened.
//!
//! The table gives each command a class and, where options matter, a rule that reads them. A request that a rule does not
//! fully understand counts as not repeatable.

use crate::command::flags::KeyFlags;
use crate::command::keys::each_key;
use crate::command::options::{self, integer, is_any};
use crate::command::resolve;
use crate::command::table::{Command, ReplayClass, ReplayRule};
use crate::resp::request::Request;

use ReplayClass::{Decides, Idempotent, NotIdempotent, Read, SameState};

/// Returns the class of this request, options included. Unknown commands are `NotIdempotent`.
pub(crate) fn replay_class(request: &Request) -> ReplayClass {
    let Some(command) = resolve(request) else { return NotIdempotent };
    match command.replay_rule {
        ReplayRule::Fixed => command.replay,
        ReplayRule::Bitfield => bitfield(request),
        ReplayRule::Copy => replacing(request, 3, &["DB"], &[]),
        ReplayRule::Expire => expire(request),
        ReplayRule::ExpireFields => expire_fields(request),
        ReplayRule::ExpireMember => expire_member(request),
        ReplayRule::FunctionLoad => idempotent_if(has_word(request, 2, "REPLACE")),
        ReplayRule::Lrem => lrem(request),
        ReplayRule::Ltrim => ltrim(request),
        ReplayRule::Restore => replacing(request, 4, &["IDLETIME", "FREQ"], &["ABSTTL"]),
        ReplayRule::Script => script(request),
        ReplayRule::Set => set_options(request, 3, &[]),
        ReplayRule::SetFields => set_options(request, 2, &["FIELDS"]),
        ReplayRule::SetMany => set_many(request),
        ReplayRule::Sort => sort(request, command),
        ReplayRule::Store => store(request, command),
        ReplayRule::StreamAdd => stream_add(request),
        ReplayRule::StreamGroupRead => stream_group_read(request),
        ReplayRule::ZAdd => zadd(request),
    }
}

/// Returns the class of a command that fails on an existing key unless it has REPLACE: a second run without it fails on
/// the key that the first one made.
fn idempotent_if(replaces: bool) -> ReplayClass {
    if replaces { Idempotent } else { Decides }
}

fn has_word(request: &Request, index: usize, word: &str) -> bool {
    request.arg(index).is_some_and(|arg| is_any(arg, &[word]))
}

/// Reads the options of SET from index `from` on, up to one of `until` or the end. With a condition, or with GET, the
/// client acts on the reply, so the class is `Decides`. So it is with KEEPTTL: if the key expired in between, the second
/// run would make one that never expires.
fn set_options(request: &Request, from: usize, until: &[&str]) -> ReplayClass {
    let mut index = from;
    let mut class = Idempotent;
    while let Some(arg) = request.arg(index) {
        if is_any(arg, until) {
            return class;
        }
        index += match arg {
            arg if is_any(arg, &["EX", "PX", "EXAT", "PXAT"]) => 2,
            arg if is_any(arg, &["NX", "XX", "FNX", "FXX", "GET", "KEEPTTL"]) => {
                class = Decides;
                1
            }
            arg if is_any(arg, &["IFEQ", "IFNE", "IFDEQ", "IFDNE"]) => {
                class = Decides;
                2
            }
            _ => return NotIdempotent,
        };
    }
    if until.is_empty() { class } else { NotIdempotent }
}

/// Classifies MSETEX, whose options stand behind as many pairs as argument 1 says.
fn set_many(request: &Request) -> ReplayClass {
    let pairs = request.arg(1).and_then(integer).and_then(|pairs| usize::try_from(pairs).ok());
    match pairs {
        Some(pairs) if pairs < request.len() => set_options(request, 2 + 2 * pairs, &[]),
        _ => NotIdempotent,
    }
}

/// Classifies EXPIRE and its like. A time of 0 or less deletes the key, and the reply of the second run says that there
/// is none.
fn expire(request: &Request) -> ReplayClass {
    let Some(time) = request.arg(2).and_then(integer) else { return NotIdempotent };
    match (request.len(), time) {
        (4.., _) => Decides,
        (_, 1..) => Idempotent,
        _ => SameState,
    }
}

/// As `expire`, with a member in front of the time; a unit may follow.
fn expire_member(request: &Request) -> ReplayClass {
    match request.arg(3).and_then(integer) {
        Some(1..) => Idempotent,
        Some(_) => SameState,
        None => NotIdempotent,
    }
}

/// As `expire`, with FIELDS behind the time, or behind a condition.
fn expire_fields(request: &Request) -> ReplayClass {
    let Some(time) = request.arg(2).and_then(integer) else { return NotIdempotent };
    match (has_word(request, 3, "FIELDS"), time) {
        (false, _) => Decides,
        (true, 1..) => Idempotent,
        (true, _) => SameState,
    }
}

/// Classifies LTRIM: only with the ranges `0 n` and `-n -1` a second run removes nothing more.
fn ltrim(request: &Request) -> ReplayClass {
    let bound = |index| request.arg(index).and_then(integer);
    match (bound(2), bound(3)) {
        (Some(0), Some(0..)) | (Some(..0), Some(-1)) => Idempotent,
        _ => NotIdempotent,
    }
}

/// Classifies LREM: count 0 removes all matches; any other count removes more the second time.
fn lrem(request: &Request) -> ReplayClass {
    if request.arg(2).and_then(integer) == Some(0) { SameState } else { NotIdempotent }
}

/// Classifies ZADD and GEOADD, whose options stand in front of the first score.
fn zadd(request: &Request) -> ReplayClass {
    let mut class = SameState;
    for arg in request.args().skip(2) {
        if is_any(arg, &["INCR"]) {
            return NotIdempotent;
        }
        if !is_any(arg, &["NX", "XX", "GT", "LT", "CH"]) {
            return class;
        }
        class = Decides;
    }
    NotIdempotent
}

/// Classifies COPY and RESTORE, whose options begin at `from`: some of them have a value, others stand alone.
fn replacing(request: &Request, from: usize, with_value: &[&str], alone: &[&str]) -> ReplayClass {
    let mut index = from;
    let mut replaces = false;
    while let Some(arg) = request.arg(index) {
        replaces |= is_any(arg, &["REPLACE"]);
        index += match arg {
            arg if is_any(arg, with_value) => 2,
            arg if is_any(arg, alone) || is_any(arg, &["REPLACE"]) => 1,
            _ => return NotIdempotent,
        };
    }
    idempotent_if(replaces)
}

/// Classifies BITFIELD by its worst operation: INCRBY, then SET, then GET.
fn bitfield(request: &Request) -> ReplayClass {
    let mut class = Read;
    let mut index = 2;
    while let Some(arg) = request.arg(index) {
        index += match arg {
            arg if is_any(arg, &["GET"]) => 3,
            arg if is_any(arg, &["OVERFLOW"]) => 2,
            arg if is_any(arg, &["SET"]) => {
                class = Decides;
                4
            }
            _ => return NotIdempotent,
        };
    }
    class
}

/// Classifies EVAL: a script is known to write nothing only if its first line has the flag `no-writes`.
fn script(request: &Request) -> ReplayClass {
    let first_line =
        request.arg(1).and_then(|body| body.split(|&byte| byte == b'\n').next()).unwrap_or_default();
    let Some(shebang) = first_line.strip_prefix(b"#!") else { return NotIdempotent };
    let flags = shebang.split(u8::is_ascii_whitespace).find_map(|word| word.strip_prefix(b"flags="));
    let no_writes =
        flags.is_some_and(|flags| flags.split(|&byte| byte == b',').any(|flag| flag == b"no-writes"));
    if no_writes { Read } else { NotIdempotent }
}

/// Classifies commands that compute one key from others. They are idempotent as long as the destination is none of the
/// sources. Without a destination, those that store only on demand (GEORADIUS) are reads.
fn store(request: &Request, command: &Command) -> ReplayClass {
    let mut written: Vec<&[u8]> = Vec::new();
    let mut read: Vec<&[u8]> = Vec::new();
    let found = each_key(request, command, &mut |index, flags| {
        let key = request.arg(index).unwrap_or_default();
        if flags.contains(KeyFlags::RO) {
            read.push(key)
        } else {
            written.push(key)
        }
        Ok(())
    });
    match found {
        Err(_) => NotIdempotent,
        Ok(()) if written.is_empty() => Read,
        Ok(()) if read.iter().any(|key| written.contains(key)) => NotIdempotent,
        Ok(()) => Idempotent,
    }
}

/// As `store`, but patterns may read the destination without naming it.
fn sort(request: &Request, command: &Command) -> ReplayClass {
    let sort = options::sort(request);
    if sort.store.is_some() && sort.reads_other_keys {
        return NotIdempotent;
    }
    store(request, command)
}

/// Classifies XADD: with IDMP the server itself drops the second entry; an id that the client chose is refused the
/// second time.
fn stream_add(request: &Request) -> ReplayClass {
    let mut index = 2;
    while let Some(arg) = request.arg(index) {
        index += match arg {
            arg if is_any(arg, &["IDMP", "IDMPAUTO"]) => return Idempotent,
            arg if is_any(arg, &["NOMKSTREAM", "KEEPREF", "DELREF", "ACKED"]) => 1,
            arg if is_any(arg, &["LIMIT"]) => 2,
            arg if is_any(arg, &["MAXLEN", "MINID"]) => 2 + usize::from(is_trim_mark(request.arg(index + 1))),
            id if is_full_id(id) => return Decides,
            _ => return NotIdempotent,
        };
    }
    NotIdempotent
}

fn is_trim_mark(arg: Option<&[u8]>) -> bool {
    matches!(arg, Some(b"=" | b"~"))
}

/// Returns true for `ms` and `ms-seq`, where the server chooses no part.
fn is_full_id(id: &[u8]) -> bool {
    !id.is_empty()
        && id.split(|&byte| byte == b'-').all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
}

/// Classifies XREADGROUP: an explicit id reads the consumer's history, which can be read again; `>` takes new entries.
fn stream_group_read(request: &Request) -> ReplayClass {
    let Some(streams) = options::streams(request) else { return NotIdempotent };
    let ids = streams.first + streams.count..request.len();
    if ids.filter_map(|index| request.arg(index)).all(is_full_id) { Idempotent } else { NotIdempotent }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;
    use ReplayClass::{Connection, Destructive};

    #[test]
    fn options_decide_on_the_class() {
        let cases = [
            ("GET k", Read),
            ("nosuchcommand k", NotIdempotent),
            ("INCR k", NotIdempotent),
            ("SETNX k v", Decides),
            ("DEL k", SameState),
            ("AUTH p", Connection),
            ("MULTI", Connection),
            ("CLIENT SETNAME n", Connection),
            ("EXEC", NotIdempotent),
            ("FLUSHALL", Destructive),
            ("CONFIG GET *", Read),
            ("CONFIG SET a b", NotIdempotent),
            ("XREAD BLOCK 0 STREAMS s $", Read),
            ("EVAL_RO body 0", Read),
            ("SET k v", Idempotent),
            ("SET k v EX 5", Idempotent),
            ("SET NX XX", Idempotent),
            ("set k v nx ex 5", Decides),
            ("SET k v EX NX", Idempotent),
            ("SET k v GET", Decides),
            ("SET k v KEEPTTL", Decides),
            ("SET k v IFEQ x", Decides),
            ("SET k v NX NOSUCH", NotIdempotent),
            ("MSETEX 2 a 1 b 2", Idempotent),
            ("MSETEX 2 a 1 b 2 EX 3", Idempotent),
            ("MSETEX 2 a 1 b 2 NX", Decides),
            ("MSETEX x a 1", NotIdempotent),
            ("MSETEX 9223372036854775807 a 1", NotIdempotent),
            ("HSETEX h EX 5 FIELDS 1 f v", Idempotent),
            ("HSETEX h FNX EX 5 FIELDS 1 f v", Decides),
            ("HSETEX h EX 5", NotIdempotent),
            ("EXPIRE k 5", Idempotent),
            ("EXPIRE k 0", SameState),
            ("EXPIRE k 5 NX", Decides),
            ("EXPIRE k x", NotIdempotent),
            ("EXPIRE k +5", NotIdempotent),
            ("EXPIREMEMBER h f 5", Idempotent),
            ("EXPIREMEMBER h f 5 ms", Idempotent),
            ("PEXPIREMEMBERAT h f 0", SameState),
            ("EXPIREMEMBER h f", NotIdempotent),
            ("KEYDB.MEXISTS a b", Read),
            ("KEYDB.NHGET a.b", Read),
            ("KEYDB.NHSET a.b v", SameState),
            ("KEYDB.HRENAME h f g", Decides),
            ("KEYDB.CRON c REPEAT 5 script 0", NotIdempotent),
            ("EXPDEL a b", SameState),
            ("STRALGO LCS KEYS a b", Read),
            ("HEXPIRE h 5 FIELDS 1 f", Idempotent),
            ("HEXPIRE h 5 GT FIELDS 1 f", Decides),
            ("HPEXPIREAT h 0 FIELDS 1 f", SameState),
            ("LTRIM l 0 9", Idempotent),
            ("LTRIM l -9 -1", Idempotent),
            ("LTRIM l 1 9", NotIdempotent),
            ("LTRIM l 0 -1", NotIdempotent),
            ("LTRIM l 0 -2", NotIdempotent),
            ("LREM l 0 v", SameState),
            ("LREM l 1 v", NotIdempotent),
            ("ZADD z 1 m", SameState),
            ("ZADD z CH 1 m", Decides),
            ("ZADD z GT CH 1 m", Decides),
            ("ZADD z NX INCR 1 m", NotIdempotent),
            ("ZADD z 1 INCR", SameState),
            ("GEOADD g XX 1 2 m", Decides),
            ("COPY a b REPLACE", Idempotent),
            ("COPY a b DB 1 REPLACE", Idempotent),
            ("COPY a b DB REPLACE", Decides),
            ("RESTORE k 0 payload", Decides),
            ("RESTORE k 0 payload ABSTTL REPLACE FREQ 3", Idempotent),
            ("RESTORE k 0 REPLACE", Decides),
            ("BITFIELD k GET u8 0", Read),
            ("BITFIELD k GET u8 0 SET u8 0 1", Decides),
            ("BITFIELD k SET u8 0 1 OVERFLOW SAT INCRBY u8 0 1", NotIdempotent),
            ("SINTERSTORE d a b", Idempotent),
            ("SDIFFSTORE d s d", NotIdempotent),
            ("BITOP NOT d d", NotIdempotent),
            ("BITOP AND d a b", Idempotent),
            ("ZUNIONSTORE d 2 a d", NotIdempotent),
            ("ZUNIONSTORE d x a", NotIdempotent),
            ("ZRANGESTORE d s 0 9", Idempotent),
            ("ZRANGESTORE d d 0 9", NotIdempotent),
            ("GEOSEARCHSTORE d s FROMMEMBER m BYRADIUS 1 m", Idempotent),
            ("GEORADIUS g 1 2 3 m", Read),
            ("GEORADIUS g 1 2 3 m STORE d", Idempotent),
            ("GEORADIUS g 1 2 3 m STORE g", NotIdempotent),
            ("SORT k", Read),
            ("SORT k BY w_* GET #", Read),
            ("SORT k STORE d", Idempotent),
            ("SORT k BY nosort STORE d", Idempotent),
            ("SORT k BY w_* STORE d", NotIdempotent),
            ("SORT k STORE k", NotIdempotent),
            ("XADD s * f v", NotIdempotent),
            ("XADD s 5-* f v", NotIdempotent),
            ("XADD s 5-1 f v", Decides),
            ("XADD s NOMKSTREAM MAXLEN ~ 9 LIMIT 3 5-1 f v", Decides),
            ("XADD s MAXLEN 9 * f v", NotIdempotent),
            ("XADD s IDMP p i * f v", Idempotent),
            ("XADD s * IDMP p i", NotIdempotent),
            ("XREADGROUP GROUP g c STREAMS s >", NotIdempotent),
            ("XREADGROUP GROUP g c STREAMS s t 0 >", NotIdempotent),
            ("XREADGROUP GROUP g c STREAMS s t 0 5-1", Idempotent),
            ("XREADGROUP GROUP g c STREAMS s", NotIdempotent),
            ("FUNCTION LOAD REPLACE code", Idempotent),
            ("FUNCTION LOAD code", Decides),
            ("SCRIPT LOAD x", Idempotent),
            ("EVAL body 0", NotIdempotent),
        ];
        for (line, expected) in cases {
            assert_eq!(replay_class(&Words::of(line).request()), expected, "{line}");
        }
    }

    #[test]
    fn a_script_is_a_read_only_when_its_first_line_says_so() {
        let cases = [
            ("#!lua flags=no-writes\nreturn 1", Read),
            ("#!lua name=x flags=allow-stale,no-writes\nreturn 1", Read),
            ("#!lua\n-- flags=no-writes", NotIdempotent),
            ("-- #!lua flags=no-writes", NotIdempotent),
            ("#!lua flags=no-writes-at-all", NotIdempotent),
            ("", NotIdempotent),
        ];
        for (body, expected) in cases {
            assert_eq!(replay_class(&Words::new(["EVAL", body, "0"]).request()), expected, "{body}");
        }
    }
}
