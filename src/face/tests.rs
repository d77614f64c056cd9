//! Tests the handling of commands under each face, and the replies in both versions of the protocol.

use crate::command::testing::Words;
use crate::command::{self as table, ClusterCommand, Handling, Local, Session};
use crate::config::{DebugCommands, FaceKind};
use crate::resp::reply::Proto;
use crate::topology::Endpoint;

use super::operator::Operators;
use super::sentinel::Masters;
use super::{CHANGES, CLUSTER_DISABLED, ClusterAnswers, Face, node};

const FIXED: ClusterAnswers = ClusterAnswers::Backend;

fn face(kind: FaceKind, cluster: ClusterAnswers, ports: &[u16]) -> Face {
    let announced: Vec<Endpoint> = ports.iter().map(|port| Endpoint::new("10.0.0.1", *port)).collect();
    let operators = match cluster {
        FIXED => Operators::One { debug: DebugCommands::Refuse, looks_local: true },
        _ => Operators::Several,
    };
    Face {
        kind,
        cluster,
        has_slots: false,
        nodes: node::all(&announced),
        masters: Masters::only("m"),
        operators,
    }
}

fn cluster(ports: &[u16]) -> Face {
    face(FaceKind::Cluster, ClusterAnswers::Announced, ports)
}

fn ruled(face: &Face, line: &str) -> Result<Handling, String> {
    let words = Words::of(line);
    face.handling(table::handling(&words.request()), &words.request(), true)
}

