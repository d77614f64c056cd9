//! Sets up logging: text or JSON to standard error, filtered by the configured level.

mod repeats;

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// Sets up the log of the process; a second call changes nothing.
pub(crate) fn init(log: &Log) {
    // The config has parsed the same text, so the fallback is never taken.
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours);
    let repeats = repeats::RepeatFilter::new();
    // An error means that a subscriber is set already, as in tests.
    let _ = match log.format {
        LogFormat::Text => builder.finish().with(repeats).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().with(repeats).try_init(),
    };
}
