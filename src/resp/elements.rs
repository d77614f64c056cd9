//! Reads the elements of a complete reply, as slices of it, and the values that merging needs.
//!
//! `reply_scan` finds the end of each element, so this is as iterative and bounded as the scan is. Nothing is copied.

use super::number::read_line;
use super::reply_scan::ReplyScan;

/// The elements of an array, set or push, or the alternating keys and values of a map, raw and in order.
pub(crate) struct Elements<'a> {
    /// The first byte of the reply.
    pub(crate) kind: u8,
    /// Number of elements still to come, as the header says.
    left: usize,
    rest: &'a [u8],
    scan: ReplyScan,
}

impl<'a> Elements<'a> {
    /// Returns `None` for a reply that has no elements, such as a null array.
    pub(crate) fn of(reply: &'a [u8]) -> Option<Elements<'a>> {
        let kind = *reply.first()?;
        let each = match kind {
            b'*' | b'~' | b'>' => 1,
            b'%' => 2,
            _ => return None,
        };
        let header = read_line(reply, 1).ok().flatten()?;
        let left = usize::try_from(header.number).ok()?.checked_mul(each)?;
        Some(Elements { kind, left, rest: reply.get(header.next..)?, scan: ReplyScan::default() })
    }

    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Returns the bytes of all elements still to come.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    /// Returns the next element. The iteration ends early if the reply is cut short or malformed.
    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        match self.scan.scan(self.rest) {
            Ok((len, true)) => {
                let (element, rest) = self.rest.split_at_checked(len)?;
                self.rest = rest;
                Some(element)
            }
            Ok((_, false)) | Err(_) => {
                (self.left, self.rest) = (0, &[]);
                None
            }
        }
    }
}

pub(crate) fn is_error(reply: &[u8]) -> bool {
    matches!(reply.first(), Some(b'-' | b'!'))
}

pub(crate) fn is_null(reply: &[u8]) -> bool {
    matches!(reply, [b'_', ..] | [b'$' | b'*', b'-', ..])
}

/// Returns the number of an integer reply.
pub(crate) fn integer(reply: &[u8]) -> Option<i64> {
    match reply.first()? {
        b':' => Some(read_line(reply, 1).ok().flatten()?.number),
        _ => None,
    }
}

/// Returns the text of a simple, bulk or verbatim string; of the latter without the name of its format.
pub(crate) fn text(reply: &[u8]) -> Option<&[u8]> {
    let kind = reply.first()?;
    match kind {
        b'+' => reply.get(1..)?.strip_suffix(b"\r\n"),
        b'$' | b'=' => {
            let header = read_line(reply, 1).ok().flatten()?;
            let len = usize::try_from(header.number).ok()?;
            let skipped = if *kind == b'=' { "txt:".len() } else { 0 };
            reply.get(header.next..header.next.checked_add(len)?)?.get(skipped..)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_slices_of_the_reply() {
        let cases: [(&[u8], &[&[u8]]); 5] = [
            (b"*0\r\n", &[]),
            (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", &[b"$1\r\na\r\n", b"*1\r\n:1\r\n"]),
            (b"~1\r\n_\r\n", &[b"_\r\n"]),
            (b"%1\r\n+a\r\n:1\r\n", &[b"+a\r\n", b":1\r\n"]),
            (
                b"*2\r\n|1\r\n+ttl\r\n:1\r\n$1\r\na\r\n:3\r\n",
                &[b"|1\r\n+ttl\r\n:1\r\n$1\r\na\r\n", b":3\r\n"],
            ),
        ];
        for (reply, expected) in cases {
            let found: Vec<&[u8]> = Elements::of(reply).unwrap().collect();
            assert_eq!(found, expected, "{}", reply.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_list_or_is_cut_short_has_no_elements() {
        for reply in [&b""[..], b"*", b"*-1\r\n", b"*x\r\n", b"$1\r\na\r\n", b"_\r\n", b"+OK\r\n"] {
            assert!(Elements::of(reply).is_none(), "{}", reply.escape_ascii());
        }
        assert_eq!(Elements::of(b"*9223372036854775807\r\n:1\r\n").unwrap().count(), 1);
        assert_eq!(Elements::of(b"*2\r\n:1\r\n$5\r\nab").unwrap().count(), 1);
    }

    #[test]
    fn strings_and_numbers_are_read() {
        assert_eq!(text(b"+OK\r\n"), Some(&b"OK"[..]));
        assert_eq!(text(b"$2\r\nab\r\n"), Some(&b"ab"[..]));
        assert_eq!(text(b"=6\r\ntxt:ab\r\n"), Some(&b"ab"[..]));
        for reply in [&b"$-1\r\n"[..], b"$5\r\na", b"=2\r\nab\r\n", b":1\r\n", b"$9223372036854775807\r\n"] {
            assert_eq!(text(reply), None, "{}", reply.escape_ascii());
        }
        assert_eq!(integer(b":-7\r\n"), Some(-7));
        assert_eq!(integer(b"$1\r\n1\r\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(head in "[*~%>|$=:_]-?[0-9]{1,3}\r\n", bytes in proptest::collection::vec(0u8.., 0..60)) {
            let reply = [head.as_bytes(), &bytes].concat();
            let _ = (Elements::of(&reply).map(Iterator::count), text(&reply), integer(&reply));
        }
    }
}
