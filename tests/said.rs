//! Tests that a proxy pointed at the wrong server says so, and what to do, in all places where people look. Each case
//! is the first minute of a new user, against real servers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use common::conn::{Conn, bulk};
use common::fake::command;
use common::{http, runtime, until};
use tideover_testbed::cluster::{ClusterDeployment, ClusterOptions};
use tideover_testbed::deployment::{SentinelDeployment, SentinelOptions};
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::process::free_port;
use tideover_testbed::server::{RedisOptions, RedisServer};
use tokio::runtime::Runtime;

/// One server of every kind that a URL may name.
struct World {
    runtime: Runtime,
    group: SentinelDeployment,
    cluster: ClusterDeployment,
    protected: RedisServer,
    web: SocketAddr,
    nobody: SocketAddr,
}

/// The expected result of a SET.
enum Fate {
    /// In the end it is answered as not executed, with the reason.
    Refused,
    /// The server takes it, or answers with an error of its own.
    Answered,
}

struct Case {
    name: &'static str,
    url: String,
    /// The value of `clients.auth`.
    auth: &'static str,
    /// The expected text.
    said: String,
    is_ready: bool,
    fate: Fate,
}

impl World {
    fn start() -> World {
        let runtime = runtime();
        let options = SentinelOptions { replicas: 1, sentinels: 1, ..SentinelOptions::default() };
        let group = runtime.block_on(SentinelDeployment::start(options)).unwrap();
        let options = ClusterOptions { replicas: 0, ..ClusterOptions::default() };
        let cluster = runtime.block_on(ClusterDeployment::start(options)).unwrap();
        let options = RedisOptions { password: Some("right".into()), ..RedisOptions::default() };
        let protected = runtime.block_on(RedisServer::start(options)).unwrap();
        let nobody = ([127, 0, 0, 1], free_port().unwrap()).into();
        World { runtime, group, cluster, protected, web: web_server(), nobody }
    }

    fn cases(&self) -> Vec<Case> {
        let (master, replica) = (self.group.nodes()[0], self.group.nodes()[1]);
        let (sentinel, node) = (self.group.sentinels()[0], self.cluster.nodes()[0]);
        let (protected, web, nobody) = (self.protected.address(), self.web, self.nobody);
        let case = |name, url: String, said: String, fate| Case {
            name,
            url,
            auth: "passthrough",
            said,
            is_ready: false,
            fate,
        };
        let (refused, answered) = (|| Fate::Refused, || Fate::Answered);
        let no_resp = "does not speak RESP";
        vec![
            case(
                "sentinel-at-master",
                format!("redis-sentinel://{master}/mymaster"),
                format!("{master} is a data node (master), not a sentinel: use redis:// or name a sentinel"),
                refused(),
            ),
            case(
                "sentinel-at-replica",
                format!("redis-sentinel://{replica}/mymaster"),
                format!("{replica} is a data node (replica of {master}), not a sentinel"),
                refused(),
            ),
            case(
                "sentinel-at-cluster",
                format!("redis-sentinel://{node}/mymaster"),
                format!("{node} is a cluster node, not a sentinel: use redis-cluster://"),
                refused(),
            ),
            case(
                "sentinel-at-web",
                format!("redis-sentinel://{web}/mymaster"),
                format!("{web} {no_resp}"),
                refused(),
            ),
            case(
                "sentinel-of-another-group",
                format!("redis-sentinel://{sentinel}/other"),
                "the sentinels know mymaster, not other".to_owned(),
                refused(),
            ),
            case(
                "sentinel-with-password",
                format!("redis-sentinel://{sentinel}/mymaster?sentinel_password=x"),
                format!("{sentinel} does not let the proxy in: "),
                refused(),
            ),
            case(
                "cluster-at-master",
                format!("redis-cluster://{master}"),
                format!("{master} is no cluster node, cluster support is disabled there: use redis://"),
                refused(),
            ),
            case(
                "cluster-at-sentinel",
                format!("redis-cluster://{sentinel}"),
                format!("{sentinel} is a sentinel: use redis-sentinel://"),
                refused(),
            ),
            case(
                "cluster-without-password",
                format!("redis-cluster://{protected}"),
                format!("{protected} asks for a password: NOAUTH"),
                refused(),
            ),
            case(
                "fixed-at-cluster",
                format!("redis://{node}"),
                format!("{node} is a cluster node: use redis-cluster://"),
                answered(),
            ),
            case(
                "fixed-at-sentinel",
                format!("redis://{sentinel}"),
                format!("{sentinel} is a sentinel: use redis-sentinel://"),
                answered(),
            ),
            Case {
                is_ready: true,
                ..case(
                    "fixed-at-replica",
                    format!("redis://{replica}"),
                    format!("{replica} is a replica of {master}: it serves reads only"),
                    refused(),
                )
            },
            case(
                "fixed-without-name",
                "redis://tideover-nobody.invalid:6379".to_owned(),
                "tideover-nobody.invalid:6379 does not resolve".to_owned(),
                refused(),
            ),
            case(
                "fixed-at-nobody",
                format!("redis://{nobody}"),
                format!("{nobody}: connection refused"),
                refused(),
            ),
            case("fixed-at-web", format!("redis://{web}"), format!("{web} {no_resp}"), refused()),
            case(
                "fixed-with-wrong-password",
                format!("redis://:wrong@{protected}"),
                format!("{protected} does not let the proxy in: WRONGPASS"),
                answered(),
            ),
            Case {
                auth: "backend",
                ..case(
                    "fixed-without-password",
                    format!("redis://{protected}"),
                    format!("{protected} asks for a password: NOAUTH"),
                    answered(),
                )
            },
            case(
                "active-at-sentinel",
                format!("redis-active://{sentinel}"),
                format!("{sentinel} is a sentinel"),
                refused(),
            ),
            case(
                "active-at-replica",
                format!("redis-active://{replica}"),
                format!("{replica} is a replica of {master}"),
                refused(),
            ),
        ]
    }

