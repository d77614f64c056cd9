//! Answers COMMAND and its subcommands from the table, without the commands that are refused here.
//!
//! The replies have the shapes of Redis 7, in both protocol versions.

use crate::command::flags::{Categories, Flags, KeyFlags};
use crate::command::keys::{each_key, known};
use crate::command::table::{BeginSearch, Command, CommandId, FindKeys, KeySpec};
use crate::command::writer::ReplyWriter;
use crate::command::{glob, learned, lookup, unknown_subcommand};
use crate::resp::reply::{self, Proto};
use crate::resp::request::Request;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// Appends the answer to a COMMAND request to `out`. `operator`: the commands about one node are there.
pub(crate) fn command_reply(request: &Request, operator: bool, proto: Proto, out: &mut Vec<u8>) {
    let mut reply = ReplyWriter { out, proto, operator };
    let Some(name) = request.arg(1) else { return reply.every_command() };
    let Some(sub) = lookup(request.name()).and_then(|command| command.subcommand_named(name)) else {
        return reply::error(reply.out, &unknown_subcommand("COMMAND", name));
    };
    if !sub.arity_fits(request.len()) {
        return reply.error(&format!("wrong number of arguments for '{}' command", sub.name));
    }
    match sub.short_name() {
        "count" => reply.integer(available(operator).count() as i64),
        "list" => reply.list(request),
        "info" if request.len() == 2 => reply.every_command(),
        "info" => reply.info(request),
        "docs" => reply.docs(request),
        "getkeys" => reply.keys(&request.skip(2), false),
        "getkeysandflags" => reply.keys(&request.skip(2), true),
        _ => reply::lines(reply.out, HELP),
    }
}

/// Returns the commands of the table, and behind them those that were learned. `operator`: those about one node, too.
fn available(operator: bool) -> impl Iterator<Item = &'static Command> + Clone {
    lookup::all().chain(learned::all()).filter(move |command| command.is_available(operator))
}

fn available_subcommands(
    command: &Command,
    operator: bool,
) -> impl Iterator<Item = &'static Command> + Clone {
    command.subcommands.iter().filter(move |sub| sub.is_available(operator))
}

/// Returns the available command or subcommand of this name: `get`, `config|get`.
fn named(name: &[u8], operator: bool) -> Option<&'static Command> {
    let mut parts = name.splitn(2, |&byte| byte == b'|');
    let command = lookup(parts.next()?)?;
    let found = match parts.next() {
        Some(sub) => command.subcommand_named(sub)?,
        None => command,
    };
    found.is_available(operator).then_some(found)
}

