//! Questions and orders about all clients of a proxy, whichever workers have them: CLIENT LIST, KILL, UNBLOCK, PAUSE
//! and UNPAUSE, MONITOR.

use std::time::Duration;

use super::listing::facts::ClientFacts;
use super::listing::filter::ClientFilter;
use super::tracking::{NO_SUCH_CLIENT, Tracking};
use crate::command::ClientsCommand;
use crate::resp::number;
use crate::resp::reply::{self, Proto};
use crate::resp::request::Request;

/// What one client wants to know of all clients, or wants to be done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inquiry {
    List(ClientFilter),
    /// `is_old_form`: by an address alone, which is answered with OK or an error.
    Kill {
        filter: ClientFilter,
        is_old_form: bool,
    },
    Unblock {
        /// The id that CLIENT ID returns.
        client: u64,
        reply: UnblockReply,
    },
    Pause(Pause),
    Unpause,
    /// CLIENT TRACKING … REDIRECT: the client to tell is looked for. The tracking begins if it is found.
    Redirect(Box<Tracking>),
    /// MONITOR: from now on the lines of all commands are wanted.
    Monitor,
    /// A monitoring client has gone, or is none any more.
    EndMonitor,
}

/// An inquiry on its way to other workers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SentInquiry {
    pub(crate) inquiry: Inquiry,
    /// The id of the client that asks, as CLIENT ID returns it.
    pub(crate) asker: u64,
    /// The bytes of its request, which count as read and not taken yet.
    pub(crate) request: usize,
}

/// An inquiry that waits for the node to say that the client may make it.
pub(crate) struct PendingInquiry {
    pub(crate) sent: SentInquiry,
    /// The node's refusal.
    pub(crate) denied: Option<Box<[u8]>>,
}

/// What an unblocked client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnblockReply {
    /// The same as if its time-out were over.
    TimedOut,
    Error,
}

impl UnblockReply {
    /// The error that an unblocked client gets.
    pub(crate) const ERROR: &'static str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
}

/// CLIENT PAUSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) length: Duration,
    /// Only commands that may change data wait.
    pub(crate) writes_only: bool,
}

/// The part of the answer that one worker has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InquiryAnswer {
    Clients(Vec<ClientFacts>),
    /// The number of clients that were killed or unblocked.
    Count(u64),
}

impl InquiryAnswer {
    /// Adds the part of another worker.
    pub(crate) fn join(&mut self, other: InquiryAnswer) {
        match (self, other) {
            (InquiryAnswer::Clients(clients), InquiryAnswer::Clients(others)) => clients.extend(others),
            (InquiryAnswer::Count(count), InquiryAnswer::Count(others)) => *count += others,
            (InquiryAnswer::Clients(_), InquiryAnswer::Count(_))
            | (InquiryAnswer::Count(_), InquiryAnswer::Clients(_)) => {}
        }
    }
}

impl Inquiry {
    /// Parses the request. The error is in a server's words.
    pub(crate) fn of(sub: ClientsCommand, request: &Request<'_>) -> Result<Inquiry, String> {
        match sub {
            ClientsCommand::List => ClientFilter::of_list(request, 2).map(Inquiry::List),
            ClientsCommand::Kill => kill(request),
            ClientsCommand::Unblock => unblock(request),
            ClientsCommand::Pause => pause(request).map(Inquiry::Pause),
            ClientsCommand::Unpause => Ok(Inquiry::Unpause),
        }
    }

    /// Appends the reply to the whole inquiry.
    pub(crate) fn reply(&self, answer: InquiryAnswer, proto: Proto, out: &mut Vec<u8>) {
        match (self, answer) {
            (_, InquiryAnswer::Clients(mut clients)) => {
                clients.sort_unstable_by_key(|facts| facts.id);
                let mut lines = String::new();
                clients.iter().for_each(|facts| facts.line(&mut lines));
                reply::text(out, &lines, proto);
            }
            (Inquiry::Redirect(_), InquiryAnswer::Count(0)) => reply::error(out, NO_SUCH_CLIENT),
            (Inquiry::Kill { is_old_form: true, .. }, InquiryAnswer::Count(0)) => {
                reply::error(out, "ERR No such client");
            }
            (
                Inquiry::Kill { is_old_form: false, .. } | Inquiry::Unblock { .. },
                InquiryAnswer::Count(count),
            ) => {
                reply::integer(out, i64::try_from(count).unwrap_or(i64::MAX));
            }
            (
                Inquiry::Kill { is_old_form: true, .. }
                | Inquiry::List(_)
                | Inquiry::Pause(_)
                | Inquiry::Unpause
                | Inquiry::Redirect(_)
                | Inquiry::Monitor
                | Inquiry::EndMonitor,
                InquiryAnswer::Count(_),
            ) => reply::simple(out, "OK"),
        }
    }
}

fn kill(request: &Request<'_>) -> Result<Inquiry, String> {
    match request.arg(2) {
        Some(addr) if request.len() == 3 => {
            Ok(Inquiry::Kill { filter: ClientFilter::at(addr), is_old_form: true })
        }
        _ => Ok(Inquiry::Kill { filter: ClientFilter::of_kill(request, 2)?, is_old_form: false }),
    }
}

