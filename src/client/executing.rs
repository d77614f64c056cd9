//! A transaction in which the proxy has parts, while it is carried out: the node's replies and the proxy's own become
//! EXEC's reply, in the order in which the commands were queued.

use std::collections::VecDeque;

use crate::command::{ClientCommand, Local, Merge, Session, Subscribe};
use crate::ids::LaneId;
use crate::node::queue::Entry;
use crate::node::relay::Acceptance;
use crate::resp::elements::Elements;
use crate::resp::reply;
use crate::resp::reply_scan::ReplyScan;
use crate::route::owners::Owners;

use super::gathers::{Gather, PartReply};
use super::inquiry::Inquiry;
use super::session::ReplyMode;

/// What is to be done for one or several queued commands once the node has run the block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ExecPart {
    /// So many of the node's replies go to the client as they came.
    Pass(usize),
    /// This is the reply.
    Say(Vec<u8>),
    Local {
        local: Local,
        request: Vec<u8>,
    },
    /// The node's next reply says whether the session changes.
    Session {
        session: Session,
        request: Vec<u8>,
    },
    /// CLIENT TRACKING or NO-TOUCH: a node judges it now, on a connection with these modes.
    Modes {
        session: Session,
        request: Vec<u8>,
    },
    /// The node's next reply says whether the client may ask this.
    Inquire(Box<Inquiry>),
    /// The node's next reply is that of one shard. The others are asked, and the replicas that get the command as well.
    EachShard {
        merge: Merge,
        request: Vec<u8>,
    },
    Subscribe {
        kind: Subscribe,
        request: Vec<u8>,
    },
}

/// What must come before the next part can be carried out.
#[derive(Debug)]
enum Awaited {
    Nothing,
    /// The answer of the workers.
    Answer,
    /// The confirmation of the hub. Like messages, it is sent in spite of CLIENT REPLY.
    Confirmation,
    /// The replies of the other shards.
    Shards(Box<Gather>),
}

/// The state of the transaction from EXEC to its reply.
#[derive(Debug)]
pub(crate) struct Executing {
    parts: VecDeque<ExecPart>,
    /// The number of queued commands, which EXEC's reply announces.
    pub(crate) queued: u32,
    /// The number of those that the node runs.
    by_node: usize,
    /// Within the block the session of a connection of the client's own changes.
    pub(crate) changes_connection: bool,
    /// What the client was told of keys that it has read may not cover what it has read within the block.
    pub(crate) is_untracked: bool,
    /// The place of EXEC's reply, and the lane of the block, once the node has run it.
    pub(crate) entry: Option<Entry>,
    pub(crate) lane: Option<LaneId>,
    /// The shard of that lane, and its node with the user that it has judged.
    pub(crate) shard: Option<u16>,
    pub(crate) accepted: Option<Acceptance>,
    /// The node's reply to EXEC, whose bytes up to `taken` are of no use any more.
    replies: Vec<u8>,
    taken: usize,
    /// EXEC's reply so far.
    out: Vec<u8>,
    /// CLIENT REPLY suppresses what follows.
    muted: bool,
    /// CLIENT REPLY suppresses the reply to the command after EXEC.
    skips_next: bool,
    awaited: Awaited,
}

impl Executing {
    pub(crate) fn new(
        parts: VecDeque<ExecPart>,
        queued: u32,
        by_node: usize,
        changes_connection: bool,
    ) -> Self {
        Executing {
            parts,
            queued,
            by_node,
            changes_connection,
            is_untracked: changes_connection,
            entry: None,
            lane: None,
            shard: None,
            accepted: None,
            replies: Vec::new(),
            taken: 0,
            out: Vec::new(),
            muted: false,
            skips_next: false,
            awaited: Awaited::Nothing,
        }
    }

