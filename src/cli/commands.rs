//! A function for each subcommand: it prepares, calls, and turns the outcome into an exit code.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::{USAGE, complain, print};
use crate::config::{self, Fault, Log, LogFormat, Proxy, Source};
use crate::discovery::once::AskedOnce;
use crate::{admin, discovery, logging, proxy, topology};

/// Runs the proxy. Returns 0 after an orderly end, 1 for a failure while running, 2 for a bad config.
pub(super) fn run(source: Source) -> ExitCode {
    let config = match source.load() {
        Ok(config) => config,
        Err(faults) => return refuse(&faults),
    };
    logging::init(&config.log);
    finish(proxy::run(&config).map(|()| true))
}

/// Prints the effective config. Returns 0, or 2 for a bad config with a line for each fault.
pub(super) fn check(path: &Path) -> ExitCode {
    match config::load(path) {
        Ok(config) => {
            print(&config::show(&config));
            ExitCode::SUCCESS
        }
        Err(faults) => refuse(&faults),
    }
}

/// Asks every deployment once. Returns 0 if all serve, 1 if one does not, 2 for a bad config.
pub(super) fn connect(path: &Path) -> ExitCode {
    let config = match config::load(path) {
        Ok(config) => config,
        Err(faults) => return refuse(&faults),
    };
    // The printed lines say what the log would say.
    logging::init(&Log { level: "error".to_owned(), format: LogFormat::Text });
    finish(ask_all(config.proxies))
}

/// Asks a deployment once and prints its map. Returns 0 if every slot has a writable node, else 1.
pub(super) fn topology(url: &str, json: bool) -> ExitCode {
    let proxy = match config::one_proxy(url) {
        Ok(proxy) => proxy,
        Err(faults) => return refuse(&faults),
    };
    quiet();
    finish(ask_topology(proxy, json))
}

/// Asks a running proxy. Returns 0 if it answers on its admin listener, else 1.
pub(super) fn healthcheck(address: &str) -> ExitCode {
    finish(admin::healthcheck::healthcheck(address).map(|()| true).map_err(Into::into))
}

/// Prints the map of slots, shards and nodes. Returns true if every slot has a writable node.
fn ask_topology(proxy: Proxy, json: bool) -> Result<bool> {
    let (name, kind) = (proxy.name.clone(), proxy.backend.kind.name());
    let AskedOnce { topology, diagnosis } = runtime()?.block_on(discovery::once::ask_once(proxy));
    match json {
        true => print(&format!("{:#}\n", topology::print::to_json(&name, kind, &topology, &diagnosis))),
        false => print(&topology::print::to_table(&topology, &diagnosis)),
    }
    Ok(topology::print::is_writable(&topology))
}

/// Prints a line for each deployment. Returns true if all of them serve.
fn ask_all(proxies: Vec<Proxy>) -> Result<bool> {
    runtime()?.block_on(async {
        let names: Vec<String> = proxies.iter().map(|proxy| proxy.name.clone()).collect();
        let asked: Vec<_> =
            proxies.into_iter().map(|proxy| tokio::spawn(discovery::once::ask_once(proxy))).collect();
        let mut all_serve = true;
        for (name, asked) in names.into_iter().zip(asked) {
            let AskedOnce { topology, diagnosis } = asked.await.context("discovery")?;
            all_serve &= topology::ready::missing(&topology, &diagnosis).is_none();
            print(&format!("{name}: {}\n", topology::print::verdict(&topology, &diagnosis)));
        }
        Ok(all_serve)
    })
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("runtime")
}

/// Logs warnings only, for subcommands that print a result.
pub(super) fn quiet() {
    logging::init(&Log { level: "warn".to_owned(), format: LogFormat::Text });
}

fn refuse(faults: &[Fault]) -> ExitCode {
    for fault in faults {
        complain(fault);
    }
    ExitCode::from(USAGE)
}

pub(super) fn finish(outcome: Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(format_args!("tideover: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