    fn proxy(&self, url: &str, auth: &str) -> ProxyProcess {
        let auth = format!("clients.auth={auth}");
        let settings =
            ["--set", "failover.hold=200ms", "--set", "failover.on_refused=TRYAGAIN", "--set", auth.as_str()];
        let program = Path::new(env!("CARGO_BIN_EXE_tideover"));
        self.runtime.block_on(ProxyProcess::start(program, url, &settings)).unwrap()
    }
}

/// Answers every request as web servers answer bytes that they do not understand.
fn web_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The thread ends with the test process.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut asked = [0; 4096];
            if stream.read(&mut asked).is_ok_and(|len| len > 0) {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            }
        }
    });
    address
}

#[test]
fn what_is_wrong_is_said_in_readyz_topology_log_and_reply() {
    let world = World::start();
    for case in world.cases() {
        let Case { name, url, auth, said, is_ready, fate } = case;
        let mut proxy = world.proxy(&url, auth);
        let admin = proxy.admin();
        println!("{name}: {url}");
        until(&format!("{name}: /readyz says why"), || {
            let (status, body) = http(admin, "/readyz");
            let is_said = body.contains(&said);
            assert!(!is_said || status == if is_ready { 200 } else { 503 }, "{name}: {status} {body}");
            is_said
        });
        assert!(http(admin, "/topology").1.contains(&said), "{name}: /topology");
        if let Fate::Refused = fate {
            let reply = Conn::open(proxy.address()).call("SET k v");
            assert!(reply.starts_with("-TRYAGAIN tideover: "), "{name}: {reply}");
            let end = reply.split_once(&said).unwrap_or_else(|| panic!("{name}: {reply}")).1;
            assert!(end.ends_with("; not executed\r\n"), "{name}: {reply}");
        }
        until(&format!("{name}: the log says why"), || {
            let log = proxy.process().log_tail();
            log.lines().any(|line| line.contains("does not serve as it should") && line.contains(&said))
        });
        assert_eq!(http(admin, "/readyz").0, if is_ready { 200 } else { 503 }, "{name}: and it lasts");
        assert_eq!(http(admin, "/healthz").0, 200);
    }
}

