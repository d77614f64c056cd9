//! What the book makes of replies and of what the nodes hold.

use super::super::faults::PerKind;
use super::writes::Era;
use super::*;

/// The answer of a command of unknown outcome.
const UNKNOWN: Option<Reply> = None;

/// A command, the era in which it was sent, what came of it, the era of the reply.
type Step = (Op, Era, Option<Reply>, Era);

fn ok() -> Option<Reply> {
    Some(Reply::Simple("OK".into()))
}

fn int(value: i64) -> Option<Reply> {
    Some(Reply::Integer(value))
}

fn bulk(value: &str) -> Option<Reply> {
    Some(Reply::Bulk(value.into()))
}

fn error(text: &str) -> Option<Reply> {
    Some(Reply::Error(text.into()))
}

fn moment(era: Era) -> Moment {
    Moment { era, returning: false }
}

fn counted(era: Era) -> Now {
    Now { era, losing: false }
}

impl Held {
    /// A counter, and the lists of the nodes.
    fn of(counter: i64, logs: &[&[&str]]) -> Self {
        let bytes = |log: &[&str]| log.iter().map(|entry| entry.as_bytes().to_vec()).collect();
        Self { values: Vec::new(), counter, logs: logs.iter().map(|log| bytes(log)).collect() }
    }

    fn with_values(self, values: &[&str]) -> Self {
        Self { values: values.iter().map(|value| Some(value.as_bytes().to_vec())).collect(), ..self }
    }
}

fn run(steps: &[Step], counter: i64, log: &[&str], end: Era) -> Faults {
    shared(Sharing::Followed, steps, &Held::of(counter, &[log]), end)
}

fn shared(sharing: Sharing, steps: &[Step], held: &Held, end: Era) -> Faults {
    let mut ledger = Ledger::new("c3", sharing);
    for (op, sent, answer, read) in steps {
        let attempt = ledger.begin(*op, moment(*sent));
        ledger.settle(&attempt, answer.as_ref(), counted(*read));
    }
    ledger.audit(held, counted(end))
}

#[test]
fn a_round_without_trouble_has_no_fault() {
    let steps = [
        (Op::Set, 0, ok(), 0),
        (Op::Get, 0, bulk("c3-1"), 0),
        (Op::Incr, 0, int(1), 0),
        (Op::Push, 0, int(1), 0),
    ];
    assert_eq!(run(&steps, 1, &["c3-1"], 0), Faults::default());
}

#[test]
fn foreign_and_unsent_values_and_wrong_types_are_mix_ups() {
    let cases = [
        (Op::Get, bulk("c4-1")),
        (Op::Get, bulk("c3-2")),
        (Op::Get, int(1)),
        (Op::Set, int(1)),
        (Op::Incr, ok()),
        (Op::Push, bulk("c3-1")),
    ];
    for (op, outcome) in cases {
        let faults = run(&[(Op::Set, 0, ok(), 0), (op, 0, outcome.clone(), 0)], 0, &[], 0);
        assert_eq!(faults, Faults { mixed_up: 1, ..Faults::default() }, "{op:?} {outcome:?}");
    }
}

#[test]
fn a_value_that_went_back_is_lost_after_a_kill_and_misordered_without() {
    let steps = |read| [(Op::Set, 0, ok(), 0), (Op::Set, 0, ok(), 0), (Op::Get, 0, bulk("c3-1"), read)];
    assert_eq!(run(&steps(0), 0, &[], 0).misordered, 1);
    let lost = PerKind { set: 1, ..PerKind::default() };
    assert_eq!(run(&steps(1), 0, &[], 1), Faults { lost, ..Faults::default() });
}

#[test]
fn an_unknown_set_may_be_read_or_not() {
    for seen in ["c3-1", "c3-2"] {
        let steps = [(Op::Set, 0, ok(), 0), (Op::Set, 0, UNKNOWN, 1), (Op::Get, 1, bulk(seen), 1)];
        assert_eq!(run(&steps, 0, &[], 1), Faults::default());
    }
}

