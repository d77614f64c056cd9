//! `tideover demo`: the deployments and the clients are the test bed's.

use std::process::ExitCode;

use anyhow::Result;
use tideover_testbed::{Interrupted, Kind, Options};

use super::DemoKind;
use super::commands::{finish, quiet, runtime};

/// As a shell gives it for SIGINT.
const INTERRUPTED: u8 = 130;

/// 0 if the clients saw no error that they should not see.
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

/// Prints the report. `Ok(true)`: passed.
fn play(options: Options) -> Result<bool> {
    runtime()?.block_on(tideover_testbed::play(options))
}
