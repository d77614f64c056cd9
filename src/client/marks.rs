//! Marks: how a node learns the number of clients that stand behind one connection of the proxy. A mark is a channel
//! that nobody publishes to, and that the connection subscribes to beside the channel itself.
//!
//! With five clients on `news` a connection is subscribed to `news` and to `news#tideover+4`: there are four clients more
//! than the node counts. With six clients the marks are `+4` and `+1`. A proxy that asks the node for the numbers of a
//! channel and of all its marks can add up the clients of all proxies. When a connection ends, its marks end with it.

use std::sync::Arc;

use crate::command::Slot;
use crate::resp::elements::{Elements, integer, text};
use crate::resp::request::Request;
use crate::resp::{number, reply};

use crate::resp::pubsub::{Name, Space};

/// The number of marks of one name. They can express up to 131,072 clients behind one connection.
const DIGITS: u32 = 17;

/// A longer name has no marks, so that a question about it stays small.
const LONGEST: usize = 1024;

const WORD: &[u8] = b"#tideover";

/// Returns the marks of a connection with so many clients, as a sum. Bit n stands for the mark of 2^n.
pub(crate) fn wanted(clients: usize) -> u32 {
    let most = (1 << DIGITS) - 1;
    u32::try_from(clients.saturating_sub(1)).map_or(most, |more| more.min(most))
}

/// Returns the bits that are set in such a sum.
pub(crate) fn digits(marks: u32) -> impl Iterator<Item = u32> {
    (0..DIGITS).filter(move |digit| marks & 1 << digit != 0)
}

/// Returns the mark of a name, or `None` if the name has none. Patterns need none, since nobody can ask a node how
/// many clients hold one.
pub(crate) fn mark(space: Space, name: &[u8], digit: u32) -> Option<Name> {
    if space == Space::Pattern || name.len() > LONGEST || base(name).is_some() {
        return None;
    }
    let number = (1_u32 << digit).to_string();
    let plain = [name, WORD, b"+", number.as_bytes()].concat();
    // The mark of a shard channel has to be in the slot of the channel.
    let is_there = |mark: &[u8]| space == Space::Channel || Slot::of_key(mark) == Slot::of_key(name);
    if is_there(&plain) {
        return Some(Arc::from(plain));
    }
    let tagged = [name, WORD, b"{", name, b"}+", number.as_bytes()].concat();
    is_there(&tagged).then(|| Arc::from(tagged))
}

/// Returns the name that a mark belongs to, and the number of clients that the mark stands for.
pub(crate) fn base(mark: &[u8]) -> Option<(&[u8], i64)> {
    let plus = mark.iter().rposition(|byte| *byte == b'+')?;
    let number = std::str::from_utf8(mark.get(plus + 1..)?).ok()?.parse::<u32>().ok()?;
    let head = mark.get(..plus)?;
    let name = head.strip_suffix(WORD).or_else(|| {
        let len = head.len().checked_sub(WORD.len() + 2)? / 2;
        let name = head.get(..len)?;
        (head == [name, WORD, b"{", name, b"}"].concat()).then_some(name)
    })?;
    number.is_power_of_two().then_some((name, i64::from(number)))
}

/// A question about the number of subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountQuestion {
    /// The reply to PUBLISH.
    Published,
    /// The reply to SPUBLISH.
    ShardPublished,
    /// PUBSUB NUMSUB or SHARDNUMSUB.
    Numbers(Space),
    /// PUBSUB CHANNELS or SHARDCHANNELS.
    Names,
    /// PUBSUB NUMPAT.
    Patterns,
}

impl CountQuestion {
    pub(crate) fn of(request: &Request<'_>) -> Option<CountQuestion> {
        let is = |index: usize, word: &str| {
            request.arg(index).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
        };
        let about = [
            ("NUMSUB", CountQuestion::Numbers(Space::Channel)),
            ("SHARDNUMSUB", CountQuestion::Numbers(Space::Shard)),
            ("CHANNELS", CountQuestion::Names),
            ("SHARDCHANNELS", CountQuestion::Names),
            ("NUMPAT", CountQuestion::Patterns),
        ];
        match () {
            () if is(0, "PUBLISH") => Some(CountQuestion::Published),
            () if is(0, "SPUBLISH") => Some(CountQuestion::ShardPublished),
            () if is(0, "PUBSUB") => about.into_iter().find(|(word, _)| is(1, word)).map(|(_, what)| what),
            () => None,
        }
    }

