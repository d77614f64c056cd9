//! Compares what the two sides have answered to the same lines.

use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind};

use crate::common::compare::same;
use crate::session::{Answer, Look, elements};

/// The first answer that differs.
#[derive(Clone)]
pub(crate) struct Difference {
    /// The number of the pipeline, and of the command in it.
    pub(crate) step: usize,
    pub(crate) at: usize,
    /// What the command is called, or what else is wrong.
    pub(crate) name: String,
    pub(crate) bare: String,
    pub(crate) through: String,
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { step, at, name, bare, through } = self;
        write!(f, "{name}, command {at} of pipeline {step}\n  bare    {bare}\n  through {through}")
    }
}

/// Returns true if two answers say the same.
fn agree(bare: &Answer, through: &Answer) -> bool {
    let (one, other) = (&bare.frames, &through.frames);
    if one.len() != other.len() {
        return false;
    }
    match &bare.look {
        Look::Whole(how) => one.iter().zip(other).all(|(one, other)| same(*how, one, other)),
        Look::Names => names_and_counts(one) == names_and_counts(other),
        Look::Each(hows) => {
            let (one, other) = (elements(&one[0]), elements(&other[0]));
            let same_head = bare.frames[0][0] == through.frames[0][0];
            let mut parts = one.iter().zip(&other).zip(hows);
            same_head && one.len() == other.len() && parts.all(|((one, other), how)| same(*how, one, other))
        }
    }
}

/// Returns the names and the counts of confirmations, each in order.
fn names_and_counts(frames: &[Vec<u8>]) -> [Vec<Vec<u8>>; 3] {
    [0, 1, 2].map(|at| {
        let mut all: Vec<Vec<u8>> = frames
            .iter()
            .map(|frame| elements(frame).get(at).map(|part| part.to_vec()).unwrap_or_default())
            .collect();
        all.sort();
        all
    })
}

/// Returns frames as people read them.
pub(crate) fn shown(frames: &[Vec<u8>]) -> String {
    let one =
        |frame: &Vec<u8>| frame.iter().take(300).copied().collect::<Vec<u8>>().escape_ascii().to_string();
    match frames {
        [] => "nothing".to_owned(),
        frames => frames.iter().map(one).collect::<Vec<_>>().join(" | "),
    }
}

/// Returns true if both sides have answered the same, or both have closed the connection.
pub(crate) fn both_agree(bare: Option<&io::Result<Answer>>, through: Option<&io::Result<Answer>>) -> bool {
    match (bare, through) {
        (Some(Ok(bare)), Some(Ok(through))) => agree(bare, through),
        (Some(Err(bare)), Some(Err(through))) => is_end(bare) && is_end(through),
        (None, None) => true,
        _ => false,
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

pub(crate) fn told(answer: Option<&io::Result<Answer>>) -> String {
    match answer {
        Some(Ok(answer)) => shown(&answer.frames),
        Some(Err(error)) => format!("no reply: {error}"),
        None => "nothing more".to_owned(),
    }
}
