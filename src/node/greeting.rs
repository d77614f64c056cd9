//! The greeting of a fresh node connection: it sets the identity and the database, and checks that the other end is
//! the node that discovery meant.
//!
//! All commands leave in one write. ROLE alone proves little, since a returning old master says "master" for seconds;
//! so the run id that discovery verified together with Sentinel must be found as well.

use std::collections::VecDeque;
use std::sync::Arc;

use super::modes::Modes;
use crate::config::Credentials;
use crate::resp::number;
use crate::resp::reply::{self, ErrorCode, Proto};

/// The facts that must hold at the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Check {
    /// ROLE must say master.
    pub(crate) master: bool,
    /// INFO must say this run id, if it says one.
    pub(crate) run_id: Option<Arc<str>>,
    /// READONLY is sent, for a replica of a cluster that is to serve reads.
    pub(crate) readonly: bool,
}

/// The state that a connection is to have before it is used.
pub(crate) struct GreetingPlan<'a> {
    pub(crate) proto: Proto,
    pub(crate) credentials: Option<&'a Credentials>,
    /// The credentials that the connection may use first: a client may have selected its database before it changed
    /// to a user who may select none.
    pub(crate) before: Option<&'a Credentials>,
    pub(crate) db: u32,
    pub(crate) modes: &'a Modes,
    /// The node's id of the connection on which it is to tell what has changed, if that is not this one.
    pub(crate) redirect: Option<u64>,
    /// The connection is such a one, so the node has to say its id.
    pub(crate) is_ear: bool,
    pub(crate) name: &'a str,
    pub(crate) check: &'a Check,
    /// The id, on the same node, of a former connection that was given up in silence. Once that is killed, nothing
    /// that it still carries can run any more.
    pub(crate) kill: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
/// The meaning of the reply to one command of the greeting.
enum GreetingStep {
    /// AUTH, HELLO or SELECT: an error is the answer to all requests that wait for this lane.
    Required,
    /// SELECT by the user that the connection had before.
    SelectFirst,
    /// SELECT by the user that the connection is for.
    Select,
    /// A command that ACLs and old servers may refuse without harm.
    Optional,
    Role,
    Identity,
    ConnectionId,
}

/// The reason why the connection cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// The error line with which the node refused the credentials, the version or the database.
    Refused(Vec<u8>),
    /// The node cannot serve yet: it has too many clients, or is still loading.
    NotYet,
    NotMaster,
    /// Another process answers at the address.
    OtherProcess,
}

/// A greeting under way.
pub(crate) struct Greeting {
    bytes: Vec<u8>,
    written: usize,
    /// The steps whose replies have not come.
    steps: VecDeque<GreetingStep>,
    /// The run id that is expected.
    run_id: Option<Arc<str>>,
    /// The run id in the node's reply.
    found_run_id: Option<Arc<str>>,
    connection_id: Option<u64>,
    is_ear: bool,
    /// The first SELECT has succeeded, so the database is the right one already.
    selected: bool,
}

impl Greeting {
    pub(crate) fn new(plan: &GreetingPlan<'_>) -> Self {
        let mut greeting = Greeting {
            bytes: Vec::new(),
            written: 0,
            steps: VecDeque::new(),
            run_id: plan.check.run_id.clone(),
            found_run_id: None,
            connection_id: None,
            is_ear: plan.is_ear,
            selected: false,
        };
        greeting.select_database_first(plan);
        greeting.authenticate(plan.proto, plan.credentials);
        greeting.push_step(GreetingStep::Optional, &[b"CLIENT", b"SETNAME", plan.name.as_bytes()]);
        if plan.check.master {
            greeting.push_step(GreetingStep::Role, &[b"ROLE"]);
        }
        greeting.push_step(GreetingStep::Identity, &[b"INFO", b"server"]);
        if plan.db != 0 {
            greeting.push_step(GreetingStep::Select, &[b"SELECT", plan.db.to_string().as_bytes()]);
        }
        if plan.check.readonly || plan.modes.readonly {
            greeting.push_step(GreetingStep::Required, &[b"READONLY"]);
        }
        greeting.set_modes(plan.modes, plan.redirect);
        if let Some(id) = plan.kill {
            greeting
                .push_step(GreetingStep::Optional, &[b"CLIENT", b"KILL", b"ID", id.to_string().as_bytes()]);
        }
        greeting.push_step(GreetingStep::ConnectionId, &[b"CLIENT", b"ID"]);
        greeting
    }

    /// Selects the database before the user changes.
    fn select_database_first(&mut self, plan: &GreetingPlan<'_>) {
        if plan.db == 0 || plan.credentials.is_none() || plan.credentials == plan.before {
            return;
        }
        if let Some(Credentials { username, password }) = plan.before {
            let words = ["AUTH"].into_iter().chain(username.as_deref()).chain([&**password]);
            self.push_step(GreetingStep::Optional, &words.map(str::as_bytes).collect::<Vec<_>>());
        }
        self.push_step(GreetingStep::SelectFirst, &[b"SELECT", plan.db.to_string().as_bytes()]);
    }

