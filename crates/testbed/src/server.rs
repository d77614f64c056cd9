//! One real redis-server on loopback: its config file, its directory, its life.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::client::{Client, Reply};
use super::error::Error;
use super::process::{Process, Program, free_port};
use super::wait::LOOK;

/// How long a server may take until it answers.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(30);

/// How long a server may take to end: it waits for its replicas for up to 10 seconds.
const END_LIMIT: Duration = Duration::from_secs(20);

/// How long a question to a node may take.
const ASK_LIMIT: Duration = Duration::from_secs(1);

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// The executable; `None`: the `redis-server` of the search path.
    pub program: Option<PathBuf>,
    /// `None`: a free one.
    pub port: Option<u16>,
    /// The master to follow.
    pub replica_of: Option<SocketAddr>,
    /// The default user's password, which the server also shows to its master.
    pub password: Option<String>,
    /// Further lines of its config file, as `aclfile /…/users.acl`.
    pub config: Vec<String>,
}

/// A redis-server with a directory of its own; both are gone when it is dropped.
pub struct RedisServer {
    options: RedisOptions,
    address: SocketAddr,
    process: Process,
    dir: TempDir,
}

impl RedisServer {
    /// Starts a server, and returns when it answers PING.
    pub async fn start(options: RedisOptions) -> Result<Self, Error> {
        let dir = temp_dir("redis")?;
        let port = options.port.map_or_else(free_port, Ok)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let process = spawn(&options, address, dir.path())?;
        let mut server = Self { options, address, process, dir };
        server.answers().await?;
        Ok(server)
    }

    /// Starts it again at the same port, empty, as a replica of `replica_of` or as a master.
    pub async fn restart(&mut self, replica_of: Option<SocketAddr>) -> Result<(), Error> {
        self.process.kill();
        self.options.replica_of = replica_of;
        self.process = spawn(&self.options, self.address, self.dir.path())?;
        self.answers().await
    }

    /// Ends it in good order, by SIGTERM, and starts it again at the same port in the same role.
    pub async fn restart_in_order(&mut self) -> Result<(), Error> {
        self.end_in_order().await?;
        self.process = spawn(&self.options, self.address, self.dir.path())?;
        self.answers().await
    }

    /// Ends it in good order, by SIGTERM, and returns when it has ended by itself.
    pub async fn end_in_order(&mut self) -> Result<(), Error> {
        match self.process.shut_down(END_LIMIT).await {
            true => Ok(()),
            false => {
                let (what, last) = (format!("end of {}", self.process.name()), self.process.log_tail());
                Err(Error::Deadline { what, limit: END_LIMIT, last })
            }
        }
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process, to stop, continue or kill it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The directory that is its own.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A connection to it, authenticated.
    pub async fn client(&self) -> Result<Client, Error> {
        connect(self.address, self.options.password.as_deref()).await
    }

    async fn answers(&mut self) -> Result<(), Error> {
        wait_for_ping(&mut self.process, self.address, self.options.password.as_deref()).await
    }
}

/// A connection for a few questions, authenticated when there is a password.
pub(crate) async fn connect(address: SocketAddr, password: Option<&str>) -> Result<Client, Error> {
    connect_for(address, password, ASK_LIMIT).await
}

/// The same with another limit for each answer.
pub(crate) async fn connect_for(
    address: SocketAddr,
    password: Option<&str>,
    limit: Duration,
) -> Result<Client, Error> {
    let mut client = Client::connect(address, limit).await?;
    if let Some(password) = password {
        client.must(&["AUTH", password]).await?;
    }
    Ok(client)
}

/// Returns when the process answers PONG, or asks a client without a password for one; it fails when the process ends or takes too
/// long.
pub(crate) async fn wait_for_ping(
    process: &mut Process,
    address: SocketAddr,
    password: Option<&str>,
) -> Result<(), Error> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let last = match ping(address, password).await {
            Ok(Reply::Simple(pong)) if pong == "PONG" => return Ok(()),
            Ok(reply) if password.is_none() && reply.error_class() == Some("NOAUTH") => return Ok(()),
            Ok(reply) => format!("{reply:?}"),
            Err(error) => error.to_string(),
        };
        process.check_running()?;
        if Instant::now() > deadline {
            let what = format!("PONG from {}", process.name());
            let last = format!("{last}; the end of its log:\n{}", process.log_tail());
            return Err(Error::Deadline { what, limit: START_LIMIT, last });
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn ping(address: SocketAddr, password: Option<&str>) -> Result<Reply, Error> {
    Ok(connect(address, password).await?.call(&["PING"]).await?)
}

/// A directory that is removed with its value.
pub(crate) fn temp_dir(name: &str) -> Result<TempDir, Error> {
    let prefix = format!("tideover-{name}-");
    let made = tempfile::Builder::new().prefix(&prefix).tempdir();
    made.map_err(|source| Error::File { path: std::env::temp_dir(), source })
}

/// Writes the config of a program into its directory. Passwords stand there, not on a command line that all may read.
pub(crate) fn write_config(dir: &Path, lines: &[String]) -> Result<PathBuf, Error> {
    let path = dir.join("server.conf");
    let text = lines.join("\n") + "\n";
    std::fs::write(&path, text).map_err(|source| Error::File { path: path.clone(), source })?;
    Ok(path)
}

fn spawn(options: &RedisOptions, address: SocketAddr, dir: &Path) -> Result<Process, Error> {
    let config = write_config(dir, &config_lines(options, address, dir))?;
    let path = options.program.as_deref().unwrap_or(Path::new("redis-server"));
    let executable = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let program = Program {
        name: format!("{executable} {address}"),
        path,
        // One that is named is not where it should be, and no package puts it there.
        package: if options.program.is_some() { "" } else { "redis-server" },
        log: dir.join("server.log"),
    };
    Process::spawn(program, &[config])
}

/// Nothing is persisted, and a replica that asks for the data gets it at once.
fn config_lines(options: &RedisOptions, address: SocketAddr, dir: &Path) -> Vec<String> {
    let mut lines = vec![
        format!("bind {}", address.ip()),
        format!("port {}", address.port()),
        format!("dir {}", dir.display()),
        "save \"\"".to_owned(),
        "appendonly no".to_owned(),
        "repl-diskless-sync yes".to_owned(),
        "repl-diskless-sync-delay 0".to_owned(),
        "repl-diskless-load swapdb".to_owned(),
    ];
    if let Some(password) = &options.password {
        lines.push(format!("requirepass {}", quote(password)));
        lines.push(format!("masterauth {}", quote(password)));
    }
    if let Some(master) = options.replica_of {
        lines.push(format!("replicaof {} {}", master.ip(), master.port()));
    }
    lines.extend(options.config.iter().cloned());
    lines
}

/// A string as Redis' config files take it.
pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_of_a_replica_names_its_master_and_both_passwords() {
        let master = SocketAddr::from((Ipv4Addr::LOCALHOST, 7001));
        let options = RedisOptions {
            replica_of: Some(master),
            password: Some("a \"b\"".into()),
            config: vec!["maxmemory 1gb".into()],
            ..RedisOptions::default()
        };
        let lines = config_lines(&options, SocketAddr::from((Ipv4Addr::LOCALHOST, 7002)), Path::new("/d"));
        let wanted = [
            "port 7002",
            "replicaof 127.0.0.1 7001",
            "requirepass \"a \\\"b\\\"\"",
            "masterauth \"a \\\"b\\\"\"",
            "maxmemory 1gb",
        ];
        for line in wanted {
            assert!(lines.iter().any(|present| present == line), "{line} is missing in {lines:?}");
        }
    }
}
