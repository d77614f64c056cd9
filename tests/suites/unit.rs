//! Runs one unit of the suite against one address.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use super::outcome::Outcomes;

/// The deployment behind the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Fixed,
    Sentinel,
    Cluster,
}

pub(crate) struct Unit<'a> {
    pub(crate) suite: &'a Path,
    /// Its name in the suite, such as `unit/type/string`.
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
}

/// The tags that the suite itself skips for services that do not give these commands to their users.
const NOT_THERE: &[&str] = &["-needs:debug", "-needs:pfdebug", "-needs:repl", "-needs:save"];

/// Seconds after which the suite names a test that does not end.
const HANGS: &str = "120";

/// Time after which a unit that does not end is killed.
const ENDS: &str = "1500";

impl Unit<'_> {
    pub(crate) fn run(&self, to: SocketAddr, left_out: &[&str]) -> Outcomes {
        let dir = super::copy_of(self.suite);
        let (host, port, base) = (to.ip().to_string(), to.port().to_string(), base_port().to_string());
        let mut suite = Command::new("timeout");
        suite.args(["-k", "5", ENDS, "tclsh", "tests/test_helper.tcl", "--host", &host, "--port", &port]);
        // An error does not end the unit.
        suite.args(["--single", self.name, "--durable", "--timeout", HANGS, "--baseport", &base]);
        suite.args(NOT_THERE.iter().flat_map(|tag| ["--tags", tag])).arg("--ignore-digest");
        suite.args(left_out.iter().flat_map(|name| ["--skiptest", name]));
        if self.kind == Kind::Cluster {
            suite.arg("--cluster-mode");
        }
        let output = suite.current_dir(dir.path()).env("TERM", "dumb").stdin(Stdio::null()).output().unwrap();
        Outcomes::of(&String::from_utf8_lossy(&output.stdout))
    }
}

/// Returns the port below which the suite looks for a port of its own.
fn base_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() + 32
}
