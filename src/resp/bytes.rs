//! Copies of bytes.

/// Longest piece of one copy: `memcpy` of more is many times slower at some alignments on common CPUs.
const PIECE: usize = 2048;

/// Appends in pieces that stay fast.
pub(crate) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= PIECE {
        return out.extend_from_slice(bytes);
    }
    out.reserve(bytes.len());
    for piece in bytes.chunks(PIECE) {
        out.extend_from_slice(piece);
    }
}
