//! The client's side of the data path: one client's session, its replies in order, and what it may do next.
//!
//! No socket, no clock: [`crate::worker`] moves the bytes.

pub(crate) mod admission;
pub(crate) mod executing;
pub(crate) mod failure_replies;
pub(crate) mod gathers;
pub(crate) mod inquiry;
pub(crate) mod listing;
pub(crate) mod local;
pub(crate) mod marks;
pub(crate) mod monitor_line;
pub(crate) mod own_messages;
pub(crate) mod replies;
pub(crate) mod reply_size;
pub(crate) mod session;
pub(crate) mod session_change;
pub(crate) mod share;
pub(crate) mod shared_lanes;
pub(crate) mod subscriptions;
pub(crate) mod tracking;
pub(crate) mod transaction;

use crate::command::{Command, Lot};
use crate::ids::{ClientId, LaneId, Seq};
use crate::node::lane::Lane;
use crate::reasons::CloseReason;
use crate::resp::reply::Proto;
use crate::resp::reply_scan::ReplyScan;
use crate::resp::scan::RequestScan;
use executing::Executing;
use gathers::Gathers;
use inquiry::PendingInquiry;
use replies::Replies;
use reply_size::ReplySize;
use session::Session;
use session_change::SessionChange;
use share::Share;
use shared_lanes::SharedLanes;
use subscriptions::Subscriptions;

/// The reason why no further command of a client is taken for the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stall {
    None,
    /// The next command uses another lane, so the replies that are still owed have to come first.
    Drain,
    /// The client has too many commands in flight.
    Window,
    /// The lane has too many unanswered bytes.
    Lane,
    /// The client does not read its replies fast enough.
    Output,
    /// A node is judging a change of the session or the right to an inquiry, or is asked for the end of streams; or a
    /// transaction in which the proxy has a part is carried out.
    NodeAnswer,
    /// The node takes a large request more slowly than the client sends it.
    Upload,
    /// CLIENT PAUSE: the command waits for its end.
    Paused,
    /// The command is unknown, and the nodes have not been asked for theirs yet.
    Unlearned,
}

/// The state of a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Open,
    /// The client gets the replies that it is owed; then its connection is closed.
    Ending(CloseReason),
}

/// A request too large to be kept: its bytes are passed on as they come.
pub(crate) struct Upload {
    /// Finds the end of the request. An array of bulk strings has the same form as a request and as a reply.
    pub(crate) scan: ReplyScan,
    /// The lane that the bytes go to. `None`: the request was given up, and the rest of it is read and dropped.
    pub(crate) lane: Option<LaneId>,
}

/// The shard to which the requests for a lot were redirected, and the first of these requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detour {
    pub(crate) lot: Lot,
    pub(crate) shard: u16,
    pub(crate) seq: Seq,
}

/// The requests in flight beside which the client may send its next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    /// Requests on shared lanes, as long as every slot has the owner that it had when they were routed: `version`
    /// counts the changes of owners.
    Shared {
        version: u32,
    },
    /// Requests on that lane of the client's own which carries the latest one.
    Own,
}

/// The two ends of a client's connection, as CLIENT LIST tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientEnds {
    /// The client's: `ip:port`, or the path of the unix socket and `:0`.
    pub(crate) addr: String,
    /// Ours.
    pub(crate) laddr: String,
    pub(crate) is_unix: bool,
}

impl ClientEnds {
    /// Returns true if the client is on this machine, as servers see it: it comes over loopback or a unix socket.
    pub(crate) fn is_local(&self) -> bool {
        let loopback = ["127.", "[::1]:", "[::ffff:127."];
        self.is_unix || loopback.iter().any(|start| self.addr.starts_with(start))
    }
}

