//! The end of a run: producers stop, workers finish, and the records are judged.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::faults::Fault;
use super::live::LIMIT;
use super::rig::Rig;
use super::table::Program;
use super::verdict::{Rules, Verdict, class, judge};

/// A job that is missing after this time never comes.
const LAST_LIMIT: Duration = Duration::from_secs(10);

/// The time between two looks at the records.
const LOOK: Duration = Duration::from_millis(50);

impl Rig {
    /// Stops the producers, lets the workers finish, and judges.
    pub(crate) async fn finish(mut self) {
        self.check_alive();
        self.books.stop_producers().await;
        for started in &mut self.programs {
            let name = started.producer.0.name().to_owned();
            let code = started.producer.0.exit_code(LIMIT).await;
            assert_eq!(code, Some(0), "{name}:\n{}", started.logs());
        }
        self.sweep().await;
        let mut faults = Vec::new();
        for index in 0..self.programs.len() {
            let program = self.programs[index].program;
            let verdict = self.settled(program).await;
            println!("{:?}: {:<15} {verdict}", self.kind, program.name);
            self.print_what_workers_saw(program).await;
            if !verdict.faults.is_empty() || verdict.missing() > 0 {
                println!("{}", self.programs[index].logs());
            }
            faults.extend(verdict.faults.iter().map(|fault| format!("{}: {fault}", program.name)));
        }
        if !faults.is_empty() {
            println!("{}", self.backend.logs());
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    /// Returns the verdict, once all added jobs are done, or the missing ones never come.
    async fn settled(&mut self, program: &Program) -> Verdict {
        let deadline = Instant::now() + LAST_LIMIT;
        loop {
            let verdict = self.judge(program).await;
            if verdict.missing() == 0 && verdict.faults.is_empty() || Instant::now() > deadline {
                return verdict;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn judge(&mut self, program: &Program) -> Verdict {
        let account = self.books.account(program.name).await;
        judge(&account, &self.outages, Rules { takes: program.takes, again: program.again })
    }

    /// Nodes that do not replicate keep the jobs that were added to each: the programs are sent from one to the next.
    async fn sweep(&mut self) {
        if self.backend.shares() {
            return;
        }
        for node in self.backend.nodes().into_iter().rev().skip(1).rev() {
            let deadline = Instant::now() + LAST_LIMIT;
            while Instant::now() < deadline && self.is_any_missing().await {
                tokio::time::sleep(LOOK).await;
            }
            self.backend.strike(Fault::Killed, node).await;
        }
    }

    async fn is_any_missing(&mut self) -> bool {
        for index in 0..self.programs.len() {
            if self.judge(self.programs[index].program).await.missing() > 0 {
                return true;
            }
        }
        false
    }

    /// Counts the errors that workers survived.
    async fn print_what_workers_saw(&mut self, program: &Program) {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for entry in self.books.account(program.name).await.saw {
            *counts.entry(class(&entry.text)).or_default() += 1;
        }
        for (class, count) in counts {
            println!("      a worker saw {count} x {class}");
        }
    }
}
