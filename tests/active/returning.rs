//! Tests a node that plays the states of a returning KeyDB one by one: no command is sent to it before it is ready and
//! has been steady. Also tests a node that refuses: a command that it did not run goes to another one.

use std::time::{Duration, Instant};

use tideover_testbed::client::Reply;

use super::captured::{HEALTHY, IS_LOADING, MASTER_DOWN, READ_ONLY, RESTARTED};
use super::scripted::{ScriptedNode, VALUE};
use super::support::{
    FIRST, ask, bulk, client, ok, proxy, run, state_of, url, wait_for_state, wait_until_all_up,
};

/// Number of looks of the proxy at a state before the next one: by then the proxy has decided.
const LOOKS: u64 = 2;

/// Longer than so many looks take: at one time the node was ready for a moment, before it had to read its second peer.
const FAILBACK: Duration = Duration::from_secs(8);

#[test]
fn a_node_that_came_back_empty_gets_no_command_before_it_is_ready_and_was_steady() {
    run(async {
        let mut nodes = ScriptedNode::three().await;
        let addresses = [0, 1, 2].map(|index: usize| nodes[index].address());
        let proxy =
            proxy(&url(&addresses), &[FIRST, &format!("active.failback={}s", FAILBACK.as_secs())]).await;
        wait_until_all_up(&proxy, &addresses).await;
        let mut asking = client(proxy.address()).await;
        assert_eq!(asking.call(&["GET", "k"]).await.unwrap(), bulk(VALUE));
        assert_eq!(nodes[0].take_heard().len(), 1, "it is the node in use");

        nodes[0].go_away().await;
        assert_eq!(asking.call(&["GET", "k"]).await.unwrap(), bulk(VALUE));
        wait_for_state(&proxy, addresses[0], "down").await;
        let [others @ .., last] = &RESTARTED;
        nodes[0].come_back(others[0]).await;
        for state in others {
            nodes[0].enter(*state);
            nodes[0].is_looked_at(LOOKS).await;
            assert_eq!(asking.call(&["GET", "k"]).await.unwrap(), bulk(VALUE), "{state:?}");
            assert_eq!(asking.call(&["SET", "k", "v"]).await.unwrap(), ok(), "{state:?}");
            let said = state_of(&proxy, addresses[0]).await;
            assert_ne!(said, "up", "{state:?}");
            let heard = nodes[0].take_heard();
            assert!(heard.is_empty(), "{state:?}: {heard:?}");
            println!("{:>5} ms: {said}", state.at_ms);
        }
        let steady = Instant::now();
        nodes[0].enter(*last);
        wait_for_state(&proxy, addresses[0], "up").await;
        assert_eq!(asking.call(&["GET", "k"]).await.unwrap(), bulk(VALUE));
        let heard = nodes[0].take_heard();
        let first = heard.first().expect("it is used again").at;
        assert!(first >= steady + FAILBACK, "after {:?}", first - steady);
    });
}

/// A link to a peer that is gone proves nothing about the node itself, if it was ready before.
#[test]
fn a_node_that_lost_its_peers_serves_on() {
    run(async {
        let mut nodes = ScriptedNode::three().await;
        let addresses = [0, 1, 2].map(|index: usize| nodes[index].address());
        let proxy = proxy(&url(&addresses), &[FIRST]).await;
        wait_until_all_up(&proxy, &addresses).await;
        let alone = RESTARTED[0];
        nodes[1].go_away().await;
        nodes[2].go_away().await;
        nodes[0].enter(super::captured::State { knows: true, ..alone });
        nodes[0].is_looked_at(LOOKS).await;
        wait_for_state(&proxy, addresses[1], "down").await;
        wait_for_state(&proxy, addresses[2], "down").await;
        assert_eq!(ask(proxy.address(), &["GET", "k"]).await, bulk(VALUE));
        assert_eq!(nodes[0].take_heard().len(), 1);
    });
}

#[test]
fn what_a_node_refused_for_its_state_is_run_by_another_one() {
    run(async {
        for refusal in [IS_LOADING, READ_ONLY, MASTER_DOWN] {
            let nodes = ScriptedNode::three().await;
            let addresses = [0, 1, 2].map(|index: usize| nodes[index].address());
            let proxy = proxy(&url(&addresses), &[FIRST]).await;
            wait_until_all_up(&proxy, &addresses).await;
            nodes[0].refuse(Some(refusal));
            assert_eq!(ask(proxy.address(), &["INCR", "n"]).await, Reply::Integer(1), "{refusal}");
            let ran: Vec<String> = nodes[1].take_heard().into_iter().map(|heard| heard.words).collect();
            assert_eq!(ran, ["INCR n"], "{refusal}");
            assert!(nodes[2].take_heard().is_empty(), "{refusal}");
            nodes[0].enter(HEALTHY);
        }
    });
}
