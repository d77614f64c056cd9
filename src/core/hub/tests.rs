//! The hub on a base alone: what the nodes are told, and when the clients are answered.

use crate::command::testing::requests;
use crate::command::{Subscribe, lookup};
use crate::core::tests::rig::{SECOND, settings, topology};
use crate::core::tests::stand::Stand;
use crate::failover::Loss;
use crate::ids::{ClientId, LaneId};
use crate::resp::scan::RequestScan;

use super::Hub;

struct Listeners {
    stand: Stand,
    hub: Hub,
}

impl Listeners {
    fn new() -> Listeners {
        let stand = Stand::new(settings(), &topology(Some((1, "run"))));
        Listeners { stand, hub: Hub::default() }
    }

    fn say(&mut self, client: ClientId, kind: Subscribe, line: &str) {
        let bytes = requests(&[line]);
        let mut scan = RequestScan::default();
        scan.scan(&bytes, usize::MAX).unwrap();
        let request = scan.request(&bytes, bytes.len());
        let command = lookup(request.name());
        self.hub.subscribe(&mut self.stand.base, client, kind, &request, command);
    }

    /// Establishes the only listening connection.
    fn connection(&mut self) -> LaneId {
        let lane = self.stand.base.lanes.iter().find(|lane| lane.listening.is_some()).unwrap().id;
        self.stand.raise(lane);
        self.hub.recheck_all(&mut self.stand.base, lane);
        lane
    }

    /// Returns the commands that the node is given.
    fn sent_to(&mut self, lane: LaneId) -> String {
        let listening = self.stand.base.lane(lane).unwrap().listening.as_mut().unwrap();
        let text = String::from_utf8_lossy(listening.unwritten()).into_owned();
        listening.advance_written(text.len());
        self.hub.send_questions(&mut self.stand.base, lane);
        let words = text.split("\r\n").filter(|word| !word.starts_with(['*', '$']) && !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    }

    fn hears(&mut self, lane: LaneId, frame: &str) {
        self.hub.listening_frame(&mut self.stand.base, lane, frame.as_bytes()[0], frame.as_bytes());
    }
}

fn confirmed(word: &str, name: &str) -> String {
    format!("*3\r\n${}\r\n{word}\r\n${}\r\n{name}\r\n:1\r\n", word.len(), name.len())
}

const MESSAGE: &str = "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n";

#[test]
fn a_topic_is_asked_for_once_and_given_up_by_the_last_who_leaves() {
    let mut listeners = Listeners::new();
    let (one, other) = (listeners.stand.client(), listeners.stand.client());
    listeners.say(one, Subscribe::Subscribe, "SUBSCRIBE a");
    assert_eq!(listeners.stand.heard(one), "", "no node has confirmed it");
    let lane = listeners.connection();
    assert_eq!(listeners.sent_to(lane), "SUBSCRIBE a");
    listeners.hears(lane, &confirmed("subscribe", "a"));
    assert!(listeners.stand.heard(one).contains("subscribe"));

    listeners.say(other, Subscribe::Subscribe, "SUBSCRIBE a");
    assert!(listeners.stand.heard(other).contains("subscribe") && listeners.sent_to(lane).is_empty());
    listeners.hears(lane, MESSAGE);
    assert_eq!([one, other].map(|client| listeners.stand.heard(client)), [MESSAGE, MESSAGE]);

    listeners.say(one, Subscribe::Unsubscribe, "UNSUBSCRIBE a");
    assert!(listeners.stand.heard(one).contains("unsubscribe") && listeners.sent_to(lane).is_empty());
    listeners.say(other, Subscribe::Unsubscribe, "UNSUBSCRIBE a");
    assert_eq!(
        (listeners.sent_to(lane).as_str(), listeners.stand.heard(other).as_str()),
        ("UNSUBSCRIBE a", "")
    );
    listeners.hears(lane, &confirmed("unsubscribe", "a"));
    assert!(listeners.stand.heard(other).contains("unsubscribe"));
}

/// The connection takes no further question for the moment.
#[test]
fn a_client_that_leaves_is_answered_at_once_if_another_has_joined() {
    let mut listeners = Listeners::new();
    let (one, other) = (listeners.stand.client(), listeners.stand.client());
    listeners.say(one, Subscribe::Subscribe, "SUBSCRIBE a");
    let lane = listeners.connection();
    listeners.sent_to(lane);
    listeners.hears(lane, &confirmed("subscribe", "a"));
    listeners.stand.heard(one);
    let listening = listeners.stand.base.lane(lane).unwrap().listening.as_mut().unwrap();
    while !listening.is_full() {
        listening.ping(None);
    }
    listeners.say(one, Subscribe::Unsubscribe, "UNSUBSCRIBE a");
    assert_eq!(listeners.stand.heard(one), "", "the node has not let go of it");
    listeners.say(other, Subscribe::Subscribe, "SUBSCRIBE a");
    assert!(listeners.stand.heard(one).contains("unsubscribe"), "it will not");
}

#[test]
fn confirmed_topics_are_subscribed_again_without_telling_the_client() {
    let mut listeners = Listeners::new();
    let client = listeners.stand.client();
    listeners.say(client, Subscribe::Subscribe, "SUBSCRIBE a b");
    let lane = listeners.connection();
    listeners.sent_to(lane);
    for name in ["a", "b"] {
        listeners.hears(lane, &confirmed("subscribe", name));
    }
    listeners.stand.heard(client);
    listeners.hub.lose(&mut listeners.stand.base, lane, Loss::Closed);
    let lane = listeners.connection();
    assert_eq!(listeners.sent_to(lane), "SUBSCRIBE a SUBSCRIBE b");
    listeners.hears(lane, &confirmed("subscribe", "a"));
    assert_eq!(listeners.stand.heard(client), "");
}

#[test]
fn a_subscribe_is_answered_when_its_time_is_over() {
    let mut listeners = Listeners::new();
    let client = listeners.stand.client();
    listeners.say(client, Subscribe::Subscribe, "SUBSCRIBE a");
    listeners.stand.base.now += settings().hold;
    assert!(!listeners.hub.tick(&mut listeners.stand.base));
    let reply = listeners.stand.heard(client);
    assert!(reply.starts_with("-TRYAGAIN") && reply.contains("not executed"), "{reply}");
    assert_eq!(listeners.stand.base.holds.counts(), (0, 0));
    listeners.stand.base.now += SECOND;
    assert!(listeners.hub.subscribing.is_empty());
}
