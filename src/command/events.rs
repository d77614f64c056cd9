//! Which channels tell of keys: each node publishes such events of its own keys alone.

pub(crate) const KEY_EVENTS: [&[u8]; 2] = [b"__keyspace@", b"__keyevent@"];

/// A channel of events about keys.
pub(crate) fn is_of_keys(channel: &[u8]) -> bool {
    KEY_EVENTS.iter().any(|beginning| channel.starts_with(beginning))
}
