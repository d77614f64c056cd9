//! TOML as a tree in which every value knows the place where it was written.
//!
//! Options of the command line are added to the same tree, so that the same code checks a file and options and reports
//! their faults. Serde is not used, as it stops at the first fault.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Faults, Place, quoted};

pub(super) type Table = BTreeMap<String, TreeNode>;

/// A value and the place where it was written.
#[derive(Clone, Debug)]
pub(super) struct TreeNode {
    pub(super) place: Place,
    pub(super) item: Item,
}

#[derive(Clone, Debug)]
pub(super) enum Item {
    Table(Table),
    List(Vec<TreeNode>),
    Text(String),
    /// A text whose type depends on its reader: an option, or the content of an environment variable.
    Untyped(String),
    Integer(i64),
    Bool(bool),
    /// A float or a date, which no key takes.
    Other,
    /// A value whose fault is reported already; it is read as if it were missing.
    Faulty,
}

impl Item {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Item::Table(_) => "a table",
            Item::List(_) => "a list",
            Item::Text(_) | Item::Untyped(_) => "a string",
            Item::Integer(_) => "a whole number",
            Item::Bool(_) => "true or false",
            Item::Other | Item::Faulty => "a float or a date",
        }
    }
}

/// Returns an environment variable by its name.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Parses a whole file. `None`: it is not TOML, and faults found in the readable rest would only mislead.
pub(super) fn parse(file: &str, source: &str, env: Env<'_>, faults: &Faults) -> Option<Table> {
    let reader = Reader { origin: Origin::File(file.into()), source, env, faults };
    let (root, errors) = DeTable::parse_recoverable(source);
    let line_of = |error: &toml::de::Error| reader.line(error.span().map_or(0, |span| span.start));
    // Further faults of the same line are mostly consequences of the first.
    for same_line in errors.chunk_by(|one, other| line_of(one) == line_of(other)) {
        same_line.iter().take(1).for_each(|error| reader.syntax_fault(error));
    }
    errors.is_empty().then(|| reader.table(root.get_ref(), ""))
}

/// Parses the value of an option. Lists, tables and quoted strings are read as in a file; anything else is untyped.
pub(super) fn option_value(place: &Place, value: &str, faults: &Faults) -> Item {
    let reader = Reader { origin: Origin::Option(place.clone()), source: value, env: &|_| None, faults };
    match DeValue::parse(value) {
        Ok(found)
            if matches!(found.get_ref(), DeValue::String(_) | DeValue::Array(_) | DeValue::Table(_)) =>
        {
            reader.item(&found, place, "")
        }
        Ok(_) | Err(_) => Item::Untyped(value.to_owned()),
    }
}

enum Origin {
    File(Arc<str>),
    /// An option, whose variables the shell has replaced already.
    Option(Place),
}

struct Reader<'a> {
    origin: Origin,
    source: &'a str,
    env: Env<'a>,
    faults: &'a Faults,
}

impl Reader<'_> {
    fn place(&self, offset: usize) -> Place {
        match &self.origin {
            Origin::File(file) => Place::File { file: file.clone(), line: self.line(offset) },
            Origin::Option(place) => place.clone(),
        }
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.source.get(..offset).unwrap_or(self.source).matches('\n').count()
    }

    fn syntax_fault(&self, error: &toml::de::Error) {
        let offset = error.span().map_or(0, |span| span.start);
        let key = written_key(self.source, self.line(offset));
        let what = format!("not TOML: {}", error.message().replace('\n', "; "));
        self.faults.add(&self.place(offset), &key, what);
    }

    fn table(&self, table: &DeTable<'_>, path: &str) -> Table {
        table
            .iter()
            .map(|(key, value)| {
                let name = key.get_ref().to_string();
                let path = joined(path, &name);
                let place = self.place(key.span().start);
                let item = self.item(value, &place, &path);
                (name, TreeNode { place, item })
            })
            .collect()
    }

    fn item(&self, value: &Spanned<DeValue<'_>>, place: &Place, path: &str) -> Item {
        match value.get_ref() {
            DeValue::String(text) => self.text(text, place, path),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Item::Other, Item::Integer)
            }
            DeValue::Boolean(truth) => Item::Bool(*truth),
            DeValue::Array(list) => Item::List(list.iter().map(|entry| self.entry(entry, path)).collect()),
            DeValue::Table(table) => Item::Table(self.table(table, path)),
            DeValue::Float(_) | DeValue::Datetime(_) => Item::Other,
        }
    }

    fn entry(&self, value: &Spanned<DeValue<'_>>, path: &str) -> TreeNode {
        let place = self.place(value.span().start);
        let item = self.item(value, &place, path);
        TreeNode { place, item }
    }

    fn text(&self, text: &str, place: &Place, path: &str) -> Item {
        if matches!(self.origin, Origin::Option(_)) {
            return Item::Text(text.to_owned());
        }
        match substitute(text, self.env) {
            Ok(None) => Item::Text(text.to_owned()),
            Ok(Some(text)) => Item::Untyped(text),
            Err(what) => {
                self.faults.add(place, path, what);
                Item::Faulty
            }
        }
    }
}

