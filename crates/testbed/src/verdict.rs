//! From what was measured to the report: passed or not, and why. No IO.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::faults::{Faults, PerKind};
use super::meter::{EraCounts, UNCERTAIN};
use super::prober::Recovery;
use super::sharing::Sharing;

/// Everything that was measured.
pub(crate) struct Measurements {
    pub(crate) sharing: Sharing,
    /// The steady time before the first kill, then one for each kill.
    pub(crate) eras: Vec<EraCounts>,
    pub(crate) kills: Vec<Kill>,
    pub(crate) faults: Faults,
    /// Books of which not all nodes of a mesh hold the same.
    pub(crate) differing: u64,
    /// Failovers that the backend made on its own, or the proxy where it alone decides.
    pub(crate) unasked: u64,
    /// The longest stall before the first kill, of the clients that use one shard only; none where there are no shards.
    pub(crate) usual: Option<Duration>,
    pub(crate) took: Duration,
}

/// A killed node, and what took its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) node: SocketAddr,
    pub(crate) recovery: Recovery,
    /// The longest stall until all clients worked again, before the node came back.
    pub(crate) stall: Duration,
    /// The longest stall, until all work again, of the clients that use another shard only.
    pub(crate) untouched: Option<Duration>,
}

/// What the demo closes with, as a table or as JSON. Times are milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) passed: bool,
    /// Why it did not pass.
    pub(crate) reasons: Vec<String>,
    /// How the nodes share what is written.
    pub(crate) sharing: Sharing,
    pub(crate) seconds: f64,
    pub(crate) commands: u64,
    /// By the first word of the error reply, or `closed`, `refused`, `timeout`.
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) uncertain: u64,
    /// Commands that are not sent again when their outcome is unknown, sent and unanswered when a node died: those that
    /// must not run twice, and where several nodes take writes all that are no reads.
    pub(crate) in_flight_at_kills: u64,
    /// Acknowledged writes that the backend lost: it had not passed them on yet.
    pub(crate) lost: u64,
    pub(crate) lost_by_command: PerKind,
    pub(crate) doubled: u64,
    pub(crate) doubled_by_command: PerKind,
    /// Writes that the nodes of a mesh ran twice themselves when one of them came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redone_by_backend: Option<PerKind>,
    /// Replies that belonged to another client or command.
    pub(crate) mixed_up: u64,
    /// Replies or writes out of order, or gone although no node had died.
    pub(crate) misordered: u64,
    /// Clients whose data is not the same on all nodes of a mesh in the end, the order of lists left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) differing: Option<u64>,
    /// Failovers that the backend made although no master had been killed; of active nodes, that the proxy made.
    pub(crate) unasked_failovers: u64,
    /// The longest.
    pub(crate) backend_outage_ms: f64,
    pub(crate) longest_client_stall_ms: f64,
    /// The same without what came after the clients worked again: the return of a killed node.
    pub(crate) stall_at_kill_ms: f64,
    /// The median over the failovers of the longest stall less the backend's outage.
    pub(crate) added_stall_ms: f64,
    /// What clients of other shards saw of the failovers, where there are shards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) untouched: Option<Untouched>,
    pub(crate) failovers: Vec<FailoverReport>,
}

/// The longest stalls of clients that use one shard only.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Untouched {
    /// While no master was killed.
    pub(crate) usual_stall_ms: f64,
    /// While another shard had no master.
    pub(crate) longest_stall_ms: f64,
}

/// One kill.
#[derive(Debug, Serialize)]
pub(crate) struct FailoverReport {
    pub(crate) killed: SocketAddr,
    pub(crate) new_master: SocketAddr,
    /// From the kill to the first write that any node took, seen by a prober beside the proxy. Active nodes take writes at
    /// any time: to the moment when the proxy used another one.
    pub(crate) outage_ms: f64,
    /// Until all clients worked again.
    pub(crate) stall_at_kill_ms: f64,
    /// Until the next kill.
    pub(crate) longest_stall_ms: f64,
    pub(crate) added_stall_ms: f64,
    pub(crate) in_flight: u64,
    pub(crate) uncertain: u64,
    /// The longest stall of clients that use another shard only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) untouched_stall_ms: Option<f64>,
}

