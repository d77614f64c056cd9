//! The replies to a client, in the order of its commands.
//!
//! The reply at the head goes straight to the output; one that comes before its turn is parked. A frame that is no
//! reply (a pushed message) is put between two replies, never into one.

use std::collections::VecDeque;

use crate::ids::Seq;
use crate::resp::bytes::append;

#[derive(Default)]
struct Parked {
    bytes: Vec<u8>,
    complete: bool,
}

/// The output of one client. It holds no memory while nothing waits.
#[derive(Default)]
pub(crate) struct Replies {
    head: Seq,
    next: Seq,
    parked: VecDeque<Parked>,
    parked_bytes: usize,
    out: Vec<u8>,
    written: usize,
    /// A part of the head's reply is in the output, and the rest of the same frame has yet to come.
    cut: bool,
    /// Frames that answer nothing, and wait for the end of a reply that is cut.
    pushes: Vec<u8>,
    /// The first place that gets no reply: the connection ends before it.
    end: Option<Seq>,
}

impl Replies {
    /// Takes the next place, for the reply to a new command.
    pub(crate) fn open(&mut self) -> Seq {
        let seq = self.next;
        self.next = self.next.wrapping_add(1);
        seq
    }

    /// Returns the number of replies that are still owed.
    pub(crate) fn owed(&self) -> u32 {
        self.end.unwrap_or(self.next).wrapping_sub(self.head)
    }

    /// Gives up all replies from this place on, whatever comes for them.
    pub(crate) fn end_before(&mut self, seq: Seq) {
        if !self.is_beyond_end(seq) {
            self.end = Some(seq);
            let kept = seq.wrapping_sub(self.head) as usize;
            let dropped = self.parked.drain(kept.min(self.parked.len())..);
            self.parked_bytes -= dropped.map(|parked| parked.bytes.len()).sum::<usize>();
        }
    }

    fn is_beyond_end(&self, seq: Seq) -> bool {
        self.end.is_some_and(|end| seq.wrapping_sub(self.head) >= end.wrapping_sub(self.head))
    }

    /// Takes the whole reply for a place, or its last part.
    pub(crate) fn complete(&mut self, seq: Seq, bytes: &[u8]) {
        if seq != self.head || self.end.is_some() {
            if self.is_beyond_end(seq) {
                return;
            }
            if seq == self.head {
                return self.complete_head(bytes);
            }
            let parked = self.park(seq);
            append(&mut parked.bytes, bytes);
            parked.complete = true;
            self.parked_bytes += bytes.len();
            return;
        }
        self.complete_head(bytes);
    }

    fn complete_head(&mut self, bytes: &[u8]) {
        append(&mut self.out, bytes);
        self.cut = false;
        self.advance();
    }

    /// Takes a part of a reply that is not whole yet. `cut`: the part ends within a frame.
    pub(crate) fn part(&mut self, seq: Seq, bytes: &[u8], cut: bool) {
        if self.is_beyond_end(seq) {
            return;
        }
        if seq == self.head {
            append(&mut self.out, bytes);
            self.cut = cut;
        } else {
            append(&mut self.park(seq).bytes, bytes);
            self.parked_bytes += bytes.len();
        }
    }

    /// Takes a frame that answers nothing.
    pub(crate) fn push(&mut self, frame: &[u8]) {
        let target = if self.cut { &mut self.pushes } else { &mut self.out };
        append(target, frame);
    }

    pub(crate) fn unwritten(&self) -> &[u8] {
        self.out.get(self.written..).unwrap_or_default()
    }

    /// Notes that so many bytes were written. Returns the buffer for another client when it has become empty.
    pub(crate) fn advance_written(&mut self, by: usize) -> Option<Vec<u8>> {
        self.written += by;
        if self.written < self.out.len() {
            return None;
        }
        self.written = 0;
        self.out.clear();
        Some(std::mem::take(&mut self.out))
    }

    pub(crate) fn has_buffer(&self) -> bool {
        self.out.capacity() > 0
    }

    pub(crate) fn lend_buffer(&mut self, buffer: Vec<u8>) {
        self.out = buffer;
    }

