//! The course of the demo: start everything, let clients work, kill masters, read the books.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::Reply;
use super::deployment::{SentinelDeployment, SentinelOptions};
use super::error::Error;
use super::faults::Faults;
use super::front::ProxyProcess;
use super::ledger::Ledger;
use super::load::{CLIENTS, Load};
use super::meter::Meter;
use super::prober::{Prober, Recovery};
use super::screen::Screen;
use super::table::in_seconds;
use super::verdict::{Kill, Measurements, Report, report};
use super::wait::wait_until;

/// How long the backend may take for a failover, and to be whole again.
const LIMIT: Duration = Duration::from_secs(60);

/// Steady work before the first kill, and after each one.
const STEADY: Duration = Duration::from_secs(2);

/// How long the closing of a dead master's sockets may take to be noticed.
const NOTICE: Duration = Duration::from_millis(20);

/// How many list elements are read at once.
const CHUNK: usize = 1000;

/// Everything that runs; dropping it ends it all.
struct Stage {
    deployment: SentinelDeployment,
    proxy: ProxyProcess,
    meter: Arc<Meter>,
    prober: Prober,
    screen: Arc<Screen>,
}

/// Plays the demo with the proxy of this executable.
pub(crate) async fn play(executable: &Path, failovers: usize, screen: &Arc<Screen>) -> Result<Report, Error> {
    screen.say(&format!(
        "This demo starts a real Redis deployment on loopback, the proxy before it and {CLIENTS} plain clients,\n\
         then kills the master {failovers} times with SIGKILL. The clients retry nothing and know no node."
    ));
    let mut stage = Stage::set(executable, screen).await?;
    let result = stage.run(failovers).await;
    if !result.as_ref().is_ok_and(|report| report.passed) {
        screen.say(&format!("The end of the proxy's log:\n{}", stage.proxy.process().log_tail()));
    }
    result
}

impl Stage {
    async fn set(executable: &Path, screen: &Arc<Screen>) -> Result<Self, Error> {
        let options = SentinelOptions::default();
        let patience = options.down_after_ms;
        let deployment = SentinelDeployment::start(options).await?;
        let master = deployment.wait_until_healthy(LIMIT).await?;
        screen.event(&format!("redis-server    {}, master {master}", list(&deployment.nodes())));
        let sentinels = list(&deployment.sentinels());
        screen.event(&format!("redis-sentinel  {sentinels}, down-after-milliseconds {patience}"));
        let proxy = ProxyProcess::start(executable, &deployment.url(), &[]).await?;
        let (address, admin) = (proxy.address(), proxy.admin());
        screen.event(&format!(
            "tideover        {address}, admin http://{admin}/ --backend {}",
            deployment.url()
        ));
        let prober = Prober::start(&deployment.nodes());
        Ok(Self {
            deployment,
            proxy,
            meter: Arc::new(Meter::new(CLIENTS)),
            prober,
            screen: Arc::clone(screen),
        })
    }

    async fn run(&mut self, failovers: usize) -> Result<Report, Error> {
        let began = Instant::now();
        let load = Load::start(self.proxy.address(), &self.meter);
        self.screen.event(&format!(
            "{CLIENTS} clients       SET, GET, INCR, RPUSH through the proxy, every reply checked"
        ));
        let status = self.screen.follow(&self.meter);
        tokio::time::sleep(STEADY).await;
        let mut kills = Vec::new();
        for number in 1..=failovers {
            kills.push(self.failover(number, failovers).await?);
        }
        self.screen
            .event("the clients stop, and what they were promised is compared with what the master holds");
        let ledgers = tokio::time::timeout(LIMIT, load.finish()).await.map_err(|_| Error::Deadline {
            what: "end of every client's round".to_owned(),
            limit: LIMIT,
            last: "a client still waits for a reply".to_owned(),
        })?;
        drop(status);
        let faults = self.close(ledgers).await?;
        let (eras, unasked) = (self.meter.eras(), self.prober.unasked());
        Ok(report(&Measurements { eras, kills, faults, unasked, took: began.elapsed() }))
    }

    async fn failover(&mut self, number: usize, of: usize) -> Result<Kill, Error> {
        let node = self.deployment.wait_until_healthy(LIMIT).await?;
        self.kill(node);
        self.screen.event(&format!("kill {number} of {of}: master {node} is gone"));
        let recovery = self.recovery().await?;
        let outage = in_seconds(recovery.outage.as_secs_f64() * 1000.0);
        self.screen.event(&format!("backend took writes again after {outage}, at {}", recovery.node));
        self.clients_work_again().await?;
        self.proxy.process().check_running()?;
        let seen = self.meter.current();
        let (stall, errors) = (seen.longest_stall.as_secs_f64(), seen.errors.values().sum::<u64>());
        self.screen.event(&format!("clients work again: longest stall {stall:.2} s, {errors} errors"));
        self.deployment.wait_for_switch(node, LIMIT).await?;
        if let Some(index) = self.deployment.index_of(node) {
            self.deployment.restart_node(index).await?;
        }
        self.deployment.wait_until_healthy(LIMIT).await?;
        self.screen.event(&format!("{node} is back as a replica, the deployment is whole"));
        tokio::time::sleep(STEADY).await;
        Ok(Kill { node, recovery })
    }

    /// Blocks on purpose: no client reads or sends anything from the signal until `NOTICE` after the process is gone. So what
    /// is unanswered here is exactly what was in flight when the master died, and whatever is sent later meets a proxy that
    /// knows of the death: it must be held, and an UNCERTAIN for it counts against the proxy.
    fn kill(&mut self, node: SocketAddr) {
        let at = Instant::now();
        self.deployment.kill_node(node);
        std::thread::sleep(NOTICE);
        self.meter.killed();
        self.prober.killed(node, at);
    }

    async fn recovery(&self) -> Result<Recovery, Error> {
        wait_until("new master that takes writes", LIMIT, || async {
            self.prober.recovery().ok_or_else(|| "every node refuses writes".to_owned())
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

    /// Closes the books with what the last master holds, asked directly.
    async fn close(&self, ledgers: Vec<Ledger>) -> Result<Faults, Error> {
        let master = self.deployment.wait_until_healthy(LIMIT).await?;
        let mut client = self.deployment.client(master).await?;
        let mut faults = Faults::default();
        for ledger in ledgers {
            let counter = client.must(&["GET", &ledger.counter_key()]).await?;
            let counter = counter.text().and_then(|text| text.parse().ok()).unwrap_or(0);
            let log = read_list(&mut client, &ledger.log_key()).await?;
            faults += ledger.close(counter, &log, self.meter.era());
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

fn list(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
