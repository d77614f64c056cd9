//! One run of a few thousand commands of several clients, made from a seed.

use std::collections::{BTreeSet, VecDeque};

use crate::common::Random;
use crate::line::Line;
use crate::source::Source;
use crate::stories::{Author, Writing};
use crate::words;

/// Number of clients at the same time.
pub(crate) const CLIENTS: usize = 4;

/// One client's pipeline, which is answered before the next one begins.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) client: usize,
    pub(crate) lines: Vec<Line>,
    /// Number of bytes that are written at once.
    pub(crate) piece: usize,
    /// The client's messages are there before it is sent.
    pub(crate) is_behind_cut: bool,
}

/// Makes the steps of a seed, with this number of commands or some more.
pub(crate) fn episode(source: &Source, seed: u64, count: usize) -> Vec<Step> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut clients: Vec<(Author, VecDeque<Line>)> = (0..CLIENTS).map(|_| Default::default()).collect();
    let (mut steps, mut unit, mut made) = (Vec::new(), 0, 0);
    while made < count {
        let client = random.below(CLIENTS);
        let len = [1, 1 + random.below(5), 1 + random.below(30), 1 + random.below(100)][random.below(4)];
        let (author, waiting) = &mut clients[client];
        while waiting.len() < len {
            let tag = random.of(source.tags);
            let mut writing = Writing { source, random: &mut random, lines: Vec::new(), tag };
            writing.go_on(author);
            waiting.extend(writing.lines.into_iter().map(|line| Line { unit, ..line }));
            unit += 1;
        }
        let lines = pipeline(waiting, len);
        let is_behind_cut = std::mem::replace(&mut author.is_cut, lines.last().is_some_and(|line| line.cut));
        made += lines.len();
        steps.push(Step { client, lines, piece: piece(&mut random), is_behind_cut });
    }
    steps.push(reading(source, unit));
    steps
}

/// Takes the lines of one pipeline.
fn pipeline(waiting: &mut VecDeque<Line>, len: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    while let Some(next) = waiting.front() {
        if lines.last().is_some_and(|last| last.cut) || (lines.len() >= len && !next.glued) {
            break;
        }
        lines.extend(waiting.pop_front());
    }
    lines
}

fn piece(random: &mut Random) -> usize {
    match random.below(8) {
        0 => 1 + random.below(40),
        1 => 1 + random.below(5000),
        2 => 16_384,
        _ => usize::MAX,
    }
}

/// Returns a step of a client of its own that reads everything.
fn reading(source: &Source, unit: usize) -> Step {
    let readers = [
        "TYPE {}",
        "GET {}",
        "LRANGE {} 0 -1",
        "SMEMBERS {}",
        "ZRANGE {} 0 -1 WITHSCORES",
        "HGETALL {}",
        "XRANGE {} - +",
    ];
    let lines = source
        .tags
        .iter()
        .flat_map(|tag| words::all_keys(tag))
        .flat_map(|key| readers.map(|reader| reader.replace("{}", &key)));
    let line = |text: String| Line {
        unit,
        ..Line::of(text.split(' ').map(|word| word.as_bytes().to_vec()).collect())
    };
    Step {
        client: CLIENTS,
        lines: lines.chain(["DBSIZE".to_owned()]).map(line).collect(),
        piece: usize::MAX,
        is_behind_cut: false,
    }
}

/// Returns all stories of an episode.
pub(crate) fn units(steps: &[Step]) -> BTreeSet<usize> {
    steps.iter().flat_map(|step| step.lines.iter().map(|line| line.unit)).collect()
}

/// Returns the steps without the stories that are not among these.
pub(crate) fn only(steps: &[Step], units: &BTreeSet<usize>) -> Vec<Step> {
    filtered(steps, |line| units.contains(&line.unit))
}

/// Returns the steps without the lines that do not fit.
pub(crate) fn filtered(steps: &[Step], mut fits: impl FnMut(&Line) -> bool) -> Vec<Step> {
    let without = steps.iter().map(|step| Step {
        lines: step.lines.iter().filter(|line| fits(line)).cloned().collect(),
        ..step.clone()
    });
    without.filter(|step| !step.lines.is_empty()).collect()
}
