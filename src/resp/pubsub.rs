//! Publish and subscribe on the wire: the name spaces of channels, messages and confirmations.

use std::sync::Arc;

use super::number::{Line, read_line};
use super::reply::{self, Proto};

/// The name of a channel or pattern; all its subscribers share one copy.
pub(crate) type Name = Arc<[u8]>;

/// The three name spaces of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Space {
    Channel,
    Pattern,
    Shard,
}

pub(crate) const SPACES: [Space; 3] = [Space::Channel, Space::Pattern, Space::Shard];

impl Space {
    /// Returns the name of the command in this space, which its confirmation has as well.
    pub(crate) fn word(self, subscribes: bool) -> &'static str {
        match (self, subscribes) {
            (Space::Channel, true) => "subscribe",
            (Space::Channel, false) => "unsubscribe",
            (Space::Pattern, true) => "psubscribe",
            (Space::Pattern, false) => "punsubscribe",
            (Space::Shard, true) => "ssubscribe",
            (Space::Shard, false) => "sunsubscribe",
        }
    }
}

/// The meaning of a frame on a connection with subscriptions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// Confirms a subscription, or the end of one. `name` is `None` if there was nothing to unsubscribe from.
    Confirmed { space: Space, subscribed: bool, name: Option<&'a [u8]> },
    /// A message published to `channel`, for the subscribers of `name`: the channel itself, or a pattern.
    Message { space: Space, name: &'a [u8], channel: &'a [u8] },
    /// The answer to PING on a RESP2 connection.
    Pong,
    /// Anything else: nothing that the proxy has asked for.
    Other,
}

/// Writes one confirmation in the client's protocol version. `name` is `None` if there was nothing to unsubscribe from.
pub(crate) fn confirmation(out: &mut Vec<u8>, proto: Proto, word: &str, name: Option<&[u8]>, count: usize) {
    match proto {
        Proto::Resp2 => reply::array(out, 3),
        Proto::Resp3 => out.extend_from_slice(b">3\r\n"),
    }
    reply::bulk(out, word.as_bytes());
    match name {
        Some(name) => reply::bulk(out, name),
        None => reply::null(out, proto),
    }
    reply::integer(out, i64::try_from(count).unwrap_or(i64::MAX));
}

/// Reads the meaning of a frame, be it an array or a push.
pub(crate) fn event(frame: &[u8]) -> Event<'_> {
    read_event(frame).unwrap_or(Event::Other)
}

fn read_event(frame: &[u8]) -> Option<Event<'_>> {
    let (kind, rest) = header(frame).and_then(|at| bulk(frame, at))?;
    let kind = kind?;
    if kind == b"pong" {
        return Some(Event::Pong);
    }
    let (name, rest) = bulk(frame, rest)?;
    let message = |space| match space {
        Space::Pattern => Some(Event::Message { space, name: name?, channel: bulk(frame, rest)?.0? }),
        Space::Channel | Space::Shard => Some(Event::Message { space, name: name?, channel: name? }),
    };
    match kind {
        b"message" => return message(Space::Channel),
        b"pmessage" => return message(Space::Pattern),
        b"smessage" => return message(Space::Shard),
        _ => {}
    }
    let confirmed = SPACES.into_iter().find_map(|space| {
        let subscribed = [true, false].into_iter().find(|word| space.word(*word).as_bytes() == kind)?;
        Some((space, subscribed))
    });
    confirmed.map(|(space, subscribed)| Event::Confirmed { space, subscribed, name })
}

/// Returns the channel and the text of a message.
pub(crate) fn content(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (kind, mut at) = header(message).and_then(|at| bulk(message, at))?;
    if kind? == b"pmessage" {
        at = bulk(message, at)?.1;
    }
    let (channel, at) = bulk(message, at)?;
    Some((channel?, bulk(message, at)?.0?))
}

fn header(frame: &[u8]) -> Option<usize> {
    matches!(frame.first(), Some(b'*' | b'>')).then_some(())?;
    read_line(frame, 1).ok().flatten().map(|Line { next, .. }| next)
}

/// Returns the bulk string at `at` (`None` for a null) and the index of the next element.
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
            (
                b"*3\r\n$7\r\nmessage\r\n$9\r\nsubscribe\r\n$1\r\nm\r\n",
                Event::Message { space: Space::Channel, name: b"subscribe", channel: b"subscribe" },
            ),
            (
                b">4\r\n$8\r\npmessage\r\n$2\r\np*\r\n$2\r\npx\r\n$1\r\nm\r\n",
                Event::Message { space: Space::Pattern, name: b"p*", channel: b"px" },
            ),
            (b"*2\r\n$4\r\npong\r\n$0\r\n\r\n", Event::Pong),
            (b">2\r\n$10\r\ninvalidate\r\n_\r\n", Event::Other),
            (b"+OK\r\n", Event::Other),
        ] {
            assert_eq!(event(frame), expected, "{}", frame.escape_ascii());
        }
    }

    #[test]
    fn confirmations_have_the_form_of_the_version() {
        for (proto, name, expected) in [
            (Proto::Resp2, Some(&b"a"[..]), "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"),
            (Proto::Resp2, None, "*3\r\n$9\r\nsubscribe\r\n$-1\r\n:1\r\n"),
            (Proto::Resp3, None, ">3\r\n$9\r\nsubscribe\r\n_\r\n:1\r\n"),
        ] {
            let mut out = Vec::new();
            confirmation(&mut out, proto, "subscribe", name, 1);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
