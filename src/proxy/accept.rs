//! Accepting: one loop for each listener, which gives every socket to the worker with the fewest clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, TcpKeepalive, Type};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::mpsc;
use tracing::warn;

use crate::client::ClientEnds;
use crate::config::Listen;
use crate::metrics::worker::WorkerMetrics;
use crate::reasons::CloseReason;
use crate::worker::socket_budget::{SocketBudget, SocketPurpose};
use crate::worker::{Mail, NewSocket};

/// The number of connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// The time after which a client that vanished silently is noticed.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// The pause after a failed accept, which mostly means that the process has no file descriptor left.
const EXHAUSTED: Duration = Duration::from_millis(50);
/// The error in Redis' own words.
const FULL: &[u8] = b"-ERR max number of clients reached\r\n";

/// The ids that CLIENT ID returns; unique in the process.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A worker as the accept loops see it.
pub(super) struct WorkerHandle {
    pub(super) mail: mpsc::UnboundedSender<Mail>,
    /// The number of clients that the worker has.
    pub(super) load: Arc<AtomicUsize>,
    pub(super) thread: JoinHandle<()>,
}

/// All workers of the process.
pub(super) struct Workers {
    pub(super) handles: Vec<WorkerHandle>,
}

impl Workers {
    fn least_loaded(&self) -> Option<&WorkerHandle> {
        self.handles.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed))
    }

    pub(super) fn send_to_all(&self, mail: impl Fn() -> Mail) {
        for worker in &self.handles {
            // A worker that has ended needs no mail.
            let _ = worker.mail.send(mail());
        }
    }
}

/// What one accept loop needs to admit clients and to pass them to workers.
pub(super) struct Acceptor {
    /// The index of the proxy.
    pub(super) proxy: usize,
    pub(super) workers: Arc<Workers>,
    pub(super) clients: Arc<AtomicUsize>,
    /// The budget of sockets of the whole process.
    pub(super) sockets: Arc<SocketBudget>,
    pub(super) max_clients: usize,
    pub(super) metrics: Arc<WorkerMetrics>,
}

pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, std::path::PathBuf),
}

impl Drop for Listener {
    /// Removes the file of a unix socket, which would only hinder the next start.
    fn drop(&mut self) {
        if let Listener::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Listener {
    /// Binds the listener. A TCP listener lets a successor bind the same address, so that a restart refuses no connection.
    pub(super) async fn bind(listen: &Listen) -> Result<Listener> {
        match listen {
            Listen::Tcp(address) => {
                let resolved = tokio::net::lookup_host(address.as_str())
                    .await
                    .with_context(|| format!("listen {address}"))?
                    .next()
                    .with_context(|| format!("listen {address}: no such address"))?;
                bind_tcp(resolved).with_context(|| format!("listen {address}"))
            }
            Listen::Unix(path) => {
                remove_stale(path).await;
                let listener =
                    UnixListener::bind(path).with_context(|| format!("listen unix:{}", path.display()))?;
                Ok(Listener::Unix(listener, path.clone()))
            }
        }
    }

    /// Accepts for ever.
    pub(super) async fn serve(self, acceptor: Acceptor) {
        loop {
            let accepted = match &self {
                Listener::Tcp(listener) => listener.accept().await.map(|(stream, address)| {
                    prepare(&stream);
                    let ends = tcp_ends(&stream, address);
                    (Accepted::Tcp(stream), ends)
                }),
                Listener::Unix(listener, path) => {
                    listener.accept().await.map(|(stream, _)| (Accepted::Unix(stream), unix_ends(path)))
                }
            };
            match accepted {
                Ok((accepted, ends)) => acceptor.admit(accepted, ends).await,
                Err(error) => {
                    warn!(%error, "accept failed");
                    tokio::time::sleep(EXHAUSTED).await;
                }
            }
        }
    }
}

enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Acceptor {
    async fn admit(&self, accepted: Accepted, ends: ClientEnds) {
        let allowed = self.clients.load(Ordering::Relaxed) < self.max_clients;
        let Some(permit) = allowed.then(|| self.sockets.try_reserve(SocketPurpose::Client)).flatten() else {
            self.metrics.client_accepted();
            self.metrics.client_closed(CloseReason::Refused);
            return refuse(accepted).await;
        };
        let Some(worker) = self.workers.least_loaded() else { return };
        let Ok(detached) = DetachedSocket::of(accepted) else { return };
        self.clients.fetch_add(1, Ordering::Relaxed);
        worker.load.fetch_add(1, Ordering::Relaxed);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let _ = worker.mail.send(Mail::Client { proxy: self.proxy, socket: detached.0, id, ends, permit });
    }
}

/// A socket that is not registered with a runtime any more.
struct DetachedSocket(NewSocket);

impl DetachedSocket {
    fn of(accepted: Accepted) -> std::io::Result<DetachedSocket> {
        Ok(DetachedSocket(match accepted {
            Accepted::Tcp(stream) => NewSocket::Tcp(stream.into_std()?),
            Accepted::Unix(stream) => NewSocket::Unix(stream.into_std()?),
        }))
    }
}

async fn refuse(accepted: Accepted) {
    // Best effort: the client is turned away whether it receives the reason or not.
    let _ = match accepted {
        Accepted::Tcp(mut stream) => stream.write_all(FULL).await,
        Accepted::Unix(mut stream) => stream.write_all(FULL).await,
    };
}

fn tcp_ends(stream: &TcpStream, address: std::net::SocketAddr) -> ClientEnds {
    let laddr = stream.local_addr().map(|own| own.to_string()).unwrap_or_default();
    ClientEnds { addr: address.to_string(), laddr, is_unix: false }
}

/// Both ends are called by the path, as servers call them.
fn unix_ends(path: &std::path::Path) -> ClientEnds {
    let name = format!("{}:0", path.display());
    ClientEnds { addr: name.clone(), laddr: name, is_unix: true }
}

fn prepare(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 4);
    // A socket without these options still works.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

fn bind_tcp(address: std::net::SocketAddr) -> Result<Listener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(Listener::Tcp(TcpListener::from_std(socket.into())?))
}

/// Removes a socket file that nobody answers on: it was left by a process that was killed.
async fn remove_stale(path: &std::path::Path) {
    let refused = UnixStream::connect(path).await;
    if refused.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused) {
        let _ = std::fs::remove_file(path);
    }
}
