//! What a client is subscribed to, kept so that it can be taken up again on another connection.

use std::collections::BTreeSet;

use crate::command::Subscribe;
use crate::resp::number::{Line, read_line};
use crate::resp::reply;

/// The three name spaces of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Space {
    Channel,
    Pattern,
    Shard,
}

/// The confirmed subscriptions of one client.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    names: BTreeSet<(Space, Box<[u8]>)>,
    bytes: usize,
    /// Confirmations of our own that are still to come after subscribing again: the client has had them.
    pub(crate) repeated: usize,
}

/// What a frame on a subscribed connection is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// `subscribe` or `unsubscribe` for one name; `None`: there was nothing to unsubscribe from.
    Confirmed { space: Space, subscribed: bool, name: Option<&'a [u8]> },
    /// A published message, or any other push.
    Message,
}

impl Subscriptions {
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Bytes that the names take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Names in each space: channels, patterns, shard channels.
    pub(crate) fn counts(&self) -> [usize; 3] {
        [Space::Channel, Space::Pattern, Space::Shard]
            .map(|space| self.names.iter().filter(|(held, _)| *held == space).count())
    }

    pub(crate) fn confirm(&mut self, space: Space, subscribed: bool, name: &[u8]) {
        let entry = (space, Box::from(name));
        if subscribed {
            self.bytes += if self.names.insert(entry) { name.len() } else { 0 };
        } else {
            self.bytes -= if self.names.remove(&entry) { name.len() } else { 0 };
        }
    }

    /// Confirmations that a request of this kind with `names` names will get.
    pub(crate) fn expected(&self, kind: Subscribe, names: usize) -> u32 {
        let (space, _) = meaning(kind);
        let held = self.names.iter().filter(|(held, _)| *held == space).count();
        let expected = if names == 0 { held.max(1) } else { names };
        u32::try_from(expected).unwrap_or(u32::MAX)
    }

    /// The commands that take everything up again; sets how many confirmations are ours.
    pub(crate) fn again(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        for (space, command) in [
            (Space::Channel, &b"SUBSCRIBE"[..]),
            (Space::Pattern, b"PSUBSCRIBE"),
            (Space::Shard, b"SSUBSCRIBE"),
        ] {
            let names = self.names.iter().filter(|(held, _)| *held == space).map(|(_, name)| &name[..]);
            let words: Vec<&[u8]> = std::iter::once(command).chain(names).collect();
            if words.len() > 1 {
                reply::command(&mut out, &words);
            }
        }
        self.repeated = self.names.len();
        out
    }
}

/// Name space of a command, and whether it subscribes.
pub(crate) fn meaning(kind: Subscribe) -> (Space, bool) {
    match kind {
        Subscribe::Subscribe => (Space::Channel, true),
        Subscribe::Unsubscribe => (Space::Channel, false),
        Subscribe::Psubscribe => (Space::Pattern, true),
        Subscribe::Punsubscribe => (Space::Pattern, false),
        Subscribe::Ssubscribe => (Space::Shard, true),
        Subscribe::Sunsubscribe => (Space::Shard, false),
    }
}

/// Reads the kind of a frame, array or push alike.
pub(crate) fn event(frame: &[u8]) -> Event<'_> {
    let Some((kind, rest)) = header(frame).and_then(|at| bulk(frame, at)) else { return Event::Message };
    let (space, subscribed) = match kind.unwrap_or_default() {
        b"subscribe" => (Space::Channel, true),
        b"unsubscribe" => (Space::Channel, false),
        b"psubscribe" => (Space::Pattern, true),
        b"punsubscribe" => (Space::Pattern, false),
        b"ssubscribe" => (Space::Shard, true),
        b"sunsubscribe" => (Space::Shard, false),
        _ => return Event::Message,
    };
    let name = bulk(frame, rest).and_then(|(name, _)| name);
    Event::Confirmed { space, subscribed, name }
}

fn header(frame: &[u8]) -> Option<usize> {
    matches!(frame.first(), Some(b'*' | b'>')).then_some(())?;
    read_line(frame, 1).ok().flatten().map(|Line { next, .. }| next)
}

/// The bulk string at `at` (`None` for a null) and where the next element starts.
fn bulk(frame: &[u8], at: usize) -> Option<(Option<&[u8]>, usize)> {
    match frame.get(at)? {
        b'$' => {}
        b'_' => return Some((None, at + 3)),
        _ => return None,
    }
    let Line { number, next } = read_line(frame, at + 1).ok().flatten()?;
    match usize::try_from(number) {
        Ok(len) => Some((Some(frame.get(next..next + len)?), next + len + 2)),
        Err(_) => Some((None, next)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirmations_are_told_from_messages() {
        for (frame, expected) in [
            (
                &b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"[..],
                Event::Confirmed { space: Space::Channel, subscribed: true, name: Some(b"a") },
            ),
            (
                b">3\r\n$12\r\npunsubscribe\r\n_\r\n:0\r\n",
                Event::Confirmed { space: Space::Pattern, subscribed: false, name: None },
            ),
            (
                b"*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n",
                Event::Confirmed { space: Space::Channel, subscribed: false, name: None },
            ),
            (b"*3\r\n$7\r\nmessage\r\n$9\r\nsubscribe\r\n$1\r\nm\r\n", Event::Message),
            (b"+OK\r\n", Event::Message),
        ] {
            assert_eq!(event(frame), expected, "{}", frame.escape_ascii());
        }
    }

    #[test]
    fn what_was_confirmed_is_taken_up_again() {
        let mut held = Subscriptions::default();
        held.confirm(Space::Channel, true, b"a");
        held.confirm(Space::Channel, true, b"a");
        held.confirm(Space::Pattern, true, b"p*");
        held.confirm(Space::Shard, true, b"s");
        held.confirm(Space::Shard, false, b"s");
        assert_eq!(
            held.again(),
            b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n*2\r\n$10\r\nPSUBSCRIBE\r\n$2\r\np*\r\n"
        );
        assert_eq!((held.repeated, held.bytes(), held.counts()), (2, 3, [1, 1, 0]));
        assert_eq!(held.expected(Subscribe::Unsubscribe, 0), 1);
        assert_eq!(held.expected(Subscribe::Sunsubscribe, 0), 1);
        assert_eq!(held.expected(Subscribe::Subscribe, 3), 3);
    }
}
