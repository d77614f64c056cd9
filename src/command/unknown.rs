//! The error texts for an unknown command, in the words of the servers, and for one that is not available here.

use crate::resp::request::Request;

/// Returns the error, without `-`. As with servers, each word is cut at its first NUL, and the whole after some length.
pub(crate) fn unknown_command(request: &Request<'_>) -> String {
    let (mut arguments, mut len) = (String::new(), 0);
    for arg in request.args().skip(1) {
        if len >= MAX_BYTES {
            break;
        }
        let shown = clip(arg, MAX_BYTES - len);
        arguments.push_str(&format!("'{}' ", String::from_utf8_lossy(shown)));
        len += shown.len() + "'' ".len();
    }
    let name = String::from_utf8_lossy(clip(request.name(), MAX_BYTES));
    format!("ERR unknown command '{name}', with args beginning with: {arguments}")
}

/// Returns the error for an unknown subcommand, without `-`. The name is cut, as the servers do it.
pub(crate) fn unknown_subcommand(command: &str, name: &[u8]) -> String {
    let name = String::from_utf8_lossy(clip(name, MAX_BYTES));
    format!("ERR unknown subcommand '{name}'. Try {command} HELP.")
}

/// Returns the error for a command that the proxy does not forward, without `-`.
pub(crate) fn unavailable(request: &Request<'_>, why: &str) -> String {
    let name = request.name().get(..MAX_BYTES).unwrap_or(request.name());
    let name = String::from_utf8_lossy(name).to_ascii_uppercase();
    format!("ERR tideover: {name} is not available here: {why}")
}

const MAX_BYTES: usize = 128;

fn clip(bytes: &[u8], max: usize) -> &[u8] {
    let shown = bytes.get(..max).unwrap_or(bytes);
    shown.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    #[test]
    fn arguments_are_cut_as_the_servers_do_it() {
        let (x, y, n) = ("x".repeat(100), "y".repeat(100), "n".repeat(200));
        let cases: [(&[&str], String); 5] = [
            (&["NOSUCH"], "'NOSUCH', with args beginning with: ".into()),
            (&["NOSUCH", &x, &y, "z"], format!("'NOSUCH', with args beginning with: '{x}' '{}' ", &y[..25])),
            (&["NOSUCH", &n, "z"], format!("'NOSUCH', with args beginning with: '{}' ", &n[..128])),
            (&["NOSUCH", "a\0b", "c"], "'NOSUCH', with args beginning with: 'a' 'c' ".into()),
            (&[&n, "a"], format!("'{}', with args beginning with: 'a' ", &n[..128])),
        ];
        for (words, expected) in cases {
            let words = Words::new(words);
            assert_eq!(unknown_command(&words.request()), format!("ERR unknown command {expected}"));
        }
    }
}
