//! The steps of one run of a program, as it printed them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The steps in their order: the name, and the rest of the line.
pub(crate) struct Steps(Vec<(String, String)>);

/// Words of an error that only a mistake in the program itself, or a step without an end, can have.
const BROKEN: [&str; 3] = ["TypeError", "ReferenceError", "Error: no end"];

impl Steps {
    /// Runs a program at an address.
    pub(crate) fn run(program: &str, address: SocketAddr) -> Self {
        let (node, modules) = paths().unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/features/apps/{program}.mjs"));
        let mut command = Command::new(node);
        command.arg(file).env("TIDEOVER_NODE_MODULES", modules).env("REDIS", address.to_string());
        let output = command.output().unwrap();
        let (told, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{program} at {address}: {told}{errors}");
        Self(told.lines().map(step).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Fails if the program itself is wrong: these are the steps at the original.
    pub(crate) fn check(&self, program: &str) {
        for (step, outcome) in &self.0 {
            assert!(!BROKEN.iter().any(|word| outcome.contains(word)), "{program}: {step}: {outcome}");
        }
    }

    /// Compares with the steps through a proxy. A step that differs has to be one that does so, and one that does so has to differ.
    pub(crate) fn faults<'a>(
        &'a self,
        through: &'a Self,
        differs: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = String> + 'a {
        let names = |steps: &Self| steps.0.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(self), names(through));
        self.0.iter().zip(&through.0).filter_map(move |((name, expected), (_, found))| {
            match (expected == found, differs(name)) {
                (false, false) => Some(format!("{name}: {found} instead of {expected}")),
                (true, true) => Some(format!("{name}: is the same now: take its line out")),
                _ => None,
            }
        })
    }
}

fn step(line: &str) -> (String, String) {
    let parsed: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let name = parsed["step"].as_str().unwrap().to_owned();
    let outcome = parsed.get("error").map_or_else(|| parsed["result"].to_string(), |error| error.to_string());
    (name, outcome)
}

/// Says so loudly if the libraries are not there.
pub(crate) fn installed() -> bool {
    if paths().is_none() {
        let why = "SKIPPED: ioredis and node-redis are not installed: see scripts/install-programs.sh";
        println!("{why}");
        eprintln!("{why}");
    }
    paths().is_some()
}

/// Returns the paths of node and of its packages.
fn paths() -> Option<(PathBuf, PathBuf)> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    named("TIDEOVER_NODE").zip(named("TIDEOVER_NODE_MODULES"))
}
