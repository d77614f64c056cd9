//! The proxy as a child process: the same binary that is started by hand, in front of a deployment.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tempfile::TempDir;

use super::error::Error;
use super::process::{Process, Program, free_port};
use super::server::{temp_dir, wait_for_ping, write_config};

/// A running `tideover run`; dropping it ends the process.
pub struct ProxyProcess {
    address: SocketAddr,
    admin: SocketAddr,
    process: Process,
    _dir: TempDir,
}

impl ProxyProcess {
    /// Starts the binary `program` in front of the backend, and returns when a PING through it is answered.
    pub async fn start(program: &Path, backend_url: &str, further_args: &[&str]) -> Result<Self, Error> {
        let (address, admin) = (loopback()?, loopback()?);
        let (listen, admin_listen) = (address.to_string(), admin.to_string());
        let mut args = vec!["run", "--backend", backend_url, "--listen", &listen, "--admin", &admin_listen];
        args.extend_from_slice(further_args);
        Self::spawn(program, address, admin, temp_dir("proxy")?, &args).await
    }

    /// The same from a config file: `config` writes it for a listener and an admin address.
    pub async fn start_from_file(
        program: &Path,
        config: impl FnOnce(SocketAddr, SocketAddr) -> String,
    ) -> Result<Self, Error> {
        let (address, admin) = (loopback()?, loopback()?);
        let dir = temp_dir("proxy")?;
        let file = write_config(dir.path(), &[config(address, admin)])?.display().to_string();
        Self::spawn(program, address, admin, dir, &["run", "--config", &file]).await
    }

    async fn spawn(
        program: &Path,
        address: SocketAddr,
        admin: SocketAddr,
        dir: TempDir,
        args: &[&str],
    ) -> Result<Self, Error> {
        let log = dir.path().join("proxy.log");
        let program =
            Program { name: format!("tideover {address}"), path: program, package: "tideover", log };
        let mut process = Process::spawn(program, args)?;
        wait_for_ping(&mut process, address, None).await?;
        Ok(Self { address, admin, process, _dir: dir })
    }

    /// Returns where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns where it serves metrics and the topology.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its process, to stop, continue or kill it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

fn loopback() -> Result<SocketAddr, Error> {
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)))
}
