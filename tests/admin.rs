//! Tests the admin pages (metrics, health, the topology, the config), the log, and the kinds of listeners.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{LIMIT, Rig, http, runtime, until};
use serde_json::Value;
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::process::free_port;

#[test]
fn every_metric_that_is_promised_is_there_after_traffic() {
    let rig = Rig::start();
    let mut client = rig.client();
    client.call("SET k v");
    client.call("GET k");
    client.call("INCR k");
    client.call("NOSUCHCOMMAND");
    let (status, text) = rig.admin("/metrics");
    assert_eq!(status, 200);
    for name in tideover::metrics::names() {
        // A single node has no lag, no replicas, and differs from no other.
        let absent = [
            "tideover_node_lag_seconds",
            "tideover_node_differences",
            "tideover_relayed_commands_total",
            "tideover_sampled_keys_total",
            "tideover_diverged_keys",
        ];
        let absent = absent.contains(&name.as_str());
        assert!(absent || text.contains(&format!("# TYPE {name} ")), "{name} is missing");
    }
    for line in [
        r#"tideover_commands_total{proxy="default",command="set",result="ok"} 1"#,
        r#"tideover_commands_total{proxy="default",command="incr",result="error"} 1"#,
        r#"tideover_commands_total{proxy="default",command="other",result="error"} 1"#,
        r#"tideover_clients{proxy="default"} 1"#,
        r#"tideover_held_commands{proxy="default"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(text.contains(r#"use="discovery"} 1"#), "discovery's connection is counted");
    assert!(text.contains(r#"use="shared"} 1"#), "one shared connection is counted");
}

#[test]
fn health_readiness_and_the_map_speak_of_the_backend() {
    let rig = Rig::start();
    assert_eq!(rig.admin("/healthz").0, 200);
    until("the proxy is ready", || rig.admin("/readyz").0 == 200);
    until("the node is up", || {
        let map: Value = serde_json::from_str(&rig.admin("/topology").1).unwrap();
        map["proxies"][0]["shards"][0]["nodes"][0]["state"] == "up"
    });
    let map: Value = serde_json::from_str(&rig.admin("/topology").1).unwrap();
    let proxy = &map["proxies"][0];
    assert_eq!(
        (&proxy["name"], &proxy["kind"], &proxy["ready"]),
        (&"default".into(), &"fixed".into(), &true.into())
    );
    assert_eq!(proxy["shards"][0]["slots"], serde_json::json!([[0, 16383]]));
    assert_eq!(proxy["shards"][0]["nodes"][0]["endpoint"], rig.server.address().to_string());
    assert_eq!(rig.admin("/nosuchpage").0, 404);
}

#[test]
fn a_proxy_without_a_topology_is_alive_but_not_ready() {
    let (port, admin, nobody) = (free_port().unwrap(), free_port().unwrap(), free_port().unwrap());
    let mut proxy = Command::new(env!("CARGO_BIN_EXE_tideover"))
        .args(["run", "--backend", &format!("redis-sentinel://127.0.0.1:{nobody}/mymaster")])
        .args(["--listen", &format!("127.0.0.1:{port}"), "--admin", &format!("127.0.0.1:{admin}")])
        .args(["--log-format", "json"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(proxy.stderr.take().unwrap());
    let mut ready = String::new();
    while !ready.contains("\"ready\"") {
        ready.clear();
        assert!(log.read_line(&mut ready).unwrap() > 0, "the log ended");
        serde_json::from_str::<Value>(&ready).expect("each line of the log is JSON");
    }
    let line: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((&line["proxy"], &line["kind"]), (&"default".into(), &"sentinel".into()));
    assert_eq!(line["listen"], format!("127.0.0.1:{port}"));
    let admin = ([127, 0, 0, 1], admin).into();
    assert_eq!(http(admin, "/healthz").0, 200);
    let (status, missing) = http(admin, "/readyz");
    assert_eq!(status, 503);
    assert!(missing.contains("default: no topology yet"), "{missing}");
    proxy.kill().unwrap();
    proxy.wait().unwrap();
}

#[test]
fn two_proxies_live_in_one_process_and_secrets_are_masked() {
    let (first, second) = (Rig::protected("s3cret", &[]), Rig::start());
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("second.sock");
    let config = |address: std::net::SocketAddr, admin: std::net::SocketAddr| {
        format!(
            r#"
[admin]
listen = "{admin}"
[[proxy]]
name = "first"
listen = ["{address}"]
[proxy.backend]
kind = "fixed"
nodes = ["{}"]
password = "s3cret"
[proxy.clients]
auth = "backend"
[[proxy]]
name = "second"
listen = ["unix:{}"]
[proxy.backend]
kind = "fixed"
nodes = ["{}"]
"#,
            first.server.address(),
            socket.display(),
            second.server.address()
        )
    };
    let program = Path::new(env!("CARGO_BIN_EXE_tideover"));
    let proxy = runtime().block_on(ProxyProcess::start_from_file(program, config)).unwrap();
    let mut client = common::conn::Conn::open(proxy.address());
    assert_eq!(client.call("SET who first"), "+OK\r\n", "the proxy's own password is used");
    assert_eq!(over_unix(&socket, "SET who second\r\n"), "+OK\r\n");
    assert_eq!(client.call("GET who"), "$5\r\nfirst\r\n");
    let (_, shown) = http(proxy.admin(), "/config");
    assert!(!shown.contains("s3cret") && shown.contains("***"), "{shown}");
    let (_, text) = http(proxy.admin(), "/metrics");
    assert!(text.contains(r#"tideover_clients{proxy="first"} 1"#), "{text}");
    drop(proxy);
}

fn over_unix(socket: &Path, line: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(line.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_health_check_of_the_image_tells_up_from_down() {
    let rig = Rig::start();
    let check = |admin: String| {
        Command::new(env!("CARGO_BIN_EXE_tideover"))
            .args(["healthcheck", "--admin", &admin])
            .output()
            .unwrap()
            .status
    };
    assert!(check(rig.proxy.admin().to_string()).success());
    assert_eq!(check(format!("127.0.0.1:{}", free_port().unwrap())).code(), Some(1));
}
