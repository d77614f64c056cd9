//! What became of each job, by what was written down: a pure function of the account, the faults and the program's rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::books::{Account, Entry};
use super::table::Again;

/// One fault, on the books' clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    /// What was acknowledged or taken until then, the successor knows; later than `over` where nothing can be forgotten.
    pub(crate) kept_until: u64,
    /// Nothing had happened yet.
    pub(crate) from: u64,
    /// The successor serves.
    pub(crate) over: u64,
}

/// How long before a fault the last step of a job may have been begun that was under way at it.
const UNDER_WAY: u64 = 1000;

impl Outage {
    fn forgot(&self, at: u64) -> bool {
        (self.kept_until..=self.over).contains(&at)
    }

    fn forgot_some_of(&self, since: u64, until: u64) -> bool {
        since <= self.over && self.kept_until <= until.min(self.over)
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
    /// Refused, and done all the same.
    pub(crate) refused_and_done: usize,
    /// Acknowledged by a master that took it along: its successor never had it.
    pub(crate) forgotten: usize,
    /// Taken from the queue by a pop whose answer died with the node.
    pub(crate) taken: usize,
    /// Further parts of the same.
    pub(crate) followed: usize,
    /// Acknowledged and never done, and nothing excuses it.
    pub(crate) lost: usize,
    /// Done twice within the program's own rules.
    pub(crate) again: usize,
    /// Results that were read back.
    pub(crate) read: usize,
    /// What nothing excuses.
    pub(crate) faults: Vec<String>,
}

impl Verdict {
    /// Acknowledged jobs that are not done, whatever the reason.
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
        let times = done.get(&entry.job).into_iter().flatten();
        let forgot = times.clone().any(|at| outages.iter().any(|outage| outage.forgot(*at)));
        if !forgot && !excused.contains(whole_of(&entry.job)) {
            verdict.faults.push(format!("the result of job {} was not read back: {}", entry.job, entry.text));
        }
    }
    verdict
}

