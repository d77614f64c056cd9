//! The stories of a few clients, told at a server and at the proxy in front of it: everybody hears the same.

use std::net::SocketAddr;

use super::common::conn::Conn;
use super::common::{Rig, until};

/// A step of a story: who says what, or who hears something unasked.
enum Step {
    Says(usize, &'static str),
    Hears(usize),
}
use Step::{Hears, Says};

/// Plays a story, and returns what everybody got. Ids of clients become their places in the story.
fn play(address: SocketAddr, protos: &[u8], story: &[Step]) -> Vec<String> {
    let mut people: Vec<Conn> = protos.iter().map(|_| Conn::open(address)).collect();
    let mut ids = Vec::new();
    for (person, proto) in people.iter_mut().zip(protos) {
        person.call(&format!("HELLO {proto}"));
        ids.push(id(person));
    }
    people[0].call("FLUSHALL");
    let mut heard = Vec::new();
    for step in story {
        let said = match step {
            Says(who, line) => {
                let line = ids.iter().enumerate().fold((*line).to_owned(), |line, (place, id)| {
                    line.replace(&format!("#{place}"), &id.to_string())
                });
                people[*who].call(&line)
            }
            Hears(who) => people[*who].reply(),
        };
        let tells_id = matches!(step, Says(_, line) if line.contains("REDIR") || line.contains("INFO"));
        let masked = |said: String, (place, id): (usize, &u64)| {
            said.replace(&format!(":{id}\r"), &format!("#{place}\r"))
        };
        heard.push(if tells_id { ids.iter().enumerate().fold(said, masked) } else { said });
    }
    heard
}

fn id(client: &mut Conn) -> u64 {
    client.call("CLIENT ID").trim_start_matches(':').trim().parse().unwrap()
}

/// Plays a story at a server, and at the proxy in front of it.
fn same(protos: &[u8], story: &[Step]) {
    let rig = Rig::set(&["runtime.workers=3"]);
    let (direct, through) =
        (play(rig.server.address(), protos, story), play(rig.proxy.address(), protos, story));
    // A server writes the null for all keys in the version of the reader, even if another client hears it.
    let null = |heard: &str| heard.replace("\r\n$-1\r\n", "\r\n_\r\n");
    let is_mixed = protos.iter().any(|proto| *proto != protos[0]);
    for (at, (direct, through)) in direct.iter().zip(&through).enumerate() {
        let (direct, through) = match is_mixed {
            true => (&null(direct), &null(through)),
            false => (direct, through),
        };
        assert_eq!(direct, through, "step {at}, RESP {protos:?}");
    }
}

#[test]
fn a_reader_hears_once_of_each_key_that_changes() {
    same(
        &[3, 3],
        &[
            Says(0, "CLIENT TRACKING ON"),
            Says(0, "CLIENT TRACKINGINFO"),
            Says(0, "CLIENT GETREDIR"),
            Says(0, "GET a"),
            Says(1, "SET a 1"),
            Hears(0),
            Says(1, "SET a 2"),
            Says(0, "PING"),
            Says(0, "MGET a b c"),
            Says(1, "MSET a 1 c 1"),
            Hears(0),
            Hears(0),
            Says(0, "PING hello"),
            // An own change is told behind its reply.
            Says(0, "GET a"),
            Says(0, "INCR a"),
            Hears(0),
            Says(0, "SELECT 5"),
            Says(0, "GET a"),
            Says(1, "SELECT 5"),
            Says(1, "SET a 5"),
            Hears(0),
            Says(1, "FLUSHALL"),
            Hears(0),
            Says(0, "EVAL return{redis.call('get',KEYS[1])} 1 s"),
            Says(1, "SET s 1"),
            Hears(0),
            Says(0, "MULTI"),
            Says(0, "GET m"),
            Says(0, "LRANGE n 0 -1"),
            Says(0, "EXEC"),
            Says(1, "SET m 1"),
            Hears(0),
            Says(1, "LPUSH n 1"),
            Hears(0),
            Says(0, "WATCH w"),
            Says(0, "GET w"),
            Says(1, "SET w 1"),
            Hears(0),
            Says(0, "UNWATCH"),
            Says(0, "CLIENT TRACKING OFF"),
            Says(0, "GET a"),
            Says(1, "SET a 9"),
            Says(0, "PING"),
            Says(0, "CLIENT TRACKINGINFO"),
        ],
    );
}

#[test]
fn clients_choose_what_is_tracked() {
    same(
        &[3, 3],
        &[
            Says(0, "CLIENT CACHING YES"),
            Says(0, "CLIENT TRACKING ON OPTIN"),
            Says(0, "CLIENT CACHING NO"),
            Says(0, "GET a"),
            Says(1, "SET a 1"),
            Says(0, "CLIENT CACHING YES"),
            Says(0, "CLIENT TRACKINGINFO"),
            Says(0, "GET a"),
            Says(0, "GET b"),
            Says(1, "SET a 2"),
            Hears(0),
            Says(1, "SET b 2"),
            Says(0, "CLIENT CACHING YES"),
            Says(0, "MULTI"),
            Says(0, "GET a"),
            Says(0, "GET b"),
            Says(0, "EXEC"),
            Says(1, "SET a 3"),
            Hears(0),
            Says(1, "SET b 3"),
            Hears(0),
            Says(0, "CLIENT TRACKING ON OPTOUT"),
            Says(0, "CLIENT TRACKING OFF"),
            Says(0, "CLIENT TRACKING ON OPTOUT"),
            Says(0, "CLIENT CACHING NO"),
            Says(0, "GET a"),
            Says(0, "GET b"),
            Says(1, "SET a 4"),
            Says(1, "SET b 4"),
            Hears(0),
            Says(0, "CLIENT TRACKING OFF"),
            Says(0, "CLIENT TRACKING ON NOLOOP"),
            Says(0, "GET a"),
            Says(0, "SET a 5"),
            Says(0, "GET a"),
            Says(1, "SET a 6"),
            Hears(0),
            Says(0, "PING"),
        ],
    );
}

#[test]
fn prefixes_are_followed_without_reading() {
    same(
        &[3, 3],
        &[
            Says(0, "CLIENT TRACKING ON BCAST PREFIX f PREFIX g"),
            Says(1, "SET f1 1"),
            Hears(0),
            Says(1, "SET h1 1"),
            // All keys of one command are told at once, for each prefix.
            Says(1, "MSET f1 1 f2 1 h1 1 g1 1"),
            Hears(0),
            Hears(0),
            Says(0, "SET g1 1"),
            Hears(0),
            Says(0, "CLIENT TRACKING ON BCAST PREFIX i"),
            Says(1, "SET i1 1"),
            Hears(0),
            Says(1, "SET f1 2"),
            Hears(0),
            Says(0, "SELECT 3"),
            Says(1, "SET f1 3"),
            Hears(0),
            Says(0, "CLIENT TRACKING ON BCAST PREFIX ff"),
            Says(0, "CLIENT TRACKINGINFO"),
            Says(0, "CLIENT TRACKING ON"),
            Says(0, "CLIENT TRACKING OFF"),
            Says(0, "CLIENT TRACKING ON BCAST NOLOOP"),
            Says(0, "SET x 1"),
            Says(1, "SET y 1"),
            Hears(0),
            Says(1, "FLUSHALL"),
            Hears(0),
            Says(0, "RESET"),
            Says(1, "SET y 2"),
            Says(0, "CLIENT TRACKINGINFO"),
        ],
    );
}

/// The clients are on different workers.
#[test]
fn another_client_hears_in_place_of_the_reader() {
    let story = [
        Says(2, "SUBSCRIBE __redis__:invalidate"),
        Says(0, "CLIENT TRACKING ON REDIRECT 99999"),
        Says(0, "CLIENT TRACKING ON REDIRECT #2"),
        Says(0, "CLIENT GETREDIR"),
        Says(0, "GET a"),
        Says(1, "SET a 1"),
        Hears(2),
        Says(0, "SET a 1"),
        Says(0, "MGET a b"),
        Says(1, "DEL a b"),
        Hears(2),
        Says(0, "MULTI"),
        Says(0, "GET a"),
        Says(0, "EXEC"),
        Says(0, "SET a 1"),
        Hears(2),
        Says(0, "GET a"),
        Says(1, "FLUSHALL"),
        Hears(2),
        Says(0, "CLIENT TRACKING ON REDIRECT #1"),
        Says(0, "CLIENT TRACKING OFF"),
        Says(0, "CLIENT TRACKING ON NOLOOP REDIRECT #2"),
        Says(0, "GET a"),
        Says(0, "SET a 1"),
        Says(0, "GET a"),
        Says(1, "SET a 1"),
        Hears(2),
        Says(0, "CLIENT TRACKING OFF"),
        Says(0, "CLIENT TRACKING ON BCAST PREFIX b PREFIX c REDIRECT #2"),
        Says(1, "SET a 1"),
        Says(1, "SET b 1"),
        Hears(2),
        Says(0, "SET c 1"),
        Hears(2),
        Says(0, "CLIENT TRACKINGINFO"),
    ];
    for protos in [[2, 2, 2], [3, 3, 3], [2, 3, 3], [3, 2, 2]] {
        same(&protos, &story);
    }
}

#[test]
fn a_reader_learns_that_the_one_who_hears_for_it_has_gone() {
    let rig = Rig::set(&["runtime.workers=3"]);
    let (mut reader, mut hearer, mut writer) = (rig.client(), rig.client(), rig.client());
    reader.call("HELLO 3");
    let target = id(&mut hearer);
    assert_eq!(reader.call(&format!("CLIENT TRACKING ON REDIRECT {target}")), "+OK\r\n");
    assert_eq!(reader.call("GET a"), "_\r\n");
    drop(hearer);
    assert_eq!(reader.reply(), format!(">2\r\n$21\r\ntracking-redir-broken\r\n:{target}\r\n"));
    assert!(reader.call("CLIENT TRACKINGINFO").contains("broken_redirect"));
    assert_eq!(writer.call("SET a 1"), "+OK\r\n");
    assert_eq!(reader.call("PING"), "+PONG\r\n");
}

/// Everybody who has read something is told when a connection ends, and nobody else.
#[test]
fn a_lost_connection_voids_what_was_read_on_it() {
    let rig = Rig::set(&["runtime.workers=2"]);
    let mut readers: Vec<Conn> = (0..8).map(|_| rig.client()).collect();
    for reader in &mut readers {
        reader.call("HELLO 3");
        assert_eq!(reader.call("CLIENT TRACKING ON"), "+OK\r\n");
        assert_eq!(reader.call("GET a"), "_\r\n");
    }
    let mut idle = rig.client();
    idle.call("HELLO 3");
    idle.call("CLIENT TRACKING ON");
    let mut direct = rig.direct();
    assert_eq!(rig.server_clients("flags=t"), 2, "one for each worker");
    direct.call("CLIENT KILL TYPE normal SKIPME yes");
    for reader in &mut readers {
        assert_eq!(reader.reply(), ">2\r\n$10\r\ninvalidate\r\n_\r\n");
        assert_eq!(reader.call("GET a"), "_\r\n");
    }
    assert!(idle.call("CLIENT TRACKINGINFO").contains("\r\non\r\n"));
    direct.call("SET a 1");
    for reader in &mut readers {
        assert_eq!(reader.reply(), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n");
    }
    assert_eq!(idle.call("PING"), "+PONG\r\n");
}

/// A client of RESP2 hears by way of two connections, and either may end.
#[test]
fn the_end_of_the_connection_that_hears_voids_what_was_read() {
    let rig = Rig::set(&["runtime.workers=1"]);
    let (mut reader, mut hearer, mut writer) = (rig.client(), rig.client(), rig.client());
    hearer.call("SUBSCRIBE __redis__:invalidate");
    let mut asker = rig.client();
    let listed = asker.call("CLIENT LIST TYPE pubsub");
    let target: &str = listed.split("id=").nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(reader.call(&format!("CLIENT TRACKING ON REDIRECT {target}")), "+OK\r\n");
    const ALL: &str = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n";
    const KEY: &str = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\na\r\n";
    let mut direct = rig.direct();
    for _ in 0..3 {
        assert_eq!(reader.call("GET a"), "$-1\r\n");
        let lines = direct.call("CLIENT LIST");
        let ear = lines.lines().find(|line| line.contains("resp=3")).unwrap();
        let ear = ear.split("id=").nth(1).unwrap().split(' ').next().unwrap();
        direct.call(&format!("CLIENT KILL ID {ear}"));
        assert_eq!(hearer.reply(), ALL);
        // Before the next ear is there nothing is tracked; then all that was read meanwhile is void.
        until("the next ear is in use", || {
            let lines = direct.call("CLIENT LIST");
            let ear = lines.lines().find(|line| line.contains("resp=3"));
            let ear = ear.and_then(|line| line.split("id=").nth(1)?.split(' ').next()).map(str::to_owned);
            ear.is_some_and(|ear| lines.contains(&format!("redir={ear} ")))
        });
        assert_eq!(reader.call("GET a"), "$-1\r\n");
        assert_eq!(writer.call("SET a 1"), "+OK\r\n");
        assert_eq!(hearer.reply(), KEY);
        assert_eq!(writer.call("DEL a"), ":1\r\n");
    }
}

#[test]
fn keys_beyond_the_limit_are_dropped_from_the_caches() {
    let rig = Rig::set(&["runtime.workers=1", "clients.tracked_keys=10"]);
    let mut reader = rig.client();
    reader.call("HELLO 3");
    reader.call("CLIENT TRACKING ON");
    let mut dropped = 0;
    for key in 0..100 {
        reader.send(&format!("GET key:{key}"));
        loop {
            match reader.reply() {
                frame if frame.starts_with(">2\r\n$10\r\ninvalidate\r\n*1\r\n$") => dropped += 1,
                frame => break assert_eq!(frame, "_\r\n"),
            }
        }
    }
    // The push for the last key comes behind its reply.
    reader.send("PING");
    while reader.reply() != "+PONG\r\n" {
        dropped += 1;
    }
    assert_eq!(dropped, 90);
}

#[test]
fn what_the_node_refuses_the_client_is_told() {
    let rig = Rig::with(&["user default on nopass ~* &* +@all -client|tracking"], &[]);
    let mut client = rig.client();
    client.call("HELLO 3");
    assert!(client.call("CLIENT TRACKING ON").starts_with("-NOPERM "), "the node's word");
    assert!(client.call("CLIENT TRACKINGINFO").contains("off"));
    assert_eq!(client.call("CLIENT NO-TOUCH ON"), "-ERR unknown subcommand 'NO-TOUCH'. Try CLIENT HELP.\r\n");
    assert_eq!(client.call("SET a 1"), "+OK\r\n");
}
