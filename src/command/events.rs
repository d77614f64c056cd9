//! The channels of keyspace notifications: each node publishes there the events of its own keys alone.

pub(crate) const KEY_EVENT_PREFIXES: [&[u8]; 2] = [b"__keyspace@", b"__keyevent@"];

/// Returns true if the channel is one of keyspace notifications.
pub(crate) fn is_key_event(channel: &[u8]) -> bool {
    KEY_EVENT_PREFIXES.iter().any(|prefix| channel.starts_with(prefix))
}
