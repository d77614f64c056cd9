//! Makes a reproduction of a difference small: without stories, then without lines.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::episode::{Step, filtered, only, units};
use crate::stage::Stage;
use crate::verdict::Difference;

/// The longest time that is spent on it.
const TIME: Duration = Duration::from_secs(120);

/// Returns fewer steps that show the same difference.
pub(crate) fn shrink(stage: &Stage, steps: Vec<Step>, first: &Difference) -> (Vec<Step>, Difference) {
    let until = Instant::now() + TIME;
    let steps: Vec<Step> = steps.into_iter().take(first.step + 1).collect();
    let mut best = (steps, first.clone());
    if !better(stage, best.0.clone(), &mut best, first) {
        return best;
    }
    without_stories(stage, &mut best, first, until);
    without_lines(stage, &mut best, first, until);
    best
}

/// Takes steps that show the same difference as the best ones.
fn better(stage: &Stage, steps: Vec<Step>, best: &mut (Vec<Step>, Difference), first: &Difference) -> bool {
    match stage.play(&steps) {
        Some(difference) if difference.name == first.name => {
            *best = (steps.into_iter().take(difference.step + 1).collect(), difference);
            true
        }
        _ => false,
    }
}

/// Leaves out ever smaller parts of the stories.
fn without_stories(stage: &Stage, best: &mut (Vec<Step>, Difference), first: &Difference, until: Instant) {
    let mut size = units(&best.0).len() / 2;
    while size > 0 && Instant::now() < until {
        let (all, mut at) = (Vec::from_iter(units(&best.0)), 0);
        let mut kept: BTreeSet<usize> = all.iter().copied().collect();
        while at < all.len() && Instant::now() < until {
            let part = &all[at..(at + size).min(all.len())];
            let without: BTreeSet<usize> = kept.iter().copied().filter(|unit| !part.contains(unit)).collect();
            if better(stage, only(&best.0, &without), best, first) {
                kept = without;
            }
            at += size;
        }
        size /= 2;
    }
}

fn without_lines(stage: &Stage, best: &mut (Vec<Step>, Difference), first: &Difference, until: Instant) {
    let mut at = best.0.iter().map(|step| step.lines.len()).sum::<usize>();
    while at > 0 && Instant::now() < until {
        at -= 1;
        let mut number = 0;
        let without = filtered(&best.0, |_| {
            number += 1;
            number != at + 1
        });
        better(stage, without, best, first);
    }
}

/// Returns the steps as people read them.
pub(crate) fn shown(steps: &[Step]) -> String {
    let one = |step: &Step| {
        let lines: Vec<String> = step.lines.iter().map(crate::line::Line::shown).collect();
        format!("  client {}: {}", step.client, lines.join("\n            "))
    };
    steps.iter().map(one).collect::<Vec<_>>().join("\n")
}
