//! What the book makes of replies and of what the master holds.

use super::super::faults::PerKind;
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
    let mut ledger = Ledger::new(3, "demo:3");
    for (op, sent, outcome, read) in steps {
        let attempt = ledger.begin(*op, *sent);
        ledger.settle(&attempt, outcome, *read);
    }
    let log: Vec<Vec<u8>> = log.iter().map(|entry| entry.as_bytes().to_vec()).collect();
    ledger.close(counter, &log, end)
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
