//! What the proxy says of its backend: `/topology`, and what is read from it.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::{ClientError, Error};

/// How long the proxy may take to answer.
const LIMIT: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct Body {
    proxies: Vec<View>,
}

/// One proxy.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct View {
    shards: Vec<Shard>,
    /// The oldest first.
    events: Vec<Event>,
}

#[derive(Clone, Debug, Deserialize)]
struct Shard {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Deserialize)]
struct Node {
    endpoint: String,
    state: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Event {
    at: String,
    kind: String,
    to: Option<String>,
}

impl View {
    /// Asks the admin listener.
    pub(crate) async fn of(admin: SocketAddr) -> Result<Self, Error> {
        let asked = tokio::time::timeout(LIMIT, ask(admin)).await.map_err(|_| ClientError::Timeout)?;
        let answer = asked.map_err(ClientError::Io)?;
        parse(&answer).ok_or_else(|| Error::Reply { what: "GET /topology".to_owned(), reply: answer })
    }

    /// Returns where commands go that have no node of their own: the shard that is told first, and alone ever moves.
    pub(crate) fn home(&self) -> Option<SocketAddr> {
        let first = self.events.iter().find(|event| event.kind == "master-found");
        self.moves().next_back().or(first).and_then(Event::to)
    }

    /// The first node that became home at that time or later, other than the one that was killed then; and when.
    pub(crate) fn moved_from(&self, killed: SocketAddr, at: SystemTime) -> Option<(SocketAddr, SystemTime)> {
        // The proxy's time is written in whole milliseconds.
        let at = at.checked_sub(Duration::from_millis(1))?;
        let moves = self.moves().filter_map(|event| Some((event.to()?, event.at()?)));
        moves.into_iter().find(|(to, when)| *to != killed && *when >= at)
    }

    /// Returns how often another node became home since that time.
    pub(crate) fn moves_since(&self, at: SystemTime) -> usize {
        self.moves().filter(|event| event.at().is_some_and(|when| when >= at)).count()
    }

    /// The state of a node, in the interface's words.
    pub(crate) fn state_of(&self, node: SocketAddr) -> Option<&str> {
        let name = node.to_string();
        let found = self.shards.iter().flat_map(|shard| &shard.nodes).find(|node| node.endpoint == name);
        found.map(|node| node.state.as_str())
    }

    fn moves(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter().filter(|event| event.kind == "master-changed")
    }
}

impl Event {
    fn to(&self) -> Option<SocketAddr> {
        self.to.as_ref()?.parse().ok()
    }

    fn at(&self) -> Option<SystemTime> {
        humantime::parse_rfc3339(&self.at).ok()
    }
}

async fn ask(admin: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(admin).await?;
    let request = format!("GET /topology HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The body of the answer, for the only proxy there is.
fn parse(answer: &str) -> Option<View> {
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str::<Body>(body).ok()?.proxies.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn view(events: &[(&str, u16, &str)]) -> View {
        let events: Vec<_> = events
            .iter()
            .map(|(kind, to, at)| {
                serde_json::json!({"at": format!("2026-01-01T00:00:{at}Z"), "kind": kind, "from": null,
                    "to": node(*to).to_string(), "held": 0, "outage_ms": null})
            })
            .collect();
        let shards = serde_json::json!([
            {"slots": [[0, 16383]], "nodes": [{"endpoint": "127.0.0.1:1", "role": "active", "state": "settling",
                "rtt_us": 1, "lag_ms": null}]},
            {"slots": [], "nodes": []},
        ]);
        let proxies =
            serde_json::json!({"proxies": [{"name": "default", "shards": shards, "events": events}]});
        parse(&format!("HTTP/1.1 200 OK\r\n\r\n{proxies}")).unwrap()
    }

    fn second(seconds: f64) -> SystemTime {
        humantime::parse_rfc3339("2026-01-01T00:00:00Z").unwrap() + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn home_is_the_first_that_was_found_and_then_the_last_that_was_changed_to() {
        let found = ("master-found", 1, "01.000");
        let own = ("master-found", 3, "01.000");
        let changed = ("master-changed", 2, "02.000");
        let cases = [
            (vec![], None),
            (vec![found, own], Some(node(1))),
            (vec![found, own, changed, ("node-up", 1, "03.000")], Some(node(2))),
            (vec![changed, ("master-changed", 1, "04.000")], Some(node(1))),
        ];
        for (events, home) in cases {
            assert_eq!(view(&events).home(), home, "{events:?}");
        }
    }

    #[test]
    fn a_move_belongs_to_the_kill_before_it() {
        let view = view(&[
            ("master-changed", 2, "02.000"),
            ("master-changed", 1, "05.010"),
            ("master-changed", 3, "06.000"),
        ]);
        assert_eq!(view.moved_from(node(1), second(2.0)), Some((node(2), second(2.0))));
        assert_eq!(view.moved_from(node(2), second(5.0)), Some((node(1), second(5.01))));
        assert_eq!(view.moved_from(node(1), second(5.0)), Some((node(3), second(6.0))));
        assert_eq!(view.moved_from(node(1), second(7.0)), None);
        assert_eq!((view.moves_since(second(5.0)), view.moves_since(second(7.0))), (2, 0));
    }

    #[test]
    fn a_state_is_told_for_known_nodes() {
        let view = view(&[]);
        assert_eq!((view.state_of(node(1)), view.state_of(node(2))), (Some("settling"), None));
        assert!(parse("HTTP/1.1 500 x\r\n\r\nno").is_none());
    }
}
