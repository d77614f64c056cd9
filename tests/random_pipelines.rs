//! Sends random pipelines through the proxy and straight to a server: the replies must be the same bytes. The values
//! have sizes around every internal boundary and are sent in pieces of any size; the readers have any speed.
//!
//! `TIDEOVER_PIPELINES` is the number of rounds of each kind, `TIDEOVER_SEED` repeats a single round.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use common::{LIMIT, Random, runtime};
use tideover_testbed::client::encode;
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::server::{RedisOptions, RedisServer};

const ROUNDS: usize = 40;
/// Number of bytes in one round.
const MOST: usize = 6 << 20;
/// The internal boundaries around which sizes are chosen.
const EDGES: [usize; 12] =
    [0, 64, 1024, 2048, 16_384, 65_536, 131_072, 262_144, 307_200, 524_288, 1 << 20, 4 << 20];

fn size(random: &mut Random) -> usize {
    // The largest values are rare, and the rest of a frame takes some bytes too.
    let edge = EDGES[random.below(EDGES.len()).min(random.below(EDGES.len() + 2))];
    (edge + random.below(80)).saturating_sub(random.below(120))
}

fn value(random: &mut Random) -> Vec<u8> {
    let (size, first) = (size(random), u8::try_from(random.below(26)).unwrap());
    (0..size).map(|at| b'a' + (first + u8::try_from(at % 23).unwrap()) % 26).collect()
}

/// Returns one of a few keys, all in one slot.
fn key(random: &mut Random) -> Vec<u8> {
    format!("{{k}}{}", random.below(4)).into_bytes()
}

fn command(random: &mut Random) -> Vec<u8> {
    let key = key(random);
    let args: Vec<Vec<u8>> = match random.below(22) {
        0..=4 => vec![b"SET".to_vec(), key, value(random)],
        5..=8 => vec![b"GET".to_vec(), key],
        9 => vec![b"APPEND".to_vec(), key, value(random)],
        10 => vec![b"STRLEN".to_vec(), key],
        11 => vec![b"INCR".to_vec(), key],
        12 => vec![b"DEL".to_vec(), key],
        13 => vec![b"MSET".to_vec(), key, value(random), b"{k}m".to_vec(), value(random)],
        14 => vec![b"MGET".to_vec(), key, b"{k}m".to_vec(), b"{k}none".to_vec()],
        15 => vec![b"RPUSH".to_vec(), b"{k}list".to_vec(), value(random)],
        16 => vec![b"LRANGE".to_vec(), b"{k}list".to_vec(), b"0".to_vec(), b"-1".to_vec()],
        17 => vec![b"ECHO".to_vec(), value(random)],
        18 => {
            let script = b"return {redis.call('STRLEN', KEYS[1]), {ARGV[1], {}}, false}".to_vec();
            vec![b"EVAL".to_vec(), script, b"1".to_vec(), key, value(random)]
        }
        19 => vec![b"LPOP".to_vec(), key],
        20 => return b"PING\r\n".to_vec(),
        _ => return b"SET {k}inline \"a b\"\r\n".to_vec(),
    };
    encode(&args)
}

/// Returns the commands of one client in a round, up to QUIT.
fn conversation(random: &mut Random) -> Vec<u8> {
    let mut bytes = encode(&["DEL", "{k}0", "{k}1", "{k}2", "{k}3", "{k}m", "{k}list", "{k}inline"]);
    for _ in 0..random.below(40) {
        let transaction = random.below(8) == 0;
        if transaction {
            bytes.extend(encode(&["MULTI"]));
        }
        for _ in 0..if transaction { random.below(5) } else { 1 } {
            bytes.extend(command(random));
        }
        if transaction {
            bytes.extend(encode(&[if random.below(5) == 0 { "DISCARD" } else { "EXEC" }]));
        }
        if bytes.len() > MOST {
            break;
        }
    }
    bytes.extend(encode(&["QUIT"]));
    bytes
}

/// The way in which a client writes and reads.
struct Manner {
    piece: usize,
    gulp: usize,
    pauses: bool,
}

impl Manner {
    fn of(random: &mut Random) -> Self {
        let gulp = [1000, 65_536, 1 << 20][random.below(3)];
        let piece = [1 + random.below(500), 65_536, usize::MAX][random.below(3)];
        Self { piece, gulp, pauses: random.below(4) == 0 }
    }
}

