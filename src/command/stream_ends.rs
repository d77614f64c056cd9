//! Replaces the `$` of XREAD BLOCK by the id at which the stream ends, so that the request means the same at every node.
//!
//! If `$` were sent again, it would mean the end at that later moment, and entries added in between would be missed.

use crate::command::options::streams;
use crate::command::resolve;
use crate::resp::elements::{Elements, is_error, text};
use crate::resp::reply;
use crate::resp::request::Request;

/// The argument indexes of a stream and of the `$` that stands for its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    stream: usize,
    id: usize,
}

/// Returns the ends behind which a blocking XREAD waits; none for other requests.
pub(crate) fn ends(request: &Request) -> Vec<End> {
    let is_xread = resolve(request).is_some_and(|command| command.name == "xread");
    let Some(found) = streams(request).filter(|streams| is_xread && streams.block.is_some()) else {
        return Vec::new();
    };
    let each = (found.first..).take(found.count);
    each.map(|stream| End { stream, id: stream + found.count })
        .filter(|end| request.arg(end.id) == Some(b"$"))
        .collect()
}

/// Returns a transaction that asks for all ends at one moment. The reply to EXEC is an array with an answer for each; in
/// front of it come the replies to MULTI and to every queued command.
pub(crate) fn question(request: &Request, ends: &[End]) -> Vec<u8> {
    let mut out = Vec::new();
    reply::command(&mut out, &[b"MULTI"]);
    for end in ends {
        reply::command(&mut out, &[b"XINFO", b"STREAM", request.arg(end.stream).unwrap_or_default()]);
    }
    reply::command(&mut out, &[b"EXEC"]);
    out
}

/// Returns the request with the ids of the answer in place of each `$`. `None`: the answer has no ids, as for a user who
/// may not ask, or for a key that is no stream.
pub(crate) fn with_ends(request: &Request, ends: &[End], answer: &[u8]) -> Option<Vec<u8>> {
    let ids: Vec<&[u8]> = Elements::of(answer)?.map(last_id).collect::<Option<_>>()?;
    if ids.len() != ends.len() {
        return None;
    }
    let id_of = |index: usize| ends.iter().zip(&ids).find(|(end, _)| end.id == index).map(|(_, id)| *id);
    let words: Vec<&[u8]> =
        request.args().enumerate().map(|(index, arg)| id_of(index).unwrap_or(arg)).collect();
    let mut out = Vec::new();
    reply::command(&mut out, &words);
    Some(out)
}

/// Returns the last id in the answer for one stream; a stream that does not exist ends at 0-0, before all ids.
fn last_id(info: &[u8]) -> Option<&[u8]> {
    if is_error(info) {
        return info.starts_with(b"-ERR no such key").then_some(b"0-0");
    }
    let fields: Vec<&[u8]> = Elements::of(info)?.collect();
    let field = fields.chunks_exact(2).find(|pair| text(pair[0]) == Some(b"last-generated-id"))?;
    text(field[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    fn words(bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.split("\r\n").filter(|line| !line.starts_with(['*', '$'])).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_a_blocking_xread_has_ends_to_ask_for() {
        for (line, expected) in [
            ("XREAD BLOCK 0 STREAMS s $", 1),
            ("XREAD BLOCK 0 STREAMS $ 0", 0),
            ("xread count 1 block 5 streams a b c $ 0 $", 2),
            ("XREAD STREAMS s $", 0),
            ("XREADGROUP GROUP g c BLOCK 0 STREAMS s $", 0),
            ("XREAD BLOCK 0 STREAMS s", 0),
            ("BLPOP $ 0", 0),
        ] {
            assert_eq!(ends(&Words::of(line).request()).len(), expected, "{line}");
        }
    }

    #[test]
    fn the_ids_of_both_versions_take_the_place_of_each_end() {
        let info = |kind: &str, id: &str| {
            format!("{kind}\r\n$6\r\nlength\r\n:3\r\n$17\r\nlast-generated-id\r\n${}\r\n{id}\r\n", id.len())
        };
        let words_of = Words::of("XREAD COUNT 9 BLOCK 0 STREAMS a b c $ 7-7 $");
        let request = words_of.request();
        let asked = ends(&request);
        assert_eq!(words(&question(&request, &asked)).matches("XINFO STREAM").count(), 2);
        for kind in ["*4", "%2"] {
            let answer = format!("*2\r\n{}-ERR no such key\r\n", info(kind, "5-1"));
            let found = with_ends(&request, &asked, answer.as_bytes()).unwrap();
            assert!(words(&found).contains("XREAD COUNT 9 BLOCK 0 STREAMS a b c 5-1 7-7 0-0"), "{kind}");
        }
    }

    #[test]
    fn an_answer_that_tells_no_ids_changes_nothing() {
        let line = Words::of("XREAD BLOCK 0 STREAMS a $");
        let request = line.request();
        for answer in [
            "-EXECABORT Transaction discarded because of previous errors.\r\n",
            "*1\r\n-WRONGTYPE Operation against a key\r\n",
            "*0\r\n",
            "*-1\r\n",
            "*1\r\n*2\r\n$6\r\nlength\r\n:1\r\n",
            "+OK\r\n",
        ] {
            assert_eq!(with_ends(&request, &ends(&request), answer.as_bytes()), None, "{answer}");
        }
    }
}
