//! Finds the entry of a command by its name as a client wrote it: once per request, without allocation.
//!
//! The first 16 bytes of the name are folded to lower case and packed into one integer, which is looked up in an
//! open-addressed hash table that the compiler builds. The few longer names are then compared in full.

use crate::command::generated::COMMANDS;
use crate::command::learned;
use crate::command::table::{Command, CommandId};

/// Returns the entry of a top-level command, in any case: that of the table, else the learned one, if there is one.
pub(crate) fn lookup(name: &[u8]) -> Option<&'static Command> {
    let packed = pack(name);
    let mut place = place_of(packed);
    loop {
        let bucket = BUCKETS.get(place)?;
        let Some(command) = bucket.command else { return learned::find(name) };
        if bucket.packed == packed && same_name(command, name) {
            return Some(command);
        }
        place = (place + 1) % SIZE;
    }
}

/// Returns true if the table has a command of this name, in any case.
pub(super) fn is_built_in(name: &[u8]) -> bool {
    lookup(name).is_some_and(|command| command.id != CommandId::OTHER)
}

/// Returns the entry with this id; `None` for `CommandId::OTHER`.
pub(crate) fn by_id(id: CommandId) -> Option<&'static Command> {
    COMMANDS.get(usize::from(id.0))
}

/// Returns all top-level commands of the table, sorted by name.
pub(crate) fn all() -> impl Iterator<Item = &'static Command> + Clone {
    COMMANDS.iter()
}

/// Returns true if the names are equal, given that their packed forms are.
fn same_name(command: &Command, name: &[u8]) -> bool {
    let own = command.name.as_bytes();
    if own.len() <= PACKED_BYTES {
        return own.len() == name.len();
    }
    own.eq_ignore_ascii_case(name)
}

/// Packs the first 16 bytes in lower case, the first byte lowest, with zeros above a shorter name.
const fn pack(name: &[u8]) -> u128 {
    let packed = match (name.first_chunk::<16>(), name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(all), _, _) => u128::from_le_bytes(*all),
        // Two overlapping reads: the bytes in both are the same.
        (None, Some(first), Some(last)) => {
            u64::from_le_bytes(*first) as u128 | (u64::from_le_bytes(*last) as u128) << (8 * (name.len() - 8))
        }
        _ => pack_short(name) as u128,
    };
    to_lower(packed)
}

/// Does the same for names of fewer than 8 bytes, without the folding.
const fn pack_short(name: &[u8]) -> u64 {
    match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << (8 * (name.len() - 4))
        }
        _ => match *name {
            [a, b, c] => u32::from_le_bytes([a, b, c, 0]) as u64,
            [a, b] => u16::from_le_bytes([a, b]) as u64,
            [a] => a as u64,
            _ => 0,
        },
    }
}

/// Folds A to Z in each of the 16 bytes to lower case and leaves every other byte alone.
const fn to_lower(packed: u128) -> u128 {
    const HIGH: u128 = every_byte(0x80);
    let low = packed & !HIGH;
    // The high bit of each byte says whether its lower seven bits reach 'A', and whether they pass 'Z'.
    let from_a = low + every_byte(0x80 - b'A');
    let above_z = low + every_byte(0x7f - b'Z');
    let upper = (from_a ^ above_z) & !packed & HIGH;
    packed | upper >> 2
}

const fn every_byte(byte: u8) -> u128 {
    u128::from_le_bytes([byte; 16])
}

/// Returns the bucket where the search for a packed name begins.
const fn place_of(packed: u128) -> usize {
    let folded = packed as u64 ^ ((packed >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(MULTIPLIER) >> (64 - SIZE.trailing_zeros())) as usize
}

#[derive(Clone, Copy)]
struct Bucket {
    packed: u128,
    /// `None` ends a search: the name is not in the table.
    command: Option<&'static Command>,
}

const fn build() -> [Bucket; SIZE] {
    let mut buckets = [Bucket { packed: 0, command: None }; SIZE];
    let mut id = 0;
    while id < COMMANDS.len() {
        let packed = pack(COMMANDS[id].name.as_bytes());
        let mut place = place_of(packed);
        while buckets[place].command.is_some() {
            place = (place + 1) % SIZE;
        }
        buckets[place] = Bucket { packed, command: Some(&COMMANDS[id]) };
        id += 1;
    }
    buckets
}

const PACKED_BYTES: usize = 16;
/// A power of two, at least twice the number of commands: the search ends soon, and always.
const SIZE: usize = (COMMANDS.len() * 2).next_power_of_two();
/// Odd, with its bits well spread (the golden ratio).
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
static BUCKETS: [Bucket; SIZE] = build();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for command in all() {
            let name = command.name;
            let mixed: String = name
                .chars()
                .enumerate()
                .map(|(i, c)| if i % 2 == 0 { c.to_ascii_uppercase() } else { c })
                .collect();
            for spelling in [name.to_owned(), name.to_ascii_uppercase(), mixed] {
                let found = lookup(spelling.as_bytes()).unwrap_or_else(|| panic!("{spelling} is not found"));
                assert_eq!(found.name, name);
                assert_eq!(by_id(found.id).map(|found| found.name), Some(name));
            }
        }
    }

    #[test]
    fn what_only_resembles_a_name_is_not_found() {
        let names: &[&[u8]] = &[
            b"",
            b"ge",
            b"gett",
            b"get\0",
            b"\0get",
            b"GET ",
            b"g\x85t",
            b"georadiusbymember_rx",
            b"georadiusbymembe",
            b"zrevrangebyscor",
            b"zrevrangebyscore\0",
            b"config|get",
            b"@et",
            b"[et",
            b"\xc7et",
        ];
        for name in names {
            assert!(lookup(name).is_none(), "{:?}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn other_is_the_id_of_no_command() {
        assert!(by_id(CommandId::OTHER).is_none());
        assert_eq!(usize::from(CommandId::OTHER.0), COMMANDS.len());
    }

    #[test]
    fn folding_agrees_with_ascii_on_every_byte() {
        for byte in 0..=u8::MAX {
            assert_eq!(to_lower(u128::from(byte) << 64), u128::from(byte.to_ascii_lowercase()) << 64);
        }
    }
}
