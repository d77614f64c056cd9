//! Plain clients under way: each sends tagged commands, checks every reply, and keeps the books that are audited at the
//! end.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tideover::demo::client::{Client, Reply, encode};
use tideover::demo::cluster::ClusterDeployment;
use tideover::demo::cluster::slots::slot_of;
use tideover::demo::error::ClientError;
use tideover::demo::wait::wait_until;

use super::live::{LIMIT, client};

/// Between two batches: the load is steady, not the most that the machine can carry.
const PACE: Duration = Duration::from_millis(2);

/// One command of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Push,
    Set,
    Get,
    Incr,
    Echo,
    /// MSET of several keys: over all slots, or in the one of the client's hash tag.
    SetMany,
    /// MGET of the same.
    GetMany,
    Multi,
    /// INCR in the transaction.
    Count,
    /// GET of the same key in the transaction.
    Look,
    Exec,
}

/// What one client does in a step, in this order.
pub(crate) type Step = &'static [Kind];

/// Single keys.
pub(crate) const STEP: Step = &[Kind::Push, Kind::Set, Kind::Get, Kind::Incr, Kind::Echo];

/// Single keys, many keys and a transaction.
pub(crate) const FULL_STEP: Step = &[
    Kind::Push,
    Kind::SetMany,
    Kind::GetMany,
    Kind::Incr,
    Kind::Multi,
    Kind::Count,
    Kind::Look,
    Kind::Exec,
    Kind::Set,
    Kind::Get,
    Kind::Echo,
];

/// How many keys `SetMany` and `GetMany` have.
const MANY: usize = 5;

/// One client. With a name in braces all its keys are in one slot, else they are spread.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) name: String,
    /// 0 sends one command and waits for its reply, others send so many steps at once.
    pub(crate) depth: usize,
    pub(crate) step: Step,
}

/// What a client knows of one pushed token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Acknowledged,
    Unknown,
    NotExecuted,
}

/// The books of one client.
#[derive(Debug, Default)]
pub(crate) struct Book {
    name: String,
    step: Step,
    /// By step.
    pub(crate) tokens: Vec<Fate>,
    counted: i64,
    count_unknown: i64,
    /// The same for the counter that transactions count.
    transacted: i64,
    transacted_unknown: i64,
    /// Error replies by their whole text.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Replies that were another's, out of order, or of the wrong kind.
    faults: Vec<String>,
    /// Reads that saw an older value of the client's own than the one it had written before.
    pub(crate) older: u64,
    pub(crate) replies: u64,
    pub(crate) slowest: Duration,
    slowest_of_batch: Duration,
    /// How the connection ended, if not by us.
    pub(crate) ended: Option<String>,
}

/// How far a client is, and what it last suffered, to be looked at while it runs.
#[derive(Debug, Default)]
struct Progress {
    steps: AtomicU64,
    slowest_micros: AtomicU64,
}

/// Clients that run until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    progress: Vec<Arc<Progress>>,
    tasks: Vec<tokio::task::JoinHandle<Book>>,
}

impl Load {
    /// One client with single keys for each depth.
    pub(crate) async fn start(name: &str, address: SocketAddr, depths: &[usize]) -> Self {
        let seat = |(index, depth): (usize, &usize)| Seat {
            name: format!("{name}{index}"),
            depth: *depth,
            step: STEP,
        };
        Self::of(address, depths.iter().enumerate().map(seat).collect()).await
    }

    pub(crate) async fn of(address: SocketAddr, seats: Vec<Seat>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut all, mut tasks) = (Vec::new(), Vec::new());
        for Seat { name, depth, step } in seats {
            let progress = Arc::new(Progress::default());
            let book = Book { name, step, ..Book::default() };
            let task = play(client(address).await, depth, book, Arc::clone(&stop), Arc::clone(&progress));
            tasks.push(tokio::spawn(task));
            all.push(progress);
        }
        let load = Self { stop, progress: all, tasks };
        load.advance(5).await;
        load
    }

    /// The longest that any client waited for a reply since this was asked last.
    pub(crate) fn take_slowest(&self) -> Duration {
        let waits = self.progress.iter().map(|progress| progress.slowest_micros.swap(0, Ordering::Relaxed));
        Duration::from_micros(waits.max().unwrap_or_default())
    }

    /// Waits until every client has done this many steps more.
    pub(crate) async fn advance(&self, steps: u64) {
        let goals: Vec<u64> = self.steps().iter().map(|done| done + steps).collect();
        wait_until("every client goes on", LIMIT, || async {
            let now = self.steps();
            let done = now.iter().zip(&goals).all(|(now, goal)| now >= goal);
            if done { Ok(()) } else { Err(format!("{now:?} of {goals:?}")) }
        })
        .await
        .unwrap();
    }

    /// Steps that each client has begun.
    pub(crate) fn steps(&self) -> Vec<u64> {
        self.progress.iter().map(|progress| progress.steps.load(Ordering::Relaxed)).collect()
    }

    /// Lets every client finish its batch.
    pub(crate) async fn finish(self) -> Books {
        self.stop.store(true, Ordering::Relaxed);
        let mut books = Vec::new();
        for task in self.tasks {
            let book = tokio::time::timeout(LIMIT, task).await.expect("a client hangs");
            books.push(book.unwrap());
        }
        Books(books)
    }

    /// Waits until every connection was ended by the proxy.
    pub(crate) async fn ended(self) -> Books {
        let mut books = Vec::new();
        for task in self.tasks {
            books.push(tokio::time::timeout(LIMIT, task).await.expect("a client hangs").unwrap());
        }
        Books(books)
    }
}

