//! The programs: how each is started, what the proxy before it is told, and what its own rules allow. Nothing else here
//! knows one program from the other.

use super::installed::Runtime;

/// One program: workers that wait for jobs, and a producer that adds them.
#[derive(Debug)]
pub(crate) struct Program {
    /// Of its queue, its streams in the books, and in what is printed.
    pub(crate) name: &'static str,
    pub(crate) runtime: Runtime,
    /// The arguments of a worker; see `started::spelled_out` for what `@`, `%PREFIX` and `%WORKER` stand for.
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
    /// Whether it goes on when it is told in the middle of a job that there is no node: else it needs a proxy that holds its
    /// commands longer than an outage lasts.
    pub(crate) bears_refusals: bool,
    /// Whether its commands can be served by a cluster.
    pub(crate) clusters: bool,
    /// Whether a job is many keys that change on its way, and is stuck when a part of them is elsewhere.
    pub(crate) in_pieces: bool,
}

/// When a job may be done twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Only when the node forgot what it had said: what it had taken from the queue was not with the new master yet.
    Forgotten,
    /// Also when its adding was under way at the fault: the library sends again by itself what lost its connection.
    Added,
    /// Also when its end was under way: the queue gives out again what it does not know to be done.
    Redelivered,
}

/// redis-py makes an exception of its own of every error word, and those who use it catch that of a lost connection, which
/// it makes of LOADING too. An unknown word ends their workers.
const REDIS_PY: &[&str] = &["failover.on_unknown=close", "failover.on_refused=LOADING"];

/// Tells its caller of every error, and goes on: what the proxy says when it is told nothing.
const DEFAULTS: &[&str] = &[];

/// A loop that takes a job and writes it into the books: what is common to those of all libraries.
const LOOP: Program = Program {
    name: "",
    runtime: Runtime::Python,
    worker: &[],
    workers: 2,
    producer: &[],
    pace: "0.05",
    settings: DEFAULTS,
    takes: 2,
    again: Again::Forgotten,
    bears_refusals: true,
    clusters: true,
    in_pieces: false,
};

/// What its pools have in common.
const CELERY: Program = Program {
    name: "",
    runtime: Runtime::Python,
    worker: &[],
    workers: 1,
    producer: &["@celery_app.py"],
    pace: "0.1",
    settings: REDIS_PY,
    takes: 1,
    again: Again::Redelivered,
    bears_refusals: true,
    clusters: true,
    // What a worker has taken stands beside the queue until it is done.
    in_pieces: true,
};

pub(crate) const PROGRAMS: &[Program] = &[
    Program {
        name: "rq",
        runtime: Runtime::Python,
        worker: &["@rq_jobs.py", "work"],
        workers: 2,
        producer: &["@rq_jobs.py", "produce"],
        // A process for each job.
        pace: "0.3",
        settings: REDIS_PY,
        takes: 2,
        again: Again::Added,
        // Only the wait for a job is guarded: an error elsewhere ends the worker, when it comes twice.
        bears_refusals: false,
        // Its transactions touch keys of jobs, queues and workers.
        clusters: false,
        in_pieces: false,
    },
    Program {
        name: "rq-retry",
        runtime: Runtime::Python,
        worker: &["@rq_jobs.py", "work", "retry"],
        workers: 2,
        producer: &["@rq_jobs.py", "produce", "retry"],
        pace: "0.3",
        settings: REDIS_PY,
        takes: 2,
        again: Again::Added,
        bears_refusals: true,
        clusters: false,
        in_pieces: false,
    },
    Program {
        name: "celery-threads",
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
        ..CELERY
    },
    Program {
        name: "celery-prefork",
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
        ..CELERY
    },
    Program {
        name: "sidekiq",
        runtime: Runtime::Sidekiq,
        worker: &["/usr/bin/sidekiq", "-r", "@sidekiq_worker.rb", "-c", "4", "-q", "%PREFIX"],
        workers: 1,
        producer: &["@sidekiq_worker.rb", "produce"],
        pace: "0.05",
        settings: DEFAULTS,
        takes: 4,
        // redis-rb sends again once what has had no answer for 5 s.
        again: Again::Added,
        bears_refusals: true,
        // Save that its heartbeat, a transaction over keys without a common tag, is refused and logged: a page that shows
        // its processes shows none.
        clusters: true,
        in_pieces: false,
    },
    Program {
        name: "bullmq",
        runtime: Runtime::Node,
        worker: &["@bullmq.mjs", "work"],
        workers: 2,
        producer: &["@bullmq.mjs", "produce"],
        pace: "0.05",
        settings: DEFAULTS,
        takes: 0,
        again: Again::Redelivered,
        bears_refusals: true,
        clusters: true,
        in_pieces: true,
    },
    Program {
        name: "phpredis",
        runtime: Runtime::Php,
        worker: &["@worker.php", "work"],
        producer: &["@worker.php", "produce"],
        ..LOOP
    },
    Program {
        name: "redis-py",
        runtime: Runtime::Python,
        worker: &["@loop.py", "work"],
        producer: &["@loop.py", "produce"],
        settings: REDIS_PY,
        ..LOOP
    },
    Program {
        name: "ioredis",
        runtime: Runtime::Node,
        worker: &["@loop_ioredis.mjs", "work"],
        producer: &["@loop_ioredis.mjs", "produce"],
        ..LOOP
    },
    Program {
        name: "node-redis",
        runtime: Runtime::Node,
        worker: &["@loop_node_redis.mjs", "work"],
        producer: &["@loop_node_redis.mjs", "produce"],
        ..LOOP
    },
];
