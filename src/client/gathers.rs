//! Commands that run in parts: the replies to the parts are gathered here until one reply can be made of them.

use std::collections::VecDeque;

use crate::command::Merge;
use crate::face::Face;
use crate::reasons::CommandResult;
use crate::resp::reply;
use crate::route::owners::Owners;
use crate::route::scan::{self, ScanPlace};
use crate::split::gather::Gathering;
use crate::split::proxy_info::{ProxyInfo, with_paused, with_section};

use crate::ids::Seq;

/// The way in which the reply to one command is made.
#[derive(Debug)]
pub(crate) enum Gather {
    /// From the replies of several shards. `ran`: a part was executed; `did_not_run`: a part was not.
    Parts { gathering: Gathering, has_effect: bool, ran: bool, did_not_run: bool, bytes: usize },
    /// From the reply of one shard, with the cursor replaced.
    Scan(ScanPlace),
}

impl Gather {
    fn merge(&self) -> Option<Merge> {
        match self {
            Gather::Parts { gathering, .. } => Some(gathering.merge()),
            Gather::Scan(_) => None,
        }
    }

    /// Returns true if the reply to the whole command is one to INFO that is to agree with the face.
    fn is_info(&self) -> bool {
        matches!(self.merge(), Some(Merge::Info | Merge::InfoProxy))
    }

    /// Returns true if the reply to the whole command has a section about the proxy.
    fn is_about_proxy(&self) -> bool {
        matches!(self.merge(), Some(Merge::InfoProxy | Merge::InfoOfOne))
    }

    /// Returns true if the reply to the whole command is an INFO, which counts clients of the proxy too.
    fn counts_clients(&self) -> bool {
        self.is_info() || self.is_about_proxy() || self.merge() == Some(Merge::InfoAsItIs)
    }

    /// Returns true if the parts wait at their nodes, so that they use the client's own connections.
    pub(crate) fn waits(&self) -> bool {
        self.merge() == Some(Merge::Flushed)
    }

    /// Returns the bytes of the replies to the parts.
    fn bytes(&self) -> usize {
        match self {
            Gather::Parts { bytes, .. } => *bytes,
            Gather::Scan(_) => 0,
        }
    }

    /// Starts to gather. `has_effect`: the command changes something.
    pub(crate) fn parts(gathering: Gathering, has_effect: bool) -> Gather {
        Gather::Parts { gathering, has_effect, ran: false, did_not_run: false, bytes: 0 }
    }

    /// Takes in the reply to one part. Returns `None` while other parts are missing; the reply is kept for them.
    pub(crate) fn part(&mut self, reply: PartReply<'_>, owners: &Owners) -> Option<Vec<u8>> {
        match self {
            Gather::Scan(place) => Some(scanned(reply.bytes, *place, owners)),
            Gather::Parts { gathering, has_effect, ran, did_not_run, bytes } => {
                *ran |= reply.result == CommandResult::Ok;
                *did_not_run |= reply.result == CommandResult::TryAgain;
                let Some(merged) = gathering.part(usize::from(reply.part), reply.bytes) else {
                    *bytes += reply.bytes.len();
                    return None;
                };
                // If some parts ran, "not executed" would be untrue for the whole command.
                let mixed = *has_effect && *ran && *did_not_run;
                Some(if mixed && !merged.starts_with(b"-UNCERTAIN ") { MIXED.to_vec() } else { merged })
            }
        }
    }
}

/// The reply to one part, or the proxy's own line in its place.
#[derive(Clone, Copy)]
pub(crate) struct PartReply<'a> {
    pub(crate) seq: Seq,
    pub(crate) part: u16,
    pub(crate) bytes: &'a [u8],
    pub(crate) result: CommandResult,
}

/// The commands of one client that are being gathered. It holds no memory while there are none.
#[derive(Debug, Default)]
pub(crate) struct Gathers {
    open: VecDeque<(Seq, Gather)>,
    /// Bytes of replies that wait for other parts of their command.
    bytes: usize,
}

const CURSOR: &[u8] = b"-ERR tideover: the reply to SCAN has no cursor that fits\r\n";
const MIXED: &[u8] = b"-UNCERTAIN tideover: only a part of it was executed; outcome unknown\r\n";

impl Gathers {
    /// Starts to gather a command. One that was held before it could be split may come after later commands.
    pub(crate) fn open(&mut self, seq: Seq, gather: Gather) {
        let is_later = |(other, _): &&(Seq, Gather)| other.wrapping_sub(seq) < Seq::MAX / 2;
        let later = self.open.iter().rev().take_while(is_later).count();
        self.open.insert(self.open.len() - later, (seq, gather));
    }

    /// Returns the place of the last command of which parts are known and others are missing.
    pub(crate) fn last_begun(&self) -> Option<Seq> {
        let begun = self.open.iter().rev().find(|(_, gather)| gather.bytes() > 0);
        begun.map(|(seq, _)| *seq)
    }

    /// Returns the bytes of replies that wait for other parts.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes in the reply to one part. Returns the reply to the whole command once that is complete. `about`: what INFO says about
    /// the proxy.
    pub(crate) fn part(
        &mut self,
        reply: PartReply<'_>,
        owners: &Owners,
        face: &Face,
        about: impl FnOnce() -> ProxyInfo,
    ) -> Option<Vec<u8>> {
        let first = self.open.front()?.0;
        let place = |seq: Seq| seq.wrapping_sub(first);
        let index = self.open.binary_search_by_key(&place(reply.seq), |(seq, _)| place(*seq)).ok()?;
        let Some(whole) = self.open.get_mut(index)?.1.part(reply, owners) else {
            self.bytes += reply.bytes.len();
            return None;
        };
        let (_, gather) = self.open.remove(index)?;
        self.bytes -= gather.bytes();
        let rewritten = if gather.is_info() { face.info(&whole) } else { None };
        if self.open.is_empty() {
            self.open = VecDeque::new();
        }
        let whole = rewritten.unwrap_or(whole);
        if !gather.counts_clients() {
            return Some(whole);
        }
        let about = about();
        let whole = with_paused(whole, about.paused_clients);
        Some(if gather.is_about_proxy() { with_section(&whole, &about.section()) } else { whole })
    }
}

fn scanned(raw: &[u8], place: ScanPlace, owners: &Owners) -> Vec<u8> {
    scan::reply(raw, place, owners).unwrap_or_else(|| CURSOR.to_vec())
}

/// Returns what a merged reply says about the outcome of its command.
pub(crate) fn result_of(reply: &[u8]) -> CommandResult {
    match reply {
        _ if reply.first() != Some(&b'-') => CommandResult::Ok,
        _ if reply.starts_with(b"-UNCERTAIN tideover:") => CommandResult::Uncertain,
        _ if reply.starts_with(b"-TRYAGAIN tideover:") => CommandResult::TryAgain,
        _ => CommandResult::Error,
    }
}

/// Returns a page of SCAN without keys. The cursor then goes on to the next shard of the map.
pub(crate) fn empty_page() -> Vec<u8> {
    let mut out = Vec::new();
    reply::array(&mut out, 2);
    reply::bulk(&mut out, b"0");
    reply::array(&mut out, 0);
    out
}
