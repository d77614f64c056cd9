//! The client's side of the data path: one client's session, its replies in order, and what it may do next.
//!
//! No socket, no clock: [`crate::worker`] moves the bytes.

pub(crate) mod admission;
pub(crate) mod gathers;
pub(crate) mod local;
pub(crate) mod marks;
pub(crate) mod proof;
pub(crate) mod replies;
pub(crate) mod reply_size;
pub(crate) mod session;
pub(crate) mod share;
pub(crate) mod shared_lanes;
pub(crate) mod subscriptions;
pub(crate) mod telling;

use crate::command::Lot;
use crate::ids::{ClientId, LaneId, Seq};
use crate::node::lane::Lane;
use crate::reasons::CloseReason;
use crate::resp::reply::Proto;
use crate::resp::reply_scan::ReplyScan;
use crate::resp::scan::RequestScan;
use gathers::Gathers;
use proof::Proof;
use replies::Replies;
use reply_size::ReplySize;
use session::Session;
use share::Share;
use shared_lanes::SharedLanes;
use subscriptions::Subscriptions;

/// Why no further command of a client is taken for the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stall {
    None,
    /// The next command uses another lane: the replies that are still owed come first.
    Drain,
    /// Too many commands in flight.
    Window,
    /// The lane has too many unanswered bytes.
    Lane,
    /// The client does not read its replies fast enough.
    Output,
    /// A session change is being proved, or it is asked where streams end.
    Proof,
    /// The node takes a large request more slowly than the client sends it.
    Upload,
}

/// Whether a client goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Open,
    /// It gets the replies that it is owed, then it is closed.
    Ending(CloseReason),
}

/// A request too large to be kept: its bytes go on as they come.
pub(crate) struct Upload {
    /// Finds the request's end. An array of bulk strings reads the same in both directions.
    pub(crate) scan: ReplyScan,
    /// `None`: the request was given up, the rest of it is read and dropped.
    pub(crate) lane: Option<LaneId>,
}

/// The shard that the requests for a lot were sent on to, and the first of these requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detour {
    pub(crate) lot: Lot,
    pub(crate) shard: u16,
    pub(crate) seq: Seq,
}

/// What a client's next request may be in flight beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    /// Requests on shared lanes, as long as every slot is where it was when they were routed: in this version of the owners.
    Shared {
        version: u32,
    },
    /// Requests on the lane of the client's own that carries the latest one.
    Own,
}

/// One client.
pub(crate) struct Client {
    pub(crate) id: ClientId,
    /// Id that CLIENT ID tells; unique in the process.
    pub(crate) public_id: u64,
    pub(crate) address: String,
    pub(crate) session: Session,
    pub(crate) replies: Replies,
    pub(crate) scan: RequestScan,
    /// Bytes that were read and not taken yet, from `consumed` on.
    pub(crate) input: Vec<u8>,
    pub(crate) consumed: usize,
    pub(crate) stall: Stall,
    pub(crate) life: Life,
    /// The client has closed its sending side.
    pub(crate) eof: bool,
    /// Requests on lanes without a reply. They are all on shared lanes, or all on one of the client's own.
    pub(crate) in_flight: u32,
    /// How many of them it may have, when it was stalled for having more.
    pub(crate) window: u32,
    /// How large its replies are.
    pub(crate) reply_size: ReplySize,
    /// A node has answered a command that the client sent together with what is still owed.
    pub(crate) ran: bool,
    /// The lane of the latest of them.
    pub(crate) lane: Option<LaneId>,
    /// What its next request may be in flight beside.
    pub(crate) beside: Beside,
    /// The shared lanes of the session that it has used.
    pub(crate) shared: SharedLanes,
    /// Where requests in flight were sent on to.
    pub(crate) detours: Vec<Detour>,
    /// The client's own lanes, one for each shard: for WATCH, blocking commands and large requests.
    pub(crate) dedicated: Vec<LaneId>,
    /// The shard of its latest request without keys.
    pub(crate) home: Option<u16>,
    /// Split commands whose parts are not all answered.
    pub(crate) gathers: Gathers,
    pub(crate) proof: Option<Box<Proof>>,
    /// An XREAD that is sent once it is known where its streams end.
    pub(crate) position: Option<Box<[u8]>>,
    pub(crate) subscriptions: Option<Box<Subscriptions>>,
    /// What its large requests have of the hold budget.
    pub(crate) share: Share,
    /// A streamed request on its way.
    pub(crate) upload: Option<Box<Upload>>,
    /// Microseconds on the worker's clock at the last command.
    pub(crate) last_active: u64,
    pub(crate) opened: u64,
    /// In the list of clients with output to write.
    pub(crate) dirty: bool,
}

impl Client {
    pub(crate) fn new(id: ClientId, public_id: u64, address: String, now: u64) -> Self {
        Client {
            id,
            public_id,
            address,
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
            ran: false,
            lane: None,
            beside: Beside::Nothing,
            shared: SharedLanes::default(),
            detours: Vec::new(),
            dedicated: Vec::new(),
            home: None,
            gathers: Gathers::default(),
            proof: None,
            position: None,
            subscriptions: None,
            share: Share::default(),
            upload: None,
            last_active: now,
            opened: now,
            dirty: false,
        }
    }

    /// In RESP2 a subscribed client may only change its subscriptions.
    pub(crate) fn is_subscriber(&self) -> bool {
        self.subscriptions.as_ref().is_some_and(|subscriptions| !subscriptions.is_empty())
    }

    /// In RESP2: it is subscribed, or about to be.
    pub(crate) fn is_confined(&self) -> bool {
        let asks = self.subscriptions.as_ref().is_some_and(|held| held.is_waited_for());
        self.session.proto == Proto::Resp2 && (asks || self.is_subscriber())
    }

    /// Its next bytes are a request, and may be looked at.
    pub(crate) fn takes_requests(&self) -> bool {
        self.stall == Stall::None && self.life == Life::Open && self.upload.is_none()
    }

    /// A request has been sent on this lane, if on one.
    pub(crate) fn note_sent(&mut self, lane: Option<LaneId>, beside: Beside) {
        (self.lane, self.beside) = (lane, beside);
    }

    /// Returns whether a request on this lane may be in flight beside the client's others.
    #[inline]
    pub(crate) fn may_join(&self, lane: &Lane, version: u32) -> bool {
        match self.beside {
            Beside::Nothing => false,
            Beside::Shared { version: routed } => routed == version && !lane.is_dedicated(),
            Beside::Own => self.lane == Some(lane.id),
        }
    }

    /// The next request on a shared lane waits for all others: one of these may be sent on, or refused.
    pub(crate) fn be_wary(&mut self) {
        if let Beside::Shared { .. } = self.beside {
            self.beside = Beside::Nothing;
        }
    }

    /// Nothing is owed and nothing waits to be written.
    pub(crate) fn is_settled(&self) -> bool {
        self.replies.owed() == 0 && self.replies.unwritten().is_empty()
    }
}
