//! A node that plays the states of a KeyDB (`captured`) as the test says, and records every command except those of
//! health checks. It may be away, and come back as another process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tideover_testbed::client::{Client, Reply};
use tideover_testbed::process::free_port;
use tideover_testbed::wait::wait_until;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::captured::{self, HEALTHY, State};
use super::support::LIMIT;

/// The value of every key that the node has.
pub(crate) const VALUE: &str = "right";

/// One command that was not part of a health check.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) words: String,
    pub(crate) at: Instant,
}

/// The state that the connections share.
struct Play {
    state: State,
    /// The answer to every write, in place of the state's own.
    refusal: Option<&'static str>,
    run_id: String,
    port: u16,
    peers: [u16; 2],
    heard: Vec<Heard>,
    /// Number of times that INFO replication was asked for since the state began.
    looks: u64,
    counted: i64,
}

/// The node; it ends when the value is dropped.
pub(crate) struct ScriptedNode {
    address: SocketAddr,
    play: Arc<Mutex<Play>>,
    starts: u64,
    /// `None` if the node is away.
    serving: Option<JoinHandle<()>>,
}

impl ScriptedNode {
    /// Starts three nodes that know each other and have been healthy for long.
    pub(crate) async fn three() -> [Self; 3] {
        let [a, b, c] = [(); 3].map(|()| free_port().unwrap());
        [Self::start(a, [b, c]).await, Self::start(b, [c, a]).await, Self::start(c, [a, b]).await]
    }

    async fn start(port: u16, peers: [u16; 2]) -> Self {
        let play = Play {
            state: HEALTHY,
            refusal: None,
            run_id: run_id(port, 0),
            port,
            peers,
            heard: Vec::new(),
            looks: 0,
            counted: 0,
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut node = Self { address, play: Arc::new(Mutex::new(play)), starts: 0, serving: None };
        node.serve().await;
        node
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts the node into this state.
    pub(crate) fn enter(&self, state: State) {
        let mut play = self.play.lock().unwrap();
        (play.state, play.looks, play.refusal) = (state, 0, None);
    }

    /// Answers every write like this; all else says that the node is well.
    pub(crate) fn refuse(&self, refusal: Option<&'static str>) {
        self.play.lock().unwrap().refusal = refusal;
    }

    /// Kills the node: all connections end, and no new one is accepted.
    pub(crate) async fn go_away(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _ = serving.await;
        }
    }

    /// Starts another process at the same address, in this state.
    pub(crate) async fn come_back(&mut self, state: State) {
        self.go_away().await;
        self.starts += 1;
        self.play.lock().unwrap().run_id = run_id(self.address.port(), self.starts);
        self.enter(state);
        self.serve().await;
    }

    /// Waits until its health was checked so many times in its present state.
    pub(crate) async fn is_looked_at(&self, times: u64) {
        wait_until("the proxy looks at the node", LIMIT, || async {
            let looks = self.play.lock().unwrap().looks;
            if looks >= times { Ok(()) } else { Err(format!("{looks} times")) }
        })
        .await
        .unwrap();
    }

    /// Returns the commands received since the last call.
    pub(crate) fn take_heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.play.lock().unwrap().heard)
    }

    async fn serve(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let play = Arc::clone(&self.play);
        self.serving = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(converse(stream, Arc::clone(&play)));
            }
        }));
    }
}

