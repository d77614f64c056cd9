//! Tests the faces of the proxy: clients of clusters and of sentinels find what they expect.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::process::{Command, Stdio};

use common::conn::{Conn, bulk};
use common::{Rig, runtime};
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;

const DISABLED: &str = "-ERR This instance has cluster support disabled\r\n";

fn cluster() -> Rig {
    Rig::set(&["clients.face=cluster"])
}

#[test]
fn before_one_node_its_own_words_about_clusters_are_passed_on() {
    let rig = Rig::start();
    let (mut client, mut direct) = (rig.client(), rig.direct());
    for line in [
        "CLUSTER INFO",
        "CLUSTER SLOTS",
        "CLUSTER KEYSLOT a",
        "SENTINEL masters",
        "SENTINEL",
        "CLUSTER",
        "READONLY",
    ] {
        assert_eq!(client.call(line), direct.call(line), "{line}");
    }
}

#[test]
fn before_a_group_of_sentinels_the_proxy_is_one_redis_without_a_cluster() {
    let runtime = runtime();
    let group = runtime.block_on(SentinelDeployment::start(SentinelOptions::default())).unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_tideover"));
    let proxy = runtime.block_on(ProxyProcess::start(program, &group.url(), &[])).unwrap();
    let mut client = Conn::open(proxy.address());
    for line in ["CLUSTER NODES", "CLUSTER MEET h 1", "CLUSTER HELP", "READONLY", "READWRITE", "ASKING"] {
        assert_eq!(client.call(line), DISABLED, "{line}");
    }
    for (line, expected) in [
        ("CLUSTER FOO", "-ERR unknown subcommand 'FOO'. Try CLUSTER HELP.\r\n"),
        ("CLUSTER SLOTS x", "-ERR wrong number of arguments for 'cluster|slots' command\r\n"),
        ("SENTINEL masters", "-ERR unknown command 'SENTINEL', with args beginning with: 'masters' \r\n"),
    ] {
        assert_eq!(client.call(line), expected);
    }
}

#[test]
fn as_a_cluster_the_proxy_owns_every_slot() {
    let rig = cluster();
    let mut client = rig.client();
    let id = client.call("CLUSTER MYID");
    let port = rig.proxy.address().port();
    let node = format!("*4\r\n{}:{port}\r\n{id}*0\r\n", bulk("127.0.0.1"));
    assert_eq!(client.call("CLUSTER SLOTS"), format!("*1\r\n*3\r\n:0\r\n:16383\r\n{node}"));
    assert!(client.call("CLUSTER INFO").contains("cluster_state:ok\r\n"));
    for line in ["READONLY", "READWRITE", "ASKING", "SET k 1"] {
        assert_eq!(client.call(line), "+OK\r\n", "{line}");
    }
    assert!(client.call("HELLO").contains("$4\r\nmode\r\n$7\r\ncluster\r\n"));
    assert!(client.call("CLUSTER RESET").contains("it changes the cluster"));
    assert!(client.call("CLUSTER COUNTKEYSINSLOT 1").contains("the backend is no cluster"));
    // Every key is at this address, whatever its slot.
    assert_eq!(client.call("MSET a 1 b 2 c 3"), "+OK\r\n");
    assert!(client.call("HELLO 3").starts_with("%7\r\n"));
    assert!(client.call("CLUSTER SHARDS").starts_with("*1\r\n%2\r\n"));
    assert!(client.call("CLUSTER NODES").contains(&format!("127.0.0.1:{port}@")));
}

#[test]
fn within_a_transaction_the_answers_are_those_of_the_face() {
    let rig = cluster();
    let mut client = rig.client();
    for line in ["CLUSTER SLOTS", "CLUSTER KEYSLOT a", "CLUSTER MYID", "READONLY", "READWRITE", "ASKING"] {
        let outside = client.call(line);
        assert_eq!(client.call("MULTI"), "+OK\r\n");
        assert_eq!(client.call(line), "+QUEUED\r\n", "{line}");
        assert_eq!(client.call("ECHO x"), "+QUEUED\r\n");
        assert_eq!(client.call("EXEC"), format!("*2\r\n{outside}$1\r\nx\r\n"), "{line}");
    }
    assert_eq!(client.call("MULTI"), "+OK\r\n");
    assert!(client.call("CLUSTER RESET").contains("it changes the cluster"));
    assert!(client.call("EXEC").starts_with("-EXECABORT "));
}

#[test]
fn proxies_with_the_same_list_say_the_same() {
    let list = "clients.announce=10.0.0.1:6380, 10.0.0.2:6380";
    let rigs = [Rig::set(&["clients.face=cluster", list]), Rig::set(&["clients.face=cluster", list])];
    let said = rigs.each_ref().map(|rig| rig.client().call("CLUSTER NODES"));
    assert_eq!(said[0], said[1]);
    assert!(said[0].contains("10.0.0.1:6380@16380 myself,master - 0 0 1 connected 0-8191\n"), "{}", said[0]);
    assert!(said[0].contains("10.0.0.2:6380@16380 master - 0 0 2 connected 8192-16383\n"), "{}", said[0]);
}

