//! The programs: how each is started, what the proxy before it is told, and what its own rules allow. Nothing else here
//! knows one program from the other.

use super::installed::Runtime;

/// One program: workers that wait for jobs, and a producer that adds them.
#[derive(Debug)]
pub(crate) struct Program {
    /// Of its queue, its streams in the books, and in what is printed.
    pub(crate) name: &'static str,
    pub(crate) runtime: Runtime,
    /// The arguments of a worker; see `started::words` for what `@`, `%NAME` and `%WORKER` stand for.
    pub(crate) worker: &'static [&'static str],
    pub(crate) workers: usize,
    pub(crate) producer: &'static [&'static str],
    /// Seconds between two jobs: as many as all programs together can do on two cores.
    pub(crate) pace: &'static str,
    /// What its proxy is told.
    pub(crate) settings: &'static [&'static str],
    /// How many connections of all workers wait in a command that takes the job away from the server: each can lose one
    /// job with the answer that died with the node.
    pub(crate) takes: usize,
    pub(crate) again: Again,
    /// Whether its commands keep to one slot of a cluster.
    pub(crate) one_slot: bool,
}

/// When a job may be done twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Only when the node forgot what it had said: what it had taken from the queue was not with the new master yet.
    Forgotten,
    /// Also when its adding was under way at the fault: whoever sends again what has no answer may add it twice. That is
    /// `retry = "always"`, and with a closed connection the library itself.
    Added,
    /// Also when its end was under way: the queue gives out again what it does not know to be done.
    Redelivered,
}

/// What every program is known to live with. An unknown outcome is then never told, at the price of an addition that may
/// run twice.
const SENDS_AGAIN: &[&str] = &["failover.retry=always"];

pub(crate) const PROGRAMS: &[Program] = &[
    Program {
        name: "rq",
        runtime: Runtime::Python,
        worker: &["@rq_jobs.py", "work"],
        workers: 2,
        producer: &["@rq_jobs.py", "produce"],
        // A process for each job.
        pace: "0.2",
        settings: SENDS_AGAIN,
        takes: 2,
        again: Again::Added,
        // Its transactions touch keys of jobs, queues and workers.
        one_slot: false,
    },
    Program {
        name: "celery-threads",
        runtime: Runtime::Python,
        worker: &[
            "-m",
            "celery",
            "-A",
            "celery_app",
            "worker",
            "-P",
            "threads",
            "-c",
            "4",
            "-n",
            "%WORKER@here",
        ],
        workers: 1,
        producer: &["@celery_app.py"],
        pace: "0.1",
        settings: SENDS_AGAIN,
        takes: 1,
        again: Again::Redelivered,
        one_slot: true,
    },
    Program {
        name: "celery-prefork",
        runtime: Runtime::Python,
        worker: &[
            "-m",
            "celery",
            "-A",
            "celery_app",
            "worker",
            "-P",
            "prefork",
            "-c",
            "2",
            "-n",
            "%WORKER@here",
        ],
        workers: 1,
        producer: &["@celery_app.py"],
        pace: "0.1",
        settings: SENDS_AGAIN,
        takes: 1,
        again: Again::Redelivered,
        one_slot: true,
    },
    Program {
        name: "sidekiq",
        runtime: Runtime::Sidekiq,
        worker: &["/usr/bin/sidekiq", "-r", "@sidekiq_worker.rb", "-c", "4", "-q", "%NAME"],
        workers: 1,
        producer: &["@sidekiq_worker.rb", "produce"],
        pace: "0.05",
        settings: SENDS_AGAIN,
        takes: 4,
        again: Again::Added,
        // Its heartbeat is a transaction over keys without a common tag.
        one_slot: false,
    },
    Program {
        name: "bullmq",
        runtime: Runtime::Node,
        worker: &["@bullmq.mjs", "work"],
        workers: 2,
        producer: &["@bullmq.mjs", "produce"],
        pace: "0.05",
        settings: SENDS_AGAIN,
        // What a script took stands among the active ones.
        takes: 0,
        again: Again::Redelivered,
        one_slot: true,
    },
    Program {
        name: "phpredis",
        runtime: Runtime::Php,
        worker: &["@worker.php", "work"],
        workers: 2,
        producer: &["@worker.php", "produce"],
        pace: "0.05",
        settings: SENDS_AGAIN,
        takes: 2,
        again: Again::Added,
        one_slot: true,
    },
    Program {
        name: "redis-py",
        runtime: Runtime::Python,
        worker: &["@loop.py", "work"],
        workers: 2,
        producer: &["@loop.py", "produce"],
        pace: "0.05",
        settings: SENDS_AGAIN,
        takes: 2,
        again: Again::Added,
        one_slot: true,
    },
    Program {
        name: "ioredis",
        runtime: Runtime::Node,
        worker: &["@loop_ioredis.mjs", "work"],
        workers: 2,
        producer: &["@loop_ioredis.mjs", "produce"],
        pace: "0.05",
        settings: SENDS_AGAIN,
        takes: 2,
        again: Again::Added,
        one_slot: true,
    },
    Program {
        name: "node-redis",
        runtime: Runtime::Node,
        worker: &["@loop_node_redis.mjs", "work"],
        workers: 2,
        producer: &["@loop_node_redis.mjs", "produce"],
        pace: "0.05",
        settings: SENDS_AGAIN,
        takes: 2,
        again: Again::Added,
        one_slot: true,
    },
];
