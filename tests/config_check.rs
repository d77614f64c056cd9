//! Tests `tideover check` and the start of `tideover run` as an operator sees them: exit codes and faults.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail by panicking, as the test does")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

fn tideover(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tideover"));
    for name in ["CONFIG", "BACKEND", "LISTEN", "ADMIN", "WORKERS", "LOG"] {
        command.env_remove(format!("TIDEOVER_{name}"));
    }
    command.env("TIDEOVER_TEST_HOLD", "7s").env_remove("TIDEOVER_TEST_UNSET").args(args).output().unwrap()
}

fn check(path: &Path) -> Output {
    tideover(&["check", "--config", path.to_str().unwrap()])
}

fn written(dir: &TempDir, text: &str) -> PathBuf {
    let path = dir.path().join("tideover.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A good config of 12 lines; each case appends to it or replaces a part of it.
const GOOD: &str = r#"[admin]
listen = "off"
[log]
level = "info"
[[proxy]]
name = "a"
listen = ["127.0.0.1:6380"]
[proxy.backend]
kind = "fixed"
nodes = ["127.0.0.1:6379"]
[proxy.clients]
auth = "passthrough"
"#;

#[test]
fn every_example_passes_and_what_is_shown_passes_again() {
    let dir = TempDir::new().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut seen = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let output = check(&path);
        assert_eq!(output.status.code(), Some(0), "{}: {}", path.display(), stderr(&output));
        let shown = stdout(&output);
        let again = check(&written(&dir, &shown));
        assert_eq!(again.status.code(), Some(0), "{}: {}", path.display(), stderr(&again));
        assert_eq!(stdout(&again), shown, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 2, "{seen} examples");
}

/// An example has every default, so that removing everything but the required keys must change nothing.
#[test]
fn examples_hold_the_defaults() {
    let dir = TempDir::new().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let required =
        ["[[proxy]]", "name = ", "listen = [", "[proxy.backend]", "kind = ", "nodes = ", "master = "];
    for name in ["fixed.toml", "sentinel.toml", "cluster.toml", "active.toml"] {
        let full = std::fs::read_to_string(examples.join(name)).unwrap();
        let kind = format!("kind = {:?}", name.trim_end_matches(".toml"));
        assert!(full.lines().any(|line| line == kind), "{name}");
        let kept = full.lines().filter(|line| required.iter().any(|start| line.starts_with(start)));
        let short = kept.collect::<Vec<_>>().join("\n");
        assert_eq!(stdout(&check(&written(&dir, &short))), stdout(&check(&examples.join(name))), "{name}");
    }
}

#[test]
fn every_backend_with_replicas_may_read_from_them() {
    let dir = TempDir::new().unwrap();
    for kind in ["\"sentinel\"\nmaster = \"m\"", "\"cluster\""] {
        for from in ["master", "prefer-replica", "replica", "nearest"] {
            let text = GOOD.replace("\"fixed\"", kind)
                + &format!("[proxy.reads]\nfrom = \"{from}\"\nmax_lag = \"250ms\"\n");
            let output = check(&written(&dir, &text));
            assert!(output.status.success(), "{kind} {from}: {}", stderr(&output));
            let shown = format!("[proxy.reads]\nfrom = \"{from}\"\nmax_lag = \"250ms\"\n");
            assert!(stdout(&output).contains(&shown), "{kind} {from}");
        }
    }
}

#[test]
fn a_bad_config_is_refused_with_line_and_key() {
    let dir = TempDir::new().unwrap();
    // The text to replace in the good config ("" to append), its replacement, and the expected fault.
    let cases = [
        (
            "",
            "[proxy.failover]\nhold = \"10 parsecs\"\n",
            ":14: proxy.failover.hold: \"10 parsecs\" is not a duration",
        ),
        ("", "[proxy.failover]\nhold = 30\n", ":14: proxy.failover.hold: "),
        ("", "[proxy.failover]\nhold = \"64MiB\"\n", ":14: proxy.failover.hold: "),
        (
            "",
            "[proxy.failover]\nhold_bytes = \"1KiB\"\n",
            ":14: proxy.failover.hold_bytes: \"1KiB\" is too small",
        ),
        ("", "[proxy.failover]\nhold_bytes = \"64MB\"\n", ":14: proxy.failover.hold_bytes: "),
        ("", "[proxy.failover]\nnode_timeout = \"0s\"\n", ":14: proxy.failover.node_timeout: "),
        ("", "[proxy.failover]\nretry = \"sometimes\"\n", ":14: proxy.failover.retry: "),
        (
            "",
            "[proxy.failover]\non_refused = \"loading\"\n",
            ":14: proxy.failover.on_refused: \"loading\" is not allowed; allowed: TRYAGAIN, LOADING, READONLY",
        ),
        ("", "[proxy.failover]\nblocked = \"never\"\n", ":14: proxy.failover.blocked: "),
        ("", "[proxy.failover]\non_unknown = \"\"\n", ":14: proxy.failover.on_unknown: "),
        (
            "",
            "[[proxy.failover.library]]\non_unknown = \"close\"\n",
            ":13: proxy.failover.library.name: is missing",
        ),
        ("", "[[proxy.failover.library]]\nname = \"\"\n", ":14: proxy.failover.library.name: is empty"),
        (
            "",
            "[[proxy.failover.library]]\nname = \"a\"\n[[proxy.failover.library]]\nname = \"A\"\n",
            ":16: proxy.failover.library.name: \"A\" is listed twice",
        ),
        (
            "",
            "[[proxy.failover.library]]\nname = \"a\"\nretry = \"always\"\n",
            ":15: proxy.failover.library.retry: unknown key; allowed: name, on_unknown, on_refused",
        ),
        (
            "",
            "[proxy.failover]\nhodl = \"1s\"\n",
            ":14: proxy.failover.hodl: unknown key; allowed: hold, hold_bytes",
        ),
        ("", "[failover]\nhold = \"1s\"\n", ":13: failover: unknown key"),
        (
            "",
            "face = \"redis\"\n",
            ":13: proxy.clients.face: \"redis\" is not allowed; allowed: standalone, cluster",
        ),
        ("", "announce = []\n", ":13: proxy.clients.announce: is empty"),
        ("", "announce = [\"h\"]\n", ":13: proxy.clients.announce: \"h\" is not an address"),
        ("", "announce = [\"h:1\", \"h:1\"]\n", ":13: proxy.clients.announce: \"h:1\" is listed twice"),
        (
            "",
            "announce = [\"0.0.0.0:1\"]\n",
            ":13: proxy.clients.announce: \"0.0.0.0:1\" is no address that clients can connect to",
        ),
        ("", "max_clients = 0\n", ":13: proxy.clients.max_clients: "),
        ("", "max_clients = \"many\"\n", ":13: proxy.clients.max_clients: "),
        ("", "max_frame = 512\n", ":13: proxy.clients.max_frame: "),
        (
            "",
            "[proxy.reads]\nfrom = \"replica\"\n",
            ":14: proxy.reads.from: a backend of kind \"fixed\" has no replicas; allowed here: master",
        ),
        ("", "[proxy.reads]\nfrom = \"moon\"\n", ":14: proxy.reads.from: "),
        ("", "[proxy.reads]\nmax_lag = 1\n", ":14: proxy.reads.max_lag: "),
        ("", "[proxy.cluster]\nsplit_writes = \"no\"\n", ":14: proxy.cluster.split_writes: "),
        ("", "[proxy.cluster]\nslots = 3\n", ":14: proxy.cluster.slots: unknown key; allowed: split_writes"),
        ("", "[proxy.active]\nwriter = \"all\"\n", ":14: proxy.active.writer: \"all\" is not allowed"),
        (
            "",
            "[proxy.clients.tls]\ncert_file = \"/a\"\n",
            ":14: proxy.clients.tls.cert_file: is not available yet",
        ),
        ("", "[proxy.backend.tls]\n", ":13: proxy.backend.tls: is not available yet"),
        ("", "[proxy.backend.tls]\nca = \"/a\"\n", ":14: proxy.backend.tls.ca: unknown key"),
        ("", "[[proxy.clients.user]]\nname = \"x\"\n", ":13: proxy.clients.user: is not available yet"),
        ("", "[proxy.backend.address_map]\n\"a:1\" = \"b\"\n", ":14: proxy.backend.address_map.\"a:1\": "),
        (
            "",
            "[[proxy]]\nname = \"a\"\nlisten = [\"127.0.0.1:1\"]\nbackend = { kind = \"fixed\", nodes = [\"h\"] }\n",
            ":14: proxy.name: \"a\" is in use at ",
        ),
        (
            "",
            "[[proxy]]\nname = \"b\"\nlisten = [\"127.0.0.1:6380\"]\nbackend = { kind = \"fixed\", nodes = [\"h\"] }\n",
            ":15: proxy.listen: \"127.0.0.1:6380\" is in use at ",
        ),
        (
            "",
            "[[proxy]]\nname = \"b\"\nbackend = { kind = \"fixed\", nodes = [\"h\"] }\n",
            ":13: proxy.listen: is missing",
        ),
        ("", "[runtime]\nworkers = -1\n", ":14: runtime.workers: "),
        ("", "[runtime]\nshutdown_grace = true\n", ":14: runtime.shutdown_grace: "),
        ("", "auth = \"none\"\n", ":13: proxy.clients.auth: not TOML: duplicate key"),
        ("\"off\"", "\"127.0.0.1:6380\"", ":7: proxy.listen: \"127.0.0.1:6380\" is in use at "),
        ("\"off\"", "\"on\"", ":2: admin.listen: "),
        ("level = \"info\"", "level = \"inof\"", ":4: log.level: "),
        (
            "level = \"info\"",
            "level = \"${TIDEOVER_TEST_UNSET}\"",
            ":4: log.level: environment variable \"TIDEOVER_TEST_UNSET\" is not set",
        ),
        ("level = \"info\"", "format = \"xml\"", ":4: log.format: "),
        ("\"a\"", "\"a b\"", ":6: proxy.name: "),
        ("\"a\"", "\"\"", ":6: proxy.name: "),
        ("[\"127.0.0.1:6380\"]", "[]", ":7: proxy.listen: is empty"),
        ("[\"127.0.0.1:6380\"]", "\"127.0.0.1:6380\"", ":7: proxy.listen: a string is not allowed here"),
        ("[\"127.0.0.1:6380\"]", "[\"6380\"]", ":7: proxy.listen: "),
        ("[\"127.0.0.1:6380\"]", "[\"unix:a.sock\"]", ":7: proxy.listen: "),
        ("\"fixed\"", "\"sentinel\"", ":8: proxy.backend.master: is missing"),
        (
            "\"fixed\"",
            "\"cluster\"\nmaster = \"m\"",
            ":10: proxy.backend.master: is allowed only with kind = \"sentinel\"",
        ),
        ("\"fixed\"", "\"single\"", ":9: proxy.backend.kind: "),
        ("kind = \"fixed\"\n", "", ":8: proxy.backend.kind: is missing"),
        (
            "\"fixed\"",
            "\"fixed\"\nmaster = \"m\"",
            ":10: proxy.backend.master: is allowed only with kind = \"sentinel\"",
        ),
        ("\"fixed\"", "\"fixed\"\nusername = \"u\"", ":10: proxy.backend.username: has no password"),
        (
            "\"fixed\"",
            "\"fixed\"\npassword_file = \"/nonexistent\"",
            ":10: proxy.backend.password_file: cannot be read",
        ),
        ("[\"127.0.0.1:6379\"]", "[\"a:1\", \"b:1\"]", ":10: proxy.backend.nodes: more than one node"),
        ("[\"127.0.0.1:6379\"]", "[\"a:b\"]", ":10: proxy.backend.nodes: \"a:b\" is not a node"),
        ("[\"127.0.0.1:6379\"]", "[]", ":10: proxy.backend.nodes: is empty"),
        ("\"passthrough\"", "\"users\"", ":12: proxy.clients.auth: \"users\" is not available yet"),
    ];
    for (old, new, expected) in cases {
        let text = if old.is_empty() { format!("{GOOD}{new}") } else { GOOD.replacen(old, new, 1) };
        let path = written(&dir, &text);
        let output = check(&path);
        let faults = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{new}: {faults}");
        let expected = format!("{}{expected}", path.display());
        assert!(faults.lines().any(|line| line.starts_with(&expected)), "{expected}\nnot in\n{faults}");
        assert_eq!(faults.lines().count(), 1, "one fault only: {faults}");
        assert_eq!(stdout(&output), "");
    }
}

/// The values of `[proxy.active]` are checked fully where they are used; elsewhere they only have to be well formed.
#[test]
fn a_bad_section_of_active_nodes_is_refused_with_line_and_key() {
    let dir = TempDir::new().unwrap();
    let good = GOOD.replace("\"fixed\"", "\"active\"").replace("127.0.0.1:6379", "a:1\", \"b");
    let cases = [
        ("flush = \"some\"\n", ":14: proxy.active.flush: \"some\" is not allowed; allowed: refuse, all"),
        ("writers = 1\n", ":14: proxy.active.writers: unknown key; allowed: writer, rule, failback, zone"),
        ("failback = 30\n", ":14: proxy.active.failback: "),
        ("zone = \"\"\n[proxy.active.zones]\n\"a:1\" = \"z\"\n", ":14: proxy.active.zone: is empty"),
        ("zone = \"z\"\n", ":14: proxy.active.zone: does not say where the nodes are"),
        ("[proxy.active.zones]\n\"a:1\" = \"z\"\n", ":14: proxy.active.zones: do not say where the proxy is"),
        (
            "zone = \"z\"\n[proxy.active.zones]\n\"a:1\" = \"z\"\n\"a:2\" = \"z\"\n",
            ":17: proxy.active.zones.\"a:2\": a:2 is none of the nodes",
        ),
        (
            "zone = \"z\"\n[proxy.active.zones]\nb = \"\"\n",
            ":16: proxy.active.zones.\"b\": the zone is empty",
        ),
        (
            "zone = \"z\"\n[proxy.active.zones]\n\"b:6379\" = \"z\"\nb = \"y\"\n",
            ":16: proxy.active.zones.\"b:6379\": b:6379 is listed twice",
        ),
        (
            "zone = \"z\"\n[proxy.active.zones]\n\"a:x\" = \"z\"\n",
            ":16: proxy.active.zones.\"a:x\": is not a node",
        ),
        ("sampler.keys_per_second = 10001\n", ":14: proxy.active.sampler.keys_per_second: 10001 is out of"),
        ("sampler.keys_per_second = -1\n", ":14: proxy.active.sampler.keys_per_second: -1 is out of range"),
        ("[proxy.active.sampler]\nsettle = \"0s\"\n", ":15: proxy.active.sampler.settle: \"0s\" would take"),
        ("[proxy.active.sampler]\nsettel = \"1s\"\n", ":15: proxy.active.sampler.settel: unknown key"),
        ("[[proxy.active.rule]]\nprefix = \"a\"\n", ":14: proxy.active.rule.writer: is missing"),
        ("[[proxy.active.rule]]\nwriter = \"key\"\n", ":14: proxy.active.rule.prefix: is missing"),
        (
            "[[proxy.active.rule]]\nprefix = \"\"\nwriter = \"key\"\n",
            ":15: proxy.active.rule.prefix: is empty and would fit every key",
        ),
        (
            "[[proxy.active.rule]]\nprefix = \"a\"\nwriter = \"last\"\n",
            ":16: proxy.active.rule.writer: \"last\" is not allowed; allowed: nearest, first, key",
        ),
        (
            "rule = [\n{ prefix = \"a\", writer = \"key\" },\n{ prefix = \"a\", writer = \"first\" }]\n",
            ":16: proxy.active.rule.prefix: \"a\" has a rule already",
        ),
        (
            "[[proxy.active.rule]]\nprefix = \"a\"\nwriter = \"key\"\nx = 1\n",
            ":17: proxy.active.rule.x: unknown",
        ),
        (
            "[proxy.reads]\nfrom = \"nearest\"\n",
            ":15: proxy.reads.from: a backend of kind \"active\" has no replicas; allowed here: master",
        ),
    ];
    for (bad, expected) in cases {
        let path = written(&dir, &format!("{good}[proxy.active]\n{bad}"));
        let output = check(&path);
        let faults = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{bad}: {faults}");
        assert_eq!(faults.lines().count(), 1, "one fault only: {faults}");
        assert!(faults.starts_with(&format!("{}{expected}", path.display())), "{expected}\nnot in\n{faults}");
    }
}

#[test]
fn what_active_nodes_are_told_is_shown() {
    let dir = TempDir::new().unwrap();
    let good = GOOD.replace("\"fixed\"", "\"active\"").replace("127.0.0.1:6379", "a:1\", \"b");
    let told = "[proxy.active]\nwriter = \"first\"\nfailback = \"0s\"\nzone = \"east\"\nflush = \"all\"\n\n\
                [proxy.active.zones]\n\"a:1\" = \"east\"\n\"b:6379\" = \"west\"\n\n\
                [proxy.active.sampler]\nkeys_per_second = 10000\nsettle = \"1ms\"\n\n\
                [[proxy.active.rule]]\nprefix = \"lock:\"\nwriter = \"key\"\n\n\
                [[proxy.active.rule]]\nprefix = \"lock:near:\"\nwriter = \"nearest\"\n";
    let output = check(&written(&dir, &format!("{good}{told}")));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).ends_with(told), "{}", stdout(&output));
    // With another kind of backend the section is kept, and its nodes are not checked.
    let output = check(&written(&dir, &format!("{GOOD}{told}")));
    assert!(stdout(&output).ends_with(told), "{}", stderr(&output));
}

