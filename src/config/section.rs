//! One table of the file form, read key by key; `values` has the readers for each type of value.
//!
//! Every key must be asked for: `finish` takes the others for misspelled.

use std::cell::RefCell;
use std::fmt::Display;

use super::fault::{Faults, Place};
use super::tree::{Item, Table, TreeNode, joined};

pub(super) struct Section<'a> {
    path: String,
    place: Place,
    table: Table,
    asked: RefCell<Vec<&'static str>>,
    faults: &'a Faults,
}

impl<'a> Section<'a> {
    pub(super) fn root(table: Table, place: Place, faults: &'a Faults) -> Self {
        Section::new(String::new(), place, table, faults)
    }

    fn new(path: String, place: Place, table: Table, faults: &'a Faults) -> Self {
        Section { path, place, table, asked: RefCell::default(), faults }
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

    /// Keys that the file chooses.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, &TreeNode)> {
        self.table.iter()
    }

    /// At the key, or at the section's header when the key is not there.
    pub(super) fn fault(&self, key: &str, what: impl Into<String>) {
        self.fault_at(self.place_of(key), key, what);
    }

    pub(super) fn fault_at(&self, place: &Place, key: &str, what: impl Into<String>) {
        self.faults.add(place, &joined(&self.path, key), what);
    }

    pub(super) fn take(&self, key: &'static str) -> Option<&TreeNode> {
        self.asked.borrow_mut().push(key);
        self.table.get(key).filter(|node| !matches!(node.item, Item::Faulty))
    }

    pub(super) fn wrong_type(&self, key: &str, node: &TreeNode, allowed: impl Display) {
        self.fault_at(
            &node.place,
            key,
            format!("{} is not allowed here; allowed: {allowed}", node.item.type_name()),
        );
    }

    /// A fault for a required key, unless it is there with a fault of its own.
    pub(super) fn missing(&self, key: &str, allowed: impl Display) {
        if !self.has(key) {
            self.fault(key, format!("is missing; allowed: {allowed}"));
        }
    }

    /// A sub-table; empty when it is not there.
    pub(super) fn table(&self, key: &'static str) -> Section<'a> {
        let path = joined(&self.path, key);
        let Some(node) = self.take(key) else {
            return Section::new(path, self.place.clone(), Table::new(), self.faults);
        };
        let table = match &node.item {
            Item::Table(table) => table.clone(),
            Item::List(_)
            | Item::Text(_)
            | Item::Loose(_)
            | Item::Whole(_)
            | Item::Truth(_)
            | Item::Other
            | Item::Faulty => {
                self.wrong_type(key, node, format!("a table, [{path}]"));
                Table::new()
            }
        };
        Section::new(path, node.place.clone(), table, self.faults)
    }

    /// An array of tables.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Section<'a>> {
        let path = joined(&self.path, key);
        let Some(node) = self.take(key) else { return Vec::new() };
        let Item::List(list) = &node.item else {
            self.wrong_type(key, node, format!("a list of tables, [[{path}]]"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for entry in list {
            match &entry.item {
                Item::Table(table) => {
                    sections.push(Section::new(
                        path.clone(),
                        entry.place.clone(),
                        table.clone(),
                        self.faults,
                    ));
                }
                Item::List(_)
                | Item::Text(_)
                | Item::Loose(_)
                | Item::Whole(_)
                | Item::Truth(_)
                | Item::Other
                | Item::Faulty => {
                    self.wrong_type(key, entry, format!("a table, [[{path}]]"));
                }
            }
        }
        sections
    }

    /// Keys that are part of the interface but not built yet. Each one that is there is a fault.
    pub(super) fn not_available(&self, keys: &[&'static str]) {
        for key in keys {
            if self.take(key).is_some() {
                self.fault(key, "is not available yet");
            }
        }
    }

    /// Must be called last: every key that was not asked for is a fault.
    pub(super) fn finish(self) {
        let asked = self.asked.borrow();
        for (key, node) in self.table.iter().filter(|(key, _)| !asked.contains(&key.as_str())) {
            self.fault_at(&node.place, key, format!("unknown key; allowed: {}", asked.join(", ")));
        }
    }
}
