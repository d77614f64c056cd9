//! Commands that run in parts: what has come of each until one reply can be made of it.

use std::collections::VecDeque;

use crate::command::Merge;
use crate::face::Face;
use crate::reasons::CommandResult;
use crate::resp::reply;
use crate::route::map::SlotMap;
use crate::route::scan::{self, ScanPlace};
use crate::split::gather::Gathering;

use crate::ids::Seq;

/// How the reply to one command comes about.
#[derive(Debug)]
pub(crate) enum Gather {
    /// From the replies of several shards.
    Parts { gathering: Gathering, has_effect: bool, ran: bool, did_not_run: bool, bytes: usize },
    /// From that of one shard, with another cursor.
    Scan(ScanPlace),
}

impl Gather {
    /// The whole is the reply to INFO.
    pub(crate) fn is_info(&self) -> bool {
        matches!(self, Gather::Parts { gathering, .. } if gathering.merge() == Merge::Info)
    }

    /// Its parts wait at their nodes, so they go over the client's own connections.
    pub(crate) fn waits(&self) -> bool {
        matches!(self, Gather::Parts { gathering, .. } if gathering.merge() == Merge::Flushed)
    }

    /// Bytes of its parts' replies.
    fn bytes(&self) -> usize {
        match self {
            Gather::Parts { bytes, .. } => *bytes,
            Gather::Scan(_) => 0,
        }
    }

    /// `has_effect`: the command changes something.
    pub(crate) fn parts(gathering: Gathering, has_effect: bool) -> Gather {
        Gather::Parts { gathering, has_effect, ran: false, did_not_run: false, bytes: 0 }
    }

    /// Takes one part in. `None`: others are missing, and its reply is kept for them.
    fn part(&mut self, reply: PartReply<'_>, map: Option<&SlotMap>) -> Option<Vec<u8>> {
        match self {
            Gather::Scan(place) => Some(scanned(reply.bytes, *place, map)),
            Gather::Parts { gathering, has_effect, ran, did_not_run, bytes } => {
                *ran |= reply.result == CommandResult::Ok;
                *did_not_run |= reply.result == CommandResult::TryAgain;
                let Some(merged) = gathering.part(usize::from(reply.part), reply.bytes) else {
                    *bytes += reply.bytes.len();
                    return None;
                };
                // Parts that ran make "not executed" untrue for the whole.
                let mixed = *has_effect && *ran && *did_not_run;
                Some(if mixed && !merged.starts_with(b"-UNCERTAIN ") { MIXED.to_vec() } else { merged })
            }
        }
    }
}

/// One part's reply, or what stands in its place.
#[derive(Clone, Copy)]
pub(crate) struct PartReply<'a> {
    pub(crate) seq: Seq,
    pub(crate) part: u16,
    pub(crate) bytes: &'a [u8],
    pub(crate) result: CommandResult,
}

/// The commands of one client that are being gathered. Holds no memory while there are none.
#[derive(Debug, Default)]
pub(crate) struct Gathers {
    open: VecDeque<(Seq, Gather)>,
    /// Bytes of replies that wait for other parts.
    bytes: usize,
}

const CURSOR: &[u8] = b"-ERR tideover: the reply to SCAN has no cursor that fits\r\n";
const MIXED: &[u8] = b"-UNCERTAIN tideover: only a part of it was executed; outcome unknown\r\n";

impl Gathers {
    /// In the order of the commands, unless one was held where it could not be put into parts.
    pub(crate) fn open(&mut self, seq: Seq, gather: Gather) {
        let is_later = |(other, _): &&(Seq, Gather)| other.wrapping_sub(seq) < Seq::MAX / 2;
        let later = self.open.iter().rev().take_while(is_later).count();
        self.open.insert(self.open.len() - later, (seq, gather));
    }

    /// Bytes that wait for other parts.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes one part in; gives the reply to the whole once it is complete.
    pub(crate) fn part(
        &mut self,
        reply: PartReply<'_>,
        map: Option<&SlotMap>,
        face: &Face,
    ) -> Option<Vec<u8>> {
        let first = self.open.front()?.0;
        let place = |seq: Seq| seq.wrapping_sub(first);
        let index = self.open.binary_search_by_key(&place(reply.seq), |(seq, _)| place(*seq)).ok()?;
        let Some(whole) = self.open.get_mut(index)?.1.part(reply, map) else {
            self.bytes += reply.bytes.len();
            return None;
        };
        let (_, gather) = self.open.remove(index)?;
        self.bytes -= gather.bytes();
        let rewritten = if gather.is_info() { face.info(&whole) } else { None };
        if self.open.is_empty() {
            self.open = VecDeque::new();
        }
        Some(rewritten.unwrap_or(whole))
    }
}

fn scanned(raw: &[u8], place: ScanPlace, map: Option<&SlotMap>) -> Vec<u8> {
    map.and_then(|map| scan::reply(raw, place, map)).unwrap_or_else(|| CURSOR.to_vec())
}

/// Returns what a reply that was put together says of the command.
pub(crate) fn result_of(reply: &[u8]) -> CommandResult {
    match reply {
        _ if reply.first() != Some(&b'-') => CommandResult::Ok,
        _ if reply.starts_with(b"-UNCERTAIN tideover:") => CommandResult::Uncertain,
        _ if reply.starts_with(b"-TRYAGAIN tideover:") => CommandResult::TryAgain,
        _ => CommandResult::Error,
    }
}

/// A page without keys, as if the shard had nothing to give: the cursor goes on from where the map says.
pub(crate) fn empty_page() -> Vec<u8> {
    let mut out = Vec::new();
    reply::array(&mut out, 2);
    reply::bulk(&mut out, b"0");
    reply::array(&mut out, 0);
    out
}
