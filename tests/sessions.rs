//! Tests that each client has a session of its own, whatever other clients do on the same connections to the node.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use common::conn::{Conn, bulk, pipeline};
use common::{Random, Rig};

#[test]
fn a_selected_database_is_one_clients_alone() {
    let rig = Rig::start();
    let mut clients: Vec<Conn> = (0..12).map(|_| rig.client()).collect();
    for (db, client) in clients.iter_mut().enumerate() {
        client.write(&pipeline(&[format!("SELECT {db}"), format!("SET where {db}"), "GET where".into()]));
    }
    for (db, client) in clients.iter_mut().enumerate() {
        let replies = [client.reply(), client.reply(), client.reply()];
        assert_eq!(replies, ["+OK\r\n".into(), "+OK\r\n".into(), bulk(&db.to_string())]);
    }
    for round in 0..3 {
        for (db, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.call("GET where"), bulk(&db.to_string()), "round {round}");
        }
    }
    assert_eq!(rig.client().call("GET where"), bulk("0"));
}

#[test]
fn a_select_in_the_middle_of_a_pipeline_moves_only_what_follows() {
    let rig = Rig::start();
    let mut client = rig.client();
    client.write(&pipeline(&[
        "SET k zero",
        "SELECT 5",
        "SET k five",
        "GET k",
        "SELECT 99",
        "GET k",
        "SELECT 0",
        "GET k",
        "SELECT x",
    ]));
    let expected = [
        "+OK\r\n",
        "+OK\r\n",
        "+OK\r\n",
        "$4\r\nfive\r\n",
        "-ERR DB index is out of range\r\n",
        "$4\r\nfive\r\n",
        "+OK\r\n",
        "$4\r\nzero\r\n",
        "-ERR value is not an integer or out of range\r\n",
    ];
    for reply in expected {
        assert_eq!(client.reply(), reply);
    }
}

#[test]
fn transactions_of_many_clients_never_mix() {
    let rig = Rig::start();
    let mut clients: Vec<Conn> = (0..20).map(|_| rig.client()).collect();
    for step in ["MULTI", "INCR n", "INCR n"] {
        for client in &mut clients {
            client.call(step);
        }
    }
    assert_eq!(rig.client().call("GET n"), "$-1\r\n");
    for client in &mut clients {
        client.send("EXEC");
    }
    for client in &mut clients {
        let reply = client.reply();
        let values: Vec<i64> = reply.split("\r\n:").skip(1).map(|n| n.trim_end().parse().unwrap()).collect();
        assert_eq!(values.len(), 2, "{reply}");
        assert_eq!(values[0] + 1, values[1], "another client's command ran in between");
    }
    assert_eq!(rig.client().call("GET n"), bulk("40"));
}

#[test]
fn a_watch_is_one_clients_alone() {
    let rig = Rig::start();
    let (mut watcher, mut other, mut writer) = (rig.client(), rig.client(), rig.client());
    assert_eq!(watcher.call("WATCH k"), "+OK\r\n");
    assert_eq!(writer.call("SET k 1"), "+OK\r\n");
    for client in [&mut other, &mut watcher] {
        assert_eq!(client.call("MULTI"), "+OK\r\n");
        assert_eq!(client.call("GET k"), "+QUEUED\r\n");
    }
    assert_eq!(other.call("EXEC"), "*1\r\n$1\r\n1\r\n");
    assert_eq!(watcher.call("EXEC"), "*-1\r\n");
}

