//! Tests SIGTERM under load: every client sees the end of its connection behind a whole reply, and none a reset.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::conn::{Conn, pipeline};
use common::{LIMIT, Rig, runtime, until};

const CLIENTS: usize = 24;

/// Reads until the end; returns the replies, and how the connection ended.
fn read_all(mut client: Conn, replies: &AtomicUsize) -> ErrorKind {
    loop {
        match client.try_frame() {
            Ok(frame) => {
                assert!(frame.starts_with(b":") || frame.starts_with(b"$"), "{frame:?}");
                replies.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                assert!(client.rest().is_empty(), "the last reply is whole");
                return error.kind();
            }
        }
    }
}

#[test]
fn busy_clients_are_closed_behind_a_whole_reply_and_not_reset() {
    let mut rig = Rig::start();
    let value = "x".repeat(2000);
    let batch = pipeline(&["INCR n", &format!("SET k {value} GET"), "GET k", "INCR m"]).repeat(25);
    let replies: Vec<AtomicUsize> = (0..CLIENTS).map(|_| AtomicUsize::new(0)).collect();
    let clients: Vec<Conn> = (0..CLIENTS).map(|_| rig.client()).collect();
    let ends = std::thread::scope(|scope| {
        let readers: Vec<_> = clients
            .into_iter()
            .zip(&replies)
            .map(|(client, replies)| {
                let mut writer = client.writer();
                let reader = scope.spawn(move || read_all(client, replies));
                let batch = &batch;
                // It writes on until the other side is gone, like a busy client that has not noticed yet.
                scope.spawn(move || while writer.write_all(batch).is_ok() {});
                reader
            })
            .collect();
        until("all are busy", || replies.iter().all(|count| count.load(Ordering::Relaxed) > 500));
        rig.proxy.process().term();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect::<Vec<_>>()
    });
    let total: usize = replies.iter().map(|count| count.load(Ordering::Relaxed)).sum();
    println!("{CLIENTS} clients had {total} replies");
    assert!(ends.iter().all(|end| *end == ErrorKind::UnexpectedEof), "{ends:?}");
    assert_eq!(runtime().block_on(rig.proxy.process().exit_code(LIMIT)), Some(0));
}
