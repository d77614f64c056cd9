//! A look at one key: the values that all nodes hold at one moment, and their comparison.

use crate::topology::Endpoint;

/// The digest of a value. Digests made by the same method are equal if and only if the values are.
pub(super) type Digest = [u8; 20];

/// The types of keys that every server has, as TYPE names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyType {
    String,
    List,
    Set,
    Hash,
    SortedSet,
    Stream,
}

impl KeyType {
    pub(super) fn name(self) -> &'static str {
        match self {
            KeyType::String => "string",
            KeyType::List => "list",
            KeyType::Set => "set",
            KeyType::Hash => "hash",
            KeyType::SortedSet => "zset",
            KeyType::Stream => "stream",
        }
    }
}

/// The value of a key at one node. If one node has the key and another has not, that is a difference too, such as a key
/// that came back after its delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeldValue {
    Nothing,
    Value(KeyType, Digest),
}

/// One node's answer about one key.
pub(super) type KeyReport = Result<HeldValue, Skipped>;

/// A value that cannot be compared, because it is too large or the node did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Skipped;

/// The values of one key at two nodes or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look(Vec<(Endpoint, HeldValue)>);

impl Look {
    /// Makes a look of all answers. If one node has none, the key is skipped, as the other nodes alone might seem to agree.
    pub(super) fn of(reports: impl IntoIterator<Item = (Endpoint, KeyReport)>) -> Result<Look, Skipped> {
        let held = reports.into_iter().map(|(node, report)| Ok((node, report?)));
        let held: Vec<(Endpoint, HeldValue)> = held.collect::<Result<_, Skipped>>()?;
        if held.len() < 2 { Err(Skipped) } else { Ok(Look(held)) }
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = (&Endpoint, &HeldValue)> {
        self.0.iter().map(|(node, held)| (node, held))
    }

    pub(super) fn agrees(&self) -> bool {
        self.0.windows(2).all(|pair| matches!(pair, [(_, one), (_, other)] if one == other))
    }

    /// Returns the type at the first node that has the key.
    pub(super) fn key_type(&self) -> Option<KeyType> {
        self.0.iter().find_map(|(_, held)| match held {
            HeldValue::Value(key_type, _) => Some(*key_type),
            HeldValue::Nothing => None,
        })
    }

    /// Returns the nodes for the log, grouped by equal values: "a:1,b:1 | c:1 (none)".
    pub(super) fn groups(&self) -> String {
        let mut groups: Vec<(HeldValue, Vec<String>)> = Vec::new();
        for (node, held) in &self.0 {
            match groups.iter_mut().find(|(known, _)| known == held) {
                Some((_, nodes)) => nodes.push(node.to_string()),
                None => groups.push((*held, vec![node.to_string()])),
            }
        }
        let group = |(held, nodes): &(HeldValue, Vec<String>)| match held {
            HeldValue::Nothing => format!("{} (none)", nodes.join(",")),
            HeldValue::Value(..) => nodes.join(","),
        };
        groups.iter().map(group).collect::<Vec<_>>().join(" | ")
    }
}

/// Makes a look for tests: nodes `a`, `b`, … with a digest for each letter, or `-` for no such key.
#[cfg(test)]
pub(super) fn look(held: &str) -> Look {
    let one = |(index, letter): (u8, u8)| {
        let node = Endpoint::new(char::from(b'a' + index).encode_utf8(&mut [0; 4]), 1);
        let held =
            if letter == b'-' { HeldValue::Nothing } else { HeldValue::Value(KeyType::String, [letter; 20]) };
        (node, Ok(held))
    };
    // A space leaves a node out.
    let nodes = (0..).zip(held.bytes()).filter(|(_, letter)| *letter != b' ');
    Look::of(nodes.map(one)).expect("two nodes or more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_agree_when_all_hold_the_same_or_none_has_it() {
        let cases = [
            ("xx", true, "a:1,b:1"),
            ("xxx", true, "a:1,b:1,c:1"),
            ("--", true, "a:1,b:1 (none)"),
            ("xy", false, "a:1 | b:1"),
            ("x-", false, "a:1 | b:1 (none)"),
            ("xyx", false, "a:1,c:1 | b:1"),
            ("-xx", false, "a:1 (none) | b:1,c:1"),
        ];
        for (held, agrees, parties) in cases {
            let look = look(held);
            assert_eq!(look.agrees(), agrees, "{held}");
            assert_eq!(look.groups(), parties);
            assert_eq!(look.key_type().is_some(), held.contains(['x', 'y']), "{held}");
        }
    }

    #[test]
    fn the_same_digest_of_another_type_is_a_difference() {
        let node = |host, key_type| (Endpoint::new(host, 1), Ok(HeldValue::Value(key_type, [1; 20])));
        let look = Look::of([node("a", KeyType::Set), node("b", KeyType::List)]).unwrap();
        assert!(!look.agrees());
    }

    #[test]
    fn a_key_is_compared_only_when_two_nodes_or_more_all_tell() {
        let node = |host, report| (Endpoint::new(host, 1), report);
        let value = Ok(HeldValue::Nothing);
        let cases = [
            (vec![], false),
            (vec![node("a", value)], false),
            (vec![node("a", value), node("b", value)], true),
            (vec![node("a", value), node("b", value), node("c", Err(Skipped))], false),
        ];
        for (reports, compared) in cases {
            assert_eq!(Look::of(reports.clone()).is_ok(), compared, "{reports:?}");
        }
    }
}
