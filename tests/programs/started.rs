//! Running programs: their processes, none of which outlives its value.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;
use tideover_testbed::process::{Process, Program as Executable};

use super::table::Program;

/// The settings that all programs of a run get.
pub(crate) struct Surroundings {
    pub(crate) books: SocketAddr,
    /// True if results can be read back and counted: not if nodes do not replicate.
    pub(crate) results: bool,
}

/// The hash tag of every key that can have one, so that the fault of one shard affects all.
pub(crate) const TAG: &str = "{jobs}";

/// The processes of one program.
pub(crate) struct Started {
    pub(crate) program: &'static Program,
    pub(crate) workers: Vec<Group>,
    pub(crate) producer: Group,
    _logs: TempDir,
}

impl Started {
    pub(crate) fn new(program: &'static Program, proxy: SocketAddr, around: &Surroundings) -> Self {
        let logs = tempfile::tempdir().unwrap();
        let start = |role: &str, arguments: &[&str]| {
            let name = format!("{} {role}", program.name);
            Group::start(name, command(program, role, arguments, proxy, around), &logs.path().join(role))
        };
        let worker = |index: usize| start(&worker_name(index), program.worker);
        let workers = (1..=program.workers).map(worker).collect();
        let producer = start("producer", program.producer);
        Self { program, workers, producer, _logs: logs }
    }

    /// Returns every process that has ended without being asked to, with the end of its log.
    pub(crate) fn ended(&mut self) -> Vec<String> {
        let all = self.workers.iter_mut().chain([&mut self.producer]);
        all.filter_map(|group| group.0.check_running().err()).map(|error| error.to_string()).collect()
    }

    /// Returns the ends of the logs of all processes.
    pub(crate) fn logs(&self) -> String {
        let all = self.workers.iter().chain([&self.producer]);
        all.map(|group| format!("--- {}\n{}\n", group.0.name(), group.0.log_tail())).collect()
    }
}

/// Returns the name of a worker in the records.
pub(crate) fn worker_name(index: usize) -> String {
    format!("worker{index}")
}

/// A process and its children: they end together.
pub(crate) struct Group(pub(crate) Process);

impl Group {
    pub(crate) fn start(name: String, words: Vec<String>, log: &Path) -> Self {
        let program = Executable { name, path: Path::new("env"), package: "coreutils", log: log.into() };
        Self(Process::spawn(program, &words).unwrap())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.0.pid()) {
            // Fails only if none of them is left.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

/// Returns the arguments of `env`, which becomes the program: variables, executable, arguments.
fn command(
    program: &Program,
    role: &str,
    arguments: &[&str],
    proxy: SocketAddr,
    around: &Surroundings,
) -> Vec<String> {
    let executable = program.runtime.executable().unwrap();
    let results = if around.results { "yes" } else { "no" };
    let mut words = env_of(program.name, role, proxy, around.books);
    words.push(format!("PACE={}", program.pace));
    words.push(format!("WORKERS={}", program.workers));
    words.push(format!("RESULTS={results}"));
    words.push(executable.display().to_string());
    words.extend(arguments.iter().map(|word| spelled_out(word, program.name, role)));
    words
}

/// Returns the environment that every program gets.
pub(crate) fn env_of(name: &str, role: &str, proxy: SocketAddr, books: SocketAddr) -> Vec<String> {
    vec![
        format!("NAME={name}"),
        format!("WORKER={role}"),
        format!("PROXY={proxy}"),
        format!("BOOKS={books}"),
        format!("PREFIX={}", prefix(name)),
        format!("PYTHONPATH={}", apps().display()),
        // Keeps the directory of the sources clean.
        "PYTHONDONTWRITEBYTECODE=1".to_owned(),
        "PYTHONUNBUFFERED=1".to_owned(),
    ]
}

/// Returns the path of one of the programs' files.
pub(crate) fn app(file: &str) -> String {
    apps().join(file).display().to_string()
}

/// Expands `@file` to a file of the programs, `%PREFIX` to that of the program's keys, and `%WORKER` to the name of the
/// worker.
fn spelled_out(word: &str, name: &str, role: &str) -> String {
    match word.strip_prefix('@') {
        Some(file) => app(file),
        None => word.replace("%PREFIX", &prefix(name)).replace("%WORKER", &format!("{name}-{role}")),
    }
}

fn prefix(name: &str) -> String {
    format!("{TAG}:{name}:")
}

fn apps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/apps")
}
