//! The worker's part: connections come up, bytes go both ways in random pieces, and effects are carried out.

use crate::core::Effect;
use crate::failover::Loss;
use crate::ids::{ClientId, LaneId};
use crate::reasons::CloseReason;

use super::{Conn, Kind, Moment, Socket, World};

impl<K: Kind> World<K> {
    pub(super) fn connect(&mut self) {
        for (lane, connection, port) in std::mem::take(&mut self.wanted) {
            if !self.rng.chance(60) {
                self.wanted.push((lane, connection, port));
                continue;
            }
            if self.kind.is_dead(port) || (self.stormy && self.rng.chance(5)) {
                self.core.link_closed(lane, connection, Loss::Closed);
            } else if self.core.connected(lane, connection) {
                self.connections += 1;
                let conn = Conn::new(self.connections, port);
                self.sockets.insert(lane.slot, Socket { lane, connection, conn });
            }
            self.settle();
        }
    }

    pub(super) fn clients_talk(&mut self) {
        for at in 0..self.people.len() {
            let person = &mut self.people[at];
            if self.stormy && self.rng.chance(25) {
                let count = 1 + self.rng.below(6);
                let mut at = Moment { promises: &mut self.promises, rng: &mut self.rng };
                (0..count).for_each(|_| person.act(&mut at));
            }
            if person.closed || !self.core.wants_input(person.id) {
                continue;
            }
            if person.to_send.is_empty() {
                if std::mem::take(&mut person.eof) {
                    self.core.client_eof(person.id);
                }
                continue;
            }
            let most = self.rng.one_of(&[7, 4_000, 60_000]);
            let len = 1 + self.rng.below(person.to_send.len().min(most));
            let bytes: Vec<u8> = person.to_send.drain(..len).collect();
            self.core.client_input(person.id, &bytes);
        }
    }

    pub(super) fn clients_listen(&mut self) {
        for id in std::mem::take(&mut self.dirty_clients) {
            let person = self.people.iter_mut().find(|person| person.id == id && !person.closed);
            let Some(person) = person else { continue };
            let output = self.core.client_output(id);
            let bytes = output[..self.rng.part(output.len(), 60)].to_vec();
            if !bytes.is_empty() {
                self.core.client_written(id, bytes.len());
            }
            person.hear(&bytes, &self.truth, &mut self.promises);
            if self.core.client_output(id).is_empty() {
                self.core.client_flushed(id);
            } else {
                self.dirty_clients.push(id);
            }
        }
    }

    pub(super) fn lanes_write(&mut self) {
        for lane in std::mem::take(&mut self.dirty_lanes) {
            self.core.lane_flushed(lane);
            let socket = self.sockets.get_mut(&lane.slot);
            let Some(socket) = socket.filter(|socket| socket.lane == lane && !socket.conn.ended) else {
                continue;
            };
            let output = self.core.lane_output(lane);
            let len = self.rng.part(output.len(), 70);
            socket.conn.take(&output[..len], &mut self.truth);
            if len > 0 {
                self.core.lane_written(lane, len);
            }
            // The socket tells when it takes more.
            if !self.core.lane_output(lane).is_empty() {
                self.dirty_lanes.push(lane);
            }
        }
    }

    pub(super) fn nodes_answer(&mut self) {
        for slot in self.sockets.keys().copied().collect::<Vec<_>>() {
            let Some(Socket { lane, connection, conn }) = self.sockets.get_mut(&slot) else { continue };
            let (lane, connection) = (*lane, *connection);
            if !conn.out.is_empty() {
                let most = self.rng.one_of(&[3, 500, 65_536]);
                let len = 1 + self.rng.below(conn.out.len().min(most));
                let bytes: Vec<u8> = conn.out.drain(..len).collect();
                self.core.node_input(lane, connection, &bytes);
            } else if conn.ended {
                let loss = if conn.in_order { Loss::Ended } else { Loss::Closed };
                self.sockets.remove(&slot);
                self.core.link_closed(lane, connection, loss);
            }
            self.settle();
        }
    }

    /// The end of a turn.
    pub(super) fn settle(&mut self) {
        self.core.finish_turn();
        let mut effects = Vec::new();
        self.core.take_effects(&mut effects);
        effects.into_iter().for_each(|effect| self.carry_out(effect));
        self.core.take_dirty_lanes(&mut self.dirty_lanes);
        self.core.take_dirty_clients(&mut self.dirty_clients);
        if let Some(micros) = self.core.take_tick_soon() {
            self.next_tick = self.next_tick.min(self.now + micros);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { lane, connection, endpoint, .. } => {
                self.wanted.push((lane, connection, endpoint.port));
            }
            Effect::Disconnect { lane } => self.disconnect(lane),
            Effect::CloseClient { client, reason } => self.closed(client, reason),
            Effect::SendOnce { endpoint, bytes } => {
                self.unblock(endpoint.port, &String::from_utf8_lossy(&bytes));
            }
            // Some answer at once, others never: then the core ends the wait.
            Effect::Relay { number, .. } => {
                if number % 2 == 0 {
                    self.core.relayed(number);
                }
            }
            Effect::ShowElsewhere { .. }
            | Effect::Inquire { .. }
            | Effect::TellElsewhere { .. }
            | Effect::TargetGone { .. }
            | Effect::ReadClient { .. }
            | Effect::Hint(_) => {}
        }
    }

    /// Somebody asks a node to let connections of these numbers go.
    fn unblock(&mut self, port: u16, command: &str) {
        let serials: Vec<u64> = command.split("\r\n").filter_map(|word| word.parse().ok()).collect();
        if self.kind.unblocks(port) {
            let named = self.conns().filter(|conn| conn.port == port && serials.contains(&conn.serial));
            named.for_each(Conn::unblock);
        }
    }

    fn disconnect(&mut self, lane: LaneId) {
        self.count_loss();
        let socket = self.sockets.remove(&lane.slot);
        if let Some(socket) = socket.filter(|socket| !socket.conn.ended) {
            self.kind.abandoned(socket.conn);
        }
    }

    fn closed(&mut self, id: ClientId, reason: CloseReason) {
        let Some(person) = self.people.iter_mut().find(|person| person.id == id) else { return };
        assert!(!person.closed, "closed twice");
        assert!(!matches!(reason, CloseReason::Protocol | CloseReason::OutputLimit), "{reason:?}");
        person.closed = true;
    }
}