    /// Returns the question with the marks of each name added, in parts of at most `names` names: the reply to the
    /// whole question is that to the parts, one after the other. Returns nothing if the question needs no marks.
    pub(crate) fn with_marks(self, request: &Request<'_>, names: usize) -> Vec<Vec<u8>> {
        let CountQuestion::Numbers(space) = self else { return Vec::new() };
        let all: Vec<&[u8]> = request.args().skip(2).collect();
        let part = |names: &[&[u8]]| {
            let (mut words, mut count) = (Vec::new(), 0);
            let mut say = |word: &[u8]| {
                reply::bulk(&mut words, word);
                count += 1;
            };
            request.args().take(2).for_each(&mut say);
            for name in names {
                say(name);
                (0..DIGITS).filter_map(|digit| mark(space, name, digit)).for_each(|mark| say(&mark));
            }
            let mut out = Vec::with_capacity(words.len() + 16);
            reply::array(&mut out, count);
            out.extend_from_slice(&words);
            out
        };
        match all.is_empty() {
            true => vec![part(&[])],
            false => all.chunks(names.max(1)).map(part).collect(),
        }
    }
}

/// Adds the numbers of the marks to those of their names. Returns `None` if `raw` is no such reply.
pub(crate) fn summed(raw: &[u8]) -> Option<Vec<u8>> {
    let mut elements = Elements::of(raw)?;
    let mut sums: Vec<(&[u8], i64)> = Vec::new();
    while let Some(name) = elements.next() {
        let number = integer(elements.next()?)?;
        let marked = text(name).and_then(base);
        match (marked, sums.last_mut()) {
            (Some((name, each)), Some((last, sum))) if text(last) == Some(name) => {
                *sum = sum.saturating_add(number.saturating_mul(each));
            }
            _ => sums.push((name, number)),
        }
    }
    let mut out = Vec::with_capacity(raw.len());
    header(&mut out, *raw.first()?, 2 * sums.len());
    for (name, sum) in sums {
        out.extend_from_slice(name);
        reply::integer(&mut out, sum);
    }
    Some(out)
}

/// Removes the marks from a list of names. Returns `None` if there are none, or if `raw` is no list.
pub(crate) fn hidden(raw: &[u8]) -> Option<Vec<u8>> {
    let is_mark = |name: &&[u8]| text(name).is_some_and(|name| base(name).is_some());
    if !Elements::of(raw)?.any(|name| is_mark(&name)) {
        return None;
    }
    let kept: Vec<&[u8]> = Elements::of(raw)?.filter(|name| !is_mark(name)).collect();
    let mut out = Vec::with_capacity(raw.len());
    header(&mut out, *raw.first()?, kept.len());
    kept.into_iter().for_each(|name| out.extend_from_slice(name));
    Some(out)
}

