//! A worker: one thread with its runtime, its clients and its node connections. It only reads, calls and writes;
//! every decision is made in [`crate::core`].
//!
//! The worker is one future. A turn of it takes the mail, reads every socket that is ready, lets the cores finish the
//! turn, and then writes what has come together: one write for each node, one for each client.

mod counted_bytes;
mod effects;
mod inquiries;
mod mail;
mod part;
mod peer;
mod ready;
mod relays;
pub(crate) mod socket_budget;
mod traffic;

use crate::core::base::arena::give_back;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use slab::Slab;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use crate::client::ClientEnds;
use crate::core::Effect;
use crate::failover::Loss;
use crate::ids::{ClientId, LaneId};

use counted_bytes::CountedBytes;
pub(crate) use mail::{Mail, NewSocket};
pub(crate) use part::WorkerProxy;
use peer::{Peer, Socket, SocketOwner};
pub(crate) use relays::AwaitedRelay;
use socket_budget::{SocketBudget, SocketPermit};

/// The size of one read. It bounds the bytes that one client can send before the others are served.
const SCRATCH: usize = 64 * 1024;
/// The number of rounds within a turn in which stalled clients may go on.
const ROUNDS: usize = 8;
/// The longest time between two turns while there are connections, in microseconds. If more time has passed, the
/// worker itself was busy or stopped.
const LONGEST_PAUSE: u64 = 100_000;

/// The future of one worker thread. It ends after a drain or a stop.
pub(crate) struct Worker {
    proxies: Vec<WorkerProxy>,
    /// The sockets; the index of one is its token.
    peers: Slab<Peer>,
    mail: mpsc::UnboundedReceiver<Mail>,
    /// Sent to by the tasks that connect to nodes.
    own_mail: mpsc::UnboundedSender<Mail>,
    /// The other workers.
    others: Vec<mpsc::UnboundedSender<Mail>>,
    /// The number of clients of this worker over all proxies, by which the accept loops choose a worker.
    load: Arc<AtomicUsize>,
    /// The budget of sockets of the whole process.
    sockets: Arc<SocketBudget>,
    started: Instant,
    timer: Pin<Box<Sleep>>,
    timer_armed: bool,
    /// The beginning of the last turn, in microseconds since `started`.
    last_turn: u64,
    scratch: Box<[u8]>,
    /// The tokens of sockets that are ready; reused from turn to turn.
    ready: Vec<u32>,
    /// The tokens of sockets in the order in which they are read; reused from turn to turn.
    turns: Vec<u32>,
    /// Sockets that have more to read than one turn allows.
    again: Vec<u32>,
    /// Sockets that are ready, and were not read because the time for reading was over.
    unserved: Vec<u32>,
    dirty_clients: Vec<ClientId>,
    dirty_lanes: Vec<LaneId>,
    effects: Vec<Effect>,
    /// Tasks that close clients' connections once these have received everything.
    closing_clients: JoinSet<()>,
    /// The worker was told to end now.
    stopping: bool,
}

impl Worker {
    /// Makes the worker. To be called within the runtime of its thread.
    pub(crate) fn new(
        mut proxies: Vec<WorkerProxy>,
        own_mail: mpsc::UnboundedSender<Mail>,
        others: Vec<mpsc::UnboundedSender<Mail>>,
        mail: mpsc::UnboundedReceiver<Mail>,
        load: Arc<AtomicUsize>,
        sockets: Arc<SocketBudget>,
    ) -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix = u64::try_from(unix.as_micros()).unwrap_or(u64::MAX);
        proxies.iter_mut().for_each(|proxy| proxy.core.begin(others.len(), unix));
        Worker {
            proxies,
            peers: Slab::new(),
            mail,
            own_mail,
            others,
            load,
            sockets,
            started: Instant::now(),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            timer_armed: false,
            last_turn: 0,
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            ready: Vec::new(),
            turns: Vec::new(),
            again: Vec::new(),
            unserved: Vec::new(),
            dirty_clients: Vec::new(),
            dirty_lanes: Vec::new(),
            effects: Vec::new(),
            closing_clients: JoinSet::new(),
            stopping: false,
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) {
        let now = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let away = now.saturating_sub(self.last_turn).saturating_sub(LONGEST_PAUSE);
        self.last_turn = now;
        for proxy in &mut self.proxies {
            proxy.core.set_now(now);
            proxy.core.was_away(away);
        }
        self.take_mail(cx);
        self.tick(cx);
        for _ in 0..ROUNDS {
            self.read_ready();
            self.finish_proxies();
            if !self.has_more() {
                break;
            }
        }
        while let Poll::Ready(Some(_)) = self.closing_clients.poll_join_next(cx) {}
        self.arm_timer(cx);
    }

