//! Changes of the session that only the backend can judge: AUTH, HELLO and SELECT.
//!
//! The command is sent on the lane that the session would move to. If the node accepts it there, the session moves;
//! if not, the client gets the node's own error and its session stays as it was.

use std::sync::Arc;

use crate::command::Session as Command;
use crate::config::{AuthMode, Credentials};
use crate::resp::number;
use crate::resp::reply::{self, Proto};
use crate::resp::request::Request;

use crate::ids::ClientId;
use crate::node::modes::Modes;

use super::session::{Session, modes};
use super::tracking::Tracking;

/// A change of the session that is to be judged.
pub(crate) struct SessionChange {
    pub(crate) proto: Proto,
    pub(crate) db: u32,
    pub(crate) identity: Option<Arc<Credentials>>,
    /// The name from HELLO … SETNAME.
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) tracking: Option<Box<Tracking>>,
    pub(crate) no_touch: bool,
    pub(crate) readonly: bool,
    pub(crate) answer: Answer,
    /// The command that the node gets.
    pub(crate) question: Vec<u8>,
}

impl SessionChange {
    /// Returns the modes of the node connections that the client with this id would have.
    pub(crate) fn modes(&self, id: ClientId) -> Modes {
        let modes = modes(self.tracking.as_deref(), self.no_touch, id, self.proto);
        Modes { readonly: self.readonly, ..modes }
    }
}

/// The reply to a change that the node has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// That of the node.
    Node,
    /// The one to HELLO, made from that of the node.
    Hello,
    /// OK, once the client to tell is found, if there is one: CLIENT TRACKING.
    Tracking,
    /// OK.
    Ok,
}

/// A question that every node answers. The lane on which it is sent gets its modes before.
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

const SYNTAX: &str = "ERR syntax error";
const NO_PASSWORD: &str = "ERR AUTH <password> called without any password configured for the default user. \
                           Are you sure your configuration is correct?";
const NOT_A_NUMBER: &str = "ERR value is not an integer or out of range";
const NOT_IN_RANGE: &str = "ERR value is out of range, value must between -2147483648 and 2147483647";
const NO_PROTO: &str = "NOPROTO unsupported protocol version";
const NOT_A_VERSION: &str = "ERR Protocol version is not an integer or out of range";
const BAD_NAME: &str = "ERR Client names cannot contain spaces, newlines or special characters.";

/// Reads a session command. An error is the reply that a server would give.
pub(crate) fn read(
    command: Command,
    request: &Request<'_>,
    session: &Session,
    mode: AuthMode,
) -> Result<SessionChange, String> {
    let change = match command {
        Command::Select => select(request, session),
        Command::Auth => auth(request, session, mode),
        Command::Hello => return hello(request, session, mode),
        Command::Tracking => return tracking(request, session),
        Command::NoTouch => no_touch(request, session),
        Command::ReadOnly => Ok(readonly(request, session, true)),
        Command::ReadWrite => Ok(readonly(request, session, false)),
    };
    change.map_err(str::to_owned)
}

/// Returns what a node gets of a session command within a transaction. Its session may have changed before, so
/// nothing is added to what the client has said; the name is the proxy's to keep.
pub(crate) fn question_in_transaction(
    command: Command,
    request: &Request<'_>,
    session: &Session,
    mode: AuthMode,
) -> Result<Vec<u8>, String> {
    let change = read(command, request, session, mode)?;
    if change.answer != Answer::Hello {
        return Ok(change.question);
    }
    let mut words = Vec::new();
    let mut args = request.args();
    words.extend(args.by_ref().take(2));
    while let Some(option) = args.next() {
        match option.eq_ignore_ascii_case(b"SETNAME") {
            true => drop(args.next()),
            false => words.extend([option].into_iter().chain(args.by_ref().take(2))),
        }
    }
    let mut question = Vec::new();
    reply::command(&mut question, &words);
    Ok(question)
}