async fn play(
    mut client: Client,
    depth: usize,
    mut book: Book,
    stop: Arc<AtomicBool>,
    progress: Arc<Progress>,
) -> Book {
    while !stop.load(Ordering::Relaxed) {
        let first = book.tokens.len();
        let batch = if depth == 0 {
            plain(&mut client, &mut book).await
        } else {
            pipelined(&mut client, depth, &mut book).await
        };
        let steps = (book.tokens.len() - first) as u64;
        progress.steps.fetch_add(steps, Ordering::Relaxed);
        let slowest = std::mem::take(&mut book.slowest_of_batch);
        progress.slowest_micros.fetch_max(slowest.as_micros() as u64, Ordering::Relaxed);
        if let Err(error) = batch {
            book.ended = Some(error.to_string());
            break;
        }
        tokio::time::sleep(PACE).await;
    }
    book
}

async fn plain(client: &mut Client, book: &mut Book) -> Result<(), ClientError> {
    let step = book.begin();
    for kind in book.step.iter().copied() {
        let sent = Instant::now();
        let reply = client.call(&book.command(kind, step)).await?;
        book.enter(kind, step, &reply, sent);
    }
    Ok(())
}

async fn pipelined(client: &mut Client, depth: usize, book: &mut Book) -> Result<(), ClientError> {
    let steps: Vec<usize> = (0..depth).map(|_| book.begin()).collect();
    let commands: Vec<(usize, Kind)> =
        steps.iter().flat_map(|step| book.step.iter().map(|kind| (*step, *kind))).collect();
    let bytes: Vec<u8> =
        commands.iter().flat_map(|(step, kind)| encode(&book.command(*kind, *step))).collect();
    let sent = Instant::now();
    client.write(&bytes).await?;
    for (step, kind) in commands {
        let reply = client.reply().await?;
        book.enter(kind, step, &reply, sent);
    }
    Ok(())
}

impl Book {
    /// A token that is sent has an unknown fate until its reply.
    fn begin(&mut self) -> usize {
        self.tokens.push(Fate::Unknown);
        self.tokens.len() - 1
    }

    fn command(&self, kind: Kind, step: usize) -> Vec<String> {
        let Book { name, .. } = self;
        let words = match kind {
            Kind::Push => format!("RPUSH list:{name} {name}-{step}"),
            Kind::Set => format!("SET value:{name} {name}-{step}"),
            Kind::Get => format!("GET value:{name}"),
            Kind::Incr => format!("INCR count:{name}"),
            Kind::Echo => format!("ECHO {name}-{step}"),
            Kind::SetMany => format!("MSET{}", self.many(&format!(" {name}-{step}"))),
            Kind::GetMany => format!("MGET{}", self.many("")),
            Kind::Multi => "MULTI".to_owned(),
            Kind::Count => format!("INCR transacted:{name}"),
            Kind::Look => format!("GET transacted:{name}"),
            Kind::Exec => "EXEC".to_owned(),
        };
        words.split(' ').map(str::to_owned).collect()
    }

    /// The keys, each with what follows it.
    fn many(&self, then: &str) -> String {
        (0..MANY).map(|index| format!(" many{index}:{}{then}", self.name)).collect()
    }

