//! Writes the effective config as TOML, with every default and with `"***"` in place of secrets.
//!
//! Apart from the secrets, the output can be loaded again. For a secret that came from a file, it has the name of the
//! file and the mask in a comment, as a file and a password contradict each other.

use std::fmt::{Display, Write};
use std::path::Path;
use std::time::Duration;

use super::active::{FLUSHES, WRITERS};
use super::announce::FACES;
use super::failover::{BLOCKED, ON_REFUSED, ON_UNKNOWN, RETRY_POLICIES};
use super::proxy::{AUTH_MODES, DEBUG_COMMANDS, READ_FROM};
use super::resolve::LOG_FORMATS;
use super::{Active, Answers, Backend, Clients, Config, Credentials, Failover, Kind, Proxy, units};

const MASK: &str = "***";

pub(crate) fn show(config: &Config) -> String {
    let mut page = Page::default();
    page.header("[admin]");
    page.text("listen", config.admin.listen.as_deref().unwrap_or("off"));
    if let Some(path) = &config.admin.token_file {
        page.path("token_file", path);
    }
    page.header("[runtime]");
    page.raw("workers", config.runtime.workers);
    page.duration("shutdown_grace", config.runtime.shutdown_grace);
    page.header("[log]");
    page.text("level", &config.log.level);
    page.text("format", word(&LOG_FORMATS, config.log.format));
    for proxy in &config.proxies {
        page.proxy(proxy);
    }
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    fn header(&mut self, header: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.line(header);
    }

    fn raw(&mut self, key: &str, value: impl Display) {
        self.line(format_args!("{key} = {value}"));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, quoted(value));
    }

    fn path(&mut self, key: &str, value: &Path) {
        self.text(key, &value.to_string_lossy());
    }

    fn duration(&mut self, key: &str, value: Duration) {
        self.text(key, &units::show_duration(value));
    }

    fn list(&mut self, key: &str, values: impl IntoIterator<Item = impl Display>) {
        let values: Vec<String> = values.into_iter().map(|value| quoted(&value.to_string())).collect();
        self.raw(key, format_args!("[{}]", values.join(", ")));
    }

    fn proxy(&mut self, proxy: &Proxy) {
        self.header("[[proxy]]");
        self.text("name", &proxy.name);
        self.list("listen", &proxy.listen);
        self.backend(&proxy.backend);
        self.clients(&proxy.clients);
        self.failover(&proxy.failover);
        self.header("[proxy.reads]");
        self.text("from", word(&READ_FROM, proxy.reads.from));
        self.duration("max_lag", proxy.reads.max_lag);
        self.header("[proxy.replicas]");
        self.raw("relay", proxy.replicas.relay);
        self.duration("compare", proxy.replicas.compare);
        self.header("[proxy.cluster]");
        self.raw("split_writes", proxy.cluster.split_writes);
        self.active(&proxy.active);
    }

    fn backend(&mut self, backend: &Backend) {
        self.header("[proxy.backend]");
        self.text("kind", backend.kind.name());
        match &backend.kind {
            Kind::Fixed { node } => self.list("nodes", [node]),
            Kind::Sentinel { sentinels, master, .. } => {
                self.list("nodes", sentinels);
                self.text("master", master);
            }
            Kind::Cluster { seeds: nodes } | Kind::Active { nodes } => self.list("nodes", nodes),
        }
        self.credentials("", backend.credentials.as_ref(), backend.password_file.as_deref());
        if let Kind::Sentinel { credentials, .. } = &backend.kind {
            self.credentials("sentinel_", credentials.as_ref(), backend.sentinel_password_file.as_deref());
        }
        if backend.address_map.is_empty() {
            return;
        }
        self.header("[proxy.backend.address_map]");
        for (announced, dialled) in &backend.address_map {
            self.text(&format!("\"{announced}\""), &dialled.to_string());
        }
    }

    fn credentials(&mut self, prefix: &str, credentials: Option<&Credentials>, file: Option<&Path>) {
        if let Some(username) = credentials.and_then(|credentials| credentials.username.as_deref()) {
            self.text(&format!("{prefix}username"), username);
        }
        match (credentials, file) {
            (_, Some(file)) => {
                let file = quoted(&file.to_string_lossy());
                self.line(format_args!("{prefix}password_file = {file}  # {prefix}password = \"{MASK}\""));
            }
            (Some(_), None) => self.text(&format!("{prefix}password"), MASK),
            (None, None) => {}
        }
    }

    fn clients(&mut self, clients: &Clients) {
        self.header("[proxy.clients]");
        self.text("auth", word(&AUTH_MODES, Some(clients.auth)));
        self.text("face", word(&FACES, clients.face));
        if !clients.announce.is_empty() {
            self.list("announce", &clients.announce);
        }
        self.raw("accept_open_access", clients.accept_open_access);
        self.raw("max_clients", clients.max_clients);
        self.text("max_frame", &units::show_size(clients.max_frame));
        self.text("output_buffer", &units::show_size(clients.output_buffer));
        self.duration("idle_timeout", clients.idle_timeout);
        self.raw("share_subscriptions", clients.share_subscriptions);
        self.raw("tracked_keys", clients.tracked_keys);
        self.text("debug", word(&DEBUG_COMMANDS, clients.debug));
    }

    fn failover(&mut self, failover: &Failover) {
        self.header("[proxy.failover]");
        self.duration("hold", failover.hold);
        self.text("hold_bytes", &units::show_size(failover.hold_bytes));
        self.text("resend_size", &units::show_size(failover.resend_size));
        self.text("retry", word(&RETRY_POLICIES, failover.retry));
        self.text("blocked", word(&BLOCKED, failover.blocked));
        self.answers(failover.answers);
        self.duration("node_timeout", failover.node_timeout);
        self.duration("command_timeout", failover.command_timeout);
        for library in &failover.libraries {
            self.header("[[proxy.failover.library]]");
            self.text("name", &library.name);
            self.answers(library.answers);
        }
    }

    fn answers(&mut self, answers: Answers) {
        self.text("on_unknown", word(&ON_UNKNOWN, answers.on_unknown));
        self.text("on_refused", word(&ON_REFUSED, answers.on_refused));
    }

    fn active(&mut self, active: &Active) {
        self.header("[proxy.active]");
        self.text("writer", word(&WRITERS, active.writer));
        self.duration("failback", active.failback);
        if let Some(zone) = &active.zone {
            self.text("zone", zone);
        }
        self.text("flush", word(&FLUSHES, active.flush));
        if !active.zones.is_empty() {
            self.header("[proxy.active.zones]");
        }
        for (node, zone) in &active.zones {
            self.text(&format!("\"{node}\""), zone);
        }
        self.header("[proxy.active.sampler]");
        self.raw("keys_per_second", active.sampler.keys_per_second);
        self.duration("settle", active.sampler.settle);
        for rule in &active.rules {
            self.header("[[proxy.active.rule]]");
            self.text("prefix", &rule.prefix);
            self.text("writer", word(&WRITERS, rule.writer));
        }
    }
}

