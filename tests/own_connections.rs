//! Connections that clients have for themselves are used again: few are made, and nothing of one client reaches the next.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

mod common;

use common::conn::Conn;
use common::{Rig, until};

/// The number of connections that the server has taken so far.
fn received(direct: &mut Conn) -> u64 {
    let info = direct.call("INFO stats");
    let line = info.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    line.unwrap().trim().parse().unwrap()
}

/// Lets clients do this at the same time, and returns the number of connections that were made to the server.
fn connections(rig: &Rig, clients: usize, work: impl Fn(&Rig) + Sync) -> u64 {
    let mut direct = rig.direct();
    let before = received(&mut direct);
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| work(rig));
        }
    });
    received(&mut direct) - before
}

#[test]
fn watching_again_and_again_takes_few_connections() {
    let rig = Rig::set(&["runtime.workers=2"]);
    let made = connections(&rig, 20, |rig| {
        let mut client = rig.client();
        for _ in 0..500 {
            assert_eq!(client.call("WATCH a"), "+OK\r\n");
            assert_eq!(client.call("UNWATCH"), "+OK\r\n");
        }
    });
    println!("{made} connections for 10,000 rounds of WATCH and UNWATCH");
    assert!(made <= 50, "{made}");
}

#[test]
fn short_clients_with_a_transaction_each_take_few_connections() {
    let rig = Rig::set(&["runtime.workers=2"]);
    let made = connections(&rig, 10, |rig| {
        for _ in 0..100 {
            let mut client = rig.client();
            assert_eq!(client.call("WATCH a"), "+OK\r\n");
            assert_eq!(client.call("MULTI"), "+OK\r\n");
            assert_eq!(client.call("INCR b"), "+QUEUED\r\n");
            assert!(client.call("EXEC").starts_with("*1\r\n:"));
        }
    });
    println!("{made} connections for 1,000 short clients");
    assert!(made <= 50, "{made}");
}

/// One client leaves a connection in some state. The next one that needs a connection finds nothing of it.
#[test]
fn nothing_of_a_client_reaches_the_next_on_its_connection() {
    for state in [
        &["WATCH a", "SET b 1"][..],
        &["WATCH a", "UNWATCH"],
        &["WATCH a", "MULTI", "SET b 1"],
        &["WATCH a", "MULTI", "SET b 1", "DISCARD"],
        &["WATCH a", "MULTI", "SET b 1", "EXEC"],
        &["WATCH a", "RESET"],
        &["SELECT 5", "WATCH a", "SET a 5"],
        &["WATCH a", "SELECT 5", "SET a 5"],
        &["CLIENT SETNAME left-behind", "WATCH a"],
        &["HELLO 3", "WATCH a"],
        &["HELLO 3", "CLIENT TRACKING ON", "WATCH a", "GET a"],
        &["HELLO 3", "CLIENT TRACKING ON NOLOOP", "WATCH a", "GET a"],
        &["WATCH a", "SUBSCRIBE c"],
        &["AUTH other secret", "WATCH a"],
        &["BLPOP none 0.01"],
        &["XREAD BLOCK 10 STREAMS none $"],
    ] {
        let rig = Rig::with(&["user other on >secret ~* &* +@all"], &["runtime.workers=1"]);
        let mut direct = rig.direct();
        let (mut first, mut witness) = (rig.client(), rig.client());
        for line in state {
            first.call(line);
        }
        drop(first);
        until("it has gone", || witness.call("CLIENT LIST").matches("id=").count() == 1);
        for _ in 0..3 {
            let mut next = rig.client();
            assert_eq!(next.call("WATCH x"), "+OK\r\n", "{state:?}");
            // What the first one watched changes now.
            direct.call("INCR a");
            assert_eq!(next.call("GET x"), "$-1\r\n", "{state:?}");
            assert_eq!(next.call("MULTI"), "+OK\r\n", "{state:?}");
            assert_eq!(next.call("ACL WHOAMI"), "+QUEUED\r\n", "{state:?}");
            assert_eq!(next.call("HGETALL none"), "+QUEUED\r\n", "{state:?}");
            assert_eq!(next.call("INCR n"), "+QUEUED\r\n", "{state:?}");
            let heard = next.call("EXEC");
            let counter = direct.call("GET n");
            let count =
                counter.lines().nth(1).unwrap_or_else(|| panic!("{state:?}: in another database")).trim();
            assert_eq!(heard, format!("*3\r\n$7\r\ndefault\r\n*0\r\n:{count}\r\n"), "{state:?}");
            assert_eq!(next.call("CLIENT GETNAME"), "$-1\r\n", "{state:?}");
        }
        assert_eq!(rig.server_clients("name=left-behind"), 0, "{state:?}");
    }
}

/// A client that blocks is at the server at once, if others have blocked before it.
#[test]
fn blocking_clients_find_a_connection() {
    let rig = Rig::set(&["runtime.workers=1"]);
    let mut clients: Vec<Conn> = (0..5).map(|_| rig.client()).collect();
    let mut direct = rig.direct();
    for (place, client) in clients.iter_mut().enumerate() {
        client.send("BLPOP queue 0");
        let lines = format!("blocked_clients:{}\r\n", place + 1);
        until("it is blocked", || direct.call("INFO clients").contains(&lines));
        until("the next connection is there", || rig.server_clients("name=tideover-") == place + 2);
    }
    let made = received(&mut direct);
    let mut next = rig.client();
    next.send("BLPOP queue 0");
    until("it is blocked", || direct.call("INFO clients").contains("blocked_clients:6\r\n"));
    drop(next);
    println!("{made} connections before the last client");
    for client in &mut clients {
        direct.call("RPUSH queue x");
        assert_eq!(client.reply(), "*2\r\n$5\r\nqueue\r\n$1\r\nx\r\n");
    }
}