/// One client.
pub(crate) struct Client {
    pub(crate) id: ClientId,
    /// The id that CLIENT ID returns; unique in the process.
    pub(crate) public_id: u64,
    pub(crate) ends: ClientEnds,
    pub(crate) session: Session,
    pub(crate) replies: Replies,
    pub(crate) scan: RequestScan,
    /// Bytes that were read and not taken as requests yet, from `consumed` on.
    pub(crate) input: Vec<u8>,
    pub(crate) consumed: usize,
    pub(crate) stall: Stall,
    pub(crate) life: Life,
    /// The client has closed its sending side.
    pub(crate) eof: bool,
    /// Requests on lanes that have no reply yet. They are all on shared lanes, or all on one of the client's own.
    pub(crate) in_flight: u32,
    /// The limit of `in_flight` at which the client was stalled.
    pub(crate) window: u32,
    /// The size of its latest replies, on average.
    pub(crate) reply_size: ReplySize,
    /// A node has answered a command that the client had sent together with what is still owed.
    pub(crate) others_ran: bool,
    /// The lane of the latest request in flight.
    pub(crate) lane: Option<LaneId>,
    /// The requests in flight beside which it may send the next one.
    pub(crate) beside: Beside,
    /// The shared lanes that it has used in the present session.
    pub(crate) shared: SharedLanes,
    /// The shards to which requests in flight were redirected.
    pub(crate) detours: Vec<Detour>,
    /// The client's own lanes, one for each shard: for WATCH, blocking commands and large requests.
    pub(crate) dedicated: Vec<LaneId>,
    /// The shard of the latest request without keys.
    pub(crate) home: Option<u16>,
    /// Commands in parts that are not all answered.
    pub(crate) gathers: Gathers,
    /// A change of the session that a node is judging.
    pub(crate) session_change: Option<Box<SessionChange>>,
    /// An inquiry about all clients, until the node has said that the client may make it.
    pub(crate) inquiry: Option<Box<PendingInquiry>>,
    /// A transaction in which the proxy has a part, from EXEC to its reply.
    pub(crate) executing: Option<Box<Executing>>,
    /// An XREAD that is sent as soon as the end of its streams is known.
    pub(crate) waiting_xread: Option<Box<[u8]>>,
    pub(crate) subscriptions: Option<Box<Subscriptions>>,
    /// The share of the hold budget that its large requests have.
    pub(crate) share: Share,
    /// A streamed request that has not arrived whole.
    pub(crate) upload: Option<Box<Upload>>,
    /// Its last command, as CLIENT LIST tells it.
    pub(crate) command: Option<&'static Command>,
    /// Microseconds on the worker's clock at the last command.
    pub(crate) last_active: u64,
    /// Microseconds on the worker's clock at which the client connected.
    pub(crate) opened: u64,
    /// The client is in the list of clients with output to write.
    pub(crate) dirty: bool,
}

impl Client {
    pub(crate) fn new(id: ClientId, public_id: u64, ends: ClientEnds, now: u64) -> Self {
        Client {
            id,
            public_id,
            ends,
            command: None,
            session: Session::default(),
            replies: Replies::default(),
            scan: RequestScan::default(),
            input: Vec::new(),
            consumed: 0,
            stall: Stall::None,
            life: Life::Open,
            eof: false,
            in_flight: 0,
            window: 0,
            reply_size: ReplySize::default(),
            others_ran: false,
            lane: None,
            beside: Beside::Nothing,
            shared: SharedLanes::default(),
            detours: Vec::new(),
            dedicated: Vec::new(),
            home: None,
            gathers: Gathers::default(),
            session_change: None,
            inquiry: None,
            executing: None,
            waiting_xread: None,
            subscriptions: None,
            share: Share::default(),
            upload: None,
            last_active: now,
            opened: now,
            dirty: false,
        }
    }

    /// Returns true if the client has subscriptions. In RESP2 it may then only change these.
    pub(crate) fn is_subscriber(&self) -> bool {
        self.subscriptions.as_ref().is_some_and(|subscriptions| !subscriptions.is_empty())
    }

    /// Returns true if RESP2 confines the client to subscription commands: it is subscribed, or about to be.
    pub(crate) fn is_confined(&self) -> bool {
        let asks = self.subscriptions.as_ref().is_some_and(|held| held.is_waited_for());
        self.session.proto == Proto::Resp2 && (asks || self.is_subscriber())
    }

    /// Returns true if the client's next bytes begin a request that may be taken.
    pub(crate) fn takes_requests(&self) -> bool {
        self.stall == Stall::None && self.life == Life::Open && self.upload.is_none()
    }

    /// Notes that a request was sent, and on which lane if it was on one.
    pub(crate) fn note_sent(&mut self, lane: Option<LaneId>, beside: Beside) {
        (self.lane, self.beside) = (lane, beside);
    }

    /// Returns true if a request on this lane may be in flight beside the client's others.
    #[inline]
    pub(crate) fn may_join(&self, lane: &Lane, version: u32) -> bool {
        match self.beside {
            Beside::Nothing => false,
            Beside::Shared { version: routed } => routed == version && !lane.is_dedicated(),
            Beside::Own => self.lane == Some(lane.id),
        }
    }

    /// Makes the next request on a shared lane wait for all that are in flight: one of these may be redirected or refused.
    pub(crate) fn drain_before_next(&mut self) {
        if let Beside::Shared { .. } = self.beside {
            self.beside = Beside::Nothing;
        }
    }

    /// Returns true if no reply is owed and nothing waits to be written.
    pub(crate) fn is_settled(&self) -> bool {
        self.replies.owed() == 0 && self.replies.unwritten().is_empty()
    }
}
