//! Tests the tools of the other tests: a mesh is one, its wires can be cut, the played node answers as a KeyDB. No
//! proxy is needed for it.

use tideover_testbed::client::Reply;
use tideover_testbed::wait::wait_until;

use super::captured::{HEALTHY, RESTARTED};
use super::keydb::{Data, Mesh, MeshOptions, on_keydb, value};
use super::plain::PlainNodes;
use super::scripted::{ScriptedNode, VALUE};
use super::support::{LIMIT, ask, bulk, client, info, ok, run, wait_for_reply};
use super::turns::{Keys, Turns};

async fn wait_for_value(node: std::net::SocketAddr, key: &str, wanted: &str) {
    wait_for_reply(node, &["GET", key], &bulk(wanted)).await;
}

#[test]
fn a_node_of_a_mesh_comes_back_empty_and_gets_all_keys_from_the_others() {
    on_keydb(async |options| {
        let mut mesh = Mesh::start(options).await;
        mesh.fill(0, 5000).await;
        mesh.kill(1);
        mesh.client(2).await.must(&["SET", "meanwhile", "1"]).await.unwrap();
        mesh.start_again(1, Data::None).await;
        mesh.wait_until_whole().await;
        wait_for_value(mesh.address(1), "meanwhile", "1").await;
        wait_for_value(mesh.address(1), "key:4999", &value(4999)).await;
        mesh.shut_down(0).await;
        mesh.start_again(0, Data::Saved).await;
        mesh.wait_until_whole().await;
        wait_for_value(mesh.address(0), "key:0", &value(0)).await;
    });
}

#[test]
fn a_node_that_is_cut_off_serves_its_clients_and_is_one_of_the_mesh_again_when_the_wires_are_mended() {
    on_keydb(async |options| {
        let config = vec!["repl-timeout 3".to_owned(), "repl-ping-replica-period 1".to_owned()];
        let mesh = Mesh::start(MeshOptions { wired: true, config, ..options }).await;
        let names = info(mesh.address(0), "replication").await;
        for peer in [1, 2].map(|index| mesh.address(index).port()) {
            assert!(names.contains(&format!("_port:{peer}\r\n")), "{names}");
            assert!(names.contains(&format!(":ip=127.0.0.1,port={peer},state=online")), "{names}");
        }
        mesh.cut_off(0);
        assert_eq!(ask(mesh.address(0), &["SET", "alone", "1"]).await, ok());
        assert_eq!(ask(mesh.address(1), &["SET", "others", "1"]).await, ok());
        wait_for_value(mesh.address(2), "others", "1").await;
        wait_until("it sees itself alone", LIMIT, || async {
            let said = info(mesh.address(0), "replication").await;
            if said.contains("connected_masters:0\r\n") { Ok(()) } else { Err(said) }
        })
        .await
        .unwrap();
        assert_eq!(ask(mesh.address(1), &["GET", "alone"]).await, Reply::Nil);
        mesh.mend();
        mesh.wait_until_whole().await;
        wait_for_value(mesh.address(1), "alone", "1").await;
        wait_for_value(mesh.address(0), "others", "1").await;
    });
}

#[test]
fn a_played_node_says_what_a_keydb_says() {
    run(async {
        let [mut node, peer, _] = ScriptedNode::three().await;
        let mut asking = client(node.address()).await;
        let said = asking.must(&["INFO", "replication"]).await.unwrap().text().unwrap();
        assert!(said.contains("role:active-replica\r\nmaster_global_link_status:up\r\n"), "{said}");
        assert!(said.contains(&format!("master_port:{}\r\n", peer.address().port())), "{said}");
        let run_id =
            |said: Reply| said.text().unwrap().lines().find(|l| l.starts_with("run_id:")).unwrap().to_owned();
        let first = run_id(asking.must(&["INFO", "server"]).await.unwrap());
        assert_eq!(asking.must(&["ROLE"]).await.unwrap().elements().len(), 2);
        assert_eq!(asking.call(&["GET", "k"]).await.unwrap(), bulk(VALUE));

        node.go_away().await;
        assert!(asking.call(&["PING"]).await.is_err());
        node.come_back(RESTARTED[0]).await;
        let mut asking = client(node.address()).await;
        assert_ne!(run_id(asking.must(&["INFO", "server"]).await.unwrap()), first);
        assert_eq!(asking.call(&["GET", "k"]).await.unwrap(), Reply::Nil);
        assert_eq!(asking.call(&["SET", "k", "v"]).await.unwrap(), ok());
        node.enter(RESTARTED[3]);
        assert_eq!(asking.call(&["SET", "k", "v"]).await.unwrap().error_class(), Some("LOADING"));
        node.enter(HEALTHY);
        assert_eq!(asking.call(&["DEL", "__tideover:probe"]).await.unwrap(), Reply::Integer(0));
        let heard: Vec<String> = node.take_heard().into_iter().map(|heard| heard.words).collect();
        assert_eq!(heard, ["GET k", "GET k", "SET k v", "SET k v"]);
        assert_eq!(asking.call(&["INCR", "n"]).await.unwrap(), Reply::Integer(1), "a look counts nothing");
    });
}

/// Tests the base of the tests with two proxies: a mesh in which each key has one writer agrees, though a node came
/// back.
#[test]
fn nodes_agree_on_keys_that_all_clients_write_to_one_of_them() {
    on_keydb(async |options| {
        let mut mesh = Mesh::start(options).await;
        let writer = [mesh.address(0); 2];
        let hot = Turns::start("hot", &writer, Keys::Hot(200)).await;
        mesh.kill(1);
        hot.advance(500).await;
        mesh.start_again(1, Data::None).await;
        mesh.wait_until_whole().await;
        let fresh = Turns::start("fresh", &writer, Keys::Fresh(20_000)).await;
        fresh.advance(5000).await;
        for outcome in [fresh.finish(&mesh.addresses()).await, hot.finish(&mesh.addresses()).await] {
            assert_eq!((outcome.diverged, outcome.wrong), (0, 0), "{outcome:?}");
        }
    });
}

#[test]
fn a_plain_node_that_was_killed_still_has_what_it_acknowledged() {
    run(async {
        let mut nodes = PlainNodes::start(2).await;
        for number in 0..100 {
            ask(nodes.address(0), &["RPUSH", "list", &number.to_string()]).await;
        }
        nodes.process(0).kill();
        nodes.restart(0).await;
        assert_eq!(nodes.ask_all(&["LLEN", "list"]).await, [Reply::Integer(100), Reply::Integer(0)]);
        assert_eq!(nodes.holders("list").await, [0]);
    });
}
