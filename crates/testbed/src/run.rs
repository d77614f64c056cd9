//! The course of the demo: start everything, let clients work, kill masters, read the books.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::audit::{Audit, Books};
use super::backend::{Backend, Death, LIMIT, Victim};
use super::error::Error;
use super::front::ProxyProcess;
use super::jobs::Job;
use super::kind::{Kind, clients_told};
use super::ledger::Ledger;
use super::ledger::held::Held;
use super::load::{Load, Terms};
use super::meter::Meter;
use super::prober::Prober;
use super::screen::Screen;
use super::sharing::Sharing;
use super::table::told;
use super::verdict::{Kill, Measurements, Report, report};
use super::view::View;
use super::wait::wait_until;

/// Steady work before the first kill, and after each one.
const STEADY: Duration = Duration::from_secs(2);

/// Before the first kill, when what is usual is measured too: about as long as a failover of a cluster takes.
const USUAL: Duration = Duration::from_secs(4);

/// Between two rounds of a client.
const PAUSE: Duration = Duration::from_millis(4);

/// How long the closing of a dead master's sockets may take to be noticed.
const NOTICE: Duration = Duration::from_millis(20);

/// Everything that runs; dropping it ends it all.
struct Stage {
    kind: Kind,
    jobs: Vec<Job>,
    backend: Backend,
    proxy: ProxyProcess,
    meter: Arc<Meter>,
    prober: Prober,
    screen: Arc<Screen>,
}

/// Plays the demo with the proxy of this executable.
pub(crate) async fn play(
    executable: &Path,
    kind: Kind,
    failovers: usize,
    screen: &Arc<Screen>,
) -> Result<Report, Error> {
    screen.say(&kind.opening(failovers));
    let mut stage = Stage::set(executable, kind, screen).await?;
    let result = stage.run(failovers).await;
    if !result.as_ref().is_ok_and(|report| report.passed) {
        screen.say(&format!("The end of the proxy's log:\n{}", stage.proxy.process().log_tail()));
    }
    result
}

impl Stage {
    async fn set(executable: &Path, kind: Kind, screen: &Arc<Screen>) -> Result<Self, Error> {
        let backend = Backend::start(kind, screen).await?;
        let proxy = ProxyProcess::start(executable, &backend.url(), backend.settings()).await?;
        let (address, admin) = (proxy.address(), proxy.admin());
        screen
            .event(&format!("tideover        {address}, admin http://{admin}/ --backend {}", backend.url()));
        if !backend.settings().is_empty() {
            screen.event(&format!("                {}", backend.settings().join(" ")));
        }
        let (jobs, prober) = (kind.jobs(), Prober::start(backend.groups()));
        Ok(Self {
            kind,
            meter: Arc::new(Meter::new(jobs.len())),
            jobs,
            backend,
            proxy,
            prober,
            screen: Arc::clone(screen),
        })
    }

    async fn run(&mut self, failovers: usize) -> Result<Report, Error> {
        let (began, sharing) = (Instant::now(), self.backend.sharing());
        let terms = Terms { sharing, reconnects: true, pause: PAUSE };
        let load = Load::start(self.proxy.address(), &self.meter, &self.jobs, terms);
        let narrow = self.untouched(None);
        for line in clients_told(self.jobs.len(), narrow.len(), sharing) {
            self.screen.event(&line);
        }
        let (status, started) = (self.screen.follow(&self.meter), SystemTime::now());
        tokio::time::sleep(if narrow.is_empty() { STEADY } else { USUAL }).await;
        let usual = (!narrow.is_empty()).then(|| self.meter.current().longest_of(&narrow));
        let mut kills = Vec::new();
        for number in 1..=failovers {
            kills.push(self.failover(number, failovers).await?);
        }
        self.screen
            .event("the clients stop, and what they were promised is compared with what the nodes hold");
        let books = load.finish().await?;
        drop(status);
        let (unasked, eras) = (self.unasked(started, kills.len()).await?, self.meter.eras());
        let (Audit { faults, .. }, differing) = self.audit(&books).await?;
        let took = began.elapsed();
        Ok(report(&Measurements { sharing, eras, kills, faults, differing, unasked, usual, took }))
    }

    /// The clients that use one shard only, and not this one.
    fn untouched(&self, shard: Option<usize>) -> Vec<usize> {
        let jobs = self.jobs.iter().enumerate();
        jobs.filter(|(_, job)| job.only.is_some() && job.only != shard).map(|(id, _)| id).collect()
    }

