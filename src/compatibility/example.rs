//! Examples of requests: the arguments that a command needs, with keys where its keys stand.

use crate::command::testing::Words;
use crate::command::{BeginSearch, Command, FindKeys, KeyRule, KeySpec, key_run, visit_keys};

/// Most arguments beyond those that a command must have.
const FURTHER: usize = 6;

/// Two requests of one command, which differ in their keys alone.
pub(super) struct Example {
    /// All keys are in one slot.
    pub(super) together: Words,
    /// Each key is in a slot of its own.
    pub(super) apart: Words,
    pub(super) keys: usize,
}

impl Example {
    /// Returns the example with the most keys; of these, one that may be split by them.
    pub(super) fn of(entry: &Command) -> Example {
        let further = if entry.arity < 0 { FURTHER } else { 0 };
        let candidates = (0..=further).map(|further| arguments(entry, further));
        let most = candidates
            .max_by_key(|words| (keys_of(entry, words).len(), is_run(entry, words)))
            .unwrap_or_default();
        let keys = keys_of(entry, &most);
        let with = |prefix: &str| {
            let keyed =
                |word: &String| if keys.contains(word) { format!("{prefix}{word}") } else { word.clone() };
            Words::new(most.iter().map(keyed))
        };
        Example { together: with("{tag}"), apart: with("key"), keys: keys.len() }
    }
}

/// Returns a request whose arguments are numbers that differ, but for those that say where the keys are.
fn arguments(entry: &Command, further: usize) -> Vec<String> {
    let len = usize::from(entry.arity.unsigned_abs()) + further;
    let mut words: Vec<String> = entry.name.split('|').map(str::to_owned).collect();
    words.extend((words.len()..len).map(|index| (10 + index).to_string()));
    for spec in entry.key_specs {
        if let (BeginSearch::Index(begin), FindKeys::Count { count, .. }) = (spec.begin, spec.find)
            && let Some(word) = usize::try_from(begin + count).ok().and_then(|index| words.get_mut(index))
        {
            "2".clone_into(word);
        }
    }
    let keyword = match (entry.key_rule, entry.key_specs) {
        (KeyRule::Streams, _) => Some((1, "STREAMS")),
        (_, [KeySpec { begin: BeginSearch::Keyword { word, start_from: 1 }, .. }]) => Some((2, *word)),
        _ => None,
    };
    if let Some((index, keyword)) = keyword
        && let Some(word) = words.get_mut(index)
    {
        keyword.clone_into(word);
    }
    words
}

/// Returns true if the request consists of keys, each with its value.
fn is_run(entry: &Command, words: &[String]) -> bool {
    let request = Words::new(words);
    key_run(&request.request(), entry)
        .is_some_and(|run| run.end() + run.options == words.len() && run.options < 2)
}

fn keys_of(entry: &Command, words: &[String]) -> Vec<String> {
    let (request, mut keys) = (Words::new(words), Vec::new());
    let found = visit_keys(&request.request(), entry, &mut |key| {
        keys.push(String::from_utf8_lossy(key).into_owned());
    });
    if found.is_err() {
        keys.clear();
    }
    keys
}

#[test]
fn examples_have_the_keys_of_their_commands() {
    let example = |name: &str| Example::of(super::page::entry(name));
    for (name, keys) in [
        ("get", 1),
        ("ping", 0),
        ("mget", 7),
        ("mset", 4),
        ("eval", 2),
        ("xread", 4),
        ("rename", 2),
        ("stralgo", 2),
    ] {
        assert_eq!(example(name).keys, keys, "{name}");
    }
}
