//! Runs the same functions without a fuzzer: a seeded loop changes examples a little at a time. `TIDEOVER_FUZZ` multiplies the
//! number of inputs, and `TIDEOVER_SEED` chooses others.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Number of inputs for each function.
const ROUNDS: usize = 100_000;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).unwrap() % bound.max(1)
    }
}

fn number_of(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Makes one change: a byte, a word, a cut, a repetition, or a piece of another example.
fn change(input: &mut Vec<u8>, examples: &[&[u8]], words: &[&[u8]], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let end = at + random.below(input.len() - at + 1);
    match random.below(8) {
        0 if at < input.len() => input[at] = random.next() as u8,
        1 if at < input.len() => input[at] ^= 1 << random.below(8),
        2 => drop(input.drain(at..end)),
        3 => input.truncate(at),
        4 => {
            let piece = input[at..end].to_vec();
            drop(input.splice(at..at, piece));
        }
        5 => {
            let other = examples[random.below(examples.len())];
            let from = random.below(other.len() + 1);
            drop(input.splice(at..at, other[from..].iter().copied()));
        }
        _ => drop(input.splice(at..at, words[random.below(words.len())].iter().copied())),
    }
    input.truncate(4096);
}

fn run(function: fn(&[u8]), divisor: usize, examples: &[&[u8]], words: &[&[u8]]) {
    let times = usize::try_from(number_of("TIDEOVER_FUZZ").unwrap_or(1)).unwrap();
    let mut random = Random(number_of("TIDEOVER_SEED").unwrap_or(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..times * ROUNDS / divisor {
        let mut input = examples[random.below(examples.len())].to_vec();
        (0..=random.below(6)).for_each(|_| change(&mut input, examples, words, &mut random));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| function(&input))) {
            eprintln!("the input: b\"{}\"", input.escape_ascii());
            resume_unwind(panic);
        }
    }
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"*1\r\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"$1\r\na\r\n",
    b"$0\r\n\r\n",
    b"$-1\r\n",
    b"\"",
    b"'",
    b"\\x41",
    b"*2147483648\r\n",
    b"$9223372036854775807\r\n",
    b"%1\r\n",
    b"|1\r\n",
    b">2\r\n",
    b"~1\r\n",
    b"_\r\n",
    b":1\r\n",
    b"+",
    b"-",
];

#[test]
fn any_cut_of_requests_gives_the_same() {
    let examples: &[&[u8]] = &[
        b"\x05*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n",
        b"\x01PING\r\nSET \"a b\" 'c'\n*0\r\n\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nv\r\nue\r\n",
    ];
    run(super::requests, 1, examples, WORDS);
}

#[test]
fn any_cut_of_replies_gives_the_same() {
    let examples: &[&[u8]] = &[
        b"\x03+OK\r\n:1\r\n$3\r\nabc\r\n*2\r\n$1\r\na\r\n*1\r\n_\r\n-ERR x\r\n",
        b"\x01%2\r\n+a\r\n#t\r\n+b\r\n,1.5\r\n|1\r\n+ttl\r\n:1\r\n$-1\r\n>3\r\n+message\r\n$1\r\nc\r\n=5\r\ntxt:a\r\n(12\r\n",
    ];
    run(super::replies, 1, examples, WORDS);
}

#[test]
fn inline_commands_become_the_array_that_they_mean() {
    let examples: &[&[u8]] = &[b"SET a \"b c\\n\\x00\" 'd\\'e'", b"  PING\t x ", b"a\"b\" c"];
    run(super::inline, 1, examples, WORDS);
}

#[test]
fn keys_are_arguments_of_their_request() {
    let examples: &[&[u8]] = &[
        b"GET\0a",
        b"MSET\0a\x001\0b\x002",
        b"EVAL\0return 1\x002\0a\0b\0c",
        b"XREAD\0COUNT\x002\0STREAMS\0a\0b\x000\x000",
        b"ZUNIONSTORE\0d\x002\0a\0b\0WEIGHTS\x001\x002",
        b"SORT\0a\0BY\0w_*\0GET\0#\0STORE\0d",
        b"OBJECT\0ENCODING\0a",
        b"MIGRATE\0h\x001\0\x000\x005\0KEYS\0a\0b",
        b"GEORADIUS\0g\x001\x002\x003\0m\0STORE\0d",
        b"BITOP\0AND\0d\0a\0b",
        b"XREADGROUP\0GROUP\0g\0c\0STREAMS\0STREAMS\0>",
        b"BLMPOP\x000\x002\0a\0b\0LEFT",
        b"MSETEX\x001\0a\x001\0EX\x009",
        b"SPUBLISH\0c\0m",
        b"JSON.DEBUG\0MEMORY\0a",
        b"MEMORY\0USAGE\0a",
    ];
    let words: &[&[u8]] = &[
        b"\0",
        b"\0STREAMS",
        b"\0STORE",
        b"\0KEYS",
        b"\x002\0",
        b"\x00-1\0",
        b"\x0099999999999999999999\0",
        b"\0BY\0x",
        b"\0GET\0*->f",
        b"\0\0",
    ];
    run(super::keys, 1, examples, words);
}

#[test]
fn redirects_name_what_they_say() {
    let examples: &[&[u8]] =
        &[b"-MOVED 3999 127.0.0.1:6381\r\n", b"-ASK 0 2001:db8::1:7000\r\n", b"-MOVED 5 :6380\r\n"];
    run(
        super::redirects,
        1,
        examples,
        &[b" ", b":", b"?", b"16384", b"65536", b"+1", b"\r\n", b"MOVED", b"ASK"],
    );
}

#[test]
fn info_of_several_is_one_text_that_leaves_nothing_out() {
    let examples: &[&[u8]] = &[
        b"# Server\r\nredis_version:7.0.15\r\nrun_id:a\r\n\r\n# Memory\r\nused_memory:10\r\nused_memory_human:10B\r\n\0# Memory\r\n\
          used_memory:20\r\nmaxmemory:1.5\r\n",
        b"# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n\0# Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=7\r\ndb1:keys=1\r\n",
        b"# Commandstats\r\ncmdstat_get:calls=1,usec=2,usec_per_call=2.00\r\n\0cmdstat_get:calls=9223372036854775807,usec=x\r\n",
    ];
    let words: &[&[u8]] =
        &[b"\0", b"# ", b":", b"=", b",", b"\r\n", b"db0:", b"-1", b"99999999999999999999", b"used_memory:"];
    run(super::info, 1, examples, words);
}

#[test]
fn a_config_that_loads_is_shown_so_that_it_loads_to_the_same() {
    let sentinel = include_bytes!("../../config/sentinel.toml");
    let active = include_bytes!("../../config/active.toml");
    let short = b"[[proxy]]\nlisten = [\"127.0.0.1:1\", \"unix:/a b\"]\nbackend = { kind = \"fixed\", nodes = [\"h\"] }\n\
        clients.max_clients = 3\nfailover.hold = \"0s\"\n[log]\nlevel = \"info\"\n";
    let named = b"[[proxy]]\nname = \"a-b\"\nlisten = [\"[::1]:7\"]\nbackend = { kind = \"active\", nodes = [\"a\", \"[::1]:7\"] }\n\
        backend.username = \"u\"\nbackend.password = \"${X}\"\nactive.zone = \"z\"\nactive.zones = { a = \"z\" }\n\
        [[proxy.active.rule]]\nprefix = \"l$${x}\\\\\"\nwriter = \"key\"\n[[proxy.failover.library]]\nname = \"redis-py\"\n";
    let words: &[&[u8]] = &[
        b"\"",
        b"\n",
        b"[[proxy]]\n",
        b"[proxy.failover]\n",
        b"hold = \"1h\"\n",
        b"${A}",
        b"$${",
        b"\\u0000",
        b"\\\"",
        b"0",
        b"ms\"",
        b"MiB\"",
        b"[",
        b"]",
        b"= true\n",
        b"unix:/",
        b"::1",
        b"/run/x",
        b"\xc3\xa9",
        b"name = \"x\"\n",
        b"'''",
        b"10",
    ];
    run(super::config, 4, &[short, named], words);
    run(super::config, 100, &[sentinel, active], words);
}
