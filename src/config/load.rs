//! The only part of the config that touches files and the environment.

use std::io;
use std::path::{Path, PathBuf};

use super::fault::{Fault, Faults, Place};
use super::machine::Machine;
use super::options::{self, Options};
use super::resolve::resolve;
use super::tree::{self, Table};
use super::{Config, Proxy};

/// The file and the options that a config is made of.
#[derive(Clone, Default)]
pub(crate) struct Source {
    pub(crate) file: Option<PathBuf>,
    pub(crate) options: Options,
}

impl Source {
    /// Reads the file and every secret, and returns the config or all its faults.
    pub(crate) fn load(&self) -> Result<Config, Vec<Fault>> {
        let faults = Faults::default();
        let Some((mut table, place)) = self.read_tree(&faults) else { return Err(faults.into_sorted()) };
        options::apply(&self.options, &mut table, &faults);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        resolve(table, place, &Machine { read_secret: &read_password, cores }, faults)
    }

    /// Returns the tree of the file and its first place. `None`: a fault that leaves nothing to resolve.
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

/// Loads a config file, without options.
pub(crate) fn load(path: &Path) -> Result<Config, Vec<Fault>> {
    Source { file: Some(path.to_owned()), options: Options::default() }.load()
}

/// Makes a config of options, without a file.
pub(crate) fn from_options(options: &Options) -> Result<Config, Vec<Fault>> {
    Source { file: None, options: options.clone() }.load()
}

/// Makes the config of one proxy from a backend URL.
pub(crate) fn one_proxy(url: &str) -> Result<Proxy, Vec<Fault>> {
    let options = Options { backend: Some(url.to_owned()), ..Options::default() };
    let config = from_options(&options)?;
    config.proxies.into_iter().next().ok_or_else(Vec::new)
}

/// Reads a secret from a file, without the newline that editors add at the end.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Credentials, Kind};
    use crate::topology::Endpoint;

    #[test]
    fn one_newline_at_the_end_of_a_secret_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let cases = [
            ("a", "a"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            (" a ", " a "),
            ("\n", ""),
            ("", ""),
        ];
        for (content, secret) in cases {
            std::fs::write(&path, content).unwrap();
            assert_eq!(read_password(&path).unwrap(), secret, "{content:?}");
        }
    }

    #[test]
    fn a_reload_reads_the_secret_again() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("secret");
        let setting = format!("backend.password_file={}", secret.display());
        let options = Options { backend: Some("redis://h".into()), set: vec![setting], ..Options::default() };
        let source = Source { file: None, options };
        for password in ["old", "new"] {
            std::fs::write(&secret, password).unwrap();
            let backend = source.load().unwrap().proxies.remove(0).backend;
            assert_eq!(backend.credentials.map(|found| found.password).as_deref(), Some(password));
            assert_eq!(backend.password_file.as_ref(), Some(&secret));
        }
        std::fs::remove_file(&secret).unwrap();
        assert!(source.load().is_err());
    }

    #[test]
    fn a_backend_url_alone_becomes_a_backend() {
        let url = "redis-sentinel://u:p%40@s1,[::1]:7/mymaster?sentinel_password=q";
        let found = one_proxy(url).unwrap().backend;
        let Kind::Sentinel { sentinels, master, credentials } = found.kind else { panic!("sentinel") };
        assert_eq!(sentinels, [Endpoint::new("s1", 26379), Endpoint::new("::1", 7)]);
        assert_eq!(master, "mymaster");
        assert_eq!(credentials, Some(Credentials { username: None, password: "q".into() }));
        let own = Credentials { username: Some("u".into()), password: "p@".into() };
        assert_eq!(found.credentials, Some(own));
        let cluster = one_proxy("redis-cluster://h,[::1]:7").unwrap().backend.kind;
        let Kind::Cluster { seeds } = cluster else { panic!("cluster") };
        assert_eq!(seeds, [Endpoint::new("h", 6379), Endpoint::new("::1", 7)]);
        let active = one_proxy("redis-active://u:p%40@h,[::1]:7").unwrap().backend;
        let Kind::Active { nodes } = active.kind else { panic!("active") };
        assert_eq!(nodes, [Endpoint::new("h", 6379), Endpoint::new("::1", 7)]);
        assert!(active.credentials.is_some());
    }
}
