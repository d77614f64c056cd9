//! Other servers than Debian's Redis: the same module with Redis 8 and Valkey 9, and a module that people use. They run where
//! the environment names the servers (see `make servers`).

use std::path::{Path, PathBuf};

use super::common::conn::Conn;
use super::common::{proxy, runtime};
use super::{Module, until_learned};
use tideover_testbed::server::{RedisOptions, RedisServer};

/// Returns the server that this variable names. `None`: it names none, and the test checks nothing.
fn named(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    if path.is_none() {
        println!("SKIPPED: {variable} names no server");
    }
    path
}

/// Compares commands through the proxy with those at the node itself, which loads a module.
fn compare(program: &Path, config: &str, learned: &str, lines: &[&str]) {
    let runtime = runtime();
    let (program, config) = (Some(program.to_owned()), vec![config.to_owned()]);
    let server =
        runtime.block_on(RedisServer::start(RedisOptions { program, config, ..RedisOptions::default() }));
    let server = server.unwrap();
    let proxy = proxy(&runtime, server.address(), &[]);
    let (mut client, mut direct) = (Conn::open(proxy.address()), Conn::open(server.address()));
    until_learned(&mut client, learned);
    for line in lines {
        assert_eq!(client.call(line), direct.call(line), "{line}");
    }
}

#[test]
fn the_same_module_on_redis_8_and_valkey_9() {
    let Some(module) = Module::compile() else { return };
    for program in ["TIDEOVER_REDIS8_SERVER", "TIDEOVER_VALKEY_SERVER"].into_iter().filter_map(named) {
        let lines = [
            "TEST.SET k v",
            "TEST.GET k",
            "TEST.BOX GET k",
            "JSON.MGET k none $",
            "TEST.WAIT k 1",
            "COMMAND INFO test.get test.set",
            "COMMAND GETKEYS TEST.SET k v",
            "MULTI",
            "TEST.GET k",
            "EXEC",
        ];
        compare(&program, &module.line(), "test.box", &lines);
    }
}

#[test]
fn falkordb_answers_through_the_proxy_as_it_does_itself() {
    let Some(program) = named("TIDEOVER_REDIS8_SERVER") else { return };
    let module = program.with_file_name("falkordb.so");
    if !module.exists() {
        println!("SKIPPED: {} is not there", module.display());
        return;
    }
    let config = format!("loadmodule {}", module.display());
    let lines = [
        "COMMAND GETKEYS GRAPH.QUERY g x",
        "COMMAND GETKEYS GRAPH.COPY a b",
        "GRAPH.LIST",
        "MULTI",
        "GRAPH.EXPLAIN",
        "EXEC",
        "GRAPH.DELETE none",
        "GRAPH.NOSUCH g",
    ];
    compare(&program, &config, "graph.query", &lines);
}
