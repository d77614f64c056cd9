//! The commands that the table does not have, learned from servers: those of modules, and those of newer servers.
//!
//! [`learn`] takes what discovery has asked a server. A learned command has an entry like any other, so everything that
//! looks a command up finds it; the table comes first, and a command that it has is never looked up here.
//!
//! Entries are never given back, since requests refer to them for as long as they like. So an entry is made once for
//! each distinct definition, however often and from however many servers it is learned, and there are at most
//! [`MANY`] of them in the life of the process. Those of all proxies are in one table, as those of all servers are in
//! the built-in one: a server that does not have a command says so itself. If two servers define a command differently,
//! the definition that was learned last holds.

mod definition;
mod docs;
mod entry;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use serde_json::{Map, Value as Json};

use crate::command::lookup;
use crate::command::table::Command;

pub(crate) use self::definition::Definition;
pub(crate) use self::docs::Docs;

/// The most definitions that are ever learned, subcommands included. Redis 8 with all of its modules has about 300.
const MANY: usize = 4096;
/// Longest name of a command, as longer ones are not looked up.
const NAME: usize = 64;
/// The most bytes that the documentation of all commands may have.
const MANY_BYTES: usize = 8 * 1024 * 1024;

static LEARNED: ArcSwapOption<Learned> = ArcSwapOption::const_empty();
/// All entries that were ever made. Only the control plane locks it.
static MADE: Mutex<Vec<Made>> = Mutex::new(Vec::new());

/// An entry, and the definition that it was made of.
struct Made {
    definition: Definition,
    entry: &'static Command,
}

/// What is known at present, always replaced as a whole.
#[derive(Clone, Default)]
struct Learned {
    /// By name in lower case.
    commands: BTreeMap<&'static [u8], &'static Command>,
    docs: BTreeMap<String, Map<String, Json>>,
}

/// The outcome of learning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lesson {
    /// The number of commands that are new, or have another definition than before.
    pub(crate) learned: usize,
    /// The number of commands that were left out, since there are too many.
    pub(crate) left_out: usize,
}

/// Returns the learned entry of a command, in any case. It is looked for only if the table does not know the name.
#[cold]
pub(super) fn find(name: &[u8]) -> Option<&'static Command> {
    let learned = LEARNED.load();
    let mut buffer = [0; NAME];
    let lower = buffer.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    learned.as_ref()?.commands.get(&*lower).copied()
}

/// Returns all learned commands, sorted by name.
pub(super) fn all() -> Vec<&'static Command> {
    LEARNED.load().as_ref().map(|learned| learned.commands.values().copied().collect()).unwrap_or_default()
}

/// Returns the documentation of a learned command or subcommand.
pub(super) fn docs(name: &str) -> Option<Map<String, Json>> {
    LEARNED.load().as_ref()?.docs.get(name).cloned()
}

/// Returns the module that a learned command belongs to, by its documentation.
pub(super) fn module(name: &str) -> Option<Vec<u8>> {
    let learned = LEARNED.load();
    let command = name.split_once('|').map_or(name, |(command, _)| command);
    Some(learned.as_ref()?.docs.get(command)?.get("module")?.as_str()?.as_bytes().to_vec())
}

/// Returns true if a command of this name is worth asking for: the table does not have it.
pub(crate) fn is_news(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME && !name.contains('|') && !lookup::is_built_in(name.as_bytes())
}

/// Takes in definitions, with the documentation of some of them. Those that the table has are ignored.
pub(crate) fn learn(definitions: Vec<Definition>, docs: Docs) -> Lesson {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut next = LEARNED.load().as_deref().cloned().unwrap_or_default();
    let mut lesson = Lesson::default();
    for definition in definitions.into_iter().filter(|definition| is_news(&definition.name)) {
        let Some(entry) = entry_of(&mut made, definition) else {
            lesson.left_out += 1;
            continue;
        };
        let before = next.commands.insert(entry.name.as_bytes(), entry);
        lesson.learned += usize::from(before.is_none_or(|before| !std::ptr::eq(before, entry)));
    }
    next.add_docs(docs);
    LEARNED.store(Some(next.into()));
    lesson
}

/// Returns the entry of a definition, which is made if there is none yet. `None`: there are too many.
fn entry_of(made: &mut Vec<Made>, definition: Definition) -> Option<&'static Command> {
    if let Some(known) = made.iter().find(|made| made.definition == definition) {
        return Some(known.entry);
    }
    let count = made.iter().map(|made| made.definition.count()).sum::<usize>();
    if count + definition.count() > MANY {
        return None;
    }
    let entry: &'static Command = Box::leak(Box::new(entry::entry(&definition)));
    made.push(Made { definition, entry });
    Some(entry)
}

impl Learned {
    fn add_docs(&mut self, docs: Docs) {
        for (name, doc) in docs.0 {
            self.docs.insert(name, doc);
        }
        if self.docs.values().map(docs::size).sum::<usize>() > MANY_BYTES {
            self.docs.clear();
        }
    }
}

/// Learns commands of which only the name is known, for tests of other modules.
#[cfg(test)]
pub(crate) fn learn_names(names: &[&str]) {
    let definition =
        |name: &&str| Definition { name: (*name).to_owned(), arity: -1, ..Definition::default() };
    learn(names.iter().map(definition).collect(), Docs::default());
}

#[cfg(test)]
mod tests;
