//! The error for a command that nobody knows, in the words of the servers.

use crate::resp::request::Request;

/// Without `-`. Name and arguments are cut, as the servers do it.
pub(crate) fn unknown_command(request: &Request<'_>) -> String {
    let mut arguments = String::new();
    for arg in request.args().skip(1) {
        if arguments.len() > MAX_BYTES {
            break;
        }
        arguments.push_str(&format!("'{}' ", clip(arg)));
    }
    format!("ERR unknown command '{}', with args beginning with: {arguments}", clip(request.name()))
}

const MAX_BYTES: usize = 128;

fn clip(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..MAX_BYTES).unwrap_or(bytes)).into_owned()
}
