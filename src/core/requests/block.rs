//! The block of commands that a node gets for a transaction in which the proxy has parts, and what is left to do once
//! the node has run it.

use std::collections::VecDeque;

use crate::client::executing::{ExecPart, Executing};
use crate::client::inquiry::Inquiry;
use crate::client::session::Session;
use crate::client::session_change;
use crate::client::transaction::{Own, Transaction};
use crate::command::{self as table, ClientsCommand};
use crate::config::AuthMode;
use crate::core::permission::Right;
use crate::core::rewrite::each_request;
use crate::resp::reply;
use crate::resp::request::Request;

/// A transaction as a node gets it.
pub(super) struct Block {
    /// MULTI, the node's commands and EXEC.
    pub(super) bytes: Vec<u8>,
    /// The number of the node's commands.
    pub(super) commands: usize,
    /// The session of the connection changes within the block.
    pub(super) changes_connection: bool,
    parts: VecDeque<ExecPart>,
}

impl Block {
    /// Makes the block of a transaction in this session.
    pub(super) fn of(transaction: &Transaction, session: &Session, mode: AuthMode) -> Block {
        let mut block =
            Block { bytes: Vec::new(), commands: 0, changes_connection: false, parts: VecDeque::new() };
        let mut own = transaction.own.iter().peekable();
        let mut place = None;
        each_request(&transaction.bytes, |request| {
            // The first is MULTI.
            let Some(at) = place.replace(place.map_or(0, |at| at + 1)) else {
                return block.bytes.extend_from_slice(request.raw());
            };
            match own.next_if(|(of, _)| *of == at) {
                Some((_, own)) => block.add_own(own, request, session, mode),
                None => block.add(request.raw()),
            }
        });
        block.bytes.extend_from_slice(Transaction::EXEC);
        block
    }

    /// Returns the state in which the transaction is carried out.
    pub(super) fn executing(self, queued: u32) -> Executing {
        Executing::new(self.parts, queued, self.commands, self.changes_connection)
    }

    /// Adds a command that the node answers.
    fn add(&mut self, request: &[u8]) {
        self.send(request);
        match self.parts.back_mut() {
            Some(ExecPart::Pass(count)) => *count += 1,
            _ => self.parts.push_back(ExecPart::Pass(1)),
        }
    }

    fn send(&mut self, request: &[u8]) {
        self.bytes.extend_from_slice(request);
        self.commands += 1;
    }

    fn add_own(&mut self, own: &Own, request: &Request<'_>, session: &Session, mode: AuthMode) {
        let bytes = request.raw().to_vec();
        let part = match own {
            Own::Local(local) => ExecPart::Local { local: *local, request: bytes },
            Own::Subscribe(kind) => ExecPart::Subscribe { kind: *kind, request: bytes },
            Own::Error(error) => says(error),
            Own::Session(change) => self.change(*change, request, session, mode),
            Own::Clients(sub) => self.inquire(*sub, request),
            Own::EachShard(merge) => {
                self.send(&bytes);
                ExecPart::EachShard { merge: *merge, request: bytes }
            }
        };
        self.parts.push_back(part);
    }

    /// Adds a change of the session, unless its error is known.
    fn change(
        &mut self,
        change: table::Session,
        request: &Request<'_>,
        session: &Session,
        mode: AuthMode,
    ) -> ExecPart {
        if change.is_of_modes() {
            return ExecPart::Modes { session: change, request: request.raw().to_vec() };
        }
        match session_change::question_in_transaction(change, request, session, mode) {
            Ok(question) => {
                self.send(&question);
                self.changes_connection = true;
                ExecPart::Session { session: change, request: request.raw().to_vec() }
            }
            Err(error) => says(&error),
        }
    }

    /// Adds the question about the right to an inquiry.
    fn inquire(&mut self, sub: ClientsCommand, request: &Request<'_>) -> ExecPart {
        match Inquiry::of(sub, request) {
            Ok(inquiry) => {
                let mut question = Vec::new();
                Right::of(&inquiry).question(&mut question);
                self.send(&question);
                ExecPart::Inquire(Box::new(inquiry))
            }
            Err(error) => says(&error),
        }
    }
}

