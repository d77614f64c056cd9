//! The probe of a node that has been silent on another connection: it asks whether the node is shutting down.
//!
//! A server whose replicas lag puts off every write until it ends, answers everything else, and reports
//! `shutdown_in_milliseconds` in `INFO server`. Redis 7.0 and Valkey do so. KeyDB, older servers and servers without
//! replicas end at once and never report it.

use crate::resp::elements::text;
use crate::resp::reply;

use super::greeting::field;

/// The questions of one probe connection.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    /// A lane waits for the answer.
    pub(crate) wanted: bool,
    /// The time at which the unanswered question was asked, in microseconds on the worker's clock.
    asked: Option<u64>,
    out: Vec<u8>,
    written: usize,
}

/// The content of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeReply<'a> {
    /// The node will end, and begins no write until then. `threads`: other threads may still have replies to write.
    Ends {
        run_id: &'a [u8],
        threads: bool,
    },
    Serves,
    /// The node is busy, is still loading, or refuses to say.
    Nothing,
}

impl Probe {
    /// Asks the question, unless one is unanswered. Returns true if it was asked.
    pub(crate) fn ask(&mut self, now: u64) -> bool {
        if self.asked.is_some() {
            return false;
        }
        self.asked = Some(now);
        (self.out, self.written) = (Vec::new(), 0);
        reply::command(&mut self.out, &[b"INFO", b"server"]);
        true
    }

    /// Notes that the question was answered. Returns when it was asked, or `None` if there was none.
    pub(crate) fn take_question(&mut self) -> Option<u64> {
        self.asked.take()
    }

    pub(crate) fn is_owed(&self) -> bool {
        self.asked.is_some()
    }

    /// Forgets the question, because the connection is gone.
    pub(crate) fn forget(&mut self) {
        *self = Probe { wanted: self.wanted, ..Probe::default() };
    }

    pub(crate) fn unwritten(&self) -> &[u8] {
        self.out.get(self.written..).unwrap_or_default()
    }

    pub(crate) fn advance_written(&mut self, by: usize) {
        self.written += by;
    }
}

/// Reads an answer.
pub(crate) fn read_answer(frame: &[u8]) -> ProbeReply<'_> {
    let Some(info) = text(frame) else { return ProbeReply::Nothing };
    let Some(run_id) = field(info, b"run_id:") else { return ProbeReply::Nothing };
    let threads = field(info, b"io_threads_active:").is_none_or(|count| count != b"0");
    match field(info, b"shutdown_in_milliseconds:") {
        Some(_) => ProbeReply::Ends { run_id, threads },
        None => ProbeReply::Serves,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Vec<u8> {
        format!("${}\r\n{text}\r\n", text.len()).into_bytes()
    }

    #[test]
    fn only_an_info_with_a_run_id_counts() {
        let ends = |threads| ProbeReply::Ends { run_id: b"abc", threads };
        for (frame, expected) in [
            (
                bulk("# Server\r\nrun_id:abc\r\nio_threads_active:0\r\nshutdown_in_milliseconds:9984\r\n"),
                ends(false),
            ),
            (bulk("run_id:abc\r\nshutdown_in_milliseconds:9984\r\nio_threads_active:1\r\n"), ends(true)),
            (bulk("run_id:abc\r\nshutdown_in_milliseconds:0\r\n"), ends(true)),
            (bulk("run_id:abc\r\nio_threads_active:0\r\n"), ProbeReply::Serves),
            (bulk("shutdown_in_milliseconds:9984\r\n"), ProbeReply::Nothing),
            (b"-BUSY Redis is busy running a script.\r\n".to_vec(), ProbeReply::Nothing),
            (b"-NOPERM this user has no permissions\r\n".to_vec(), ProbeReply::Nothing),
            (b"+PONG\r\n".to_vec(), ProbeReply::Nothing),
        ] {
            assert_eq!(read_answer(&frame), expected, "{}", frame.escape_ascii());
        }
    }

    #[test]
    fn one_question_is_asked_at_a_time() {
        let mut probe = Probe::default();
        assert!(probe.ask(1));
        assert!(!probe.ask(2));
        assert_eq!(probe.unwritten(), b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n");
        probe.advance_written(probe.unwritten().len());
        assert_eq!(probe.take_question(), Some(1));
        assert_eq!(probe.take_question(), None);
        assert!(probe.ask(3) && !probe.unwritten().is_empty());
        probe.forget();
        assert!(probe.unwritten().is_empty() && !probe.is_owed());
    }
}
