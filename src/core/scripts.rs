//! Scripts, remembered so that EVALSHA works on nodes that have never seen them: a new master, or a slot's new owner.
//!
//! Each node keeps its scripts in memory only. A client that was told by one node that its script is known may rely
//! on that with the proxy, whichever node its keys are on by then.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha1::{Digest, Sha1};

use crate::command::{Command, CommandId, lookup};
use crate::config::Credentials;
use crate::ids::ClientId;
use crate::resp::reply;
use crate::resp::request::Request;
use crate::resp::scan::{RequestScan, Scanned};

use super::base::Base;

/// The limit of bytes of scripts. At the limit all are forgotten.
const LIMIT: usize = 16 << 20;
/// The number of scripts that a worker knows to be remembered without a look-up.
const SEEN: usize = 1024;

/// The limit of pairs of a script and a user who has sent it. At the limit all are forgotten.
const USERS: usize = 4096;

type Sha = [u8; 40];

/// The user as whom a client acts on the backend.
type User = Option<Arc<Credentials>>;

/// The scripts that all workers of one proxy remember. Touched only for scripts that are new to a worker or a node.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    known: Mutex<KnownScripts>,
    /// The number of times that all scripts were forgotten. What a worker has seen before the last time is void.
    forgotten: AtomicU64,
}

#[derive(Debug, Default)]
struct KnownScripts {
    bodies: HashMap<Sha, Arc<[u8]>>,
    /// The users that have sent each script. A user who may not run EVAL has sent none.
    brought: HashSet<(Sha, User)>,
    bytes: usize,
}

impl Scripts {
    fn known(&self) -> MutexGuard<'_, KnownScripts> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, body: &[u8], user: &User) {
        let mut known = self.known();
        if known.bytes + body.len() > LIMIT || known.brought.len() >= USERS {
            *known = KnownScripts::default();
            self.forgotten.fetch_add(1, Ordering::Relaxed);
        }
        let sha = sha_of(body);
        if known.bodies.insert(sha, body.into()).is_none() {
            known.bytes += body.len();
        }
        known.brought.insert((sha, user.clone()));
    }

    fn forget(&self) {
        *self.known() = KnownScripts::default();
        self.forgotten.fetch_add(1, Ordering::Relaxed);
    }

    fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    pub(super) fn body(&self, sha: &[u8]) -> Option<Arc<[u8]>> {
        self.known().bodies.get(&named(sha)?).map(Arc::clone)
    }

    /// Returns the script, if this user has sent it before.
    fn body_of(&self, sha: &[u8], user: &User) -> Option<Arc<[u8]>> {
        let (known, sha) = (self.known(), named(sha)?);
        known.brought.contains(&(sha, user.clone())).then(|| known.bodies.get(&sha).map(Arc::clone))?
    }
}

fn named(sha: &[u8]) -> Option<Sha> {
    sha.to_ascii_lowercase().try_into().ok()
}