/// Reads everything up to the end of the connection.
fn replies(address: SocketAddr, bytes: &[u8], manner: &Manner) -> Vec<u8> {
    let mut reader = TcpStream::connect(address).unwrap();
    reader.set_nodelay(true).unwrap();
    reader.set_read_timeout(Some(LIMIT)).unwrap();
    let mut writer = reader.try_clone().unwrap();
    // Single bytes are sent only at the start: a megabyte of them would test the kernel.
    let (start, rest) = bytes.split_at(bytes.len().min(100_000));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for (at, piece) in start.chunks(manner.piece).enumerate() {
                writer.write_all(piece).unwrap();
                if manner.pauses && at % 16 == 0 {
                    std::thread::sleep(Duration::from_micros(500));
                }
            }
            writer.write_all(rest).unwrap();
        });
        let (mut all, mut buf) = (Vec::new(), vec![0; manner.gulp]);
        loop {
            match reader.read(&mut buf) {
                Ok(0) => return all,
                Ok(len) => all.extend_from_slice(&buf[..len]),
                Err(error) => panic!("{error} after {} bytes of replies", all.len()),
            }
            if manner.pauses && manner.gulp < 65_536 {
                std::thread::sleep(Duration::from_micros(100));
            }
        }
    })
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn compare(kind: &str, bare: SocketAddr, through: &[&ProxyProcess]) {
    let rounds = number("TIDEOVER_PIPELINES").unwrap_or(ROUNDS);
    let seeds = number("TIDEOVER_SEED").map_or(1..rounds + 1, |seed| seed..seed + 1);
    let mut total = 0;
    for seed in seeds {
        let mut random = Random(seed as u64 * 7919);
        let (bytes, manner) = (conversation(&mut random), Manner::of(&mut random));
        let proxy = through[seed % through.len()];
        let expected = replies(bare, &bytes, &manner);
        let got = std::panic::catch_unwind(|| replies(proxy.address(), &bytes, &manner))
            .unwrap_or_else(|_| panic!("{kind}: hangs with TIDEOVER_SEED={seed}"));
        let same = expected.iter().zip(&got).take_while(|(one, other)| one == other).count();
        assert!(
            expected == got,
            "{kind}: TIDEOVER_SEED={seed} differs at {same} of {}: {:?} and not {:?}",
            expected.len(),
            String::from_utf8_lossy(&got[same..(same + 60).min(got.len())]),
            String::from_utf8_lossy(&expected[same..(same + 60).min(expected.len())]),
        );
        total += bytes.len() + got.len();
    }
    println!("{kind}: {rounds} rounds, {} MiB", total >> 20);
}

/// Compares a bare server with two proxies in front of the same backend: one with default settings, and one that streams
/// requests of more than 300 KiB.
fn check(kind: &str, url: &str, start: impl FnOnce() -> RedisServer) {
    let runtime = runtime();
    let bare = start();
    let program = Path::new(env!("CARGO_BIN_EXE_tideover"));
    let proxies = [vec![], vec!["--set", "failover.resend_size=300KiB"]]
        .map(|args| runtime.block_on(ProxyProcess::start(program, url, &args)).unwrap());
    compare(kind, bare.address(), &proxies.each_ref());
}

fn server(runtime: &tokio::runtime::Runtime) -> RedisServer {
    runtime.block_on(RedisServer::start(RedisOptions::default())).unwrap()
}

#[test]
fn a_single_node_answers_through_the_proxy_as_it_does_without() {
    let runtime = runtime();
    let node = server(&runtime);
    check("fixed", &format!("redis://{}", node.address()), || server(&runtime));
}

#[test]
fn a_sentinel_deployment_answers_as_a_single_node() {
    let runtime = runtime();
    let deployment = runtime.block_on(SentinelDeployment::start(SentinelOptions::default())).unwrap();
    runtime.block_on(deployment.wait_until_healthy(LIMIT)).unwrap();
    check("sentinel", &deployment.url(), || server(&runtime));
}

#[test]
fn a_cluster_answers_about_one_slot_as_a_single_node() {
    let runtime = runtime();
    let cluster = runtime.block_on(ClusterDeployment::start(ClusterOptions::default())).unwrap();
    check("cluster", &cluster.url(), || server(&runtime));
}
