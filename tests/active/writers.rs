//! Tests two proxies in front of one mesh, whose clients write the same keys while nodes are killed and come back
//! empty. With one writer for each key the nodes agree in the end, on the last acknowledged values; without, the test
//! prints what is lost.
//!
//! While a KeyDB node reads the data of its peers, the mesh loses writes for good, whoever made them: a key written
//! once in that time may be missing on one node, and a deleted one may be back on all. So keys that are written once
//! are written after it, while the proxies give the node its keys again.

use std::net::SocketAddr;
use std::time::Duration;

use tideover_testbed::front::ProxyProcess;

use super::keydb::{Data, Mesh, on_keydb_within};
use super::support::{LIMIT, proxy, state_of, url, wait_for_state, wait_until_all_up};
use super::turns::{IN_FLIGHT, Keys, Outcome, Turns};

/// Number of times that a node is killed and comes back, one after the other.
const RUNS: &str = "TIDEOVER_ACTIVE_RUNS";

fn runs() -> usize {
    std::env::var(RUNS).ok().map_or(2, |runs| runs.parse().expect("a number of runs"))
}

fn limit() -> Duration {
    LIMIT * 2 * u32::try_from(runs() + 1).unwrap()
}

/// Longer than the mesh takes to be whole again.
const FAILBACK: &str = "active.failback=10s";

/// The second proxy has the nodes in another order, and so prefers another one.
async fn two_proxies(mesh: &Mesh, writer: &str) -> [ProxyProcess; 2] {
    let mut nodes = mesh.addresses();
    let mut proxies = Vec::new();
    for _ in 0..2 {
        let proxy = proxy(&url(&nodes), &[writer, FAILBACK]).await;
        wait_until_all_up(&proxy, &nodes).await;
        proxies.push(proxy);
        nodes.reverse();
    }
    proxies.try_into().ok().unwrap()
}

async fn both_say(proxies: &[ProxyProcess; 2], node: SocketAddr, state: &str) {
    for proxy in proxies {
        wait_for_state(proxy, node, state).await;
    }
}

/// The results for keys that are written all the time, for those written around a kill, and for those written while a
/// node is used again.
#[derive(Default)]
struct Course {
    hot: Vec<Outcome>,
    killed: Vec<Outcome>,
    fresh: Vec<Outcome>,
}

impl Course {
    fn sum(&self, of: fn(&Outcome) -> u64) -> u64 {
        [&self.hot, &self.killed, &self.fresh].into_iter().flatten().map(of).sum()
    }
}

async fn course(mesh: &mut Mesh, writer: &str) -> Course {
    let proxies = two_proxies(mesh, writer).await;
    let addresses = [proxies[0].address(), proxies[1].address()];
    let mut course = Course::default();
    for run in 0..runs() {
        let index = run % 3;
        let node = mesh.address(index);
        let hot = Turns::start(&format!("hot{run}"), &addresses, Keys::Hot(200)).await;
        let around = Turns::start(&format!("killed{run}"), &addresses, Keys::Fresh(200_000)).await;
        around.advance(300).await;
        mesh.kill(index);
        both_say(&proxies, node, "down").await;
        around.advance(300).await;
        course.killed.push(around.finish(&others(mesh, node)).await);
        mesh.start_again(index, Data::None).await;
        mesh.wait_until_whole().await;
        for proxy in &proxies {
            assert_ne!(state_of(proxy, node).await, "up", "too early to see it used again");
        }
        let fresh = Turns::start(&format!("fresh{run}"), &addresses, Keys::Fresh(200_000)).await;
        both_say(&proxies, node, "up").await;
        fresh.advance(500).await;
        course.fresh.push(fresh.finish(&mesh.addresses()).await);
        // Each of them was written after the node was used again.
        hot.advance(500).await;
        course.hot.push(hot.finish(&mesh.addresses()).await);
    }
    course
}

fn others(mesh: &Mesh, node: SocketAddr) -> Vec<SocketAddr> {
    mesh.addresses().into_iter().filter(|other| *other != node).collect()
}

#[test]
fn with_one_writer_for_each_key_all_nodes_hold_what_was_acknowledged_last() {
    on_keydb_within(limit(), async |options| {
        let mut mesh = Mesh::start(options).await;
        let course = course(&mut mesh, "active.writer=key").await;
        for outcome in course.fresh.iter().chain(&course.hot) {
            assert_eq!((outcome.diverged, outcome.wrong), (0, 0), "{outcome:?}");
        }
        for outcome in &course.killed {
            // A write that the node had acknowledged and not replicated is gone with it: at most one write of each
            // client.
            assert!(outcome.diverged == 0 && outcome.wrong <= IN_FLIGHT, "{outcome:?}");
        }
    });
}

/// Prints, without an assertion, what two proxies lose that write to different nearest nodes.
#[test]
fn with_the_nearest_writer_it_is_counted_what_two_proxies_lose() {
    on_keydb_within(limit(), async |options| {
        let mut mesh = Mesh::start(options).await;
        let course = course(&mut mesh, "active.writer=nearest").await;
        println!(
            "writer = \"nearest\", two proxies: of {} keys {} diverged, {} do not hold what was acknowledged last",
            course.sum(|outcome| outcome.keys),
            course.sum(|outcome| outcome.diverged),
            course.sum(|outcome| outcome.wrong)
        );
        assert!(course.sum(|outcome| outcome.writes) > 0);
    });
}
