//! The parts that several sections of a config share: the machine, claims to names and addresses, listeners, secret files.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use super::fault::{Place, quoted};
use super::section::Section;
use super::values::Text;
use super::{Listen, address};

/// The machine, as far as the resolver may see it.
pub(super) struct Machine<'a> {
    pub(super) read_secret: &'a dyn Fn(&Path) -> std::io::Result<String>,
    pub(super) cores: usize,
}

/// Names and addresses that may be used only once, with the place of their first use.
#[derive(Default)]
pub(super) struct Claims(BTreeMap<String, Place>);

impl Claims {
    /// Claims a name or an address. The error is the place where it is used already.
    pub(super) fn claim(&mut self, what: String, place: &Place) -> Result<(), Place> {
        match self.0.entry(what) {
            Entry::Vacant(entry) => {
                entry.insert(place.clone());
                Ok(())
            }
            Entry::Occupied(entry) => Err(entry.get().clone()),
        }
    }
}

/// Parses and claims an address to listen on. It is a fault if it is malformed or taken.
pub(super) fn listen(section: &Section<'_>, key: &str, text: &Text, claims: &mut Claims) -> Option<Listen> {
    let Some(listen) = address::listen(&text.value) else {
        let what = format!("{} is not an address; allowed: {}", quoted(&text.value), address::LISTEN_ALLOWED);
        section.fault_at(&text.place, key, what);
        return None;
    };
    let any_free_port = matches!(&listen, Listen::Tcp(address) if address.ends_with(":0"));
    if !any_free_port && let Err(first) = claims.claim(format!("listen {listen}"), &text.place) {
        let what = format!("{} is in use at {first}; allowed: each address once", quoted(&text.value));
        section.fault_at(&text.place, key, what);
    }
    Some(listen)
}

/// Reads the path of a secret file and its content. `None`: a fault, or no such key. No message shows the secret.
pub(super) fn secret_file(
    section: &Section<'_>,
    key: &'static str,
    machine: &Machine<'_>,
) -> Option<(PathBuf, String)> {
    let text = section.text(key, "the path of a file")?;
    let path = PathBuf::from(text.value);
    match (machine.read_secret)(&path) {
        Ok(secret) if !secret.is_empty() => return Some((path, secret)),
        Ok(_) => section.fault(key, "the file is empty; allowed: a file that holds the secret"),
        Err(error) => {
            section.fault(key, format!("cannot be read: {error}; allowed: a file that holds the secret"))
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_once() {
        let mut claims = Claims::default();
        let first = Place::Option("--listen".into());
        assert_eq!(claims.claim("a".into(), &first), Ok(()));
        assert_eq!(claims.claim("b".into(), &first), Ok(()));
        assert_eq!(claims.claim("a".into(), &Place::Option("x".into())), Err(first));
    }
}
