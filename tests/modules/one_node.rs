//! In front of one node: commands as from the node itself, and a module that is loaded later.

use super::common::Rig;
use super::common::conn::pipeline;
use super::{Module, until_learned};

#[test]
fn commands_of_a_module_are_as_from_the_node_itself() {
    let Some(module) = Module::compile() else { return };
    let rig = Rig::with(&[&module.line()], &[]);
    let (mut client, mut direct) = (rig.client(), rig.direct());
    until_learned(&mut client, "test.get");
    for line in [
        "TEST.SET k v",
        "test.get k",
        "TEST.GET",
        "TEST.BOX GET k",
        "JSON.MSET a $ 1 b $ 2",
        "JSON.MGET a b none $",
        "TEST.FIND x k",
        "TEST.WAIT k 1",
        "FT.SEARCH idx *",
        "COMMAND GETKEYS TEST.SET k v",
        "COMMAND GETKEYS TEST.BOX GET k",
        "COMMAND INFO test.get test.box",
        "TEST.NOSUCH k",
        "NOSUCH a b",
        "MULTI",
        "TEST.SET k w",
        "TEST.GET k",
        "EXEC",
    ] {
        assert_eq!(client.call(line), direct.call(line), "{line}");
    }
    let docs = client.call("COMMAND DOCS test.get");
    assert!(docs.contains("$6\r\nmodule\r\n$7\r\ntestmod\r\n"), "{docs}");
    assert!(client.call("COMMAND LIST FILTERBY MODULE testmod").contains("json.mset"));
    let count = client.call("COMMAND COUNT").trim_start_matches(':').to_owned();
    let all = client.call("COMMAND");
    assert!(all.starts_with(&format!("*{count}")) && all.contains("test.box|get"), "{count}");
}

#[test]
fn a_command_that_waits_keeps_nobody_waiting() {
    let Some(module) = Module::compile() else { return };
    let rig = Rig::with(&[&module.line()], &[]);
    let (mut waiting, mut other) = (rig.client(), rig.client());
    until_learned(&mut other, "test.wait");
    // Without end: only the client's own connection to the node can wait like that.
    waiting.send("TEST.WAIT k 0");
    super::until("the node holds the command", || rig.server_clients("flags=b") == 1);
    for n in 0..50 {
        assert_eq!(other.call(&format!("TEST.SET k {n}")), "+OK\r\n");
    }
    drop(waiting);
    super::until("the node is rid of the command", || rig.server_clients("flags=b") == 0);

    let mut client = rig.client();
    client.write(&pipeline(&["TEST.WAIT k 30", "TEST.GET k"]));
    assert_eq!([client.reply(), client.reply()], ["+OVER\r\n", "$2\r\n49\r\n"]);
}

#[test]
fn when_the_node_is_lost_a_read_goes_on_waiting_and_what_may_have_written_does_not() {
    let Some(module) = Module::compile() else { return };
    let mut rig = Rig::with(&[&module.line()], &[]);
    let (mut reads, mut writes) = (rig.client(), rig.client());
    until_learned(&mut reads, "test.take");
    reads.send("TEST.WAIT k 2000");
    writes.send("TEST.TAKE k 2000");
    super::until("the node holds both", || rig.server_clients("flags=b") == 2);
    rig.restart_server();
    let reply = writes.reply();
    assert!(reply.starts_with("-UNCERTAIN tideover: "), "{reply}");
    assert_eq!(reads.reply(), "+OVER\r\n");
}

#[test]
fn a_module_that_is_loaded_later_is_learned_and_one_that_is_unloaded_is_the_nodes_affair() {
    let Some(module) = Module::compile() else { return };
    let rig = Rig::with(&["enable-module-command yes"], &[]);
    let mut client = rig.client();
    let unknown = "-ERR unknown command 'TEST.GET', with args beginning with: 'k' \r\n";
    assert_eq!(client.call("TEST.GET k"), unknown);
    assert!(client.call("COMMAND INFO test.get").contains("$-1"));
    assert_eq!(rig.direct().call(&format!("MODULE LOAD {}", module.path().display())), "+OK\r\n");
    until_learned(&mut client, "test.get");
    assert_eq!(client.call("TEST.GET k"), "$-1\r\n");
    assert_eq!(rig.direct().call("MODULE UNLOAD testmod"), "+OK\r\n");
    assert_eq!(client.call("TEST.GET k"), unknown);
}

#[test]
fn a_user_who_may_not_ask_for_commands_learns_none() {
    let Some(module) = Module::compile() else { return };
    let rig = Rig::protected("secret", &[&module.line()]);
    let mut client = rig.client();
    assert_eq!(client.call("AUTH secret"), "+OK\r\n");
    assert_eq!(client.call("TEST.SET k v"), "+OK\r\n");
    assert!(client.call("COMMAND INFO test.get").contains("$-1"));
}
