//! With which word a client is told that a command was not executed, when others were sent together with it.

use crate::client::failure_replies::FailureReplies;
use crate::config::{OnUnknown, one_proxy};
use crate::core::settings::Settings;
use crate::reasons::CloseReason;
use crate::topology::Endpoint;
use crate::topology::diagnosis::{Diagnosis, Finding};
use crate::topology::fault::Fault;

use super::rig::{Rig, SECOND, settings};

/// As by default: LOADING, which libraries take for a reason to send a whole pipeline again.
fn rig(hold: u64) -> Rig {
    let failures = FailureReplies::of(&one_proxy("redis://node").unwrap().failover);
    Rig::new(Settings { failures, hold, ..settings() })
}

const REFUSED: &str = "tideover: no node took it within 5s; not executed\r\n";

#[test]
fn a_command_that_was_sent_by_itself_is_told_with_the_word_that_is_sent_again_for() {
    let mut rig = rig(5 * SECOND);
    let client = rig.client();
    rig.gate(None);
    for line in ["INCR n", "BLPOP q 0", "MULTI\nINCR n\nEXEC"] {
        rig.say(client, line);
        rig.wait(6 * SECOND);
        let heard = rig.heard(client);
        assert!(heard.ends_with(&format!("-LOADING {REFUSED}")), "{line}: {heard}");
    }
}

#[test]
fn the_reply_says_why_nobody_took_it() {
    let about = |port| Some(Endpoint::new("node", port));
    let findings = || {
        let down = Finding { fault: Fault::Refused, about: about(1) };
        vec![down, Finding { fault: Fault::TimedOut, about: about(2) }]
    };
    let said = "node:1: connection refused: nobody listens there; not executed\r\n";
    for (hold, reason) in [(5 * SECOND, "no node took it within 5s"), (0, "no node for this slot")] {
        let mut rig = rig(hold);
        rig.core.base.settings.diagnosis.store(Diagnosis::new(false, findings()));
        let client = rig.client();
        rig.gate(None);
        rig.say(client, "GET k");
        rig.wait(6 * SECOND);
        assert_eq!(rig.heard(client), format!("-LOADING tideover: {reason}: {said}"));
        rig.say(client, "SUBSCRIBE ch");
        rig.wait(6 * SECOND);
        let heard = rig.heard(client);
        assert!(heard.starts_with("-LOADING tideover: no node ") && heard.ends_with(&said), "{heard}");
    }
}

#[test]
fn what_is_wrong_with_another_node_than_the_master_is_no_reason() {
    let mut rig = rig(5 * SECOND);
    let other = Finding { fault: Fault::TimedOut, about: Some(Endpoint::new("node", 2)) };
    rig.core.base.settings.diagnosis.store(Diagnosis::new(true, vec![other]));
    let client = rig.client();
    rig.say(client, "GET k");
    rig.wait(6 * SECOND);
    assert_eq!(rig.heard(client), format!("-LOADING {REFUSED}"));
}

/// The pop waited until the increment was answered: it is no command by itself all the same.
#[test]
fn what_ran_before_it_in_a_pipeline_is_not_run_again_for_its_sake() {
    let mut rig = rig(5 * SECOND);
    let client = rig.client();
    rig.say(client, "INCR n\nBLPOP q 0");
    let lane = rig.connect()[0];
    rig.sent(lane);
    rig.reply(lane, ":1\r\n");
    let own = rig.connect()[0];
    assert!(rig.sent(own).contains("BLPOP"));
    rig.gate(None);
    rig.lose(own);
    rig.wait(6 * SECOND);
    let heard = rig.heard(client);
    assert!(heard.contains("-TRYAGAIN ") && !heard.contains("LOADING"), "{heard}");
    // The next one is by itself again.
    rig.say(client, "INCR n");
    rig.wait(6 * SECOND);
    assert_eq!(rig.heard(client), format!("-LOADING {REFUSED}"));
}

#[test]
fn what_runs_behind_it_in_a_pipeline_is_not_run_again_for_its_sake() {
    let mut rig = rig(0);
    let client = rig.client();
    rig.gate(None);
    rig.say(client, "INCR n\nINCR m");
    let heard = rig.heard(client);
    let (first, last) = heard.split_once("\r\n").unwrap();
    assert!(first.starts_with("-TRYAGAIN "), "{heard}");
    assert!(last.starts_with("-LOADING "), "{heard}");
}

/// It may have missed messages. One that is told of errors is subscribed again and hears nothing of it.
#[test]
fn who_learns_by_the_end_of_its_connection_learns_so_that_messages_are_missed() {
    for on_unknown in [OnUnknown::Error, OnUnknown::Close] {
        let mut proxy = one_proxy("redis://node").unwrap();
        proxy.failover.answers.on_unknown = on_unknown;
        let mut rig = Rig::new(Settings { failures: FailureReplies::of(&proxy.failover), ..settings() });
        let client = rig.client();
        rig.say(client, "SUBSCRIBE ch");
        let listening = rig.connect()[0];
        assert!(rig.sent(listening).contains("SUBSCRIBE"));
        rig.reply(listening, "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n");
        assert!(rig.heard(client).contains("subscribe"));
        rig.lose(listening);
        assert_eq!(rig.heard(client), "");
        let closed: Vec<_> = rig.closed.iter().map(|(id, reason)| (*id, *reason)).collect();
        match on_unknown {
            OnUnknown::Error => assert!(closed.is_empty()),
            OnUnknown::Close => assert_eq!(closed, [(client, CloseReason::Unknown)]),
        }
    }
}
