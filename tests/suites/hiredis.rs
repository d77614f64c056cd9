//! Runs the tests of hiredis, the client library of C, from its copy in the sources of Redis: the plain and the asynchronous client, in
//! both versions of the protocol.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::outcome::Outcomes;

/// The name of its tests in `expected_clients.txt`, with the version.
pub(crate) const UNIT: &str = "hiredis";
pub(crate) const VERSION: &str = "1.0.3-dev";

/// Seconds after which a run that does not end is killed.
const ENDS: &str = "60";

/// The program, compiled by `scripts/install-client-suites.sh`.
pub(crate) struct Hiredis(PathBuf);

impl Hiredis {
    pub(crate) fn installed() -> Option<Self> {
        std::env::var_os("TIDEOVER_HIREDIS_TEST").map(|program| Self(program.into()))
    }

    pub(crate) fn run(&self, to: SocketAddr) -> Outcomes {
        let mut tests = Command::new("timeout");
        tests.args(["-k", "5", ENDS]).arg(&self.0).args([
            "-h",
            &to.ip().to_string(),
            "-p",
            &to.port().to_string(),
        ]);
        // There is no socket file: only what is said over TCP is compared.
        tests.args(["-s", "/nonexistent", "--skip-throughput"]).stdin(Stdio::null());
        Outcomes::of_hiredis(&String::from_utf8_lossy(&tests.output().unwrap().stdout))
    }
}
