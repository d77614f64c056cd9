//! Rewrites inline commands (`SET a "b c"` as one line) as arrays.
//!
//! A node takes inline commands as well, but some of them (`POST`, `Host:`) make it close the connection. If that is a
//! shared one, other clients would lose their replies.

use super::number;
use super::request::ArgRange;

/// Splits `line` as the servers do (double quotes with escapes, single quotes), writes it to `out` as an array, and adds
/// the ranges of its arguments to `args`. `None`: the quotes are not balanced. For a blank line nothing is written.
pub(crate) fn to_array(line: &[u8], out: &mut Vec<u8>, args: &mut Vec<ArgRange>) -> Option<()> {
    let words = split(line)?;
    if words.is_empty() {
        return Some(());
    }
    out.push(b'*');
    number::write(out, words.len() as i64);
    out.extend_from_slice(b"\r\n");
    for word in &words {
        out.push(b'$');
        number::write(out, word.len() as i64);
        out.extend_from_slice(b"\r\n");
        args.push(ArgRange { start: out.len() as u32, len: word.len() as u32 });
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    Some(())
}

fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = without_blanks(line);
    while !rest.is_empty() {
        let (word, after) = next_word(rest)?;
        words.push(word);
        rest = without_blanks(after);
    }
    Some(words)
}

fn without_blanks(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| !is_blank(*byte)).unwrap_or(line.len());
    line.get(start..).unwrap_or_default()
}

/// Returns true for the bytes that are skipped between two words: those of `isspace` in C.
fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == VERTICAL_TAB
}

/// Returns true for the blanks that end a word without quotes. The two others belong to it, if they do not begin it.
fn ends_word(byte: u8) -> bool {
    is_blank(byte) && !matches!(byte, VERTICAL_TAB | FORM_FEED)
}

const VERTICAL_TAB: u8 = 0x0b;
const FORM_FEED: u8 = 0x0c;

fn next_word(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = line;
    loop {
        match rest {
            [] => return Some((word, rest)),
            [blank, ..] if ends_word(*blank) => return Some((word, rest)),
            [b'"', after @ ..] => return closed(double_quoted(after, &mut word)?).map(|rest| (word, rest)),
            [b'\'', after @ ..] => return closed(single_quoted(after, &mut word)?).map(|rest| (word, rest)),
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

/// Checks that a closing quote is followed by a blank or by the end.
fn closed(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(|byte| is_blank(*byte)).then_some(rest)
}

fn double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                word.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            [b'\\', escaped, after @ ..] => {
                word.push(unescape(*escaped));
                rest = after;
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                rest = after;
            }
            [b'\'', after @ ..] => return Some(after),
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).unwrap_or(0) as u8
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_split_as_the_servers_split_them() {
        for (line, expected) in [
            ("", Some(vec![])),
            ("  PING  ", Some(vec!["PING"])),
            (r#"SET k "a \"b\" \x41\n""#, Some(vec!["SET", "k", "a \"b\" A\n"])),
            (r"SET k 'it\'s \n'", Some(vec!["SET", "k", r"it's \n"])),
            (r#"SET k """#, Some(vec!["SET", "k", ""])),
            (r#"SET k "a"b"#, None),
            (r#"SET k "a"#, None),
            ("SET k 'a", None),
            ("\x0b\x0cGET\ta\rb", Some(vec!["GET", "a", "b"])),
            ("GET a\x0bb c\x0c", Some(vec!["GET", "a\x0bb", "c\x0c"])),
            ("GET \"a\"\x0b'b'\x0c", Some(vec!["GET", "a", "b"])),
        ] {
            let words = split(line.as_bytes()).map(|words| {
                words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect::<Vec<_>>()
            });
            assert_eq!(words, expected.map(|words| words.into_iter().map(String::from).collect()), "{line}");
        }
    }

    #[test]
    fn a_line_becomes_an_array_with_its_ranges() {
        let (mut out, mut args) = (Vec::new(), Vec::new());
        to_array(b"GET a", &mut out, &mut args).unwrap();
        assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
        assert_eq!(args, [ArgRange { start: 8, len: 3 }, ArgRange { start: 17, len: 1 }]);
    }
}
