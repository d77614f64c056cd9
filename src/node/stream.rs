//! The bytes of requests on their way to a node: a chain of segments with three cursors, appended ≥ written ≥ answered.
//!
//! Bytes without a reply stay in the chain, so sending them again copies only what a lost connection leaves behind. A
//! request never straddles two segments. An idle stream holds no memory.

use std::collections::VecDeque;

use crate::resp::bytes::append;

use super::queue::Entry;

/// The size of an ordinary segment. A larger request gets a segment of its own.
const SEGMENT: usize = 64 * 1024;
/// The number of segments that a pool keeps for later streams.
const POOLED: usize = 64;
/// The empty segments of one worker.
#[derive(Default)]
pub(crate) struct SegmentPool(Vec<Vec<u8>>);

impl SegmentPool {
    fn take(&mut self, len: usize) -> Vec<u8> {
        if len > SEGMENT {
            return Vec::with_capacity(len);
        }
        self.0.pop().unwrap_or_else(|| Vec::with_capacity(SEGMENT))
    }

    fn give(&mut self, mut segment: Vec<u8>) {
        if segment.capacity() == SEGMENT && self.0.len() < POOLED {
            segment.clear();
            self.0.push(segment);
        }
    }
}

struct Segment {
    /// The stream offset of the segment's first byte.
    start: u64,
    bytes: Vec<u8>,
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// The bytes of one lane, addressed by offsets that only grow.
#[derive(Default)]
pub(crate) struct Stream {
    segments: VecDeque<Segment>,
    appended: u64,
    written: u64,
    answered: u64,
}

impl Stream {
    /// Returns the offset before which all bytes were taken by the kernel.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Returns the number of bytes that have no reply yet.
    pub(crate) fn unanswered(&self) -> usize {
        (self.appended - self.answered) as usize
    }

    /// Adds one request. Returns the offset at which it starts.
    pub(crate) fn push(&mut self, request: &[u8], pool: &mut SegmentPool) -> u64 {
        let start = self.appended;
        let fits = self
            .segments
            .back()
            .is_some_and(|last| last.bytes.capacity() - last.bytes.len() >= request.len());
        if !fits {
            self.segments.push_back(Segment { start, bytes: pool.take(request.len()) });
        }
        if let Some(last) = self.segments.back_mut() {
            append(&mut last.bytes, request);
        }
        self.appended += request.len() as u64;
        start
    }

    /// Returns the next bytes to write, up to the end of their segment.
    pub(crate) fn unwritten(&self) -> &[u8] {
        self.slice(self.written, self.appended)
    }

    pub(crate) fn advance_written(&mut self, by: usize) {
        self.written = (self.written + by as u64).min(self.appended);
    }

    /// Notes that everything before `end` has its reply, and frees the segments that lie wholly before it.
    pub(crate) fn advance_answered(&mut self, end: u64, pool: &mut SegmentPool) {
        self.answered = end;
        self.written = self.written.max(end);
        while self.segments.front().is_some_and(|first| first.end() <= end) {
            if let Some(segment) = self.segments.pop_front() {
                pool.give(segment.bytes);
            }
        }
    }

    /// Returns the bytes of one request that has no reply yet.
    pub(crate) fn request(&self, entry: &Entry) -> &[u8] {
        self.slice(entry.start, entry.end)
    }

    /// Returns the offset at which the next request will start.
    pub(crate) fn appended(&self) -> u64 {
        self.appended
    }

    /// Takes all segments out, to be read while a new chain is built. The new chain starts at the same offset.
    pub(crate) fn take(&mut self) -> Stream {
        let fresh = Stream {
            segments: VecDeque::new(),
            appended: self.appended,
            written: self.appended,
            answered: self.appended,
        };
        std::mem::replace(self, fresh)
    }

    /// Takes all bytes from this offset on. None of them has been written.
    pub(crate) fn split_off(&mut self, at: u64) -> Stream {
        let whole = self.segments.partition_point(|segment| segment.start < at);
        let mut segments = self.segments.split_off(whole);
        if let Some(last) = self.segments.back_mut().filter(|last| last.end() > at) {
            let bytes = last.bytes.split_off((at - last.start) as usize);
            segments.push_front(Segment { start: at, bytes });
        }
        let tail = Stream { segments, appended: self.appended, written: at, answered: at };
        self.appended = at;
        tail
    }

    /// Copies a request from another stream. Returns the offset at which it starts here.
    pub(crate) fn push_from(&mut self, other: &Stream, entry: &Entry, pool: &mut SegmentPool) -> u64 {
        let (start, mut at) = (self.appended, entry.start);
        // The bytes of a streamed request lie in many pieces.
        while at < entry.end {
            let piece = other.slice(at, entry.end);
            if piece.is_empty() {
                break;
            }
            self.push(piece, pool);
            at += piece.len() as u64;
        }
        start
    }

