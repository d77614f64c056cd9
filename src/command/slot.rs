//! Computes the slot of a key: by its hash tag, with the CRC16 of the cluster specification (XMODEM).

/// One of the 16384 slots of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(pub(crate) u16);

impl Slot {
    pub(crate) const COUNT: u16 = 16384;

    pub(crate) fn of_key(key: &[u8]) -> Slot {
        Slot(crc16(hashed_part(key)) % Slot::COUNT)
    }
}

/// Returns the text between the first `{` and the next `}`, or the whole key if there is none or it is empty.
fn hashed_part(key: &[u8]) -> &[u8] {
    // Most keys have no tag. For them a loop over all bytes without a branch in it is the faster search.
    if !key.iter().fold(false, |found, &byte| found | (byte == b'{')) {
        return key;
    }
    let Some(open) = key.iter().position(|&byte| byte == b'{') else { return key };
    let after = key.get(open + 1..).unwrap_or_default();
    match after.iter().position(|&byte| byte == b'}') {
        Some(0) | None => key,
        Some(close) => after.get(..close).unwrap_or(key),
    }
}

/// Takes four bytes per step: each is looked up in the table for the number of bytes that follow it in the step.
fn crc16(bytes: &[u8]) -> u16 {
    let [last, third, second, first] = &TABLES;
    let (quads, rest) = bytes.as_chunks::<4>();
    let by_quads = quads.iter().fold(0_u16, |crc, &[a, b, c, d]| {
        let [high, low] = crc.to_be_bytes();
        first[usize::from(a ^ high)]
            ^ second[usize::from(b ^ low)]
            ^ third[usize::from(c)]
            ^ last[usize::from(d)]
    });
    rest.iter().fold(by_quads, |crc, &byte| {
        let [high, low] = crc.to_be_bytes();
        last[usize::from(byte ^ high)] ^ u16::from_be_bytes([low, 0])
    })
}

/// Table n holds the CRC of each byte with n zero bytes behind it.
static TABLES: [[u16; 256]; 4] = tables();

const fn tables() -> [[u16; 256]; 4] {
    let mut tables = [[0; 256]; 4];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 32 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ POLYNOMIAL };
            bit += 1;
            if bit % 8 == 0 {
                tables[bit / 8 - 1][byte] = crc;
            }
        }
        byte += 1;
    }
    tables
}

const POLYNOMIAL: u16 = 0x1021;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As `CLUSTER KEYSLOT` of Redis 7.0 says.
    const KEYSLOTS: &[(&[u8], u16)] = &[
        (b"", 0),
        (b"a", 15495),
        (b"ab", 13567),
        (b"foo", 12182),
        (b"bar", 5061),
        (b"hello", 866),
        (b"123456789", 12739),
        (b"{user1000}.following", 3443),
        (b"{user1000}.followers", 3443),
        (b"foo{}{bar}", 8363),
        (b"foo{{bar}}zap", 4015),
        (b"foo{bar}{zap}", 5061),
        (b"somekey", 11058),
        (b"a-rather-long-key-with-many-bytes:0123456789", 523),
        (b"schl\xc3\xbcssel", 7677),
    ];

    #[test]
    fn crc16_of_the_check_string_is_the_published_one() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn slots_are_those_of_the_servers() {
        for (key, slot) in KEYSLOTS {
            assert_eq!(Slot::of_key(key), Slot(*slot), "{:?}", String::from_utf8_lossy(key));
        }
    }

    #[test]
    fn only_a_hash_tag_with_content_counts() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"{user1000}.following", b"user1000"),
            (b"foo{}{bar}", b"foo{}{bar}"),
            (b"foo{{bar}}zap", b"{bar"),
            (b"foo{bar}{zap}", b"bar"),
            (b"}foo{bar", b"}foo{bar"),
            (b"{", b"{"),
            (b"", b""),
        ];
        for (key, part) in cases {
            assert_eq!(hashed_part(key), *part);
        }
    }

    proptest! {
        #[test]
        fn four_bytes_a_step_agree_with_one_bit_a_step(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let slow = bytes.iter().fold(0_u16, |crc, &byte| {
                (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
                    if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ POLYNOMIAL }
                })
            });
            prop_assert_eq!(crc16(&bytes), slow);
        }
    }
}
