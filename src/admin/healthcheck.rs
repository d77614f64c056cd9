//! Asks a running proxy for its `/healthz`, for images that have neither a shell nor curl.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(2);

/// The reason why a proxy does not count as healthy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HealthError {
    #[error("{0}: no such address")]
    Address(String),
    #[error("{admin}: {source}")]
    Io { admin: String, source: io::Error },
    #[error("{admin}: answered {status:?}")]
    Status { admin: String, status: String },
}

/// Asks the admin listener at `host:port`. It blocks, as its process does nothing else.
pub(crate) fn healthcheck(admin: &str) -> Result<(), HealthError> {
    let status = status_line(admin)?;
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(HealthError::Status { admin: admin.to_owned(), status })
}

fn status_line(admin: &str) -> Result<String, HealthError> {
    let failed = |source| HealthError::Io { admin: admin.to_owned(), source };
    let address = admin.to_socket_addrs().map_err(failed)?.next();
    let address = address.ok_or_else(|| HealthError::Address(admin.to_owned()))?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(failed)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(failed)?;
    stream.set_write_timeout(Some(TIMEOUT)).map_err(failed)?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).map_err(failed)?;
    let answer = String::from_utf8_lossy(answer.get(..read).unwrap_or_default());
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
