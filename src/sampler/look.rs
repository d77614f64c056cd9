//! What all nodes hold under one key at one moment, and whether that is the same.

use crate::topology::Endpoint;

/// Of a value. Two nodes that answered in the same way have the same one exactly when they hold the same.
pub(super) type Digest = [u8; 20];

/// As TYPE says it. Those that only some servers have are not here.
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

/// What one node holds under a key. That one has it and another has not is a difference too: a delete that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeldValue {
    Nothing,
    Value(KeyType, Digest),
}

/// One node's answer about one key. `Err`: it cannot be compared, because it is too large or the node did not say.
pub(super) type KeyReport = Result<HeldValue, Skipped>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Skipped;

/// Two nodes or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look(Vec<(Endpoint, HeldValue)>);

impl Look {
    /// A key that one node cannot tell of is not compared at all: what the others hold would look like all there is.
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

    /// The type on the first node that has the key.
    pub(super) fn key_type(&self) -> Option<KeyType> {
        self.0.iter().find_map(|(_, held)| match held {
            HeldValue::Value(key_type, _) => Some(*key_type),
            HeldValue::Nothing => None,
        })
    }

    /// For the log: those that hold the same stand together, "a:1,b:1 | c:1 (none)".
    pub(super) fn parties(&self) -> String {
        let mut parties: Vec<(HeldValue, Vec<String>)> = Vec::new();
        for (node, held) in &self.0 {
            match parties.iter_mut().find(|(known, _)| known == held) {
                Some((_, nodes)) => nodes.push(node.to_string()),
                None => parties.push((*held, vec![node.to_string()])),
            }
        }
        let party = |(held, nodes): &(HeldValue, Vec<String>)| match held {
            HeldValue::Nothing => format!("{} (none)", nodes.join(",")),
            HeldValue::Value(..) => nodes.join(","),
        };
        parties.iter().map(party).collect::<Vec<_>>().join(" | ")
    }
}

/// For tests: nodes `a`, `b`, … with a digest for each letter; `-`: no such key.
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
            assert_eq!(look.parties(), parties);
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
