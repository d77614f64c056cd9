//! A blocking client that knows where a reply ends, in both versions of the protocol, but not what it means.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::LIMIT;

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One connection.
pub struct Conn {
    socket: Socket,
    input: Vec<u8>,
    at: usize,
}

impl Conn {
    /// Connects over TCP.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::new(Socket::Tcp(stream))
    }

    /// Connects over a unix socket.
    pub fn open_unix(path: &std::path::Path) -> Self {
        Self::new(Socket::Unix(UnixStream::connect(path).unwrap()))
    }

    /// Wraps a connection that a listener accepted.
    pub fn accepted(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self::new(Socket::Tcp(stream))
    }

    fn new(socket: Socket) -> Self {
        let conn = Self { socket, input: Vec::new(), at: 0 };
        conn.patience(LIMIT);
        conn
    }

    /// Sets the longest time of a read.
    pub fn patience(&self, limit: Duration) {
        match &self.socket {
            Socket::Tcp(stream) => stream.set_read_timeout(Some(limit)),
            Socket::Unix(stream) => stream.set_read_timeout(Some(limit)),
        }
        .unwrap();
    }

    /// Returns a second handle of the same socket, to write from another thread.
    pub fn writer(&self) -> TcpStream {
        self.tcp().try_clone().unwrap()
    }

    fn tcp(&self) -> &TcpStream {
        match &self.socket {
            Socket::Tcp(stream) => stream,
            Socket::Unix(_) => panic!("not TCP"),
        }
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).unwrap();
    }

    /// Writes bytes as they are; the other side may have closed.
    pub fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.socket {
            Socket::Tcp(stream) => stream.write_all(bytes),
            Socket::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Sends a command given as words.
    pub fn send(&mut self, line: &str) {
        self.write(&words(line));
    }

    /// Sends a command given as words, and returns its reply.
    pub fn call(&mut self, line: &str) -> String {
        self.send(line);
        self.reply()
    }

    /// Sends a command given as arguments, and returns its reply.
    pub fn call_args<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Vec<u8> {
        self.write(&tideover_testbed::client::encode(args));
        self.frame()
    }

    /// Returns the next reply as text.
    pub fn reply(&mut self) -> String {
        String::from_utf8_lossy(&self.frame()).into_owned()
    }

    /// Returns the next reply as it came.
    pub fn frame(&mut self) -> Vec<u8> {
        self.try_frame().unwrap_or_else(|error| {
            panic!(
                "{error}; so far: {:?}",
                String::from_utf8_lossy(self.input.get(self.at..).unwrap_or_default())
            )
        })
    }

    /// Returns the next reply, or the reason why there is none. `UnexpectedEof` means that the other side closed.
    pub fn try_frame(&mut self) -> std::io::Result<Vec<u8>> {
        loop {
            if let Some(end) = frame_end(&self.input, self.at) {
                let frame = self.input[self.at..end].to_vec();
                self.at = end;
                return Ok(frame);
            }
            self.input.drain(..std::mem::take(&mut self.at));
            if self.read_some()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Returns the next bytes, whatever they are.
    pub fn some(&mut self) -> Vec<u8> {
        if self.at == self.input.len() {
            assert!(self.read_some().unwrap() > 0, "the other side has closed");
        }
        std::mem::take(&mut self.input).split_off(std::mem::take(&mut self.at))
    }

    /// Returns what has come, whatever it is; nothing if the other side has closed.
    pub fn try_piece(&mut self) -> std::io::Result<Vec<u8>> {
        self.input.drain(..std::mem::take(&mut self.at));
        if self.input.is_empty() {
            self.read_some()?;
        }
        Ok(std::mem::take(&mut self.input))
    }

    fn read_some(&mut self) -> std::io::Result<usize> {
        let mut buf = vec![0; 64 << 10];
        let len = match &mut self.socket {
            Socket::Tcp(stream) => stream.read(&mut buf),
            Socket::Unix(stream) => stream.read(&mut buf),
        }?;
        self.input.extend_from_slice(&buf[..len]);
        Ok(len)
    }

    /// Reads everything until the other side closes.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.read_some().is_ok_and(|len| len > 0) {}
        self.input.split_off(std::mem::take(&mut self.at))
    }

    /// Checks that the other side closes without a further byte.
    pub fn expect_close(&mut self) {
        match self.try_frame() {
            Ok(frame) => panic!("a reply instead of the end: {:?}", String::from_utf8_lossy(&frame)),
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset),
                "{error}"
            ),
        }
    }

    /// Closes the sending side.
    pub fn end_writing(&self) {
        self.tcp().shutdown(Shutdown::Write).unwrap();
    }

    /// Closes with a reset: bytes in flight are lost.
    pub fn reset(self) {
        let Socket::Tcp(stream) = self.socket else { return };
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// Encodes a command of words.
pub fn words(line: &str) -> Vec<u8> {
    tideover_testbed::client::encode(&line.split(' ').collect::<Vec<_>>())
}

/// Encodes several commands as one piece.
pub fn pipeline<S: AsRef<str>>(lines: &[S]) -> Vec<u8> {
    lines.iter().flat_map(|line| words(line.as_ref())).collect()
}

/// Encodes a text as a bulk string.
pub fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// Returns the end of the frame that starts at `at`, if the frame is complete.
pub fn frame_end(buf: &[u8], at: usize) -> Option<usize> {
    let line = buf.get(at..)?.windows(2).position(|pair| pair == b"\r\n")? + at;
    let (kind, next) = (buf[at], line + 2);
    let number = || std::str::from_utf8(&buf[at + 1..line]).unwrap().parse::<i64>().unwrap();
    let elements = |count: i64| (0..count).try_fold(next, |at, _| frame_end(buf, at));
    match kind {
        b'$' | b'=' | b'!' if number() >= 0 => {
            let end = next + usize::try_from(number()).unwrap() + 2;
            (end <= buf.len()).then_some(end)
        }
        b'*' | b'~' | b'>' if number() >= 0 => elements(number()),
        b'%' => elements(number() * 2),
        b'|' => elements(number() * 2 + 1),
        _ => Some(next),
    }
}
