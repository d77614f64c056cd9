//! The paths to which `scripts/install-programs.sh` has installed the programs. Missing ones are reported and skipped.

use std::path::PathBuf;

/// The language of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    Python,
    Node,
    Php,
    /// Ruby with Sidekiq, as Debian has it.
    Sidekiq,
}

impl Runtime {
    /// Returns the executable that starts a program; the error names what is missing.
    pub(crate) fn executable(self) -> Result<PathBuf, String> {
        match self {
            Self::Python => named("TIDEOVER_PYTHON"),
            Self::Node => named("TIDEOVER_NODE_MODULES").and_then(|_| named("TIDEOVER_NODE")),
            Self::Php => named("TIDEOVER_PHP"),
            // Another Ruby on the search path would not find Debian's gems.
            Self::Sidekiq => named("TIDEOVER_SIDEKIQ").map(|_| PathBuf::from("/usr/bin/ruby")),
        }
    }
}

fn named(variable: &str) -> Result<PathBuf, String> {
    let place = std::env::var_os(variable).map(PathBuf::from);
    place.ok_or_else(|| format!("{variable} is not set: see scripts/install-programs.sh"))
}
