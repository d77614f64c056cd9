//! Programs at work in front of one deployment, with one fault after the other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tideover_testbed::active::Servers;
use tideover_testbed::front::ProxyProcess;
use tideover_testbed::wait::wait_until;

use super::backend::{Backend, Kind};
use super::books::Books;
use super::faults::Fault;
use super::live::{LIMIT, proxy, topology};
use super::pulse::Pulse;
use super::started::{Started, Surroundings};
use super::table::{PROGRAMS, Program};
use super::verdict::Outage;

/// The time for every program to do its first jobs: some take seconds to start, and there are two cores.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Number of jobs that a program must do before a fault, so that it is running.
const UNDER_WAY: i64 = 5;

/// A deployment, the proxies in front of it, and the programs.
pub(crate) struct Rig {
    pub(super) kind: Kind,
    pub(super) backend: Backend,
    pub(super) books: Books,
    pub(super) programs: Vec<Started>,
    pub(super) outages: Vec<Outage>,
    /// One proxy for each different set of settings.
    proxies: BTreeMap<Vec<&'static str>, ProxyProcess>,
}

impl Rig {
    /// Starts all wanted programs that are installed and can use this kind of backend, and waits until each works.
    /// `settings` are for every proxy, beside those of the program. `None`: no program is installed.
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

    /// Does one fault to the node in use, and waits until every worker of every program works again. Returns how long
    /// that took from the moment when a node served again.
    pub(crate) async fn fault(&mut self, fault: Fault) -> Duration {
        let node = self.backend.in_use().await;
        let pulse = Pulse::start(node, self.books.address()).await;
        let begun = self.books.now().await;
        self.each_does(begun, UNDER_WAY, LIMIT).await;
        pulse.reaches(&self.backend.followers(node).await).await;

        if fault == Fault::Planned {
            self.backend.wait_until_replaceable().await;
        }
        let from = self.books.now().await;
        self.backend.strike(fault, node).await;
        let successor = self.backend.successor(fault, node).await;
        let over = self.books.now().await;
        let kept_until = match self.backend.forgets(fault) {
            true => Some(pulse.known_to(successor).await),
            false => None,
        };
        let number = self.outages.len() + 1;
        let behind = kept_until.map_or(0, |kept| from.saturating_sub(kept));
        println!("{:?}: {number}. {fault:?}, away {} ms, {behind} ms forgotten", self.kind, over - from);
        let slowest = self.each_goes_on(over).await;
        self.backend.mend(fault, node).await;
        let over = self.returned(node, over).await;
        let (hung, node_lived) = (fault == Fault::Stopped, fault == Fault::Planned);
        self.outages.push(Outage { kept_until, from, over, hung, node_lived });
        Duration::from_millis(slowest)
    }

    /// Ends a fault. Active nodes that came back are used again: until then jobs are between two nodes.
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
}

/// Returns true if the program is installed and its commands suit the kind; else says why not.
fn takes_part(program: &Program, kind: Kind) -> bool {
    let only = std::env::var("TIDEOVER_PROGRAMS").unwrap_or_default();
    if !only.is_empty() && !only.split(',').any(|name| name == program.name) {
        return false;
    }
    if kind == Kind::Cluster && !program.clusters {
        println!("{kind:?}: without {}: its commands touch keys of several slots", program.name);
        return false;
    }
    if kind == Kind::Active && program.in_pieces && Servers::found() == Servers::Redis {
        println!("{kind:?}: without {}: nodes that share nothing have its jobs in pieces", program.name);
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
