//! Runs the tests of redis-rs, the client library of Rust, from its crate. They start servers of their own, through
//! `TIDEOVER_PROXY` or without it: see `redis_behind_proxy.sh`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::outcome::Outcomes;
use super::results::Suite;

/// The tests of the plain client; those of the other one need a crate that is not published.
pub(crate) const FILES: &[&str] = &[
    "test_acl",
    "test_basic",
    "test_bignum",
    "test_geospatial",
    "test_script",
    "test_streams",
    "test_types",
];

const FEATURES: &str = "tokio-comp,connection-manager";

/// Time after which a run that does not end is killed. The first one compiles the library.
const ENDS: &str = "1500";

/// Returns the name of a file in `expected_clients.txt`.
pub(crate) fn unit(file: &str) -> String {
    format!("redis-rs/{file}")
}

/// The crate, made ready by `scripts/install-client-suites.sh`.
pub(crate) struct RedisRs(PathBuf);

impl RedisRs {
    pub(crate) fn installed() -> Option<Self> {
        std::env::var_os("TIDEOVER_REDIS_RS").map(|place| Self(place.into()))
    }

    /// The directory is named after the version.
    pub(crate) fn suite(&self) -> Suite {
        let name = self.0.file_name().unwrap_or_default().to_string_lossy();
        Suite::new("redis-rs", name.trim_start_matches("redis-rs-"))
    }

    /// Compiles the tests.
    pub(crate) fn build(&self) {
        let mut cargo = self.cargo();
        cargo.args(FILES.iter().flat_map(|file| ["--test", file])).arg("--no-run");
        let output = cargo.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Returns the outcomes of each file.
    pub(crate) fn run(&self, version: u8, behind_proxy: bool) -> BTreeMap<String, Outcomes> {
        let stand_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites/redis_behind_proxy.sh");
        let server = if behind_proxy { stand_in } else { "redis-server".into() };
        let outcomes = |file: &&str| {
            let mut cargo = self.cargo();
            cargo.args(["--test", file, "--", "--test-threads=2"]);
            cargo.env("REDISRS_SERVER_TYPE", "tcp").env("REDISRS_SERVER_BIN", &server);
            cargo.env("PROTOCOL", format!("RESP{version}"));
            cargo.env("TIDEOVER_PROXY", env!("CARGO_BIN_EXE_tideover"));
            let output = cargo.output().unwrap();
            (unit(file), Outcomes::of_libtest(&String::from_utf8_lossy(&output.stdout)))
        };
        FILES.iter().map(outcomes).collect()
    }

    fn cargo(&self) -> Command {
        let mut cargo = Command::new("timeout");
        cargo.args(["-k", "5", ENDS, "cargo", "test", "--features", FEATURES]);
        cargo.current_dir(&self.0).stdin(Stdio::null());
        cargo.env("CARGO_TARGET_DIR", self.0.join("target"));
        cargo
    }
}
