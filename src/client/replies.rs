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
    /// Some of it came from a node, so it may be about keys.
    from_node: bool,
    /// Frames that answer nothing, and must not come before this reply.
    behind: Vec<u8>,
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

    /// Takes the next place, with the proxy's own answer to a new command.
    pub(crate) fn answer(&mut self, bytes: &[u8]) {
        let seq = self.open();
        if seq == self.head && self.end.is_none() {
            return self.complete_head(bytes);
        }
        if !self.is_beyond_end(seq) {
            let parked = self.park(seq);
            append(&mut parked.bytes, bytes);
            parked.complete = true;
            self.parked_bytes += bytes.len();
        }
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
            self.parked_bytes -=
                dropped.map(|parked| parked.bytes.len() + parked.behind.len()).sum::<usize>();
        }
    }

    fn is_beyond_end(&self, seq: Seq) -> bool {
        self.end.is_some_and(|end| seq.wrapping_sub(self.head) >= end.wrapping_sub(self.head))
    }

    /// Takes the whole reply for a place, or its last part.
    #[inline]
    pub(crate) fn complete(&mut self, seq: Seq, bytes: &[u8]) {
        match seq == self.head && self.end.is_none() {
            true => self.complete_head(bytes),
            false => self.complete_other(seq, bytes),
        }
    }

    /// Takes a reply that is not the next one, or that comes while the connection is ending.
    fn complete_other(&mut self, seq: Seq, bytes: &[u8]) {
        if self.is_beyond_end(seq) {
            return;
        }
        if seq == self.head {
            return self.complete_head(bytes);
        }
        let parked = self.park(seq);
        append(&mut parked.bytes, bytes);
        (parked.complete, parked.from_node) = (true, true);
        self.parked_bytes += bytes.len();
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
            let parked = self.park(seq);
            append(&mut parked.bytes, bytes);
            parked.from_node = true;
            self.parked_bytes += bytes.len();
        }
    }

    /// Takes a frame that answers nothing.
    pub(crate) fn push(&mut self, frame: &[u8]) {
        let target = if self.cut { &mut self.pushes } else { &mut self.out };
        append(target, frame);
    }

    /// Takes a frame that answers nothing, and must not come before any reply of which something is known already: those of
    /// nodes that are parked, and the one in this place, of which other parts are missing.
    pub(crate) fn push_behind(&mut self, gathered: Option<Seq>, frame: &[u8]) {
        let gathered =
            gathered.filter(|seq| !self.is_beyond_end(*seq)).map(|seq| seq.wrapping_sub(self.head));
        let parked = self.parked.iter().rposition(|parked| parked.from_node);
        let parked = parked.and_then(|place| u32::try_from(place).ok());
        match gathered.max(parked) {
            None => self.push(frame),
            Some(place) => self.push_after(self.head.wrapping_add(place), frame),
        }
    }

    /// Takes a frame that answers nothing, and comes behind the reply in this place, which has not left.
    pub(crate) fn push_after(&mut self, seq: Seq, frame: &[u8]) {
        if !self.is_beyond_end(seq) {
            self.parked_bytes += frame.len();
            append(&mut self.park(seq).behind, frame);
        }
    }

    /// Returns the place that the next command will have.
    pub(crate) fn next_place(&self) -> Seq {
        self.next
    }

    /// Returns true if the reply in this place has not left.
    pub(crate) fn owes(&self, seq: Seq) -> bool {
        seq.wrapping_sub(self.head) < self.next.wrapping_sub(self.head)
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

    /// Writes bytes that were parked.
    fn emit(&mut self, parked: &[u8]) {
        append(&mut self.out, parked);
        self.parked_bytes -= parked.len();
    }

    #[inline]
    fn advance(&mut self) {
        self.head = self.head.wrapping_add(1);
        if !self.parked.is_empty() || !self.pushes.is_empty() {
            self.let_go();
        }
    }

    /// Lets those go that waited for the reply that has just left.
    #[cold]
    fn let_go(&mut self) {
        if let Some(done) = self.parked.pop_front() {
            self.emit(&done.behind);
        }
        self.out.append(&mut self.pushes);
        while self.parked.front().is_some_and(|parked| parked.complete) {
            if let Some(parked) = self.parked.pop_front() {
                self.emit(&parked.bytes);
                self.emit(&parked.behind);
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
    fn an_invalidation_comes_behind_the_replies_that_it_may_be_about() {
        let mut replies = Replies::default();
        let seqs: Vec<Seq> = (0..4).map(|_| replies.open()).collect();
        replies.complete(seqs[1], b"b");
        replies.push_behind(None, b"1");
        replies.push_behind(Some(seqs[2]), b"2");
        replies.push(b"P");
        assert_eq!((drain(&mut replies).as_str(), replies.waiting()), ("P", 3));
        replies.complete(seqs[0], b"a");
        assert_eq!(drain(&mut replies), "ab1");
        replies.push_behind(Some(seqs[2]), b"3");
        replies.complete(seqs[2], b"c");
        assert_eq!(drain(&mut replies), "c23");
        replies.push_behind(None, b"4");
        replies.complete(seqs[3], b"d");
        assert_eq!((drain(&mut replies).as_str(), replies.waiting()), ("4d", 0));
        let (first, second) = (replies.open(), replies.open());
        replies.complete(second, b"f");
        replies.push_behind(None, b"5");
        replies.end_before(second);
        replies.complete(first, b"e");
        assert_eq!((drain(&mut replies).as_str(), replies.waiting()), ("e", 0));
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
