//! Tests redis-cli, the client that everybody has: it must not notice that it does not talk to Redis itself.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::Rig;

struct Answer {
    output: String,
    errors: String,
}

/// Feeds these lines to redis-cli as a script.
fn redis_cli(port: u16, args: &[&str], input: &str) -> Answer {
    let mut child = Command::new("redis-cli")
        .args(["-p", &port.to_string()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Answer {
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_script_prints_what_it_prints_before_redis_itself() {
    let rig = Rig::start();
    let script = "SET k 1\nINCR k\nHSET h f v\nHGETALL h\nMULTI\nGET k\nEXEC\nSELECT 3\nGET k\nNOSUCH x\nLPUSH k 1\nPING\n";
    for args in [&[][..], &["-3"], &["-n", "5"], &["--no-raw"], &["-3", "--json"]] {
        rig.direct().call("FLUSHALL");
        let itself = redis_cli(rig.server.address().port(), args, script);
        rig.direct().call("FLUSHALL");
        let through = redis_cli(rig.proxy.address().port(), args, script);
        assert_eq!(through.output, itself.output, "{args:?}");
        assert_eq!(through.errors, itself.errors, "{args:?}");
    }
}

#[test]
fn user_and_password_are_taken_as_by_redis_itself() {
    let rig = Rig::with(&["user app on >pw ~* +@all"], &[]);
    let port = rig.proxy.address().port();
    for version in [&["-2"][..], &["-3"]] {
        let args = [&["--user", "app", "--pass", "pw", "--no-auth-warning"][..], version].concat();
        let answer = redis_cli(port, &args, "ACL WHOAMI\n");
        assert_eq!((answer.output.as_str(), answer.errors.as_str()), ("app\n", ""));
    }
}

#[test]
fn a_dump_of_commands_through_the_pipe_mode_is_taken_whole() {
    let rig = Rig::start();
    let lines: Vec<String> = (0..20_000).map(|n| format!("SET k{n} {n}")).collect();
    let input = String::from_utf8(common::conn::pipeline(&lines)).unwrap();
    let answer = redis_cli(rig.proxy.address().port(), &["--pipe"], &input);
    assert!(answer.output.contains("errors: 0, replies: 20000"), "{} {}", answer.output, answer.errors);
    assert_eq!(rig.client().call("DBSIZE"), ":20000\r\n");
}

#[test]
fn scanning_finds_every_key() {
    let rig = Rig::start();
    let mut client = rig.client();
    (0..500).for_each(|n| assert_eq!(client.call(&format!("SET k{n} {n}")), "+OK\r\n"));
    let answer = redis_cli(rig.proxy.address().port(), &["--scan"], "");
    assert_eq!(answer.output.lines().count(), 500);
}
