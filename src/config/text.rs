//! A config from a text, in a world where every secret and every variable is the same: for tests and for fuzzing.

use super::Config;
use super::fault::{Fault, Faults, Place};
use super::resolve::resolve;
use super::tree;
use super::world::World;

pub(crate) fn load_text(source: &str) -> Result<Config, Vec<Fault>> {
    let faults = Faults::default();
    let Some(table) = tree::parse("f", source, &|_| Some("se${cret".to_owned()), &faults) else {
        return Err(faults.into_sorted());
    };
    let world = World { read: &|_| Ok("topsecret".to_owned()), cores: 3 };
    resolve(table, Place::File { file: "f".into(), line: 1 }, &world, faults)
}