fn answered(face: &Face, line: &str, proto: Proto) -> String {
    let (words, mut out) = (Words::of(line), Vec::new());
    match ruled(face, line) {
        Ok(Handling::Local(Local::Cluster(command))) => {
            face.cluster(command, &words.request(), proto, &mut out)
        }
        Ok(Handling::Local(Local::Sentinel)) => face.sentinel(&words.request(), proto, &mut out),
        other => panic!("{line}: {other:?}"),
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn before_one_node_the_node_speaks_for_itself() {
    let face = face(FaceKind::Standalone, FIXED, &[]);
    for line in ["GET k", "CLUSTER NODES", "CLUSTER KEYSLOT a", "CLUSTER GETKEYSINSLOT 1 1"] {
        assert_eq!(ruled(&face, line), Ok(Handling::Forward), "{line}");
    }
    for line in ["CLUSTER RESET", "ASKING"] {
        assert!(matches!(ruled(&face, line), Ok(Handling::Operator(_))), "{line}");
    }
    assert_eq!(ruled(&face, "READONLY"), Ok(Handling::Session(Session::ReadOnly)));
    assert_eq!(ruled(&face, "READWRITE"), Ok(Handling::Session(Session::ReadWrite)));
    assert_eq!(ruled(&face, "ROLE"), Ok(Handling::Forward));
    let unknown = "ERR unknown subcommand 'Foo'. Try CLUSTER HELP.";
    assert_eq!(ruled(&face, "CLUSTER Foo"), Err(unknown.into()));
}

/// `A`: it goes to the node, `r`: it is refused. In this order: before one node, there with `debug = "allow"`, before one for a client on
/// another machine, there if the node is on another machine too, before several nodes.
#[test]
fn who_may_send_what_about_one_node() {
    let (refuse, allow) = (DebugCommands::Refuse, DebugCommands::Allow);
    let situations = [
        (Operators::One { debug: refuse, looks_local: true }, true),
        (Operators::One { debug: allow, looks_local: true }, false),
        (Operators::One { debug: refuse, looks_local: true }, false),
        (Operators::One { debug: refuse, looks_local: false }, false),
        (Operators::Several, true),
    ];
    for (line, expected) in [
        ("SHUTDOWN NOSAVE", "AAAAr"),
        ("REPLICAOF h 1", "AAAAr"),
        ("MODULE LOAD x", "AArAr"),
        ("DEBUG OBJECT k", "AArAr"),
        ("DEBUG ERROR x", "AArAA"),
        ("DEBUG SLEEP 1", "rArrr"),
        ("DEBUG MARK-INTERNAL-CLIENT", "rrrrr"),
    ] {
        let words = Words::of(line);
        let found = situations.map(|(operators, is_local)| {
            match operators.handling("", &words.request(), is_local) {
                Handling::Operator(_) => 'A',
                _ => 'r',
            }
        });
        assert_eq!(found.iter().collect::<String>(), expected, "{line}");
    }
}

#[test]
fn as_one_redis_no_cluster_is_there() {
    let face = face(FaceKind::Standalone, ClusterAnswers::Disabled, &[]);
    let lines = "CLUSTER NODES,CLUSTER KEYSLOT a,CLUSTER HELP,CLUSTER MEET h 1,READONLY,READWRITE,ASKING";
    for line in lines.split(',') {
        assert_eq!(ruled(&face, line), Err(CLUSTER_DISABLED.into()), "{line}");
    }
    let unknown = "ERR unknown subcommand 'Foo'. Try CLUSTER HELP.";
    assert_eq!(ruled(&face, "CLUSTER Foo"), Err(unknown.into()));
    assert_eq!(ruled(&face, "GET k"), Ok(Handling::Forward));
}

#[test]
fn sentinel_is_unknown_unless_it_is_the_face() {
    let unknown = "ERR unknown command 'SENTINEL', with args beginning with: 'masters' ";
    for face in [face(FaceKind::Standalone, FIXED, &[]), cluster(&[1])] {
        assert_eq!(ruled(&face, "SENTINEL masters"), Err(unknown.into()));
    }
    let sentinel = face(FaceKind::Sentinel, ClusterAnswers::Disabled, &[1]);
    assert_eq!(ruled(&sentinel, "sentinel nosuch"), Ok(Handling::Local(Local::Sentinel)));
    assert_eq!(ruled(&sentinel, "CLUSTER NODES"), Err(CLUSTER_DISABLED.into()));
}

#[test]
fn as_a_cluster_nothing_can_be_changed() {
    let mut face = cluster(&[1]);
    assert_eq!(ruled(&face, "CLUSTER SETSLOT 1 STABLE"), Ok(Handling::Refuse(CHANGES)));
    let unknown = "ERR unknown subcommand 'FOO'. Try CLUSTER HELP.";
    assert_eq!(ruled(&face, "CLUSTER FOO"), Err(unknown.into()));
    let asking = Handling::Local(Local::Cluster(ClusterCommand::Asking));
    assert_eq!(ruled(&face, "ASKING"), Ok(asking));
    assert!(matches!(ruled(&face, "CLUSTER COUNTKEYSINSLOT 1"), Ok(Handling::Refuse(_))));
    face.has_slots = true;
    assert_eq!(ruled(&face, "CLUSTER COUNTKEYSINSLOT 1"), Ok(Handling::Forward));
}

const ID: &str = "c6f5891ca54ecccd62f81d00d30f1a49fc83cae6";

#[test]
fn one_address_owns_all_slots_in_the_words_of_a_cluster() {
    let face = cluster(&[1]);
    let slots = format!("*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n$8\r\n10.0.0.1\r\n:1\r\n$40\r\n{ID}\r\n");
    let shard = format!(
        "$5\r\nslots\r\n*2\r\n:0\r\n:16383\r\n$5\r\nnodes\r\n*1\r\nNODE$2\r\nid\r\n$40\r\n{ID}\r\n$4\r\nport\r\n:1\r\n\
         $2\r\nip\r\n$8\r\n10.0.0.1\r\n$8\r\nendpoint\r\n$8\r\n10.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
         $18\r\nreplication-offset\r\n:0\r\n$6\r\nhealth\r\n$6\r\nonline\r\n"
    );
    let line = format!("{ID} 10.0.0.1:1@10001 myself,master - 0 0 1 connected 0-16383\n");
    let (two, three) = (Proto::Resp2, Proto::Resp3);
    let cases = [
        ("CLUSTER SLOTS", two, format!("{slots}*0\r\n")),
        ("CLUSTER SLOTS", three, format!("{slots}%0\r\n")),
        ("CLUSTER SHARDS", two, format!("*1\r\n*4\r\n{}", shard.replace("NODE", "*14\r\n"))),
        ("CLUSTER SHARDS", three, format!("*1\r\n%2\r\n{}", shard.replace("NODE", "%7\r\n"))),
        ("CLUSTER NODES", two, format!("${}\r\n{line}\r\n", line.len())),
        ("CLUSTER NODES", three, format!("={}\r\ntxt:{line}\r\n", line.len() + 4)),
        ("CLUSTER MYID", two, format!("$40\r\n{ID}\r\n")),
        ("CLUSTER KEYSLOT a", two, ":15495\r\n".into()),
        ("CLUSTER LINKS", two, "*0\r\n".into()),
        ("READONLY", two, "+OK\r\n".into()),
        ("READWRITE", two, "+OK\r\n".into()),
        ("ASKING", two, "+OK\r\n".into()),
        ("CLUSTER SLAVES x", two, "-ERR Unknown node x\r\n".into()),
        (&format!("CLUSTER REPLICAS {ID}"), two, "*0\r\n".into()),
        (&format!("CLUSTER COUNT-FAILURE-REPORTS {ID}"), two, ":0\r\n".into()),
    ];
    for (line, proto, expected) in cases {
        assert_eq!(answered(&face, line, proto), expected, "{line}");
    }
    let info = answered(&face, "CLUSTER INFO", two);
    assert!(info.contains("cluster_state:ok\r\ncluster_slots_assigned:16384\r\n"), "{info}");
    assert!(info.contains("cluster_known_nodes:1\r\ncluster_size:1\r\n"), "{info}");
}

#[test]
fn several_addresses_share_the_slots() {
    let nodes = answered(&cluster(&[1, 2, 60_000]), "CLUSTER NODES", Proto::Resp2);
    let lines: Vec<&str> = nodes.lines().filter(|line| line.contains("connected")).collect();
    assert!(lines[0].ends_with("10.0.0.1:1@10001 myself,master - 0 0 1 connected 0-5460"), "{nodes}");
    assert!(lines[1].ends_with("10.0.0.1:2@10002 master - 0 0 2 connected 5461-10921"), "{nodes}");
    assert!(lines[2].ends_with("10.0.0.1:60000@0 master - 0 0 3 connected 10922-16383"), "{nodes}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn an_address_by_name_says_the_name_wherever_an_address_stands() {
    let mut face = cluster(&[]);
    face.nodes = node::all(&[Endpoint::new("proxy.internal", 1)]);
    let shards = answered(&face, "CLUSTER SHARDS", Proto::Resp3);
    let name = "$14\r\nproxy.internal\r\n";
    for key in ["$2\r\nip\r\n", "$8\r\nendpoint\r\n", "$8\r\nhostname\r\n"] {
        assert!(shards.contains(&format!("{key}{name}")), "{shards}");
    }
    assert!(shards.contains("%8\r\n"), "{shards}");
}

#[test]
fn sentinels_know_one_master_that_is_the_proxy() {
    let face = face(FaceKind::Sentinel, ClusterAnswers::Disabled, &[1, 2]);
    let address = "*2\r\n$8\r\n10.0.0.1\r\n$1\r\n1\r\n";
    let no_master = "-ERR No such master with that name\r\n";
    let quorum = "+OK 2 usable Sentinels. Quorum and failover authorization can be reached\r\n";
    let arity = "-ERR wrong number of arguments for 'sentinel|master' command\r\n";
    let cases = [
        ("SENTINEL get-master-addr-by-name m", address),
        ("sentinel GET-PRIMARY-ADDR-BY-NAME m", address),
        ("SENTINEL get-master-addr-by-name x", "*-1\r\n"),
        ("SENTINEL master x", no_master),
        ("SENTINEL slaves x", no_master),
        ("SENTINEL replicas m", "*0\r\n"),
        ("SENTINEL slaves m", "*0\r\n"),
        ("SENTINEL ckquorum m", quorum),
        ("SENTINEL is-master-down-by-addr 10.0.0.1 1 0 *", "*3\r\n:0\r\n$1\r\n*\r\n:0\r\n"),
        ("SENTINEL master", arity),
        ("SENTINEL", "-ERR wrong number of arguments for 'sentinel' command\r\n"),
        ("SENTINEL foo", "-ERR unknown subcommand 'foo'. Try SENTINEL HELP.\r\n"),
    ];
    for (line, expected) in cases {
        assert_eq!(answered(&face, line, Proto::Resp2), expected, "{line}");
    }
    assert!(
        answered(&face, "SENTINEL failover m", Proto::Resp2).starts_with("-ERR tideover: SENTINEL is not")
    );
    assert_eq!(answered(&face, "SENTINEL get-master-addr-by-name x", Proto::Resp3), "_\r\n");
}

#[test]
fn a_master_and_a_sentinel_have_all_the_fields_of_their_kind() {
    let face = face(FaceKind::Sentinel, ClusterAnswers::Disabled, &[1, 2]);
    let master = answered(&face, "SENTINEL master m", Proto::Resp2);
    let start = format!(
        "*40\r\n$4\r\nname\r\n$1\r\nm\r\n$2\r\nip\r\n$8\r\n10.0.0.1\r\n$4\r\nport\r\n$1\r\n1\r\n$5\r\nrunid\r\n$40\r\n{ID}\r\n$5\r\nflags\r\n$6\r\nmaster\r\n"
    );
    assert!(master.starts_with(&start), "{master}");
    assert!(
        master.contains("$19\r\nnum-other-sentinels\r\n$1\r\n1\r\n$6\r\nquorum\r\n$1\r\n2\r\n"),
        "{master}"
    );
    let masters = answered(&face, "SENTINEL masters", Proto::Resp3);
    assert_eq!(masters, format!("*1\r\n{}", answered(&face, "SENTINEL master m", Proto::Resp3)));
    let sentinels = answered(&face, "SENTINEL sentinels m", Proto::Resp3);
    assert!(sentinels.starts_with("*1\r\n%14\r\n$4\r\nname\r\n$40\r\n"), "{sentinels}");
    assert!(sentinels.contains("$4\r\nport\r\n$1\r\n2\r\n"), "{sentinels}");
}

#[test]
fn where_no_name_is_known_every_name_is_the_masters() {
    let mut face = face(FaceKind::Sentinel, ClusterAnswers::Disabled, &[1]);
    face.masters = Masters::any("sessions");
    let address = answered(&face, "SENTINEL get-master-addr-by-name whatever", Proto::Resp2);
    assert_eq!(address, "*2\r\n$8\r\n10.0.0.1\r\n$1\r\n1\r\n");
    let masters = answered(&face, "SENTINEL masters", Proto::Resp3);
    for name in ["sessions", "mymaster"] {
        assert!(masters.contains(&format!("$4\r\nname\r\n${}\r\n{name}\r\n", name.len())), "{masters}");
    }
    face.masters = Masters::any("mymaster");
    assert!(answered(&face, "SENTINEL masters", Proto::Resp3).starts_with("*1\r\n"));
}

#[test]
fn info_is_left_to_a_node_that_speaks_for_itself() {
    let reply = b"$17\r\ncluster_enabled:1\r\n";
    assert_eq!(Face::plain().info(reply), None);
    assert!(face(FaceKind::Standalone, ClusterAnswers::Disabled, &[]).info(reply).is_some());
    assert_eq!(cluster(&[1]).info(reply), None);
}

#[test]
fn hello_and_commands_agree_on_the_mode() {
    assert_eq!(cluster(&[1]).mode(), "cluster");
    assert_eq!(face(FaceKind::Sentinel, ClusterAnswers::Disabled, &[1]).mode(), "standalone");
    assert_eq!(Face::plain().mode(), "standalone");
}
