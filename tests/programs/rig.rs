//! Programs at work before one deployment, one fault after the other, and the judgement of what they wrote down.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tideover::demo::front::ProxyProcess;
use tideover::demo::wait::wait_until;

use super::backend::{Backend, Fault, Kind};
use super::books::Books;
use super::live::{LIMIT, proxy, topology};
use super::pulse::Pulse;
use super::started::{Started, Surroundings, worker_name};
use super::table::{PROGRAMS, Program};
use super::verdict::{Outage, Rules, Verdict, class, judge};

/// Until every program has done its first jobs: some take seconds to start, and there are two cores.
const START_LIMIT: Duration = Duration::from_secs(120);

/// What is still missing after this time does not come.
const LAST_LIMIT: Duration = Duration::from_secs(10);

/// Jobs that a program must do before a fault, so that it is under way.
const UNDER_WAY: i64 = 5;

/// A deployment, the proxies before it, and the programs.
pub(crate) struct Rig {
    kind: Kind,
    backend: Backend,
    books: Books,
    programs: Vec<Started>,
    outages: Vec<Outage>,
    /// One for each different set of settings.
    proxies: BTreeMap<Vec<&'static str>, ProxyProcess>,
}

impl Rig {
    /// All programs that are installed, can do with this kind and are wanted, each of them at work. `settings` are for every
    /// proxy, beside those of the program. `None`: not one is installed.
    pub(crate) async fn start(
        kind: Kind,
        down_after: u64,
        settings: &[&'static str],
        wanted: fn(&Program) -> bool,
    ) -> Option<Self> {
        let takes_part = |program: &&Program| wanted(program) && takes_part(program, kind);
        let chosen: Vec<&Program> = PROGRAMS.iter().filter(takes_part).collect();
        if chosen.is_empty() {
            return None;
        }
        let backend = Backend::start(kind, down_after).await;
        backend.in_use().await;
        let books = Books::open().await;
        let around = Surroundings { books: books.address(), results: backend.shares() };
        let instead: Option<&'static str> =
            std::env::var("TIDEOVER_PROGRAM_SETTINGS").ok().map(|all| &*all.leak());
        let mut proxies = BTreeMap::new();
        let mut programs = Vec::new();
        for program in chosen {
            let own: Vec<&str> = instead.iter().copied().flat_map(|all| all.split(',')).collect();
            let own = if instead.is_some() { own.as_slice() } else { program.settings };
            let told = [backend.settings(), own, settings].concat();
            if !proxies.contains_key(&told) {
                proxies.insert(told.clone(), proxy(&backend.url(), &told).await);
            }
            programs.push(Started::new(program, proxies[&told].address(), &around));
        }
        let mut rig = Self { kind, backend, books, programs, outages: Vec::new(), proxies };
        let begun = Instant::now();
        rig.each_does(0, UNDER_WAY, START_LIMIT).await;
        println!(
            "{kind:?}: {} programs at work after {:.1} s",
            rig.programs.len(),
            begun.elapsed().as_secs_f64()
        );
        Some(rig)
    }

    /// One fault of the node in use, and every worker of every program at work again after it. How long that took from the
    /// moment when a node served again.
    pub(crate) async fn fault(&mut self, fault: Fault) -> Duration {
        let node = self.backend.in_use().await;
        let pulse = Pulse::start(node, self.books.address()).await;
        let begun = self.books.now().await;
        self.each_does(begun, UNDER_WAY, LIMIT).await;
        pulse.reaches(&self.backend.followers(node).await).await;

        let from = self.books.now().await;
        self.backend.strike(fault, node).await;
        let successor = self.backend.successor(fault, node).await;
        let over = self.books.now().await;
        let kept_until = match self.backend.forgets() {
            true => pulse.known_to(successor).await,
            false => over + 1,
        };
        let number = self.outages.len() + 1;
        let behind = from.saturating_sub(kept_until);
        println!("{:?}: {number}. {fault:?}, away {} ms, {behind} ms forgotten", self.kind, over - from);
        let slowest = self.each_goes_on(over).await;
        self.backend.mend(fault, node).await;
        let over = self.returned(node, over).await;
        self.outages.push(Outage { kept_until, from, over });
        Duration::from_millis(slowest)
    }

    /// The end of a fault. Active nodes that came back are used again: until then jobs are between two nodes.
    async fn returned(&mut self, node: SocketAddr, over: u64) -> u64 {
        if self.kind != Kind::Active {
            return over;
        }
        for proxy in self.proxies.values() {
            wait_until("the proxy is back at the node", LIMIT, || async {
                let topology = topology(proxy).await;
                let nodes = topology["shards"][0]["nodes"].as_array().cloned().unwrap_or_default();
                let entry = nodes.into_iter().find(|entry| entry["endpoint"] == node.to_string());
                let used = entry.as_ref().is_some_and(|entry| entry["in_use"] == true);
                if used { Ok(()) } else { Err(format!("{entry:?}")) }
            })
            .await
            .unwrap();
        }
        self.books.now().await
    }

    /// Waits until every worker has done something after this time, and every producer was told that it added something.
    /// Prints how many milliseconds the last of each program took; the most of all.
    async fn each_goes_on(&mut self, after: u64) -> u64 {
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
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            };
            println!("    {:<15} every worker and the producer went on within {waits} ms", program.name);
            slowest = slowest.max(waits);
        }
        slowest
    }

    /// Milliseconds until the last of a program's processes went on; `Err`: who has not yet.
    async fn resumed(&mut self, program: &Program, after: u64) -> Result<u64, String> {
        let mut last = 0;
        let done = self.books.since("done", program.name, after).await;
        for name in (1..=program.workers).map(worker_name) {
            let first = done.iter().find(|entry| entry.by == name).ok_or(name)?;
            last = last.max(first.at - after);
        }
        let acked = self.books.since("acked", program.name, after).await;
        let first = acked.first().ok_or("the producer")?;
        Ok(last.max(first.at - after))
    }

    /// Waits until every program has done so many jobs since a time.
    async fn each_does(&mut self, since: u64, jobs: i64, limit: Duration) {
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
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// No process may end by itself.
    fn check_alive(&mut self) {
        let ended: Vec<String> = self.programs.iter_mut().flat_map(Started::ended).collect();
        assert!(ended.is_empty(), "{}", ended.join("\n"));
    }

    /// Stops the producers, lets the workers do what is left, and judges.
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
            faults.extend(verdict.faults.iter().map(|fault| format!("{}: {fault}", program.name)));
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

impl Rig {
    /// The verdict, once all that was added is done, or what is missing does not come any more.
    async fn settled(&mut self, program: &Program) -> Verdict {
        let deadline = Instant::now() + LAST_LIMIT;
        loop {
            let verdict = self.judge(program).await;
            if verdict.missing() == 0 && verdict.faults.is_empty() || Instant::now() > deadline {
                return verdict;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn judge(&mut self, program: &Program) -> Verdict {
        let account = self.books.account(program.name).await;
        judge(&account, &self.outages, Rules { takes: program.takes, again: program.again })
    }

    /// Nodes that share nothing keep the jobs that were added to each: the programs are sent from one to the next.
    async fn sweep(&mut self) {
        if self.backend.shares() {
            return;
        }
        for node in self.backend.nodes().into_iter().rev().skip(1).rev() {
            let deadline = Instant::now() + LAST_LIMIT;
            while Instant::now() < deadline && self.is_any_missing().await {
                tokio::time::sleep(Duration::from_millis(50)).await;
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

    /// Errors from which workers went on, counted.
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

/// Whether it is installed and its commands suit the kind; says why not.
fn takes_part(program: &Program, kind: Kind) -> bool {
    let only = std::env::var("TIDEOVER_PROGRAMS").unwrap_or_default();
    if !only.is_empty() && !only.split(',').any(|name| name == program.name) {
        return false;
    }
    if kind == Kind::Cluster && !program.one_slot {
        println!("{kind:?}: without {}: its commands touch keys of several slots", program.name);
        return false;
    }
    match program.runtime.executable() {
        Ok(_) => true,
        Err(why) => {
            println!("SKIPPED: {}: {why}", program.name);
            false
        }
    }
}
