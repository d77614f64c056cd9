//! One thread: its runtime, its clients, its node connections. Only reads, calls and writes; every decision is
//! made in [`crate::core`].
//!
//! The worker is one future. A turn of it takes the mail, reads every socket that is ready, lets the cores finish,
//! and then writes what has come together: one write for each node, one for each client.

mod effects;
mod peer;
mod ready;
pub(crate) mod room;
mod traffic;

use crate::core::base::arena::give_back;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use nix::errno::Errno;
use slab::Slab;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use crate::core::{Core, Effect};
use crate::failover::Loss;
use crate::ids::{ClientId, LaneId};
use crate::topology::cell::{DrainMarker, TopologyCell};
use crate::topology::hint::Hint;

use peer::{Peer, Socket, SocketOwner};
use room::{Reserved, Room};

/// One read; also the most that one client can say before the others are heard.
const SCRATCH: usize = 64 * 1024;
/// Rounds within a turn, while clients that were stalled go on.
const ROUNDS: usize = 8;
/// Between two turns, in microseconds, while there are connections. Whatever is longer was the worker's own doing: it
/// was busy, or stopped.
const LONGEST_PAUSE: u64 = 100_000;

/// A client's socket that no runtime has yet.
pub(crate) enum Fresh {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

/// What others send to a worker.
pub(crate) enum Mail {
    Client {
        seat: usize,
        socket: Fresh,
        id: u64,
        address: String,
        place: Reserved,
    },
    Connected {
        seat: usize,
        lane: LaneId,
        connection: u32,
        socket: std::io::Result<tokio::net::TcpStream>,
        place: Reserved,
    },
    /// A newer map is in the proxy's cell.
    Topology {
        seat: usize,
    },
    /// Finish what is in flight and leave.
    Drain,
    /// Answer what is left, and leave now.
    Stop,
}

/// One proxy's place in a worker.
pub(crate) struct ProxySeat {
    pub(crate) core: Core,
    pub(crate) cell: Arc<TopologyCell>,
    pub(crate) hints: mpsc::Sender<Hint>,
    /// Clients of this proxy over all workers.
    pub(crate) clients: Arc<AtomicUsize>,
    drain_marker: DrainMarker,
    /// Socket of each client and lane, by slot.
    client_sockets: Vec<Option<u32>>,
    lane_sockets: Vec<Option<u32>>,
}

impl ProxySeat {
    pub(crate) fn new(
        core: Core,
        cell: Arc<TopologyCell>,
        hints: mpsc::Sender<Hint>,
        clients: Arc<AtomicUsize>,
    ) -> Self {
        let drain_marker = cell.drain_marker();
        ProxySeat {
            core,
            cell,
            hints,
            clients,
            drain_marker,
            client_sockets: Vec::new(),
            lane_sockets: Vec::new(),
        }
    }
}

/// The future of one worker thread; ends after a drain or a stop.
pub(crate) struct Worker {
    seats: Vec<ProxySeat>,
    peers: Slab<Peer>,
    mail: mpsc::UnboundedReceiver<Mail>,
    /// For the tasks that connect.
    own_mail: mpsc::UnboundedSender<Mail>,
    /// Clients on this worker, over all proxies: what the accept loop balances.
    load: Arc<AtomicUsize>,
    /// Of the process.
    room: Arc<Room>,
    started: Instant,
    timer: Pin<Box<Sleep>>,
    timer_armed: bool,
    /// When the last turn began, in microseconds since `started`.
    last_turn: u64,
    scratch: Box<[u8]>,
    ready: Vec<u32>,
    /// Sockets that have more to say than one turn lets them.
    again: Vec<u32>,
    /// Sockets that are ready, but the time for reading was over.
    unserved: Vec<u32>,
    dirty_clients: Vec<ClientId>,
    dirty_lanes: Vec<LaneId>,
    effects: Vec<Effect>,
    /// Clients that were told all, until they have heard it.
    leaving_clients: JoinSet<()>,
    leaving: bool,
}

impl Worker {
    /// To be called within the runtime of the worker's thread.
    pub(crate) fn new(
        seats: Vec<ProxySeat>,
        own_mail: mpsc::UnboundedSender<Mail>,
        mail: mpsc::UnboundedReceiver<Mail>,
        load: Arc<AtomicUsize>,
        room: Arc<Room>,
    ) -> Self {
        Worker {
            seats,
            peers: Slab::new(),
            mail,
            own_mail,
            load,
            room,
            started: Instant::now(),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            timer_armed: false,
            last_turn: 0,
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            ready: Vec::new(),
            again: Vec::new(),
            unserved: Vec::new(),
            dirty_clients: Vec::new(),
            dirty_lanes: Vec::new(),
            effects: Vec::new(),
            leaving_clients: JoinSet::new(),
            leaving: false,
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) {
        let now = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let away = now.saturating_sub(self.last_turn).saturating_sub(LONGEST_PAUSE);
        self.last_turn = now;
        for seat in &mut self.seats {
            seat.core.set_now(now);
            seat.core.was_away(away);
        }
        self.take_mail(cx);
        self.tick(cx);
        for _ in 0..ROUNDS {
            self.read_ready();
            self.settle();
            if !self.has_more() {
                break;
            }
        }
        while let Poll::Ready(Some(_)) = self.leaving_clients.poll_join_next(cx) {}
        self.arm_timer(cx);
    }

    fn take_mail(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(mail)) = self.mail.poll_recv(cx) {
            match mail {
                Mail::Client { seat, socket, id, address, place } => {
                    self.add_client(seat, socket, id, address, place);
                }
                Mail::Connected { seat, lane, connection, socket, place } => {
                    self.add_node(seat, lane, connection, socket, place);
                }
                Mail::Topology { seat } => {
                    if let Some(seat) = self.seats.get_mut(seat) {
                        let topology = seat.cell.load();
                        seat.core.set_topology(&topology);
                    }
                }
                Mail::Drain => self.seats.iter_mut().for_each(|seat| seat.core.drain()),
                Mail::Stop => {
                    self.seats.iter_mut().for_each(|seat| seat.core.stop());
                    self.leaving = true;
                }
            }
        }
    }

