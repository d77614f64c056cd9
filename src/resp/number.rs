//! Reads the decimal numbers of frame headers, as strictly as the servers do, and writes them.

/// A complete header line.
pub(crate) struct Line {
    pub(crate) number: i64,
    /// Index of the first byte behind the CRLF.
    pub(crate) next: usize,
}

/// The reason why a header line is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineError {
    /// No CR within the bytes that a number may have.
    TooLong,
    /// A byte that is neither digit, leading minus nor CRLF; a leading zero, or a negative one; a number beyond 64 bits.
    NotANumber,
}

/// Longest number: a minus and nineteen digits.
const MAX_DIGITS: usize = 20;

/// Reads a number of one or two digits with its CRLF, as nearly all numbers of a stream are; returns it with the bytes
/// that it takes. `None`: it has another form, and [`read_line`] is to be asked.
#[inline(always)]
pub(crate) fn read_short(rest: &[u8]) -> Option<(usize, usize)> {
    match rest {
        [ones @ b'0'..=b'9', b'\r', b'\n', ..] => Some((usize::from(ones - b'0'), 3)),
        [tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'\r', b'\n', ..] => {
            Some((usize::from(tens - b'0') * 10 + usize::from(ones - b'0'), 4))
        }
        _ => None,
    }
}

/// Reads `digits CRLF` at `start`. `None`: the line is not complete yet.
pub(crate) fn read_line(buf: &[u8], start: usize) -> Result<Option<Line>, LineError> {
    let rest = buf.get(start..).unwrap_or_default();
    let mut value: i64 = 0;
    let negative = rest.first() == Some(&b'-');
    let digits = usize::from(negative);
    let sign = if negative { -1 } else { 1 };
    let mut index = digits;
    loop {
        match rest.get(index) {
            None if index > MAX_DIGITS => return Err(LineError::TooLong),
            None => return Ok(None),
            Some(digit @ b'0'..=b'9') => {
                let leading_zero = index == digits + 1 && rest.get(digits) == Some(&b'0');
                value = value
                    .checked_mul(10)
                    .and_then(|tens| tens.checked_add(sign * i64::from(digit - b'0')))
                    .filter(|_| !leading_zero)
                    .ok_or(LineError::NotANumber)?;
                index += 1;
            }
            Some(b'\r') if index > digits && !(negative && value == 0) => break,
            Some(_) => return Err(LineError::NotANumber),
        }
    }
    match rest.get(index + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some(Line { number: value, next: start + index + 2 })),
        Some(_) => Err(LineError::NotANumber),
    }
}

/// Reads an argument that is a number and nothing else, as strictly as a header: without a plus, a blank or a leading zero.
pub(crate) fn parse(text: &[u8]) -> Option<i64> {
    let mut line = Vec::with_capacity(text.len() + 2);
    line.extend_from_slice(text);
    line.extend_from_slice(b"\r\n");
    let Line { number, next } = read_line(&line, 0).ok()??;
    (next == line.len()).then_some(number)
}

/// Appends `number` in decimal, without an allocation.
pub(crate) fn write(out: &mut Vec<u8>, number: i64) {
    let mut digits = [0u8; MAX_DIGITS];
    let mut rest = number.unsigned_abs();
    let mut at = digits.len();
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
        at -= 1;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_are_read_as_strictly_as_the_servers_do() {
        let number = |text: &str| read_line(text.as_bytes(), 0).map(|line| line.map(|line| line.number));
        for (text, expected) in [
            ("0\r\n", Ok(Some(0))),
            ("9\r\n", Ok(Some(9))),
            ("10\r\n", Ok(Some(10))),
            ("42\r\n", Ok(Some(42))),
            ("99\r\n", Ok(Some(99))),
            ("100\r\n", Ok(Some(100))),
            ("00\r\n", Err(LineError::NotANumber)),
            ("4x\r\n", Err(LineError::NotANumber)),
            ("42\rx", Err(LineError::NotANumber)),
            ("42\n", Err(LineError::NotANumber)),
            ("4", Ok(None)),
            ("4\r", Ok(None)),
            ("42\r", Ok(None)),
            ("-1\r\n", Ok(Some(-1))),
            ("-0\r\n", Err(LineError::NotANumber)),
            ("-01\r\n", Err(LineError::NotANumber)),
            ("-9223372036854775808\r\n", Ok(Some(i64::MIN))),
            ("-9223372036854775809\r\n", Err(LineError::NotANumber)),
            ("9223372036854775807\r\n", Ok(Some(i64::MAX))),
            ("9223372036854775808\r\n", Err(LineError::NotANumber)),
            ("03\r\n", Err(LineError::NotANumber)),
            ("+3\r\n", Err(LineError::NotANumber)),
            ("\r\n", Err(LineError::NotANumber)),
            ("-\r\n", Err(LineError::NotANumber)),
            ("3x", Err(LineError::NotANumber)),
            ("3\rx", Err(LineError::NotANumber)),
            ("", Ok(None)),
            ("12", Ok(None)),
            ("12\r", Ok(None)),
        ] {
            assert_eq!(number(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_argument_is_a_number_and_nothing_else() {
        for (text, expected) in [
            (&b"3"[..], Some(3)),
            (b"-3", Some(-3)),
            (b"9223372036854775807", Some(i64::MAX)),
            (b"", None),
            (b"+3", None),
            (b"03", None),
            (b" 3", None),
            (b"3 ", None),
            (b"3\0", None),
            (b"3\r\n", None),
            (b"3\r\n4", None),
            (b"x", None),
            (b"\xff", None),
        ] {
            assert_eq!(parse(text), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn short_numbers_are_read_as_all_others() {
        for text in [
            "0\r\n", "9\r\n$", "10\r\n", "99\r\n", "00\r\n", "100\r\n", "-1\r\n", "4x\r\n", "42\rx", "42\n",
            "", "4", "4\r", "42\r",
        ] {
            let any = read_line(text.as_bytes(), 0).ok().flatten();
            let any = any.map(|line| (line.number as usize, line.next)).filter(|(number, _)| *number < 100);
            assert_eq!(read_short(text.as_bytes()), any, "{text:?}");
        }
    }

    #[test]
    fn numbers_survive_writing_and_reading() {
        for value in [0, 7, 10, -1, 16384, i64::MAX, i64::MIN + 1] {
            let mut text = Vec::new();
            write(&mut text, value);
            assert_eq!(text, value.to_string().into_bytes());
        }
    }
}
