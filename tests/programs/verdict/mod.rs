//! Judges the fate of each job by the records: a pure function of the account, the faults and the program's rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::books::{Account, Entry};
use super::table::Again;

/// One fault. All times are on the clock of the records, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    /// The successor has everything that was acknowledged or taken until then. `None`: it has everything.
    pub(crate) kept_until: Option<u64>,
    /// The last moment before the fault.
    pub(crate) from: u64,
    /// The time from which the successor serves.
    pub(crate) over: u64,
    /// True if the node was silent, and later ran the commands that it had.
    pub(crate) hung: bool,
    /// True if the node lived, so that no answer died with it.
    pub(crate) node_lived: bool,
}

/// The longest time that a step in flight at a fault may have begun before it, and that subscribers may need after a fault
/// to connect again.
const UNDER_WAY: u64 = 1000;

/// The longest time after a fault in which a node that had hung may still give a job to a connection that was given up
/// meanwhile: the connection had asked for one, and the node learns of its end no sooner than of new jobs.
const LATE: u64 = 500;

impl Outage {
    fn forgot(&self, at: u64) -> bool {
        self.forgot_some_of(at, at)
    }

    fn forgot_some_of(&self, since: u64, until: u64) -> bool {
        since <= self.over && self.kept_until.is_some_and(|kept| kept <= until.min(self.over))
    }

    /// Returns true if subscribers may have been connecting again at this time.
    fn cut_off(&self, at: u64) -> bool {
        (self.from..=self.over + UNDER_WAY).contains(&at)
    }

    /// Returns the last time at which a pop from before the fault can have taken a job along.
    fn pops_until(&self) -> u64 {
        if self.hung { self.over + LATE } else { self.over }
    }

    fn interrupted(&self, at: u64) -> bool {
        (self.from.saturating_sub(UNDER_WAY)..=self.over).contains(&at)
    }
}

/// The rules of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// See `Program::takes`.
    pub(crate) takes: usize,
    pub(crate) again: Again,
}

/// The count of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) acked: usize,
    pub(crate) done: usize,
    /// Errors of the producer, by their first words.
    pub(crate) refused: BTreeMap<String, usize>,
    /// Jobs that were refused, but done.
    pub(crate) refused_and_done: usize,
    /// Jobs that only the lost master had, though it had acknowledged them.
    pub(crate) forgotten: usize,
    /// Jobs taken from the queue by a pop whose answer died with the node.
    pub(crate) taken: usize,
    /// Further parts of forgotten and taken jobs.
    pub(crate) followed: usize,
    /// Jobs that were acknowledged and never done, without an excuse.
    pub(crate) lost: usize,
    /// Jobs done twice within the program's own rules.
    pub(crate) again: usize,
    /// Results that were read back.
    pub(crate) read: usize,
    /// Everything without an excuse.
    pub(crate) faults: Vec<String>,
}

impl Verdict {
    /// Returns the number of acknowledged jobs that are not done, for any reason.
    pub(crate) fn missing(&self) -> usize {
        self.forgotten + self.taken + self.followed + self.lost
    }
}

pub(crate) fn judge(account: &Account, outages: &[Outage], rules: Rules) -> Verdict {
    let done = by_job(&account.done);
    let mut verdict = Verdict {
        acked: account.acked.len(),
        done: done.len(),
        read: account.read.len(),
        refused_and_done: account.refused.iter().filter(|entry| done.contains_key(&entry.job)).count(),
        ..Verdict::default()
    };
    for entry in &account.refused {
        *verdict.refused.entry(class(&entry.text)).or_default() += 1;
    }
    let excused = missing(account, &done, outages, rules, &mut verdict);
    twice(account, &done, outages, rules, &mut verdict);
    let asked: BTreeSet<&String> = account.asked.iter().map(|entry| &entry.job).collect();
    for job in done.keys().filter(|job| !asked.contains(job)) {
        verdict.faults.push(format!("job {job} was done and never added"));
    }
    for entry in &account.unread {
        let mut times = done.get(&entry.job).into_iter().flatten();
        // When Celery's reader connects again, it looks for the result first and subscribes then: it misses a result that
        // comes in between.
        let missed = times.any(|at| outages.iter().any(|outage| outage.forgot(*at) || outage.cut_off(*at)));
        if !missed && !excused.contains(whole_of(&entry.job)) {
            verdict.faults.push(format!("the result of job {} was not read back: {}", entry.job, entry.text));
        }
    }
    verdict
}

