//! The hosts of a test: network namespaces on a bridge of their own. A permanent neighbour entry that points nowhere
//! makes all packets between two hosts vanish silently.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

/// Number of bridges that this process has made so far.
static BRIDGES: AtomicU8 = AtomicU8::new(0);
const NOBODY: &str = "02:00:00:00:ff:ff";

/// A bridge with hosts on it, and with this process. All of it ends when the value is dropped.
pub(crate) struct Net {
    tag: String,
    third: u8,
    hosts: Vec<&'static str>,
    running: Vec<(&'static str, Child)>,
}

/// Runs `ip` with these words; the error is its output.
fn ip(line: &str) -> Result<(), String> {
    let output = Command::new("ip").args(line.split(' ')).output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("ip {line}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

impl Net {
    /// Makes the bridge. The error says why this machine cannot have one.
    pub(crate) fn of(hosts: &[&'static str]) -> Result<Self, String> {
        let third = BRIDGES.fetch_add(1, Ordering::Relaxed);
        let tag = format!("{:x}{third}", std::process::id() % 0xffff);
        let mut net = Self { tag, third, hosts: Vec::new(), running: Vec::new() };
        ip(&format!("link add br{} type bridge", net.tag))?;
        ip(&format!("addr add {}/24 dev br{}", net.address_at(254), net.tag))?;
        ip(&format!("link set br{} up", net.tag))?;
        for host in hosts {
            net.add(host)?;
        }
        Ok(net)
    }

    fn add(&mut self, host: &'static str) -> Result<(), String> {
        self.hosts.push(host);
        let (tag, name, address) = (&self.tag, self.namespace(host), self.address(host));
        let outside = format!("v{tag}{host}");
        ip(&format!("netns add {name}"))?;
        ip(&format!("link add {outside} type veth peer name eth0 netns {name}"))?;
        ip(&format!("link set {outside} master br{tag} up"))?;
        ip(&format!("-n {name} addr add {address}/24 dev eth0"))?;
        ip(&format!("-n {name} link set eth0 up"))?;
        ip(&format!("-n {name} link set lo up"))
    }

    fn namespace(&self, host: &str) -> String {
        format!("tideover-{}-{host}", self.tag)
    }

    fn address_at(&self, last: usize) -> String {
        // The address range that is reserved for benchmarks of networks.
        let third = (std::process::id() * 4 + u32::from(self.third)) % 250;
        format!("198.18.{third}.{last}")
    }

    pub(crate) fn address(&self, host: &str) -> String {
        let at = self.hosts.iter().position(|known| *known == host).unwrap();
        self.address_at(at + 1)
    }

    /// Starts a program on a host.
    pub(crate) fn run(&mut self, host: &'static str, program: &str, args: &[String]) {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host), program]).args(args);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.running.push((host, child));
    }

    /// Makes all packets between the two vanish.
    pub(crate) fn cut(&self, one: &str, other: &str) {
        for (from, to) in [(one, other), (other, one)] {
            let (name, address) = (self.namespace(from), self.address(to));
            ip(&format!("-n {name} neigh replace {address} lladdr {NOBODY} nud permanent dev eth0")).unwrap();
        }
    }

    /// Lets packets pass again.
    pub(crate) fn heal(&self, one: &str, other: &str) {
        for (from, to) in [(one, other), (other, one)] {
            let (name, address) = (self.namespace(from), self.address(to));
            ip(&format!("-n {name} neigh del {address} dev eth0")).unwrap();
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
        for host in &self.hosts {
            let _ = ip(&format!("netns del {}", self.namespace(host)));
        }
        let _ = ip(&format!("link del br{}", self.tag));
    }
}