#[test]
fn the_protocol_version_is_one_clients_alone() {
    let rig = Rig::start();
    let (mut two, mut three) = (rig.client(), rig.client());
    assert!(three.call("HELLO 3").starts_with("%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n"));
    two.call("HSET h f v");
    for _ in 0..3 {
        assert_eq!(three.call("HGETALL h"), "%1\r\n$1\r\nf\r\n$1\r\nv\r\n");
        assert_eq!(two.call("HGETALL h"), "*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
        assert_eq!(three.call("GET none"), "_\r\n");
        assert_eq!(two.call("GET none"), "$-1\r\n");
    }
    assert!(three.call("HELLO 2").starts_with("*14\r\n"));
    assert_eq!(three.call("GET none"), "$-1\r\n");
}

#[test]
fn names_and_ids_are_one_clients_alone() {
    let rig = Rig::start();
    let (mut a, mut b) = (rig.client(), rig.client());
    assert_eq!(a.call("CLIENT SETNAME alpha"), "+OK\r\n");
    assert_eq!(b.call("CLIENT GETNAME"), "$-1\r\n");
    assert_eq!(a.call("CLIENT GETNAME"), bulk("alpha"));
    assert_ne!(a.call("CLIENT ID"), b.call("CLIENT ID"));
    assert_eq!(a.call("CLIENT SETINFO LIB-NAME lib"), "+OK\r\n");
    assert_eq!(a.call("CLIENT SETINFO LIB-VER 1.2"), "+OK\r\n");
    let info = a.call("CLIENT INFO");
    assert!(
        info.contains(" name=alpha ") && info.contains(" lib-name=lib ") && info.contains("resp=2"),
        "{info}"
    );
    assert!(!b.call("CLIENT INFO").contains("alpha"));
    assert_eq!(a.call("CLIENT SETNAME bad\nname"), b.call("CLIENT SETNAME bad\nname"));
    assert_eq!(a.call("CLIENT GETNAME"), bulk("alpha"));
}

#[test]
fn silenced_replies_are_one_clients_alone() {
    let rig = Rig::start();
    let (mut quiet, mut other) = (rig.client(), rig.client());
    quiet.write(&pipeline(&["CLIENT REPLY OFF", "SET k 1", "PING", "INCR k", "NOSUCH", "CLIENT REPLY ON"]));
    assert_eq!(quiet.reply(), "+OK\r\n");
    assert_eq!(quiet.call("GET k"), bulk("2"));
    quiet.write(&pipeline(&["CLIENT REPLY SKIP", "SET k 7", "GET k", "CLIENT REPLY SKIP", "PING", "ECHO e"]));
    assert_eq!(quiet.reply(), bulk("7"));
    assert_eq!(quiet.reply(), bulk("e"));
    quiet.write(&pipeline(&["CLIENT REPLY OFF"]));
    for _ in 0..5 {
        assert_eq!(other.call("GET k"), bulk("7"));
    }
}

#[test]
fn a_user_is_one_clients_alone() {
    let rig = Rig::with(&["user app on >pw ~app:* +@all", "user ro on >pw ~* +@read"], &[]);
    let (mut app, mut ro, mut plain) = (rig.client(), rig.client(), rig.client());
    assert_eq!(app.call("AUTH app pw"), "+OK\r\n");
    assert!(ro.call("HELLO 3 AUTH ro pw SETNAME reader").starts_with('%'));
    assert_eq!(ro.call("CLIENT GETNAME"), bulk("reader"));
    for _ in 0..3 {
        assert_eq!(app.call("SET app:k 1"), "+OK\r\n");
        assert!(app.call("SET k 1").starts_with("-NOPERM"));
        assert!(ro.call("SET app:k 2").starts_with("-NOPERM"));
        assert_eq!(ro.call("GET app:k"), bulk("1"));
        assert_eq!(plain.call("SET k 3"), "+OK\r\n");
    }
    assert!(app.call("AUTH app wrong").starts_with("-WRONGPASS"));
    assert!(app.call("SET k 1").starts_with("-NOPERM"), "a failed AUTH changes nothing");
    assert_eq!(app.call("ACL WHOAMI"), bulk("app"));
}

/// A user without the right to SELECT stays in the database that was selected before, on every connection.
#[test]
fn a_user_keeps_the_database_of_its_client() {
    let rig = Rig::with(&["user app on >pw ~* +@all -select"], &[]);
    let (mut app, mut plain) = (rig.client(), rig.client());
    assert_eq!(app.call("SELECT 9"), "+OK\r\n");
    assert_eq!(app.call("AUTH app pw"), "+OK\r\n");
    assert_eq!(app.call("SET k nine"), "+OK\r\n");
    assert!(app.call("SELECT 5").starts_with("-NOPERM"));
    assert_eq!(app.call("MULTI"), "+OK\r\n");
    assert_eq!(app.call("GET k"), "+QUEUED\r\n");
    assert_eq!(app.call("EXEC"), format!("*1\r\n{}", bulk("nine")));
    assert_eq!(app.call("BLPOP none 0.01"), "*-1\r\n");
    assert_eq!(plain.call("GET k"), "$-1\r\n");
    assert_eq!(plain.call("SELECT 9"), "+OK\r\n");
    assert_eq!(plain.call("GET k"), bulk("nine"));
}

#[test]
fn a_client_before_a_protected_node_is_nobody_until_it_authenticates() {
    let rig = Rig::protected("pw", &[]);
    let (mut stranger, mut friend) = (rig.client(), rig.client());
    assert_eq!(friend.call("AUTH pw"), "+OK\r\n");
    for _ in 0..3 {
        assert_eq!(friend.call("SET k 1"), "+OK\r\n");
        for line in ["GET k", "SET k 2", "SELECT 1", "WATCH k", "SUBSCRIBE c", "HELLO 3"] {
            assert!(stranger.call(line).starts_with("-NOAUTH"), "{line}");
        }
    }
    assert_eq!(stranger.call("AUTH pw"), "+OK\r\n");
    assert_eq!(stranger.call("GET k"), bulk("1"));
}

#[test]
fn an_auth_in_the_middle_of_a_pipeline_counts_for_what_follows() {
    let rig = Rig::with(&["user app on >pw ~app:* +@all"], &[]);
    let mut client = rig.client();
    client.write(&pipeline(&[
        "SET k 1",
        "AUTH app pw",
        "SET k 2",
        "SET app:k 3",
        "AUTH app no",
        "GET app:k",
    ]));
    let replies: Vec<String> = (0..6).map(|_| client.reply()).collect();
    assert_eq!(
        [&*replies[0], &*replies[1], &*replies[3], &*replies[5]],
        ["+OK\r\n", "+OK\r\n", "+OK\r\n", "$1\r\n3\r\n"]
    );
    assert!(replies[2].starts_with("-NOPERM") && replies[4].starts_with("-WRONGPASS"), "{replies:?}");
}

#[test]
fn reset_brings_everything_back_to_the_beginning() {
    let rig = Rig::with(&["user app on >pw ~* +@all"], &[]);
    let mut client = rig.client();
    rig.client().call("SET k zero");
    for line in ["HELLO 3 AUTH app pw SETNAME x", "SELECT 3", "SUBSCRIBE c", "WATCH k"] {
        client.call(line);
    }
    client.call("MULTI");
    assert_eq!(client.call("RESET"), "+RESET\r\n");
    assert_eq!(client.call("CLIENT GETNAME"), "$-1\r\n");
    assert_eq!(client.call("GET k"), bulk("zero"));
    assert_eq!(client.call("ACL WHOAMI"), bulk("default"));
    assert_eq!(client.call("EXEC"), "-ERR EXEC without MULTI\r\n");
    assert_eq!(client.call("PING"), "+PONG\r\n");
}

#[test]
fn quit_answers_what_came_before_and_closes() {
    let rig = Rig::start();
    let mut client = rig.client();
    client.write(&pipeline(&["SET k 1", "GET k", "QUIT", "SET k 2"]));
    assert_eq!(
        [client.reply(), client.reply(), client.reply()],
        ["+OK\r\n".into(), bulk("1"), "+OK\r\n".into()]
    );
    client.expect_close();
    assert_eq!(rig.client().call("GET k"), bulk("1"));
}

#[test]
fn hello_refuses_what_it_does_not_speak() {
    let rig = Rig::start();
    let mut client = rig.client();
    assert_eq!(client.call("HELLO 4"), "-NOPROTO unsupported protocol version\r\n");
    assert_eq!(client.call("HELLO x"), "-ERR Protocol version is not an integer or out of range\r\n");
    assert!(client.call("HELLO 3 AUTH nobody pw").starts_with("-WRONGPASS"));
    assert_eq!(client.call("GET none"), "$-1\r\n", "a refused HELLO changes nothing");
    assert!(client.call("HELLO").starts_with("*14\r\n"));
}

#[test]
fn ten_thousand_commands_in_one_write_are_answered_in_order() {
    let rig = Rig::start();
    let mut client = rig.client();
    let lines: Vec<String> = (0..10_000)
        .map(|n| match n % 4 {
            0 => format!("SET k{n} {n}"),
            1 => format!("ECHO {n}"),
            2 => format!("GET k{}", n - 2),
            _ => "PING".to_owned(),
        })
        .collect();
    let (mut writer, bytes) = (client.writer(), pipeline(&lines));
    let writing = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &bytes).unwrap());
    for n in 0..10_000 {
        let expected = match n % 4 {
            0 => "+OK\r\n".to_owned(),
            1 => bulk(&n.to_string()),
            2 => bulk(&(n - 2).to_string()),
            _ => "+PONG\r\n".to_owned(),
        };
        assert_eq!(client.reply(), expected, "command {n}");
    }
    writing.join().unwrap();
}