    /// Starts again with the first request that has no reply, for a new connection.
    pub(crate) fn rewind(&mut self) {
        self.written = self.answered;
    }

    /// Gives the memory back to the pool.
    pub(crate) fn release(self, pool: &mut SegmentPool) {
        for segment in self.segments {
            pool.give(segment.bytes);
        }
    }

    /// Returns the bytes `start..end`, cut at the end of the segment that holds `start`.
    fn slice(&self, start: u64, end: u64) -> &[u8] {
        let holder = self.segments.partition_point(|segment| segment.end() <= start);
        let Some(segment) = self.segments.get(holder).filter(|segment| segment.start <= start) else {
            return &[];
        };
        let last = (end.min(segment.end()) - segment.start) as usize;
        segment.bytes.get((start - segment.start) as usize..last).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_can_be_read_until_it_is_answered() {
        let (mut stream, mut pool) = (Stream::default(), SegmentPool::default());
        let large = vec![b'x'; SEGMENT * 2];
        let first = stream.push(b"one", &mut pool);
        let second = stream.push(&large, &mut pool);
        let third = stream.push(b"three", &mut pool);
        assert_eq!(stream.slice(second, third), large);
        assert_eq!(stream.slice(third, third + 5), b"three");
        stream.advance_answered(second, &mut pool);
        assert_eq!(stream.slice(first, second), b"");
        assert_eq!(stream.unanswered(), large.len() + 5);
        stream.advance_answered(third + 5, &mut pool);
        assert_eq!(stream.unanswered(), 0);
        assert!(stream.segments.is_empty());
    }

    #[test]
    fn written_bytes_come_in_order_and_again_after_a_rewind() {
        let (mut stream, mut pool) = (Stream::default(), SegmentPool::default());
        for _ in 0..3000 {
            stream.push(&[b'a'; 50], &mut pool);
        }
        stream.advance_answered(50, &mut pool);
        for _ in 0..2 {
            let mut total = 0;
            while !stream.unwritten().is_empty() {
                let step = stream.unwritten().len().min(777);
                assert!(step > 0);
                stream.advance_written(step);
                total += step;
            }
            assert_eq!(total, 2999 * 50);
            stream.rewind();
        }
    }

    proptest::proptest! {
        /// Requests of any size are written, answered and taken over to a new chain in any order of steps: the bytes
        /// that leave are those that came, and nothing stays behind.
        #[test]
        fn what_is_pushed_is_what_is_written(
            sizes in proptest::collection::vec(1usize..3 * SEGMENT, 1..12),
            steps in proptest::collection::vec((0usize..5, 1usize..2 * SEGMENT), 0..60),
        ) {
            let (mut stream, mut pool) = (Stream::default(), SegmentPool::default());
            let bodies: Vec<Vec<u8>> =
                sizes.iter().enumerate().map(|(index, size)| vec![b'a' + index as u8; *size]).collect();
            let mut open: VecDeque<(usize, u64, u64)> = bodies
                .iter()
                .enumerate()
                .map(|(index, body)| {
                    let start = stream.push(body, &mut pool);
                    (index, start, stream.appended())
                })
                .collect();
            for (step, by) in steps {
                match step {
                    0 | 1 => {
                        let len = stream.unwritten().len().min(by);
                        stream.advance_written(len);
                    }
                    2 => {
                        if open.front().is_some_and(|(_, _, end)| *end <= stream.written())
                            && let Some((_, _, end)) = open.pop_front()
                        {
                            stream.advance_answered(end, &mut pool);
                        }
                    }
                    3 if open.iter().any(|(_, start, _)| *start >= stream.written()) => {
                        let first = open.iter().position(|(_, start, _)| *start >= stream.written());
                        let (first, written) = (first.unwrap_or_default(), stream.written());
                        let old = stream.split_off(open[first].1);
                        for (_, start, end) in open.iter_mut().skip(first) {
                            *start = stream.push(old.slice(*start, *end), &mut pool);
                            *end = stream.appended();
                        }
                        old.release(&mut pool);
                        proptest::prop_assert_eq!(stream.written(), written);
                    }
                    _ => {
                        let old = stream.take();
                        for (_, start, end) in &mut open {
                            *start = stream.push(old.slice(*start, *end), &mut pool);
                            *end = stream.appended();
                        }
                        old.release(&mut pool);
                    }
                }
                for (index, start, end) in &open {
                    proptest::prop_assert!(stream.slice(*start, *end) == bodies[*index].as_slice());
                }
                let owed: usize = open.iter().map(|(index, ..)| sizes[*index]).sum();
                proptest::prop_assert_eq!(stream.unanswered(), owed);
            }
        }
    }
}