#[test]
fn a_counter_may_show_an_unknown_incr_once() {
    let steps = |next| [(Op::Incr, 0, int(1), 0), (Op::Incr, 0, UNKNOWN, 1), (Op::Incr, 1, int(next), 1)];
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
    let push = |outcome: Option<Reply>| (Op::Push, 0, outcome, 0);
    let steps = [push(int(1)), push(UNKNOWN), push(int(2))];
    let doubled = PerKind { rpush: 1, ..PerKind::default() };
    let cases = [
        (vec!["c3-1", "c3-3"], 1, Faults::default()),
        (vec!["c3-1", "c3-2", "c3-3"], 1, Faults::default()),
        (vec!["c3-1", "c3-2", "c3-2", "c3-3"], 1, Faults { doubled, ..Faults::default() }),
        (vec!["c3-1"], 1, Faults { lost: doubled, ..Faults::default() }),
        (vec!["c3-1"], 0, Faults { misordered: 1, ..Faults::default() }),
        (vec!["c3-3", "c3-1"], 1, Faults { misordered: 1, ..Faults::default() }),
        (vec!["c3-1", "c3-3", "c3-4"], 1, Faults { mixed_up: 1, ..Faults::default() }),
        (vec!["c3-1", "c3-3", "c5-1"], 1, Faults { mixed_up: 1, ..Faults::default() }),
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
            (Op::Get, read, bulk("c3-1"), read),
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
        let faults = shared(sharing, &steps, &Held::of(0, &[&["c3-2", "c3-1"]]), 1);
        assert_eq!(faults, Faults { misordered, ..Faults::default() }, "{sharing:?} {steps:?}");
    }
}

#[test]
fn nodes_that_stand_apart_hold_it_together() {
    let steps = [
        (Op::Set, 0, ok(), 0),
        (Op::Incr, 0, int(1), 0),
        (Op::Push, 0, int(1), 0),
        (Op::Set, 0, UNKNOWN, 1),
        (Op::Get, 1, Some(Reply::Nil), 1),
        (Op::Incr, 0, UNKNOWN, 1),
        (Op::Incr, 1, int(1), 1),
        (Op::Push, 1, int(1), 1),
    ];
    let apart = |held: Held| shared(Sharing::Apart, &steps, &held.with_values(&["c3-1", "c3-2"]), 1);
    let whole = |counter| Held::of(counter, &[&["c3-1"], &["c3-2"]]);
    let none = Faults::default();
    assert_eq!(apart(whole(2)), none);
    assert_eq!(apart(whole(3)), none, "the unknown one ran");
    assert_eq!(apart(whole(4)).doubled.incr, 1);
    assert_eq!(apart(whole(1)).lost.incr, 1);
    assert_eq!(apart(Held::of(2, &[&["c3-1"], &["c3-1", "c3-2"]])).doubled.rpush, 1);
    assert_eq!(apart(Held::of(2, &[&[], &["c3-2"]])).lost.rpush, 1);
    assert_eq!(apart(Held::of(2, &[&["c3-1"], &[]])).misordered, 1, "sent after the kill");
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
        assert_eq!(shared(sharing, &steps(0), &held(&["c3-2"]), 1), Faults::default());
        assert_eq!(shared(sharing, &steps(0), &held(&["c3-1"]), 1), lost, "{sharing:?}");
        assert_eq!(shared(sharing, &steps(0), &held(&["c3-1"]), 0).misordered, 1, "{sharing:?}");
        assert_eq!(shared(sharing, &steps(0), &held(&["c3-3"]), 1).mixed_up, 1);
    }
    assert_eq!(shared(Sharing::Apart, &steps(1), &held(&["c3-1", "c3-2"]), 1), Faults::default());
}

