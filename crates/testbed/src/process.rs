//! Child processes and ports on loopback. A process never outlives its value: dropping it kills and reaps it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::Error;

/// How much of a log is shown when something went wrong.
const LOG_LINES: usize = 25;

/// What to start.
pub struct Program<'a> {
    /// How messages call it: `redis-server 127.0.0.1:6379`.
    pub name: String,
    /// The executable.
    pub path: &'a Path,
    /// The Debian package to name when the executable is missing; empty where there is none.
    pub package: &'a str,
    /// Where standard output and error go.
    pub log: PathBuf,
}

/// A running child.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the program in a process group of its own, so that a Ctrl-C in the terminal reaches us alone and the
    /// order of the clean-up stays ours.
    pub fn spawn<A: AsRef<OsStr>>(program: Program<'_>, args: &[A]) -> Result<Self, Error> {
        let file = |source| Error::File { path: program.log.clone(), source };
        let log = File::options().create(true).append(true).open(&program.log).map_err(file)?;
        let errors = log.try_clone().map_err(file)?;
        let child = Command::new(program.path)
            .args(args)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|source| spawn_error(&program, source))?;
        Ok(Self { name: program.name, child, log: program.log })
    }

    /// Returns how messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL, and returns only when the process is gone: it executes nothing after this call.
    pub fn kill(&mut self) {
        // Both fail only when there is no such child any more, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGSTOP: alive, its sockets open, and silent.
    pub fn stop(&mut self) {
        self.signal(Signal::SIGSTOP);
    }

    /// SIGCONT: goes on after `stop`.
    pub fn cont(&mut self) {
        self.signal(Signal::SIGCONT);
    }

    /// SIGTERM, and returns at once.
    pub fn term(&mut self) {
        self.signal(Signal::SIGTERM);
    }

    /// SIGTERM, then waits; SIGKILL when the limit is over. True when it ended by itself.
    pub async fn shut_down(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        self.term();
        while self.is_running() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ended = !self.is_running();
        self.kill();
        ended
    }

    /// Waits until it has ended by itself; its exit code. `None`: it runs on, or a signal ended it.
    pub async fn exit_code(&mut self, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        while self.is_running() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.child.try_wait().ok().flatten().and_then(|status| status.code())
    }

    /// An error when the process has ended.
    pub fn check_running(&mut self) -> Result<(), Error> {
        if self.is_running() {
            return Ok(());
        }
        Err(Error::Ended { name: self.name.clone(), log: self.log_tail() })
    }

    /// Everything that it wrote.
    pub fn log(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The last lines that it wrote.
    pub fn log_tail(&self) -> String {
        tail(&self.log(), LOG_LINES)
    }

    /// Signals only a child that is not reaped: its id cannot belong to another process.
    fn signal(&mut self, signal: Signal) {
        let Ok(pid) = i32::try_from(self.child.id()) else { return };
        if self.is_running() {
            // Fails only for a process that ended in this moment.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn_error(program: &Program<'_>, source: std::io::Error) -> Error {
    let path = program.path.display().to_string();
    match source.kind() {
        std::io::ErrorKind::NotFound if !program.package.is_empty() => {
            Error::Missing { program: path, package: program.package.to_owned() }
        }
        _ => Error::Spawn { program: path, source },
    }
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Ports below the range from which the kernel takes the source ports of connections: a connection opened while a
/// killed server is away can then never take its port, nor connect to itself.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// A cluster node listens a second time, 10000 ports higher; both stay below the same range.
const CLUSTER_PORTS: std::ops::Range<u16> = 15_000..22_000;

/// How much higher a cluster node's second port is.
const BUS: u16 = 10_000;

/// The ports handed out by this process.
static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port on loopback on which nobody listens and that this process has not handed out before.
pub fn free_port() -> Result<u16, Error> {
    free_ports(PORTS, &[0])
}

/// The same for a cluster node, whose second port is free too.
pub fn free_cluster_port() -> Result<u16, Error> {
    free_ports(CLUSTER_PORTS, &[0, BUS])
}

/// The first port of the range that is free together with those at these distances.
fn free_ports(range: std::ops::Range<u16>, distances: &[u16]) -> Result<u16, Error> {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let size = u32::from(range.end - range.start);
    // Processes that search at the same time begin at different places.
    let start = std::process::id().wrapping_mul(7919) % size;
    let is_free =
        |port: u16| !taken.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let port = (0..size)
        .filter_map(|step| u16::try_from((start + step) % size).ok())
        .map(|offset| range.start + offset)
        .find(|port| distances.iter().all(|distance| is_free(port + distance)))
        .ok_or(Error::NoPort)?;
    taken.extend(distances.iter().map(|distance| port + distance));
    Ok(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(log: &Path) -> Process {
        let program = Program {
            name: "sleep".into(),
            path: Path::new("sleep"),
            package: "coreutils",
            log: log.join("log"),
        };
        Process::spawn(program, &["60"]).unwrap()
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let process = sleeper(dir.path());
        let pid = Pid::from_raw(i32::try_from(process.pid()).unwrap());
        assert!(kill(pid, None).is_ok());
        drop(process);
        assert!(kill(pid, None).is_err());
    }

    #[test]
    fn a_stopped_process_runs_and_can_be_killed() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = sleeper(dir.path());
        process.stop();
        assert!(process.is_running());
        process.kill();
        assert!(!process.is_running());
        assert!(matches!(process.check_running(), Err(Error::Ended { .. })));
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let dir = tempfile::tempdir().unwrap();
        let path = Path::new("no-such-program-here");
        let program =
            Program { name: "x".into(), path, package: "some-package", log: dir.path().join("log") };
        let error = Process::spawn(program, &["1"]).err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("apt-get install some-package")));
    }

    #[test]
    fn no_port_is_handed_out_twice() {
        let ports: BTreeSet<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 50);
    }

    #[test]
    fn a_tail_is_the_end_of_the_text() {
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
        assert_eq!(tail("", 2), "");
    }
}
