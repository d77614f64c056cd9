//! Servers and the proxy, each on a host of its own.

use std::net::SocketAddr;
use std::time::Duration;

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::wait::wait_until;

use crate::live::{self, LIMIT};
use crate::net::Net;

/// The proxy's host is `p`.
pub(crate) struct Hosts {
    pub(crate) net: Net,
    pub(crate) proxy: SocketAddr,
    dir: tempfile::TempDir,
}

impl Hosts {
    /// Makes the hosts. `None`, with a loud message, if there are no namespaces.
    pub(crate) fn of(hosts: &[&'static str]) -> Option<Self> {
        let net = match Net::of(hosts) {
            Ok(net) => net,
            Err(why) => {
                println!("SKIPPED: this needs root and network namespaces: {why}");
                return None;
            }
        };
        let proxy = format!("{}:6380", net.address("p")).parse().unwrap();
        Some(Self { net, proxy, dir: tempfile::tempdir().unwrap() })
    }

    pub(crate) fn server(&self, host: &str) -> SocketAddr {
        self.at(host, 6379)
    }

    pub(crate) fn at(&self, host: &str, port: u16) -> SocketAddr {
        format!("{}:{port}", self.net.address(host)).parse().unwrap()
    }

    pub(crate) fn start_server(&mut self, host: &'static str, options: &str) {
        let mut args =
            words(&format!("--port 6379 --protected-mode no --repl-diskless-sync-delay 0 {options} --save"));
        args.push(String::new());
        args.extend(["--dir".into(), self.dir_of(host)]);
        self.net.run(host, "redis-server", &args);
    }

    pub(crate) fn start_sentinel(&mut self, host: &'static str, config: &str) {
        let file = self.dir.path().join(format!("sentinel-{host}.conf"));
        let config = format!("port 26379\nprotected-mode no\ndir {}\n{config}", self.dir_of(host));
        std::fs::write(&file, config).unwrap();
        self.net.run(host, "redis-sentinel", &[file.display().to_string()]);
    }

    fn dir_of(&self, host: &str) -> String {
        let dir = self.dir.path().join(host);
        std::fs::create_dir_all(&dir).unwrap();
        dir.display().to_string()
    }

    /// Starts the proxy and waits until it takes commands.
    pub(crate) async fn start_proxy(&mut self, url: &str) {
        let args = words(&format!(
            "run --backend {url} --listen {} --admin off --set clients.accept_open_access=true",
            self.proxy
        ));
        self.net.run("p", live::binary().to_str().unwrap(), &args);
        wait_until("the proxy answers", LIMIT, || async {
            let reply = ask(self.proxy, "SET ready 1").await?;
            if reply == Reply::Simple("OK".into()) { Ok(()) } else { Err(format!("{reply:?}")) }
        })
        .await
        .unwrap();
    }
}

pub(crate) async fn ask(address: SocketAddr, question: &str) -> Result<Reply, String> {
    let words: Vec<&str> = question.split(' ').collect();
    let conn = Client::connect(address, Duration::from_secs(5)).await;
    conn.map_err(|error| error.to_string())?.call(&words).await.map_err(|error| error.to_string())
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
