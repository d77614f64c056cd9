//! No type is a whole program, and no part of the core is a knot: what can be counted of it.

use std::collections::{BTreeMap, BTreeSet};

use super::calls::{Calls, impls};
use super::source::{product, relative, text};

/// Methods of one type.
const METHODS: usize = 90;
/// Files in which one type has methods.
const FILES: usize = 8;
/// Files of the core that call each other in a circle.
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
    assert!(found.len() > 200, "the sources are not read as they are written");
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