    fn take_mail(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(mail)) = self.mail.poll_recv(cx) {
            match mail {
                Mail::Client { proxy, socket, id, ends, permit } => {
                    self.add_client(proxy, socket, id, ends, permit);
                }
                Mail::Connected { proxy, lane, connection, socket, permit } => {
                    self.add_node(proxy, lane, connection, socket, permit);
                }
                Mail::Topology { proxy } => {
                    if let Some(proxy) = self.proxies.get_mut(proxy) {
                        let topology = proxy.cell.load();
                        proxy.core.set_topology(&topology);
                    }
                }
                Mail::Inquiry { proxy, inquiry, answer_to } => {
                    let asked = self.proxies.get_mut(proxy);
                    answer_to.send(asked.map(|proxy| proxy.core.answer_inquiry(&inquiry)));
                }
                Mail::InquiryAnswer { proxy, number, answer } => {
                    if let Some(proxy) = self.proxies.get_mut(proxy) {
                        proxy.core.inquiry_answered(number, answer);
                    }
                }
                Mail::Relayed { proxy, number } => {
                    if let Some(proxy) = self.proxies.get_mut(proxy) {
                        proxy.core.relayed(number);
                    }
                }
                Mail::Lines { proxy, lines } => {
                    if let Some(proxy) = self.proxies.get_mut(proxy) {
                        proxy.core.show_lines(lines.as_ref().map(CountedBytes::bytes));
                    }
                }
                Mail::Invalidation { proxy, target, keys } => {
                    if let Some(proxy) = self.proxies.get_mut(proxy) {
                        proxy.core.tell_target(target, keys.as_ref().map(CountedBytes::bytes));
                    }
                }
                Mail::TargetGone { proxy, target } => {
                    if let Some(proxy) = self.proxies.get_mut(proxy) {
                        proxy.core.target_gone(target);
                    }
                }
                Mail::Drain => self.proxies.iter_mut().for_each(|proxy| proxy.core.drain()),
                Mail::Stop => {
                    self.proxies.iter_mut().for_each(|proxy| proxy.core.stop());
                    self.stopping = true;
                }
            }
        }
    }

    fn add_client(
        &mut self,
        proxy_index: usize,
        socket: NewSocket,
        id: u64,
        ends: ClientEnds,
        permit: SocketPermit,
    ) {
        // Clients that are to be closed are closed first: the new client may get the slot of one of them.
        self.carry_out(proxy_index);
        let Some(proxy) = self.proxies.get_mut(proxy_index) else { return };
        let Ok(socket) = Socket::adopt(socket) else {
            self.load.fetch_sub(1, Ordering::Relaxed);
            proxy.clients.fetch_sub(1, Ordering::Relaxed);
            return;
        };
        let client = proxy.core.open_client(id, ends);
        let entry = self.peers.vacant_entry();
        let token = entry.key() as u32;
        let owner = SocketOwner::Client { proxy: proxy_index, id: client };
        entry.insert(Peer::new(socket, ready::waker(token, false), owner, permit));
        set_token(&mut proxy.client_sockets, client.slot, token);
        self.again.push(token);
    }

    fn add_node(
        &mut self,
        proxy_index: usize,
        lane: LaneId,
        connection: u32,
        socket: std::io::Result<tokio::net::TcpStream>,
        permit: SocketPermit,
    ) {
        let Some(proxy) = self.proxies.get_mut(proxy_index) else { return };
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) if is_local_shortage(&error) => return proxy.core.link_deferred(lane, connection),
            Err(_) => return proxy.core.link_closed(lane, connection, Loss::Closed),
        };
        if !proxy.core.connected(lane, connection) {
            return;
        }
        let entry = self.peers.vacant_entry();
        let token = entry.key() as u32;
        let owner = SocketOwner::Node { proxy: proxy_index, lane, connection };
        let waker = ready::waker(token, proxy.core.brings_messages(lane));
        entry.insert(Peer::new(Socket::Tcp(socket), waker, owner, permit));
        set_token(&mut proxy.lane_sockets, lane.slot, token);
        self.again.push(token);
    }

    /// Finishes the turn for all proxies: stalled clients go on, then everything that has come together is written.
    fn finish_proxies(&mut self) {
        for proxy in 0..self.proxies.len() {
            self.finish_proxy(proxy);
        }
    }

    fn finish_proxy(&mut self, index: usize) {
        let Some(proxy) = self.proxies.get_mut(index) else { return };
        proxy.core.finish_turn();
        self.carry_out(index);
        let mut lanes = std::mem::take(&mut self.dirty_lanes);
        let mut clients = std::mem::take(&mut self.dirty_clients);
        if let Some(proxy) = self.proxies.get_mut(index) {
            proxy.core.take_dirty_lanes(&mut lanes);
            proxy.core.take_dirty_clients(&mut clients);
        }
        for lane in lanes.drain(..) {
            self.flush_lane(index, lane);
        }
        for client in clients.drain(..) {
            self.flush_client(index, client);
        }
        (self.dirty_lanes, self.dirty_clients) = (lanes, clients);
        // Clients that had too many unread replies may go on now. They are read in the next round.
        if let Some(proxy) = self.proxies.get_mut(index) {
            proxy.core.finish_turn();
            if let Some(generation) = proxy.core.take_settled() {
                proxy.drain_marker.set_drained(generation);
            }
        }
        self.carry_out(index);
    }

    fn tick(&mut self, cx: &mut Context<'_>) {
        if !self.timer_armed || self.timer.as_mut().poll(cx).is_pending() {
            return;
        }
        give_back(&mut self.peers);
        let next = self.proxies.iter_mut().map(|proxy| proxy.core.tick()).min().unwrap_or_default();
        self.timer.as_mut().reset(Instant::now() + Duration::from_micros(next));
        self.timer_armed = self.timer.as_mut().poll(cx).is_pending();
    }

    /// Arms the timer for the next tick. There is none while nobody is connected, and an early one when a core wants it.
    fn arm_timer(&mut self, cx: &mut Context<'_>) {
        let soon = self.proxies.iter_mut().filter_map(|proxy| proxy.core.take_tick_soon()).min();
        let idle = self.proxies.iter().all(|proxy| proxy.core.is_idle());
        if idle {
            give_back(&mut self.peers);
            self.proxies.iter_mut().for_each(|proxy| proxy.core.give_back());
            self.timer_armed = false;
            return;
        }
        let wanted = match (soon, self.timer_armed) {
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

    /// Returns true if sockets are ready that were not read to their end.
    fn has_more(&self) -> bool {
        !(self.again.is_empty() && self.unserved.is_empty())
    }

    fn is_done(&self) -> bool {
        let nobody_waits = self.stopping || self.proxies.iter().all(|proxy| proxy.core.is_drained());
        nobody_waits && self.closing_clients.is_empty()
    }

    fn forget_client(&mut self, token: u32, proxy_index: usize, id: ClientId) -> Option<Peer> {
        let peer = self.peers.try_remove(token as usize);
        self.load.fetch_sub(1, Ordering::Relaxed);
        if let Some(proxy) = self.proxies.get_mut(proxy_index) {
            proxy.clients.fetch_sub(1, Ordering::Relaxed);
            take_token(&mut proxy.client_sockets, id.slot);
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
            // The other sockets are polled first: the runtime polls its IO driver before it wakes a yielding task.
            let _ = std::pin::pin!(tokio::task::yield_now()).poll(cx);
        }
        Poll::Pending
    }
}

/// Returns true if this machine lacks the means for a socket, which is no fault of the node.
fn is_local_shortage(error: &std::io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM | Errno::EADDRNOTAVAIL)
    )
}

fn set_token(sockets: &mut Vec<Option<u32>>, slot: u32, token: u32) {
    let slot = slot as usize;
    if sockets.len() <= slot {
        sockets.resize(slot + 1, None);
    }
    if let Some(entry) = sockets.get_mut(slot) {
        *entry = Some(token);
    }
}

fn take_token(sockets: &mut [Option<u32>], slot: u32) -> Option<u32> {
    sockets.get_mut(slot as usize).and_then(Option::take)
}