#[test]
fn as_sentinels_the_proxy_says_that_it_is_the_master() {
    let rig = Rig::set(&["clients.face=sentinel"]);
    let mut client = rig.client();
    let port = rig.proxy.address().port().to_string();
    let address = format!("*2\r\n{}{}", bulk("127.0.0.1"), bulk(&port));
    assert_eq!(client.call("SENTINEL get-master-addr-by-name mymaster"), address);
    assert!(client.call("SENTINEL masters").contains(&format!("{}{}", bulk("port"), bulk(&port))));
    for line in ["SENTINEL replicas mymaster", "SENTINEL sentinels mymaster"] {
        assert_eq!(client.call(line), "*0\r\n", "{line}");
    }
    assert!(client.call("ROLE").starts_with(&format!("*3\r\n{}", bulk("master"))));
    let subscribed = format!("*3\r\n{}{}:1\r\n", bulk("subscribe"), bulk("+switch-master"));
    assert_eq!(client.call("SUBSCRIBE +switch-master"), subscribed);
    // The same address is that of the data node as well.
    assert_eq!(rig.client().call("SET k 1"), "+OK\r\n");
}

#[test]
fn a_group_known_by_one_name_is_known_by_no_other() {
    let runtime = runtime();
    let group = runtime.block_on(SentinelDeployment::start(SentinelOptions::default())).unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_tideover"));
    let args = ["--set", "clients.face=sentinel"];
    let proxy = runtime.block_on(ProxyProcess::start(program, &group.url(), &args)).unwrap();
    let mut client = Conn::open(proxy.address());
    let name = group.url().rsplit('/').next().unwrap().to_owned();
    let port = proxy.address().port().to_string();
    let address = format!("*2\r\n{}{}", bulk("127.0.0.1"), bulk(&port));
    assert_eq!(client.call(&format!("SENTINEL get-master-addr-by-name {name}")), address);
    assert_eq!(client.call("SENTINEL get-master-addr-by-name another"), "*-1\r\n");
    assert_eq!(client.call("SENTINEL master another"), "-ERR No such master with that name\r\n");
}

#[test]
fn before_a_cluster_no_client_hears_of_its_nodes() {
    let runtime = runtime();
    let options = ClusterOptions { replicas: 0, ..ClusterOptions::default() };
    let backend = runtime.block_on(ClusterDeployment::start(options)).unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_tideover"));
    let start = |args: &[&str]| runtime.block_on(ProxyProcess::start(program, &backend.url(), args)).unwrap();
    let plain = start(&[]);
    let mut client = Conn::open(plain.address());
    for line in ["CLUSTER NODES", "CLUSTER SLOTS", "CLUSTER RESET", "READONLY", "ASKING"] {
        assert_eq!(client.call(line), DISABLED, "{line}");
    }

    let shown = start(&["--set", "clients.face=cluster"]);
    let mut client = Conn::open(shown.address());
    let port = shown.address().port();
    assert!(client.call("CLUSTER SLOTS").starts_with("*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n"));
    assert!(client.call("CLUSTER NODES").contains(&format!("127.0.0.1:{port}@")));
    // These keys have slots in more than one shard.
    for (key, slot) in [("a", 15495), ("bar", 5061), ("b", 3300)] {
        assert_eq!(client.call(&format!("SET {key} 1")), "+OK\r\n");
        assert_eq!(client.call(&format!("CLUSTER KEYSLOT {key}")), format!(":{slot}\r\n"));
        assert_eq!(client.call(&format!("CLUSTER COUNTKEYSINSLOT {slot}")), ":1\r\n", "{key}");
        let keys = format!("*1\r\n{}", bulk(key));
        assert_eq!(client.call(&format!("CLUSTER GETKEYSINSLOT {slot} 9")), keys);
    }
    assert_eq!(client.call("MULTI"), "+OK\r\n");
    assert_eq!(client.call("CLUSTER NODES"), "+QUEUED\r\n");
    let nodes = client.call("EXEC");
    assert!(nodes.starts_with("*1\r\n$") && nodes.contains(&format!("127.0.0.1:{port}@")), "{nodes}");
}

fn redis_cli(args: &[&str]) -> String {
    let output = Command::new("redis-cli").args(args).stdin(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn redis_cli_works_as_with_a_cluster() {
    let rig = cluster();
    let port = rig.proxy.address().port().to_string();
    for key in ["a", "b", "{c}d"] {
        assert_eq!(redis_cli(&["-c", "-p", &port, "SET", key, "1"]), "OK\n");
    }
    assert_eq!(redis_cli(&["-c", "-p", &port, "DBSIZE"]), "3\n");
}

#[test]
fn the_tools_for_clusters_of_redis_cli_find_all_slots_covered() {
    let rig = cluster();
    let address = rig.proxy.address().to_string();
    assert_eq!(rig.client().call("SET a 1"), "+OK\r\n");
    let checked = redis_cli(&["--cluster", "check", &address]);
    assert!(checked.contains("[OK] All 16384 slots covered."), "{checked}");
    let called = redis_cli(&["--cluster", "call", &address, "GET", "a"]);
    assert!(called.contains(&format!("{address}: 1")), "{called}");
}
