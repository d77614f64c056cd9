//! One client as CLIENT LIST and CLIENT INFO tell of it: the fields of Redis and Valkey, as far as a proxy can know them.

use std::fmt::Write;

use crate::client::session::Watch;
use crate::client::tracking::Mode;
use crate::client::{Client, Life};
use crate::resp::reply::Proto;

/// The facts about one client at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientFacts {
    pub(crate) id: u64,
    /// Both ends of its connection: `ip:port`, or the path of a unix socket and `:0`.
    pub(crate) addr: String,
    pub(crate) laddr: String,
    pub(crate) name: String,
    /// Seconds since it connected, and since its last command.
    pub(crate) age: u64,
    pub(crate) idle: u64,
    /// Letters as Redis has them: `P` subscribed, `x` in MULTI, `b` blocked, `N` nothing of all that.
    pub(crate) flags: String,
    /// The letters of CLIENT CAPA: `r` for redirect.
    pub(crate) capa: String,
    pub(crate) db: u32,
    /// Channels, patterns and shard channels that it is subscribed to.
    pub(crate) subscriptions: [usize; 3],
    /// Commands queued since MULTI; `None` without one.
    pub(crate) queued: Option<u32>,
    pub(crate) watched: u32,
    /// Bytes that were read from it and not taken yet, and the room behind them.
    pub(crate) input: usize,
    pub(crate) input_free: usize,
    /// Bytes of the commands queued since MULTI.
    pub(crate) queued_bytes: usize,
    /// Bytes of replies that it has not taken yet.
    pub(crate) output: usize,
    /// The name of its last command: `get`, `client|list`.
    pub(crate) command: &'static str,
    pub(crate) user: String,
    /// Whom CLIENT TRACKING redirects to; 0 for itself. `None`: it does not track.
    pub(crate) redirect: Option<u64>,
    pub(crate) resp: u8,
    pub(crate) library: String,
    pub(crate) library_version: String,
}

/// The classes of CLIENT LIST TYPE. The proxy has neither masters nor replicas among its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientType {
    Normal,
    Master,
    Replica,
    PubSub,
}

impl ClientType {
    pub(crate) fn of(name: &[u8]) -> Option<ClientType> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Some(ClientType::Normal),
            b"master" | b"primary" => Some(ClientType::Master),
            b"replica" | b"slave" => Some(ClientType::Replica),
            b"pubsub" => Some(ClientType::PubSub),
            _ => None,
        }
    }
}

impl ClientFacts {
    /// Returns the facts about a client at this time, in microseconds on the worker's clock.
    pub(crate) fn of(client: &Client, now: u64, is_blocked: bool, monitors: bool) -> ClientFacts {
        let session = &client.session;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let seconds = |since: u64| now.saturating_sub(since) / 1_000_000;
        let user = session.identity.as_ref().and_then(|known| known.username.clone());
        ClientFacts {
            id: client.public_id,
            addr: client.ends.addr.clone(),
            laddr: client.ends.laddr.clone(),
            name: text(&session.name),
            age: seconds(client.opened),
            idle: seconds(client.last_active),
            flags: flags(ClientFlags::of(client, is_blocked, monitors)),
            capa: if session.follows_redirects { "r".into() } else { String::new() },
            db: session.db,
            subscriptions: client.subscriptions.as_ref().map_or([0; 3], |held| held.counts()),
            queued: queued(client),
            watched: if session.watch == Watch::None { 0 } else { session.watched_keys },
            input: client.input.len().saturating_sub(client.consumed),
            input_free: client.input.capacity() - client.input.len(),
            queued_bytes: session.transaction.as_ref().map_or(0, |transaction| transaction.bytes.len()),
            output: client.replies.unwritten().len(),
            command: client.command.map_or("NULL", |command| command.name),
            user: user.unwrap_or_else(|| "default".into()),
            redirect: session.tracking.as_ref().map(|tracking| tracking.redirect.unwrap_or(0)),
            resp: if session.proto == Proto::Resp3 { 3 } else { 2 },
            library: text(&session.library),
            library_version: text(&session.library_version),
        }
    }

    pub(crate) fn client_type(&self) -> ClientType {
        match self.flags.contains('P') {
            true => ClientType::PubSub,
            false => ClientType::Normal,
        }
    }