#[test]
fn open_access_must_be_accepted_outside_this_machine() {
    let dir = TempDir::new().unwrap();
    // listen, auth, accept_open_access, exit code
    let cases = [
        ("127.0.0.1:6380", "backend", false, 0),
        ("[::1]:6380", "none", false, 0),
        ("unix:/run/tideover.sock", "backend", false, 0),
        ("0.0.0.0:6380", "passthrough", false, 0),
        ("0.0.0.0:6380", "backend", false, 2),
        ("[::]:6380", "none", false, 2),
        ("redis.internal:6380", "backend", false, 2),
        ("0.0.0.0:6380", "backend", true, 0),
        ("0.0.0.0:6380", "none", true, 0),
    ];
    for (listen, auth, accepted, code) in cases {
        let text = GOOD.replace("127.0.0.1:6380", listen).replace("passthrough", auth);
        let text = format!("{text}accept_open_access = {accepted}\n");
        let output = check(&written(&dir, &text));
        assert_eq!(output.status.code(), Some(code), "{listen} {auth} {accepted}: {}", stderr(&output));
        assert_eq!(stderr(&output).contains(":12: proxy.clients.auth: "), code == 2, "{}", stderr(&output));
    }
}

#[test]
fn all_faults_are_reported_at_once() {
    let dir = TempDir::new().unwrap();
    let text =
        GOOD.replace("\"off\"", "\"on\"").replace("\"info\"", "\"loud\"").replace("\"fixed\"", "\"fixd\"");
    let output = check(&written(&dir, &format!("{text}a = 1\nb = 2\n")));
    let faults = stderr(&output);
    let keys = ["admin.listen", "log.level", "proxy.backend.kind", "proxy.clients.a", "proxy.clients.b"];
    assert_eq!(faults.lines().count(), keys.len(), "{faults}");
    for (line, key) in faults.lines().zip(keys) {
        assert!(line.contains(&format!(": {key}: ")), "{line}");
    }
}