fn unchanged(session: &Session) -> SessionChange {
    SessionChange {
        proto: session.proto,
        db: session.db,
        identity: session.identity.clone(),
        name: None,
        tracking: session.tracking.clone(),
        no_touch: session.no_touch,
        readonly: session.readonly,
        answer: Answer::Node,
        question: Vec::new(),
    }
}

fn select(request: &Request<'_>, session: &Session) -> Result<SessionChange, &'static str> {
    let number = request.arg(1).and_then(number::parse).ok_or(NOT_A_NUMBER)?;
    let number = i32::try_from(number).map_err(|_| NOT_IN_RANGE)?;
    let db = u32::try_from(number).map_err(|_| "ERR DB index is out of range")?;
    let question = request.raw().to_vec();
    Ok(SessionChange { db, question, ..unchanged(session) })
}

/// Reads CLIENT TRACKING. Only what a node has to do is judged by a node.
fn tracking(request: &Request<'_>, session: &Session) -> Result<SessionChange, String> {
    let tracking = Tracking::read(request, session.tracking.as_deref())?.map(Box::new);
    let question = if tracking.is_some() { PING.to_vec() } else { Vec::new() };
    Ok(SessionChange { tracking, question, answer: Answer::Tracking, ..unchanged(session) })
}

fn no_touch(request: &Request<'_>, session: &Session) -> Result<SessionChange, &'static str> {
    let no_touch = match request.arg(2).unwrap_or_default().to_ascii_lowercase().as_slice() {
        b"on" => true,
        b"off" => false,
        _ => return Err(SYNTAX),
    };
    let question = if no_touch { PING.to_vec() } else { Vec::new() };
    Ok(SessionChange { no_touch, question, answer: Answer::Ok, ..unchanged(session) })
}

/// Reads READONLY or READWRITE. The node is asked on a connection that has the new mode already.
fn readonly(request: &Request<'_>, session: &Session, readonly: bool) -> SessionChange {
    SessionChange { readonly, question: request.raw().to_vec(), ..unchanged(session) }
}

fn auth(request: &Request<'_>, session: &Session, mode: AuthMode) -> Result<SessionChange, &'static str> {
    let (username, password) = match (request.arg(1), request.arg(2), request.len()) {
        (Some(password), None, _) => (None, password),
        (Some(username), Some(password), 3) => (Some(username), password),
        _ => return Err(SYNTAX),
    };
    let identity = credentials(username, password, mode)?;
    let question = request.raw().to_vec();
    Ok(SessionChange { identity: Some(identity), question, ..unchanged(session) })
}

fn hello(request: &Request<'_>, session: &Session, mode: AuthMode) -> Result<SessionChange, String> {
    let mut change = SessionChange { answer: Answer::Hello, ..unchanged(session) };
    if let Some(version) = request.arg(1) {
        change.proto = match number::parse(version) {
            Some(2) => Proto::Resp2,
            Some(3) => Proto::Resp3,
            Some(_) => return Err(NO_PROTO.into()),
            None => return Err(NOT_A_VERSION.into()),
        };
    }
    let mut at = 2;
    while let Some(option) = request.arg(at) {
        match (option.to_ascii_uppercase().as_slice(), request.arg(at + 1), request.arg(at + 2)) {
            (b"AUTH", Some(username), Some(password)) => {
                change.identity = Some(credentials(Some(username), password, mode)?);
                at += 3;
            }
            (b"SETNAME", Some(name), _) => {
                change.name = Some(checked_name(name)?);
                at += 2;
            }
            _ => return Err(unknown_option(option)),
        }
    }
    change.question = hello_question(&change);
    Ok(change)
}

/// Returns the error for an option that is unknown, or that is not whole. As with servers, it ends at a NUL.
fn unknown_option(option: &[u8]) -> String {
    let shown = option.split(|byte| *byte == 0).next().unwrap_or_default();
    format!("ERR Syntax error in HELLO option '{}'", String::from_utf8_lossy(shown))
}

/// Returns a HELLO with version and credentials, which are judged each time, but without the name.
fn hello_question(change: &SessionChange) -> Vec<u8> {
    let version: &[u8] = match change.proto {
        Proto::Resp2 => b"2",
        Proto::Resp3 => b"3",
    };
    let mut words = vec![&b"HELLO"[..], version];
    if let Some(known) = &change.identity {
        let username = known.username.as_deref().unwrap_or("default");
        words.extend([&b"AUTH"[..], username.as_bytes(), known.password.as_bytes()]);
    }
    let mut question = Vec::new();
    reply::command(&mut question, &words);
    question
}

/// Returns the name if a server would take it: printable characters without blanks.
pub(crate) fn checked_name(name: &[u8]) -> Result<Vec<u8>, &'static str> {
    name.iter().all(|byte| (b'!'..=b'~').contains(byte)).then(|| name.to_vec()).ok_or(BAD_NAME)
}

fn credentials(
    username: Option<&[u8]>,
    password: &[u8],
    mode: AuthMode,
) -> Result<Arc<Credentials>, &'static str> {
    match mode {
        AuthMode::Passthrough => {}
        AuthMode::Backend | AuthMode::None => return Err(NO_PASSWORD),
    }
    let text = |bytes: &[u8]| {
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| "WRONGPASS invalid username-password pair or user is disabled.")
    };
    Ok(Arc::new(Credentials { username: username.map(text).transpose()?, password: text(password)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::scan::{RequestScan, Scanned};

    fn change(command: Command, line: &str, mode: AuthMode) -> Result<SessionChange, String> {
        let (mut scan, bytes) = (RequestScan::default(), format!("{line}\r\n").into_bytes());
        let Ok(Scanned::Complete(len)) = scan.scan(&bytes, 1 << 20) else { panic!("{line}") };
        read(command, &scan.request(&bytes, len), &Session::default(), mode)
    }

    #[test]
    fn hello_asks_for_version_and_credentials_and_keeps_the_name() {
        let hello =
            change(Command::Hello, "HELLO 3 SETNAME me AUTH u p", AuthMode::Passthrough).ok().unwrap();
        assert_eq!(hello.proto, Proto::Resp3);
        assert_eq!(hello.name.as_deref(), Some(&b"me"[..]));
        let text = String::from_utf8(hello.question).unwrap();
        assert!(text.contains("AUTH") && !text.contains("SETNAME"), "{text}");
    }

    #[test]
    fn what_a_server_would_refuse_is_refused_in_its_words() {
        for (command, line, mode, expected) in [
            (Command::Hello, "HELLO 4", AuthMode::Passthrough, NO_PROTO),
            (Command::Hello, "HELLO 03", AuthMode::Passthrough, NOT_A_VERSION),
            (
                Command::Hello,
                "HELLO 3 auth u",
                AuthMode::Passthrough,
                "ERR Syntax error in HELLO option 'auth'",
            ),
            (Command::Hello, "HELLO 3 x", AuthMode::Passthrough, "ERR Syntax error in HELLO option 'x'"),
            (Command::Hello, "HELLO 3 SETNAME \"a b\"", AuthMode::Passthrough, BAD_NAME),
            (Command::NoTouch, "CLIENT NO-TOUCH maybe", AuthMode::None, SYNTAX),
            (Command::Tracking, "CLIENT TRACKING maybe", AuthMode::None, SYNTAX),
            (Command::Hello, "HELLO 3 AUTH u p", AuthMode::Backend, NO_PASSWORD),
            (Command::Auth, "AUTH p", AuthMode::None, NO_PASSWORD),
            (Command::Auth, "AUTH a b c", AuthMode::Passthrough, SYNTAX),
            (Command::Select, "SELECT x", AuthMode::None, NOT_A_NUMBER),
            (Command::Select, "SELECT +1", AuthMode::None, NOT_A_NUMBER),
            (Command::Select, "SELECT 9223372036854775808", AuthMode::None, NOT_A_NUMBER),
            (Command::Select, "SELECT 2147483648", AuthMode::None, NOT_IN_RANGE),
            (Command::Select, "SELECT -1", AuthMode::None, "ERR DB index is out of range"),
        ] {
            assert_eq!(change(command, line, mode).err().as_deref(), Some(expected), "{line}");
        }
    }
}
