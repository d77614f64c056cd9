//! Parses the messages that sentinels publish into the few events that the rules act on.

use super::super::node_reply::address;
use crate::topology::{ConfigEpoch, Endpoint};

/// An event of our group, or of a sentinel itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SentinelEvent {
    /// An election began, with this sentinel as the leader or not.
    NewEpoch(ConfigEpoch),
    /// The leader has chosen this replica of our group, or says that it was promoted.
    Candidate(Endpoint),
    /// `+switch-master` with the new address. Its epoch has to be asked for.
    Switched(Endpoint),
    Aborted,
    /// The sentinel has entered TILT, or has left it.
    Tilt(bool),
    /// Another event of our group: a reason to ask faster for a while.
    Other,
}

/// A message of `__sentinel__:hello`: the address and epoch in it belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) run_id: String,
    pub(super) master: Endpoint,
    pub(super) epoch: ConfigEpoch,
}

/// Parses a published event. `None`: it concerns another group, or has no meaning here.
pub(super) fn event(group: &str, channel: &str, payload: &str) -> Option<SentinelEvent> {
    let words: Vec<&str> = payload.split(' ').collect();
    match channel {
        "+new-epoch" => payload.trim().parse().ok().map(|epoch| SentinelEvent::NewEpoch(ConfigEpoch(epoch))),
        "+tilt" => Some(SentinelEvent::Tilt(true)),
        "-tilt" => Some(SentinelEvent::Tilt(false)),
        "+switch-master" => match words.as_slice() {
            [name, _, _, host, port] if *name == group => address(host, port).map(SentinelEvent::Switched),
            _ => None,
        },
        _ => of_instance(group, channel, &words),
    }
}

/// Parses `<type> <name> <ip> <port> @ <master> <ip> <port>`; events of the master itself have no part from `@` on.
fn of_instance(group: &str, channel: &str, words: &[&str]) -> Option<SentinelEvent> {
    match words {
        ["slave", _, host, port, "@", name, _, _, ..] if *name == group => match channel {
            "+selected-slave" | "+failover-state-send-slaveof-noone" | "+promoted-slave" => {
                address(host, port).map(SentinelEvent::Candidate)
            }
            _ => Some(SentinelEvent::Other),
        },
        ["master", name, _, _, ..] if *name == group => Some(if channel.starts_with("-failover-abort") {
            SentinelEvent::Aborted
        } else {
            SentinelEvent::Other
        }),
        [_, _, _, _, "@", name, ..] if *name == group => Some(SentinelEvent::Other),
        _ => None,
    }
}

/// Parses `sip,sport,srunid,current-epoch,mname,mip,mport,config-epoch`.
pub(super) fn hello(group: &str, payload: &str) -> Option<Hello> {
    let words: Vec<&str> = payload.split(',').collect();
    match words.as_slice() {
        [_, _, run_id, _, name, master_host, master_port, epoch] if *name == group => Some(Hello {
            run_id: (*run_id).to_owned(),
            master: address(master_host, master_port)?,
            epoch: ConfigEpoch(epoch.parse().ok()?),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_our_group_only() {
        let b = || Endpoint::new("10.0.0.2", 6380);
        let slave = "slave 10.0.0.2:6380 10.0.0.2 6380 @ m 10.0.0.1 6379";
        let cases = [
            ("+new-epoch", "12", Some(SentinelEvent::NewEpoch(ConfigEpoch(12)))),
            ("+new-epoch", "x", None),
            ("+selected-slave", slave, Some(SentinelEvent::Candidate(b()))),
            ("+failover-state-send-slaveof-noone", slave, Some(SentinelEvent::Candidate(b()))),
            ("+promoted-slave", slave, Some(SentinelEvent::Candidate(b()))),
            ("+selected-slave", "slave x 10.0.0.2 6380 @ other 10.0.0.1 6379", None),
            ("+switch-master", "m 10.0.0.1 6379 10.0.0.2 6380", Some(SentinelEvent::Switched(b()))),
            ("+switch-master", "other 10.0.0.1 6379 10.0.0.2 6380", None),
            ("-failover-abort-no-good-slave", "master m 10.0.0.1 6379", Some(SentinelEvent::Aborted)),
            ("-failover-abort-not-elected", "master m 10.0.0.1 6379", Some(SentinelEvent::Aborted)),
            ("-failover-abort-slave-timeout", "master other 10.0.0.1 6379", None),
            ("+sdown", "master m 10.0.0.1 6379", Some(SentinelEvent::Other)),
            ("+odown", "master m 10.0.0.1 6379 #quorum 2/2", Some(SentinelEvent::Other)),
            (
                "-role-change",
                "slave 10.0.0.2:6380 10.0.0.2 6380 @ m 10.0.0.1 6379 new reported role is master",
                Some(SentinelEvent::Other),
            ),
            ("+sentinel", "sentinel abc 10.0.0.9 26379 @ m 10.0.0.1 6379", Some(SentinelEvent::Other)),
            ("+vote-for-leader", "abc 12", None),
            ("+tilt", "#tilt mode entered", Some(SentinelEvent::Tilt(true))),
            ("-tilt", "#tilt mode exited", Some(SentinelEvent::Tilt(false))),
            (
                "+selected-slave",
                "slave x 2001:db8::2 6380 @ m 2001:db8::1 6379",
                Some(SentinelEvent::Candidate(Endpoint::new("2001:db8::2", 6380))),
            ),
        ];
        for (channel, payload, expected) in cases {
            assert_eq!(event("m", channel, payload), expected, "{channel} {payload}");
        }
    }

    #[test]
    fn hello_pairs_address_and_epoch() {
        let found = hello("m", "10.0.0.9,26379,abc,13,m,10.0.0.1,6379,12").unwrap();
        assert_eq!((found.master, found.epoch), (Endpoint::new("10.0.0.1", 6379), ConfigEpoch(12)));
        assert_eq!(found.run_id, "abc");
        for bad in [
            "",
            "a,b,c",
            "10.0.0.9,26379,abc,13,other,10.0.0.1,6379,12",
            "s,1,r,1,m,a,x,1",
            "s,1,r,1,m,a,1,x",
        ] {
            assert_eq!(hello("m", bad), None, "{bad}");
        }
    }
}