/// Quotes a text as a TOML string that stands for itself, even if it looks like an environment variable.
fn quoted(text: &str) -> String {
    toml::Value::String(text.replace("${", "$${")).to_string()
}

/// Returns the word for a value of a choice.
pub(super) fn word<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::text::load_text;

    fn load(source: &str) -> Config {
        load_text(source).unwrap()
    }

    const FULL: &str = r#"
        admin.token_file = "/run/token"
        [[proxy]]
        name = "a"
        listen = ["unix:/run/a b.sock", "[::1]:7000"]
        backend.kind = "sentinel"
        backend.nodes = ["s1", "s2:1"]
        backend.master = "my\"master"
        backend.username = "us${er}"
        backend.password_file = "/run/secret"
        backend.sentinel_password = "topsecret"
        backend.address_map = { "172.17.0.2:6379" = "10.0.0.5:16379" }
        clients.auth = "backend"
        [[proxy]]
        name = "b"
        listen = ["10.0.0.1:0"]
        backend.kind = "fixed"
        backend.nodes = ["h:1"]
        backend.password = "topsecret"
        failover.hold = "0s"
        [[proxy.failover.library]]
        name = "redis-py"
        on_unknown = "close"
        [[proxy]]
        name = "c"
        listen = ["127.0.0.1:2"]
        backend = { kind = "active", nodes = ["a", "[::1]:7"] }
        active.zone = "z\"1"
        active.zones = { a = "z\"1", "[::1]:7" = "z${cret}" }
        active.sampler = { keys_per_second = 10000, settle = "90s" }
        active.flush = "all"
        active.writer = "first"
        [[proxy.active.rule]]
        prefix = "lock:$${x}\\"
        writer = "key"
        [[proxy.active.rule]]
        prefix = "lock:$${x}\\a"
        writer = "nearest"
    "#;

    #[test]
    fn what_is_shown_loads_to_the_same_again() {
        let shown = show(&load(FULL));
        assert_eq!(show(&load(&shown)), shown);
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = show(&load(FULL));
        assert!(!shown.contains("topsecret"), "{shown}");
        assert_eq!(shown.matches("\"***\"").count(), 3, "{shown}");
    }

    #[test]
    fn every_default_is_written_out() {
        let shown = show(&load(
            "[[proxy]]\nlisten = [\"127.0.0.1:1\"]\nbackend = { kind = \"fixed\", nodes = [\"h\"] }\n",
        ));
        let expected = [
            "[admin]\nlisten = \"127.0.0.1:9180\"\n",
            "workers = 3\nshutdown_grace = \"10s\"\n",
            "level = \"info\"\nformat = \"text\"\n",
            "name = \"default\"\nlisten = [\"127.0.0.1:1\"]\n",
            "kind = \"fixed\"\nnodes = [\"h:6379\"]\n",
            "auth = \"passthrough\"\nface = \"standalone\"\nannounce = [\"127.0.0.1:1\"]\n",
            "accept_open_access = false\nmax_clients = 10000\nmax_frame = \"512MiB\"\n",
            "output_buffer = \"256MiB\"\nidle_timeout = \"0s\"\nshare_subscriptions = true\ntracked_keys = 1000000\ndebug = \"refuse\"\n",
            "hold = \"30s\"\nhold_bytes = \"256MiB\"\nresend_size = \"16MiB\"\nretry = \"idempotent\"\nblocked = \"wait\"\n",
            "on_unknown = \"error\"\non_refused = \"LOADING\"\nnode_timeout = \"2s\"\ncommand_timeout = \"0s\"\n",
            "from = \"master\"\nmax_lag = \"1s\"\n",
            "relay = true\ncompare = \"1m\"\n",
            "writer = \"nearest\"\nfailback = \"30s\"\nflush = \"refuse\"\n",
            "keys_per_second = 0\nsettle = \"10s\"\n",
        ];
        for part in expected {
            assert!(shown.contains(part), "{part} not in\n{shown}");
        }
    }
}
