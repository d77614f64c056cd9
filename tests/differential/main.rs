//! Sends the same random commands, right and wrong ones, of the whole table of the server, to a bare server and through the proxy:
//! the replies must be the same.
//!
//! Several clients take turns; a pipeline is answered before the next one begins, so that the order is defined. What is left out is
//! named in `rules`. A difference is printed with its seed and a short reproduction. `TIDEOVER_SEED=7` repeats one episode, and
//! `TIDEOVER_COMMANDS=1000000` says how many commands the long runs send.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/mod.rs"]
mod common;

mod episode;
mod grammar;
mod line;
mod looks;
mod messages;
mod mutation;
mod pipeline;
mod rules;
mod scripting;
mod session;
mod sessions;
mod shrink;
mod source;
mod stage;
mod stories;
mod table;
mod tame;
mod verdict;
mod words;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Instant;

use common::Rig;
use common::cluster::ClusterRig;
use common::conn::Conn;
use source::Source;
use stage::Stage;

/// Number of commands of one episode.
const EPISODE: usize = 2000;
/// Number of commands of a short run, and of a long one if nothing else is said.
const SHORT: usize = 4000;
const LONG: usize = 1_000_000;
/// Number of commands that are answered in another way until a run ends.
const MOST: usize = 8;

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Asks a server for its commands, and for values as DUMP shows them.
fn source(stage: &Stage) -> Source {
    let server = &mut Conn::open(stage.bare);
    let all = table::shapes(server);
    assert!(all.len() > 300, "{}", all.len());
    let shapes = all.into_iter().filter(|shape| !rules::left_out(&shape.words)).collect();
    let made =
        ["SET s0 hello", "RPUSH l0 a b", "HSET h0 a 1", "ZADD z0 1 a", "SADD t0 1 2", "XADD x0 1-1 a b"];
    let dumped = made.map(|line| {
        server.call(line);
        let raw = server.call_args(&["DUMP", line.split(' ').nth(1).unwrap()]);
        let start = raw.windows(2).position(|pair| pair == b"\r\n").unwrap() + 2;
        raw[start..raw.len() - 2].to_vec()
    });
    let dumped = dumped.into_iter().chain([b"nonsense".to_vec(), Vec::new()]).collect();
    let guide = (stage.tags.len() > 1).then(|| RefCell::new(Conn::open(stage.bare)));
    Source { shapes, dumped, tags: stage.tags, guide }
}

/// Plays episodes until so many commands were sent.
fn compare(kind: &str, stage: &Stage, commands: usize) {
    let source = source(stage);
    let episodes = commands.div_ceil(EPISODE) as u64;
    let seeds = number_of("TIDEOVER_SEED").map_or(1..episodes + 1, |seed| seed..seed + 1);
    let (began, mut sent) = (Instant::now(), 0);
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for seed in seeds {
        let steps = episode::episode(&source, seed, EPISODE);
        sent += steps.iter().map(|step| step.lines.len()).sum::<usize>();
        if seed % 50 == 0 {
            println!("{kind}: {sent} commands up to TIDEOVER_SEED={seed}");
        }
        let Some(difference) = stage.play(&steps) else { continue };
        println!("{kind}, TIDEOVER_SEED={seed}: {difference}");
        if let Entry::Vacant(place) = found.entry(difference.name.clone()) {
            let text = match shrink::shrink(stage, &steps, &difference) {
                Some((steps, small)) => format!("{}\n{small}", shrink::shown(&steps)),
                None => {
                    format!("once:\n{}\n{difference}", shrink::history(&steps, &difference, stage.tags))
                }
            };
            println!("TIDEOVER_SEED={seed}\n{text}");
            place.insert(format!("TIDEOVER_SEED={seed}\n{text}"));
        }
        if found.len() == MOST {
            break;
        }
    }
    println!("{kind}: {sent} commands in {} s", began.elapsed().as_secs());
    let found: Vec<String> = found.into_values().collect();
    assert!(found.is_empty(), "{kind}: {} differences:\n{}", found.len(), found.join("\n\n"));
}

fn one_server(commands: usize) {
    let (bare, mut rig) = (Rig::start(), Rig::start());
    let stage = Stage { bare: bare.server.address(), through: rig.proxy.address(), tags: &[""] };
    compare("one server", &stage, commands);
    rig.check_alive();
}

fn cluster(commands: usize) {
    let mut rig = ClusterRig::start(&[]);
    let stage = Stage { bare: rig.one.address(), through: rig.proxy.address(), tags: &["{a}", "{b}", "{c}"] };
    compare("cluster", &stage, commands);
    rig.proxy.process().check_running().unwrap();
}

fn many() -> usize {
    number_of("TIDEOVER_COMMANDS").map_or(LONG, |count| usize::try_from(count).unwrap())
}

#[test]
fn random_commands_to_a_cluster_are_answered_as_by_a_bare_server() {
    cluster(SHORT);
}

#[test]
#[ignore = "takes minutes: make differential"]
fn a_million_random_commands_to_a_cluster_are_answered_as_by_a_bare_server() {
    cluster(many());
}

#[test]
fn random_commands_are_answered_as_by_a_bare_server() {
    one_server(SHORT);
}

#[test]
#[ignore = "takes minutes: make differential"]
fn a_million_random_commands_are_answered_as_by_a_bare_server() {
    one_server(many());
}