#[test]
fn a_face_that_tells_addresses_needs_some_to_tell() {
    let dir = TempDir::new().unwrap();
    let hidden =
        ["\"0.0.0.0:6380\"", "\"127.0.0.1:6380\", \"[::]:6381\"", "\"127.0.0.1:0\"", "\"unix:/tmp/t.sock\""];
    for listen in hidden {
        let text = GOOD.replace("\"127.0.0.1:6380\"", listen);
        for face in ["cluster", "sentinel"] {
            let output = check(&written(&dir, &format!("{text}face = \"{face}\"\n")));
            let expected =
                format!(":13: proxy.clients.face: \"{face}\" tells clients where to connect, and ");
            assert!(stderr(&output).contains(&expected), "{listen}: {}", stderr(&output));
            let told = format!("{text}face = \"{face}\"\nannounce = [\"proxy.internal:6380\"]\n");
            let output = check(&written(&dir, &told));
            assert!(
                stdout(&output).contains("announce = [\"proxy.internal:6380\"]\n"),
                "{}",
                stderr(&output)
            );
        }
        let output = check(&written(&dir, &format!("{text}face = \"standalone\"\n")));
        assert_eq!(output.status.code(), Some(0), "{listen}: {}", stderr(&output));
    }
}

#[test]
fn check_masks_every_secret() {
    let dir = TempDir::new().unwrap();
    let secret_file = dir.path().join("secret");
    std::fs::write(&secret_file, "hunter2-file\n").unwrap();
    let backend = format!(
        "kind = \"sentinel\"\nmaster = \"m\"\nusername = \"u\"\npassword_file = \"{}\"\nsentinel_password = \"hunter2-inline\"",
        secret_file.display()
    );
    let output = check(&written(&dir, &GOOD.replace("kind = \"fixed\"", &backend)));
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!shown.contains("hunter2") && !stderr(&output).contains("hunter2"), "{shown}");
    assert!(shown.contains("sentinel_password = \"***\""), "{shown}");
    assert!(shown.contains(&format!("password_file = \"{}\"", secret_file.display())), "{shown}");
}

