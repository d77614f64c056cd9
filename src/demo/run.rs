//! The course of the demo: start everything, let clients work, kill masters, read the books.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backend::{Backend, Kind, LIMIT, Victim};
use super::client::Reply;
use super::error::Error;
use super::faults::Faults;
use super::front::ProxyProcess;
use super::load::{Load, Seat};
use super::meter::Meter;
use super::prober::{Prober, Recovery};
use super::round::Books;
use super::screen::Screen;
use super::table::in_seconds;
use super::verdict::{Kill, Measurements, Report, report};
use super::wait::wait_until;

/// Steady work before the first kill, and after each one.
const STEADY: Duration = Duration::from_secs(2);

/// Before the first kill, when what is usual is measured too: about as long as a failover of a cluster takes.
const USUAL: Duration = Duration::from_secs(4);

/// How long the closing of a dead master's sockets may take to be noticed.
const NOTICE: Duration = Duration::from_millis(20);

/// How many list elements are read at once.
const CHUNK: usize = 1000;

/// Everything that runs; dropping it ends it all.
struct Stage {
    seats: Vec<Seat>,
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
    screen.say(&opening(kind, failovers));
    let mut stage = Stage::set(executable, kind, screen).await?;
    let result = stage.run(failovers).await;
    if !result.as_ref().is_ok_and(|report| report.passed) {
        screen.say(&format!("The end of the proxy's log:\n{}", stage.proxy.process().log_tail()));
    }
    result
}

fn opening(kind: Kind, failovers: usize) -> String {
    let clients = kind.seats().len();
    let (what, whom) = match kind {
        Kind::Sentinel => ("Redis deployment", "the master"),
        Kind::Cluster => ("Redis Cluster", "the master of one shard after the other,"),
    };
    format!(
        "This demo starts a real {what} on loopback, the proxy before it and {clients} plain clients,\n\
         then kills {whom} {failovers} times with SIGKILL. The clients retry nothing and know no node."
    )
}

impl Stage {
    async fn set(executable: &Path, kind: Kind, screen: &Arc<Screen>) -> Result<Self, Error> {
        let backend = Backend::start(kind, screen).await?;
        let proxy = ProxyProcess::start(executable, &backend.url(), &[]).await?;
        let (address, admin) = (proxy.address(), proxy.admin());
        screen
            .event(&format!("tideover        {address}, admin http://{admin}/ --backend {}", backend.url()));
        let (seats, prober) = (kind.seats(), Prober::start(backend.groups()));
        Ok(Self {
            meter: Arc::new(Meter::new(seats.len())),
            seats,
            backend,
            proxy,
            prober,
            screen: Arc::clone(screen),
        })
    }

    async fn run(&mut self, failovers: usize) -> Result<Report, Error> {
        let began = Instant::now();
        let load = Load::start(self.proxy.address(), &self.meter, &self.seats);
        for line in self.clients_told() {
            self.screen.event(&line);
        }
        let status = self.screen.follow(&self.meter);
        let narrow = self.untouched(None);
        tokio::time::sleep(if narrow.is_empty() { STEADY } else { USUAL }).await;
        let usual = (!narrow.is_empty()).then(|| self.meter.current().longest_of(&narrow));
        let mut kills = Vec::new();
        for number in 1..=failovers {
            kills.push(self.failover(number, failovers).await?);
        }
        self.screen
            .event("the clients stop, and what they were promised is compared with what the masters hold");
        let books = tokio::time::timeout(LIMIT, load.finish()).await.map_err(|_| Error::Deadline {
            what: "end of every client's round".to_owned(),
            limit: LIMIT,
            last: "a client still waits for a reply".to_owned(),
        })?;
        drop(status);
        let faults = self.close(books).await?;
        let (eras, unasked) = (self.meter.eras(), self.prober.unasked());
        Ok(report(&Measurements { eras, kills, faults, unasked, usual, took: began.elapsed() }))
    }

    fn clients_told(&self) -> Vec<String> {
        let (all, narrow) = (self.seats.len(), self.untouched(None).len());
        if narrow == 0 {
            return vec![format!(
                "{all} clients       SET, GET, INCR, RPUSH through the proxy, every reply checked"
            )];
        }
        vec![
            format!(
                "{} clients       MSET, MGET, DEL over all shards, SET, GET, INCR, RPUSH, MULTI, BLPOP, every reply checked",
                all - narrow
            ),
            format!("{narrow} clients       SET, GET, INCR, RPUSH, each in one shard only"),
        ]
    }

