//! Commands of modules, which the proxy learns from the nodes: in front of one node, sentinels and a cluster. The module is
//! compiled by the test; without a C compiler the tests say so and check nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/live.rs"]
mod live;

mod in_cluster;
mod one_node;
mod sentinels;
mod servers;

use std::path::PathBuf;
use std::process::Command;

use common::conn::Conn;
use common::until;
use tempfile::TempDir;

/// The compiled module, as long as the value lives.
struct Module {
    dir: TempDir,
}

impl Module {
    /// Compiles the module. `None`: there is no compiler here.
    fn compile() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/modules/module.c");
        let module = Self { dir };
        let compiled =
            Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(module.path()).arg(source).status();
        let Ok(status) = compiled else {
            println!("SKIPPED: there is no C compiler `cc` to compile the module of this test with");
            return None;
        };
        assert!(status.success(), "the module does not compile");
        Some(module)
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("testmod.so")
    }

    /// The line for a node's config.
    fn line(&self) -> String {
        format!("loadmodule {}", self.path().display())
    }
}

/// Waits until the proxy knows the command.
fn until_learned(client: &mut Conn, name: &str) {
    until("the command is learned", || !client.call(&format!("COMMAND INFO {name}")).contains("$-1"));
}
