//! Sends a pipeline and reads its answers.

use std::io::{self, Write};

use crate::common::compare::How;
use crate::episode::Step;
use crate::line::Line;
use crate::session::{Answer, Look, Session};

/// The size of a pipeline that is written while its replies are read.
const LARGE: usize = 16 << 10;

impl Session {
    /// Sends a pipeline and returns the answers; the last one is an error if the connection ended.
    pub(crate) fn run(&mut self, step: &Step) -> Vec<io::Result<Answer>> {
        let bytes: Vec<u8> = step.lines.iter().flat_map(Line::bytes).collect();
        let is_small = bytes.len() < LARGE;
        let mut writer = self.conn.writer();
        let mut write = move || bytes.chunks(step.piece).try_for_each(|piece| writer.write_all(piece));
        if is_small {
            // If the other side has closed, reading says so.
            let _ = write();
            return self.answers(&step.lines);
        }
        std::thread::scope(|scope| {
            scope.spawn(write);
            self.answers(&step.lines)
        })
    }

    fn answers(&mut self, lines: &[Line]) -> Vec<io::Result<Answer>> {
        let mut answers = Vec::new();
        for line in lines {
            answers.push(self.answer(line));
            if answers.last().is_some_and(Result::is_err) {
                break;
            }
        }
        if lines.last().is_some_and(|line| line.closes) && answers.iter().all(Result::is_ok) {
            let further = self.conn.try_frame();
            answers.push(further.map(|frame| Answer { frames: vec![frame], look: Look::Whole(How::Exact) }));
        }
        answers
    }
}
