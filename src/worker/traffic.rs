//! Reading the sockets that are ready, and writing what has come together.

use std::time::{Duration, Instant};

use crate::failover::Loss;
use crate::ids::{ClientId, LaneId};

use super::Worker;
use super::peer::{Read, SocketOwner};

/// The number of reads of one socket in one turn.
const READS: usize = 4;
/// The time for which sockets are read before the worker writes. Many clients that send much at once would otherwise
/// starve the nodes, which would then seem to be silent.
const READING: Duration = Duration::from_millis(20);

impl Worker {
    pub(super) fn read_ready(&mut self) {
        let mut ready = std::mem::take(&mut self.ready);
        // Messages come before the answers to what is asked after them. Then follow the sockets that the last turn had no time
        // for; those that have more to read come last.
        let mut turns = std::mem::take(&mut self.turns);
        super::ready::take(&mut turns, &mut ready);
        turns.append(&mut self.unserved);
        turns.append(&mut ready);
        turns.append(&mut self.again);
        self.ready = ready;
        let began = Instant::now();
        let mut served = 0;
        for token in &turns {
            self.serve(*token);
            served += 1;
            if began.elapsed() > READING {
                break;
            }
        }
        turns.drain(..served);
        self.unserved.append(&mut turns);
        self.turns = turns;
    }

    fn serve(&mut self, token: u32) {
        match self.peers.get(token as usize).map(|peer| peer.owner) {
            Some(SocketOwner::Client { proxy, id }) => self.read_client(token, proxy, id),
            Some(SocketOwner::Node { proxy, lane, connection }) => {
                self.read_node(token, proxy, lane, connection)
            }
            None => {}
        }
    }

    fn read_client(&mut self, token: u32, proxy_index: usize, id: ClientId) {
        for _ in 0..READS {
            let (Some(proxy), Some(peer)) =
                (self.proxies.get_mut(proxy_index), self.peers.get_mut(token as usize))
            else {
                return;
            };
            if !proxy.core.wants_input(id) {
                return self.flush_client(proxy_index, id);
            }
            match peer.read(&mut self.scratch) {
                Read::Some(len) => proxy.core.client_input(id, self.scratch.get(..len).unwrap_or_default()),
                Read::Later => return self.flush_client(proxy_index, id),
                Read::End => return proxy.core.client_eof(id),
                Read::Broken => return self.client_broke(token, proxy_index, id),
            }
        }
        self.again.push(token);
    }

    fn read_node(&mut self, token: u32, proxy_index: usize, lane: LaneId, connection: u32) {
        for _ in 0..READS {
            let (Some(proxy), Some(peer)) =
                (self.proxies.get_mut(proxy_index), self.peers.get_mut(token as usize))
            else {
                return;
            };
            match peer.read(&mut self.scratch) {
                Read::Some(len) => {
                    proxy.core.node_input(lane, connection, self.scratch.get(..len).unwrap_or_default());
                }
                Read::Later => return self.flush_lane(proxy_index, lane),
                Read::End => return proxy.core.link_closed(lane, connection, Loss::Ended),
                Read::Broken => return proxy.core.link_closed(lane, connection, Loss::Closed),
            }
        }
        self.again.push(token);
    }

    fn client_broke(&mut self, token: u32, proxy_index: usize, id: ClientId) {
        if let Some(proxy) = self.proxies.get_mut(proxy_index) {
            proxy.core.client_gone(id);
            self.forget_client(token, proxy_index, id);
        }
    }

    pub(super) fn flush_lane(&mut self, proxy_index: usize, lane: LaneId) {
        let Some(proxy) = self.proxies.get_mut(proxy_index) else { return };
        proxy.core.lane_flushed(lane);
        let Some(token) = proxy.lane_sockets.get(lane.slot as usize).copied().flatten() else { return };
        let Some(peer) = self.peers.get_mut(token as usize) else { return };
        loop {
            let bytes = proxy.core.lane_output(lane);
            if bytes.is_empty() {
                return;
            }
            match peer.write(bytes) {
                Some(Ok(len)) => proxy.core.lane_written(lane, len),
                None => return,
                // Replies that came before the end are still to be read, and reading will find the end.
                Some(Err(_)) => return self.again.push(token),
            }
        }
    }

    pub(super) fn flush_client(&mut self, proxy_index: usize, id: ClientId) {
        let Some(proxy) = self.proxies.get_mut(proxy_index) else { return };
        let Some(token) = proxy.client_sockets.get(id.slot as usize).copied().flatten() else { return };
        let Some(peer) = self.peers.get_mut(token as usize) else { return };
        loop {
            let bytes = proxy.core.client_output(id);
            if bytes.is_empty() {
                break;
            }
            match peer.write(bytes) {
                Some(Ok(len)) => proxy.core.client_written(id, len),
                None => break,
                Some(Err(_)) => return self.client_broke(token, proxy_index, id),
            }
        }
        proxy.core.client_flushed(id);
    }
}
