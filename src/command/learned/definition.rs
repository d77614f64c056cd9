//! Reads what a server says of a command in its reply to COMMAND INFO, in the shapes of all versions since 2.8.13.

use crate::command::flags::{Categories, Flags, KeyFlags};
use crate::resp::value::Value;

/// Longest word: a flag, a tip, a keyword.
const WORD: usize = 128;
/// Most subcommands, key specs, tips or other words of one command.
const MANY: usize = 128;

/// A command as a server defines it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Definition {
    /// In lower case; for a subcommand `config|get`.
    pub(crate) name: String,
    pub(super) arity: i16,
    pub(super) flags: Flags,
    pub(super) categories: Categories,
    /// The categories that are not those of servers without modules: `json`.
    pub(super) more_categories: Vec<String>,
    pub(super) key_range: (i16, i16, i16),
    /// `None`: the server has no key specs yet.
    pub(super) specs: Option<Vec<Spec>>,
    pub(super) tips: Vec<String>,
    pub(super) subcommands: Vec<Definition>,
}

/// A key spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) begin: Begin,
    pub(super) find: Find,
    pub(super) flags: KeyFlags,
    pub(super) notes: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    Index(i16),
    Keyword { word: String, start_from: i16 },
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Find {
    Range { last: i16, step: i16, limit: i16 },
    Count { count: i16, first: i16, step: i16 },
    Unknown,
}

impl Definition {
    /// Reads one element of the reply to COMMAND or COMMAND INFO. `None`: there is no such command, or it makes no sense.
    pub(crate) fn read(info: &Value) -> Option<Definition> {
        Definition::read_at(info, true)
    }

    fn read_at(info: &Value, is_command: bool) -> Option<Definition> {
        let [name, arity, flags, first, last, step, more @ ..] = info.items() else { return None };
        let at = |index: usize| more.get(index).map(Value::items).unwrap_or_default();
        let categories: Vec<&str> = words(at(0)).map(|word| word.trim_start_matches('@')).collect();
        let known = |word: &&str| Categories::of_word(word.as_bytes());
        let inner = if is_command { at(3) } else { &[] };
        let subcommands = inner.iter().take(MANY).filter_map(|sub| Definition::read_at(sub, false));
        Some(Definition {
            name: word(name)?.to_ascii_lowercase(),
            arity: number(arity)?,
            flags: words(flags.items())
                .filter_map(|word| Flags::of_word(word.as_bytes()))
                .fold(Flags::EMPTY, Flags::with),
            categories: categories.iter().filter_map(known).fold(Categories::EMPTY, Categories::with),
            more_categories: categories
                .iter()
                .filter(|word| known(word).is_none())
                .map(|word| (*word).to_owned())
                .collect(),
            key_range: (number(first)?, number(last)?, number(step)?),
            specs: more.get(2).map(|specs| specs.items().iter().take(MANY).map(Spec::read).collect()),
            tips: words(at(1)).map(str::to_owned).collect(),
            subcommands: subcommands.collect(),
        })
    }

    /// Returns the number of entries that it makes.
    pub(super) fn count(&self) -> usize {
        1 + self.subcommands.len()
    }
}

impl Spec {
    /// Reads a key spec. What cannot be read is unknown, as it is if the server says so.
    fn read(spec: &Value) -> Spec {
        let flags = field(spec, "flags").map(Value::items).unwrap_or_default();
        let flags = words(flags).filter_map(|word| KeyFlags::of_word(word.as_bytes()));
        Spec {
            begin: field(spec, "begin_search").and_then(Begin::read).unwrap_or(Begin::Unknown),
            find: field(spec, "find_keys").and_then(Find::read).unwrap_or(Find::Unknown),
            flags: flags.fold(KeyFlags::EMPTY, KeyFlags::with),
            notes: field(spec, "notes").and_then(word).unwrap_or_default().to_owned(),
        }
    }

    /// Returns true if this spec does not find all of the keys that it is about.
    pub(super) fn is_vague(&self) -> bool {
        self.begin == Begin::Unknown
            || self.find == Find::Unknown
            || self.flags.contains(KeyFlags::INCOMPLETE)
    }

    /// Returns true if its keys are at places that do not depend on the arguments.
    pub(super) fn is_plain(&self) -> bool {
        matches!((&self.begin, self.find), (Begin::Index(_), Find::Range { limit: 0 | 1, .. }))
    }
}

impl Begin {
    fn read(search: &Value) -> Option<Begin> {
        let spec = field(search, "spec")?;
        match field(search, "type")?.text()? {
            "index" => Some(Begin::Index(number_in(spec, "index")?)),
            "keyword" => Some(Begin::Keyword {
                word: word(field(spec, "keyword")?)?.to_owned(),
                start_from: number_in(spec, "startfrom")?,
            }),
            _ => None,
        }
    }
}

impl Find {
    fn read(find: &Value) -> Option<Find> {
        let spec = field(find, "spec")?;
        let number = |name| number_in(spec, name);
        match field(find, "type")?.text()? {
            "range" => Some(Find::Range {
                last: number("lastkey")?,
                step: number("keystep")?,
                limit: number("limit")?,
            }),
            "keynum" => Some(Find::Count {
                count: number("keynumidx")?,
                first: number("firstkey")?,
                step: number("keystep")?,
            }),
            _ => None,
        }
    }
}

/// Returns a value of a map, which in RESP2 is a list of names and values.
pub(super) fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let (pairs, _) = map.items().as_chunks::<2>();
    pairs.iter().find(|[key, _]| key.text() == Some(name)).map(|[_, value]| value)
}

fn number_in(map: &Value, name: &str) -> Option<i16> {
    number(field(map, name)?)
}

fn number(value: &Value) -> Option<i16> {
    i16::try_from(value.int()?).ok()
}

/// Returns a word that may be shown to clients in a line: not long, and nothing but printable ASCII.
fn word(value: &Value) -> Option<&str> {
    value.text().filter(|word| word.len() <= WORD && word.bytes().all(|byte| (b' '..=b'~').contains(&byte)))
}

fn words(values: &[Value]) -> impl Iterator<Item = &str> {
    values.iter().take(MANY).filter_map(word)
}
