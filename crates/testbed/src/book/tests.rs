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
fn commands_over_all_books_are_one_command() {
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

#[test]
fn values_of_all_books_are_compared_each_with_its_own() {
    let set = (Request::SetAll(2), vec![ok()]);
    let got = |a: &str, b: &str| (Request::GetAll(2), vec![Reply::Array(vec![bulk(a), bulk(b)])]);
    let none = Faults::default();
    assert_eq!(run(&[set.clone(), got("a-1", "b-1")], NOTHING, 0), none);
    assert_eq!(run(&[set.clone(), got("a-1", "a-1")], NOTHING, 0), Faults { mixed_up: 1, ..none });
    assert_eq!(run(&[set.clone(), (Request::GetAll(2), vec![ok()])], NOTHING, 0).mixed_up, 1);
    let one = (Request::GetAll(2), vec![Reply::Array(vec![bulk("a-1")])]);
    assert_eq!(run(&[set, one], NOTHING, 0).mixed_up, 1);
}

/// MULTI, three commands, EXEC.
fn block(multi: Reply, first: &str, exec: Reply) -> (Request, Vec<Reply>) {
    let queued = |text: &str| Reply::Simple(text.into());
    (Request::Block(0), vec![multi, queued(first), queued("QUEUED"), queued("QUEUED"), exec])
}

#[test]
fn a_block_counts_as_a_whole_or_not_at_all() {
    let exec = |exec| [block(ok(), "QUEUED", exec)];
    let ran = || Reply::Array(vec![Reply::Integer(1), bulk("1"), Reply::Integer(1)]);
    let none = Faults::default();
    let there: [(i64, &[&str]); 2] = [(1, &["a-1"]), (0, &[])];
    assert_eq!(run(&exec(ran()), there, 0), none);
    assert_eq!(run(&exec(ran()), NOTHING, 1).lost.total(), 2);
    for held in [there, NOTHING] {
        assert_eq!(run(&exec(Reply::Error("UNCERTAIN tideover: x; outcome unknown".into())), held, 1), none);
    }
    let denied = run(&exec(Reply::Error("EXECABORT x".into())), there, 1);
    assert_eq!((denied.doubled.incr, denied.denied), (1, 1));
    assert_eq!(run(&[(Request::Block(0), vec![ok()])], there, 1), none);
}

#[test]
fn a_block_has_the_replies_of_its_commands_in_their_order() {
    let ran = |seen: &str, length| Reply::Array(vec![Reply::Integer(1), bulk(seen), length]);
    let fits = || ran("1", Reply::Integer(1));
    let cases = [
        ("whole", block(ok(), "QUEUED", fits()), 0),
        ("not queued", block(ok(), "OK", fits()), 1),
        ("no transaction", block(Reply::Simple("QUEUED".into()), "QUEUED", fits()), 1),
        ("another counter", block(ok(), "QUEUED", ran("2", Reply::Integer(1))), 1),
        ("another type", block(ok(), "QUEUED", ran("1", ok())), 1),
        ("an error within", block(ok(), "QUEUED", ran("1", Reply::Error("ERR x".into()))), 1),
        ("too few", block(ok(), "QUEUED", Reply::Array(vec![Reply::Integer(1)])), 1),
        ("nothing", block(ok(), "QUEUED", Reply::Nil), 1),
    ];
    for (name, block, mixed_up) in cases {
        assert_eq!(run(&[block], NOTHING, 1).mixed_up, mixed_up, "{name}");
    }
}

#[test]
fn what_is_of_no_ledger_has_one_reply_or_an_error() {
    let mixed_up = |request, reply| run(&[(request, vec![reply])], NOTHING, 0).mixed_up;
    assert_eq!(mixed_up(Request::Known, bulk(KNOWN)), 0);
    assert_eq!(mixed_up(Request::Known, Reply::Error("ERR x".into())), 0);
    assert_eq!(mixed_up(Request::Known, Reply::Nil), 1);
    let echoes = |said: [&str; 2]| {
        let steps = said.map(|said| (Request::Echo, vec![bulk(said)]));
        run(&steps, NOTHING, 0).mixed_up
    };
    assert_eq!(echoes(["client4-1", "client4-2"]), 0);
    assert_eq!(echoes(["client4-1", "client4-1"]), 1);
    assert_eq!(echoes(["client5-1", "client4-2"]), 1);
}

#[test]
fn errors_are_kept_by_their_text() {
    let mut book = of_two();
    for text in ["ERR a", "ERR b", "ERR a"] {
        let sent = book.begin(Request::Echo, Moment::default());
        book.settle(&sent, &[Reply::Error(text.into())], Now::default());
    }
    assert_eq!(book.errors.into_iter().collect::<Vec<_>>(), [("ERR a".into(), 2), ("ERR b".into(), 1)]);
}

#[test]
fn a_delete_counts_all_keys_unless_a_master_was_killed() {
    let set = || (Request::SetAll(2), vec![ok()]);
    let delete = |count| (Request::DeleteAll(2), vec![Reply::Integer(count)]);
    let none = Faults::default();
    assert_eq!(run(&[set(), delete(2)], NOTHING, 0), none);
    assert_eq!(run(&[set(), delete(1)], NOTHING, 0), Faults { misordered: 1, ..none });
    assert_eq!(run(&[set(), delete(1)], NOTHING, 1), none);
    assert_eq!(run(&[set(), delete(3)], NOTHING, 0), Faults { mixed_up: 1, ..none });
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
