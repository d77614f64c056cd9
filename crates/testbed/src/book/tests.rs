//! What a client's book makes of requests that are more than one command of one ledger.

use super::super::ledger::Op;
use super::super::ledger::held::Held;
use super::super::ledger::writes::Era;
use super::super::round::{KNOWN, SINGLE};
use super::*;

fn book(sharing: Sharing, prefixes: &[&str]) -> Book {
    let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
    Book::new(4, &Job { prefixes, round: SINGLE, depth: 0, only: None }, sharing)
}

fn of_two() -> Book {
    book(Sharing::Followed, &["a", "b"])
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

fn ok() -> Reply {
    Reply::Simple("OK".into())
}

/// Returns what is wrong after these requests, when the masters hold these counters and lists.
fn run(steps: &[(Request, Vec<Reply>)], held: [(i64, &[&str]); 2], end: Era) -> Faults {
    let (mut book, now) = (of_two(), Now { era: end, losing: false });
    for (request, replies) in steps {
        let sent = book.begin(*request, Moment::default());
        book.settle(&sent, replies, now);
    }
    let mut faults = book.faults();
    assert_eq!(book.mixed_up() > 0, !book.strange.is_empty(), "what is mixed up is told");
    for (ledger, (counter, log)) in book.ledgers.iter().zip(held) {
        let logs = vec![log.iter().map(|token| token.as_bytes().to_vec()).collect()];
        faults += ledger.audit(&Held { values: Vec::new(), counter, logs }, now);
    }
    faults
}

const NOTHING: [(i64, &[&str]); 2] = [(0, &[]), (0, &[])];

#[test]
fn commands_over_all_ledgers_are_one_command() {
    let mut book = of_two();
    let text = |book: &mut Book, request| {
        String::from_utf8(book.begin(request, Moment::default()).commands.concat()).unwrap()
    };
    let words = |text: String| {
        let lines = text.split("\r\n").filter(|line| !line.starts_with(['*', '$']));
        lines.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    let set = words(text(&mut book, Request::SetAll(2)));
    assert_eq!(set, "MSET a:value a-1 a:scratch a-1 b:value b-1 b:scratch b-1");
    assert_eq!(words(text(&mut book, Request::GetAll(2))), "MGET a:value b:value");
    assert_eq!(words(text(&mut book, Request::DeleteAll(2))), "DEL a:scratch b:scratch");
    let block = words(text(&mut book, Request::Block(1)));
    assert_eq!(block, "MULTI INCR b:counter GET b:counter RPUSH b:log b-1 EXEC");
    assert_eq!(words(text(&mut book, Request::Enqueue)), "RPUSH a:queue a:queue-1");
}

/// Returns the mix-ups of requests and their replies.
fn mixed_up(steps: &[(Request, Vec<Reply>)]) -> u64 {
    run(steps, NOTHING, 0).mixed_up
}

#[test]
fn values_of_all_ledgers_are_compared_each_with_its_own() {
    let got = |reply| mixed_up(&[(Request::SetAll(2), vec![ok()]), (Request::GetAll(2), vec![reply])]);
    assert_eq!(got(Reply::Array(vec![bulk("a-1"), bulk("b-1")])), 0);
    assert_eq!(got(Reply::Array(vec![bulk("a-1"), bulk("a-1")])), 1);
    assert_eq!(got(Reply::Array(vec![bulk("a-1")])), 1);
    assert_eq!(got(ok()), 1);
}

/// MULTI, three commands, EXEC.
fn block(multi: &str, first: &str, exec: Reply) -> (Request, Vec<Reply>) {
    let said = |text: &str| Reply::Simple(text.into());
    (Request::Block(0), vec![said(multi), said(first), said("QUEUED"), said("QUEUED"), exec])
}

fn error(text: &str) -> Reply {
    Reply::Error(text.into())
}

#[test]
fn a_block_counts_as_a_whole_or_not_at_all() {
    let exec = |exec| [block("OK", "QUEUED", exec)];
    let ran = || Reply::Array(vec![Reply::Integer(1), bulk("1"), Reply::Integer(1)]);
    let none = Faults::default();
    let there: [(i64, &[&str]); 2] = [(1, &["a-1"]), (0, &[])];
    assert_eq!(run(&exec(ran()), there, 0), none);
    assert_eq!(run(&exec(ran()), NOTHING, 1).lost.total(), 2);
    for held in [there, NOTHING] {
        assert_eq!(run(&exec(error("UNCERTAIN tideover: x; outcome unknown")), held, 1), none);
    }
    let denied = run(&exec(error("EXECABORT x")), there, 1);
    assert_eq!((denied.doubled.incr, denied.denied), (1, 1));
    assert_eq!(run(&[(Request::Block(0), vec![ok()])], there, 1), none);
}

#[test]
fn a_block_has_the_replies_of_its_commands_in_their_order() {
    let ran = |seen: &str, length| Reply::Array(vec![Reply::Integer(1), bulk(seen), length]);
    let fits = || ran("1", Reply::Integer(1));
    let cases = [
        ("whole", block("OK", "QUEUED", fits()), 0),
        ("not queued", block("OK", "OK", fits()), 1),
        ("no transaction", block("QUEUED", "QUEUED", fits()), 1),
        ("another counter", block("OK", "QUEUED", ran("2", Reply::Integer(1))), 1),
        ("another type", block("OK", "QUEUED", ran("1", ok())), 1),
        ("an error within", block("OK", "QUEUED", ran("1", error("ERR x"))), 1),
        ("too few", block("OK", "QUEUED", Reply::Array(vec![Reply::Integer(1)])), 1),
        ("nothing", block("OK", "QUEUED", Reply::Nil), 1),
    ];
    for (name, block, expected) in cases {
        assert_eq!(mixed_up(&[block]), expected, "{name}");
    }
}

#[test]
fn what_is_of_no_ledger_has_one_reply_or_an_error() {
    let known = |reply| mixed_up(&[(Request::Known, vec![reply])]);
    assert_eq!([bulk(KNOWN), error("ERR x"), Reply::Nil].map(known), [0, 0, 1]);
    let echoes = |said: [&str; 2]| mixed_up(&said.map(|said| (Request::Echo, vec![bulk(said)])));
    assert_eq!(echoes(["client4-1", "client4-2"]), 0);
    assert_eq!(echoes(["client4-1", "client4-1"]), 1);
    assert_eq!(echoes(["client5-1", "client4-2"]), 1);
}

#[test]
fn errors_are_kept_by_their_text() {
    let mut book = of_two();
    for text in ["ERR a", "ERR b", "ERR a"] {
        let sent = book.begin(Request::Echo, Moment::default());
        book.settle(&sent, &[error(text)], Now::default());
    }
    assert_eq!(book.errors.into_iter().collect::<Vec<_>>(), [("ERR a".into(), 2), ("ERR b".into(), 1)]);
}

#[test]
fn a_delete_counts_all_keys_unless_a_master_was_killed() {
    let faults = |count, end| {
        let delete = (Request::DeleteAll(2), vec![Reply::Integer(count)]);
        let faults = run(&[(Request::SetAll(2), vec![ok()]), delete], NOTHING, end);
        (faults.misordered, faults.mixed_up)
    };
    let cases = [(2, 0, (0, 0)), (1, 0, (1, 0)), (1, 1, (0, 0)), (3, 0, (0, 1)), (-1, 0, (0, 1))];
    for (count, end, expected) in cases {
        assert_eq!(faults(count, end), expected, "{count} keys in era {end}");
    }
}

#[test]
fn every_write_may_stay_unknown_where_several_nodes_take_writes() {
    let cases = [
        (Request::One(0, Op::Get), [false, false, false]),
        (Request::GetAll(1), [false, false, false]),
        (Request::One(0, Op::Set), [false, true, true]),
        (Request::SetAll(1), [false, true, true]),
        (Request::One(0, Op::Incr), [true, true, true]),
        (Request::One(0, Op::Push), [true, true, true]),
        (Request::DeleteAll(2), [true, true, true]),
    ];
    for (request, wanted) in cases {
        let replies = [Sharing::Followed, Sharing::Meshed, Sharing::Apart].map(|sharing| {
            book(sharing, &["a"]).begin(request, Moment::default()).may_stay_unknown().last().unwrap()
        });
        assert_eq!(replies, wanted, "{request:?}");
    }
}