impl ReplyWriter<'_> {
    fn every_command(&mut self) {
        self.array(available(self.operator).count());
        available(self.operator).for_each(|command| self.command(command));
    }

    fn info(&mut self, request: &Request) {
        self.array(request.len() - 2);
        for name in request.args().skip(2) {
            match named(name, self.operator) {
                Some(command) => self.command(command),
                None => self.null(),
            }
        }
    }

    fn command(&mut self, command: &Command) {
        let (first, last, step) = command.key_range;
        self.array(10);
        self.bulk(command.name.as_bytes());
        self.integer(i64::from(command.arity));
        self.words(command.flags.words(), "");
        [first, last, step].iter().for_each(|&number| self.integer(i64::from(number)));
        self.words(command.categories.words().chain(command.more_categories.iter().copied()), "@");
        self.set(command.tips.len());
        command.tips.iter().for_each(|tip| self.bulk(tip.as_bytes()));
        self.set(command.key_specs.len());
        command.key_specs.iter().for_each(|spec| self.key_spec(spec));
        self.set(available_subcommands(command, self.operator).count());
        available_subcommands(command, self.operator).for_each(|sub| self.command(sub));
    }

    fn key_spec(&mut self, spec: &KeySpec) {
        self.map(if spec.notes.is_empty() { 3 } else { 4 });
        if !spec.notes.is_empty() {
            self.field("notes", spec.notes);
        }
        self.bulk(b"flags");
        self.words(spec.flags.words(), "");
        self.bulk(b"begin_search");
        self.begin_search(spec.begin);
        self.bulk(b"find_keys");
        self.find_keys(spec.find);
    }

    fn begin_search(&mut self, begin: BeginSearch) {
        match begin {
            BeginSearch::Index(index) => self.search("index", &[("index", index)]),
            BeginSearch::Unknown => self.search("unknown", &[]),
            BeginSearch::Keyword { word, start_from } => {
                self.map(2);
                self.field("type", "keyword");
                self.bulk(b"spec");
                self.map(2);
                self.field("keyword", word);
                self.bulk(b"startfrom");
                self.integer(i64::from(start_from));
            }
        }
    }

    fn find_keys(&mut self, find: FindKeys) {
        match find {
            FindKeys::Range { last, step, limit } => {
                self.search("range", &[("lastkey", last), ("keystep", step), ("limit", limit)]);
            }
            FindKeys::Count { count, first, step } => {
                self.search("keynum", &[("keynumidx", count), ("firstkey", first), ("keystep", step)]);
            }
            FindKeys::Unknown => self.search("unknown", &[]),
        }
    }

    fn search(&mut self, kind: &str, numbers: &[(&str, i16)]) {
        self.map(2);
        self.field("type", kind);
        self.bulk(b"spec");
        self.map(numbers.len());
        for (name, number) in numbers {
            self.bulk(name.as_bytes());
            self.integer(i64::from(*number));
        }
    }

    /// Writes COMMAND DOCS. As with servers, unknown names are left out.
    fn docs(&mut self, request: &Request) {
        let asked: Vec<&Command> = match request.len() {
            2 => available(self.operator).collect(),
            _ => request.args().skip(2).filter_map(|name| named(name, self.operator)).collect(),
        };
        self.map(asked.len());
        asked.into_iter().for_each(|command| self.doc(command));
    }

    fn doc(&mut self, command: &Command) {
        let texts = [("summary", command.summary), ("since", command.since), ("group", command.group)];
        let fields = texts.into_iter().filter(|(_, text)| !text.is_empty());
        let learned = if command.id == CommandId::OTHER { learned::docs(command.name) } else { None };
        let more = learned.as_ref().or_else(|| DOCS.get(command.name).and_then(Value::as_object));
        let subcommands = available_subcommands(command, self.operator);
        let has_subcommands = subcommands.clone().next().is_some();
        self.bulk(command.name.as_bytes());
        self.map(fields.clone().count() + more.map_or(0, Map::len) + usize::from(has_subcommands));
        fields.for_each(|(name, text)| self.field(name, text));
        more.into_iter().flatten().for_each(|(name, value)| self.doc_field(name, value));
        if has_subcommands {
            self.bulk(b"subcommands");
            self.map(subcommands.clone().count());
            subcommands.for_each(|sub| self.doc(sub));
        }
    }

    /// Writes one field. Flags are sets of simple strings and the history is a set; the others are as in JSON.
    fn doc_field(&mut self, name: &str, value: &Value) {
        self.bulk(name.as_bytes());
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        match name {
            "flags" | "doc_flags" => {
                self.set(items.len());
                items.iter().filter_map(Value::as_str).for_each(|flag| self.simple(flag));
            }
            "history" => {
                self.set(items.len());
                items.iter().for_each(|item| self.doc_value(item));
            }
            _ => self.doc_value(value),
        }
    }

    /// Writes a value. The recursion is as deep as the syntax of a command, which is a few levels and not up to a client.
    fn doc_value(&mut self, value: &Value) {
        match value {
            Value::Array(items) => {
                self.array(items.len());
                items.iter().for_each(|item| self.doc_value(item));
            }
            Value::Object(fields) => {
                self.map(fields.len());
                fields.iter().for_each(|(name, value)| self.doc_field(name, value));
            }
            Value::String(text) => self.bulk(text.as_bytes()),
            Value::Number(number) => self.integer(number.as_i64().unwrap_or_default()),
            Value::Null | Value::Bool(_) => self.null(),
        }
    }

    /// Writes COMMAND LIST. As with servers, subcommands are in the list.
    fn list(&mut self, request: &Request) {
        let operator = self.operator;
        let with_subcommands = move |command: &'static Command| {
            [command].into_iter().chain(available_subcommands(command, operator))
        };
        let all = available(operator).flat_map(with_subcommands);
        let filter = |index| request.arg(index).unwrap_or_default();
        let (by, kind, value) = (filter(2), filter(3), filter(4));
        let is = |arg: &[u8], word: &str| arg.eq_ignore_ascii_case(word.as_bytes());
        if request.len() == 2 {
            return self.names(all);
        }
        if request.len() != 5 || !is(by, "FILTERBY") {
            return self.error("syntax error");
        }
        if is(kind, "PATTERN") {
            self.names(all.filter(|command| glob::matches(value, command.name.as_bytes())));
        } else if is(kind, "ACLCAT") {
            let category = Categories::of_word(value);
            self.names(all.filter(|command| {
                category.is_some_and(|category| command.categories.contains(category))
                    || command.more_categories.iter().any(|word| is(value, word))
            }));
        } else if is(kind, "MODULE") {
            self.names(all.filter(|command| learned::module(command.name).as_deref() == Some(value)));
        } else {
            self.error("syntax error");
        }
    }

    fn names(&mut self, commands: impl Iterator<Item = &'static Command> + Clone) {
        self.array(commands.clone().count());
        commands.for_each(|command| self.bulk(command.name.as_bytes()));
    }

    /// Writes COMMAND GETKEYS: `inner` is the request that the arguments consist of.
    fn keys(&mut self, inner: &Request, with_flags: bool) {
        let Some(command) = known(inner).ok().filter(|command| command.is_available(self.operator)) else {
            return self.error("Invalid command specified");
        };
        if command.key_specs.iter().all(|spec| spec.flags.contains(KeyFlags::NOT_KEY)) {
            return self.error("The command has no key arguments");
        }
        if !command.arity_fits(inner.len()) {
            return self.error("Invalid number of arguments specified for command");
        }
        let mut found = Vec::new();
        let result = each_key(inner, command, &mut |index, flags| {
            if !flags.contains(KeyFlags::NOT_KEY) {
                found.push((index, flags));
            }
            Ok(())
        });
        if result.is_err() || (found.is_empty() && !command.flags.contains(Flags::NO_MANDATORY_KEYS)) {
            return self.error("Invalid arguments specified for command");
        }
        self.array(found.len());
        for (index, flags) in found {
            if with_flags {
                self.array(2);
            }
            self.bulk(inner.arg(index).unwrap_or_default());
            if with_flags {
                self.words(flags.words().filter(|word| *word != "variable_flags"), "");
            }
        }
    }
}