/// What was acknowledged and never done: excused, or a fault. What is added in parts goes as a whole when one part goes;
/// its parts were there, to be lost, since they were asked for, and its end waits for what each of them left behind.
fn missing(
    account: &Account,
    done: &BTreeMap<String, Vec<u64>>,
    outages: &[Outage],
    rules: Rules,
    verdict: &mut Verdict,
) -> BTreeSet<String> {
    let mut room: Vec<usize> = outages.iter().map(|_| rules.takes).collect();
    let mut excused: BTreeSet<String> = BTreeSet::new();
    let asked = by_job(&account.asked);
    for entry in account.acked.iter().filter(|entry| !done.contains_key(&entry.job)) {
        let whole = whole_of(&entry.job);
        let is_part = whole != entry.job;
        let since = asked.get(&entry.job).filter(|_| is_part).map_or(entry.at, |times| times[0]);
        let mut left = done.iter().filter(|(other, _)| is_part && whole_of(other) == whole);
        let left_forgotten = left.any(|(_, times)| outages.iter().any(|outage| outage.forgot(times[0])));
        let next = outages.iter().position(|outage| since <= outage.over);
        let room = next.and_then(|index| room.get_mut(index)).filter(|room| **room > 0);
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

/// `7` of its part `7.2`.
fn whole_of(job: &str) -> &str {
    job.split('.').next().unwrap_or(job)
}

/// A time, told by the fault that was next.
fn when(at: u64, outages: &[Outage]) -> String {
    match outages.iter().enumerate().find(|(_, outage)| at <= outage.over) {
        Some((index, outage)) => {
            let [since, kept] = [outage.from, outage.kept_until].map(|from| at as i64 - from as i64);
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
            verdict.faults.push(format!(
                "job {job} was done {} times, first {}",
                times.len(),
                when(first, outages)
            ));
        }
    }
}

/// The times of each job's entries, in order.
fn by_job(entries: &[Entry]) -> BTreeMap<String, Vec<u64>> {
    let mut jobs: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for entry in entries {
        jobs.entry(entry.job.clone()).or_default().push(entry.at);
    }
    jobs
}

/// The first words of an error: without what differs from one to the next.
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
mod tests {
    use super::*;

    const OUTAGE: Outage = Outage { kept_until: 90, from: 100, over: 200 };
    const STRICT: Rules = Rules { takes: 0, again: Again::Forgotten };

    fn entry(at: u64, job: &str) -> Entry {
        Entry { at, job: job.into(), by: "worker1".into(), text: "Error: x".into() }
    }

    /// Job `a`: asked at 10, acknowledged at `acked`, done at these times.
    fn account(acked: u64, done: &[u64]) -> Account {
        Account {
            asked: vec![entry(10, "a")],
            acked: vec![entry(acked, "a")],
            done: done.iter().map(|at| entry(*at, "a")).collect(),
            ..Account::default()
        }
    }

    #[test]
    fn a_job_that_is_missing_is_a_fault_unless_replication_or_a_pop_can_have_lost_it() {
        let taking = Rules { takes: 1, ..STRICT };
        let cases = [
            (20, STRICT, (0, 0, 1)),
            (20, taking, (0, 1, 0)),
            (95, STRICT, (1, 0, 0)),
            (201, STRICT, (0, 0, 1)),
            (201, taking, (0, 0, 1)),
        ];
        for (acked, rules, wanted) in cases {
            let verdict = judge(&account(acked, &[]), &[OUTAGE], rules);
            assert_eq!((verdict.forgotten, verdict.taken, verdict.faults.len()), wanted, "{acked} {rules:?}");
        }
        assert_eq!(judge(&account(20, &[30]), &[], STRICT).faults, Vec::<String>::new());
        assert_eq!(judge(&account(20, &[]), &[], taking).faults.len(), 1, "there was no fault");
    }

    /// Part 2 of a chord was added before the fault, the chord acknowledged after it.
    #[test]
    fn a_chord_that_lost_a_part_is_one_loss_together_with_its_end() {
        let parts = ["a.1", "a.2", "a.sum"];
        let mut account = Account { done: vec![entry(210, "a.1")], ..Account::default() };
        account.asked = parts.map(|part| entry(85, part)).into();
        account.acked = parts.map(|part| entry(205, part)).into();
        account.unread = vec![entry(400, "a.sum")];
        let verdict = judge(&account, &[OUTAGE], STRICT);
        assert_eq!((verdict.forgotten, verdict.followed, verdict.missing()), (1, 1, 2), "{verdict:?}");
        assert_eq!(verdict.faults, Vec::<String>::new());

        account.asked = parts.map(|part| entry(201, part)).into();
        let verdict = judge(&account, &[OUTAGE], Rules { takes: 1, ..STRICT });
        assert_eq!(verdict.faults.len(), 3, "{verdict:?}");
    }

    #[test]
    fn a_chord_whose_part_left_a_result_that_was_forgotten_never_ends() {
        let parts = ["a.1", "a.sum"];
        for (part_done, faults) in [(95, 0), (50, 1), (210, 1)] {
            let mut account = Account { done: vec![entry(part_done, "a.1")], ..Account::default() };
            account.asked = parts.map(|part| entry(10, part)).into();
            account.acked = parts.map(|part| entry(20, part)).into();
            assert_eq!(judge(&account, &[OUTAGE], STRICT).faults.len(), faults, "{part_done}");
        }
    }

    #[test]
    fn a_pop_takes_one_job_for_each_fault_and_no_more() {
        let mut account = account(20, &[]);
        account.acked.push(entry(21, "b"));
        let verdict = judge(&account, &[OUTAGE], Rules { takes: 1, ..STRICT });
        assert_eq!((verdict.taken, verdict.faults.len()), (1, 1));
    }

    #[test]
    fn a_job_that_is_done_twice_is_a_fault_unless_the_rules_say_why() {
        let late = OUTAGE.from + UNDER_WAY * 2;
        let long_after = Outage { kept_until: late, from: late, over: late + 1 };
        let cases = [
            (20, 30, OUTAGE, Again::Forgotten, 1),
            (20, 95, OUTAGE, Again::Forgotten, 0),
            (150, 30, OUTAGE, Again::Forgotten, 1),
            (150, 30, OUTAGE, Again::Added, 0),
            (20, 30, OUTAGE, Again::Added, 1),
            (20, 30, OUTAGE, Again::Redelivered, 0),
            (20, 30, long_after, Again::Redelivered, 1),
        ];
        for (acked, first, outage, again, faults) in cases {
            let verdict = judge(&account(acked, &[first, 220]), &[outage], Rules { takes: 0, again });
            assert_eq!(verdict.faults.len(), faults, "{acked} {first} {outage:?} {again:?}: {verdict:?}");
            assert_eq!(verdict.again, 1 - faults);
        }
    }

    #[test]
    fn a_result_that_is_not_read_back_is_a_fault_unless_it_was_forgotten() {
        for (done, faults) in [(30, 1), (95, 0), (210, 1)] {
            let mut account = account(20, &[done]);
            account.unread.push(entry(300, "a"));
            assert_eq!(judge(&account, &[OUTAGE], STRICT).faults.len(), faults, "{done}");
        }
    }

    #[test]
    fn what_nobody_added_must_not_be_done() {
        let mut account = account(20, &[30]);
        account.done.push(entry(31, "b"));
        assert_eq!(judge(&account, &[], STRICT).faults.len(), 1);
    }
}
