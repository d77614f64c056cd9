//! Invalidations of CLIENT TRACKING on the wire: the keys, or all of them, that a client is to drop from its cache.

use std::sync::Arc;

use super::number::{Line, read_line};
use super::reply;

/// The channel on which clients of RESP2 get invalidations.
const CHANNEL: &[u8] = b"__redis__:invalidate";
const PUSH: &[u8] = b">2\r\n$10\r\ninvalidate\r\n";

/// What a client is to drop from its cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Invalidation {
    All,
    /// The array of keys as it is sent, which is the same in both RESP versions.
    Keys(Arc<[u8]>),
}

/// The way in which a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// By a push of RESP3.
    Push,
    /// By a message of RESP2, to a subscriber.
    Message,
}

impl Invalidation {
    pub(crate) fn of_key(key: &[u8]) -> Invalidation {
        let mut array = Vec::with_capacity(key.len() + 32);
        reply::array(&mut array, 1);
        reply::bulk(&mut array, key);
        Invalidation::Keys(array.into())
    }

    /// Reads a push of a node. `None`: it is no invalidation.
    pub(crate) fn of_push(frame: &[u8]) -> Option<Invalidation> {
        let rest = frame.strip_prefix(PUSH)?;
        match rest.first()? {
            b'*' => Some(Invalidation::Keys(rest.into())),
            _ => Some(Invalidation::All),
        }
    }

    /// Returns the keys. `None`: all.
    pub(crate) fn keys(&self) -> Option<Vec<&[u8]>> {
        let Invalidation::Keys(array) = self else { return None };
        let mut at = read_line(array, 1).ok().flatten()?.next;
        let mut keys = Vec::new();
        while let Some(Line { number, next }) = read_line(array, at + 1).ok().flatten() {
            let end = next + usize::try_from(number).ok()?;
            keys.push(array.get(next..end)?);
            at = end + 2;
            if at >= array.len() {
                break;
            }
        }
        Some(keys)
    }

    /// Returns the frame for a client.
    pub(crate) fn frame(&self, told: Told) -> Vec<u8> {
        let mut out = Vec::new();
        match told {
            Told::Push => out.extend_from_slice(PUSH),
            Told::Message => {
                reply::array(&mut out, 3);
                reply::bulk(&mut out, b"message");
                reply::bulk(&mut out, CHANNEL);
            }
        }
        match (self, told) {
            (Invalidation::Keys(array), _) => out.extend_from_slice(array),
            (Invalidation::All, Told::Push) => out.extend_from_slice(b"_\r\n"),
            (Invalidation::All, Told::Message) => out.extend_from_slice(b"$-1\r\n"),
        }
        out
    }
}

/// Returns the push by which a client learns that the client that it had told to for it has gone.
pub(crate) fn broken_redirect(target: u64) -> Vec<u8> {
    let mut out = b">2\r\n".to_vec();
    reply::bulk(&mut out, b"tracking-redir-broken");
    reply::integer(&mut out, i64::try_from(target).unwrap_or(i64::MAX));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_of_nodes_are_read_and_written_in_both_forms() {
        let two = b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$0\r\n\r\n";
        let read = Invalidation::of_push(two).unwrap();
        assert_eq!(read.keys(), Some(vec![&b"a"[..], b""]));
        assert_eq!(read.frame(Told::Push), two);
        let message = b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";
        assert_eq!(read.frame(Told::Message), [message, &two[21..]].concat());
        let all = Invalidation::of_push(b">2\r\n$10\r\ninvalidate\r\n_\r\n").unwrap();
        assert_eq!((&all, all.keys()), (&Invalidation::All, None));
        assert_eq!(all.frame(Told::Message), [&message[..], b"$-1\r\n"].concat());
        assert_eq!(Invalidation::of_key(b"k").keys(), Some(vec![&b"k"[..]]));
        assert_eq!(Invalidation::of_push(b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"), None);
    }
}
