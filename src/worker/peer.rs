//! One socket of a worker, to a client or to a node.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy, sink};
use tokio::net::{TcpStream, UnixStream};

use crate::ids::{ClientId, LaneId};

use super::NewSocket;
use super::socket_budget::SocketPermit;

/// The time that a client may take to receive the end of the connection and to end it in turn.
const CLOSING_TIME: Duration = Duration::from_millis(400);

pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Registers the socket with the runtime of this thread.
    pub(super) fn adopt(fresh: NewSocket) -> io::Result<Socket> {
        Ok(match fresh {
            NewSocket::Tcp(stream) => Socket::Tcp(TcpStream::from_std(stream)?),
            NewSocket::Unix(stream) => Socket::Unix(UnixStream::from_std(stream)?),
        })
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Socket::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Socket::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }
}

/// The owner of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) enum SocketOwner {
    Client { proxy: usize, id: ClientId },
    Node { proxy: usize, lane: LaneId, connection: u32 },
}

pub(super) struct Peer {
    socket: Socket,
    waker: Waker,
    pub(super) owner: SocketOwner,
    /// A write has failed. It has taken the socket's error with it, so a reset would be read as if it were an end.
    failed: bool,
    _permit: SocketPermit,
}

/// The result of one attempt to read.
pub(super) enum Read {
    /// So many bytes, at the start of the buffer.
    Some(usize),
    /// The peer will send no more.
    End,
    /// Nothing for now; the socket's waker will be called.
    Later,
    Broken,
}

impl Peer {
    pub(super) fn new(socket: Socket, waker: Waker, owner: SocketOwner, permit: SocketPermit) -> Self {
        Peer { socket, waker, owner, failed: false, _permit: permit }
    }

    /// Reads once. A short read has told the runtime that the socket is empty, so the next call costs no system call.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> Read {
        let mut cx = Context::from_waker(&self.waker);
        let mut buf = ReadBuf::new(scratch);
        match self.socket.poll_read(&mut cx, &mut buf) {
            Poll::Pending => Read::Later,
            Poll::Ready(Err(_)) => Read::Broken,
            Poll::Ready(Ok(())) if buf.filled().is_empty() && self.failed => Read::Broken,
            Poll::Ready(Ok(())) if buf.filled().is_empty() => Read::End,
            Poll::Ready(Ok(())) => Read::Some(buf.filled().len()),
        }
    }

    /// Writes once. Returns `None` if the socket takes nothing for now; its waker will be called.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Option<io::Result<usize>> {
        let mut cx = Context::from_waker(&self.waker);
        match self.socket.poll_write(&mut cx, bytes) {
            Poll::Pending => None,
            Poll::Ready(result) => {
                self.failed |= result.is_err();
                Some(result)
            }
        }
    }

    /// Closes the connection behind the last reply. Further input of the client is read and dropped: closing a socket
    /// with unread bytes resets the connection, and the client may lose its last replies.
    pub(super) async fn close_gracefully(mut self) {
        let closing = async {
            match &mut self.socket {
                Socket::Tcp(stream) => drain(stream).await,
                Socket::Unix(stream) => drain(stream).await,
            }
        };
        // A client that goes on sending, or has gone already, is not waited for.
        let _ = tokio::time::timeout(CLOSING_TIME, closing).await;
    }
}

async fn drain<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<u64> {
    stream.shutdown().await?;
    copy(stream, &mut sink()).await
}
