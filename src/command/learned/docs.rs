//! Reads the reply to COMMAND DOCS of a server into the form that the proxy's own answers are made of.

use serde_json::{Map, Value as Json};

use crate::resp::value::Value;

/// Longest documentation of one command. What is longer is left out.
const LONG: usize = 32 * 1024;
/// Deepest syntax of a command: an argument within an argument.
const DEEP: usize = 12;

/// The documentation of commands and subcommands, by full name in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Docs(pub(super) Vec<(String, Map<String, Json>)>);

impl Docs {
    /// Adds what a reply to COMMAND DOCS says. An error adds nothing: servers before Redis 7 have no documentation.
    pub(crate) fn read(&mut self, reply: &Value) {
        let (pairs, _) = reply.items().as_chunks::<2>();
        for [name, doc] in pairs {
            self.add(name, doc);
            let subcommands =
                super::definition::field(doc, "subcommands").map(Value::items).unwrap_or_default();
            subcommands.as_chunks::<2>().0.iter().for_each(|[name, doc]| self.add(name, doc));
        }
    }

    fn add(&mut self, name: &Value, doc: &Value) {
        let Some(name) = name.text() else { return };
        let mut doc = fields(doc, DEEP);
        doc.remove("subcommands");
        if size(&doc) <= LONG {
            self.0.push((name.to_ascii_lowercase(), doc));
        }
    }
}

/// Returns about how many bytes a documentation has.
pub(super) fn size(doc: &Map<String, Json>) -> usize {
    doc.iter().map(|(name, value)| name.len() + value.to_string().len()).sum()
}

/// Reads the names and values of a map. Arguments are maps again; other lists are lists.
fn fields(map: &Value, depth: usize) -> Map<String, Json> {
    let (pairs, _) = map.items().as_chunks::<2>();
    let read = |[name, value]: &[Value; 2]| {
        let name = name.text()?;
        let value = match name {
            "arguments" => arguments(value, depth),
            _ => plain(value, depth),
        };
        Some((name.to_owned(), value))
    };
    pairs.iter().filter_map(read).collect()
}

fn arguments(list: &Value, depth: usize) -> Json {
    match depth.checked_sub(1) {
        Some(depth) => list.items().iter().map(|argument| Json::Object(fields(argument, depth))).collect(),
        None => Json::Null,
    }
}

fn plain(value: &Value, depth: usize) -> Json {
    match value {
        Value::Text(_) => value.text().unwrap_or_default().into(),
        Value::Int(number) => (*number).into(),
        Value::Array(items) if depth > 0 => items.iter().map(|item| plain(item, depth - 1)).collect(),
        Value::Array(_) | Value::Error(_) | Value::Nil => Json::Null,
    }
}