impl Drop for ScriptedNode {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

fn run_id(port: u16, starts: u64) -> String {
    format!("{port:05}{starts:035}")
}

async fn converse(stream: TcpStream, play: Arc<Mutex<Play>>) {
    let mut client = Client::over(stream, 100 * LIMIT);
    let mut is_new = false;
    while let Ok(said) = client.reply().await {
        let words: Vec<String> = said.elements().iter().filter_map(Reply::text).collect();
        let lines = play.lock().unwrap().answer(&words, &mut is_new);
        if client.write(lines.replace('\n', "\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

impl Play {
    /// Returns lines that end with `\n`. `is_new` is true if the connection speaks RESP3.
    fn answer(&mut self, words: &[String], is_new: &mut bool) -> String {
        let word = |index: usize| words.get(index).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
        match (word(0).as_str(), word(1).as_str()) {
            ("PING", _) => "+PONG\n".to_owned(),
            ("HELLO", version) => hello(version, is_new),
            ("CLIENT", "ID") => ":73\n".to_owned(),
            ("CLIENT", "SETINFO" | "NO-EVICT" | "NO-TOUCH") => captured::NO_SUBCOMMAND.to_owned(),
            ("CLIENT" | "AUTH" | "SELECT", _) => "+OK\n".to_owned(),
            // It has no command that the proxy does not know.
            ("COMMAND", "COUNT") => ":0\n".to_owned(),
            ("COMMAND", "") => "*0\n".to_owned(),
            ("COMMAND", _) => captured::NO_SUBCOMMAND.to_owned(),
            ("ROLE", _) => self.state.role(self.peers),
            ("INFO", _) if words.len() > 2 => captured::INFO_OF_TWO.to_owned(),
            ("INFO", section) => text(&self.info(section), *is_new),
            (name, _) if is_probe(words) => self.probed(name),
            (name, _) => {
                self.heard.push(Heard { words: words.join(" "), at: Instant::now() });
                self.reply(name)
            }
        }
    }

    fn info(&mut self, section: &str) -> String {
        let all = matches!(section, "" | "ALL" | "EVERYTHING" | "DEFAULT");
        self.looks += u64::from(all || section == "REPLICATION");
        let sections = [
            ("SERVER", captured::server(&self.run_id, self.port)),
            ("PERSISTENCE", self.state.persistence()),
            ("REPLICATION", self.state.replication(self.peers)),
            ("KEYDB", captured::keydb()),
        ];
        let asked = sections.into_iter().filter(|(name, _)| all || *name == section);
        asked.map(|(_, lines)| lines + "\n").collect()
    }

    /// Answers the commands of a health check: it tests writes and refusals as clients meet them, and changes nothing.
    fn probed(&mut self, name: &str) -> String {
        let counted = self.counted;
        let reply = self.reply(name);
        self.counted = counted;
        if reply.starts_with(':') { ":0\n".to_owned() } else { reply }
    }

    fn reply(&mut self, name: &str) -> String {
        if matches!(name, "GET" | "EXISTS" | "TTL" | "TYPE") {
            let nil = "$-1\n".to_owned();
            return if self.state.knows { format!("${}\n{VALUE}\n", VALUE.len()) } else { nil };
        }
        if let Some(refusal) = self.refusal {
            return refusal.to_owned();
        }
        if self.state.loading {
            return captured::IS_LOADING.to_owned();
        }
        match name {
            "SET" | "MSET" => "+OK\n".to_owned(),
            _ => {
                self.counted += 1;
                format!(":{}\n", self.counted)
            }
        }
    }
}

/// Returns true for a command of a health check, which no client sends.
fn is_probe(words: &[String]) -> bool {
    words.get(1).is_some_and(|key| key.starts_with("__tideover:"))
}

fn hello(version: &str, is_new: &mut bool) -> String {
    if !matches!(version, "" | "2" | "3") {
        return captured::NO_PROTO.to_owned();
    }
    if !version.is_empty() {
        *is_new = version == "3";
    }
    let head = if *is_new { "%7\n" } else { "*14\n" };
    head.to_owned() + &captured::HELLO.replace("PROTO", if *is_new { "3" } else { "2" })
}

/// Encodes a text of several lines, with the length that it has on the wire, where each line ends with CRLF.
fn text(lines: &str, is_new: bool) -> String {
    let len = lines.len() + lines.matches('\n').count();
    if is_new { format!("={}\ntxt:{lines}\n", len + 4) } else { format!("${len}\n{lines}\n") }
}
