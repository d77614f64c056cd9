//! The decision about a command before it is routed. It depends on the session and the command table; nothing is sent here.

use crate::command::{
    self as table, Command, Flags, Handling, Local, Subscribe, handling, unavailable, unknown_command,
    unknown_subcommand,
};
use crate::face::{CLUSTER_DISABLED, Face};
use crate::node::queue::EntryKind;
use crate::resp::reply::Proto;
use crate::resp::request::Request;

use super::Client;
use super::session::Watch;
use super::transaction::Own;

/// The next step with one command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send it on a lane: the client's own if `dedicated`, else the one that its session shares.
    Send {
        kind: EntryKind,
        dedicated: bool,
    },
    /// Send it on a lane of the client's own, for which no database is selected.
    EndScript,
    /// Queue it in the transaction, and answer `+QUEUED`.
    Queue(Option<Own>),
    /// Answer with this error, which also fails a transaction in progress.
    Spoil(String),
    /// Answer with this error, which concerns this command alone.
    Error(String),
    /// Answer that the transaction is discarded for this cause, and discard it: the EXEC itself was refused.
    Abort(String),
    /// Answer from the session.
    Answer(Local),
    /// Let a node judge the change of the session.
    ChangeSession(table::Session),
    Multi,
    Exec,
    Discard,
    Unwatch,
    Subscribe(Subscribe),
}

/// Decides on the next step, in this order: the errors of the proxy itself; whether the client may ask the proxy anything, which
/// a stranger may not, as no node lets it in; whether it may change nothing but its subscriptions, as a RESP2 subscriber; what the
/// face makes of the command; inside a transaction, everything but the transaction's own commands is queued; last comes the command's
/// own handling.
pub(crate) fn admit(
    client: &Client,
    face: &Face,
    request: &Request<'_>,
    command: Option<&'static Command>,
    is_stranger: bool,
) -> Step {
    let handling = handling(request);
    let transaction = client.session.transaction.as_deref();
    let is_confined = client.session.proto == Proto::Resp2 && client.is_subscriber();
    let reaches_node = client.session.transaction.is_none() && !is_confined;
    if let Some(error) = refusal(request, command, handling, reaches_node) {
        return refused(handling, error);
    }
    if is_stranger && !is_for_strangers(handling) {
        return refused(handling, NOAUTH.to_owned());
    }
    if is_confined && transaction.is_none() && !allowed_while_subscribed(handling) {
        return refused(handling, not_for_subscribers(request, command));
    }
    let handling = match face.handling(handling, request, client.ends.is_local()) {
        Ok(handling) => handling,
        Err(error) if transaction.is_some() && error == CLUSTER_DISABLED => {
            return Step::Queue(Some(Own::Error(error.into())));
        }
        Err(error) => return Step::Spoil(error),
    };
    if let Some(transaction) = transaction {
        return in_transaction(handling, request, command, transaction.subscribes());
    }
    by_itself(handling, request, client.session.watch != Watch::None)
}

/// Refuses a command. An EXEC that is refused discards its transaction.
fn refused(handling: Handling, error: String) -> Step {
    match handling {
        Handling::Transaction(table::Transaction::Exec) => Step::Abort(error),
        _ => Step::Spoil(error),
    }
}

/// Returns true for SCRIPT KILL and FUNCTION KILL. Such a command cannot use the connection of the script that it is
/// to end, where it would wait behind the script; and the busy node refuses SELECT on any other connection.
fn ends_a_script(request: &Request<'_>) -> bool {
    let is_of_scripts =
        [&b"script"[..], b"function"].iter().any(|name| request.name().eq_ignore_ascii_case(name));
    is_of_scripts && request.arg(1).is_some_and(|word| word.eq_ignore_ascii_case(b"kill"))
}

/// Decides outside of transactions and subscriptions. `watching`: the client has a WATCH, on its own connection.
fn by_itself(handling: Handling, request: &Request<'_>, watching: bool) -> Step {
    match handling {
        Handling::Forward if !watching && ends_a_script(request) => Step::EndScript,
        Handling::Forward => Step::Send { kind: EntryKind::Plain, dedicated: watching },
        Handling::Counts => Step::Send { kind: EntryKind::Counted, dedicated: watching },
        Handling::Blocking => Step::Send { kind: EntryKind::Blocking, dedicated: true },
        Handling::Local(local) => Step::Answer(local),
        // The connection that watches cannot change with the session.
        Handling::Session(session) if watching && session != table::Session::Select => {
            Step::Error(unavailable(request, "a WATCH is active"))
        }
        Handling::Session(session) => Step::ChangeSession(session),
        Handling::Transaction(table::Transaction::Multi) => Step::Multi,
        Handling::Transaction(table::Transaction::Exec) => Step::Error("ERR EXEC without MULTI".into()),
        Handling::Transaction(table::Transaction::Discard) => Step::Error("ERR DISCARD without MULTI".into()),
        Handling::Watch => Step::Send { kind: EntryKind::Watch, dedicated: true },
        Handling::Unwatch => Step::Unwatch,
        Handling::Wait => Step::Send { kind: EntryKind::Wait, dedicated: true },
        Handling::Subscribe(kind) => Step::Subscribe(kind),
        Handling::Operator(_) => Step::Send { kind: EntryKind::Operator, dedicated: true },
        Handling::Refuse(why) => Step::Spoil(unavailable(request, why)),
    }
}