fn says(error: &str) -> ExecPart {
    let mut out = Vec::new();
    reply::error(&mut out, error);
    ExecPart::Say(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::admission::{Step, admit};
    use crate::client::{Client, ClientEnds};
    use crate::command::lookup;
    use crate::command::testing::requests;
    use crate::face::Face;
    use crate::ids::ClientId;

    /// The block of a transaction of these lines, and the order of its parts: `p` passes a reply, `s` is known, `l` is
    /// answered here, `c` changes the session, `i` inquires, `h` is the hub's.
    fn block(lines: &[&str], mode: AuthMode) -> (Vec<u8>, String) {
        let mut client = Client::new(ClientId { slot: 0, generation: 0 }, 9, ClientEnds::default(), 0);
        client.session.transaction = Some(Box::new(Transaction::begin()));
        each_request(&requests(lines), |request| {
            let step = admit(&client, &Face::plain(), request, lookup(request.name()), false);
            let Step::Queue(own) = step else { panic!("{step:?}") };
            client.session.transaction.as_mut().unwrap().queue(request.raw(), own);
        });
        let transaction = client.session.transaction.take().unwrap();
        let block = Block::of(&transaction, &client.session, mode);
        let order = block.parts.iter().map(|part| match part {
            ExecPart::Pass(count) => "p".repeat(*count),
            ExecPart::Say(_) => "s".into(),
            ExecPart::Local { .. } => "l".into(),
            ExecPart::Session { .. } => "c".into(),
            ExecPart::Modes { .. } => "m".into(),
            ExecPart::Inquire(_) => "i".into(),
            ExecPart::EachShard { .. } => "e".into(),
            ExecPart::Subscribe { .. } => "h".into(),
        });
        let order = order.collect();
        (block.bytes, order)
    }

    #[test]
    fn a_node_gets_what_it_can_run_and_what_it_must_judge() {
        const NOBODY: &str = "9223372036854775807";
        let (list, kill) = (format!("CLIENT LIST ID {NOBODY}"), format!("CLIENT KILL ID {NOBODY}"));
        for (lines, mode, sent, order) in [
            (vec![], AuthMode::None, vec![], ""),
            (
                vec!["GET a", "PING", "ECHO x", "UNWATCH"],
                AuthMode::None,
                vec!["GET a", "PING", "ECHO x", "UNWATCH"],
                "pppp",
            ),
            (
                vec!["CLIENT ID", "GET a", "MONITOR", "COMMAND COUNT", "GET b"],
                AuthMode::None,
                vec!["GET a", "GET b"],
                "lpslp",
            ),
            (vec!["PING", "SUBSCRIBE a", "PING"], AuthMode::None, vec!["PING"], "phl"),
            (vec!["SELECT 1", "GET a", "SELECT x"], AuthMode::None, vec!["SELECT 1", "GET a"], "cps"),
            (vec!["AUTH p", "HELLO 3 AUTH u p"], AuthMode::Backend, vec![], "ss"),
            (
                vec!["AUTH p", "HELLO 3 AUTH u p"],
                AuthMode::Passthrough,
                vec!["AUTH p", "HELLO 3 AUTH u p"],
                "cc",
            ),
            (
                vec!["HELLO", "HELLO 2", "HELLO 3 setname me"],
                AuthMode::None,
                vec!["HELLO", "HELLO 2", "HELLO 3"],
                "ccc",
            ),
            (vec!["HELLO 3 SETNAME me AUTH u p"], AuthMode::Passthrough, vec!["HELLO 3 AUTH u p"], "c"),
            (
                vec!["CLIENT LIST", "CLIENT KILL 1:1", "CLIENT KILL ID x"],
                AuthMode::None,
                vec![list.as_str(), &kill],
                "iis",
            ),
            (
                vec!["CLIENT PAUSE 100", "CLIENT UNPAUSE"],
                AuthMode::None,
                vec!["CLIENT PAUSE -1", "CLIENT PAUSE -1"],
                "ii",
            ),
            (vec!["MONITOR", "SSUBSCRIBE a", "SUNSUBSCRIBE"], AuthMode::None, vec![], "ssh"),
            (vec!["CLIENT TRACKING ON", "CLIENT NO-TOUCH ON", "GET a"], AuthMode::None, vec!["GET a"], "mmp"),
        ] {
            let whole: Vec<&str> = ["MULTI"].into_iter().chain(sent).chain(["EXEC"]).collect();
            let (bytes, found) = block(&lines, mode);
            assert_eq!(
                (bytes.escape_ascii().to_string(), found.as_str()),
                (requests(&whole).escape_ascii().to_string(), order),
                "{lines:?}"
            );
        }
    }
}