fn unblock(request: &Request<'_>) -> Result<Inquiry, String> {
    let reply = match request.arg(3).map(<[u8]>::to_ascii_lowercase).as_deref() {
        _ if request.len() > 4 => return Err(wrong_number(request)),
        None | Some(b"timeout") => UnblockReply::TimedOut,
        Some(b"error") => UnblockReply::Error,
        Some(_) => return Err("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR".into()),
    };
    let id = request.arg(2).and_then(number::parse).ok_or("ERR value is not an integer or out of range")?;
    // No client has a number below 1.
    Ok(Inquiry::Unblock { client: u64::try_from(id).unwrap_or_default(), reply })
}

fn pause(request: &Request<'_>) -> Result<Pause, String> {
    let writes_only = match request.arg(3).map(<[u8]>::to_ascii_lowercase).as_deref() {
        _ if request.len() > 4 => return Err(wrong_number(request)),
        None | Some(b"all") => false,
        Some(b"write") => true,
        Some(_) => return Err("ERR CLIENT PAUSE mode must be WRITE or ALL".into()),
    };
    let millis =
        request.arg(2).and_then(number::parse).ok_or("ERR timeout is not an integer or out of range")?;
    let millis = u64::try_from(millis).map_err(|_| "ERR timeout is negative")?;
    Ok(Pause { length: Duration::from_millis(millis), writes_only })
}

fn wrong_number(request: &Request<'_>) -> String {
    let sub = String::from_utf8_lossy(request.arg(1).unwrap_or_default());
    format!("ERR unknown subcommand or wrong number of arguments for '{sub}'. Try CLIENT HELP.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    fn of(sub: ClientsCommand, line: &str) -> Result<Inquiry, String> {
        Inquiry::of(sub, &Words::of(line).request())
    }

    #[test]
    fn orders_are_read_as_the_servers_read_them() {
        let unblock = |client, reply| Ok(Inquiry::Unblock { client, reply });
        let pause = |millis, writes_only| {
            Ok(Inquiry::Pause(Pause { length: Duration::from_millis(millis), writes_only }))
        };
        let error = |text: &str| Err(text.to_owned());
        for (sub, line, expected) in [
            (ClientsCommand::Unblock, "CLIENT UNBLOCK 5", unblock(5, UnblockReply::TimedOut)),
            (ClientsCommand::Unblock, "CLIENT UNBLOCK 5 timeout", unblock(5, UnblockReply::TimedOut)),
            (ClientsCommand::Unblock, "CLIENT UNBLOCK 5 ERROR", unblock(5, UnblockReply::Error)),
            (ClientsCommand::Unblock, "CLIENT UNBLOCK -5", unblock(0, UnblockReply::TimedOut)),
            (
                ClientsCommand::Unblock,
                "CLIENT UNBLOCK x",
                error("ERR value is not an integer or out of range"),
            ),
            (
                ClientsCommand::Unblock,
                "CLIENT UNBLOCK 5 foo",
                error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
            ),
            (ClientsCommand::Pause, "CLIENT PAUSE 0", pause(0, false)),
            (ClientsCommand::Pause, "CLIENT PAUSE 100 write", pause(100, true)),
            (ClientsCommand::Pause, "CLIENT PAUSE 100 ALL", pause(100, false)),
            (ClientsCommand::Pause, "CLIENT PAUSE -1", error("ERR timeout is negative")),
            (ClientsCommand::Pause, "CLIENT PAUSE x", error("ERR timeout is not an integer or out of range")),
            (
                ClientsCommand::Pause,
                "CLIENT PAUSE 1 foo",
                error("ERR CLIENT PAUSE mode must be WRITE or ALL"),
            ),
            (
                ClientsCommand::Pause,
                "CLIENT PAUSE 1 write x",
                error("ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."),
            ),
            (ClientsCommand::Unpause, "CLIENT UNPAUSE", Ok(Inquiry::Unpause)),
        ] {
            assert_eq!(of(sub, line), expected, "{line}");
        }
    }

    #[test]
    fn the_parts_of_all_workers_make_one_reply() {
        let facts = |id| ClientFacts { id, ..ClientFacts::default() };
        let list = of(ClientsCommand::List, "CLIENT LIST").unwrap();
        let mut answer = InquiryAnswer::Clients(Vec::new());
        answer.join(InquiryAnswer::Clients(vec![facts(12), facts(3)]));
        answer.join(InquiryAnswer::Clients(vec![facts(7)]));
        let mut out = Vec::new();
        list.reply(answer, Proto::Resp2, &mut out);
        let text = String::from_utf8(out).unwrap();
        let ids: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("id=")?.split(' ').next()).collect();
        assert_eq!(ids, ["3", "7", "12"], "in the order of their connecting");
        for (line, counts, expected) in [
            ("CLIENT KILL 1.1.1.1:1", [0, 0], "-ERR No such client\r\n"),
            ("CLIENT KILL 1.1.1.1:1", [0, 1], "+OK\r\n"),
            ("CLIENT KILL USER x", [0, 0], ":0\r\n"),
            ("CLIENT KILL USER x", [2, 3], ":5\r\n"),
        ] {
            let kill = of(ClientsCommand::Kill, line).unwrap();
            let mut answer = InquiryAnswer::Count(0);
            counts.into_iter().for_each(|count| answer.join(InquiryAnswer::Count(count)));
            let mut out = Vec::new();
            kill.reply(answer, Proto::Resp3, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{line} {counts:?}");
        }
    }
}
