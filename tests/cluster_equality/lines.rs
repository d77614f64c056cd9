//! Makes random commands over keys with and without hash tags, from a seed.

use crate::common::Random;
use crate::common::cluster::slot;
use crate::common::compare::How;
use crate::shapes;

/// One command, and the way in which its reply is compared.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) how: How,
    /// Number of keys that were put into it.
    pub(crate) keys: usize,
    /// True if the command must be the last of its pipeline.
    pub(crate) last: bool,
}

impl Line {
    /// Splits the line at blanks.
    pub(crate) fn of(text: &str, how: How) -> Self {
        Self {
            args: text.split(' ').map(|word| word.as_bytes().to_vec()).collect(),
            how,
            keys: 0,
            last: false,
        }
    }

    /// Returns the line as people read it.
    pub(crate) fn shown(&self) -> String {
        let words: Vec<String> = self.args.iter().map(|arg| arg.escape_ascii().to_string()).collect();
        words.join(" ")
    }
}

const TAGS: [&str; 4] = ["", "{a}", "{b}", "{user:1}"];
const TYPES: [char; 9] = ['s', 'h', 'l', 't', 'z', 'x', 'p', 'g', 'b'];
const VALUES: [&str; 10] =
    ["1", "-3", "hello", "m1", "99999999999999999999", "3.5", "2", "", "\0\r\nbinary\r\n", "m2"];
const MEMBERS: [&str; 6] = ["m0", "m1", "m2", "m3", "m4", "m5"];

const CROSS_SLOT: &str = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
const ABORTED: &str = "-EXECABORT Transaction discarded because of previous errors.\r\n";
/// The commands that the proxy splits.
const SPLIT: [&str; 6] = ["MGET", "MSET", "DEL", "UNLINK", "EXISTS", "TOUCH"];
/// Commands that are not about the keys in their arguments.
const KEYLESS: [&str; 2] = ["COMMAND", "KEYS"];

/// Makes lines.
pub(crate) struct Lines {
    pub(crate) random: Random,
    /// Number of commands in a hundred that have keys anywhere; the others have all keys in one slot.
    pub(crate) crossing: usize,
    ids: usize,
}

impl Lines {
    /// Makes the same lines for the same seed.
    pub(crate) fn new(seed: u64, crossing: usize) -> Self {
        Self { random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1), crossing, ids: 0 }
    }

    /// Returns this many lines or more.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        while lines.len() < count {
            match self.random.below(1000) {
                0..2 => {
                    let shape = self.random.of(shapes::RARE);
                    lines.push(Line::of(shape, How::Exact));
                }
                2..62 => lines.extend(self.block()),
                62..70 if self.crossing > 0 => lines.extend(self.crossing_block()),
                _ => {
                    let (shape, how) = self.shape();
                    lines.push(self.line(shape, how));
                }
            }
        }
        lines
    }

    fn shape(&mut self) -> (&'static str, How) {
        let lists = [
            (shapes::EXACT, How::Exact),
            (shapes::BAG, How::Bag),
            (shapes::PAIRS, How::Pairs),
            (shapes::NEAR, How::Near),
            (shapes::KIND, How::Kind),
        ];
        let mut at = self.random.below(lists.iter().map(|(shapes, _)| shapes.len()).sum());
        for (shapes, how) in lists {
            match shapes.get(at) {
                Some(shape) => return (shape, how),
                None => at -= shapes.len(),
            }
        }
        unreachable!("within the sum")
    }

    fn line(&mut self, shape: &str, how: How) -> Line {
        let home = (self.random.below(100) >= self.crossing).then(|| 1 + self.random.below(TAGS.len() - 1));
        let (args, keys) = self.filled(shape, home);
        let name = shape.split(' ').next().unwrap_or_default();
        let crosses = keys.windows(2).any(|pair| slot(pair[0].as_bytes()) != slot(pair[1].as_bytes()));
        let whole = !SPLIT.contains(&name) && !KEYLESS.contains(&name);
        let refused = crosses && whole && self.crossing > 0;
        Line { args, how: if refused { How::Says(CROSS_SLOT) } else { how }, keys: keys.len(), last: false }
    }

    fn block(&mut self) -> Vec<Line> {
        let shapes = shapes::BLOCKS[self.random.below(shapes::BLOCKS.len())];
        let home = Some(1 + self.random.below(TAGS.len() - 1));
        let mut line = |shape| {
            let (args, keys) = self.filled(shape, home);
            Line { args, how: How::Exact, keys: keys.len(), last: false }
        };
        shapes.iter().map(|shape| line(shape)).collect()
    }

    /// A transaction over two slots: it is refused at the first command for the second slot.
    fn crossing_block(&mut self) -> Vec<Line> {
        let blocks: [&[(&str, &'static str)]; 4] = [
            &[
                ("MULTI", "+OK\r\n"),
                ("SET {a}s1 1", "+QUEUED\r\n"),
                ("SET {b}s1 1", CROSS_SLOT),
                ("PING", "+QUEUED\r\n"),
                ("EXEC", ABORTED),
            ],
            &[("MULTI", "+OK\r\n"), ("MGET {a}s1 {b}s1", CROSS_SLOT), ("EXEC", ABORTED)],
            &[("MULTI", "+OK\r\n"), ("RENAME {a}s1 {b}s1", CROSS_SLOT), ("DISCARD", "+OK\r\n")],
            &[("WATCH {a}s1 {b}s1", CROSS_SLOT), ("UNWATCH", "+OK\r\n")],
        ];
        let block = blocks[self.random.below(blocks.len())];
        block.iter().map(|(text, says)| Line::of(text, How::Says(says))).collect()
    }

    fn filled(&mut self, shape: &str, home: Option<usize>) -> (Vec<Vec<u8>>, Vec<String>) {
        let mut keys = Vec::new();
        let words = shape.split(' ').map(|word| {
            let text = match word.as_bytes() {
                b"K" | [b'K', b'a'..=b'z'] => {
                    let key = self.key(word.chars().nth(1), home);
                    keys.push(key.clone());
                    key
                }
                b"V" => self.random.of(&VALUES).to_owned(),
                b"M" => self.random.of(&MEMBERS).to_owned(),
                b"N" => self.random.below(5).to_string(),
                b"I" => (self.random.below(7) as i64 - 3).to_string(),
                b"D" => self.id(),
                _ => word.replace('~', " "),
            };
            text.into_bytes()
        });
        let args = words.collect();
        (args, keys)
    }

    /// One of ten keys has a type that the command may not expect.
    fn key(&mut self, kind: Option<char>, home: Option<usize>) -> String {
        let any = TYPES[self.random.below(TYPES.len())];
        let kind = kind.filter(|_| self.random.below(10) > 0).unwrap_or(any);
        let tag = TAGS[home.unwrap_or_else(|| self.random.below(TAGS.len()))];
        let number = self.random.below(3);
        match self.random.below(3) {
            0 if number == 0 => format!("{kind}{tag}{number}"),
            _ => format!("{tag}{kind}{number}"),
        }
    }

    /// Mostly a number beyond all before it.
    fn id(&mut self) -> String {
        self.ids += 1;
        let id = if self.random.below(4) > 0 { self.ids } else { 1 + self.random.below(self.ids) };
        format!("{id}-1")
    }
}
