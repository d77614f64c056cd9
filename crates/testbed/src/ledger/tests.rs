//! What the book makes of replies and of what the nodes hold.

use super::super::faults::PerKind;
use super::audit::Held;
use super::*;

const UNCERTAIN: &str = "UNCERTAIN tideover: node lost; outcome unknown";

/// A command, the era in which it was sent, what came of it, the era of the reply.
type Step = (Op, Era, Outcome, Era);

fn ok() -> Outcome {
    Outcome::Reply(Reply::Simple("OK".into()))
}

fn int(value: i64) -> Outcome {
    Outcome::Reply(Reply::Integer(value))
}

fn bulk(value: &str) -> Outcome {
    Outcome::Reply(Reply::Bulk(value.into()))
}

fn error(text: &str) -> Outcome {
    Outcome::Reply(Reply::Error(text.into()))
}

fn run(steps: &[Step], counter: i64, log: &[&str], end: Era) -> Faults {
    shared(Sharing::Followed, steps, &Held::of(counter, &[log]), end)
}

fn shared(sharing: Sharing, steps: &[Step], held: &Held, end: Era) -> Faults {
    let mut ledger = Ledger::new(3, "demo:3", sharing);
    for (op, sent, outcome, read) in steps {
        let attempt = ledger.begin(*op, *sent);
        ledger.settle(&attempt, outcome, *read);
    }
    ledger.close(held, end)
}

#[test]
fn a_round_without_trouble_has_no_fault() {
    let steps = [
        (Op::Set, 0, ok(), 0),
        (Op::Get, 0, bulk("3:1"), 0),
        (Op::Incr, 0, int(1), 0),
        (Op::Push, 0, int(1), 0),
    ];
    assert_eq!(run(&steps, 1, &["3:1"], 0), Faults::default());
}

#[test]
fn foreign_and_unsent_values_and_wrong_types_are_mix_ups() {
    let cases = [
        (Op::Get, bulk("4:1")),
        (Op::Get, bulk("3:2")),
        (Op::Get, int(1)),
        (Op::Set, int(1)),
        (Op::Incr, ok()),
        (Op::Push, bulk("3:1")),
    ];
    for (op, outcome) in cases {
        let faults = run(&[(Op::Set, 0, ok(), 0), (op, 0, outcome.clone(), 0)], 0, &[], 0);
        assert_eq!(faults, Faults { mixed_up: 1, ..Faults::default() }, "{op:?} {outcome:?}");
    }
}

#[test]
fn a_value_that_went_back_is_lost_after_a_kill_and_misordered_without() {
    let steps = |read| [(Op::Set, 0, ok(), 0), (Op::Set, 0, ok(), 0), (Op::Get, 0, bulk("3:1"), read)];
    assert_eq!(run(&steps(0), 0, &[], 0).misordered, 1);
    let lost = PerKind { set: 1, ..PerKind::default() };
    assert_eq!(run(&steps(1), 0, &[], 1), Faults { lost, ..Faults::default() });
}

#[test]
fn an_unknown_set_may_be_read_or_not() {
    for seen in ["3:1", "3:2"] {
        let steps = [(Op::Set, 0, ok(), 0), (Op::Set, 0, error(UNCERTAIN), 1), (Op::Get, 1, bulk(seen), 1)];
        assert_eq!(run(&steps, 0, &[], 1), Faults::default());
    }
}

#[test]
fn a_counter_may_show_an_unknown_incr_once() {
    let steps =
        |next| [(Op::Incr, 0, int(1), 0), (Op::Incr, 0, error(UNCERTAIN), 1), (Op::Incr, 1, int(next), 1)];
    assert_eq!(run(&steps(2), 2, &[], 1), Faults::default());
    assert_eq!(run(&steps(3), 3, &[], 1), Faults::default());
    assert_eq!(run(&steps(4), 4, &[], 1).doubled.incr, 1);
    assert_eq!(run(&steps(3), 4, &[], 1).doubled.incr, 1);
    assert_eq!(run(&steps(2), 3, &[], 1), Faults::default());
}

#[test]
fn a_refused_incr_that_shows_is_doubled() {
    let steps =
        [(Op::Incr, 0, error("TRYAGAIN tideover: held too long; not executed"), 1), (Op::Incr, 1, int(2), 1)];
    assert_eq!(run(&steps, 2, &[], 1).doubled.incr, 1);
}

#[test]
fn a_counter_that_went_back_is_lost_after_a_kill_and_misordered_without() {
    let steps = |read| [(Op::Incr, 0, int(1), 0), (Op::Incr, 0, int(2), 0), (Op::Incr, 0, int(2), read)];
    assert_eq!(run(&steps(1), 2, &[], 1).lost.incr, 1);
    assert_eq!(run(&steps(0), 2, &[], 0).misordered, 1);
    assert_eq!(run(&[(Op::Incr, 0, int(1), 0)], 0, &[], 1).lost.incr, 1);
}

