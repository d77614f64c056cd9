//! The programs: how each is started, the settings of its proxy, and what its own rules allow. Only this file knows the
//! differences between programs.

use super::installed::Runtime;

/// One program: workers that wait for jobs, and a producer that adds them.
#[derive(Debug)]
pub(crate) struct Program {
    /// The name of its queue, of its records, and in the output.
    pub(crate) name: &'static str,
    pub(crate) runtime: Runtime,
    /// The arguments of a worker; see `started::spelled_out` for the meaning of `@`, `%PREFIX` and `%WORKER`.
    pub(crate) worker: &'static [&'static str],
    pub(crate) workers: usize,
    pub(crate) producer: &'static [&'static str],
    /// Seconds between two jobs: chosen so that all programs together can work on two cores.
    pub(crate) pace: &'static str,
    /// The settings of its proxy.
    pub(crate) settings: &'static [&'static str],
    /// Number of connections, over all workers, that wait in a command which takes the job away from the server: each
    /// can lose one job with the answer that died with the node.
    pub(crate) takes: usize,
    pub(crate) again: Again,
    /// True if it goes on after an error in the middle of a job; else it needs a proxy that holds its commands longer
    /// than an outage lasts.
    pub(crate) bears_refusals: bool,
    /// True if a cluster can serve its commands.
    pub(crate) clusters: bool,
    /// True if a job is many keys that change on its way, and is stuck if a part of them is elsewhere.
    pub(crate) in_pieces: bool,
}

/// The cases in which a job may be done twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Only if the node lost what it had acknowledged: that the job was taken from the queue had not reached the new
    /// master.
    Forgotten,
    /// Also if its adding was in flight at the fault: the library itself sends commands again that lost their
    /// connection.
    Added,
    /// Also if its end was in flight: the queue hands out again a job that it does not know to be done.
    Redelivered,
}

/// redis-py has an exception of its own for most error words, and its users catch that of a lost connection, which it
/// uses for LOADING too. An unknown word ends their workers.
const REDIS_PY: &[&str] = &["failover.on_unknown=close", "failover.on_refused=LOADING"];

/// A library that reports every error to its caller and goes on: the default answers suit it.
const DEFAULTS: &[&str] = &[];

/// A cache with sessions: Django begins a session by SET with NX. If that is sent again and is refused, Django takes another key.
const CACHE: &[&str] = &["failover.retry=always"];

/// A library that sends again what lost its connection, within a program that an error reply ends.
const CLOSED: &[&str] = &["failover.on_unknown=close", "failover.on_refused=close"];

/// A loop that takes a job and records it: the common part of those of all libraries.
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

/// The settings that its pools have in common.
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
    // A job that a worker has taken stands beside the queue until it is done.
    in_pieces: true,
};

/// Visitors with sessions: the common part of both backends of the cache.
const DJANGO: Program = Program {
    name: "",
    runtime: Runtime::Python,
    worker: &[],
    workers: 1,
    producer: &[],
    pace: "0.1",
    settings: CACHE,
    takes: 0,
    again: Again::Forgotten,
    // Its requests have no room for an error.
    bears_refusals: false,
    clusters: true,
    // A session is where its visitor was before.
    in_pieces: true,
};

pub(crate) const PROGRAMS: &[Program] = &[
    Program {
        name: "rq",
        runtime: Runtime::Python,
        worker: &["@rq_jobs.py", "work"],
        workers: 2,
        producer: &["@rq_jobs.py", "produce"],
        // It has a process for each job.
        pace: "0.3",
        settings: REDIS_PY,
        takes: 2,
        again: Again::Added,
        // Only the wait for a job is guarded: an error elsewhere ends the worker, if it comes twice.
        bears_refusals: false,
        // Its transactions use keys of jobs, queues and workers.
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
        // redis-rb sends a command again once if it has had no answer for 5 s.
        again: Again::Added,
        bears_refusals: true,
        // Except that its heartbeat, a transaction over keys without a common tag, is refused and logged: a page that
        // lists its processes lists none.
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
        name: "django",
        worker: &["@django_sessions.py", "work", "django.core.cache.backends.redis.RedisCache"],
        producer: &["@django_sessions.py", "produce", "django.core.cache.backends.redis.RedisCache"],
        ..DJANGO
    },
    Program {
        name: "django-redis",
        worker: &["@django_sessions.py", "work", "django_redis.cache.RedisCache"],
        producer: &["@django_sessions.py", "produce", "django_redis.cache.RedisCache"],
        ..DJANGO
    },
    Program {
        name: "socketio",
        worker: &["@socketio_rooms.mjs", "work"],
        producer: &["@socketio_rooms.mjs", "produce"],
        // A message is published for a moment; the next one need not wait for its answer.
        pace: "0.1",
        runtime: Runtime::Node,
        settings: CLOSED,
        takes: 0,
        // What lost its connection is published again.
        again: Again::Added,
        ..LOOP
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