    fn enter(&mut self, kind: Kind, step: usize, reply: &Reply, sent: Instant) {
        self.replies += 1;
        self.slowest_of_batch = self.slowest_of_batch.max(sent.elapsed());
        self.slowest = self.slowest.max(self.slowest_of_batch);
        if let Reply::Error(text) = reply {
            let count = self.errors.entry(text.clone()).or_default();
            *count += 1;
            if *count == 1 {
                println!("{kind:?} of step {step} of {}: {text}", self.name);
            }
            return self.failed(kind, step, reply.error_class() == Some("UNCERTAIN"));
        }
        let fits = match (kind, reply) {
            (Kind::Push, Reply::Integer(_)) => {
                self.tokens[step] = Fate::Acknowledged;
                true
            }
            (Kind::Set | Kind::SetMany | Kind::Multi, Reply::Simple(ok)) => ok == "OK",
            (Kind::Count | Kind::Look, Reply::Simple(queued)) => queued == "QUEUED",
            (Kind::Get, Reply::Bulk(_)) => self.own_value(step, reply),
            (Kind::GetMany, Reply::Array(values)) => {
                values.len() == MANY && values.iter().all(|value| self.own_value(step, value))
            }
            (Kind::Incr, Reply::Integer(count)) => {
                self.counted += 1;
                // After a loss it may be lower than before; the audit counts that.
                *count > 0
            }
            (Kind::Exec, Reply::Array(replies)) => {
                self.transacted += 1;
                let [Reply::Integer(count), seen] = replies.as_slice() else {
                    return self.fault(kind, step, reply);
                };
                seen.text() == Some(count.to_string())
            }
            (Kind::Echo, Reply::Bulk(_)) => reply.text() == Some(format!("{}-{step}", self.name)),
            _ => false,
        };
        if !fits {
            self.fault(kind, step, reply);
        }
    }

    fn failed(&mut self, kind: Kind, step: usize, unknown: bool) {
        match kind {
            Kind::Push if !unknown => self.tokens[step] = Fate::NotExecuted,
            Kind::Incr if unknown => self.count_unknown += 1,
            Kind::Exec if unknown => self.transacted_unknown += 1,
            _ => {}
        }
    }

    fn fault(&mut self, kind: Kind, step: usize, reply: &Reply) {
        self.faults.push(format!("{kind:?} of step {step}: {reply:?}"));
    }

    /// The value is this client's own, and not of a step to come.
    fn own_value(&mut self, step: usize, reply: &Reply) -> bool {
        let value = reply.text().unwrap_or_default();
        let seen = value.strip_prefix(&format!("{}-", self.name)).and_then(|seen| seen.parse::<usize>().ok());
        self.older += u64::from(seen.is_some_and(|seen| seen < step));
        seen.is_some_and(|seen| seen <= step)
    }
}

/// The books of all clients.
pub(crate) struct Books(pub(crate) Vec<Book>);

/// What the books and the data on the last master say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audit {
    pub(crate) acknowledged: u64,
    pub(crate) unknown: u64,
    /// Tokens that were acknowledged and are gone: the backend replicates asynchronously.
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// Tokens that are there although they were reported as not executed.
    pub(crate) denied: u64,
    /// Tokens of one client that stand in another order than they were sent.
    pub(crate) misordered: u64,
    /// Counts above what can have been counted, and counts missing.
    pub(crate) overcounted: i64,
    pub(crate) undercounted: i64,
}

impl Books {
    /// No reply was another's, out of order or of the wrong kind.
    pub(crate) fn assert_no_mix_up(&self) {
        for book in &self.0 {
            assert!(book.faults.is_empty(), "{}: {:?}", book.name, &book.faults[..book.faults.len().min(5)]);
        }
    }

    /// All errors by their text.
    pub(crate) fn errors(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (text, count) in self.0.iter().flat_map(|book| &book.errors) {
            *all.entry(text.clone()).or_default() += count;
        }
        all
    }

    /// How many errors begin with this word.
    pub(crate) fn errors_of(&self, class: &str) -> u64 {
        self.errors()
            .iter()
            .filter(|(text, _)| text.split(' ').next() == Some(class))
            .map(|(_, count)| count)
            .sum()
    }

    pub(crate) fn assert_no_error(&self) {
        assert_eq!(self.errors(), BTreeMap::new());
        let ended: Vec<_> = self.0.iter().filter_map(|book| book.ended.as_ref()).collect();
        assert!(ended.is_empty(), "{ended:?}");
    }

    /// No client has seen anything, and the masters hold all that was acknowledged.
    pub(crate) async fn assert_unnoticed(&self, cluster: &ClusterDeployment) {
        self.assert_no_mix_up();
        self.assert_no_error();
        let audit = self.audit_cluster(cluster).await;
        audit.assert_nothing_doubled();
        audit.assert_nothing_lost();
    }

    /// Every error says that the outcome is unknown, in the words of the interface.
    pub(crate) fn assert_only_uncertain(&self) {
        for text in self.errors().keys() {
            let fits = text.starts_with("UNCERTAIN tideover: ") && text.ends_with("; outcome unknown");
            assert!(fits, "{text}");
        }
        assert!(self.0.iter().all(|book| book.ended.is_none()));
    }

