//! What can go wrong around a deployment: a program that is missing, one that does not come up, a client that fails.

use std::path::PathBuf;
use std::time::Duration;

/// Why a deployment, or a question to it, failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine lacks the program.
    #[error("{program} is not installed; on Debian: apt-get install {package}")]
    Missing {
        /// What was to be started.
        program: String,
        /// The Debian package that holds it.
        package: String,
    },
    /// The operating system refused to start the program.
    #[error("{program} cannot be started: {source}")]
    Spawn {
        /// What was to be started.
        program: String,
        /// The refusal.
        source: std::io::Error,
    },
    /// A file of the deployment cannot be written.
    #[error("{path} cannot be written: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The refusal.
        source: std::io::Error,
    },
    /// No port is left on loopback.
    #[error("no free port on 127.0.0.1")]
    NoPort,
    /// The process ended although it was to run on.
    #[error("{name} ended on its own; the end of its log:\n{log}")]
    Ended {
        /// What ended.
        name: String,
        /// The last lines that it wrote.
        log: String,
    },
    /// Something awaited did not come about in time.
    #[error("{what} did not come about within {limit:?}: {last}")]
    Deadline {
        /// What was awaited.
        what: String,
        /// For how long.
        limit: Duration,
        /// How things stood at the end.
        last: String,
    },
    /// A client's connection failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A server answered something else than it should.
    #[error("{what}: unexpected reply: {reply}")]
    Reply {
        /// The question.
        what: String,
        /// The answer.
        reply: String,
    },
}

/// Why a plain client got no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection could not be opened, or broke.
    #[error("connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The other side closed the connection.
    #[error("connection closed")]
    Closed,
    /// No answer within the client's own limit.
    #[error("no reply in time")]
    Timeout,
    /// The bytes were no RESP2 reply.
    #[error("not a RESP2 reply: {0}")]
    Protocol(String),
}

impl ClientError {
    /// The word under which the demo counts it beside the codes of error replies.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => "refused",
            Self::Io(_) | Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Protocol(_) => "protocol",
        }
    }
}
