//! Packets that vanish: hosts in network namespaces, cut off from each other without a word, and healed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/live.rs"]
mod live;

mod net;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use live::{LIMIT, client, run};
use net::Net;
use tideover::demo::client::{Client, Reply};
use tideover::demo::wait::wait_until;

const CLIENTS: usize = 8;
const PATIENT: u32 = 30_000;
const QUICK: u32 = 1_500;

/// A master with a sentinel, a replica with one, a sentinel alone, and the proxy, each on a host of its own.
struct Deployment {
    net: Net,
    proxy: SocketAddr,
    dir: tempfile::TempDir,
}

const SENTINELS: [&str; 3] = ["m", "r", "s"];

impl Deployment {
    /// `None`, said loudly, where namespaces cannot be had.
    async fn start(down_after: u32) -> Option<Self> {
        let net = match Net::of(&["m", "r", "s", "p"]) {
            Ok(net) => net,
            Err(why) => {
                println!("SKIPPED: this needs root and network namespaces: {why}");
                return None;
            }
        };
        let proxy = format!("{}:6380", net.address("p")).parse().unwrap();
        let mut deployment = Self { net, proxy, dir: tempfile::tempdir().unwrap() };
        deployment.start_servers(down_after);
        deployment.start_proxy();
        deployment.wait_until_whole().await;
        Some(deployment)
    }

    /// Every sentinel knows the others and the replica, and the proxy takes commands.
    async fn wait_until_whole(&self) {
        for host in SENTINELS {
            let address: SocketAddr = format!("{}:26379", self.net.address(host)).parse().unwrap();
            wait_until("the sentinel knows everybody", LIMIT, || async {
                let told = ask(address, &["SENTINEL", "MASTER", "mymaster"]).await?;
                let known = ["num-slaves", "num-other-sentinels"].map(|name| told.field(name));
                let whole = [Some("1".to_owned()), Some("2".to_owned())];
                if known == whole { Ok(()) } else { Err(format!("{known:?}")) }
            })
            .await
            .unwrap();
        }
        wait_until("the proxy answers", LIMIT, || async {
            let reply = ask(self.proxy, &["SET", "ready", "1"]).await?;
            if reply == Reply::Simple("OK".into()) { Ok(()) } else { Err(format!("{reply:?}")) }
        })
        .await
        .unwrap();
    }

    fn start_servers(&mut self, down_after: u32) {
        let master = self.net.address("m");
        for host in ["m", "r"] {
            let mut args = words("--port 6379 --protected-mode no --repl-diskless-sync-delay 0 --save");
            args.push(String::new());
            if host == "r" {
                args.extend(words(&format!("--replicaof {master} 6379")));
            }
            args.extend(["--dir".into(), self.dir_of(host)]);
            self.net.run(host, "redis-server", &args);
        }
        for host in SENTINELS {
            let config = format!(
                "port 26379\nprotected-mode no\ndir {}\nsentinel monitor mymaster {master} 6379 2\n\
                 sentinel down-after-milliseconds mymaster {down_after}\nsentinel failover-timeout mymaster 10000\n",
                self.dir_of(host)
            );
            let file = self.dir.path().join(format!("sentinel-{host}.conf"));
            std::fs::write(&file, config).unwrap();
            self.net.run(host, "redis-sentinel", &[file.display().to_string()]);
        }
    }

    fn dir_of(&self, host: &str) -> String {
        let dir = self.dir.path().join(host);
        std::fs::create_dir_all(&dir).unwrap();
        dir.display().to_string()
    }

    fn start_proxy(&mut self) {
        let sentinels = SENTINELS.map(|host| format!("{}:26379", self.net.address(host))).join(",");
        let args = words(&format!(
            "run --backend redis-sentinel://{sentinels}/mymaster --listen {} --admin off \
             --set clients.accept_open_access=true",
            self.proxy
        ));
        self.net.run("p", live::binary().to_str().unwrap(), &args);
    }
}

