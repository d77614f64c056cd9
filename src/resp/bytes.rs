//! Appends long byte strings at full speed.

/// Longest piece of one copy: at some alignments `memcpy` of more is many times slower on common CPUs.
const PIECE: usize = 2048;

/// Appends `bytes` in pieces, each of which is copied fast.
pub(crate) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= PIECE {
        return out.extend_from_slice(bytes);
    }
    out.reserve(bytes.len());
    for piece in bytes.chunks(PIECE) {
        out.extend_from_slice(piece);
    }
}