fn header(out: &mut Vec<u8>, kind: u8, elements: usize) {
    out.push(kind);
    number::write(out, if kind == b'%' { elements / 2 } else { elements } as i64);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    #[test]
    fn marks_add_up_to_the_clients_that_the_node_does_not_count() {
        for (clients, expected) in
            [(0, 0), (1, 0), (2, 1), (3, 2), (100, 99), (131_072, 131_071), (usize::MAX, 131_071)]
        {
            let sum: u32 = digits(wanted(clients)).map(|digit| 1 << digit).sum();
            assert_eq!(sum, expected, "{clients}");
        }
    }

    #[test]
    fn a_mark_names_its_channel_and_is_in_its_slot() {
        for (space, name, expected) in [
            (Space::Channel, "news", Some("news#tideover+4")),
            (Space::Channel, "", Some("#tideover+4")),
            (Space::Channel, "a}{b", Some("a}{b#tideover+4")),
            (Space::Channel, "news#tideover+4", None),
            (Space::Pattern, "news", None),
            (Space::Shard, "{a}news", Some("{a}news#tideover+4")),
            (Space::Shard, "news", Some("news#tideover{news}+4")),
            (Space::Shard, "socket.io#/#", Some("socket.io#/##tideover{socket.io#/#}+4")),
            (Space::Shard, "a{b", None),
            (Space::Shard, "{}", None),
        ] {
            let made = mark(space, name.as_bytes(), 2);
            assert_eq!(made.as_deref(), expected.map(str::as_bytes), "{space:?} {name}");
            let Some(made) = made else { continue };
            assert_eq!(base(&made), Some((name.as_bytes(), 4)));
            assert!(space == Space::Channel || Slot::of_key(&made) == Slot::of_key(name.as_bytes()));
        }
        assert_eq!(mark(Space::Channel, &[b'a'; LONGEST + 1], 0), None);
        for name in ["news", "news+4", "news#tideover+", "news#tideover+3", "news#tideover{new}+4", "+1", ""]
        {
            assert_eq!(base(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn questions_are_recognized() {
        for (line, expected) in [
            ("publish a m", Some(CountQuestion::Published)),
            ("SPUBLISH a m", Some(CountQuestion::ShardPublished)),
            ("PUBSUB numsub a", Some(CountQuestion::Numbers(Space::Channel))),
            ("PUBSUB SHARDNUMSUB", Some(CountQuestion::Numbers(Space::Shard))),
            ("PUBSUB CHANNELS", Some(CountQuestion::Names)),
            ("PUBSUB SHARDCHANNELS a*", Some(CountQuestion::Names)),
            ("PUBSUB NUMPAT", Some(CountQuestion::Patterns)),
            ("PUBSUB HELP", None),
            ("GET a", None),
        ] {
            assert_eq!(CountQuestion::of(&Words::of(line).request()), expected, "{line}");
        }
    }

    #[test]
    fn a_question_is_asked_with_all_marks_and_its_answer_is_the_sum() {
        let words = Words::of("PUBSUB NUMSUB a b");
        let request = words.request();
        let question = CountQuestion::of(&request).unwrap();
        let asked = question.with_marks(&request, 2).concat();
        let names: Vec<&[u8]> = Elements::of(&asked).unwrap().filter_map(text).collect();
        assert_eq!(names.len(), 2 + 2 * (1 + DIGITS as usize));
        let mut answer = Vec::new();
        reply::array(&mut answer, 2 * (names.len() - 2));
        for name in &names[2..] {
            reply::bulk(&mut answer, name);
            let number = match *name {
                b"a" => 3,
                b"a#tideover+1" => 2,
                b"a#tideover+64" => 1,
                _ => 0,
            };
            reply::integer(&mut answer, number);
        }
        assert_eq!(summed(&answer).unwrap(), b"*4\r\n$1\r\na\r\n:69\r\n$1\r\nb\r\n:0\r\n");
        let parts = question.with_marks(&request, 1);
        assert_eq!(parts.len(), 2, "a part for each name");
        assert!(parts[1].starts_with(b"*20\r\n$6\r\nPUBSUB\r\n$6\r\nNUMSUB\r\n$1\r\nb\r\n"));
        assert_eq!(summed(b"*0\r\n").unwrap(), b"*0\r\n");
        assert_eq!(summed(b"-ERR x\r\n"), None);
        assert_eq!(summed(b"*1\r\n$1\r\na\r\n"), None);
    }

    #[test]
    fn marks_are_hidden_from_lists_of_channels() {
        assert_eq!(
            hidden(b"*3\r\n$1\r\na\r\n$12\r\na#tideover+1\r\n$1\r\nb\r\n").unwrap(),
            b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"
        );
        assert_eq!(hidden(b"*1\r\n$1\r\na\r\n"), None);
        assert_eq!(hidden(b":1\r\n"), None);
    }
}