async fn ask(address: SocketAddr, question: &[&str]) -> Result<Reply, String> {
    let conn = Client::connect(address, Duration::from_secs(5)).await;
    conn.map_err(|error| error.to_string())?.call(question).await.map_err(|error| error.to_string())
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// What clients saw that count on, one INCR at a time, until they are told to stop.
#[derive(Default)]
struct Seen {
    answers: usize,
    uncertain: usize,
    longest: Duration,
}

/// Counts until `end`, and a little beyond: everybody must have an answer after it.
async fn count(proxy: SocketAddr, key: String, end: Instant) -> Seen {
    let mut conn = client(proxy).await;
    let mut seen = Seen::default();
    let mut next = 1;
    loop {
        let asked = Instant::now();
        let reply = conn.call(&["INCR", &key]).await.unwrap();
        seen.longest = seen.longest.max(asked.elapsed());
        match reply {
            Reply::Integer(value) => {
                assert!(
                    (next..=next + seen.uncertain as i64).contains(&value),
                    "{value} where {next} was next"
                );
                (seen.answers, next) = (seen.answers + 1, value + 1);
                if asked > end {
                    return seen;
                }
            }
            other => {
                assert_eq!(other.error_class(), Some("UNCERTAIN"), "{other:?}");
                seen.uncertain += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs counting clients while `fault` is on its way; gives what they saw together.
async fn beside(
    deployment: &Deployment,
    round: &str,
    whole: Duration,
    fault: impl Future<Output = ()>,
) -> Seen {
    let end = Instant::now() + whole;
    let counting = (0..CLIENTS).map(|n| tokio::spawn(count(deployment.proxy, format!("{round}{n}"), end)));
    let counting: Vec<_> = counting.collect();
    fault.await;
    let mut all = Seen::default();
    for counting in counting {
        let seen = counting.await.unwrap();
        assert!(seen.answers > 0);
        all.answers += seen.answers;
        all.uncertain += seen.uncertain;
        all.longest = all.longest.max(seen.longest);
    }
    println!("{} answers, {} uncertain, the longest wait {:?}", all.answers, all.uncertain, all.longest);
    all
}

async fn cut_for(deployment: &Deployment, pairs: &[(&str, &str)], time: Duration) {
    tokio::time::sleep(Duration::from_millis(500)).await;
    pairs.iter().for_each(|(one, other)| deployment.net.cut(one, other));
    tokio::time::sleep(time).await;
    pairs.iter().for_each(|(one, other)| deployment.net.heal(one, other));
}

#[test]
fn some_seconds_without_a_packet_from_the_master_are_a_pause() {
    run(async {
        let Some(deployment) = Deployment::start(PATIENT).await else { return };
        for millis in [1_500, 6_000] {
            let time = Duration::from_millis(millis);
            let fault = cut_for(&deployment, &[("p", "m")], time);
            let seen = beside(&deployment, &millis.to_string(), time + Duration::from_secs(2), fault).await;
            assert_eq!(seen.uncertain, 0, "no other node was the master");
            assert!(seen.longest >= time - Duration::from_millis(700), "nothing was cut: {:?}", seen.longest);
        }
    });
}

#[test]
fn sentinels_that_cannot_be_reached_cost_no_command_anything() {
    run(async {
        let Some(deployment) = Deployment::start(PATIENT).await else { return };
        let time = Duration::from_secs(4);
        // The sentinel beside the master stays.
        let fault = cut_for(&deployment, &[("p", "r"), ("p", "s")], time);
        let seen = beside(&deployment, "k", time + Duration::from_secs(1), fault).await;
        assert_eq!(seen.uncertain, 0);
    });
}

#[test]
fn a_master_whose_host_is_lost_is_replaced_and_gets_nothing_when_it_is_back() {
    run(async {
        let Some(deployment) = Deployment::start(QUICK).await else { return };
        let (lost, time) = ([("m", "r"), ("m", "s"), ("m", "p")], Duration::from_secs(8));
        let fault = cut_for(&deployment, &lost, time);
        let seen = beside(&deployment, "k", time + Duration::from_secs(4), fault).await;
        assert!(seen.uncertain <= CLIENTS, "each had one command on its way: {}", seen.uncertain);
        assert!(seen.longest < time, "the replica took over before the host was back: {:?}", seen.longest);
        let mut proxied = client(deployment.proxy).await;
        let mut counts = Vec::new();
        for n in 0..CLIENTS {
            counts.push(proxied.call(&["GET", &format!("k{n}")]).await.unwrap());
        }
        let address = format!("{}:6379", deployment.net.address("m")).parse().unwrap();
        wait_until("the old master has the new one's data", LIMIT, || async {
            for (n, count) in counts.iter().enumerate() {
                let held = ask(address, &["GET", &format!("k{n}")]).await?;
                if held != *count {
                    return Err(format!("k{n} is {held:?}, not {count:?}"));
                }
            }
            Ok(())
        })
        .await
        .unwrap();
    });
}