fn sha_of(body: &[u8]) -> Sha {
    let mut text = [0; 40];
    let digits = b"0123456789abcdef";
    for (pair, byte) in text.chunks_exact_mut(2).zip(Sha1::digest(body)) {
        pair.copy_from_slice(&[digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
    }
    text
}

/// The scripts that one worker has seen.
pub(super) struct SeenScripts {
    eval: [CommandId; 2],
    script: CommandId,
    seen: HashSet<u64>,
    /// The value of [`Scripts::forgotten`] at which `seen` was valid.
    forgotten: u64,
    hasher: RandomState,
}

impl Default for SeenScripts {
    fn default() -> Self {
        let id = |name: &[u8]| lookup(name).map_or(CommandId::OTHER, |command| command.id);
        SeenScripts {
            eval: [id(b"eval"), id(b"eval_ro")],
            script: id(b"script"),
            seen: HashSet::new(),
            forgotten: 0,
            hasher: RandomState::new(),
        }
    }
}

impl SeenScripts {
    /// Remembers the script that a request contains, and forgets all scripts at SCRIPT FLUSH.
    #[inline(always)]
    pub(super) fn note_script(
        &mut self,
        base: &Base,
        client: ClientId,
        request: &Request<'_>,
        command: Option<&'static Command>,
    ) {
        let Some(id) = command.map(|command| command.id) else { return };
        if self.eval.contains(&id) {
            self.see_script(base, client, request.arg(1));
        } else if id == self.script {
            self.note_script_command(base, client, request);
        }
    }

    fn note_script_command(&mut self, base: &Base, client: ClientId, request: &Request<'_>) {
        let word = request.arg(1).unwrap_or_default();
        if word.eq_ignore_ascii_case(b"load") {
            self.see_script(base, client, request.arg(2));
        } else if word.eq_ignore_ascii_case(b"flush") {
            base.settings.scripts.forget();
        }
    }

    fn see_script(&mut self, base: &Base, client: ClientId, body: Option<&[u8]>) {
        let Some(body) = body else { return };
        let user = user(base, client);
        let scripts = self;
        let forgotten = base.settings.scripts.forgotten();
        if scripts.seen.len() >= SEEN || scripts.forgotten != forgotten {
            scripts.seen.clear();
            scripts.forgotten = forgotten;
        }
        if scripts.seen.insert(scripts.hasher.hash_one((body, &user))) {
            base.settings.scripts.remember(body, &user);
        }
    }
}

/// Returns an EVALSHA as EVAL. `None`: the command is another one, or the script is not known.
pub(super) fn with_body(bytes: &[u8], body: impl FnOnce(&[u8]) -> Option<Arc<[u8]>>) -> Option<Vec<u8>> {
    let mut scan = RequestScan::default();
    let Ok(Scanned::Complete(len)) = scan.scan(bytes, usize::MAX) else { return None };
    let request = scan.request(bytes, len);
    let name: &[u8] = match request.name().to_ascii_lowercase().as_slice() {
        b"evalsha" => b"EVAL",
        b"evalsha_ro" => b"EVAL_RO",
        _ => return None,
    };
    let body = body(request.arg(1)?)?;
    let mut out = Vec::new();
    let words: Vec<&[u8]> = [name, &body].into_iter().chain(request.args().skip(2)).collect();
    reply::command(&mut out, &words);
    Some(out)
}

pub(crate) fn user(base: &Base, id: ClientId) -> User {
    base.clients.get(id).and_then(|client| client.session.identity.clone())
}

/// Returns an EVALSHA with its script, to be queued in a transaction. If the node answered `-NOSCRIPT` the commands
/// before it would have run, so that must not happen. One EVAL in a block is enough for the node to know the script.
pub(crate) fn script_for_block(base: &mut Base, id: ClientId, request: &Request<'_>) -> Option<Vec<u8>> {
    let user = user(base, id);
    let scripts = &base.settings.scripts;
    let whole = with_body(request.raw(), |sha| scripts.body_of(sha, &user))?;
    let sha = named(request.arg(1)?)?;
    let transaction = base.client(id)?.session.transaction.as_mut()?;
    transaction.brings(sha).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_script_takes_the_place_of_its_name() {
        let scripts = Scripts::default();
        scripts.remember(b"return 1", &None);
        let sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
        assert_eq!(sha_of(b"return 1"), sha.as_bytes());
        for (line, expected) in [
            (format!("EVALSHA {sha} 1 k a\r\n"), Some("EVAL")),
            (format!("evalsha_ro {} 0\r\n", sha.to_uppercase()), Some("EVAL_RO")),
            (format!("EVAL {sha} 0\r\n"), None),
            (format!("EVALSHA {} 0\r\n", "0".repeat(40)), None),
            ("EVALSHA x 0\r\n".to_owned(), None),
        ] {
            let whole = with_body(line.as_bytes(), |sha| scripts.body(sha))
                .map(|whole| String::from_utf8(whole).unwrap());
            assert_eq!(whole.is_some(), expected.is_some(), "{line}");
            let named = whole.zip(expected).is_none_or(|(whole, name)| {
                whole.contains(&format!("\r\n{name}\r\n")) && whole.contains("return 1")
            });
            assert!(named, "{line}");
        }
        let other = Some(Arc::new(Credentials { username: Some("a".to_owned()), password: String::new() }));
        assert!(scripts.body_of(sha.as_bytes(), &None).is_some());
        assert!(scripts.body_of(sha.as_bytes(), &other).is_none(), "who may not run EVAL keeps to EVALSHA");
        scripts.forget();
        assert_eq!(scripts.body(sha.as_bytes()), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let scripts = Scripts::default();
        for index in 0..40 {
            scripts.remember(&vec![index; 1 << 20], &None);
            assert!(scripts.known().bytes <= LIMIT);
        }
        assert!(scripts.known().bytes > 0);
    }
}