#[test]
fn a_fault_does_not_show_a_secret() {
    let dir = TempDir::new().unwrap();
    let backend = "kind = \"fixed\"\npassword = \"hunter2\"\npassword_file = \"/nonexistent\"";
    let output = check(&written(&dir, &GOOD.replace("kind = \"fixed\"", backend)));
    assert_eq!(output.status.code(), Some(2));
    assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
    for url in
        ["redis://u:hunter2@h:1/9", "redis://u:hunter2@", "http://u:hunter2@h", "redis://u:hunter2@h:x"]
    {
        let output = tideover(&["run", "--backend", url]);
        assert_eq!(output.status.code(), Some(2), "{url}");
        assert!(stderr(&output).starts_with("--backend: "), "{url}: {}", stderr(&output));
        assert!(!stderr(&output).contains("hunter2"), "{url}: {}", stderr(&output));
    }
}

#[test]
fn an_environment_variable_is_taken_from_a_string() {
    let dir = TempDir::new().unwrap();
    let text = format!("{GOOD}[proxy.failover]\nhold = \"${{TIDEOVER_TEST_HOLD}}\"\n");
    let output = check(&written(&dir, &text));
    assert!(stdout(&output).contains("hold = \"7s\""), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn a_file_that_cannot_be_used_is_one_fault() {
    let dir = TempDir::new().unwrap();
    let missing = check(&dir.path().join("missing.toml"));
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("missing.toml: cannot be read: "), "{}", stderr(&missing));
    let empty = check(&written(&dir, ""));
    assert_eq!(empty.status.code(), Some(2));
    assert!(stderr(&empty).contains(":1: proxy: is missing"), "{}", stderr(&empty));
}

#[test]
fn a_bad_option_of_run_is_named_like_a_key() {
    let backend = "redis://127.0.0.1:1";
    let cases: [(&[&str], &str); 12] = [
        (
            &["--backend", backend, "--set", "failover.hold=soon"],
            "--set failover.hold: proxy.failover.hold: \"soon\"",
        ),
        (
            &["--backend", backend, "--set", "failover.hodl=1s"],
            "--set failover.hodl: proxy.failover.hodl: unknown key",
        ),
        (&["--backend", backend, "--set", "failover=1s"], "--set failover: proxy.failover: "),
        (&["--backend", backend, "--set", "failover.hold"], "--set: has no \"=\""),
        (&["--backend", backend, "--set", "a b=1"], "--set a b: is not a key"),
        (
            &["--config", "config/fixed.toml", "--set", "listen=[\"127.0.0.1:1\", \"127.0.0.1:1\"]"],
            "--set listen: proxy.listen: \"127.0.0.1:1\" is in use",
        ),
        (
            &["--backend", backend, "--listen", "0.0.0.0:6380", "--set", "clients.face=cluster"],
            "--set clients.face: proxy.clients.face: \"cluster\" tells clients where to connect",
        ),
        (&["--backend", backend, "--listen", "nowhere"], "--listen: proxy.listen: "),
        (&["--backend", backend, "--admin", "on"], "--admin: admin.listen: "),
        (&["--backend", backend, "--workers", "many"], "--workers: runtime.workers: "),
        (&["--backend", backend, "--log", "loud"], "--log: log.level: "),
        (&["--backend", "rediss://127.0.0.1:1"], "--backend: proxy.backend.tls: is not available yet"),
    ];
    for (args, expected) in cases {
        let output = tideover(&[&["run"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with(expected), "{args:?}: {}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn bad_usage_ends_with_2() {
    let cases: [(&[&str], i32); 6] = [
        (&["run"], 2),
        (&["check"], 2),
        (&["demo"], 2),
        (&["demo", "other"], 2),
        (&["--version"], 0),
        (&["run", "--help"], 0),
    ];
    for (args, code) in cases {
        assert_eq!(tideover(args).status.code(), Some(code), "{args:?}");
    }
    assert!(stdout(&tideover(&["--version"])).starts_with("tideover "));
}
