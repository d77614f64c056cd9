//! Commands about the node itself: they are for the process that is there, and run once.

use crate::ids::{ClientId, LaneId};
use crate::reasons::CloseReason;

use super::rig::{Rig, SECOND, policy, settings};
use crate::config::RetryPolicy;
use crate::core::settings::Settings;

const NOSAVE: &str = "*2\r\n$8\r\nSHUTDOWN\r\n$6\r\nNOSAVE\r\n";

/// A client whose SHUTDOWN is with the node, and its lane.
fn shutting_down(settings: Settings) -> (Rig, ClientId, LaneId) {
    let mut rig = Rig::new(settings);
    let client = rig.client();
    rig.command(client, &["SHUTDOWN", "NOSAVE"]);
    let lane = rig.connect()[0];
    assert_eq!(rig.sent(lane), NOSAVE);
    (rig, client, lane)
}

#[test]
fn a_lost_node_ends_the_client_whose_command_it_had_and_no_other_node_gets_it() {
    for retry in [RetryPolicy::Never, RetryPolicy::Always] {
        let (mut rig, client, lane) = shutting_down(Settings { policy: policy(retry), ..settings() });
        rig.say(client, "GET a");
        rig.lose(lane);
        assert_eq!(rig.closed, [(client, CloseReason::Broken)]);
        assert_eq!(rig.heard(client), "");
        for lane in rig.connect() {
            assert_eq!(rig.sent(lane), "");
        }
    }
}

/// The node may take as long as it likes.
#[test]
fn neither_silence_nor_the_limit_for_commands_ends_it() {
    let (mut rig, client, lane) = shutting_down(Settings { command_timeout: SECOND, ..settings() });
    rig.wait(20 * SECOND);
    assert_eq!((rig.heard(client), rig.closed.len()), (String::new(), 0));
    rig.reply(lane, "-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    assert!(rig.heard(client).starts_with("-ERR Errors"));
}

/// No error of the node is taken for a refusal that passes.
#[test]
fn every_error_is_the_answer() {
    for error in
        ["-LOADING x\r\n", "-READONLY x\r\n", "-MASTERDOWN x\r\n", "-ERR max number of clients reached\r\n"]
    {
        let (mut rig, client, lane) = shutting_down(settings());
        rig.reply(lane, error);
        assert_eq!((rig.heard(client).as_str(), rig.sent(lane).as_str()), (error, ""));
    }
}

#[test]
fn without_a_node_it_did_not_run_and_does_not_wait() {
    let mut rig = Rig::new(settings());
    let client = rig.client();
    rig.gate(None);
    rig.command(client, &["SHUTDOWN"]);
    let heard = rig.heard(client);
    assert!(heard.starts_with("-TRYAGAIN tideover: ") && heard.contains("; not executed"), "{heard}");
    rig.gate(Some(1));
    for lane in rig.connect() {
        assert_eq!(rig.sent(lane), "");
    }
}

#[test]
fn no_other_client_gets_the_connection() {
    let (mut rig, client, lane) = shutting_down(settings());
    rig.reply(lane, "-ERR no\r\n");
    assert_eq!(rig.heard(client), "-ERR no\r\n");
    rig.core.client_gone(client);
    rig.turn();
    assert!(rig.core.base.lanes.get(lane).is_none());
}