/// The fields of COMMAND DOCS that the table does not have, by full name of the command. Parsed at the first use.
static DOCS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("docs.json")).unwrap_or_default());

const HELP: &[&str] = &[
    "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "(no subcommand)",
    "    Details about all commands that are available here.",
    "COUNT",
    "    Number of commands.",
    "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
    "    Names of commands.",
    "INFO [<name> ...]",
    "    Details about commands.",
    "DOCS [<name> ...]",
    "    Documentation of commands.",
    "GETKEYS <full-command>",
    "    The keys of a full command.",
    "GETKEYSANDFLAGS <full-command>",
    "    The keys of a full command, with what happens to them.",
    "HELP",
    "    This text.",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    fn answer(line: &str, proto: Proto) -> String {
        let mut out = Vec::new();
        command_reply(&Words::of(line).request(), false, proto, &mut out);
        String::from_utf8(out).expect("text")
    }

    /// As Redis 7.0.15 answers, but for the order within sets.
    const INFO_RESP2: &str = "*2\r\n*10\r\n$12\r\ngeoradius_ro\r\n:-6\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n*3\r\n\
        +@read\r\n+@geo\r\n+@slow\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n$12\r\nbegin_search\r\n*4\r\n\
        $4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\n\
        range\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n$-1\r\n";
    const INFO_RESP3: &str = "*2\r\n*10\r\n$6\r\nzunion\r\n:-3\r\n~2\r\n+readonly\r\n+movablekeys\r\n:0\r\n:0\r\n:0\r\n~3\r\n\
        +@read\r\n+@sortedset\r\n+@slow\r\n~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n+access\r\n$12\r\nbegin_search\r\n\
        %2\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n\
        $6\r\nkeynum\r\n$4\r\nspec\r\n%3\r\n$9\r\nkeynumidx\r\n:0\r\n$8\r\nfirstkey\r\n:1\r\n$7\r\nkeystep\r\n:1\r\n~0\r\n_\r\n";

    #[test]
    fn info_has_the_shape_that_servers_give() {
        assert_eq!(answer("COMMAND INFO georadius_ro nosuch", Proto::Resp2), INFO_RESP2);
        assert_eq!(answer("command info ZUNION nosuch", Proto::Resp3), INFO_RESP3);
    }

    #[test]
    fn small_answers_are_those_of_a_server() {
        let cases = [
            ("COMMAND GETKEYS MSET a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
            (
                "COMMAND GETKEYSANDFLAGS LMOVE a b LEFT LEFT",
                "*2\r\n*2\r\n$1\r\na\r\n~3\r\n+RW\r\n+access\r\n+delete\r\n*2\r\n$1\r\nb\r\n~2\r\n+RW\r\n+insert\r\n",
            ),
            ("COMMAND GETKEYS OBJECT ENCODING k", "*1\r\n$1\r\nk\r\n"),
            ("COMMAND GETKEYS EVAL x 0", "*0\r\n"),
            ("COMMAND GETKEYS NOSUCH a", "-ERR Invalid command specified\r\n"),
            ("COMMAND GETKEYS OBJECT FOO k", "-ERR Invalid command specified\r\n"),
            ("COMMAND GETKEYS DEBUG FOO k", "-ERR Invalid command specified\r\n"),
            ("COMMAND GETKEYS PING x", "-ERR The command has no key arguments\r\n"),
            ("COMMAND GETKEYS SPUBLISH c m", "-ERR The command has no key arguments\r\n"),
            ("COMMAND GETKEYS XREAD COUNT 1", "-ERR Invalid number of arguments specified for command\r\n"),
            ("COMMAND GETKEYS ZUNION 5 a", "-ERR Invalid arguments specified for command\r\n"),
            ("COMMAND GETKEYS", "-ERR wrong number of arguments for 'command|getkeys' command\r\n"),
            ("COMMAND COUNT 3", "-ERR wrong number of arguments for 'command|count' command\r\n"),
            ("COMMAND FOO", "-ERR unknown subcommand 'FOO'. Try COMMAND HELP.\r\n"),
            (
                "COMMAND LIST FILTERBY PATTERN config|[gs]et",
                "*2\r\n$10\r\nconfig|get\r\n$10\r\nconfig|set\r\n",
            ),
            ("COMMAND LIST FILTERBY MODULE json", "*0\r\n"),
            ("COMMAND LIST FILTERBY ACLCAT nosuch", "*0\r\n"),
            ("COMMAND LIST FILTERBY FOO x", "-ERR syntax error\r\n"),
            ("COMMAND LIST FOO", "-ERR syntax error\r\n"),
            ("COMMAND DOCS nosuch", "%0\r\n"),
        ];
        for (line, expected) in cases {
            assert_eq!(answer(line, Proto::Resp3), expected, "{line}");
        }
    }

    #[test]
    fn refused_commands_are_not_shown() {
        let list = answer("COMMAND LIST", Proto::Resp2);
        for name in ["shutdown", "debug", "client|import-source", "cluster|reset", "sentinel", "rreplay"] {
            assert!(!list.contains(&format!("\n{name}\r")), "{name}");
        }
        for name in ["get", "client|setname", "cluster", "cluster|slots"] {
            assert!(list.contains(&format!("\n{name}\r")), "{name}");
        }
        assert_eq!(answer("COMMAND INFO shutdown", Proto::Resp2), "*1\r\n$-1\r\n");
    }

    /// Within maps the order is ours.
    const DOCS_RESP3: &str = "%1\r\n$13\r\nlatency|graph\r\n%5\r\n$7\r\nsummary\r\n$37\r\nReturns a latency graph for an event.\r\n\
        $5\r\nsince\r\n$6\r\n2.8.13\r\n$5\r\ngroup\r\n$6\r\nserver\r\n$9\r\narguments\r\n*1\r\n%3\r\n$12\r\ndisplay_text\r\n\
        $5\r\nevent\r\n$4\r\nname\r\n$5\r\nevent\r\n$4\r\ntype\r\n$6\r\nstring\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n";
    const DOCS_RESP2: &str = "*2\r\n$13\r\nlatency|graph\r\n*10\r\n$7\r\nsummary\r\n$37\r\nReturns a latency graph for an event.\r\n\
        $5\r\nsince\r\n$6\r\n2.8.13\r\n$5\r\ngroup\r\n$6\r\nserver\r\n$9\r\narguments\r\n*1\r\n*6\r\n$12\r\ndisplay_text\r\n\
        $5\r\nevent\r\n$4\r\nname\r\n$5\r\nevent\r\n$4\r\ntype\r\n$6\r\nstring\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n";

    #[test]
    fn docs_have_the_shape_that_servers_give() {
        assert!(!DOCS.is_empty());
        for (proto, expected) in [(Proto::Resp3, DOCS_RESP3), (Proto::Resp2, DOCS_RESP2)] {
            assert_eq!(answer("COMMAND DOCS latency|graph", proto), expected);
        }
    }

    #[test]
    fn every_reply_is_one_whole_value() {
        for line in
            ["COMMAND", "COMMAND INFO", "COMMAND DOCS", "COMMAND LIST", "COMMAND HELP", "COMMAND COUNT"]
        {
            for proto in [Proto::Resp2, Proto::Resp3] {
                let reply = answer(line, proto);
                let mut lines = reply.split_inclusive("\r\n");
                skip_value(&mut lines);
                assert_eq!(lines.next(), None, "{line}");
            }
        }
    }

    /// Takes one value, counting on no line end within a text.
    fn skip_value<'a>(lines: &mut impl Iterator<Item = &'a str>) {
        let line = lines.next().expect("a value").trim_end();
        let (kind, rest) = line.split_at(1);
        let inner = match kind {
            "*" | "~" => rest.parse().expect("a length"),
            "%" => 2 * rest.parse::<usize>().expect("a length"),
            "$" => {
                let text = lines.next().expect("a text");
                assert_eq!(text.len(), rest.parse::<usize>().expect("a length") + 2);
                0
            }
            _ => 0,
        };
        (0..inner).for_each(|_| skip_value(lines));
    }
}
