//! The HTTP server of the admin listener, built so that a hostile client costs next to nothing.
//!
//! There is one request per connection, headers are bounded, bodies are never read, a connection has a deadline, and the
//! number of connections is bounded. If all are in use, the oldest is closed for a new one: a client that sends its
//! request slowly is the one that loses, while a health check, which takes a millisecond, always gets through.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::AdminState;
use super::respond::respond;

/// Most connections at a time; file descriptors are reserved for as many.
pub(crate) const MAX_CONNECTIONS: usize = 32;
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The time limits of a connection.
#[derive(Clone, Copy)]
struct AdminLimits {
    /// Until the header of the request has arrived.
    header: Duration,
    /// Until the answer has been sent and the connection ends.
    connection: Duration,
}

const LIMITS: AdminLimits =
    AdminLimits { header: Duration::from_secs(5), connection: Duration::from_secs(10) };

/// The pause between two attempts to accept if the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the future is dropped, which also ends every connection.
pub(crate) async fn serve(listener: TcpListener, state: Arc<AdminState>) {
    serve_within(listener, state, LIMITS).await;
}

async fn serve_within(listener: TcpListener, state: Arc<AdminState>, limits: AdminLimits) {
    let mut connections = JoinSet::new();
    let mut open = OpenConnections::default();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "admin listener cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        open.make_room();
        open.add(connections.spawn(connection(stream, Arc::clone(&state), limits)));
    }
}

/// The open connections, oldest first.
#[derive(Default)]
struct OpenConnections(VecDeque<AbortHandle>);

impl OpenConnections {
    fn make_room(&mut self) {
        self.0.retain(|connection| !connection.is_finished());
        while self.0.len() >= MAX_CONNECTIONS {
            if let Some(oldest) = self.0.pop_front() {
                oldest.abort();
            }
        }
    }

    fn add(&mut self, connection: AbortHandle) {
        self.0.push_back(connection);
    }
}