    fn authenticate(&mut self, proto: Proto, credentials: Option<&Credentials>) {
        let (user, password) = match credentials {
            Some(known) => (known.username.as_deref(), Some(known.password.as_bytes())),
            None => (None, None),
        };
        match (proto, user, password) {
            (Proto::Resp2, _, None) => {}
            (Proto::Resp2, None, Some(password)) => {
                self.push_step(GreetingStep::Required, &[b"AUTH", password])
            }
            (Proto::Resp2, Some(user), Some(password)) => {
                self.push_step(GreetingStep::Required, &[b"AUTH", user.as_bytes(), password]);
            }
            (Proto::Resp3, _, None) => self.push_step(GreetingStep::Required, &[b"HELLO", b"3"]),
            (Proto::Resp3, user, Some(password)) => {
                let user = user.unwrap_or("default").as_bytes();
                self.push_step(GreetingStep::Required, &[b"HELLO", b"3", b"AUTH", user, password]);
            }
        }
    }

    fn set_modes(&mut self, modes: &Modes, redirect: Option<u64>) {
        if let Some(words) = modes.tracking.command(redirect) {
            self.push_step(GreetingStep::Required, &words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        if modes.no_touch {
            self.push_step(GreetingStep::Required, &[b"CLIENT", b"NO-TOUCH", b"ON"]);
        }
    }

    fn push_step(&mut self, step: GreetingStep, command: &[&[u8]]) {
        self.steps.push_back(step);
        reply::command(&mut self.bytes, command);
    }

    pub(crate) fn unwritten(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    pub(crate) fn advance_written(&mut self, by: usize) {
        self.written += by;
    }

    /// Returns true if every reply has come, and every byte has left.
    pub(crate) fn is_over(&self) -> bool {
        self.steps.is_empty() && self.unwritten().is_empty()
    }

    /// Returns the node's id for this connection, once that is known.
    pub(crate) fn connection_id(&self) -> Option<u64> {
        self.connection_id
    }

    /// Returns the run id of the process at the other end, if that is known.
    pub(crate) fn found_run_id(&self) -> Option<Arc<str>> {
        self.found_run_id.clone()
    }

    /// Takes one complete reply. Returns true if it was the last.
    pub(crate) fn reply(&mut self, frame: &[u8]) -> Result<bool, Rejection> {
        let Some(step) = self.steps.pop_front() else { return Ok(true) };
        let failed = frame.first() == Some(&b'-');
        if failed && matches!(ErrorCode::of(frame), ErrorCode::MaxClients | ErrorCode::Loading) {
            return Err(Rejection::NotYet);
        }
        match step {
            GreetingStep::SelectFirst => self.selected = !failed,
            GreetingStep::Select if self.selected && frame.starts_with(b"-NOPERM") => {}
            GreetingStep::ConnectionId if failed && self.is_ear => {
                return Err(Rejection::Refused(frame.to_vec()));
            }
            GreetingStep::Required | GreetingStep::Select if failed => {
                return Err(Rejection::Refused(frame.to_vec()));
            }
            GreetingStep::Role if !failed && !says_master(frame) => return Err(Rejection::NotMaster),
            GreetingStep::Identity if !failed => self.check_run_id(frame)?,
            GreetingStep::ConnectionId => self.connection_id = integer(frame),
            GreetingStep::Required
            | GreetingStep::Select
            | GreetingStep::Optional
            | GreetingStep::Role
            | GreetingStep::Identity => {}
        }
        Ok(self.steps.is_empty())
    }

    fn check_run_id(&mut self, info: &[u8]) -> Result<(), Rejection> {
        let Some(found) = field(info, b"run_id:") else { return Ok(()) };
        if self.run_id.as_ref().is_some_and(|expected| expected.as_bytes() != found) {
            return Err(Rejection::OtherProcess);
        }
        self.found_run_id = std::str::from_utf8(found).ok().map(Arc::from);
        Ok(())
    }
}

/// Returns the command that releases a client that is blocked on the node: the blocking command is answered as if its
/// time were over, or with an error.
pub(crate) fn unblock_command(
    credentials: Option<&Credentials>,
    connection_id: u64,
    with_error: bool,
) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(known) = credentials {
        let password = known.password.as_bytes();
        match known.username.as_deref() {
            Some(user) => reply::command(&mut out, &[b"AUTH", user.as_bytes(), password]),
            None => reply::command(&mut out, &[b"AUTH", password]),
        }
    }
    let (id, reason) = (connection_id.to_string(), if with_error { &b"ERROR"[..] } else { b"TIMEOUT" });
    reply::command(&mut out, &[b"CLIENT", b"UNBLOCK", id.as_bytes(), reason]);
    out
}

/// Returns true if a ROLE reply begins with `master`. KeyDB's active replicas take writes too; one with several
/// masters answers with a list of such replies.
fn says_master(frame: &[u8]) -> bool {
    let lines = frame.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let mut strings = lines.skip_while(|line| line.starts_with(b"*"));
    strings.nth(1).is_some_and(|role| role == b"master" || role == b"active-replica")
}

fn integer(frame: &[u8]) -> Option<u64> {
    let line = number::read_line(frame, 1).ok().flatten()?;
    (frame.first() == Some(&b':')).then_some(line.number).and_then(|number| u64::try_from(number).ok())
}

/// Returns the value of one `name:value` line of INFO.
pub(crate) fn field<'a>(info: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    info.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(name)).map(<[u8]>::trim_ascii_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(check: &Check) -> Greeting {
        let credentials = Credentials { username: Some("u".into()), password: "p".into() };
        Greeting::new(&GreetingPlan {
            proto: Proto::Resp3,
            credentials: Some(&credentials),
            before: None,
            db: 3,
            name: "tideover",
            modes: &Modes::default(),
            redirect: None,
            is_ear: false,
            check,
            kill: None,
        })
    }