#[test]
fn tokens_are_counted_exactly() {
    let push = |outcome: Outcome| (Op::Push, 0, outcome, 0);
    let steps = [push(int(1)), push(Outcome::Silence), push(int(2))];
    let doubled = PerKind { rpush: 1, ..PerKind::default() };
    let cases = [
        (vec!["3:1", "3:3"], 1, Faults::default()),
        (vec!["3:1", "3:2", "3:3"], 1, Faults::default()),
        (vec!["3:1", "3:2", "3:2", "3:3"], 1, Faults { doubled, ..Faults::default() }),
        (vec!["3:1"], 1, Faults { lost: doubled, ..Faults::default() }),
        (vec!["3:1"], 0, Faults { misordered: 1, ..Faults::default() }),
        (vec!["3:3", "3:1"], 1, Faults { misordered: 1, ..Faults::default() }),
        (vec!["3:1", "3:3", "3:4"], 1, Faults { mixed_up: 1, ..Faults::default() }),
        (vec!["3:1", "3:3", "5:1"], 1, Faults { mixed_up: 1, ..Faults::default() }),
    ];
    for (log, end, faults) in cases {
        assert_eq!(run(&steps, 0, &log, end), faults, "{log:?}");
    }
}

#[test]
fn what_arrives_late_in_a_mesh_is_neither_doubled_nor_out_of_order() {
    let incr = |sent, value, read| (Op::Incr, sent, int(value), read);
    let back = [incr(0, 1, 0), incr(0, 2, 0), incr(1, 2, 1)];
    let held = |counter| Held::of(counter, &[&[]]);
    let lost = PerKind { incr: 1, ..PerKind::default() };
    assert_eq!(shared(Sharing::Meshed, &back, &held(2), 1), Faults { lost, ..Faults::default() });
    assert_eq!(shared(Sharing::Meshed, &back, &held(3), 1), Faults::default(), "it arrived late");
    assert_eq!(shared(Sharing::Meshed, &back, &held(4), 1).doubled.incr, 1);
    assert_eq!(shared(Sharing::Followed, &back, &held(3), 1).doubled.incr, 1);
    let back = [incr(0, 1, 0), incr(0, 1, 0)];
    assert_eq!(shared(Sharing::Meshed, &back, &held(1), 0).misordered, 1, "nobody was killed");
}

#[test]
fn an_old_value_is_put_over_a_new_one_only_by_a_node_that_was_killed() {
    let steps = |sent: [Era; 2], read| {
        [
            (Op::Set, sent[0], ok(), sent[0]),
            (Op::Set, sent[1], ok(), sent[1]),
            (Op::Get, read, bulk("3:1"), read),
        ]
    };
    let fault = |sharing, sent, read| shared(sharing, &steps(sent, read), &Held::of(0, &[&[]]), read);
    assert_eq!(fault(Sharing::Meshed, [0, 1], 1).lost.set, 1);
    assert_eq!(fault(Sharing::Meshed, [1, 1], 1).misordered, 1);
    assert_eq!(fault(Sharing::Followed, [0, 1], 1).misordered, 1);
    assert_eq!(fault(Sharing::Apart, [1, 1], 1), Faults::default());
}

#[test]
fn tokens_of_a_mesh_keep_their_order_unless_there_was_a_kill_between_them() {
    let push = |sent, read| (Op::Push, sent, int(1), read);
    let cases = [
        (Sharing::Meshed, [push(0, 0), push(1, 1)], 0),
        (Sharing::Meshed, [push(0, 0), push(0, 1)], 0),
        (Sharing::Meshed, [push(1, 1), push(1, 1)], 1),
        (Sharing::Followed, [push(0, 0), push(1, 1)], 1),
        (Sharing::Apart, [push(0, 0), push(1, 1)], 1),
    ];
    for (sharing, steps, misordered) in cases {
        let faults = shared(sharing, &steps, &Held::of(0, &[&["3:2", "3:1"]]), 1);
        assert_eq!(faults, Faults { misordered, ..Faults::default() }, "{sharing:?} {steps:?}");
    }
}

#[test]
fn nodes_that_stand_apart_hold_it_together() {
    let steps = [
        (Op::Set, 0, ok(), 0),
        (Op::Incr, 0, int(1), 0),
        (Op::Push, 0, int(1), 0),
        (Op::Set, 0, error(UNCERTAIN), 1),
        (Op::Get, 1, Outcome::Reply(Reply::Nil), 1),
        (Op::Incr, 0, error(UNCERTAIN), 1),
        (Op::Incr, 1, int(1), 1),
        (Op::Push, 1, int(1), 1),
    ];
    let apart = |held: Held| shared(Sharing::Apart, &steps, &held.with_values(&["3:1", "3:2"]), 1);
    let whole = |counter| Held::of(counter, &[&["3:1"], &["3:2"]]);
    let none = Faults::default();
    assert_eq!(apart(whole(2)), none);
    assert_eq!(apart(whole(3)), none, "the unknown one ran");
    assert_eq!(apart(whole(4)).doubled.incr, 1);
    assert_eq!(apart(whole(1)).lost.incr, 1);
    assert_eq!(apart(Held::of(2, &[&["3:1"], &["3:1", "3:2"]])).doubled.rpush, 1);
    assert_eq!(apart(Held::of(2, &[&[], &["3:2"]])).lost.rpush, 1);
    assert_eq!(apart(Held::of(2, &[&["3:1"], &[]])).misordered, 1, "sent after the kill");
    assert_eq!(run_apart_incr(7).mixed_up, 1, "more than were sent");
}

