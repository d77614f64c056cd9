//! The only part of the config that touches files and the environment.

use std::io;
use std::path::{Path, PathBuf};

use super::fault::{Fault, Faults, Place};
use super::options::{self, Options};
use super::resolve::{World, resolve};
use super::tree::{self, Table};
use super::{Backend, Config};

/// Where a config comes from; kept for a reload.
#[derive(Clone, Default)]
pub(crate) struct Source {
    pub(crate) file: Option<PathBuf>,
    pub(crate) options: Options,
}

impl Source {
    /// Reads the file and every secret anew. All faults, not only the first.
    pub(crate) fn load(&self) -> Result<Config, Vec<Fault>> {
        let faults = Faults::default();
        let Some((mut table, place)) = self.read_tree(&faults) else { return Err(faults.into_sorted()) };
        options::apply(&self.options, &mut table, &faults);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        resolve(table, place, &World { read: &read_password, cores }, faults)
    }

    /// `None`: a fault that leaves nothing to resolve.
    fn read_tree(&self, faults: &Faults) -> Option<(Table, Place)> {
        let Some(path) = &self.file else {
            return Some((Table::new(), Place::Option("--backend".into())));
        };
        let file = path.to_string_lossy();
        let place = |line| Place::File { file: file.as_ref().into(), line };
        match std::fs::read_to_string(path) {
            Ok(source) => Some((tree::parse(&file, &source, &env, faults)?, place(1))),
            Err(error) => {
                faults.add(&place(0), "", format!("cannot be read: {error}"));
                None
            }
        }
    }
}

/// A config file alone.
pub(crate) fn load(path: &Path) -> Result<Config, Vec<Fault>> {
    Source { file: Some(path.to_owned()), options: Options::default() }.load()
}

/// One proxy without a file.
pub(crate) fn from_options(options: &Options) -> Result<Config, Vec<Fault>> {
    Source { file: None, options: options.clone() }.load()
}

/// A backend URL alone.
pub(crate) fn backend(url: &str) -> Result<Backend, Vec<Fault>> {
    let options = Options { backend: Some(url.to_owned()), ..Options::default() };
    let config = from_options(&options)?;
    config.proxies.into_iter().next().map(|proxy| proxy.backend).ok_or_else(Vec::new)
}

/// The secret in a file, without the newline that editors put at its end.
pub(crate) fn read_password(path: &Path) -> io::Result<String> {
    let mut secret = std::fs::read_to_string(path)?;
    if secret.ends_with('\n') {
        secret.pop();
        if secret.ends_with('\r') {
            secret.pop();
        }
    }
    Ok(secret)
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
