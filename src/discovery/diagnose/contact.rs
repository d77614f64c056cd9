//! The contact with a peer: whether it can be talked to, by the failure of a question or the first of its replies.

use super::super::{Answer, Failure, Question};
use super::{Evidence, Expected};
use crate::resp::value::Value;
use crate::topology::fault::{Fault, PeerText};

/// Returns the evidence that an outcome gives about the contact with a peer.
pub(in super::super) fn contact(
    expected: Expected,
    question: &Question,
    outcome: &Result<Answer, Failure>,
) -> Evidence {
    match (question, outcome) {
        // Not every server knows these commands, and some close the connection.
        (Question::Identity { .. }, _) => Evidence::Nothing,
        // The node has more clients than can be listed.
        (Question::Active { list: true, .. }, Err(Failure::Malformed)) => Evidence::Nothing,
        (_, Err(failure)) => Evidence::Fault(of_failure(failure)),
        (Question::Members(_), Ok(_)) => Evidence::Nothing,
        (Question::Group(_) | Question::GroupAndIdentity(_), Ok(answer)) => {
            of_sentinel(answer.values.first())
        }
        (Question::Active { .. }, Ok(answer)) => match of_ping(expected, answer.values.first()) {
            Evidence::Well => of_write(answer.values.get(1)),
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

fn of_ping(expected: Expected, reply: Option<&Value>) -> Evidence {
    let Some(Value::Error(message)) = reply else { return Evidence::Well };
    match code(message) {
        // The proxy may not send PING, or a script runs for long: the peer is alive, and would serve.
        "NOPERM" | "BUSY" => Evidence::Well,
        "NOAUTH" if expected == CLIENTS_BRING => Evidence::Well,
        // A server that does not know PING may serve other commands.
        "ERR" if !is_full(message) => Evidence::Well,
        _ => Evidence::Fault(of_error(message)),
    }
}

/// Clients bring their own passwords.
const CLIENTS_BRING: Expected = Expected::Any { asks_clients: true };

/// Returns true if the answer to PING says that clients have to bring a password.
pub(in super::super) fn asks_clients(expected: Expected, answer: &Answer) -> bool {
    let asks = |reply: &Value| matches!(reply, Value::Error(message) if code(message) == "NOAUTH");
    expected == CLIENTS_BRING && answer.values.first().is_some_and(asks)
}

/// Returns the evidence of the reply to a DEL that changes nothing.
fn of_write(reply: Option<&Value>) -> Evidence {
    let Some(Value::Error(message)) = reply else { return Evidence::Well };
    match code(message) {
        // These codes tell something about the identity of the server, which is evaluated there.
        "NOPERM" | "BUSY" | "READONLY" | "MOVED" | "ERR" => Evidence::Well,
        _ => Evidence::Fault(of_error(message)),
    }
}

/// Returns the evidence of the reply to a command that only sentinels know.
fn of_sentinel(reply: Option<&Value>) -> Evidence {
    let Some(Value::Error(message)) = reply else { return Evidence::Well };
    match code(message) {
        "NOPERM" => Evidence::Fault(Fault::Forbidden("SENTINEL")),
        "ERR" if !is_full(message) => Evidence::Well,
        _ => Evidence::Fault(of_error(message)),
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
        let fault = Evidence::Fault;
        for (expected, question, outcome, tells) in [
            (ANY, Question::Ping, Err(Failure::Unresolved), fault(Fault::Unresolved)),
            (ANY, Question::Ping, Err(Failure::Malformed), fault(Fault::NotResp)),
            (ANY, Question::Ping, denied("WRONGPASS"), fault(Fault::Denied(PeerText::of("WRONGPASS")))),
            (ANY, Question::Ping, reply(error("NOAUTH Authentication required.")), Evidence::Well),
            (OURS, Question::Ping, reply(error("NOAUTH x")), fault(Fault::AsksForPassword)),
            (Expected::Member, Question::Node, reply(error("NOAUTH x")), fault(Fault::AsksForPassword)),
            (OURS, Question::Ping, reply(error("NOPERM x")), Evidence::Well),
            (OURS, Question::Ping, reply(error("ERR unknown command 'PING'")), Evidence::Well),
            (OURS, Question::Ping, reply(error("MISCONF x")), fault(Fault::CannotSave)),
            (OURS, Question::Ping, reply(error("LOADING x")), fault(Fault::Loading)),
            (OURS, Question::Ping, reply(error("ERR max number of clients reached")), fault(Fault::Full)),
            (
                OURS,
                Question::Ping,
                reply(error("DENIED Redis is running in protected mode")),
                fault(Fault::Refuses(PeerText::of("DENIED Redis is running in protected mode"))),
            ),
            (OURS, Question::Identity { cluster: false }, Err(Failure::Closed), Evidence::Nothing),
            (Expected::Sentinel, group(), reply(error("ERR unknown command 'SENTINEL'")), Evidence::Well),
            (Expected::Sentinel, group(), reply(error("NOAUTH x")), fault(Fault::AsksForPassword)),
            (Expected::Sentinel, group(), reply(error("NOPERM x")), fault(Fault::Forbidden("SENTINEL"))),
            (Expected::Sentinel, group(), reply(Value::Nil), Evidence::Well),
            (Expected::Sentinel, Question::Members("m".into()), reply(error("ERR x")), Evidence::Nothing),
        ] {
            assert_eq!(
                contact(expected, &question, &outcome),
                tells,
                "{expected:?} {question:?} {outcome:?}"
            );
        }
    }
}
