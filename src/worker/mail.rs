//! The messages that acceptors, connecting tasks and other workers send to a worker.

use std::sync::Arc;

use crate::client::ClientEnds;
use crate::client::inquiry::InquiryAnswer;
use crate::client::inquiry::SentInquiry;
use crate::ids::LaneId;

use super::counted_bytes::CountedBytes;
use super::inquiries::AwaitedAnswer;
use super::socket_budget::SocketPermit;

/// A client's socket that is not registered with a runtime yet.
pub(crate) enum NewSocket {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

/// The messages that others send to a worker. `proxy` is the index of the proxy that the message is about.
pub(crate) enum Mail {
    Client {
        proxy: usize,
        socket: NewSocket,
        id: u64,
        ends: ClientEnds,
        permit: SocketPermit,
    },
    Connected {
        proxy: usize,
        lane: LaneId,
        connection: u32,
        socket: std::io::Result<tokio::net::TcpStream>,
        permit: SocketPermit,
    },
    /// The cell of this proxy has a newer topology.
    Topology {
        proxy: usize,
    },
    /// Answer an inquiry of another worker's client.
    Inquiry {
        proxy: usize,
        inquiry: Arc<SentInquiry>,
        answer_to: AwaitedAnswer,
    },
    /// An answer to the inquiry with this number of an own client; see [`Core::inquiry_answered`](crate::core::Core::inquiry_answered).
    InquiryAnswer {
        proxy: usize,
        number: u32,
        answer: Option<InquiryAnswer>,
    },
    /// The replicas have the command of this relay, or had their time; see [`Core::relayed`](crate::core::Core::relayed).
    Relayed {
        proxy: usize,
        number: u32,
    },
    /// Lines of MONITOR of another worker; see [`Core::show_lines`](crate::core::Core::show_lines).
    Lines {
        proxy: usize,
        lines: Option<CountedBytes>,
    },
    /// What a client of this worker is to drop from its cache; see [`Core::tell_target`](crate::core::Core::tell_target).
    Invalidation {
        proxy: usize,
        target: u64,
        /// `None`: everything.
        keys: Option<CountedBytes>,
    },
    /// A client of another worker has gone; see [`Core::target_gone`](crate::core::Core::target_gone).
    TargetGone {
        proxy: usize,
        target: u64,
    },
    /// Finish the requests in flight, then end.
    Drain,
    /// Answer the remaining requests, and end now.
    Stop,
}
