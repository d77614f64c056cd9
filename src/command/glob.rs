//! Patterns as servers match names with: `*`, `?`, `[a-c]`, `[^a]` and `\\` before a plain character.

/// Returns whether all of `text` fits, without regard to case.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    fits(pattern, text, |byte| byte.to_ascii_lowercase())
}

/// Returns whether all of `text` fits, as the name of a channel does.
pub(crate) fn matches_exactly(pattern: &[u8], text: &[u8]) -> bool {
    fits(pattern, text, |byte| byte)
}

/// Goes back to the last `*` only, so it never takes long.
fn fits(pattern: &[u8], text: &[u8], fold: Fold) -> bool {
    let (mut rest, mut left) = (pattern, text);
    // Where to go on when something does not fit: behind the last `*`, with one more byte given to it.
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
        if let Some((behind, unmatched)) = one(rest, left, fold) {
            (rest, left) = (behind, unmatched);
            continue;
        }
        let Some((behind, [_, shorter @ ..])) = retry else { return false };
        retry = Some((behind, shorter));
        (rest, left) = (behind, shorter);
    }
}

/// What two bytes have in common that are taken for the same.
type Fold = fn(u8) -> u8;

/// Takes one byte and the piece of the pattern that it fits.
fn one<'a>(pattern: &'a [u8], text: &'a [u8], fold: Fold) -> Option<(&'a [u8], &'a [u8])> {
    let (&byte, left) = text.split_first()?;
    let (&mark, rest) = pattern.split_first()?;
    match (mark, rest) {
        (b'?', _) => Some((rest, left)),
        (b'[', _) => class(rest, byte, fold).map(|behind| (behind, left)),
        (b'\\', [plain, behind @ ..]) => (fold(*plain) == fold(byte)).then_some((behind, left)),
        _ => (fold(mark) == fold(byte)).then_some((rest, left)),
    }
}

/// Returns what is behind the class, if the byte is in it. A class that does not end reaches to the end of the pattern.
fn class(pattern: &[u8], byte: u8, fold: Fold) -> Option<&[u8]> {
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
