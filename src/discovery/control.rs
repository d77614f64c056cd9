//! One control connection to a node or a sentinel: connects, authenticates, asks questions, receives published messages.
//!
//! Every wait for an answer has a limit, so that no caller hangs because of a frozen peer.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::{Answer, Failure};
use crate::config::Credentials;
use crate::resp::value::{self, Value};
use crate::topology::Endpoint;
use crate::topology::health::{CountedConnection, PeerConnections};

const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
/// The time that a name may take to resolve; after it the name counts as one that does not.
const RESOLVE_TIMEOUT: Duration = Duration::from_millis(300);
/// The size of one read in bytes; most replies fit.
const READ: usize = 4096;
const REPLY_TIMEOUT: Duration = Duration::from_millis(500);

/// An open control connection.
pub(crate) struct Control {
    stream: TcpStream,
    input: BytesMut,
    _counted: CountedConnection,
}

impl Control {
    /// Connects and authenticates. Names are resolved here, at every connect.
    pub(crate) async fn open(
        endpoint: &Endpoint,
        credentials: Option<&Credentials>,
        connections: &PeerConnections,
    ) -> Result<Self, Failure> {
        let addresses = resolve(endpoint).await?;
        let stream = match timeout(CONNECT_TIMEOUT, TcpStream::connect(addresses.as_slice())).await {
            Ok(connected) => connected.map_err(|error| failure(&error))?,
            Err(_) => return Err(Failure::TimedOut),
        };
        stream.set_nodelay(true).map_err(|error| failure(&error))?;
        let _counted = connections.count(endpoint);
        let mut control = Control { stream, input: BytesMut::new(), _counted };
        if let Some(credentials) = credentials {
            control.authenticate(credentials).await?;
        }
        Ok(control)
    }

    /// Sends all commands in one write and reads one reply for each.
    pub(crate) async fn ask(&mut self, commands: &[Vec<impl AsRef<[u8]>>]) -> Result<Answer, Failure> {
        let started = Instant::now();
        let mut values = Vec::with_capacity(commands.len());
        let mut rtt = None;
        self.send(commands).await?;
        for _ in commands {
            values.push(self.reply().await?);
            rtt.get_or_insert_with(|| started.elapsed());
        }
        Ok(Answer { values, rtt: rtt.unwrap_or_default() })
    }

    pub(crate) async fn send(&mut self, commands: &[Vec<impl AsRef<[u8]>>]) -> Result<(), Failure> {
        let mut out = Vec::new();
        for command in commands {
            value::encode(command, &mut out);
        }
        self.write(&out).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match timeout(REPLY_TIMEOUT, self.stream.write_all(bytes)).await {
            Ok(written) => written.map_err(|error| failure(&error)),
            Err(_) => Err(Failure::TimedOut),
        }
    }

    /// Sends a command of a client as it came, and returns the reply.
    pub(crate) async fn pass_on(&mut self, command: &[u8]) -> Result<Value, Failure> {
        self.write(command).await?;
        self.reply().await
    }

    /// Waits for the next value without a limit. Cancel safe: what was read stays in the buffer.
    pub(crate) async fn next(&mut self) -> Result<Value, Failure> {
        loop {
            if let Some((value, taken)) = value::decode(&self.input).map_err(|_| Failure::Malformed)? {
                self.input.advance(taken);
                return Ok(value);
            }
            self.input.reserve(READ);
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) => return Err(Failure::Closed),
                Ok(_) => {}
                Err(error) => return Err(failure(&error)),
            }
        }
    }

    async fn reply(&mut self) -> Result<Value, Failure> {
        timeout(REPLY_TIMEOUT, self.next()).await.unwrap_or(Err(Failure::TimedOut))
    }

    async fn authenticate(&mut self, credentials: &Credentials) -> Result<(), Failure> {
        let mut auth = vec!["AUTH".to_owned()];
        auth.extend(credentials.username.clone());
        auth.push(credentials.password.clone());
        self.send(&[auth]).await?;
        let reply = self.reply().await?;
        match reply.error_code() {
            None => Ok(()),
            Some(code) => Err(Failure::Denied(code.to_owned())),
        }
    }
}

async fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, Failure> {
    let found = timeout(RESOLVE_TIMEOUT, lookup_host((&*endpoint.host, endpoint.port))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(found) => found.map_err(|_| Failure::Unresolved)?.collect(),
        Err(_) => return Err(Failure::Unresolved),
    };
    if addresses.is_empty() { Err(Failure::Unresolved) } else { Ok(addresses) }
}

fn failure(error: &std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::ConnectionRefused => Failure::Refused,
        ErrorKind::TimedOut => Failure::TimedOut,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => Failure::Closed,
        _ => Failure::Unreachable,
    }
}
