//! Tideover: a stateless RESP proxy that keeps Redis available to clients that know nothing about high availability.
//!
//! # Words
//!
//! Outside of us:
//!
//! - **client**: an application's connection to us; **session**: what it has set up for itself (user, database, MULTI, WATCH)
//! - **node**: one server process at an **endpoint**. Its **role** is master, replica or active. A **peer** of discovery is a node or
//!   a sentinel that it asks.
//! - **shard**: a master with its replicas and the **slots** that it owns. Active nodes all have every key: there a shard is the
//!   **place** where commands go ([`topology::active`]), **home** is the place of commands without a **writer** of their own, and a
//!   planned move from node to node is a **handover**.
//! - **topology**: the map from slot to shard to nodes. Each published one has a **generation**, which is ours; the **config epoch**
//!   is what sentinels or the cluster claim.
//!
//! Parts of us:
//!
//! - **proxy**: its listeners and the one **backend** behind them; **face**: what it looks like to its clients
//! - **worker**: one thread with its clients and node connections. In a **turn** it reads every socket that is ready, lets the core
//!   decide, and writes. An **effect** is what the core asks it to do.
//! - **base**: what every part of the core stands on; **hub**: publish and subscribe
//! - **lane**: the requests that share one connection to a node, with their **queue**. A **dedicated** lane is one client's own, the
//!   others are **shared**. An own lane that no client has is **spare**. A command that must share a connection with no other is **isolated**.
//! - **modes** of a lane: what CLIENT TRACKING and NO-TOUCH ask of its connection. A client that **tracks** is told by an
//!   **invalidation** what to drop from its cache; one with BCAST **follows** all changes. An **ear** is the lane on which a node tells
//!   what has changed for a lane of RESP2.
//! - **link**: the state of a lane's connection; its **intake** says what the node takes: everything, one request to try it, nothing
//!   because it **refuses**, or nothing during a pause
//!
//! A request on its way:
//!
//! - **plan**: the shards that a request goes to. A **lot** is a set of keys with the same owner: those of a slot, or those of one
//!   writer. The **layout** counts the changes of owners.
//! - **entry**: what is noted of a request in a lane's queue. A **gather** makes one reply of those to the **parts** of a request.
//! - **gate**: whether a shard takes commands now, and at which node. A request that cannot leave is in **hold**: at a closed gate, or
//!   because its lane has no connection. It has a **ticket** for what it takes of `hold_bytes`.
//! - **stray**: a request without a lane, because nobody owns its slot or its node is not known yet
//! - **large** requests have a **share** of `hold_bytes` from their first bytes to their answer; one that is not kept is an **upload**
//! - **block**: a transaction as a node gets it, MULTI to EXEC. In some commands of it the proxy has a **part of its own**: they are
//!   about the client's connection, which no node has.
//! - **operator** command: one that changes a node, or asks it about itself: SHUTDOWN, REPLICAOF, DEBUG. Only a node of kind `fixed` gets
//!   it, and only the process that is there.
//! - **stranger**: a client that has still to authenticate, as the node asks clients for a password
//! - **inquiry**: a question or an order about all clients of a proxy, which its workers answer together
//! - **relay**: a command that a node has accepted, on its way to the node's replicas, as it makes nodes alike: it changes users or
//!   settings. What a replica has otherwise than its master is a **difference**.
//! - **stall**: the reason why no further command of a client is taken for the moment
//! - **outcome** and **verdict**: what happened to a request, and what follows ([`failover`])
//! - **redirect**: a node names another one for a request; **detour**: where the requests for a lot were redirected to
//!
//! Between data path and discovery:
//!
//! - **hint**: the data path tells discovery that something is wrong with a node
//! - **probe** and **observation**: what discovery asks, and what it gets. A worker has a probe of its own for a node that owes
//!   replies and is **silent**, to find out whether the node is shutting down.
//! - **fault**: what is wrong with a peer; **diagnosis**: all faults
//!
//! Publish and subscribe:
//!
//! - **topic**: a channel or a pattern; its **reach** says which nodes have its messages
//! - **audience**: the clients that share subscriptions. Its **home** is the shard whose node sends it the messages that every node of
//!   a cluster has; a **changeover** is its way to another home.
//! - **mark**: a channel by whose subscription a node learns how many clients are behind one connection
//!
//! # Modules in reading order
//!
//! ● sees no socket, no clock and no task; ○ moves bytes and time for it.
//!
//! - [`ids`], [`reasons`] ● ids of clients, lanes and replies; reasons, as log and metrics name them
//! - [`resp`] ● frames: their ends, their contents, and the replies that we make
//! - [`command`] ● the table of commands: arity, flags, keys, handling, replay class; what it lacks is **learned** from the nodes
//! - [`face`] ● what the proxy looks like: one Redis, a cluster, or sentinels
//! - [`topology`] ● the immutable map (its shared cell ○)
//! - [`route`] ● request → plan: the shards of a cluster, or the active nodes
//! - [`split`] ● one command in parts, their replies as one
//! - [`reads`] ● the nodes that may serve a read, best first
//! - [`failover`] ● outcome → verdict
//! - [`discovery`] ● which node is the master: rules for each kind of backend (one driver ○ for all)
//! - [`replicas`] ○ keeps replicas like their masters: relays, and finds differences (● what they are, and what is said of them)
//! - [`sampler`] ● whether nodes that all take writes hold the same data (○ its loop and its connections)
//! - [`client`] ● one client: session, admission, replies in order
//! - [`node`] ● one lane: greeting, queue, stream of bytes
//! - [`core`] ● one worker's part of one proxy: all of the above at work, with an owner for each part of it
//! - [`worker`] ○ one thread: reads, lets the core decide, writes
//! - [`proxy`] ○ start and stop, listeners, the choice of a worker for each client
//! - [`metrics`], [`admin`] what can be scraped and asked; [`config`], [`cli`], [`logging`] what can be set and said
//! - `fuzz` properties that hold for any bytes, for tests and fuzzers alone; `compatibility` writes docs/compatibility.md, in tests alone
//! - `crates/testbed` real deployments under real faults, for people (`tideover demo`) and for tests. Only [`cli`] knows of it.
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
#[cfg(test)]
mod compatibility;
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
mod replicas;
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