    fn add_client(&mut self, seat_index: usize, socket: Fresh, id: u64, address: String, place: Reserved) {
        // What is to be closed is closed first: its slot may be the newcomer's.
        self.carry_out(seat_index);
        let Some(seat) = self.seats.get_mut(seat_index) else { return };
        let Ok(socket) = Socket::adopt(socket) else {
            self.load.fetch_sub(1, Ordering::Relaxed);
            seat.clients.fetch_sub(1, Ordering::Relaxed);
            return;
        };
        let client = seat.core.open_client(id, address);
        let entry = self.peers.vacant_entry();
        let token = entry.key() as u32;
        let owner = SocketOwner::Client { seat: seat_index, id: client };
        entry.insert(Peer::new(socket, ready::waker(token), owner, place));
        put(&mut seat.client_sockets, client.slot, token);
        self.again.push(token);
    }

    fn add_node(
        &mut self,
        seat_index: usize,
        lane: LaneId,
        connection: u32,
        socket: std::io::Result<tokio::net::TcpStream>,
        place: Reserved,
    ) {
        let Some(seat) = self.seats.get_mut(seat_index) else { return };
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) if is_ours(&error) => return seat.core.link_deferred(lane, connection),
            Err(_) => return seat.core.link_closed(lane, connection, Loss::Closed),
        };
        if !seat.core.connected(lane, connection) {
            return;
        }
        let entry = self.peers.vacant_entry();
        let token = entry.key() as u32;
        let owner = SocketOwner::Node { seat: seat_index, lane, connection };
        entry.insert(Peer::new(Socket::Tcp(socket), ready::waker(token), owner, place));
        put(&mut seat.lane_sockets, lane.slot, token);
        self.again.push(token);
    }

    /// After all reading: stalled clients go on, then everything that came together is written.
    fn settle(&mut self) {
        for seat in 0..self.seats.len() {
            self.finish_seat(seat);
        }
    }

    fn finish_seat(&mut self, index: usize) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        seat.core.finish_turn();
        self.carry_out(index);
        let mut lanes = std::mem::take(&mut self.dirty_lanes);
        let mut clients = std::mem::take(&mut self.dirty_clients);
        if let Some(seat) = self.seats.get_mut(index) {
            seat.core.take_dirty_lanes(&mut lanes);
            seat.core.take_dirty_clients(&mut clients);
        }
        for lane in lanes.drain(..) {
            self.flush_lane(index, lane);
        }
        for client in clients.drain(..) {
            self.flush_client(index, client);
        }
        (self.dirty_lanes, self.dirty_clients) = (lanes, clients);
        // Clients that had too much to read may go on now; they are read in the next round.
        if let Some(seat) = self.seats.get_mut(index) {
            seat.core.finish_turn();
            if let Some(generation) = seat.core.take_settled() {
                seat.drain_marker.set_drained(generation);
            }
        }
        self.carry_out(index);
    }

    fn tick(&mut self, cx: &mut Context<'_>) {
        if !self.timer_armed || self.timer.as_mut().poll(cx).is_pending() {
            return;
        }
        give_back(&mut self.peers);
        let next = self.seats.iter_mut().map(|seat| seat.core.tick()).min().unwrap_or_default();
        self.timer.as_mut().reset(Instant::now() + Duration::from_micros(next));
        self.timer_armed = self.timer.as_mut().poll(cx).is_pending();
    }

    /// No tick while nobody is here; a quick one when a connection was lost.
    fn arm_timer(&mut self, cx: &mut Context<'_>) {
        let hurry = self.seats.iter_mut().filter_map(|seat| seat.core.take_hurry()).min();
        let idle = self.seats.iter().all(|seat| seat.core.is_idle());
        if idle {
            give_back(&mut self.peers);
            self.seats.iter_mut().for_each(|seat| seat.core.give_back());
            self.timer_armed = false;
            return;
        }
        let wanted = match (hurry, self.timer_armed) {
            (None, true) => return,
            (Some(micros), true)
                if self.timer.deadline() <= Instant::now() + Duration::from_micros(micros) =>
            {
                return;
            }
            (micros, _) => Duration::from_micros(micros.unwrap_or(0)),
        };
        self.timer.as_mut().reset(Instant::now() + wanted);
        self.timer_armed = true;
        if self.timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    fn has_more(&self) -> bool {
        !(self.again.is_empty() && self.unserved.is_empty())
    }

    fn is_done(&self) -> bool {
        let nobody_waits = self.leaving || self.seats.iter().all(|seat| seat.core.is_drained());
        nobody_waits && self.leaving_clients.is_empty()
    }

    fn forget_client(&mut self, token: u32, seat_index: usize, id: ClientId) -> Option<Peer> {
        let peer = self.peers.try_remove(token as usize);
        self.load.fetch_sub(1, Ordering::Relaxed);
        if let Some(seat) = self.seats.get_mut(seat_index) {
            seat.clients.fetch_sub(1, Ordering::Relaxed);
            clear(&mut seat.client_sockets, id.slot);
        }
        peer
    }
}

impl Future for Worker {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready::begin(cx.waker());
        self.turn(cx);
        if self.is_done() {
            return Poll::Ready(());
        }
        if self.has_more() {
            // The other sockets are looked at first: the runtime polls its IO driver before it wakes a yielding task.
            let _ = std::pin::pin!(tokio::task::yield_now()).poll(cx);
        }
        Poll::Pending
    }
}

/// The machine has no socket left for us: no fault of the node's.
fn is_ours(error: &std::io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM | Errno::EADDRNOTAVAIL)
    )
}

fn put(sockets: &mut Vec<Option<u32>>, slot: u32, token: u32) {
    let slot = slot as usize;
    if sockets.len() <= slot {
        sockets.resize(slot + 1, None);
    }
    if let Some(place) = sockets.get_mut(slot) {
        *place = Some(token);
    }
}

fn clear(sockets: &mut [Option<u32>], slot: u32) -> Option<u32> {
    sockets.get_mut(slot as usize).and_then(Option::take)
}
