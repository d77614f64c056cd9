//! One function per subcommand: prepare, call, turn the outcome into an exit code.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::{DemoKind, USAGE, complain, print};
use crate::config::{self, Backend, Config, Fault, Log, LogFormat, Source};
use crate::logging;

/// 0 after a clean drain, 1 for a failure while running, 2 for a bad config.
pub(super) fn run(source: Source) -> ExitCode {
    let config = match source.load() {
        Ok(config) => config,
        Err(faults) => return refuse(&faults),
    };
    logging::init(&config.log);
    finish(run_proxies(config, source).map(|()| true))
}

/// 0, or 2 with one line per fault.
pub(super) fn check(path: &Path) -> ExitCode {
    match config::load(path) {
        Ok(config) => {
            print(&config::show(&config));
            ExitCode::SUCCESS
        }
        Err(faults) => refuse(&faults),
    }
}

/// 0 if every slot has a writable node, else 1.
pub(super) fn topology(url: &str, json: bool) -> ExitCode {
    let backend = match config::backend(url) {
        Ok(backend) => backend,
        Err(faults) => return refuse(&faults),
    };
    quiet();
    finish(ask_topology(backend, json))
}

/// 0 if the clients saw no error that they should not see.
pub(super) fn demo(kind: DemoKind, failovers: u32, json: bool) -> ExitCode {
    let late = match kind {
        DemoKind::Sentinel => {
            quiet();
            return finish(demo_sentinel(failovers, json));
        }
        DemoKind::Cluster => "cluster",
        DemoKind::Active => "active",
    };
    complain(format_args!("demo {late}: is not available yet; allowed: demo sentinel"));
    ExitCode::from(USAGE)
}

/// `source` is what a reload loads again.
fn run_proxies(_config: Config, _source: Source) -> Result<()> {
    bail!("not wired")
}

/// Prints the map. `Ok(true)`: complete.
fn ask_topology(_backend: Backend, _json: bool) -> Result<bool> {
    bail!("not wired")
}

/// Prints the report. `Ok(true)`: passed.
fn demo_sentinel(_failovers: u32, _json: bool) -> Result<bool> {
    bail!("not wired")
}

/// For subcommands whose standard output is the point.
fn quiet() {
    logging::init(&Log { level: "warn".to_owned(), format: LogFormat::Text });
}

fn refuse(faults: &[Fault]) -> ExitCode {
    for fault in faults {
        complain(fault);
    }
    ExitCode::from(USAGE)
}

fn finish(outcome: Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(format_args!("tideover: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