    fn outcome(replies: &[&[u8]]) -> Result<bool, Rejection> {
        let mut greeting = greeting(&Check { master: true, run_id: Some("abc".into()), readonly: false });
        let mut done = false;
        for reply in replies {
            assert!(!done);
            done = greeting.reply(reply)?;
        }
        Ok(done)
    }

    const NOAUTH: &[u8] = b"-NOAUTH Authentication required.\r\n";
    const NOPERM: &[u8] = b"-NOPERM no\r\n";
    const HELLO: &[u8] = b"%0\r\n";
    const OK: &[u8] = b"+OK\r\n";
    const MASTER: &[u8] = b"*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n";
    const REPLICA: &[u8] = b"*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:1\r\n";
    const INFO: &[u8] = b"$33\r\n# Server\r\nrun_id:abc\r\nport:1\r\n\r\n\r\n";
    const OTHER: &[u8] = b"=33\r\ntxt:# Server\r\nrun_id:xyz\r\n\r\n\r\n";

    #[test]
    fn a_master_with_the_expected_run_id_is_used() {
        assert_eq!(outcome(&[NOAUTH, HELLO, OK, MASTER, INFO, OK, b":7\r\n"]), Ok(true));
        assert_eq!(outcome(&[NOAUTH, HELLO, NOPERM, NOPERM, NOPERM, OK, NOPERM]), Ok(true));
    }

    /// The database stays what it was before the user changed, as on a server.
    #[test]
    fn a_user_who_may_not_select_keeps_the_database_selected_before() {
        assert_eq!(outcome(&[OK, HELLO, OK, MASTER, INFO, NOPERM, b":7\r\n"]), Ok(true));
    }

    #[test]
    fn the_role_is_found_in_replies_of_all_forms() {
        let tuple = |role: &str| {
            format!("*5\r\n${}\r\n{role}\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:1\r\n", role.len())
        };
        let (active, replica) = (tuple("active-replica"), tuple("slave"));
        for (frame, expected) in [
            (String::from_utf8_lossy(MASTER).into_owned(), true),
            (active.clone(), true),
            (format!("*2\r\n{active}{active}"), true),
            (replica.clone(), false),
            (format!("*2\r\n{replica}{replica}"), false),
            ("*0\r\n".to_owned(), false),
            ("*1\r\n*1\r\n".to_owned(), false),
        ] {
            assert_eq!(says_master(frame.as_bytes()), expected, "{frame}");
        }
    }

    #[test]
    fn a_connection_that_fails_the_checks_is_rejected() {
        let refused = b"-WRONGPASS invalid\r\n";
        for (replies, expected) in [
            (vec![NOAUTH, &refused[..]], Rejection::Refused(refused.to_vec())),
            (vec![NOAUTH, HELLO, OK, REPLICA], Rejection::NotMaster),
            (vec![NOAUTH, HELLO, OK, MASTER, OTHER], Rejection::OtherProcess),
            (vec![&b"-ERR max number of clients reached\r\n"[..]], Rejection::NotYet),
            (vec![NOAUTH, HELLO, OK, MASTER, INFO, NOPERM], Rejection::Refused(NOPERM.to_vec())),
            (vec![OK, HELLO, OK, MASTER, INFO, b"-ERR DB index is out of range\r\n"], {
                Rejection::Refused(b"-ERR DB index is out of range\r\n".to_vec())
            }),
        ] {
            assert_eq!(outcome(&replies), Err(expected));
        }
    }

    #[test]
    fn everything_leaves_in_one_write() {
        let mut greeting = greeting(&Check::default());
        let text = greeting.unwritten().escape_ascii().to_string();
        assert!(text.contains("HELLO") && text.contains("SELECT") && !text.contains("ROLE"), "{text}");
        greeting.advance_written(greeting.unwritten().len());
        assert!(greeting.unwritten().is_empty());
    }
}
