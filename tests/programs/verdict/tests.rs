//! Jobs that are missing or done twice, with and without an excuse.

use super::*;

const OUTAGE: Outage = Outage { kept_until: Some(90), from: 100, over: 200, hung: false, node_lived: false };
const HANG: Outage = Outage { hung: true, ..OUTAGE };
const STRICT: Rules = Rules { takes: 0, again: Again::Forgotten };

fn entry(at: u64, job: &str) -> Entry {
    Entry { at, job: job.into(), by: "worker1".into(), text: "Error: x".into() }
}

/// Makes the account of a job `a` that was asked for at 10, acknowledged at `acked`, and done at these times.
fn account(acked: u64, done: &[u64]) -> Account {
    Account {
        asked: vec![entry(10, "a")],
        acked: vec![entry(acked, "a")],
        done: done.iter().map(|at| entry(*at, "a")).collect(),
        ..Account::default()
    }
}

#[test]
fn a_job_that_is_missing_is_a_fault_unless_replication_or_a_pop_can_have_lost_it() {
    let taking = Rules { takes: 1, ..STRICT };
    let cases = [
        (20, STRICT, (0, 0, 1)),
        (20, taking, (0, 1, 0)),
        (95, STRICT, (1, 0, 0)),
        (201, STRICT, (0, 0, 1)),
        (201, taking, (0, 0, 1)),
    ];
    for (acked, rules, wanted) in cases {
        let verdict = judge(&account(acked, &[]), &[OUTAGE], rules);
        assert_eq!((verdict.forgotten, verdict.taken, verdict.faults.len()), wanted, "{acked} {rules:?}");
    }
    assert_eq!(judge(&account(20, &[30]), &[], STRICT).faults, Vec::<String>::new());
    assert_eq!(judge(&account(20, &[]), &[], taking).faults.len(), 1, "there was no fault");
}

/// Part 2 of a chord was added before the fault, the chord acknowledged after it.
#[test]
fn a_chord_that_lost_a_part_is_one_loss_together_with_its_end() {
    let parts = ["a.1", "a.2", "a.sum"];
    let mut account = Account { done: vec![entry(210, "a.1")], ..Account::default() };
    account.asked = parts.map(|part| entry(85, part)).into();
    account.acked = parts.map(|part| entry(205, part)).into();
    account.unread = vec![entry(400, "a.sum")];
    let verdict = judge(&account, &[OUTAGE], STRICT);
    assert_eq!((verdict.forgotten, verdict.followed, verdict.missing()), (1, 1, 2), "{verdict:?}");
    assert_eq!(verdict.faults, Vec::<String>::new());

    account.asked = parts.map(|part| entry(201, part)).into();
    let verdict = judge(&account, &[OUTAGE], Rules { takes: 1, ..STRICT });
    assert_eq!(verdict.faults.len(), 3, "{verdict:?}");
}

#[test]
fn a_chord_whose_part_left_a_result_that_was_forgotten_never_ends() {
    let parts = ["a.1", "a.sum"];
    for (part_done, faults) in [(95, 0), (50, 1), (210, 1)] {
        let mut account = Account { done: vec![entry(part_done, "a.1")], ..Account::default() };
        account.asked = parts.map(|part| entry(10, part)).into();
        account.acked = parts.map(|part| entry(20, part)).into();
        assert_eq!(judge(&account, &[OUTAGE], STRICT).faults.len(), faults, "{part_done}");
    }
}

#[test]
fn a_pop_takes_one_job_for_each_fault_and_no_more() {
    let mut account = account(20, &[]);
    account.acked.push(entry(21, "b"));
    let verdict = judge(&account, &[OUTAGE], Rules { takes: 1, ..STRICT });
    assert_eq!((verdict.taken, verdict.faults.len()), (1, 1));
}

#[test]
fn no_answer_dies_with_a_node_that_lives() {
    let planned = Outage { kept_until: None, node_lived: true, ..OUTAGE };
    let verdict = judge(&account(20, &[]), &[planned], Rules { takes: 1, ..STRICT });
    assert_eq!((verdict.taken, verdict.faults.len()), (0, 1));
}

#[test]
fn a_pop_that_is_late_takes_its_job_at_the_fault_that_has_passed() {
    let next = Outage { kept_until: None, from: 2000, over: 2100, ..HANG };
    let late = HANG.over + LATE;
    for (first, acked, taken) in [
        (HANG, [201, 1900], 2),
        (HANG, [201, 202], 2),
        (HANG, [late, 1900], 2),
        (HANG, [late + 1, 1900], 1),
        (OUTAGE, [201, 1900], 1),
    ] {
        let mut account = account(acked[0], &[]);
        account.acked.push(entry(acked[1], "b"));
        let verdict = judge(&account, &[first, next], Rules { takes: 1, ..STRICT });
        assert_eq!((verdict.taken, verdict.faults.len()), (taken, 2 - taken), "{acked:?}");
    }
}

#[test]
fn a_job_that_is_done_twice_is_a_fault_unless_the_rules_say_why() {
    let late = OUTAGE.from + UNDER_WAY * 2;
    let long_after = Outage { kept_until: Some(late), from: late, over: late + 1, ..OUTAGE };
    let cases = [
        (20, 30, OUTAGE, Again::Forgotten, 1),
        (20, 95, OUTAGE, Again::Forgotten, 0),
        (150, 30, OUTAGE, Again::Forgotten, 1),
        (150, 30, OUTAGE, Again::Added, 0),
        (20, 30, OUTAGE, Again::Added, 1),
        (20, 30, OUTAGE, Again::Redelivered, 0),
        (20, 201, OUTAGE, Again::Redelivered, 1),
        (20, 30, long_after, Again::Redelivered, 1),
    ];
    for (acked, first, outage, again, faults) in cases {
        let verdict = judge(&account(acked, &[first, 220]), &[outage], Rules { takes: 0, again });
        assert_eq!(verdict.faults.len(), faults, "{acked} {first} {outage:?} {again:?}: {verdict:?}");
        assert_eq!(verdict.again, 1 - faults);
    }
}

#[test]
fn a_result_that_is_not_read_back_is_a_fault_unless_it_was_forgotten_or_came_while_its_reader_was_cut_off() {
    for (done, faults) in [(30, 1), (95, 0), (210, 0), (OUTAGE.over + UNDER_WAY + 1, 1)] {
        let mut account = account(20, &[done]);
        account.unread.push(entry(300, "a"));
        assert_eq!(judge(&account, &[OUTAGE], STRICT).faults.len(), faults, "{done}");
    }
}

#[test]
fn what_nobody_added_must_not_be_done() {
    let mut account = account(20, &[30]);
    account.done.push(entry(31, "b"));
    assert_eq!(judge(&account, &[], STRICT).faults.len(), 1);
}