    /// Returns how often another node took over although none was killed: a master by the backend's own doing, an active node by
    /// the proxy's.
    async fn unasked(&self, started: SystemTime, kills: usize) -> Result<u64, Error> {
        match self.backend.sharing() {
            Sharing::Followed => Ok(self.prober.unasked()),
            Sharing::Meshed | Sharing::Apart => {
                let moves = View::of(self.proxy.admin()).await?.moves_since(started);
                Ok(moves.saturating_sub(kills) as u64)
            }
        }
    }

    async fn failover(&mut self, number: usize, of: usize) -> Result<Kill, Error> {
        let admin = self.proxy.admin();
        let victim = self.backend.victim(number, admin).await?;
        let node = victim.node;
        let death = self.kill(victim);
        let killed = self.kind.killed(&node.to_string(), victim.shard);
        self.screen.event(&format!("kill {number} of {of}: {killed}"));
        let recovery = self.backend.recovery(death, &self.prober, admin).await?;
        let outage = told(recovery.outage.as_secs_f64() * 1000.0);
        self.screen.event(&self.kind.replaced(&recovery.node.to_string(), &outage));
        self.clients_work_again().await?;
        self.proxy.process().check_running()?;
        let seen = self.meter.current();
        let (stall, errors) = (seen.longest_stall, seen.errors.values().sum::<u64>());
        let longest = told(stall.as_secs_f64() * 1000.0);
        self.screen.event(&format!("clients work again: longest stall {longest}, {errors} errors"));
        let untouched = self.untouched(victim.shard);
        let untouched = (!untouched.is_empty()).then(|| seen.longest_of(&untouched));
        self.meter.set_returning(self.backend.sharing() == Sharing::Meshed);
        self.backend.mend(victim, admin).await?;
        self.meter.set_returning(false);
        self.screen.event(&self.kind.mended(&node.to_string()));
        tokio::time::sleep(STEADY).await;
        Ok(Kill { node, recovery, stall, untouched })
    }

    /// Blocks on purpose: no client that uses this master reads or sends anything from the signal until `NOTICE` after
    /// the process is gone, or what it sends is counted as in flight. So what is unanswered here is exactly what was in
    /// flight when the master died, and whatever is sent later meets a proxy that knows of the death: it must be held,
    /// and an UNCERTAIN for it counts against the proxy.
    fn kill(&mut self, victim: Victim) -> Death {
        let (instant, at) = (Instant::now(), SystemTime::now());
        self.meter.killing();
        self.backend.kill(victim.node);
        std::thread::sleep(NOTICE);
        self.meter.killed();
        self.prober.killed(victim.node, instant);
        Death { victim, at }
    }

    async fn clients_work_again(&self) -> Result<(), Error> {
        wait_until("replies to every client", LIMIT, || async {
            let glance = self.meter.glance(Instant::now());
            match (glance.stalled, self.meter.current().unserved()) {
                (0, 0) => Ok(()),
                (0, unserved) => Err(format!("{unserved} clients had no reply since the kill")),
                (stalled, _) => {
                    Err(format!("{stalled} clients wait, the longest for {:?}", glance.longest_wait))
                }
            }
        })
        .await
    }

    /// Compares the books with what the nodes hold, asked directly. Also returns of how many ledgers a mesh's other nodes hold
    /// something else than the one in use.
    async fn audit(&self, books: &Books) -> Result<(Audit, u64), Error> {
        if self.backend.sharing() == Sharing::Meshed {
            // What is on its way to the other nodes arrives.
            tokio::time::sleep(STEADY).await;
        }
        let mut differing = 0;
        let audit = books.audit_with(async |ledger| {
            let (held, differs) = self.held(ledger).await?;
            differing += u64::from(differs);
            Ok(held)
        });
        let audit = audit.await?;
        Ok((audit, differing))
    }

    async fn held(&self, ledger: &Ledger) -> Result<(Held, bool), Error> {
        let holders = self.backend.holders(&ledger.log_key(), self.proxy.admin()).await?;
        let (mut held, mut differs) = (Held::default(), false);
        for mut part in holders.parts {
            held = held.with(&mut part, ledger).await?;
        }
        for mut copy in holders.copies {
            differs |= !held.agrees_with(&Held::default().with(&mut copy, ledger).await?);
        }
        Ok((held, differs))
    }
}