    /// Returns the bytes that wait for the client, parked ones included.
    pub(crate) fn waiting(&self) -> usize {
        self.unwritten().len() + self.parked_bytes + self.pushes.len()
    }

    /// Returns the bytes of replies that wait for an earlier reply.
    pub(crate) fn parked_bytes(&self) -> usize {
        self.parked_bytes
    }

    fn park(&mut self, seq: Seq) -> &mut Parked {
        let index = seq.wrapping_sub(self.head) as usize;
        while self.parked.len() <= index {
            self.parked.push_back(Parked::default());
        }
        // The loop above has made this index valid.
        &mut self.parked[index]
    }

    fn advance(&mut self) {
        self.head = self.head.wrapping_add(1);
        self.parked.pop_front();
        self.out.append(&mut self.pushes);
        while self.parked.front().is_some_and(|parked| parked.complete) {
            if let Some(parked) = self.parked.pop_front() {
                append(&mut self.out, &parked.bytes);
                self.parked_bytes -= parked.bytes.len();
                self.head = self.head.wrapping_add(1);
            }
        }
        if let Some(parked) = self.parked.front_mut().filter(|parked| !parked.bytes.is_empty()) {
            let bytes = std::mem::take(&mut parked.bytes);
            append(&mut self.out, &bytes);
            self.parked_bytes -= bytes.len();
            self.cut = true;
        }
        if self.parked.is_empty() {
            self.parked = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(replies: &mut Replies) -> String {
        let text = String::from_utf8(replies.unwritten().to_vec()).unwrap();
        replies.advance_written(text.len());
        text
    }

    #[test]
    fn replies_leave_in_the_order_of_their_commands() {
        let mut replies = Replies::default();
        let seqs: Vec<Seq> = (0..4).map(|_| replies.open()).collect();
        replies.complete(seqs[2], b"c");
        replies.complete(seqs[1], b"b");
        assert_eq!(drain(&mut replies), "");
        replies.complete(seqs[0], b"a");
        assert_eq!(drain(&mut replies), "abc");
        replies.complete(seqs[3], b"d");
        assert_eq!(drain(&mut replies), "d");
        assert_eq!(replies.owed(), 0);
        assert_eq!(replies.waiting(), 0);
    }

    #[test]
    fn a_push_waits_until_the_reply_in_progress_is_whole() {
        let mut replies = Replies::default();
        let (first, second) = (replies.open(), replies.open());
        replies.part(second, b"s1", true);
        replies.part(first, b"f1", true);
        replies.push(b"P");
        assert_eq!(drain(&mut replies), "f1");
        replies.complete(first, b"f2");
        assert_eq!(drain(&mut replies), "f2Ps1");
        replies.push(b"Q");
        replies.complete(second, b"s2");
        assert_eq!(drain(&mut replies), "s2Q");
    }

    #[test]
    fn no_reply_leaves_behind_the_end() {
        let mut replies = Replies::default();
        let seqs: Vec<Seq> = (0..5).map(|_| replies.open()).collect();
        replies.complete(seqs[1], b"b");
        replies.complete(seqs[4], b"e");
        replies.end_before(seqs[3]);
        replies.end_before(seqs[2]);
        replies.end_before(seqs[4]);
        assert_eq!(replies.owed(), 2);
        replies.complete(seqs[2], b"c");
        replies.part(seqs[3], b"d", true);
        assert_eq!(replies.waiting(), 1);
        replies.complete(seqs[0], b"a");
        assert_eq!(drain(&mut replies), "ab");
        assert_eq!((replies.owed(), replies.waiting()), (0, 0));
    }

    proptest::proptest! {
        #[test]
        fn any_order_of_answers_gives_the_same_output(
            order in proptest::strategy::Strategy::prop_shuffle(proptest::strategy::Just((0..20usize).collect::<Vec<_>>())),
        ) {
            let mut replies = Replies::default();
            let seqs: Vec<Seq> = (0..20).map(|_| replies.open()).collect();
            for index in order {
                replies.complete(seqs[index], &[b'a' + index as u8]);
            }
            proptest::prop_assert_eq!(replies.unwritten(), (b'a'..b'a' + 20).collect::<Vec<u8>>());
        }
    }
}
