//! The servers that a test runs against: Debian's, and those that the environment names.

use std::path::PathBuf;

/// Redis 8 and Valkey 9, if scripts/install-servers.sh could fetch them.
const OTHERS: [&str; 2] = ["TIDEOVER_REDIS8_SERVER", "TIDEOVER_VALKEY_SERVER"];

/// Returns the names and executables of the servers; `None` is the `redis-server` of the search path. Reports missing
/// ones loudly.
pub(crate) fn servers() -> Vec<(&'static str, Option<PathBuf>)> {
    let mut found = vec![("redis-server", None)];
    for variable in OTHERS {
        match std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from) {
            Some(program) => {
                assert!(program.exists(), "{variable} names {}, which is not there", program.display());
                found.push((variable, Some(program)));
            }
            None => {
                println!("SKIPPED: {variable} names no server");
                eprintln!("SKIPPED: {variable} names no server");
            }
        }
    }
    found
}

/// Returns how often a test repeats its fault, unless the environment says otherwise.
pub(crate) fn times(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().map_or(usual, |text| text.parse().expect("a number"))
}
