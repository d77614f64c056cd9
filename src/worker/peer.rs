//! One socket of a worker, a client's or a node's.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy, sink};
use tokio::net::{TcpStream, UnixStream};

use crate::ids::{ClientId, LaneId};

use super::Fresh;
use super::room::Reserved;

/// How long a client may take to hear the end, and to end in turn.
const LEAVING: Duration = Duration::from_millis(400);

pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Registers with the runtime of this thread.
    pub(super) fn adopt(fresh: Fresh) -> io::Result<Socket> {
        Ok(match fresh {
            Fresh::Tcp(stream) => Socket::Tcp(TcpStream::from_std(stream)?),
            Fresh::Unix(stream) => Socket::Unix(UnixStream::from_std(stream)?),
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

/// Whom a socket belongs to; `seat` is the proxy's place in the worker.
#[derive(Clone, Copy, Debug)]
pub(super) enum SocketOwner {
    Client { seat: usize, id: ClientId },
    Node { seat: usize, lane: LaneId, connection: u32 },
}

pub(super) struct Peer {
    socket: Socket,
    waker: Waker,
    pub(super) owner: SocketOwner,
    /// A failed write takes the socket's error with it: a reset is then read as if it were an end.
    failed: bool,
    _place: Reserved,
}

/// What one attempt to read gave.
pub(super) enum Read {
    /// Bytes at the start of the buffer.
    Some(usize),
    /// The peer will send no more.
    End,
    /// Nothing now; the socket's waker will tell.
    Later,
    Broken,
}

impl Peer {
    pub(super) fn new(socket: Socket, waker: Waker, owner: SocketOwner, place: Reserved) -> Self {
        Peer { socket, waker, owner, failed: false, _place: place }
    }

    /// A short read has already told that the socket is empty: the next call costs no system call.
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

    /// `None`: the socket takes nothing now, its waker will tell.
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

    /// Ends the connection behind the last reply. What the client is still saying is read and dropped: closing a socket
    /// with unread bytes resets the connection, and the client may lose what it was told.
    pub(super) async fn leave(mut self) {
        let hearing = async {
            match &mut self.socket {
                Socket::Tcp(stream) => drain(stream).await,
                Socket::Unix(stream) => drain(stream).await,
            }
        };
        // Whoever goes on talking, or has gone already, is not waited for.
        let _ = tokio::time::timeout(LEAVING, hearing).await;
    }
}

async fn drain<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<u64> {
    stream.shutdown().await?;
    copy(stream, &mut sink()).await
}