    /// Takes the node's reply to EXEC. Returns false if the transaction did not run, or if the reply has not one element for each
    /// command.
    pub(crate) fn begin(&mut self, entry: &Entry, lane: Option<LaneId>, replies: &[u8]) -> bool {
        let fits = Elements::of(replies).filter(|elements| elements.left() == self.by_node);
        let Some(elements) = fits else { return false };
        (self.entry, self.lane) = (Some(*entry), lane);
        (self.replies, self.taken) = (elements.rest().to_vec(), 0);
        self.muted = entry.silent;
        if !self.muted {
            reply::array(&mut self.out, self.queued as usize);
        }
        true
    }

    /// Returns true if the node has run the block.
    pub(crate) fn has_begun(&self) -> bool {
        self.entry.is_some()
    }

    /// Returns the next part, if nothing is awaited before it.
    pub(crate) fn next(&mut self) -> Option<ExecPart> {
        if self.awaits_nothing() { self.parts.pop_front() } else { None }
    }

    /// Returns true if all parts are carried out.
    pub(crate) fn is_over(&self) -> bool {
        self.parts.is_empty() && self.awaits_nothing()
    }

    fn awaits_nothing(&self) -> bool {
        matches!(self.awaited, Awaited::Nothing)
    }

    /// Takes the next reply of the node.
    pub(crate) fn take_reply(&mut self) -> Vec<u8> {
        let from = self.taken;
        self.skip_replies(1);
        self.replies.get(from..self.taken).unwrap_or_default().to_vec()
    }

    /// Gives the client so many replies of the node.
    pub(crate) fn pass(&mut self, count: usize) {
        let from = self.taken;
        self.skip_replies(count);
        if !self.muted {
            self.out.extend_from_slice(self.replies.get(from..self.taken).unwrap_or_default());
        }
    }

    fn skip_replies(&mut self, count: usize) {
        let mut scan = ReplyScan::default();
        for _ in 0..count {
            match scan.scan(self.replies.get(self.taken..).unwrap_or_default()) {
                Ok((len, true)) => self.taken += len,
                Ok((_, false)) | Err(_) => return,
            }
        }
    }

