//! Checks that programs go on: reads their records until a deadline. Any process that ends fails the test.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::live::LIMIT;
use super::rig::Rig;
use super::started::{Started, worker_name};
use super::table::Program;

/// The time between two looks at the records.
const LOOK: Duration = Duration::from_millis(20);

impl Rig {
    /// Waits until every worker has done something after this time, and every producer has added something. Prints how
    /// many milliseconds the last process of each program took, and returns the greatest of these.
    pub(super) async fn each_goes_on(&mut self, after: u64) -> u64 {
        let mut slowest = 0;
        for index in 0..self.programs.len() {
            let program = self.programs[index].program;
            let deadline = Instant::now() + LIMIT;
            let waits = loop {
                let waits = self.resumed(program, after).await;
                self.check_alive();
                match waits {
                    Ok(waits) => break waits,
                    Err(who) if Instant::now() > deadline => {
                        panic!(
                            "{}: {who} hangs; the ends of the logs:\n{}",
                            program.name,
                            self.programs[index].logs()
                        )
                    }
                    Err(_) => tokio::time::sleep(LOOK).await,
                }
            };
            println!("    {:<15} every worker and the producer went on within {waits} ms", program.name);
            slowest = slowest.max(waits);
        }
        slowest
    }

    /// Returns the milliseconds until the last process of a program went on, with a job that did not exist before. The
    /// error names the processes that have not. A producer that waits for a result which went with the old master is at
    /// work again once it has given up; whether the result was lost is judged in the end.
    async fn resumed(&mut self, program: &Program, after: u64) -> Result<u64, String> {
        let asked = self.books.since("asked", program.name, after).await;
        let new: BTreeSet<String> = asked.into_iter().map(|entry| entry.job).collect();
        let done = self.books.since("done", program.name, after).await;
        let acked = self.books.since("acked", program.name, after).await;
        let mut last = 0;
        for name in (1..=program.workers).map(worker_name) {
            let first = done.iter().find(|entry| entry.by == name && new.contains(&entry.job));
            last = last.max(first.ok_or(name)?.at - after);
        }
        let first = acked.iter().find(|entry| new.contains(&entry.job)).ok_or("the producer")?;
        let gave_up = self.books.since("unread", program.name, after).await;
        let gave_up = gave_up.iter().map(|entry| entry.at - after).filter(|at| *at < first.at - after).max();
        Ok(last.max(first.at - after) - gave_up.unwrap_or(0))
    }

    /// Waits until every program has done so many jobs since a time.
    pub(super) async fn each_does(&mut self, since: u64, jobs: i64, limit: Duration) {
        for index in 0..self.programs.len() {
            let name = self.programs[index].program.name;
            let deadline = Instant::now() + limit;
            while (self.books.since("done", name, since).await.len() as i64) < jobs {
                self.check_alive();
                assert!(
                    Instant::now() < deadline,
                    "{name} does no jobs; the ends of the logs:\n{}",
                    self.programs[index].logs()
                );
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Checks that no process has ended by itself.
    pub(super) fn check_alive(&mut self) {
        let ended: Vec<String> = self.programs.iter_mut().flat_map(Started::ended).collect();
        assert!(ended.is_empty(), "{}", ended.join("\n"));
    }
}