/// Judges the jobs that were acknowledged and never done, and returns the excused ones. If one part of a job is lost, the
/// whole job is: its parts can be lost from the time at which they were asked for, and its end waits for the result of each
/// part.
fn missing(
    account: &Account,
    done: &BTreeMap<String, Vec<u64>>,
    outages: &[Outage],
    rules: Rules,
    verdict: &mut Verdict,
) -> BTreeSet<String> {
    let mut room: Vec<usize> =
        outages.iter().map(|outage| if outage.node_lived { 0 } else { rules.takes }).collect();
    let mut excused: BTreeSet<String> = BTreeSet::new();
    let asked = by_job(&account.asked);
    for entry in account.acked.iter().filter(|entry| !done.contains_key(&entry.job)) {
        let whole = whole_of(&entry.job);
        let is_part = whole != entry.job;
        let since = asked.get(&entry.job).filter(|_| is_part).map_or(entry.at, |times| times[0]);
        let mut left = done.iter().filter(|(other, _)| is_part && whole_of(other) == whole);
        let left_forgotten = left.any(|(_, times)| outages.iter().any(|outage| outage.forgot(times[0])));
        let room = room_for(since, outages, &mut room);
        if excused.contains(whole) {
            verdict.followed += 1;
        } else if left_forgotten || outages.iter().any(|outage| outage.forgot_some_of(since, entry.at)) {
            verdict.forgotten += 1;
            excused.insert(whole.to_owned());
        } else if let Some(room) = room {
            *room -= 1;
            verdict.taken += 1;
            excused.insert(whole.to_owned());
        } else {
            verdict.lost += 1;
            let when = when(since, outages);
            verdict.faults.push(format!("job {} was acknowledged and never done, {when}", entry.job));
        }
    }
    excused
}

/// Returns the number of further pops that can have taken along a job of this time: at the next fault, or at the one that
/// has just passed. `None`: there is none.
fn room_for<'a>(since: u64, outages: &[Outage], room: &'a mut [usize]) -> Option<&'a mut usize> {
    let first = outages.iter().position(|outage| since <= outage.pops_until())?;
    let may_be_of_next = room[first] == 0 && since > outages[first].over;
    room.get_mut(first + usize::from(may_be_of_next)).filter(|room| **room > 0)
}

/// Returns the whole job `7` of its part `7.2`.
fn whole_of(job: &str) -> &str {
    job.split('.').next().unwrap_or(job)
}

/// Describes a time by the fault that was next.
fn when(at: u64, outages: &[Outage]) -> String {
    match outages.iter().enumerate().find(|(_, outage)| at <= outage.over) {
        Some((index, outage)) => {
            let [since, kept] =
                [outage.from, outage.kept_until.unwrap_or(at)].map(|from| at as i64 - from as i64);
            format!("{since} ms after fault {} and {kept} ms after what was kept", index + 1)
        }
        None => format!("after all {} faults", outages.len()),
    }
}

fn twice(
    account: &Account,
    done: &BTreeMap<String, Vec<u64>>,
    outages: &[Outage],
    rules: Rules,
    verdict: &mut Verdict,
) {
    let asked = by_job(&account.asked);
    let answered = by_job(&[account.acked.clone(), account.refused.clone()].concat());
    for (job, times) in done.iter().filter(|(_, times)| times.len() > 1) {
        let first = times[0];
        let added_in = |outage: &Outage| {
            let asked = asked.get(job).is_some_and(|times| times[0] <= outage.over);
            asked && answered.get(job).is_none_or(|times| times[0] >= outage.from)
        };
        let excused = outages.iter().any(|outage| match rules.again {
            Again::Forgotten => outage.forgot(first),
            Again::Added => outage.forgot(first) || added_in(outage),
            Again::Redelivered => outage.forgot(first) || added_in(outage) || outage.interrupted(first),
        });
        if excused {
            verdict.again += 1;
        } else {
            let times: Vec<String> = times.iter().map(|at| when(*at, outages)).collect();
            verdict.faults.push(format!("job {job} was done again: {}", times.join("; ")));
        }
    }
}

/// Returns the times of each job's records, in order.
fn by_job(entries: &[Entry]) -> BTreeMap<String, Vec<u64>> {
    let mut jobs: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for entry in entries {
        jobs.entry(entry.job.clone()).or_default().push(entry.at);
    }
    jobs
}

/// Returns the first words of an error, without the part that differs from one to the next.
pub(crate) fn class(text: &str) -> String {
    text.split(' ').take(4).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: usize = self.refused.values().sum();
        write!(f, "{} acknowledged, {} done", self.acked, self.done)?;
        write!(f, ", {} lost by replication, {} with a pop's answer", self.forgotten, self.taken)?;
        write!(f, ", {} again, {refused} refused ({} of them done)", self.again, self.refused_and_done)?;
        if self.read > 0 {
            write!(f, ", {} results read", self.read)?;
        }
        for (class, count) in &self.refused {
            write!(f, "\n      refused {count} x {class}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