/// Passed: no error but UNCERTAIN, in no era more of those than commands were in flight at its kill, nothing doubled,
/// nothing mixed up, nothing out of order. What the backend lost or ran twice itself is shown and does not count.
pub(crate) fn report(measured: &Measurements) -> Report {
    let failovers: Vec<FailoverReport> = measured
        .kills
        .iter()
        .zip(measured.eras.iter().skip(1))
        .map(|(kill, era)| failover(kill, era))
        .collect();
    let reasons = reasons(measured);
    let faults = measured.faults;
    Report {
        passed: reasons.is_empty(),
        reasons,
        sharing: measured.sharing,
        seconds: measured.took.as_secs_f64().round(),
        commands: measured.eras.iter().map(|era| era.commands).sum(),
        errors: errors(&measured.eras),
        uncertain: measured.eras.iter().map(uncertain).sum(),
        in_flight_at_kills: measured.eras.iter().map(|era| era.in_flight).sum(),
        lost: faults.lost.total(),
        lost_by_command: faults.lost,
        doubled: faults.doubled.total(),
        doubled_by_command: faults.doubled,
        mixed_up: faults.mixed_up,
        misordered: faults.misordered,
        redone_by_backend: of_mesh(measured.sharing, faults.redone),
        differing: of_mesh(measured.sharing, measured.differing),
        unasked_failovers: measured.unasked,
        backend_outage_ms: longest(failovers.iter().map(|failover| failover.outage_ms)),
        longest_client_stall_ms: longest(measured.eras.iter().map(|era| millis(era.longest_stall))),
        stall_at_kill_ms: longest(failovers.iter().map(|failover| failover.stall_at_kill_ms)),
        added_stall_ms: median(failovers.iter().map(|failover| failover.added_stall_ms).collect()),
        untouched: measured.usual.map(|usual| Untouched {
            usual_stall_ms: millis(usual),
            longest_stall_ms: longest(failovers.iter().filter_map(|failover| failover.untouched_stall_ms)),
        }),
        failovers,
    }
}

/// Returns what is told of a mesh only.
fn of_mesh<T>(sharing: Sharing, value: T) -> Option<T> {
    match sharing {
        Sharing::Meshed => Some(value),
        Sharing::Followed | Sharing::Apart => None,
    }
}

fn failover(kill: &Kill, era: &EraCounts) -> FailoverReport {
    let (outage_ms, longest_stall_ms) = (millis(kill.recovery.outage), millis(era.longest_stall));
    FailoverReport {
        killed: kill.node,
        new_master: kill.recovery.node,
        outage_ms,
        stall_at_kill_ms: millis(kill.stall),
        longest_stall_ms,
        added_stall_ms: tenths(longest_stall_ms - outage_ms),
        in_flight: era.in_flight,
        uncertain: uncertain(era),
        untouched_stall_ms: kill.untouched.map(millis),
    }
}

fn reasons(measured: &Measurements) -> Vec<String> {
    let mut reasons = Vec::new();
    let errors = errors(&measured.eras);
    let others: Vec<String> = errors
        .iter()
        .filter(|(class, _)| *class != UNCERTAIN)
        .map(|(class, count)| format!("{class} {count}"))
        .collect();
    if !others.is_empty() {
        reasons.push(format!("clients saw errors: {}", others.join(", ")));
    }
    for (number, era) in measured.eras.iter().enumerate().filter(|(_, era)| uncertain(era) > era.in_flight) {
        let when =
            if number == 0 { "before the first kill".to_owned() } else { format!("after kill {number}") };
        reasons.push(format!(
            "{} UNCERTAIN {when}, where {} commands were in flight",
            uncertain(era),
            era.in_flight
        ));
    }
    let faults = measured.faults;
    let counts = [
        (faults.doubled.total(), "commands ran twice"),
        (faults.denied, "commands ran although they were refused"),
        (faults.mixed_up, "replies belonged to another client or command"),
        (faults.misordered, "replies or writes were out of order, or gone although no node had died"),
    ];
    reasons
        .extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    if measured.unasked > 0 && !reasons.is_empty() {
        let who = match measured.sharing {
            Sharing::Followed => "the backend itself failed over",
            Sharing::Meshed | Sharing::Apart => "the proxy went to another node",
        };
        reasons.push(format!("({who} {} times without a kill)", measured.unasked));
    }
    reasons
}

fn errors(eras: &[EraCounts]) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    for (class, count) in eras.iter().flat_map(|era| &era.errors) {
        *sum.entry(class.clone()).or_default() += count;
    }
    sum
}

fn uncertain(era: &EraCounts) -> u64 {
    era.errors.get(UNCERTAIN).copied().unwrap_or_default()
}