/// Serves one request. An error here is a fault of the client and concerns nobody else.
async fn connection(stream: TcpStream, state: Arc<AdminState>, limits: AdminLimits) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = respond(&state, request.method(), request.uri().path());
        async move { Ok::<Response<_>, Infallible>(response) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(limits.header)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEADER_BYTES)
        .max_buf_size(2 * MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(limits.connection, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "admin connection failed"),
        Err(_) => tracing::debug!("admin connection took too long"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::admin::ProxyStatus;
    use crate::admin::healthcheck::healthcheck;
    use crate::metrics::proxy::ProxyMetrics;
    use crate::topology::cell::TopologyCell;
    use crate::topology::diagnosis::{Diagnosis, DiagnosisCell, Finding};
    use crate::topology::events::{EventKind, Events};
    use crate::topology::fault::Fault;
    use crate::topology::{ConfigEpoch, Endpoint, Node, NodeState, Role, Shard, View};

    /// Far more than an answer takes; a test that comes near it has failed.
    const PATIENCE: Duration = Duration::from_secs(20);

    struct Admin {
        address: SocketAddr,
        cell: Arc<TopologyCell>,
        diagnosis: DiagnosisCell,
        _server: JoinSet<()>,
    }

    async fn start(limits: AdminLimits) -> Admin {
        let cell = Arc::new(TopologyCell::new());
        let metrics = ProxyMetrics::new("sessions", |_| None);
        let events = Arc::new(Events::new(crate::topology::events::CommandCounts::default));
        events.record(EventKind::MasterChanged, None, Some(Endpoint::new("127.0.0.1", 6379)), None);
        let diagnosis = events.diagnosis.clone();
        let (name, kind) = ("sessions".to_owned(), "sentinel");
        let proxy = ProxyStatus { name, kind, cell: Arc::clone(&cell), metrics, events };
        let state = AdminState::new(vec![proxy], "[admin]\n".to_owned());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(serve_within(listener, state, limits));
        Admin { address, cell, diagnosis, _server: server }
    }

    fn one_master() -> View {
        let (endpoint, rtt) = (Endpoint::new("127.0.0.1", 6379), Some(Duration::from_micros(140)));
        let node = Node { endpoint, role: Role::Master, state: NodeState::Up, run_id: None, rtt, lag: None };
        let slots = vec![(0, 16383)];
        View {
            shards: vec![Shard { slots, master: Some(0), nodes: vec![node], epoch: ConfigEpoch(0) }],
            asks_password: false,
        }
    }

    impl Admin {
        /// Sends raw bytes and reads until the server closes. An answer cut short by a reset is still an answer.
        async fn send(&self, bytes: &str) -> String {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(bytes.as_bytes()).await.unwrap();
            read_to_end(&mut stream).await
        }

        async fn ask(&self, method: &str, path: &str) -> String {
            self.send(&format!("{method} {path} HTTP/1.1\r\nHost: admin\r\n\r\n")).await
        }
    }

    async fn read_to_end(stream: &mut TcpStream) -> String {
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        read.expect("the server keeps the connection open").ok();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn every_path_answers_with_its_status_and_type() {
        let admin = start(LIMITS).await;
        let table = [
            ("GET", "/", "200 OK", "text/html; charset=utf-8", "<title>Tideover</title>"),
            (
                "GET",
                "/metrics",
                "200 OK",
                "text/plain; version=0.0.4",
                "tideover_clients{proxy=\"sessions\"} 0",
            ),
            ("GET", "/healthz", "200 OK", "text/plain; charset=utf-8", "ok"),
            (
                "GET",
                "/readyz",
                "503 Service Unavailable",
                "text/plain; charset=utf-8",
                "sessions: no topology yet",
            ),
            ("GET", "/topology?pretty", "200 OK", "application/json", "\"ready\":false"),
            ("GET", "/config", "200 OK", "text/plain; charset=utf-8", "[admin]"),
            ("GET", "/nothing", "404 Not Found", "text/plain; charset=utf-8", "no such page"),
            ("DELETE", "/metrics", "405 Method Not Allowed", "text/plain; charset=utf-8", "GET, HEAD"),
            ("GET", "/reload", "405 Method Not Allowed", "text/plain; charset=utf-8", "POST"),
            ("POST", "/reload", "501 Not Implemented", "text/plain; charset=utf-8", "not available yet"),
            (
                "POST",
                "/proxies/sessions/pause",
                "501 Not Implemented",
                "text/plain; charset=utf-8",
                "not available",
            ),
            (
                "POST",
                "/proxies/other/pause",
                "404 Not Found",
                "text/plain; charset=utf-8",
                "no proxy of this name",
            ),
        ];
        for (method, path, status, kind, body) in table {
            let answer = admin.ask(method, path).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{method} {path}: {answer}");
            assert!(answer.contains(&format!("content-type: {kind}\r\n")), "{method} {path}: {answer}");
            assert!(answer.contains(body), "{method} {path}: {answer}");
        }
    }

    #[tokio::test]
    async fn a_published_topology_makes_the_proxy_ready_and_is_shown() {
        let admin = start(LIMITS).await;
        admin.cell.publish(one_master());
        let unseen = admin.ask("GET", "/readyz").await;
        assert!(unseen.starts_with("HTTP/1.1 503 "), "no node has served yet: {unseen}");
        admin.diagnosis.store(Diagnosis::new(true, Vec::new()));
        assert!(admin.ask("GET", "/readyz").await.starts_with("HTTP/1.1 200 OK\r\n"));
        let answer = admin.ask("GET", "/topology").await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let expected = serde_json::json!({"proxies": [{
            "name": "sessions", "kind": "sentinel", "ready": true, "problems": [], "generation": 1, "clients": 0, "held_commands": 0,
            "shards": [{"slots": [[0, 16383]], "nodes": [{
                "endpoint": "127.0.0.1:6379", "role": "master", "state": "up", "rtt_us": 140, "lag_ms": 0}]}],
            "differences": [],
            "events": [{"at": null, "kind": "master-changed", "from": null,
                "to": "127.0.0.1:6379", "held": 0, "outage_ms": null}],
        }]});
        let mut shown = serde_json::from_str::<serde_json::Value>(body).unwrap();
        let at = shown["proxies"][0]["events"][0]["at"].take();
        assert!(at.as_str().is_some_and(|at| at.starts_with("20") && at.ends_with('Z')), "{at}");
        assert_eq!(shown, expected);
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_on_every_page() {
        let admin = start(LIMITS).await;
        let finding = |fault| vec![Finding { fault, about: Some(Endpoint::new("127.0.0.1", 6379)) }];
        admin.diagnosis.store(Diagnosis::new(false, finding(Fault::IsSentinel)));
        let said = "127.0.0.1:6379 is a sentinel: use redis-sentinel://, or name a data node";
        let readyz = admin.ask("GET", "/readyz").await;
        assert!(readyz.ends_with(&format!("sessions: no topology yet: {said}\n")), "{readyz}");
        let topology = admin.ask("GET", "/topology").await;
        assert!(topology.contains(&format!("\"problems\":[\"{said}\"]")), "{topology}");
        admin.cell.publish(one_master());
        admin.diagnosis.store(Diagnosis::new(true, finding(Fault::IsReplica(None))));
        let readyz = admin.ask("GET", "/readyz").await;
        let warning = "ready\nsessions: warning: 127.0.0.1:6379 is a replica: ";
        assert!(readyz.starts_with("HTTP/1.1 200 ") && readyz.contains(warning), "{readyz}");
    }

    #[tokio::test]
    async fn head_has_no_body() {
        let answer = start(LIMITS).await.ask("HEAD", "/healthz").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn hostile_requests_are_refused_without_reading_on() {
        let admin = start(LIMITS).await;
        let long = "x".repeat(MAX_HEADER_BYTES);
        let many = "a: b\r\n".repeat(MAX_HEADERS + 1);
        let table = [
            (format!("GET / HTTP/1.1\r\nlong: {long}\r\n\r\n"), "HTTP/1.1 431"),
            (format!("GET / HTTP/1.1\r\n{many}\r\n"), "HTTP/1.1 431"),
            ("*1\r\n$4\r\nPING\r\n".to_owned(), "HTTP/1.1 400"),
            ("POST /reload HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n".to_owned(), "HTTP/1.1 501"),
        ];
        for (bytes, status) in table {
            let answer = admin.send(&bytes).await;
            assert!(answer.starts_with(status), "{status} expected: {answer}");
        }
    }

    #[tokio::test]
    async fn a_client_that_sends_slowly_is_closed() {
        let short = Duration::from_millis(100);
        let half = "GET /healthz HTTP/1.1\r\n";
        let by_header = AdminLimits { header: short, connection: PATIENCE * 2 };
        let by_connection = AdminLimits { header: PATIENCE * 2, connection: short };
        for limits in [by_header, by_connection] {
            let answer = start(limits).await.send(half).await;
            assert!(!answer.contains("200"), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_health_check_gets_through_a_flood_of_silent_connections() {
        let admin = start(AdminLimits { header: PATIENCE * 2, connection: PATIENCE * 2 }).await;
        let mut silent = Vec::new();
        for _ in 0..2 * MAX_CONNECTIONS {
            silent.push(TcpStream::connect(admin.address).await.unwrap());
        }
        assert!(admin.ask("GET", "/healthz").await.starts_with("HTTP/1.1 200 OK\r\n"));
        // The oldest lost its place to it.
        assert_eq!(read_to_end(&mut silent[0]).await, "");
    }

    #[tokio::test]
    async fn the_health_check_of_images_tells_a_healthy_proxy_from_none() {
        let admin = start(LIMITS).await;
        let address = admin.address.to_string();
        let healthy = tokio::task::spawn_blocking(move || healthcheck(&address)).await.unwrap();
        assert!(healthy.is_ok(), "{healthy:?}");
        // A port that was free a moment ago.
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        let unhealthy = tokio::task::spawn_blocking(move || healthcheck(&closed)).await.unwrap();
        assert!(unhealthy.is_err());
    }
}
