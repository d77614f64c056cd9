//! Makes a reproduction of a difference small: without stories, then without lines.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::episode::{Step, filtered, only, units};
use crate::line::Line;
use crate::stage::Stage;
use crate::verdict::Difference;
use crate::words;

/// The longest time that is spent on it.
const TIME: Duration = Duration::from_secs(120);

/// Number of commands that are told of a difference that does not come again.
const HISTORY: usize = 40;

/// Returns fewer steps that show the same difference. `None`: it does not come again.
pub(crate) fn shrink(stage: &Stage, steps: &[Step], first: &Difference) -> Option<(Vec<Step>, Difference)> {
    let until = Instant::now() + TIME;
    let steps: Vec<Step> = steps.iter().take(first.step + 1).cloned().collect();
    let mut best = (steps, first.clone());
    if !better(stage, best.0.clone(), &mut best, first) {
        return None;
    }
    without_stories(stage, &mut best, first, until);
    without_lines(stage, &mut best, first, until);
    Some(best)
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

/// Returns the last commands about the keys of the command that differs, for a difference that does not come again.
pub(crate) fn history(steps: &[Step], difference: &Difference, tags: &[&str]) -> String {
    let keys: Vec<String> = tags.iter().flat_map(|tag| words::all_keys(tag)).collect();
    let is_key = |arg: &&Vec<u8>| keys.iter().any(|key| key.as_bytes() == arg.as_slice());
    let keys_of = |line: &Line| line.args.iter().filter(is_key).cloned().collect::<BTreeSet<_>>();
    let before = &steps[..(difference.step + 1).min(steps.len())];
    let Some(asked) = before.last().and_then(|step| step.lines.get(difference.at)).map(keys_of) else {
        return String::new();
    };
    let about = before.iter().flat_map(|step| step.lines.iter().map(move |line| (step.client, line)));
    let about = about.filter(|(_, line)| !keys_of(line).is_disjoint(&asked));
    let told: Vec<String> =
        about.map(|(client, line)| format!("  client {client}: {}", line.shown())).collect();
    told[told.len().saturating_sub(HISTORY)..].join("\n")
}

/// Returns the steps as people read them.
pub(crate) fn shown(steps: &[Step]) -> String {
    let one = |step: &Step| {
        let lines: Vec<String> = step.lines.iter().map(Line::shown).collect();
        format!("  client {}: {}", step.client, lines.join("\n            "))
    };
    steps.iter().map(one).collect::<Vec<_>>().join("\n")
}
