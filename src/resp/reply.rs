//! Recognises the errors of servers, and writes the replies that the proxy makes itself.

use super::number;

/// The RESP version that a client or a node connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Proto {
    #[default]
    Resp2,
    Resp3,
}

/// The first word of a server's error, for those errors that the failover rules tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    Moved,
    Ask,
    TryAgain,
    ClusterDown,
    ReadOnly,
    Loading,
    MasterDown,
    NoReplicas,
    Unblocked,
    ExecAbort,
    NoAuth,
    WrongPass,
    /// `ERR max number of clients reached`, sent when the server accepts a connection, before it reads anything.
    MaxClients,
    /// Any other error is an answer to the command and goes to the client as it came.
    Other,
}

impl ErrorCode {
    /// Reads the code of an error as it came, with or without its `-`.
    pub(crate) fn of(line: &[u8]) -> ErrorCode {
        let text = line.strip_prefix(b"-").unwrap_or(line);
        let end = text.iter().position(|byte| matches!(byte, b' ' | b'\r')).unwrap_or(text.len());
        match text.get(..end).unwrap_or_default() {
            b"MOVED" => ErrorCode::Moved,
            b"ASK" => ErrorCode::Ask,
            b"TRYAGAIN" => ErrorCode::TryAgain,
            b"CLUSTERDOWN" => ErrorCode::ClusterDown,
            b"READONLY" => ErrorCode::ReadOnly,
            b"LOADING" => ErrorCode::Loading,
            b"MASTERDOWN" => ErrorCode::MasterDown,
            b"NOREPLICAS" => ErrorCode::NoReplicas,
            b"UNBLOCKED" if text.starts_with(b"UNBLOCKED force unblock") => ErrorCode::Unblocked,
            b"EXECABORT" => ErrorCode::ExecAbort,
            b"NOAUTH" => ErrorCode::NoAuth,
            b"WRONGPASS" => ErrorCode::WrongPass,
            b"ERR" if text.starts_with(b"ERR max number of clients") => ErrorCode::MaxClients,
            _ => ErrorCode::Other,
        }
    }
}

/// Writes `+text`.
pub(crate) fn simple(out: &mut Vec<u8>, text: &str) {
    line(out, b'+', text.as_bytes());
}

/// Writes `-text`, with blanks in place of line breaks, so that it stays one line.
pub(crate) fn error(out: &mut Vec<u8>, text: &str) {
    error_of_bytes(out, text.as_bytes());
}

/// Does the same with a text that need not be UTF-8.
pub(crate) fn error_of_bytes(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'-');
    out.extend(text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
    out.extend_from_slice(b"\r\n");
}

pub(crate) fn integer(out: &mut Vec<u8>, value: i64) {
    out.push(b':');
    number::write(out, value);
    out.extend_from_slice(b"\r\n");
}

pub(crate) fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'$');
    number::write(out, bytes.len() as i64);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Writes a text of several lines: as a verbatim string in RESP3.
pub(crate) fn text(out: &mut Vec<u8>, text: &str, proto: Proto) {
    match proto {
        Proto::Resp2 => bulk(out, text.as_bytes()),
        Proto::Resp3 => out.extend_from_slice(format!("={}\r\ntxt:{text}\r\n", text.len() + 4).as_bytes()),
    }
}

/// Writes an array of simple strings, as a help text is.
pub(crate) fn lines(out: &mut Vec<u8>, lines: &[&str]) {
    array(out, lines.len());
    lines.iter().for_each(|line| simple(out, line));
}

/// Writes the null for a missing value.
pub(crate) fn null(out: &mut Vec<u8>, proto: Proto) {
    out.extend_from_slice(match proto {
        Proto::Resp2 => b"$-1\r\n",
        Proto::Resp3 => b"_\r\n",
    });
}

/// Writes the null for a missing array, as for an EXEC that did not run because a watched key changed.
pub(crate) fn null_array(out: &mut Vec<u8>, proto: Proto) {
    out.extend_from_slice(match proto {
        Proto::Resp2 => b"*-1\r\n",
        Proto::Resp3 => b"_\r\n",
    });
}

pub(crate) fn array(out: &mut Vec<u8>, elements: usize) {
    out.push(b'*');
    number::write(out, elements as i64);
    out.extend_from_slice(b"\r\n");
}

/// Writes the header of a map, which in RESP2 is an array of twice as many elements as there are pairs.
pub(crate) fn map(out: &mut Vec<u8>, pairs: usize, proto: Proto) {
    match proto {
        Proto::Resp2 => array(out, pairs * 2),
        Proto::Resp3 => {
            out.push(b'%');
            number::write(out, pairs as i64);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Writes the header of a set, which in RESP2 is an array.
pub(crate) fn set(out: &mut Vec<u8>, elements: usize, proto: Proto) {
    let at = out.len();
    array(out, elements);
    if let (Proto::Resp3, Some(kind)) = (proto, out.get_mut(at)) {
        *kind = b'~';
    }
}

/// Writes a command as an array of bulk strings.
pub(crate) fn command(out: &mut Vec<u8>, args: &[&[u8]]) {
    array(out, args.len());
    for arg in args {
        bulk(out, arg);
    }
}

fn line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.push(kind);
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_are_the_first_word_only() {
        for (line, expected) in [
            ("-READONLY You can't write against a read only replica.\r\n", ErrorCode::ReadOnly),
            ("-READONLYX no\r\n", ErrorCode::Other),
            ("-LOADING Redis is loading the dataset in memory\r\n", ErrorCode::Loading),
            (
                "-UNBLOCKED force unblock from blocking operation, instance state changed\r\n",
                ErrorCode::Unblocked,
            ),
            ("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n", ErrorCode::Other),
            ("-ERR max number of clients reached\r\n", ErrorCode::MaxClients),
            ("-ERR value is not an integer\r\n", ErrorCode::Other),
            ("-WRONGTYPE x\r\n", ErrorCode::Other),
            ("-\r\n", ErrorCode::Other),
        ] {
            assert_eq!(ErrorCode::of(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn an_error_stays_one_line() {
        let mut out = Vec::new();
        error(&mut out, "ERR unknown command 'a\r\nb'");
        assert_eq!(out, b"-ERR unknown command 'a  b'\r\n");
    }
}
