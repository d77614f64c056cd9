//! Spoils commands: arguments that are missing, doubled, exchanged, of another type or out of range, and names in any case.

use crate::common::Random;

/// Changes a command in one place or two. The name, which has so many words, stays what it is but for its case.
pub(crate) fn spoil(random: &mut Random, args: &mut Vec<Vec<u8>>, name: usize) {
    for _ in 0..1 + random.below(2) {
        let behind = args.len() - name;
        if behind == 0 || random.below(6) == 0 {
            args.push(random.garbage());
            continue;
        }
        let at = name + random.below(behind);
        match random.below(6) {
            0 => drop(args.remove(at)),
            1 => args.insert(at, random.garbage()),
            2 => args[at] = random.garbage(),
            3 => args.swap(at, name + behind - 1),
            4 => args.truncate(at),
            _ => args.insert(at, args[at].clone()),
        }
    }
}

/// Writes a word in another case now and then.
pub(crate) fn in_any_case(random: &mut Random, word: &mut [u8]) {
    match random.below(4) {
        0 => word.make_ascii_lowercase(),
        1 => {
            for byte in word.iter_mut().filter(|_| random.chance(50)) {
                *byte = byte.to_ascii_lowercase();
            }
        }
        _ => {}
    }
}
