//! A scripted sentinel: it knows the group, names the wrong master with an old epoch, and announces switches to it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tideover_testbed::client::{Client, Reply, encode};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The time between two announcements on a subscription.
const ANNOUNCE: Duration = Duration::from_millis(50);

struct Story {
    real: SocketAddr,
    told: Mutex<SocketAddr>,
    asked: AtomicU64,
    announced: AtomicU64,
}

/// The fake sentinel; it runs until it is dropped.
pub(crate) struct FakeSentinel {
    address: SocketAddr,
    story: Arc<Story>,
    accepting: JoinHandle<()>,
}

impl FakeSentinel {
    /// Starts a sentinel that names `told` as the master; in its announcements `real` is the former one.
    pub(crate) async fn start(real: SocketAddr, told: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let story = Arc::new(Story {
            real,
            told: Mutex::new(told),
            asked: AtomicU64::new(0),
            announced: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&story)));
        Self { address, story, accepting }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes it name this master from now on.
    pub(crate) fn tell(&self, master: SocketAddr) {
        *self.story.told.lock().unwrap() = master;
    }

    /// Returns how often it was asked for the master.
    pub(crate) fn asked(&self) -> u64 {
        self.story.asked.load(Ordering::Relaxed)
    }

    pub(crate) fn announced(&self) -> u64 {
        self.story.announced.load(Ordering::Relaxed)
    }
}

impl Drop for FakeSentinel {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, story: Arc<Story>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(Client::over(stream, Duration::from_secs(120)), Arc::clone(&story)));
    }
}

/// Commands are arrays of bulk strings, so the client that parses replies can parse them too.
async fn serve(mut peer: Client, story: Arc<Story>) {
    while let Ok(command) = peer.reply().await {
        let words: Vec<String> = command.elements().iter().filter_map(Reply::text).collect();
        let words: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let subscribed = words.first() == Some(&"psubscribe");
        if peer.write(&story.answer(&words)).await.is_err() {
            return;
        }
        if subscribed {
            return announce(peer, &story).await;
        }
    }
}

/// PINGs keep the subscription alive.
async fn announce(mut peer: Client, story: &Story) {
    loop {
        let message = tokio::select! {
            ping = peer.reply() => match ping {
                Ok(_) => encode(&["pong", ""]),
                Err(_) => return,
            },
            () = tokio::time::sleep(ANNOUNCE) => story.switch(),
        };
        if peer.write(&message).await.is_err() {
            return;
        }
    }
}

impl Story {
    fn switch(&self) -> Vec<u8> {
        self.announced.fetch_add(1, Ordering::Relaxed);
        let told = *self.told.lock().unwrap();
        let payload =
            format!("mymaster {} {} {} {}", self.real.ip(), self.real.port(), told.ip(), told.port());
        encode(&["pmessage", "*", "+switch-master", &payload])
    }

    fn answer(&self, words: &[&str]) -> Vec<u8> {
        let told = *self.told.lock().unwrap();
        let (ip, port) = (told.ip().to_string(), told.port().to_string());
        match words {
            ["sentinel", "get-master-addr-by-name", ..] => {
                self.asked.fetch_add(1, Ordering::Relaxed);
                encode(&[&ip, &port])
            }
            ["sentinel", "master", ..] => encode(&[
                "name",
                "mymaster",
                "ip",
                &ip,
                "port",
                &port,
                "runid",
                &"0".repeat(40),
                "flags",
                "master",
                "config-epoch",
                "0",
                "num-slaves",
                "2",
                "num-other-sentinels",
                "3",
                "quorum",
                "2",
                "failover-timeout",
                "5000",
            ]),
            ["sentinel", "replicas" | "sentinels", ..] => b"*0\r\n".to_vec(),
            ["sentinel", "myid"] => format!("$40\r\n{}\r\n", "f".repeat(40)).into_bytes(),
            ["info", ..] => b"$29\r\n# Sentinel\r\nsentinel_tilt:0\r\n\r\n".to_vec(),
            ["psubscribe", ..] => b"*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n".to_vec(),
            ["ping"] => b"+PONG\r\n".to_vec(),
            _ => b"-ERR unknown command\r\n".to_vec(),
        }
    }
}
