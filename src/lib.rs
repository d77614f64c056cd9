//! Tideover: a stateless RESP proxy that keeps Redis available to clients that know nothing about high availability.
//!
//! # Words
//!
//! A **client** is an application's connection to us. A **proxy** is one front: its listeners and the one **backend**
//! behind them. A **node** is one server process at an **endpoint**; its role is **master**, **replica** or **active**.
//! A **shard** is a master with its replicas and the **slots** it owns. The **topology** maps slot → shard → nodes;
//! each published one has a **generation**, ours, while the **config epoch** is what Sentinel or the cluster claims. A
//! **worker** is one thread with its clients and node connections. A **lane** says which requests may share a
//! connection; the queue of requests in flight on it is its **pipeline**. A request waits in **hold** at a closed
//! **gate**. An outcome gets a **verdict**. The data path gives discovery a **hint**; discovery sends a **probe** and
//! takes in an **observation**. What is wrong with a peer is its **fault**, all of them are the **diagnosis**. A worker has
//! a probe of its own for a node that owes replies and is **silent**: does it end? A **large** request has a **share** of
//! `hold_bytes` from its first bytes to its answer; one that is not kept is an **upload**. A **mark** is a channel by whose
//! subscription a node learns how many clients stand behind one connection. An **audience** is the clients that share
//! subscriptions; its **home** is the shard whose node tells it what every node of a cluster knows, and a **changeover** is its
//! way to another.
//! Within the core, the **base** is what every part stands on and the **hub** is publish and subscribe. A lane's **intake** says
//! what its node takes: all, one request to try it, nothing because it **refuses**, nothing during a pause. Held requests have a
//! **ticket**; a **stray** has no lane at the moment, for nobody owns its slot. A **topic** is a channel or a pattern, and its
//! **reach** says which nodes have its messages. A **redirect** sends a request to another node; a **detour** remembers where to.
//! A **dedicated** lane is one client's own; the others are **shared**. What must run with nobody else's commands is **isolated**.
//! Of active nodes, each of which has every key, **home** is where commands go that have no **writer** of their own
//! ([`topology::active`]); a planned move from one to another is a **handover**. A **lot** is the keys that have an owner in
//! common: those of a slot, or those of active nodes that home writes, or that go aside.
//!
//! # Modules in reading order
//!
//! ● sees no socket, no clock and no task; ○ moves bytes and time for it.
//!
//! - [`ids`], [`reasons`] ● names of clients, lanes and replies; why something was done, in log and metric alike
//! - [`resp`] ● frames: where does it end, what is it, and the replies that we make
//! - [`command`] ● one table: arity, flags, keys, handling, replay class
//! - [`face`] ● what the proxy looks like: one Redis, a cluster, sentinels
//! - [`topology`] ● the immutable map (its shared cell ○)
//! - [`route`] ● request → plan: which shards of a cluster, which of the active nodes
//! - [`split`] ● one command in parts, their replies as one
//! - [`reads`] ● which nodes may serve a read, and which first
//! - [`failover`] ● outcome of an attempt → verdict
//! - [`discovery`] ● which node is the master: the rules of each kind (one driver ○ for all)
//! - [`sampler`] ● do nodes that all take writes hold the same? (○ its loop and its connections)
//! - [`client`] ● one client: session, admission, replies in order
//! - [`node`] ● one lane: greeting, queue, stream of bytes
//! - [`core`] ● one worker's part of one proxy: all of the above at work, with an owner for each part of it
//! - [`worker`] ○ one thread: reads, lets the core decide, writes
//! - [`proxy`] ○ start and stop, listeners, who gets which client
//! - [`metrics`], [`admin`] what can be scraped and asked; [`config`], [`cli`], [`logging`] what can be said
//! - `fuzz` what must hold for any bytes, for tests and fuzzers alone
//! - `crates/testbed` real deployments under real faults, for people (`tideover demo`) and for tests: nothing here knows of it
//!
//! # The way of a command
//!
//! 1. The worker reads a client's socket into its scratch buffer and gives the bytes to the core.
//! 2. [`resp::scan`] finds the frame and its arguments; nothing is copied.
//! 3. [`command::lookup`] says what it is, [`face`] and [`client::admission`] what is to happen: send, answer here,
//!    refuse.
//! 4. In front of a cluster or active nodes [`route`] says to which shard: one, several with a part each ([`split`]), or all.
//!    [`reads`] may have chosen another node of it than the master.
//! 5. The lane of session and shard takes the raw bytes into its stream and an entry into its queue. All that a turn
//!    brought for a node leaves in one write. While the gate is closed nothing leaves: the command is held.
//! 6. The node's bytes are scanned by [`resp::reply_scan`]. Anything but an error goes to the client as it came, in the
//!    order of its commands; one write for each client and turn. Replies of parts are gathered until they are one.
//! 7. An error or a lost connection goes to [`failover::decide`]: deliver, send again, or say truthfully what is not
//!    known. What a node of a cluster sends on goes to the node that it names.

#![allow(rustdoc::private_intra_doc_links, reason = "the map is for readers of the code")]

mod admin;
mod cli;
mod client;
mod command;
mod config;
mod core;
mod discovery;
mod face;
mod failover;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod ids;
mod logging;
pub mod metrics;
mod node;
mod proxy;
mod reads;
mod reasons;
mod resp;
mod route;
mod sampler;
mod split;
mod topology;
mod worker;

/// Parses the arguments, runs what they ask for, and answers with the exit code.
pub fn main_entry() -> std::process::ExitCode {
    cli::main_entry()
}