fn run_apart_incr(answer: i64) -> Faults {
    shared(Sharing::Apart, &[(Op::Incr, 0, int(answer), 0)], &Held::of(1, &[&[]]), 0)
}

#[test]
fn the_value_that_is_held_in_the_end_is_not_older_than_the_last_ack() {
    let steps = |sent| [(Op::Set, 0, ok(), 0), (Op::Set, sent, ok(), sent)];
    let held = |values: &[&str]| Held::of(0, &[&[]]).with_values(values);
    let lost = Faults { lost: PerKind { set: 1, ..PerKind::default() }, ..Faults::default() };
    for sharing in [Sharing::Followed, Sharing::Meshed, Sharing::Apart] {
        assert_eq!(shared(sharing, &steps(0), &held(&["3:2"]), 1), Faults::default());
        assert_eq!(shared(sharing, &steps(0), &held(&["3:1"]), 1), lost, "{sharing:?}");
        assert_eq!(shared(sharing, &steps(0), &held(&["3:1"]), 0).misordered, 1, "{sharing:?}");
        assert_eq!(shared(sharing, &steps(0), &held(&["3:3"]), 1).mixed_up, 1);
    }
    assert_eq!(shared(Sharing::Apart, &steps(1), &held(&["3:1", "3:2"]), 1), Faults::default());
}

/// Two rounds of SET, INCR and RPUSH in the era after a kill, the second of them while a node came back or not.
fn after_a_return(returning: bool, answers: [i64; 2], held: &Held) -> Faults {
    let mut ledger = Ledger::new(3, "demo:3", Sharing::Meshed);
    for answer in answers {
        for (op, outcome) in [(Op::Set, ok()), (Op::Incr, int(answer)), (Op::Push, int(1))] {
            let attempt = ledger.begin(op, 1);
            ledger.settle(&attempt, &outcome, 1);
        }
        ledger.set_returning(returning);
    }
    ledger.close(held, 1)
}

#[test]
fn what_a_mesh_does_to_writes_while_a_node_comes_back_is_the_backends_own() {
    let one = |set, incr, rpush| PerKind { set, incr, rpush, blpop: 0 };
    let (whole, twice) = (["3:1", "3:2"], ["3:1", "3:2", "3:2"]);
    let none = Faults::default();
    let redone = |redone| Faults { redone, ..none };
    let lost = |lost| Faults { lost, ..none };
    let doubled = |doubled| Faults { doubled, ..none };
    let misordered = Faults { misordered: 1, ..none };
    let held = |value: &str, counter, log: &[&str]| Held::of(counter, &[log]).with_values(&[value]);
    let cases = [
        ("nothing", [1, 2], held("3:2", 2, &whole), none, none),
        ("token twice", [1, 2], held("3:2", 2, &twice), redone(one(0, 0, 1)), doubled(one(0, 0, 1))),
        ("counter ahead", [1, 2], held("3:2", 3, &whole), redone(one(0, 1, 0)), doubled(one(0, 1, 0))),
        (
            "counter far ahead",
            [1, 2],
            held("3:2", 4, &whole),
            { Faults { redone: one(0, 1, 0), ..doubled(one(0, 1, 0)) } },
            doubled(one(0, 2, 0)),
        ),
        ("counter back", [1, 2], held("3:2", 1, &whole), lost(one(0, 1, 0)), misordered),
        ("value back", [1, 2], held("3:1", 2, &whole), lost(one(1, 0, 0)), misordered),
        ("token gone", [1, 2], held("3:2", 2, &["3:1"]), lost(one(0, 0, 1)), misordered),
        ("other order", [1, 2], held("3:2", 2, &["3:2", "3:1"]), none, misordered),
        (
            "early token twice",
            [1, 2],
            held("3:2", 2, &["3:1", "3:1", "3:2"]),
            doubled(one(0, 0, 1)),
            doubled(one(0, 0, 1)),
        ),
    ];
    for (name, answers, held, returning, otherwise) in cases {
        assert_eq!(after_a_return(true, answers, &held), returning, "{name}, a node came back");
        assert_eq!(after_a_return(false, answers, &held), otherwise, "{name}, no node came back");
    }
}
