//! The effects that a core asks for, carried out by the worker.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tracing::debug;

use crate::core::Effect;
use crate::ids::LaneId;
use crate::topology::Endpoint;

use super::socket_budget::{SocketPermit, SocketPurpose};
use super::{Mail, Worker, take_token};

/// A node that does not take a connection within this time counts as refusing it.
const CONNECT: Duration = Duration::from_secs(1);
/// A host that is silent for this time is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// A connection ends if bytes stay unacknowledged by the node's kernel for this time. A network fault that heals at
/// all mostly heals sooner.
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);

impl Worker {
    pub(super) fn carry_out(&mut self, proxy: usize) {
        let Some(asked) = self.proxies.get_mut(proxy).filter(|proxy| proxy.core.has_effects()) else {
            return;
        };
        let mut effects = std::mem::take(&mut self.effects);
        asked.core.take_effects(&mut effects);
        for effect in effects.drain(..) {
            self.carry_out_one(proxy, effect);
        }
        self.effects = effects;
    }

    fn carry_out_one(&mut self, proxy_index: usize, effect: Effect) {
        let Some(proxy) = self.proxies.get_mut(proxy_index) else { return };
        match effect {
            Effect::Connect { lane, connection, endpoint, own } => {
                let purpose = if own { SocketPurpose::Own } else { SocketPurpose::Shared };
                match self.sockets.try_reserve(purpose) {
                    Some(permit) => self.connect(proxy_index, lane, connection, endpoint, permit),
                    None => proxy.core.link_deferred(lane, connection),
                }
            }
            Effect::Disconnect { lane } => {
                if let Some(token) = take_token(&mut proxy.lane_sockets, lane.slot) {
                    self.peers.try_remove(token as usize);
                }
            }
            Effect::CloseClient { client, reason } => {
                debug!(reason = reason.name(), "client closed");
                if let Some(token) = proxy.client_sockets.get(client.slot as usize).copied().flatten() {
                    let peer = self.forget_client(token, proxy_index, client);
                    if let Some(peer) = peer.filter(|_| reason.is_orderly()) {
                        self.closing_clients.spawn(peer.close_gracefully());
                    }
                }
            }
            Effect::ReadClient { client } => {
                if let Some(token) = proxy.client_sockets.get(client.slot as usize).copied().flatten() {
                    self.again.push(token);
                }
            }
            // A full channel means that discovery has enough hints already.
            Effect::ShowElsewhere { lines } => self.show_elsewhere(proxy_index, &lines),
            Effect::TellElsewhere { target, keys } => {
                self.tell_elsewhere(proxy_index, target, keys.as_ref());
            }
            Effect::TargetGone { target } => self.target_gone(proxy_index, target),
            Effect::Inquire { number, inquiry } => self.inquire(proxy_index, number, &inquiry),
            Effect::Relay { number, relay } => self.relay(proxy_index, number, relay),
            Effect::SendOnce { endpoint, bytes } => drop(tokio::spawn(send_once(endpoint, bytes))),
            Effect::Hint(hint) => drop(proxy.hints.try_send(hint)),
        }
    }

    fn connect(&self, proxy: usize, lane: LaneId, connection: u32, endpoint: Endpoint, permit: SocketPermit) {
        let mail = self.own_mail.clone();
        tokio::spawn(async move {
            let socket = connect(&endpoint).await;
            // Without a receiver the worker has ended, and the socket closes here.
            let _ = mail.send(Mail::Connected { proxy, lane, connection, socket, permit });
        });
    }
}

/// Sends bytes to a node over a connection of their own, as a best effort: their sender waits for the effect, with a limit.
async fn send_once(endpoint: Endpoint, bytes: Vec<u8>) {
    let sending = async {
        let mut stream = connect(&endpoint).await?;
        stream.write_all(&bytes).await?;
        stream.shutdown().await?;
        // The node closes the connection once it has taken everything. Its replies are ignored.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) | Err(error) = tokio::time::timeout(CONNECT, sending).await.map_err(io::Error::from)
    {
        debug!(node = %endpoint, %error, "a request on a connection of its own did not reach the node");
    }
}

async fn connect(endpoint: &Endpoint) -> io::Result<TcpStream> {
    let attempt = TcpStream::connect((&*endpoint.host, endpoint.port));
    let stream = tokio::time::timeout(CONNECT, attempt).await.map_err(|_| io::ErrorKind::TimedOut)??;
    stream.set_nodelay(true)?;
    end_with_its_host(&stream)?;
    Ok(stream)
}

/// Makes the kernel end the connection when the node's host has vanished. Where no other node can take over, this
/// alone ends the wait for a reply.
fn end_with_its_host(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3))?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))
}