/// Two rounds of SET, INCR and RPUSH in the era after a kill, the second of them while a node came back or not.
fn after_a_return(returning: bool, answers: [i64; 2], held: &Held) -> Faults {
    let mut ledger = Ledger::new("c3", Sharing::Meshed);
    for (answer, returning) in answers.into_iter().zip([false, returning]) {
        for (op, outcome) in [(Op::Set, ok()), (Op::Incr, int(answer)), (Op::Push, int(1))] {
            let attempt = ledger.begin(op, Moment { era: 1, returning });
            ledger.settle(&attempt, outcome.as_ref(), counted(1));
        }
    }
    ledger.audit(held, counted(1))
}

#[test]
fn what_a_mesh_does_to_writes_while_a_node_comes_back_is_the_backends_own() {
    let one = |set, incr, rpush| PerKind { set, incr, rpush, blpop: 0 };
    let (whole, twice) = (["c3-1", "c3-2"], ["c3-1", "c3-2", "c3-2"]);
    let none = Faults::default();
    let redone = |redone| Faults { redone, ..none };
    let lost = |lost| Faults { lost, ..none };
    let doubled = |doubled| Faults { doubled, ..none };
    let misordered = Faults { misordered: 1, ..none };
    let held = |value: &str, counter, log: &[&str]| Held::of(counter, &[log]).with_values(&[value]);
    let cases = [
        ("nothing", [1, 2], held("c3-2", 2, &whole), none, none),
        ("token twice", [1, 2], held("c3-2", 2, &twice), redone(one(0, 0, 1)), doubled(one(0, 0, 1))),
        ("counter ahead", [1, 2], held("c3-2", 3, &whole), redone(one(0, 1, 0)), doubled(one(0, 1, 0))),
        (
            "counter far ahead",
            [1, 2],
            held("c3-2", 4, &whole),
            { Faults { redone: one(0, 1, 0), ..doubled(one(0, 1, 0)) } },
            doubled(one(0, 2, 0)),
        ),
        ("counter back", [1, 2], held("c3-2", 1, &whole), lost(one(0, 1, 0)), misordered),
        ("value back", [1, 2], held("c3-1", 2, &whole), lost(one(1, 0, 0)), misordered),
        ("token gone", [1, 2], held("c3-2", 2, &["c3-1"]), lost(one(0, 0, 1)), misordered),
        ("other order", [1, 2], held("c3-2", 2, &["c3-2", "c3-1"]), none, misordered),
        (
            "early token twice",
            [1, 2],
            held("c3-2", 2, &["c3-1", "c3-1", "c3-2"]),
            doubled(one(0, 0, 1)),
            doubled(one(0, 0, 1)),
        ),
    ];
    for (name, answers, held, returning, otherwise) in cases {
        assert_eq!(after_a_return(true, answers, &held), returning, "{name}, a node came back");
        assert_eq!(after_a_return(false, answers, &held), otherwise, "{name}, no node came back");
    }
}

#[test]
fn a_token_or_a_value_that_is_there_although_it_was_refused_was_denied() {
    let refused = || error("TRYAGAIN tideover: held too long; not executed");
    let denied = Faults { denied: 1, ..Faults::default() };
    let push = [(Op::Push, 0, refused(), 0), (Op::Push, 0, int(1), 0)];
    assert_eq!(run(&push, 0, &["c3-2"], 0), Faults::default());
    assert_eq!(run(&push, 0, &["c3-1", "c3-2"], 0), denied);
    let set = [(Op::Set, 0, refused(), 0)];
    let held = |values: &[&str]| Held::of(0, &[&[]]).with_values(values);
    assert_eq!(shared(Sharing::Followed, &set, &held(&["c3-1"]), 0), denied);
    let read = [(Op::Set, 0, refused(), 0), (Op::Get, 0, bulk("c3-1"), 0)];
    assert_eq!(run(&read, 0, &[], 0), denied);
}