#[test]
fn check_connect_asks_each_deployment_and_says_in_a_line_whether_it_serves() {
    let world = World::start();
    let good = |name, url| {
        let (auth, said) = ("passthrough", String::new());
        Case { name, url, auth, said, is_ready: true, fate: Fate::Answered }
    };
    let good = vec![
        good("good-fixed", format!("redis://{}", world.group.nodes()[0])),
        good("good-sentinel", world.group.url()),
        good("good-cluster", world.cluster.url()),
    ];
    assert_eq!(check(&good).0, Some(0));
    let all: Vec<Case> = good.into_iter().chain(world.cases()).collect();
    let (code, lines) = check(&all);
    println!("{lines}");
    assert_eq!((code, lines.lines().count()), (Some(1), all.len()));
    for (line, Case { name, said, is_ready, .. }) in lines.lines().zip(&all) {
        let verdict = if *is_ready { "ready: " } else { "not ready: " };
        assert!(line.starts_with(&format!("{name}: {verdict}")) && line.contains(said), "{line}");
    }
}

/// Plays nodes behind one name, as managed services have them: each forwards the first commands of a connection to
/// itself.
fn service() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The threads end with the test process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(Conn::accepted(stream), address));
        }
    });
    address
}

fn serve(mut conn: Conn, address: SocketAddr) {
    let id = "a".repeat(40);
    let mut is_first = true;
    while let Ok(said) = command(&mut conn) {
        let reply = match said.as_str() {
            "PING" => "+PONG\r\n".to_owned(),
            "ROLE" => "*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n".to_owned(),
            "CLIENT ID" => ":7\r\n".to_owned(),
            "CLUSTER NODES" => bulk(&format!("{id} {address}@1 myself,master - 0 0 1 connected 0-16383\n")),
            "CLUSTER SLOTS" => {
                let (host, port) = (bulk(""), address.port());
                format!("*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n{host}:{port}\r\n{}", bulk(&id))
            }
            info if info.starts_with("INFO") => bulk("run_id:abc\r\nredis_mode:cluster\r\nloading:0\r\n"),
            set if set.starts_with("SET") && std::mem::take(&mut is_first) => {
                format!("-MOVED 12706 {address}\r\n")
            }
            _ => "+OK\r\n".to_owned(),
        };
        if conn.try_write(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// Starts a proxy whose hold is longer than the client's patience.
#[test]
fn a_node_that_sends_on_to_itself_is_asked_again_at_once() {
    let (runtime, service) = (runtime(), service());
    let program = Path::new(env!("CARGO_BIN_EXE_tideover"));
    let url = format!("redis-cluster://{service}");
    let settings = ["--set", "failover.hold=10m"];
    let proxy = runtime.block_on(ProxyProcess::start(program, &url, &settings)).unwrap();
    until("the proxy is ready", || http(proxy.admin(), "/readyz").0 == 200);
    let mut client = Conn::open(proxy.address());
    assert_eq!(client.call("SET k v"), "+OK\r\n");
    let metrics = http(proxy.admin(), "/metrics").1;
    let retries = r#"tideover_retries_total{proxy="default",reason="moved"} 1"#;
    assert!(metrics.contains(retries), "{metrics}");
}

/// Returns the exit code and the standard output of `check --connect` for these proxies.
fn check(cases: &[Case]) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tideover.toml");
    let tables = cases.iter().zip(20_000..).map(|(case, port)| proxy_table(case, port));
    std::fs::write(&file, tables.collect::<String>()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tideover"))
        .args(["check", "--connect", "--config", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// Writes the URL as a section of a file. Nothing listens on the port, which only has to differ between proxies.
fn proxy_table(case: &Case, port: u16) -> String {
    let Case { name, url, auth, .. } = case;
    let (scheme, rest) = url.split_once("://").unwrap();
    let kind = scheme.strip_prefix("redis-").unwrap_or("fixed");
    let (password, rest) =
        rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (user.strip_prefix(':'), rest));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, master) = rest.split_once('/').unwrap_or((rest, ""));
    let nodes: Vec<String> = hosts.split(',').map(|host| format!("\"{host}\"")).collect();
    let mut table = format!(
        "[[proxy]]\nname = \"{name}\"\nlisten = [\"127.0.0.1:{port}\"]\n\
         [proxy.backend]\nkind = \"{kind}\"\nnodes = [{}]\n",
        nodes.join(", ")
    );
    if !master.is_empty() {
        table += &format!("master = \"{master}\"\n");
    }
    if let Some(password) = password {
        table += &format!("password = \"{password}\"\n");
    }
    if let Some(password) = query.strip_prefix("sentinel_password=") {
        table += &format!("sentinel_password = \"{password}\"\n");
    }
    table + &format!("[proxy.clients]\nauth = \"{auth}\"\n")
}
