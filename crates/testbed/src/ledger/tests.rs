//! What a ledger makes of replies and of what the nodes hold, as tables.
//!
//! A course is a row of words. `set:ok` is a command and its answer: `ok`, `queued`, `#1` (an integer), `1` (the value of the
//! first SET), `x1` (another client's), `nil`, `?` (unknown) or `no` (refused). `set>` only sends; `<ok` is the answer to the
//! oldest that was. `kill` ends an era; a node comes `back` until it is `there`; `losing`: nobody counts kills. The nodes hold
//! a value each (`v1`, or `v` for none), the counter (`c3`) and a list each (`l1,2`).

use std::collections::VecDeque;

use super::held::Held;
use super::*;
use Sharing::{Apart, Followed, Meshed};

fn answer(text: &str) -> Option<Reply> {
    let number = |text: &str| text.parse::<i64>().unwrap();
    match text.chars().next() {
        Some('?') => None,
        Some('#') => Some(Reply::Integer(number(&text[1..]))),
        Some('x') => Some(Reply::Bulk(format!("c4-{}", &text[1..]).into())),
        Some('0'..='9') => Some(Reply::Bulk(format!("c3-{text}").into())),
        _ => Some(match text {
            "ok" => Reply::Simple("OK".into()),
            "queued" => Reply::Simple("QUEUED".into()),
            "nil" => Reply::Nil,
            "no" => Reply::Error("TRYAGAIN tideover: held too long; not executed".into()),
            _ => panic!("{text}"),
        }),
    }
}

fn held(text: &str) -> Held {
    let mut held = Held::default();
    let tag = |text: &str| answer(text).unwrap().text().unwrap().into_bytes();
    for word in text.split_whitespace() {
        let (kind, rest) = word.split_at(1);
        match kind {
            "v" => held.values.push((!rest.is_empty()).then(|| tag(rest))),
            "c" => held.counter = rest.parse().unwrap(),
            _ => held.logs.push(rest.split(',').filter(|token| !token.is_empty()).map(tag).collect()),
        }
    }
    held
}

/// Returns what is wrong, as `misordered 1, lost incr 2`.
fn wrong(sharing: Sharing, course: &str, nodes: &str) -> String {
    let (mut ledger, mut sent, mut now) = (Ledger::new("c3", sharing), VecDeque::new(), Now::default());
    let mut returning = false;
    for word in course.split_whitespace() {
        let (command, reply) = word.split_once([':', '>', '<']).unwrap_or((word, ""));
        let ops = [("set", Op::Set), ("get", Op::Get), ("incr", Op::Incr), ("push", Op::Push)];
        let op = ops.into_iter().find(|(name, _)| *name == command);
        match command {
            "kill" => now.era += 1,
            "losing" => now.losing = true,
            "back" | "there" => returning = command == "back",
            _ => sent.extend(op.map(|(_, op)| ledger.begin(op, Moment { era: now.era, returning }))),
        }
        if !reply.is_empty() {
            ledger.settle(&sent.pop_front().unwrap(), answer(reply).as_ref(), now);
        }
    }
    let faults = ledger.audit(&held(nodes), now);
    let (lost, doubled, redone) = (faults.lost, faults.doubled, faults.redone);
    #[rustfmt::skip]
    let all = [
        ("mixed", faults.mixed_up), ("misordered", faults.misordered), ("denied", faults.denied),
        ("lost set", lost.set), ("lost incr", lost.incr), ("lost rpush", lost.rpush),
        ("doubled set", doubled.set), ("doubled incr", doubled.incr), ("doubled rpush", doubled.rpush),
        ("redone set", redone.set), ("redone incr", redone.incr), ("redone rpush", redone.rpush),
    ];
    let told = all.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what} {n}"));
    told.collect::<Vec<_>>().join(", ")
}