    /// The clients that use one shard only, and not this one.
    fn untouched(&self, shard: Option<usize>) -> Vec<usize> {
        let seats = self.seats.iter().enumerate();
        seats.filter(|(_, seat)| seat.only.is_some() && seat.only != shard).map(|(id, _)| id).collect()
    }

    async fn failover(&mut self, number: usize, of: usize) -> Result<Kill, Error> {
        let victim = self.backend.victim(number).await?;
        let node = victim.node;
        self.kill(victim);
        let shard = victim.shard.map(|shard| format!(" of shard {}", shard + 1)).unwrap_or_default();
        self.screen.event(&format!("kill {number} of {of}: master {node}{shard} is gone"));
        let recovery = self.recovery(victim).await?;
        let outage = in_seconds(recovery.outage.as_secs_f64() * 1000.0);
        self.screen.event(&format!("backend took writes again after {outage}, at {}", recovery.node));
        self.clients_work_again().await?;
        self.proxy.process().check_running()?;
        let seen = self.meter.current();
        let (stall, errors) = (seen.longest_stall.as_secs_f64(), seen.errors.values().sum::<u64>());
        self.screen.event(&format!("clients work again: longest stall {stall:.2} s, {errors} errors"));
        let untouched = self.untouched(victim.shard);
        let untouched = (!untouched.is_empty()).then(|| seen.longest_of(&untouched));
        self.backend.mend(victim).await?;
        self.screen.event(&format!("{node} is back as a replica, the deployment is whole"));
        tokio::time::sleep(STEADY).await;
        Ok(Kill { node, recovery, untouched })
    }

    /// Blocks on purpose: no client that uses this master reads or sends anything from the signal until `NOTICE` after
    /// the process is gone, or what it sends is counted as in flight. So what is unanswered here is exactly what was in
    /// flight when the master died, and whatever is sent later meets a proxy that knows of the death: it must be held,
    /// and an UNCERTAIN for it counts against the proxy.
    fn kill(&mut self, victim: Victim) {
        let at = Instant::now();
        self.meter.killing();
        self.backend.kill(victim.node);
        std::thread::sleep(NOTICE);
        self.meter.killed();
        self.prober.killed(victim.node, at);
    }

    async fn recovery(&self, victim: Victim) -> Result<Recovery, Error> {
        wait_until("new master that takes writes", LIMIT, || async {
            self.prober.recovery(victim.node).ok_or_else(|| "every node refuses writes".to_owned())
        })
        .await
    }

    async fn clients_work_again(&self) -> Result<(), Error> {
        wait_until("replies to every client", LIMIT, || async {
            let glance = self.meter.glance(Instant::now());
            match glance.stalled {
                0 => Ok(()),
                stalled => Err(format!("{stalled} clients wait, the longest for {:?}", glance.longest_wait)),
            }
        })
        .await
    }

    /// Closes the books with what the last masters hold, asked directly.
    async fn close(&self, books: Vec<Books>) -> Result<Faults, Error> {
        let mut faults = Faults::default();
        for books in books {
            let (ledgers, further) = books.close();
            faults += further;
            for ledger in ledgers {
                let mut client = self.backend.holder(&ledger.counter_key()).await?;
                let counter = client.must(&["GET", &ledger.counter_key()]).await?;
                let counter = counter.text().and_then(|text| text.parse().ok()).unwrap_or(0);
                let log = read_list(&mut client, &ledger.log_key()).await?;
                faults += ledger.close(counter, &log, self.meter.era());
            }
        }
        Ok(faults)
    }
}

async fn read_list(client: &mut super::client::Client, key: &str) -> Result<Vec<Vec<u8>>, Error> {
    let mut list = Vec::new();
    loop {
        let (first, last) = (list.len().to_string(), (list.len() + CHUNK - 1).to_string());
        let reply = client.must(&["LRANGE", key, &first, &last]).await?;
        let before = list.len();
        list.extend(reply.elements().iter().filter_map(|element| match element {
            Reply::Bulk(bytes) => Some(bytes.clone()),
            Reply::Simple(_) | Reply::Error(_) | Reply::Integer(_) | Reply::Nil | Reply::Array(_) => None,
        }));
        if list.len() - before < CHUNK {
            return Ok(list);
        }
    }
}
