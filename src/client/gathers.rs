//! Commands that run in parts: what has come of each until one reply can be made of it.

use std::collections::VecDeque;

use crate::command::Merge;
use crate::face::Mask;
use crate::metrics::reasons::CommandResult;
use crate::resp::reply;
use crate::route::map::SlotMap;
use crate::route::scan::{self, Place};
use crate::split::gather::Gathering;

use super::replies::Seq;

/// How the reply to one command comes about.
#[derive(Debug)]
pub(crate) enum Gather {
    /// From the replies of several shards.
    Parts { gathering: Gathering, has_effect: bool, ran: bool, did_not_run: bool },
    /// From that of one shard, with another cursor.
    Scan(Place),
}

impl Gather {
    /// The whole is the reply to INFO.
    pub(crate) fn is_info(&self) -> bool {
        matches!(self, Gather::Parts { gathering, .. } if gathering.merge() == Merge::Info)
    }

    /// `has_effect`: the command changes something.
    pub(crate) fn parts(gathering: Gathering, has_effect: bool) -> Gather {
        Gather::Parts { gathering, has_effect, ran: false, did_not_run: false }
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
    pub(crate) fn open(&mut self, seq: Seq, gather: Gather) {
        self.open.push_back((seq, gather));
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
        mask: &Mask,
    ) -> Option<Vec<u8>> {
        let index = self.open.iter().position(|(seq, _)| *seq == reply.seq)?;
        let whole = match &mut self.open.get_mut(index)?.1 {
            Gather::Scan(place) => scanned(reply.bytes, *place, map),
            Gather::Parts { gathering, has_effect, ran, did_not_run } => {
                *ran |= reply.result == CommandResult::Ok;
                *did_not_run |= reply.result == CommandResult::TryAgain;
                let merged = gathering.part(usize::from(reply.part), reply.bytes);
                let mixed = *has_effect && *ran && *did_not_run;
                match merged {
                    // Parts that ran make "not executed" untrue for the whole.
                    Some(merged) if mixed && !merged.starts_with(b"-UNCERTAIN ") => MIXED.to_vec(),
                    Some(merged) => merged,
                    None => {
                        self.bytes += reply.bytes.len();
                        return None;
                    }
                }
            }
        };
        let info = self.open.remove(index).filter(|(_, gather)| gather.is_info());
        let masked = info.and_then(|_| mask.info(&whole));
        if self.open.is_empty() {
            self.open = VecDeque::new();
            self.bytes = 0;
        }
        Some(masked.unwrap_or(whole))
    }
}

fn scanned(raw: &[u8], place: Place, map: Option<&SlotMap>) -> Vec<u8> {
    map.and_then(|map| scan::reply(raw, place, map)).unwrap_or_else(|| CURSOR.to_vec())
}

/// What a reply that was put together says of the command.
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