/// Returns the key on a line of a file that is not TOML, behind the last header above it. Only a plain key is returned, as
/// the line may be part of a secret.
fn written_key(source: &str, line: usize) -> String {
    let is_key = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let header =
        |text: &str| text.trim().strip_prefix('[').map(|rest| rest.trim_matches(['[', ']', ' ']).to_owned());
    let upto: Vec<&str> = source.lines().take(line).collect();
    let path =
        upto.iter().rev().find_map(|text| header(text)).filter(|path| is_key(path)).unwrap_or_default();
    match upto.last().and_then(|text| text.split_once('=')) {
        Some((key, _)) if is_key(key.trim()) => joined(&path, key.trim()),
        Some(_) | None => path,
    }
}

pub(super) fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Replaces `${NAME}` by the variable and `$${` by a plain `${`. `None`: there is nothing to replace.
fn substitute(text: &str, env: Env<'_>) -> Result<Option<String>, String> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        rest = after;
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            continue;
        }
        out.push_str(before);
        let (name, tail) =
            after.split_once('}').ok_or("\"${\" without \"}\"; allowed: ${NAME}, or $${ for a plain ${")?;
        out.push_str(&env(name).ok_or_else(|| format!("environment variable {} is not set", quoted(name)))?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(Some(out))
}

/// Sets the value at `path`. The error says which value on the way is no table.
pub(super) fn insert(table: &mut Table, path: &[&str], place: &Place, item: Item) -> Result<(), String> {
    let Some((key, rest)) = path.split_first() else {
        return Err("allowed: key=value, such as failover.hold=10s".to_owned());
    };
    if rest.is_empty() {
        table.insert((*key).to_owned(), TreeNode { place: place.clone(), item });
        return Ok(());
    }
    let node = table
        .entry((*key).to_owned())
        .or_insert_with(|| TreeNode { place: place.clone(), item: Item::Table(Table::new()) });
    if let Item::Table(inner) = &mut node.item {
        return insert(inner, rest, place, item);
    }
    Err(format!("{} is {}, not a table", quoted(key), node.item.type_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        (name == "HOST").then(|| "redis.internal".to_owned())
    }

    #[test]
    fn environment_variables_are_substituted() {
        let cases = [
            ("plain", Ok(None)),
            ("$HOST", Ok(None)),
            ("${HOST}", Ok(Some("redis.internal"))),
            ("${HOST}:6379", Ok(Some("redis.internal:6379"))),
            ("a${HOST}b${HOST}", Ok(Some("aredis.internalbredis.internal"))),
            ("a$${HOST}", Ok(Some("a${HOST}"))),
            ("${NOPE}", Err(())),
            ("${HOST", Err(())),
        ];
        for (text, expected) in cases {
            let found = substitute(text, &env).map_err(|_| ());
            assert_eq!(found, expected.map(|text| text.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn every_value_knows_its_line() {
        let faults = Faults::default();
        let source = "[log]\nlevel = \"info\"\n\n[[proxy]]\nlisten = [\n  \"a\",\n  \"b\",\n]\n[proxy.failover]\nhold = 3\n";
        let root = parse("f", source, &env, &faults).unwrap();
        let Item::List(proxies) = &root["proxy"].item else { panic!("a list") };
        let Item::Table(proxy) = &proxies[0].item else { panic!("a table") };
        let Item::List(listen) = &proxy["listen"].item else { panic!("a list") };
        let Item::Table(failover) = &proxy["failover"].item else { panic!("a table") };
        let lines =
            [&root["log"], &proxies[0], &proxy["listen"], &listen[1], &proxy["failover"], &failover["hold"]]
                .map(|node| node.place.to_string());
        assert_eq!(lines, ["f:1", "f:4", "f:5", "f:7", "f:9", "f:10"]);
        assert!(faults.into_sorted().is_empty());
    }

    #[test]
    fn every_syntax_fault_is_reported() {
        let faults = Faults::default();
        let tree =
            parse("f", "[log]\nlevel = \nformat = \"text\"\nformat = \"text\"\n[admin\n", &env, &faults);
        assert!(tree.is_none());
        let faults: Vec<String> = faults.into_sorted().iter().map(ToString::to_string).collect();
        assert!(faults.len() >= 3, "{faults:?}");
        assert!(faults[0].starts_with("f:2: log.level: not TOML"), "{faults:?}");
    }

    #[test]
    fn an_option_is_laid_over_the_tree() {
        let place = Place::Option("--set a.b".into());
        let mut table = Table::new();
        assert!(insert(&mut table, &["a", "b"], &place, Item::Integer(1)).is_ok());
        assert!(insert(&mut table, &["a", "c"], &place, Item::Integer(2)).is_ok());
        assert!(insert(&mut table, &["a", "b", "c"], &place, Item::Integer(2)).is_err());
        assert!(insert(&mut table, &[], &place, Item::Integer(2)).is_err());
        let Item::Table(inner) = &table["a"].item else { panic!("a table") };
        assert_eq!(inner.len(), 2);
    }
}