    /// Appends the line of CLIENT LIST, with its newline. The fields that not all servers have come last.
    ///
    /// What only a server has is 0: descriptors, memory of arguments, sizes of reply blocks.
    pub(crate) fn line(&self, out: &mut String) {
        let [sub, psub, ssub] = self.subscriptions;
        let multi = self.queued.map_or(-1, i64::from);
        let redir = self.redirect.map_or(-1, |id| i64::try_from(id).unwrap_or(i64::MAX));
        let memory = self.input + self.input_free + self.queued_bytes + self.output;
        let events = if self.output > 0 { "rw" } else { "r" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "id={} addr={} laddr={} fd=0 name={} age={} idle={} flags={} db={} sub={sub} psub={psub} \
             ssub={ssub} multi={multi} qbuf={} qbuf-free={} argv-mem=0 multi-mem={} rbs=0 rbp=0 obl={} \
             oll=0 omem={} tot-mem={memory} events={events} cmd={} user={} redir={redir} resp={} lib-name={} \
             lib-ver={} watch={} capa={}",
            self.id,
            self.addr,
            self.laddr,
            self.name,
            self.age,
            self.idle,
            self.flags,
            self.db,
            self.input,
            self.input_free,
            self.queued_bytes,
            self.output,
            self.output,
            self.command,
            self.user,
            self.resp,
            self.library,
            self.library_version,
            self.watched,
            self.capa,
        );
    }
}

/// The states of a client that have a letter in `flags`, in Redis' order.
#[derive(Clone, Copy, Debug, Default)]
struct ClientFlags {
    monitors: bool,
    subscribed: bool,
    in_multi: bool,
    blocked: bool,
    /// EXEC will fail, as far as that is known here.
    dirty: bool,
    closes_after_reply: bool,
    unix_socket: bool,
    no_evict: bool,
    no_touch: bool,
    tracks: bool,
    redirect_is_broken: bool,
    tracks_all: bool,
}

impl ClientFlags {
    fn of(client: &Client, blocked: bool, monitors: bool) -> ClientFlags {
        let tracking = client.session.tracking.as_deref();
        ClientFlags {
            monitors,
            subscribed: client.is_subscriber(),
            in_multi: queued(client).is_some(),
            blocked,
            dirty: client.session.watch == Watch::Lost,
            closes_after_reply: client.life != Life::Open,
            unix_socket: client.ends.is_unix,
            no_evict: client.session.no_evict,
            no_touch: client.session.no_touch,
            tracks: tracking.is_some(),
            redirect_is_broken: tracking.is_some_and(|tracking| tracking.is_broken),
            tracks_all: tracking.is_some_and(|tracking| matches!(tracking.mode, Mode::Broadcast(_))),
        }
    }
}

/// Returns the number of commands since MULTI, which are queued or carried out. `None`: there was no MULTI.
fn queued(client: &Client) -> Option<u32> {
    let queued = client.session.transaction.as_ref().map(|transaction| transaction.queued);
    queued.or(client.executing.as_ref().map(|executing| executing.queued))
}

/// Returns the letters of a client's states; `N` if there are none.
fn flags(flags: ClientFlags) -> String {
    let letters: String = [
        (flags.monitors, 'O'),
        (flags.subscribed, 'P'),
        (flags.in_multi, 'x'),
        (flags.blocked, 'b'),
        (flags.tracks, 't'),
        (flags.redirect_is_broken, 'R'),
        (flags.tracks_all, 'B'),
        (flags.dirty, 'd'),
        (flags.closes_after_reply, 'c'),
        (flags.unix_socket, 'U'),
        (flags.no_evict, 'e'),
        (flags.no_touch, 'T'),
    ]
    .into_iter()
    .filter_map(|(is_set, letter)| is_set.then_some(letter))
    .collect();
    if letters.is_empty() { "N".into() } else { letters }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_fields_of_redis_in_their_order_and_then_those_of_others() {
        let facts = ClientFacts {
            id: 7,
            addr: "127.0.0.1:5".into(),
            laddr: "127.0.0.1:6".into(),
            flags: flags(ClientFlags::default()),
            command: "client|list",
            user: "default".into(),
            resp: 2,
            ..ClientFacts::default()
        };
        let mut line = String::new();
        facts.line(&mut line);
        assert!(line.ends_with(" resp=2 lib-name= lib-ver= watch=0 capa=\n"), "{line}");
        let names: Vec<&str> =
            line.trim_end().split(' ').filter_map(|field| Some(field.split_once('=')?.0)).collect();
        let expected = "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem \
                        multi-mem rbs rbp obl oll omem tot-mem events cmd user redir resp lib-name lib-ver watch capa";
        assert_eq!(names.join(" "), expected);
        assert!(
            line.contains(" multi=-1 ") && line.contains(" redir=-1 ") && line.contains(" flags=N "),
            "{line}"
        );
    }

    #[test]
    fn letters_stand_in_the_order_of_redis() {
        let all = ClientFlags {
            subscribed: true,
            in_multi: true,
            blocked: true,
            unix_socket: true,
            ..Default::default()
        };
        assert_eq!(flags(all), "PxbU");
        assert_eq!(flags(ClientFlags { dirty: true, no_evict: true, ..Default::default() }), "de");
    }
}
