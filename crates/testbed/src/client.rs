//! A plain RESP2 client: it sends what it is told and hands back what it reads. It never retries and never reconnects.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::{ClientError, Error};

/// One reply, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Simple(String),
    /// `-ERR …`
    Error(String),
    /// `:1`
    Integer(i64),
    /// `$3`
    Bulk(Vec<u8>),
    /// The nil bulk string or the nil array.
    Nil,
    /// `*2`
    Array(Vec<Reply>),
}

impl Reply {
    /// A simple string or a bulk string as text.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Simple(text) => Some(text.clone()),
            Self::Bulk(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Self::Error(_) | Self::Integer(_) | Self::Nil | Self::Array(_) => None,
        }
    }

    /// The elements of an array; of anything else none.
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::Array(elements) => elements,
            Self::Simple(_) | Self::Error(_) | Self::Integer(_) | Self::Bulk(_) | Self::Nil => &[],
        }
    }

    /// The first word of an error reply: `READONLY`.
    pub fn error_class(&self) -> Option<&str> {
        match self {
            Self::Error(text) => Some(text.split(' ').next().unwrap_or_default()),
            Self::Simple(_) | Self::Integer(_) | Self::Bulk(_) | Self::Nil | Self::Array(_) => None,
        }
    }

    /// The value that follows `name` in a flat list of names and values, as `SENTINEL MASTER` answers.
    pub fn field(&self, name: &str) -> Option<String> {
        let pair =
            self.elements().chunks(2).find(|pair| pair.first().and_then(Self::text).as_deref() == Some(name));
        pair.and_then(|pair| pair.get(1)).and_then(Self::text)
    }
}

impl From<OwnedFrame> for Reply {
    fn from(frame: OwnedFrame) -> Self {
        match frame {
            OwnedFrame::SimpleString(bytes) => Self::Simple(String::from_utf8_lossy(&bytes).into_owned()),
            OwnedFrame::Error(text) => Self::Error(text),
            OwnedFrame::Integer(number) => Self::Integer(number),
            OwnedFrame::BulkString(bytes) => Self::Bulk(bytes),
            OwnedFrame::Array(frames) => Self::Array(frames.into_iter().map(Self::from).collect()),
            OwnedFrame::Null => Self::Nil,
        }
    }
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    input: BytesMut,
    /// The longest wait for the connection, and for each reply.
    limit: Duration,
}

impl Client {
    /// Opens a connection; `limit` bounds this and every later wait.
    pub async fn connect(address: SocketAddr, limit: Duration) -> Result<Self, ClientError> {
        let opening = tokio::time::timeout(limit, TcpStream::connect(address));
        let stream = opening.await.map_err(|_| ClientError::Timeout)??;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream, limit))
    }

    /// The same on a connection that is open. What a scripted server reads is encoded as replies are.
    pub fn over(stream: TcpStream, limit: Duration) -> Self {
        Self { stream, input: BytesMut::new(), limit }
    }

    /// Sends one command without waiting for its reply.
    pub async fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<(), ClientError> {
        self.write(&encode(args)).await
    }

    /// Sends bytes as they are: several encoded commands in one piece, or something malformed.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// The next reply.
    pub async fn reply(&mut self) -> Result<Reply, ClientError> {
        match tokio::time::timeout(self.limit, self.read()).await {
            Ok(reply) => reply,
            Err(_) => Err(ClientError::Timeout),
        }
    }

    /// Sends one command and reads its reply. An error reply is a reply.
    pub async fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Reply, ClientError> {
        self.send(args).await?;
        self.reply().await
    }

    /// Like `call`, for commands that must not fail: an error reply is an error.
    pub async fn must<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Reply, Error> {
        match self.call(args).await? {
            Reply::Error(reply) => {
                let what = args.first().map(|name| String::from_utf8_lossy(name.as_ref()).into_owned());
                Err(Error::Reply { what: what.unwrap_or_default(), reply })
            }
            reply => Ok(reply),
        }
    }

    async fn read(&mut self) -> Result<Reply, ClientError> {
        loop {
            let decoded = decode(&self.input).map_err(|error| ClientError::Protocol(error.to_string()))?;
            if let Some((frame, used)) = decoded {
                self.input.advance(used);
                return Ok(frame.into());
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(ClientError::Closed);
            }
        }
    }
}

/// A command as clients send it: an array of bulk strings.
pub fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        assert_eq!(encode(&["GET", "k"]), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
        assert_eq!(encode(&[""]), b"*1\r\n$0\r\n\r\n");
    }

    #[test]
    fn the_class_of_an_error_is_its_first_word() {
        assert_eq!(Reply::Error("READONLY You can't".into()).error_class(), Some("READONLY"));
        assert_eq!(Reply::Error("EXECABORT".into()).error_class(), Some("EXECABORT"));
        assert_eq!(Reply::Simple("OK".into()).error_class(), None);
    }

    #[test]
    fn a_field_is_the_value_after_its_name() {
        let bulk = |text: &str| Reply::Bulk(text.into());
        let reply = Reply::Array(vec![bulk("name"), bulk("flags"), bulk("flags"), bulk("master")]);
        assert_eq!(reply.field("flags").as_deref(), Some("master"));
        assert_eq!(reply.field("port"), None);
    }
}
