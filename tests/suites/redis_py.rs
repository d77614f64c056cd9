//! Runs the tests of redis-py, the client library of Python, against one address: those of its source distribution that
//! need one server and no module.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::outcome::Outcomes;
use super::results::Suite;

/// One run of the library's tests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// The version of the protocol that the clients speak.
    pub(crate) version: u8,
    /// The files of tests, without `.py`.
    pub(crate) files: &'static [&'static str],
}

/// The files of tests: those of the plain client, and those of the one for asyncio.
pub(crate) const PLAIN: &[&str] = &[
    "test_cache",
    "test_client",
    "test_command_parser",
    "test_commands",
    "test_connect",
    "test_connection",
    "test_connection_pool",
    "test_credentials",
    "test_encoding",
    "test_function",
    "test_hash",
    "test_keyspace_notifications",
    "test_lock",
    "test_max_connections_error",
    "test_monitor",
    "test_multiprocessing",
    "test_pipeline",
    "test_pubsub",
    "test_retry",
    "test_scripting",
];

pub(crate) const ASYNC: &[&str] = &[
    "test_asyncio/test_client",
    "test_asyncio/test_command_parser",
    "test_asyncio/test_commands",
    "test_asyncio/test_connect",
    "test_asyncio/test_connection",
    "test_asyncio/test_connection_pool",
    "test_asyncio/test_credentials",
    "test_asyncio/test_cwe_404",
    "test_asyncio/test_encoding",
    "test_asyncio/test_hash",
    "test_asyncio/test_keyspace_notifications",
    "test_asyncio/test_lock",
    "test_asyncio/test_monitor",
    "test_asyncio/test_pipeline",
    "test_asyncio/test_pubsub",
    "test_asyncio/test_retry",
    "test_asyncio/test_scripting",
    "test_asyncio/test_usage_counter",
];

/// What needs a cluster, a module or TLS.
const NOT_THERE: &str = "not onlycluster and not redismod and not ssl";

/// Time after which a run that does not end is killed.
const ENDS: &str = "900";

/// The library's source distribution, and the Python that has what its tests need.
pub(crate) struct RedisPy {
    source: PathBuf,
    python: PathBuf,
}

impl RedisPy {
    /// Returns `None` if `scripts/install-client-suites.sh` has not installed it.
    pub(crate) fn installed() -> Option<Self> {
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Some(Self { source: path("TIDEOVER_REDIS_PY")?, python: path("TIDEOVER_REDIS_PY_PYTHON")? })
    }

    /// The directory is named after the version.
    pub(crate) fn suite(&self) -> Suite {
        let name = self.source.file_name().unwrap_or_default().to_string_lossy();
        Suite::new("redis-py", name.trim_start_matches("redis-"))
    }

    /// Returns the outcomes of each file.
    pub(crate) fn run(&self, run: Run, to: SocketAddr) -> BTreeMap<String, Outcomes> {
        let dir = tempfile::Builder::new().prefix("tideover-redis-py-").tempdir().unwrap();
        let report = dir.path().join("report");
        let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites");
        let mut pytest = Command::new("timeout");
        pytest.args(["-k", "5", ENDS]).arg(&self.python).args(["-m", "pytest", "-q", "-p", "report"]);
        // The distribution stays as it is, and its own options, which print everything, are not used.
        pytest.args(["-p", "no:cacheprovider", "-o", "addopts=", "-m", NOT_THERE]);
        pytest.args(["--redis-url", &format!("redis://{to}/0"), "--protocol", &run.version.to_string()]);
        pytest.args(run.files.iter().map(|file| format!("tests/{file}.py")));
        pytest.current_dir(&self.source).env("TIDEOVER_REPORT", &report).env("PYTHONPATH", plugin);
        pytest.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
        let output = pytest.output().unwrap();
        let told = std::fs::read_to_string(&report).unwrap_or_else(|_| {
            panic!("no test ran: {}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()))
        });
        run.files.iter().map(|file| ((*file).to_owned(), Outcomes::of_report(&told, file))).collect()
    }
}