type Row = (Sharing, &'static str, &'static str, &'static str);

fn check(rows: &[Row]) {
    for (sharing, course, nodes, expected) in rows {
        assert_eq!(wrong(*sharing, course, nodes), *expected, "{sharing:?}: {course} | {nodes}");
    }
}

#[test]
#[rustfmt::skip]
fn one_master() {
    check(&[
        (Followed, "set:ok get:1 incr:#1 push:#1", "v1 c1 l1", ""),
        // Mixed up: foreign, unsent, of the wrong type.
        (Followed, "set:ok get:x1", "", "mixed 1"),
        (Followed, "set:ok get:2", "", "mixed 1"),
        (Followed, "set:ok get:#1", "", "mixed 1"),
        (Followed, "set:ok set:#1", "", "mixed 1"),
        (Followed, "set:ok set:queued", "", "mixed 1"),
        (Followed, "set:ok incr:ok", "", "mixed 1"),
        (Followed, "set:ok push:1", "", "mixed 1"),
        (Followed, "incr:#0", "", "mixed 1, misordered 1"),
        // Values.
        (Followed, "set:ok set:ok get:1", "", "misordered 1"),
        (Followed, "set:ok set:ok kill get:1", "", "lost set 1"),
        (Followed, "set:ok set:ok kill get:1 get:1", "", "lost set 1"),
        (Followed, "set:ok kill get:nil", "", "lost set 1"),
        (Followed, "set:ok kill set:ok get:1", "", "misordered 1"),
        (Followed, "set:ok set> kill <? get:1", "", ""),
        (Followed, "set:ok set> kill <? get:2", "", ""),
        // Counters.
        (Followed, "incr:#1 incr> kill <? incr:#2", "c2", ""),
        (Followed, "incr:#1 incr> kill <? incr:#3", "c3", ""),
        (Followed, "incr:#1 incr> kill <? incr:#2", "c3", ""),
        (Followed, "incr:#1 incr> kill <? incr:#4", "c4", "doubled incr 1"),
        (Followed, "incr:#1 incr> kill <? incr:#3", "c4", "doubled incr 1"),
        (Followed, "incr:no incr:#2", "c2", "doubled incr 1"),
        (Followed, "incr:#1 incr:#2 kill incr:#2", "c2", "lost incr 1"),
        (Followed, "incr:#1 incr:#2 incr:#2", "c2", "misordered 1"),
        (Followed, "incr:#1 kill", "c0", "lost incr 1"),
        (Followed, "incr:#1 incr:#2 kill incr:#2", "c3", "lost incr 1, doubled incr 1"),
        // Tokens.
        (Followed, "push:#1 push:? push:#2 kill", "l1,3", ""),
        (Followed, "push:#1 push:? push:#2 kill", "l1,2,3", ""),
        (Followed, "push:#1 push:? push:#2 kill", "l1,2,2,3", "doubled rpush 1"),
        (Followed, "push:#1 push:? push:#2 kill", "l1", "lost rpush 1"),
        (Followed, "push:#1 push:? push:#2", "l1", "misordered 1"),
        (Followed, "push:#1 push:? push:#2 kill", "l3,1", "misordered 1"),
        (Followed, "push:#1 push:? push:#2 kill", "l1,3,4", "mixed 1"),
        (Followed, "push:#1 push:? push:#2 kill", "l1,3,x1", "mixed 1"),
        (Followed, "push:#1 kill push:#2", "l2,1", "misordered 1"),
    ]);
}

#[test]
#[rustfmt::skip]
fn what_was_refused_is_not_there() {
    check(&[
        (Followed, "push:no push:#1", "l2", ""),
        (Followed, "push:no push:#1", "l1,2", "denied 1"),
        (Followed, "set:no get:nil", "v", ""),
        (Followed, "set:no get:1", "", "denied 1"),
        (Followed, "set:no", "v1", "denied 1"),
    ]);
}

/// A GET in a pipeline sees the SET behind it.
#[test]
#[rustfmt::skip]
fn a_write_that_is_acked_was_not_seen_by_a_read_before_it_unless_both_were_sent_again() {
    check(&[
        (Followed, "get> set> <1 <ok", "", "mixed 1"),
        (Meshed, "get> set> <1 <ok", "", "mixed 1"),
        (Followed, "losing get> set> <1 <ok", "", "mixed 1"),
        (Followed, "get> set> kill <1 <?", "", ""),
        (Meshed, "get> set> kill <1 <?", "", ""),
        (Followed, "get> set> kill <1 <ok", "", ""),
        (Meshed, "get> set> kill <1 <ok", "", "mixed 1"),
    ]);
}

#[test]
#[rustfmt::skip]
fn where_nobody_counts_kills_a_loss_is_a_loss_and_all_else_stays_a_fault() {
    let course = "losing set:ok set:ok incr:#1 incr:#2 push:#1 push:#2";
    check(&[
        (Followed, course, "v2 c2 l1,2", ""),
        (Followed, course, "v1 c2 l1,2", "lost set 1"),
        (Followed, course, "v c2 l1,2", "mixed 1, lost set 1"),
        (Followed, course, "v2 c0 l1,2", "lost incr 2"),
        (Followed, course, "v2 c3 l1,2", "doubled incr 1"),
        (Followed, course, "v2 c2 l2", "lost rpush 1"),
        (Followed, course, "v2 c2 l2,1", "misordered 1"),
        (Followed, course, "v2 c2 l1,2,2", "doubled rpush 1"),
        (Followed, course, "v2 c2 l1,2,x1", "mixed 1"),
        (Followed, course, "vx2 c2 l1,2", "mixed 2, lost set 1"),
        (Followed, "losing set:ok set:ok set:ok get:2 get:1", "", "lost set 2"),
    ]);
}

#[test]
#[rustfmt::skip]
fn what_arrives_late_in_a_mesh_is_neither_doubled_nor_out_of_order() {
    check(&[
        (Meshed, "incr:#1 incr:#2 kill incr:#2", "c2", "lost incr 1"),
        (Meshed, "incr:#1 incr:#2 kill incr:#2", "c3", ""),
        (Meshed, "incr:#1 incr:#2 kill incr:#2", "c4", "doubled incr 1"),
        (Meshed, "incr:#1 incr:#1", "c1", "misordered 1"),
        // An old value is put over a new one only by a node that was killed.
        (Meshed, "set:ok kill set:ok get:1", "", "lost set 1"),
        (Meshed, "kill set:ok set:ok get:1", "", "misordered 1"),
        (Meshed, "push:#1 kill push:#2", "l2,1", ""),
        (Meshed, "push:#1 push> kill <#2", "l2,1", ""),
        (Meshed, "kill push:#1 push:#2", "l2,1", "misordered 1"),
    ]);
}

#[test]
#[rustfmt::skip]
fn nodes_that_stand_apart_hold_it_together() {
    let course = "set:ok incr:#1 push:#1 set> incr> kill <? <? get:nil incr:#1 push:#1";
    check(&[
        (Apart, course, "v1 v2 c2 l1 l2", ""),
        (Apart, course, "v1 v2 c3 l1 l2", ""),
        (Apart, course, "v1 v2 c4 l1 l2", "doubled incr 1"),
        (Apart, course, "v1 v2 c1 l1 l2", "lost incr 1"),
        (Apart, course, "v1 v2 c2 l1 l1,2", "doubled rpush 1"),
        (Apart, course, "v1 v2 c2 l l2", "lost rpush 1"),
        (Apart, course, "v1 v2 c2 l1 l", "misordered 1"),
        (Apart, "incr:#7", "c1", "mixed 1"),
        (Apart, "kill set:ok set:ok get:1", "", ""),
        (Apart, "push:#1 kill push:#2", "l2,1", "misordered 1"),
        (Apart, "set:ok kill set:ok", "v1 v2", ""),
    ]);
}

#[test]
fn the_value_that_is_held_in_the_end_is_not_older_than_the_last_ack() {
    for sharing in [Followed, Meshed, Apart] {
        check(&[
            (sharing, "set:ok set:ok kill", "v2", ""),
            (sharing, "set:ok set:ok kill", "v1", "lost set 1"),
            (sharing, "set:ok set:ok", "v1", "misordered 1"),
            (sharing, "set:ok set:ok kill", "v3", "mixed 1, lost set 1"),
        ]);
    }
}

/// Two rounds in the era after a kill, the second of them while a node came back or not.
#[test]
#[rustfmt::skip]
fn what_a_mesh_does_to_writes_while_a_node_comes_back_is_the_backends_own() {
    for (nodes, returning, otherwise) in [
        ("v2 c2 l1,2", "", ""),
        ("v2 c2 l1,2,2", "redone rpush 1", "doubled rpush 1"),
        ("v2 c3 l1,2", "redone incr 1", "doubled incr 1"),
        ("v2 c4 l1,2", "doubled incr 1, redone incr 1", "doubled incr 2"),
        ("v2 c1 l1,2", "lost incr 1", "misordered 1"),
        ("v1 c2 l1,2", "lost set 1", "misordered 1"),
        ("v2 c2 l1", "lost rpush 1", "misordered 1"),
        ("v2 c2 l2,1", "", "misordered 1"),
        ("v2 c2 l1,1,2", "doubled rpush 1", "doubled rpush 1"),
    ] {
        check(&[
            (Meshed, "kill set:ok incr:#1 push:#1 back set:ok incr:#2 push:#2", nodes, returning),
            (Meshed, "kill set:ok incr:#1 push:#1 set:ok incr:#2 push:#2", nodes, otherwise),
        ]);
    }
}
