//! One table of a config, read key by key; `values` has the readers for each type of value.
//!
//! Every key must be read, even if it is not used: `finish` reports the others as unknown.

use std::cell::RefCell;
use std::fmt::Display;

use super::fault::{Faults, Place};
use super::tree::{Item, Table, TreeNode, joined};

pub(super) struct Section<'a> {
    path: String,
    place: Place,
    table: Table,
    /// The keys that were read.
    known: RefCell<Vec<&'static str>>,
    faults: &'a Faults,
}

impl<'a> Section<'a> {
    pub(super) fn root(table: Table, place: Place, faults: &'a Faults) -> Self {
        Section::new(String::new(), place, table, faults)
    }

    fn new(path: String, place: Place, table: Table, faults: &'a Faults) -> Self {
        Section { path, place, table, known: RefCell::default(), faults }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn place_of(&self, key: &str) -> &Place {
        self.table.get(key).map_or(&self.place, |node| &node.place)
    }

    /// Returns all entries, for a table whose keys the file chooses.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, &TreeNode)> {
        self.table.iter()
    }

    /// Records a fault at the key, or at the section's header if the key is missing.
    pub(super) fn fault(&self, key: &str, what: impl Into<String>) {
        self.fault_at(self.place_of(key), key, what);
    }

    pub(super) fn fault_at(&self, place: &Place, key: &str, what: impl Into<String>) {
        self.faults.add(place, &joined(&self.path, key), what);
    }

    /// Returns the value of a key, and counts the key as known. `None`: it is missing, or already reported.
    pub(super) fn node(&self, key: &'static str) -> Option<&TreeNode> {
        self.known.borrow_mut().push(key);
        self.table.get(key).filter(|node| !matches!(node.item, Item::Faulty))
    }

    pub(super) fn wrong_type(&self, key: &str, node: &TreeNode, allowed: impl Display) {
        self.fault_at(
            &node.place,
            key,
            format!("{} is not allowed here; allowed: {allowed}", node.item.type_name()),
        );
    }

    /// Records a fault if a required key is missing.
    pub(super) fn require(&self, key: &str, allowed: impl Display) {
        if !self.has(key) {
            self.fault(key, format!("is missing; allowed: {allowed}"));
        }
    }

    /// Returns the table of a key; an empty one if it is missing.
    pub(super) fn table(&self, key: &'static str) -> Section<'a> {
        let path = joined(&self.path, key);
        let Some(node) = self.node(key) else {
            return Section::new(path, self.place.clone(), Table::new(), self.faults);
        };
        let table = if let Item::Table(table) = &node.item {
            table.clone()
        } else {
            self.wrong_type(key, node, format!("a table, [{path}]"));
            Table::new()
        };
        Section::new(path, node.place.clone(), table, self.faults)
    }

    /// Returns the tables of an array of tables.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Section<'a>> {
        let path = joined(&self.path, key);
        let Some(node) = self.node(key) else { return Vec::new() };
        let Item::List(list) = &node.item else {
            self.wrong_type(key, node, format!("a list of tables, [[{path}]]"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for entry in list {
            if let Item::Table(table) = &entry.item {
                let (path, place) = (path.clone(), entry.place.clone());
                sections.push(Section::new(path, place, table.clone(), self.faults));
            } else {
                self.wrong_type(key, entry, format!("a table, [[{path}]]"));
            }
        }
        sections
    }

    /// Records a fault for each of these keys that is there: they are planned but not available yet.
    pub(super) fn not_available(&self, keys: &[&'static str]) {
        for key in keys {
            if self.node(key).is_some() {
                self.fault(key, "is not available yet");
            }
        }
    }

    /// Records a fault for every key that was not read. Must be called last.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for (key, node) in self.table.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            self.fault_at(&node.place, key, format!("unknown key; allowed: {}", known.join(", ")));
        }
    }
}