    pub(crate) fn older(&self) -> u64 {
        self.0.iter().map(|book| book.older).sum()
    }

    pub(crate) fn slowest(&self) -> Duration {
        self.0.iter().map(|book| book.slowest).max().unwrap_or_default()
    }

    /// Tokens that were acknowledged from these steps on, by client, and that the master does not hold.
    pub(crate) async fn lost_since(&self, master: &mut Client, steps: &[u64]) -> u64 {
        let mut lost = 0;
        for (book, from) in self.0.iter().zip(steps) {
            let list = master.must(&["LRANGE", &format!("list:{}", book.name), "0", "-1"]).await.unwrap();
            let present: HashSet<String> = list.elements().iter().filter_map(Reply::text).collect();
            let later = book.tokens.iter().enumerate().skip(usize::try_from(*from).unwrap());
            let acknowledged = later.filter(|(_, fate)| **fate == Fate::Acknowledged);
            lost += acknowledged
                .filter(|(step, _)| !present.contains(&format!("{}-{step}", book.name)))
                .count() as u64;
        }
        lost
    }

    /// Compares with what the master holds.
    pub(crate) async fn audit(&self, master: &mut Client) -> Audit {
        self.audit_with(&mut Holder::Master(master)).await
    }

    /// Compares with what the masters of a cluster hold.
    pub(crate) async fn audit_cluster(&self, cluster: &ClusterDeployment) -> Audit {
        self.audit_with(&mut Holder::Cluster(cluster)).await
    }

    async fn audit_with(&self, holder: &mut Holder<'_>) -> Audit {
        let mut audit = Audit::default();
        for book in &self.0 {
            let list = holder.ask(&format!("list:{}", book.name), &["LRANGE"], &["0", "-1"]).await;
            let list: Vec<String> = list.elements().iter().filter_map(Reply::text).collect();
            audit.tokens(book, &list);
            let counters = [
                ("count", book.counted, book.count_unknown),
                ("transacted", book.transacted, book.transacted_unknown),
            ];
            for (name, counted, unknown) in counters {
                let count = holder.ask(&format!("{name}:{}", book.name), &["GET"], &[]).await;
                let count: i64 = count.text().and_then(|text| text.parse().ok()).unwrap_or_default();
                audit.overcounted += (count - counted - unknown).max(0);
                audit.undercounted += (counted - count).max(0);
            }
        }
        println!(
            "{audit:?}, errors {:?}, older reads {}, slowest {:?}",
            self.errors(),
            self.older(),
            self.slowest()
        );
        audit
    }
}

/// Who has the data.
enum Holder<'a> {
    Master(&'a mut Client),
    Cluster(&'a ClusterDeployment),
}

impl Holder<'_> {
    async fn ask(&mut self, key: &str, before: &[&str], after: &[&str]) -> Reply {
        let command = [before, &[key], after].concat();
        match self {
            Self::Master(client) => client.must(&command).await.unwrap(),
            Self::Cluster(cluster) => {
                let master = cluster.master_of(slot_of(key)).await.expect("a master of every slot");
                cluster.client(master).await.unwrap().must(&command).await.unwrap()
            }
        }
    }
}

impl Audit {
    fn tokens(&mut self, book: &Book, list: &[String]) {
        let mut places: HashMap<usize, u64> = HashMap::new();
        let mut last = None;
        for token in list {
            let step = token.strip_prefix(&format!("{}-", book.name)).and_then(|step| step.parse().ok());
            let step: usize = step.unwrap_or_else(|| panic!("{token} is not of {}", book.name));
            *places.entry(step).or_default() += 1;
            self.misordered += u64::from(last.is_some_and(|last| last > step));
            last = Some(step);
        }
        for (step, fate) in book.tokens.iter().enumerate() {
            let present = places.get(&step).copied().unwrap_or_default();
            self.doubled += present.saturating_sub(1);
            match fate {
                Fate::Acknowledged => {
                    self.acknowledged += 1;
                    self.lost += u64::from(present == 0);
                }
                Fate::Unknown => self.unknown += 1,
                Fate::NotExecuted => self.denied += u64::from(present > 0),
            }
        }
    }

    /// Nothing that was acknowledged is gone.
    pub(crate) fn assert_nothing_lost(&self) {
        assert_eq!((self.lost, self.undercounted, self.unknown), (0, 0, 0), "{self:?}");
    }

    /// Nothing ran twice, nothing ran that was denied, and each client's writes are in its order.
    pub(crate) fn assert_nothing_doubled(&self) {
        assert_eq!((self.doubled, self.denied, self.misordered, self.overcounted), (0, 0, 0, 0), "{self:?}");
    }
}
