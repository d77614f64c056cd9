//! The server's own table of commands, as COMMAND DOCS tells it: names, groups and the grammar of the arguments.

use crate::common::compare::Value;
use crate::common::conn::Conn;

/// What stands for an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key, a number and so on: one word.
    Key,
    Integer,
    Double,
    Pattern,
    UnixTime,
    Text,
    /// Its token alone.
    Token,
    /// One of its arguments.
    OneOf,
    /// All of its arguments.
    Block,
}

/// One argument of the grammar.
#[derive(Clone, Debug)]
pub(crate) struct Arg {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) token: Option<String>,
    pub(crate) optional: bool,
    pub(crate) multiple: bool,
    pub(crate) multiple_token: bool,
    pub(crate) arguments: Vec<Self>,
}

/// One command or subcommand.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// `CONFIG`, `GET`
    pub(crate) words: Vec<String>,
    pub(crate) group: String,
    pub(crate) arguments: Vec<Arg>,
}

/// Asks a server for all of its commands, in the order of their names.
pub(crate) fn shapes(server: &mut Conn) -> Vec<Shape> {
    let docs = Value::of(&server.call_args(&["COMMAND", "DOCS"]));
    let mut shapes: Vec<Shape> = docs.elements().chunks(2).flat_map(of_command).collect();
    shapes.sort_by(|one, other| one.words.cmp(&other.words));
    shapes
}

/// Returns the subcommands of a command, or itself if it has none.
fn of_command(named: &[Value]) -> Vec<Shape> {
    let (name, docs) = (named[0].text(), &named[1]);
    match field(docs, "subcommands") {
        Some(subcommands) => subcommands.elements().chunks(2).flat_map(of_command).collect(),
        None => vec![Shape {
            words: name.split('|').map(str::to_owned).collect(),
            group: field(docs, "group").unwrap().text(),
            arguments: arguments(docs),
        }],
    }
}

fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    map.elements().chunks(2).find(|pair| pair[0].text() == name).map(|pair| &pair[1])
}

fn arguments(docs: &Value) -> Vec<Arg> {
    let all = field(docs, "arguments").map(Value::elements).unwrap_or_default();
    all.iter().map(argument).collect()
}

fn argument(docs: &Value) -> Arg {
    let flags = field(docs, "flags").map(Value::elements).unwrap_or_default();
    let has = |flag: &str| flags.iter().any(|known| known.text() == flag);
    Arg {
        name: field(docs, "name").unwrap().text(),
        kind: kind(&field(docs, "type").unwrap().text()),
        token: field(docs, "token").map(Value::text),
        optional: has("optional"),
        multiple: has("multiple"),
        multiple_token: has("multiple_token"),
        arguments: arguments(docs),
    }
}

fn kind(name: &str) -> Kind {
    match name {
        "key" => Kind::Key,
        "integer" => Kind::Integer,
        "double" => Kind::Double,
        "pattern" => Kind::Pattern,
        "unix-time" => Kind::UnixTime,
        "pure-token" => Kind::Token,
        "oneof" => Kind::OneOf,
        "block" => Kind::Block,
        _ => Kind::Text,
    }
}
