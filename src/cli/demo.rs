//! Runs `tideover demo`, with the deployments and the clients of the test bed.

use std::process::ExitCode;

use anyhow::Result;
use tideover_testbed::{Interrupted, Kind, Options};

use super::DemoKind;
use super::commands::{finish, quiet, runtime};

/// The exit code that a shell has for SIGINT.
const INTERRUPTED: u8 = 130;

/// Runs the demo. Returns 0 if the clients saw no error that they should not see.
pub(super) fn demo(kind: DemoKind, failovers: u32, json: bool) -> ExitCode {
    let kind = match kind {
        DemoKind::Sentinel => Kind::Sentinel,
        DemoKind::Cluster => Kind::Cluster,
        DemoKind::Active => Kind::Active,
    };
    quiet();
    match play(Options { kind, failovers: failovers as usize, json }) {
        Err(error) if error.is::<Interrupted>() => ExitCode::from(INTERRUPTED),
        outcome => finish(outcome),
    }
}

/// Prints the report. Returns true if the demo passed.
fn play(options: Options) -> Result<bool> {
    runtime()?.block_on(tideover_testbed::play(options))
}
