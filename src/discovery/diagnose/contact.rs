//! Whether a peer can be talked to, by how a question failed or by the first of its replies.

use super::super::{Answer, Failure, Question};
use super::{Expected, Tells};
use crate::resp::value::Value;
use crate::topology::fault::{Fault, PeerText};

/// Returns whether it can be talked to.
pub(in super::super) fn contact(
    expected: Expected,
    question: &Question,
    outcome: &Result<Answer, Failure>,
) -> Tells {
    match (question, outcome) {
        // Not every server knows what this asks, and some close the connection then.
        (Question::Identity { .. }, _) => Tells::Nothing,
        // It has more clients than can be listed.
        (Question::Active { list: true, .. }, Err(Failure::Malformed)) => Tells::Nothing,
        (_, Err(failure)) => Tells::Fault(of_failure(failure)),
        (Question::Members(_), Ok(_)) => Tells::Nothing,
        (Question::Group(_) | Question::Stranger(_), Ok(answer)) => of_sentinel(answer.values.first()),
        (Question::Active { .. }, Ok(answer)) => match of_ping(expected, answer.values.first()) {
            Tells::Well => of_write(answer.values.get(1)),
            fault => fault,
        },
        (Question::Ping | Question::Node | Question::Map | Question::MapAndNames, Ok(answer)) => {
            of_ping(expected, answer.values.first())
        }
    }
}

fn of_failure(failure: &Failure) -> Fault {
    match failure {
        Failure::Refused => Fault::Refused,
        Failure::TimedOut => Fault::TimedOut,
        Failure::Closed => Fault::Closed,
        Failure::Unreachable => Fault::Unreachable,
        Failure::Unresolved => Fault::Unresolved,
        Failure::Denied(code) if code == "NOAUTH" => Fault::AsksForPassword,
        Failure::Denied(code) => Fault::Denied(PeerText::of(code)),
        Failure::Malformed => Fault::NotResp,
    }
}

fn of_ping(expected: Expected, reply: Option<&Value>) -> Tells {
    let Some(Value::Error(message)) = reply else { return Tells::Well };
    match code(message) {
        // No permission for PING, or a long script: it is alive, and would serve.
        "NOPERM" | "BUSY" => Tells::Well,
        "NOAUTH" if expected == (Expected::Any { asks_clients: true }) => Tells::Well,
        // Any server may be one that does not know PING.
        "ERR" if !is_full(message) => Tells::Well,
        _ => Tells::Fault(of_error(message)),
    }
}

/// A DEL that changes nothing.
fn of_write(reply: Option<&Value>) -> Tells {
    let Some(Value::Error(message)) = reply else { return Tells::Well };
    match code(message) {
        // What these say of the server is said by its identity.
        "NOPERM" | "BUSY" | "READONLY" | "MOVED" | "ERR" => Tells::Well,
        _ => Tells::Fault(of_error(message)),
    }
}

/// Of a question that only sentinels know.
fn of_sentinel(reply: Option<&Value>) -> Tells {
    let Some(Value::Error(message)) = reply else { return Tells::Well };
    match code(message) {
        "NOPERM" => Tells::Fault(Fault::Forbidden("SENTINEL")),
        "ERR" if !is_full(message) => Tells::Well,
        _ => Tells::Fault(of_error(message)),
    }
}

fn of_error(message: &str) -> Fault {
    match code(message) {
        "NOAUTH" => Fault::AsksForPassword,
        "LOADING" => Fault::Loading,
        "MASTERDOWN" => Fault::MasterDown,
        "MISCONF" => Fault::CannotSave,
        "ERR" if is_full(message) => Fault::Full,
        _ => Fault::Refuses(PeerText::of(message)),
    }
}

fn code(message: &str) -> &str {
    message.split(' ').next().unwrap_or_default()
}

fn is_full(message: &str) -> bool {
    message.contains("max number of clients")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str) -> Value {
        Value::Error(message.to_owned())
    }

    const ANY: Expected = Expected::Any { asks_clients: true };
    const OURS: Expected = Expected::Any { asks_clients: false };

    #[test]
    fn failures_and_first_replies_say_whether_a_peer_can_be_talked_to() {
        let reply = |value: Value| Ok(Answer { values: vec![value], rtt: Default::default() });
        let group = || Question::Group("m".into());
        let denied = |code: &str| Err(Failure::Denied(code.to_owned()));
        let fault = Tells::Fault;
        for (expected, question, outcome, tells) in [
            (ANY, Question::Ping, Err(Failure::Unresolved), fault(Fault::Unresolved)),
            (ANY, Question::Ping, Err(Failure::Malformed), fault(Fault::NotResp)),
            (ANY, Question::Ping, denied("WRONGPASS"), fault(Fault::Denied(PeerText::of("WRONGPASS")))),
            (ANY, Question::Ping, reply(error("NOAUTH Authentication required.")), Tells::Well),
            (OURS, Question::Ping, reply(error("NOAUTH x")), fault(Fault::AsksForPassword)),
            (Expected::Member, Question::Node, reply(error("NOAUTH x")), fault(Fault::AsksForPassword)),
            (OURS, Question::Ping, reply(error("NOPERM x")), Tells::Well),
            (OURS, Question::Ping, reply(error("ERR unknown command 'PING'")), Tells::Well),
            (OURS, Question::Ping, reply(error("MISCONF x")), fault(Fault::CannotSave)),
            (OURS, Question::Ping, reply(error("LOADING x")), fault(Fault::Loading)),
            (OURS, Question::Ping, reply(error("ERR max number of clients reached")), fault(Fault::Full)),
            (
                OURS,
                Question::Ping,
                reply(error("DENIED Redis is running in protected mode")),
                fault(Fault::Refuses(PeerText::of("DENIED Redis is running in protected mode"))),
            ),
            (OURS, Question::Identity { cluster: false }, Err(Failure::Closed), Tells::Nothing),
            (Expected::Sentinel, group(), reply(error("ERR unknown command 'SENTINEL'")), Tells::Well),
            (Expected::Sentinel, group(), reply(error("NOAUTH x")), fault(Fault::AsksForPassword)),
            (Expected::Sentinel, group(), reply(error("NOPERM x")), fault(Fault::Forbidden("SENTINEL"))),
            (Expected::Sentinel, group(), reply(Value::Nil), Tells::Well),
            (Expected::Sentinel, Question::Members("m".into()), reply(error("ERR x")), Tells::Nothing),
        ] {
            assert_eq!(
                contact(expected, &question, &outcome),
                tells,
                "{expected:?} {question:?} {outcome:?}"
            );
        }
    }
}