    /// Gives the client a reply of the proxy.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        if !self.muted {
            self.out.extend_from_slice(bytes);
        }
    }

    /// Follows a command that the proxy has just answered: CLIENT REPLY applies to the replies after it.
    pub(crate) fn follow(&mut self, local: Local, mode: ReplyMode) {
        if local == Local::Client(ClientCommand::Reply) {
            match mode {
                ReplyMode::On => self.muted = false,
                ReplyMode::Off => self.muted = true,
                ReplyMode::SkipNext => self.skips_next = true,
            }
        }
    }

    /// Returns the mode of CLIENT REPLY after EXEC. ON does not undo a SKIP before it.
    pub(crate) fn mode_after(&self, mode: ReplyMode) -> ReplyMode {
        if mode == ReplyMode::On && self.skips_next { ReplyMode::SkipNext } else { mode }
    }

    pub(crate) fn await_answer(&mut self) {
        self.awaited = Awaited::Answer;
    }

    pub(crate) fn await_confirmation(&mut self) {
        self.awaited = Awaited::Confirmation;
    }

    /// Awaits the replies of other shards, which `gather` makes one with that of the block's.
    pub(crate) fn await_shards(&mut self, gather: Gather) {
        self.awaited = Awaited::Shards(Box::new(gather));
    }

    /// Takes what was awaited, or a part of it. Returns true if it is whole.
    pub(crate) fn arrive(&mut self, reply: PartReply<'_>, owners: &Owners) -> bool {
        let is_confirmation = matches!(self.awaited, Awaited::Confirmation);
        let whole = match &mut self.awaited {
            Awaited::Shards(gather) => gather.part(reply, owners),
            Awaited::Nothing | Awaited::Answer | Awaited::Confirmation => Some(reply.bytes.to_vec()),
        };
        let Some(whole) = whole else { return false };
        if !self.muted || is_confirmation {
            self.out.extend_from_slice(&whole);
        }
        self.awaited = Awaited::Nothing;
        true
    }

    /// Returns the bytes that are kept for the client.
    pub(crate) fn bytes(&self) -> usize {
        self.out.len() + self.replies.len()
    }

    /// Takes EXEC's reply, which is whole.
    pub(crate) fn into_reply(self) -> Vec<u8> {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ClientId;
    use crate::node::queue::EntryKind;
    use crate::reasons::CommandResult;

    const ENTRY: Entry = Entry {
        edited: true,
        ..Entry::blank(ClientId { slot: 0, generation: 0 }, EntryKind::Transaction, 0)
    };

    /// The reply to a transaction of these parts: `p` passes a reply of the node, `t` takes one and says it again, `S` says
    /// `:9`, `+`, `-` and `k` are CLIENT REPLY ON, OFF and SKIP, `a` and `c` await an answer and a confirmation.
    fn reply(parts: &str, replies: &str, silent: bool) -> Option<(String, ReplyMode)> {
        let local = |mode| (Local::Client(ClientCommand::Reply), mode);
        let by_node = parts.chars().filter(|part| matches!(part, 'p' | 't')).count();
        let queued = u32::try_from(parts.len()).unwrap();
        let mut executing = Executing::new(VecDeque::new(), queued, by_node, false);
        let entry = Entry { silent, ..ENTRY };
        executing.begin(&entry, None, replies.as_bytes()).then_some(())?;
        let mut mode = ReplyMode::On;
        for part in parts.chars() {
            match part {
                'p' => executing.pass(1),
                't' => {
                    let taken = executing.take_reply();
                    executing.say(&taken);
                }
                'S' => executing.say(b":9\r\n"),
                'a' => executing.await_answer(),
                'c' => executing.await_confirmation(),
                _ => {
                    mode = match part {
                        '+' => ReplyMode::On,
                        '-' => ReplyMode::Off,
                        _ => ReplyMode::SkipNext,
                    };
                    let (local, mode) = local(mode);
                    executing.follow(local, mode);
                    executing.say(if mode == ReplyMode::On { b"+OK\r\n" } else { b"" });
                }
            }
            assert_eq!(executing.is_over(), !matches!(part, 'a' | 'c'));
            if !executing.is_over() {
                let bytes = b":7\r\n";
                let part = PartReply { seq: 0, part: 0, bytes, result: CommandResult::Ok };
                assert!(executing.arrive(part, &Owners::Single));
            }
        }
        let mode = executing.mode_after(mode);
        Some((String::from_utf8(executing.into_reply()).unwrap(), mode))
    }

    #[test]
    fn parts_become_one_reply_in_their_order() {
        use ReplyMode::{Off, On, SkipNext};
        for (parts, replies, silent, expected, mode) in [
            ("", "*0|", false, "*0|", On),
            ("pSp", "*2|:1|$1|x|", false, "*3|:1|:9|$1|x|", On),
            ("tp", "*2|*1|:1|_|", false, "*2|*1|:1|_|", On),
            ("pcap", "*2|:1|:2|", false, "*4|:1|:7|:7|:2|", On),
            ("p-pca+S", "*2|:1|:2|", false, "*7|:1|:7|+OK|:9|", On),
            ("p-pS", "*2|:1|:2|", false, "*4|:1|", Off),
            ("pkp", "*2|:1|:2|", false, "*3|:1|:2|", SkipNext),
            ("k+p", "*1|:1|", false, "*3|+OK|:1|", SkipNext),
            ("pcS", "*1|:1|", true, ":7|", On),
            ("p+p", "*2|:1|:2|", true, "+OK|:2|", On),
        ] {
            let lines = |text: &str| text.replace('|', "\r\n");
            let found = reply(parts, &lines(replies), silent);
            assert_eq!(found, Some((lines(expected), mode)), "{parts} {replies}");
        }
    }

    #[test]
    fn nothing_begins_with_a_reply_that_does_not_fit() {
        for replies in ["*-1\r\n", "_\r\n", "-EXECABORT x\r\n", "*1\r\n:1\r\n", "*3\r\n:1\r\n:2\r\n:3\r\n"] {
            assert_eq!(reply("pSp", replies, false), None, "{replies}");
        }
    }
}
