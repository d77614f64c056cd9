//! Checks the shape of the code by numbers: no type has too many methods, and no part of the core is a knot.

use std::collections::{BTreeMap, BTreeSet};

use super::calls::{Calls, impls};
use super::source::{product, relative, text};

/// Most methods of one type.
const METHODS: usize = 90;
/// Most files in which one type has methods.
const FILES: usize = 8;
/// Most files of the core that call each other in a circle.
const KNOT: usize = 6;

#[test]
fn no_type_has_too_many_methods_or_lives_in_too_many_files() {
    let mut found: BTreeMap<(String, String), (usize, BTreeSet<String>)> = BTreeMap::new();
    for file in product() {
        let name = relative(&file);
        let module = name.split('/').next().unwrap_or_default().to_owned();
        for (of, methods) in impls(&text(&file)) {
            let (count, files) = found.entry((module.clone(), of)).or_default();
            *count += methods.len();
            files.insert(name.clone());
        }
    }
    assert!(found.len() > 150, "the sources are not read as they are written");
    let large = found.iter().filter(|(_, (count, files))| *count > METHODS || files.len() > FILES);
    let large: Vec<_> = large.collect();
    assert!(large.is_empty(), "{large:#?}");
}

#[test]
fn few_files_of_the_core_call_each_other_in_a_circle() {
    let calls = Calls::within("core");
    assert!(calls.count() > 300, "{} calls: the sources are not read as they are written", calls.count());
    let knots: Vec<_> = calls.circles().into_iter().filter(|circle| circle.len() > KNOT).collect();
    assert!(knots.is_empty(), "{knots:#?}");
}

/// Most names of types, in a hundred, that may be defined twice.
const TWICE: usize = 5;

#[test]
fn few_types_have_the_name_of_another() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for file in product() {
        types(&text(&file)).into_iter().for_each(|name| *found.entry(name).or_default() += 1);
    }
    let twice: Vec<&String> = found.iter().filter(|(_, count)| **count > 1).map(|(name, _)| name).collect();
    assert!(found.len() > 300, "the sources are not read as they are written");
    assert!(twice.len() * 100 <= found.len() * TWICE, "{twice:#?}");
}

/// Returns the types that are defined at the top level of a file.
fn types(text: &str) -> Vec<String> {
    let words = ["struct ", "enum ", "trait ", "type "];
    let defined = text
        .lines()
        .filter(|line| line.starts_with("pub") || words.iter().any(|word| line.starts_with(word)));
    let name = |line: &str| {
        let rest = words.iter().find_map(|word| Some(line.split_once(word)?.1))?;
        Some(rest.chars().take_while(|letter| letter.is_alphanumeric()).collect())
    };
    defined.filter_map(name).collect()
}
