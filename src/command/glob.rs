//! Glob patterns as the servers match them: `*`, `?`, `[a-c]`, `[^a]`, and a backslash before a literal character.

/// Returns true if the pattern matches all of `text`, regardless of case, as servers match names of commands.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    fits(pattern, text, |byte| byte.to_ascii_lowercase())
}

/// Returns true if the pattern matches all of `text`, case included, as servers match channels.
pub(crate) fn matches_exactly(pattern: &[u8], text: &[u8]) -> bool {
    fits(pattern, text, |byte| byte)
}

/// Backtracks to the last `*` only, so that the time is never exponential.
fn fits(pattern: &[u8], text: &[u8], fold: Fold) -> bool {
    let (mut rest, mut left) = (pattern, text);
    // The point to go on from after a mismatch: behind the last `*`, with one more byte taken by it.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', behind @ ..] = rest {
            retry = Some((behind, left));
            rest = behind;
            continue;
        }
        if let ([], []) = (rest, left) {
            return true;
        }
        if let Some((behind, unmatched)) = match_one(rest, left, fold) {
            (rest, left) = (behind, unmatched);
            continue;
        }
        let Some((behind, [_, shorter @ ..])) = retry else { return false };
        retry = Some((behind, shorter));
        (rest, left) = (behind, shorter);
    }
}

/// Maps bytes that count as equal to the same byte.
type Fold = fn(u8) -> u8;

/// Matches one byte of the text and returns the rest of the pattern and of the text.
fn match_one<'a>(pattern: &'a [u8], text: &'a [u8], fold: Fold) -> Option<(&'a [u8], &'a [u8])> {
    let (&byte, left) = text.split_first()?;
    let (&mark, rest) = pattern.split_first()?;
    match (mark, rest) {
        (b'?', _) => Some((rest, left)),
        (b'[', _) => match_class(rest, byte, fold).map(|behind| (behind, left)),
        (b'\\', [plain, behind @ ..]) => (fold(*plain) == fold(byte)).then_some((behind, left)),
        _ => (fold(mark) == fold(byte)).then_some((rest, left)),
    }
}

/// Returns the pattern behind the class if the byte is in it. An unclosed class extends to the end of the pattern.
fn match_class(pattern: &[u8], byte: u8, fold: Fold) -> Option<&[u8]> {
    let (wanted, mut rest) = match pattern {
        [b'^', rest @ ..] => (false, rest),
        _ => (true, pattern),
    };
    let mut found = false;
    loop {
        rest = match rest {
            [] => break,
            [b']', behind @ ..] => {
                rest = behind;
                break;
            }
            [b'\\', plain, behind @ ..] => {
                found |= fold(*plain) == fold(byte);
                behind
            }
            [from, b'-', to, behind @ ..] => {
                let (from, to) = (fold(*from), fold(*to));
                found |= (from.min(to)..=from.max(to)).contains(&fold(byte));
                behind
            }
            [plain, behind @ ..] => {
                found |= fold(*plain) == fold(byte);
                behind
            }
        };
    }
    (found == wanted).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_matters_in_the_names_of_channels() {
        for (pattern, text, fits) in [
            ("news.*", "news.a", true),
            ("News.*", "news.a", false),
            ("[a-c]", "B", false),
            ("\\a", "A", false),
        ] {
            assert_eq!(matches_exactly(pattern.as_bytes(), text.as_bytes()), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_match_as_servers_do() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("get", "GET", true),
            ("ge?", "get", true),
            ("g*t", "getset", true),
            ("g*x", "getset", false),
            ("*|*", "config|get", true),
            ("x[ai]*", "xinfo", true),
            ("x[^ai]*", "xinfo", false),
            ("[a-c]*", "blpop", true),
            ("[a-c]*", "del", false),
            ("[abc", "b", true),
            ("[", "a", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ];
        for (pattern, text, fits) in cases {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), fits, "{pattern} {text}");
        }
    }
}
