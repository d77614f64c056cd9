//! The command line: its subcommands and options, and the dispatch to the code that runs them.
//!
//! Values are only collected here. `config` parses and checks them, so that an option and a key of the file have the same
//! faults.

mod commands;
#[cfg(feature = "demo")]
mod demo;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Options, Source};

/// The exit code for bad usage or a bad config.
const USAGE: u8 = 2;

/// A stateless proxy that keeps Redis available to clients that know nothing about high availability.
#[derive(Debug, Parser)]
#[command(name = "tideover", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy, from a file or from a backend URL
    Run(RunArgs),
    /// Validate a config file and print the effective config, secrets masked
    Check {
        /// The config file
        #[arg(long, value_name = "FILE", env = "TIDEOVER_CONFIG")]
        config: PathBuf,
        /// Ask each deployment once instead, and print one line for each that says whether it serves
        #[arg(long)]
        connect: bool,
    },
    /// Ask a deployment once and print its map of slots, shards and nodes
    Topology {
        /// The backend, such as redis-sentinel://s1:26379,s2:26379/mymaster
        #[arg(long, value_name = "URL", env = "TIDEOVER_BACKEND", hide_env_values = true)]
        backend: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask a running proxy whether it is healthy, for images without a shell
    #[command(hide = true)]
    Healthcheck {
        /// Its admin listener
        #[arg(long, value_name = "ADDR", env = "TIDEOVER_ADMIN", default_value = "127.0.0.1:9180")]
        admin: String,
    },
    /// Start a deployment on loopback, kill the node in use, and print what plain clients saw
    #[cfg(feature = "demo")]
    Demo {
        /// The kind of deployment
        kind: DemoKind,
        /// How many times the node in use is killed
        #[arg(long, value_name = "N", default_value_t = 3)]
        failovers: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[cfg(feature = "demo")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DemoKind {
    /// A master with two replicas, three sentinels
    Sentinel,
    /// Three masters with a replica each, killed in turn
    Cluster,
    /// Three nodes that all take writes: KeyDB, or plain Redis without replication where there is no KeyDB
    Active,
}

/// The options of `run`. `Debug` shows only the file, as URL and settings may hold passwords.
#[derive(Args)]
struct RunArgs {
    /// The config file
    #[arg(long, value_name = "FILE", env = "TIDEOVER_CONFIG")]
    config: Option<PathBuf>,
    /// Run one proxy named "default" in front of this backend, without a file
    #[arg(long, value_name = "URL", env = "TIDEOVER_BACKEND", hide_env_values = true)]
    backend: Option<String>,
    /// The address on which the one proxy listens: address:port or unix:/path [default: 127.0.0.1:6380]
    #[arg(long, value_name = "ADDR", env = "TIDEOVER_LISTEN", value_delimiter = ',')]
    listen: Vec<String>,
    /// The address of the admin HTTP server, or "off" [default: 127.0.0.1:9180]
    #[arg(long, value_name = "ADDR", env = "TIDEOVER_ADMIN")]
    admin: Option<String>,
    /// Worker threads; 0: one per core [default: 0]
    #[arg(long, value_name = "N", env = "TIDEOVER_WORKERS")]
    workers: Option<String>,
    /// The log level: error, warn, info, debug, trace or off, also per module [default: info]
    #[arg(long, value_name = "LEVEL", env = "TIDEOVER_LOG")]
    log: Option<String>,
    /// The log format: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Set any key of the one proxy, such as failover.hold=10s; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl std::fmt::Debug for RunArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunArgs").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Parses the arguments of the process, runs the subcommand, and returns the exit code.
pub(crate) fn main_entry() -> ExitCode {
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => dispatch(cli.command, &matches),
        Err(error) => usage(&error),
    }
}

fn dispatch(command: Command, matches: &ArgMatches) -> ExitCode {
    match command {
        Command::Run(args) => match source(args, matches.subcommand_matches("run")) {
            Ok(source) => commands::run(source),
            Err(error) => usage(&error),
        },
        Command::Check { config, connect: false } => commands::check(&config),
        Command::Check { config, connect: true } => commands::connect(&config),
        Command::Topology { backend, json } => commands::topology(&backend, json),
        Command::Healthcheck { admin } => commands::healthcheck(&admin),
        #[cfg(feature = "demo")]
        Command::Demo { kind, failovers, json } => demo::demo(kind, failovers, json),
    }
}

/// Prints an error of usage, or help and version, which have the exit code 0.
fn usage(error: &clap::Error) -> ExitCode {
    // If the terminal is closed, nobody can be told.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}

/// Returns the source of the config: a file or a backend. Options win over variables of the environment.
fn source(mut args: RunArgs, matches: Option<&ArgMatches>) -> Result<Source, clap::Error> {
    let typed = |id| matches.and_then(|matches| matches.value_source(id)) == Some(ValueSource::CommandLine);
    match (typed("config"), typed("backend")) {
        (true, false) => args.backend = None,
        (false, true) => args.config = None,
        (true, true) | (false, false) => {}
    }
    // In an environment, an empty variable usually means that there is none.
    args.config = args.config.filter(|path| !path.as_os_str().is_empty());
    args.listen.retain(|address| !address.is_empty());
    for value in [&mut args.backend, &mut args.admin, &mut args.workers, &mut args.log] {
        value.take_if(|value| value.is_empty());
    }
    let kind_and_text = match (&args.config, &args.backend) {
        (Some(_), None) | (None, Some(_)) => None,
        (Some(_), Some(_)) => {
            Some((clap::error::ErrorKind::ArgumentConflict, "--config and --backend exclude each other"))
        }
        (None, None) => Some((
            clap::error::ErrorKind::MissingRequiredArgument,
            "give --config FILE, or --backend URL with --listen ADDR",
        )),
    };
    if let Some((kind, text)) = kind_and_text {
        return Err(Cli::command().error(kind, text));
    }
    let RunArgs { config, backend, listen, admin, workers, log, log_format, set } = args;
    Ok(Source { file: config, options: Options { backend, listen, admin, workers, log, log_format, set } })
}

/// Writes to standard output. That its reader went away is not an error.
fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes one line to standard error.
fn complain(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Source, clap::Error> {
        let matches = Cli::command().try_get_matches_from(line.split_whitespace())?;
        match Cli::from_arg_matches(&matches)?.command {
            Command::Run(args) => source(args, matches.subcommand_matches("run")),
            Command::Check { .. } | Command::Topology { .. } | Command::Healthcheck { .. } => {
                Ok(Source::default())
            }
            #[cfg(feature = "demo")]
            Command::Demo { .. } => Ok(Source::default()),
        }
    }

    #[test]
    fn the_declaration_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn bad_usage_is_told_apart_from_good() {
        let cases = [
            ("tideover run --config a.toml", true),
            ("tideover run --config a.toml --set failover.hold=1s --set name=x --admin off", true),
            ("tideover run --backend redis://h --listen 127.0.0.1:1", true),
            ("tideover check --config a.toml", true),
            ("tideover check --config a.toml --connect", true),
            ("tideover topology --backend redis://h --json", true),
            ("tideover demo sentinel --failovers 5 --json", cfg!(feature = "demo")),
            ("tideover demo active", cfg!(feature = "demo")),
            ("tideover run", false),
            ("tideover run --config a.toml --backend redis://h", false),
            ("tideover run --backend redis://h --nonsense", false),
            ("tideover check", false),
            ("tideover check --connect", false),
            ("tideover topology", false),
            ("tideover demo", false),
            ("tideover demo other", false),
            ("tideover demo sentinel --failovers -1", false),
            ("tideover fly", false),
        ];
        for (line, good) in cases {
            assert_eq!(parsed(line).is_ok(), good, "{line}");
        }
    }

    #[test]
    fn options_arrive_in_the_source() {
        let source =
            parsed("tideover run --backend redis://h --listen a:1,b:2 --workers 2 --log debug").unwrap();
        assert_eq!(source.file, None);
        assert_eq!(source.options.backend.as_deref(), Some("redis://h"));
        assert_eq!(source.options.listen, ["a:1", "b:2"]);
        assert_eq!(source.options.workers.as_deref(), Some("2"));
        assert_eq!(source.options.log.as_deref(), Some("debug"));
        assert_eq!(source.options.admin, None);
    }
}