fn millis(duration: Duration) -> f64 {
    tenths(duration.as_secs_f64() * 1000.0)
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn longest(times: impl Iterator<Item = f64>) -> f64 {
    times.fold(0.0, f64::max)
}

/// Of an even number the mean of the two in the middle; of none zero.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    match (times.get(middle), times.get(middle.wrapping_sub(1))) {
        (Some(upper), Some(lower)) if times.len().is_multiple_of(2) => tenths(f64::midpoint(*lower, *upper)),
        (Some(time), _) => *time,
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn era(in_flight: u64, stall_ms: u64, errors: &[(&str, u64)]) -> EraCounts {
        let errors = errors.iter().map(|(class, count)| ((*class).to_owned(), *count)).collect();
        let longest_stall = Duration::from_millis(stall_ms);
        EraCounts { commands: 1000, errors, longest_stall, stalls: Vec::new(), in_flight }
    }

    fn measured(eras: Vec<EraCounts>, faults: Faults) -> Measurements {
        let kill = |outage| Kill {
            node: node(1),
            recovery: Recovery { node: node(2), outage },
            stall: outage,
            untouched: None,
        };
        let kills = (1..eras.len()).map(|_| kill(Duration::from_millis(1400))).collect();
        let (sharing, took) = (Sharing::Followed, Duration::from_secs(30));
        Measurements { sharing, eras, kills, faults, differing: 0, unasked: 0, usual: None, took }
    }

    #[test]
    fn what_passes_and_what_does_not() {
        let fault = |change: fn(&mut Faults)| {
            let mut faults = Faults::default();
            change(&mut faults);
            faults
        };
        let none = Faults::default();
        let cases = [
            ("nothing happened", vec![era(0, 1, &[]), era(3, 1500, &[])], none, None),
            ("uncertain in flight", vec![era(0, 1, &[]), era(3, 1500, &[("UNCERTAIN", 3)])], none, None),
            (
                "more uncertain",
                vec![era(0, 1, &[]), era(3, 1500, &[("UNCERTAIN", 4)])],
                none,
                Some("after kill 1"),
            ),
            (
                "uncertain of another kill",
                vec![era(0, 1, &[]), era(3, 9, &[]), era(0, 9, &[("UNCERTAIN", 1)])],
                none,
                Some("after kill 2"),
            ),
            (
                "uncertain before",
                vec![era(0, 1, &[("UNCERTAIN", 1)]), era(3, 9, &[])],
                none,
                Some("before the first"),
            ),
            (
                "a closed client",
                vec![era(0, 1, &[]), era(3, 9, &[("closed", 1)])],
                none,
                Some("errors: closed 1"),
            ),
            ("lost", vec![era(0, 1, &[]), era(0, 9, &[])], fault(|f| f.lost.rpush = 5), None),
            (
                "doubled",
                vec![era(0, 1, &[]), era(0, 9, &[])],
                fault(|f| f.doubled.incr = 1),
                Some("ran twice"),
            ),
            (
                "denied",
                vec![era(0, 1, &[]), era(0, 9, &[])],
                fault(|f| f.denied = 1),
                Some("although they were refused"),
            ),
            (
                "mixed up",
                vec![era(0, 1, &[]), era(0, 9, &[])],
                fault(|f| f.mixed_up = 1),
                Some("another client"),
            ),
            (
                "order",
                vec![era(0, 1, &[]), era(0, 9, &[])],
                fault(|f| f.misordered = 1),
                Some("out of order"),
            ),
        ];
        for (name, eras, faults, reason) in cases {
            let report = report(&measured(eras, faults));
            assert_eq!(report.passed, reason.is_none(), "{name}: {:?}", report.reasons);
            assert!(
                reason.is_none_or(|reason| report.reasons[0].contains(reason)),
                "{name}: {:?}",
                report.reasons
            );
        }
    }

    #[test]
    fn the_added_stall_is_the_stall_less_the_outage_and_may_be_negative() {
        let report =
            report(&measured(vec![era(0, 1, &[]), era(0, 1450, &[]), era(0, 1395, &[])], Faults::default()));
        let added: Vec<f64> = report.failovers.iter().map(|failover| failover.added_stall_ms).collect();
        assert_eq!(added, [50.0, -5.0]);
        assert_eq!(report.added_stall_ms, 22.5);
        assert_eq!(report.longest_client_stall_ms, 1450.0);
        assert_eq!((report.backend_outage_ms, report.stall_at_kill_ms), (1400.0, 1400.0));
    }

    #[test]
    fn clients_of_other_shards_are_told_beside_what_is_usual_for_them() {
        let mut measured =
            measured(vec![era(0, 9, &[]), era(0, 1450, &[]), era(0, 1395, &[])], Faults::default());
        measured.usual = Some(Duration::from_millis(9));
        for (kill, stall) in measured.kills.iter_mut().zip([12, 7]) {
            kill.untouched = Some(Duration::from_millis(stall));
        }
        let report = report(&measured);
        let untouched = report.untouched.unwrap();
        assert_eq!((untouched.usual_stall_ms, untouched.longest_stall_ms), (9.0, 12.0));
        assert_eq!(report.failovers[1].untouched_stall_ms, Some(7.0));
    }

    #[test]
    fn only_of_a_mesh_it_is_told_what_the_nodes_did_to_each_other_and_that_is_no_reason() {
        for (sharing, told) in [(Sharing::Followed, None), (Sharing::Meshed, Some(2)), (Sharing::Apart, None)]
        {
            let faults = Faults { redone: PerKind { rpush: 2, ..PerKind::default() }, ..Faults::default() };
            let measured = measured(vec![era(0, 1, &[]), era(3, 40, &[])], faults);
            let report = report(&Measurements { sharing, differing: 2, unasked: 1, ..measured });
            assert_eq!((report.differing, report.passed), (told, true), "{sharing:?}");
            assert_eq!(report.redone_by_backend.map(PerKind::total), told, "{sharing:?}");
        }
    }

    #[test]
    fn medians() {
        for (times, expected) in
            [(vec![], 0.0), (vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0], 2.5)]
        {
            assert_eq!(median(times), expected);
        }
    }
}
