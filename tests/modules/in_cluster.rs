//! In front of a cluster: each command goes to the owner of its keys, and those over many slots are split.

use super::common::cluster::ClusterRig;
use super::common::conn::Conn;
use super::{Module, until_learned};
use tideover_testbed::cluster::ClusterOptions;

const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn start(module: &Module) -> (ClusterRig, Conn) {
    let options =
        ClusterOptions { replicas: 0, node_config: vec![module.line()], ..ClusterOptions::default() };
    let rig = ClusterRig::with(options, &[]);
    let mut client = rig.client();
    until_learned(&mut client, "test.get");
    (rig, client)
}

#[test]
fn the_first_command_of_all_waits_until_it_is_known() {
    let Some(module) = Module::compile() else { return };
    let options =
        ClusterOptions { replicas: 0, node_config: vec![module.line()], ..ClusterOptions::default() };
    let mut rig = ClusterRig::with(options, &[]);
    // The proxy begins while no node answers, so its first question is open for a while.
    let (_proxy, mut client) = rig.blindfolded(|proxy| {
        let mut client = Conn::open(proxy.address());
        client.send("JSON.MGET a b c $");
        client
    });
    assert_eq!(client.reply(), "*3\r\n$-1\r\n$-1\r\n$-1\r\n");
}

/// The calls of a command at each master that its clients sent there, and those that were answered with an error.
fn calls(rig: &ClusterRig, command: &str) -> Vec<(u64, u64)> {
    let field = |line: &str, name: &str| {
        let value = line.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        value.map_or(0, |value| value.parse().unwrap())
    };
    let of = |mut master: Conn| {
        let stats = master.call("INFO commandstats");
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
        line.map_or((0, 0), |line| (field(line, "calls"), field(line, "rejected_calls")))
    };
    rig.masters().into_iter().map(of).collect()
}

#[test]
fn commands_of_a_module_go_to_the_owners_of_their_keys() {
    let Some(module) = Module::compile() else { return };
    let (rig, mut client) = start(&module);
    for key in KEYS {
        assert_eq!(client.call(&format!("TEST.SET {key} {key}{key}")), "+OK\r\n");
        assert_eq!(client.call(&format!("TEST.GET {key}")), format!("$2\r\n{key}{key}\r\n"));
        assert_eq!(client.call(&format!("TEST.BOX GET {key}")), format!("$2\r\n{key}{key}\r\n"));
    }
    let gets = calls(&rig, "test.get");
    assert_eq!(gets.iter().map(|(calls, _)| calls).sum::<u64>(), KEYS.len() as u64);
    assert!(gets.iter().all(|(calls, _)| *calls > 0), "all masters have some of the keys: {gets:?}");
    assert!(gets.iter().all(|(_, rejected)| *rejected == 0), "none was redirected: {gets:?}");

    assert_eq!(client.call("TEST.WAIT a 1"), "+OVER\r\n");
    let crossing = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
    for (line, expected) in [
        ("MULTI", "+OK\r\n"),
        ("TEST.SET a 1", "+QUEUED\r\n"),
        ("TEST.SET b 1", crossing),
        ("EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"),
        ("NOSUCH a", "-ERR unknown command 'NOSUCH', with args beginning with: 'a' \r\n"),
        (
            "TEST.FIND x a",
            "-ERR tideover: TEST.FIND is not available here: the servers do not say where its keys are\r\n",
        ),
    ] {
        assert_eq!(client.call(line), expected, "{line}");
    }
}

#[test]
fn json_commands_with_keys_of_many_slots_are_split() {
    let Some(module) = Module::compile() else { return };
    let (rig, mut client) = start(&module);
    let triples: Vec<String> = KEYS.iter().map(|key| format!("{key} $ {key}1")).collect();
    assert_eq!(client.call(&format!("JSON.MSET {}", triples.join(" "))), "+OK\r\n");
    let values: String = KEYS.iter().rev().map(|key| format!("$2\r\n{key}1\r\n")).collect();
    let backwards: Vec<&str> = KEYS.iter().rev().copied().collect();
    let expected = format!("*{}\r\n{values}$-1\r\n", KEYS.len() + 1);
    assert_eq!(client.call(&format!("JSON.MGET {} none $", backwards.join(" "))), expected);
    for (calls, rejected) in calls(&rig, "json.mget").into_iter().chain(calls(&rig, "json.mset")) {
        assert!(calls > 0 && rejected == 0, "each master has a part, of one slot each: {calls} {rejected}");
    }
    assert!(client.call("JSON.MSET a $ 1 b $").starts_with("-ERR wrong number of arguments for 'json.mset'"));
    assert!(client.call("JSON.MGET a").starts_with("-ERR wrong number of arguments for "));
}

#[test]
fn an_index_is_searched_at_one_node_and_its_cursors_are_found_there() {
    let Some(module) = Module::compile() else { return };
    let (rig, _) = start(&module);
    let mut nodes = Vec::new();
    for index in KEYS {
        let replies = ["SEARCH {} *", "CURSOR READ {} 7", "SEARCH {} *"]
            .map(|line| rig.client().call(&format!("FT.{}", line.replace("{}", index))));
        assert!(replies.iter().all(|reply| *reply == replies[0] && reply.contains("port")), "{replies:?}");
        nodes.push(replies[0].clone());
    }
    nodes.sort();
    nodes.dedup();
    assert_eq!(nodes.len(), 3, "the work is spread over the nodes");
}
