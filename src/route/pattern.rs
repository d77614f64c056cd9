//! The slot that all keys matching a pattern are in, if the pattern determines it.

use crate::command::Slot;

/// Returns the slot of a pattern that has no wildcard, or has a complete hash tag before its first one.
pub(super) fn slot(pattern: &[u8]) -> Option<Slot> {
    let Some(wildcard) = pattern.iter().position(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\')) else {
        return Some(Slot::of_key(pattern));
    };
    let plain = pattern.get(..wildcard)?;
    let open = plain.iter().position(|&byte| byte == b'{')?;
    let close = plain.iter().skip(open).position(|&byte| byte == b'}')?;
    // With an empty tag the whole key is hashed, which the pattern does not tell.
    (close > 1).then(|| Slot::of_key(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tag_before_every_wildcard_names_a_slot() {
        let cases: [(&[u8], Option<&[u8]>); 11] = [
            (b"*", None),
            (b"user:*", None),
            (b"{user1}*", Some(b"user1")),
            (b"a{user1}:[ab]*", Some(b"user1")),
            (b"*{user1}", None),
            (b"{us?r}*", None),
            (b"{user*", None),
            (b"{}{user1}*", None),
            (b"plain", Some(b"plain")),
            (b"", Some(b"")),
            (b"pla\\in", None),
        ];
        for (pattern, key) in cases {
            assert_eq!(slot(pattern), key.map(Slot::of_key), "{}", pattern.escape_ascii());
        }
    }
}
