//! A node that plays bytes, for answers that a real server gives too seldom, or never.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;

use super::LIMIT;
use super::conn::Conn;

/// A listener; each connection for commands is handed to the test once the proxy has been greeted on it.
pub struct FakeNode {
    address: SocketAddr,
    connections: mpsc::Receiver<Conn>,
}

impl FakeNode {
    /// Starts to listen on a free port of loopback.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, connections) = mpsc::channel();
        // Both threads end with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || greet(Conn::accepted(stream), &sender));
            }
        });
        Self { address, connections }
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the next connection that is to carry commands.
    pub fn next(&self) -> Conn {
        self.connections.recv_timeout(LIMIT).expect("no connection for commands")
    }
}

/// Returns the next command as words.
pub fn command(conn: &mut Conn) -> std::io::Result<String> {
    let frame = conn.try_frame()?;
    let text = String::from_utf8_lossy(&frame).into_owned();
    let words: Vec<&str> =
        text.split("\r\n").filter(|line| !line.starts_with(['*', '$']) && !line.is_empty()).collect();
    Ok(words.join(" "))
}

/// Answers the first commands of the proxy on a connection; those of discovery go on for ever.
fn greet(mut conn: Conn, sender: &mpsc::Sender<Conn>) {
    while let Ok(said) = command(&mut conn) {
        let answer: &[u8] = match said.as_str() {
            "CLIENT ID" => b":7\r\n",
            "PING" => b"+PONG\r\n",
            _ => b"+OK\r\n",
        };
        if conn.try_write(answer).is_err() {
            return;
        }
        if said == "CLIENT ID" {
            // Nobody takes it if the test has ended.
            let _ = sender.send(conn);
            return;
        }
    }
}