/// A pipeline of GET, SET, of which the GET sees the SET behind it; the fate of the SET, read in this era.
fn early(sharing: Sharing, fate: Option<Reply>, read: Era) -> u64 {
    let mut ledger = Ledger::new("c3", sharing);
    let (get, set) = (ledger.begin(Op::Get, moment(0)), ledger.begin(Op::Set, moment(0)));
    ledger.settle(&get, bulk("c3-1").as_ref(), counted(read));
    ledger.settle(&set, fate.as_ref(), counted(read));
    ledger.faults.mixed_up
}

#[test]
fn a_write_that_is_acked_was_not_seen_by_a_read_before_it_unless_both_were_sent_again() {
    for sharing in [Sharing::Followed, Sharing::Meshed] {
        assert_eq!(early(sharing, ok(), 0), 1, "{sharing:?}");
        assert_eq!(early(sharing, UNKNOWN, 1), 0, "{sharing:?}");
    }
    assert_eq!(early(Sharing::Followed, ok(), 1), 0, "the SET is sent again after the kill");
    assert_eq!(early(Sharing::Meshed, ok(), 1), 1, "no SET is sent again");
}

/// SET, SET, INCR, INCR, PUSH, PUSH, all acked, where nobody counts kills; what was read and is held then.
fn uncounted(value: Option<&str>, counter: i64, log: &[&str]) -> Faults {
    let now = Now { era: 0, losing: true };
    let mut ledger = Ledger::new("c3", Sharing::Followed);
    for (op, answers) in [(Op::Set, [ok(), ok()]), (Op::Incr, [int(1), int(2)]), (Op::Push, [int(1), int(2)])]
    {
        for answer in answers {
            let attempt = ledger.begin(op, moment(0));
            ledger.settle(&attempt, answer.as_ref(), now);
        }
    }
    let held = Held::of(counter, &[log]);
    let values = vec![value.map(|value| value.as_bytes().to_vec())];
    ledger.audit(&Held { values, ..held }, now)
}

#[test]
fn where_nobody_counts_kills_a_loss_is_a_loss_and_all_else_stays_a_fault() {
    let (whole, none) = (["c3-1", "c3-2"], Faults::default());
    let lost = |set, incr, rpush| Faults { lost: PerKind { set, incr, rpush, blpop: 0 }, ..none };
    let twice = PerKind { rpush: 1, ..PerKind::default() };
    assert_eq!(uncounted(Some("c3-2"), 2, &whole), none);
    assert_eq!(uncounted(Some("c3-1"), 2, &whole), lost(1, 0, 0));
    assert_eq!(
        uncounted(None, 2, &whole),
        Faults { mixed_up: 1, ..lost(1, 0, 0) },
        "not even the first is left"
    );
    assert_eq!(uncounted(Some("c3-2"), 0, &whole), lost(0, 2, 0));
    assert_eq!(uncounted(Some("c3-2"), 3, &whole).doubled.incr, 1);
    assert_eq!(uncounted(Some("c3-2"), 2, &["c3-2"]), lost(0, 0, 1));
    assert_eq!(uncounted(Some("c3-2"), 2, &["c3-2", "c3-1"]), Faults { misordered: 1, ..none });
    assert_eq!(uncounted(Some("c3-2"), 2, &["c3-1", "c3-2", "c3-2"]), Faults { doubled: twice, ..none });
    assert_eq!(uncounted(Some("c3-2"), 2, &["c3-1", "c3-2", "c4-1"]), Faults { mixed_up: 1, ..none });
    assert_eq!(uncounted(Some("c4-2"), 2, &whole).mixed_up, 2, "another's, so none of its own");
}

#[test]
fn a_counter_never_answers_that_nothing_was_counted() {
    assert_eq!(run(&[(Op::Incr, 0, int(0), 0)], 0, &[], 0).mixed_up, 1);
}
