//! Loads a config from a text, with the same value for every secret file and every variable: for tests and fuzzing.

use super::Config;
use super::fault::{Fault, Faults, Place};
use super::machine::Machine;
use super::resolve::resolve;
use super::tree;

pub(crate) fn load_text(source: &str) -> Result<Config, Vec<Fault>> {
    let faults = Faults::default();
    let Some(table) = tree::parse("f", source, &|_| Some("se${cret".to_owned()), &faults) else {
        return Err(faults.into_sorted());
    };
    let machine = Machine { read_secret: &|_| Ok("topsecret".to_owned()), cores: 3 };
    resolve(table, Place::File { file: "f".into(), line: 1 }, &machine, faults)
}
