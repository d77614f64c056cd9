//! Resolves the tree of a config into a [`Config`]: the root and the sections of the whole process.
//!
//! Defaults and limits are known only here and in the files of the proxy's sections.

use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::fault::{Fault, Faults, Place, quoted};
use super::machine::{Claims, Machine, listen, secret_file};
use super::section::Section;
use super::tree::Table;
use super::values::Text;
use super::{Admin, Config, Listen, Log, LogFormat, Runtime, proxy};

pub(super) const LOG_FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];
const ADMIN_LISTEN: &str = "127.0.0.1:9180";
const MOST_WORKERS: usize = 1024;

pub(super) fn resolve(
    table: Table,
    place: Place,
    machine: &Machine<'_>,
    faults: Faults,
) -> Result<Config, Vec<Fault>> {
    let root = Section::root(table, place, &faults);
    let mut claims = Claims::default();
    let config = Config {
        admin: admin(root.table("admin"), machine, &mut claims),
        runtime: runtime(root.table("runtime"), machine.cores),
        log: log(root.table("log")),
        proxies: root
            .tables("proxy")
            .into_iter()
            .map(|section| proxy::proxy(section, machine, &mut claims))
            .collect(),
    };
    if config.proxies.is_empty() && faults.is_empty() {
        root.fault("proxy", "is missing; allowed: one [[proxy]] or more");
    }
    root.finish();
    let faults = faults.into_sorted();
    if faults.is_empty() { Ok(config) } else { Err(faults) }
}

fn admin(section: Section<'_>, machine: &Machine<'_>, claims: &mut Claims) -> Admin {
    let text = section
        .text("listen", "address:port, off")
        .unwrap_or_else(|| Text { place: section.place().clone(), value: ADMIN_LISTEN.to_owned() });
    let listen = admin_listen(&section, &text, claims);
    let token_file = secret_file(&section, "token_file", machine).map(|(path, _)| path);
    section.finish();
    Admin { listen, token_file }
}

fn admin_listen(section: &Section<'_>, text: &Text, claims: &mut Claims) -> Option<String> {
    if text.value == "off" {
        return None;
    }
    match listen(section, "listen", text, claims)? {
        Listen::Tcp(address) => Some(address),
        Listen::Unix(_) => {
            section.fault("listen", "a unix socket is not allowed; allowed: address:port, off");
            None
        }
    }
}

fn runtime(section: Section<'_>, cores: usize) -> Runtime {
    let workers = section.integer("workers", 0, ..=MOST_WORKERS, "0 (one per core) to 1024");
    let shutdown_grace = section.duration("shutdown_grace", Duration::from_secs(10));
    section.finish();
    Runtime { workers: if workers == 0 { cores.max(1) } else { workers }, shutdown_grace }
}

fn log(section: Section<'_>) -> Log {
    let level = section.text("level", LEVEL_ALLOWED).map_or_else(|| "info".to_owned(), |text| text.value);
    if !is_filter(&level) {
        section.fault("level", format!("{} is not a level; allowed: {LEVEL_ALLOWED}", quoted(&level)));
    }
    let format = section.choice("format", &LOG_FORMATS, LogFormat::Text);
    section.finish();
    Log { level, format }
}

const LEVEL_ALLOWED: &str = "error, warn, info, debug, trace, off, also per module as info,tideover=debug";

/// Checks a filter more strictly than `EnvFilter`, which takes a misspelled level for the name of a module: a single word
/// must be a level.
fn is_filter(text: &str) -> bool {
    // An empty text would parse as a level.
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    text.split(',').all(|part| part.contains('=') || is_level(part)) && EnvFilter::try_new(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_level_is_not_a_filter() {
        let cases = [
            ("info", true),
            ("off", true),
            ("info,tideover=debug", true),
            ("tideover::client=trace", true),
            ("inof", false),
            ("", false),
            ("info,", false),
            ("tideover=loud", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_filter(text), expected, "{text}");
        }
    }
}