#[test]
fn forty_interleaved_sessions_each_see_only_their_own() {
    let rig = Rig::with(&["user app on >pw ~* +@all"], &[]);
    let mut random = Random(7);
    let mut clients: Vec<Conn> = (0..40).map(|_| rig.client()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        let setup = [
            format!("HELLO {}", 2 + n % 2),
            format!("SELECT {}", n % 16),
            if n.is_multiple_of(3) { "AUTH app pw".to_owned() } else { "PING".to_owned() },
            format!("CLIENT SETNAME c{n}"),
            format!("SET own{n} {n}"),
        ];
        client.write(&pipeline(&setup));
    }
    for client in &mut clients {
        (0..5).for_each(|_| assert!(!client.reply().starts_with('-')));
    }
    for _ in 0..400 {
        let n = random.below(clients.len());
        let client = &mut clients[n];
        let user = if n.is_multiple_of(3) { "app" } else { "default" };
        match random.below(4) {
            0 => assert_eq!(client.call(&format!("GET own{n}")), bulk(&n.to_string())),
            1 => assert_eq!(client.call("ACL WHOAMI"), bulk(user)),
            2 => assert_eq!(client.call("CLIENT GETNAME"), bulk(&format!("c{n}"))),
            _ => assert_eq!(client.call("GET none"), if n % 2 == 1 { "_\r\n" } else { "$-1\r\n" }),
        }
    }
}