/// Decides within a transaction. `subscribes`: a command before this one may make the client a subscriber.
fn in_transaction(
    handling: Handling,
    request: &Request<'_>,
    command: Option<&'static Command>,
    subscribes: bool,
) -> Step {
    let own = |own: Own| Step::Queue(Some(own));
    let is_for_nodes = matches!(handling, Handling::Forward | Handling::Operator(_) | Handling::Refuse(_));
    if is_for_nodes && command.is_some_and(|command| command.flags.contains(Flags::NO_MULTI)) {
        return Step::Spoil("ERR Command not allowed inside a transaction".into());
    }
    match handling {
        Handling::Transaction(table::Transaction::Exec) => Step::Exec,
        Handling::Transaction(table::Transaction::Discard) => Step::Discard,
        Handling::Transaction(table::Transaction::Multi) => {
            Step::Error("ERR MULTI calls can not be nested".into())
        }
        Handling::Watch => Step::Error("ERR WATCH inside MULTI is not allowed".into()),
        Handling::Local(local @ (Local::Quit | Local::Reset)) => Step::Answer(local),
        Handling::Local(Local::Monitor) => own(Own::Error(NO_MONITOR.into())),
        Handling::Local(Local::Clients(sub)) => own(Own::Clients(sub)),
        // A node says the same, except to a subscriber.
        Handling::Local(Local::Ping | Local::Echo) if !subscribes => Step::Queue(None),
        Handling::Local(local) => own(Own::Local(local)),
        Handling::Session(session) => own(Own::Session(session)),
        Handling::Subscribe(Subscribe::Ssubscribe) => own(Own::Error(NO_SSUBSCRIBE.into())),
        Handling::Subscribe(kind) => own(Own::Subscribe(kind)),
        Handling::Refuse(why) => Step::Spoil(unavailable(request, why)),
        Handling::Forward
        | Handling::Counts
        | Handling::Unwatch
        | Handling::Blocking
        | Handling::Wait
        | Handling::Operator(_) => Step::Queue(None),
    }
}

const NO_MONITOR: &str = "ERR MONITOR isn't allowed for DENY BLOCKING client";
const NO_SSUBSCRIBE: &str = "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client";

/// Returns the error of the proxy itself, if the command has one: an unknown name, or a wrong number of arguments. A name that
/// the table does not know is the node's to judge if `reaches_node`.
fn refusal(
    request: &Request<'_>,
    command: Option<&'static Command>,
    handling: Handling,
    reaches_node: bool,
) -> Option<String> {
    let Some(command) = command else { return (!reaches_node).then(|| unknown_command(request)) };
    let is_judged_here = !reaches_node || handling == Handling::Local(Local::UnknownSubcommand);
    let subcommand = command.subcommand(request);
    if let Some(name) = request.arg(1).filter(|_| is_judged_here)
        && subcommand.is_none()
        && !command.subcommands.is_empty()
    {
        return Some(unknown_subcommand(&command.name.to_ascii_uppercase(), name));
    }
    let described = subcommand.unwrap_or(command);
    (!described.arity_fits(request.len()))
        .then(|| format!("ERR wrong number of arguments for '{}' command", described.name))
}

fn not_for_subscribers(request: &Request<'_>, command: Option<&'static Command>) -> String {
    let name = command.map_or_else(
        || lower(request.name()),
        |known| known.subcommand(request).unwrap_or(known).name.to_owned(),
    );
    format!(
        "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
         this context"
    )
}

const NOAUTH: &str = "NOAUTH Authentication required.";

/// Returns true if a client that no node lets in may send this: servers allow it, or the node itself will refuse it.
fn is_for_strangers(handling: Handling) -> bool {
    match handling {
        Handling::Local(Local::Quit | Local::Reset)
        | Handling::Session(table::Session::Auth | table::Session::Hello)
        | Handling::Forward
        | Handling::Counts
        | Handling::Blocking
        | Handling::Wait
        | Handling::Watch => true,
        Handling::Local(_)
        | Handling::Session(
            table::Session::Select
            | table::Session::Tracking
            | table::Session::NoTouch
            | table::Session::ReadOnly
            | table::Session::ReadWrite,
        )
        | Handling::Transaction(_)
        | Handling::Unwatch
        | Handling::Subscribe(_)
        | Handling::Operator(_)
        | Handling::Refuse(_) => false,
    }
}

fn allowed_while_subscribed(handling: Handling) -> bool {
    matches!(handling, Handling::Subscribe(_) | Handling::Local(Local::Ping | Local::Quit | Local::Reset))
}

fn clip(bytes: &[u8], len: usize) -> String {
    String::from_utf8_lossy(bytes.get(..len).unwrap_or(bytes)).into_owned()
}

fn lower(name: &[u8]) -> String {
    clip(name, 128).to_ascii_lowercase()
}
