//! The report as a table for people. No IO.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::faults::PerKind;
use super::sharing::Sharing;
use super::verdict::Report;

/// What differs between the deployments.
struct Words {
    /// The column of who took over.
    successor: &'static str,
    outage: &'static str,
    in_flight: &'static str,
    lost: &'static str,
    /// Where there is no election, the stall at the kill is told by itself, against this goal.
    goal: Option<&'static str>,
    unasked: (&'static str, &'static str),
}

fn words(sharing: Sharing) -> Words {
    let active = Words {
        successor: "next node",
        outage: "no node in use for",
        in_flight: ", all but reads",
        lost: " acknowledged",
        goal: Some(" (goal: at most 100 ms)"),
        unasked: ("further moves", "by the proxy, without a kill"),
    };
    match sharing {
        Sharing::Followed => Words {
            successor: "new master",
            outage: "backend outage",
            in_flight: "",
            lost: " acknowledged, not yet replicated",
            goal: None,
            unasked: ("unasked failovers", "by the backend itself"),
        },
        Sharing::Meshed => Words { lost: " acknowledged, then not passed on or overwritten", ..active },
        Sharing::Apart => active,
    }
}

impl Report {
    /// The closing table.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_table(&mut text);
        text
    }

    fn write_table(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "  {:<4}{:<18}{:<18}{:>9}{:>15}{:>10}{:>11}{:>11}",
            "#",
            "killed",
            words(self.sharing).successor,
            "outage",
            "longest stall",
            if words(self.sharing).goal.is_some() { "at kill" } else { "added" },
            "in flight",
            "uncertain"
        )?;
        for (index, failover) in self.failovers.iter().enumerate() {
            writeln!(
                out,
                "  {:<4}{:<18}{:<18}{:>9}{:>15}{:>10}{:>11}{:>11}",
                index + 1,
                failover.killed.to_string(),
                failover.new_master.to_string(),
                told(failover.outage_ms),
                told(failover.longest_stall_ms),
                match words(self.sharing).goal {
                    Some(_) => told(failover.stall_at_kill_ms),
                    None => added(failover.added_stall_ms),
                },
                failover.in_flight,
                failover.uncertain
            )?;
        }
        writeln!(out)?;
        for (name, value) in self.rows() {
            writeln!(out, "  {name:<24}{value}")?;
        }
        writeln!(out)?;
        match self.passed {
            true => writeln!(
                out,
                "  PASSED: no client saw an error{}, and nothing ran twice.",
                self.but_uncertain()
            ),
            false => writeln!(out, "  FAILED: {}", self.reasons.join("; ")),
        }
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let words = words(self.sharing);
        let mut rows = vec![
            ("commands", grouped(self.commands)),
            ("errors by class", by_class(&self.errors)),
            (
                "uncertain",
                format!(
                    "{} of {} in flight at the kills{}",
                    self.uncertain, self.in_flight_at_kills, words.in_flight
                ),
            ),
            ("lost by the backend", per_kind(self.lost, self.lost_by_command, words.lost)),
            ("doubled", per_kind(self.doubled, self.doubled_by_command, "")),
            ("mixed up", self.mixed_up.to_string()),
            ("out of order", self.misordered.to_string()),
            (words.outage, format!("{} (longest)", told(self.backend_outage_ms))),
        ];
        let longest = told(self.longest_client_stall_ms);
        rows.extend(match words.goal {
            Some(goal) => [
                ("longest stall at a kill", format!("{}{goal}", told(self.stall_at_kill_ms))),
                ("longest client stall", format!("{longest} (also when a node came back)")),
            ],
            None => [
                ("longest client stall", longest),
                ("added stall", format!("{} (median)", added(self.added_stall_ms))),
            ],
        });
        if let Some(untouched) = self.untouched {
            let (longest, usual) = (untouched.longest_stall_ms, untouched.usual_stall_ms);
            rows.push((
                "other shards' clients",
                format!("longest stall {longest:.0} ms, usual {usual:.0} ms"),
            ));
        }
        if let Some(redone) = self.redone_by_backend {
            let told = per_kind(redone.total(), redone, ", when a node came back");
            rows.push(("doubled by the backend", told));
        }
        if let Some(differing) = self.differing {
            rows.push(("nodes that differ", format!("in the data of {differing} clients")));
        }
        if self.unasked_failovers > 0 {
            let (name, who) = words.unasked;
            rows.push((name, format!("{} {who}", self.unasked_failovers)));
        }
        rows
    }

    fn but_uncertain(&self) -> &'static str {
        if self.uncertain == 0 { "" } else { " but UNCERTAIN for what was in flight" }
    }
}

fn by_class(errors: &BTreeMap<String, u64>) -> String {
    if errors.is_empty() {
        return "none".to_owned();
    }
    errors.iter().map(|(class, count)| format!("{class} {count}")).collect::<Vec<_>>().join(", ")
}

fn per_kind(total: u64, kinds: PerKind, remark: &str) -> String {
    if total == 0 {
        return "0".to_owned();
    }
    let popped = if kinds.blpop == 0 { String::new() } else { format!(", BLPOP {}", kinds.blpop) };
    format!("{total}{remark} (SET {}, INCR {}, RPUSH {}{popped})", kinds.set, kinds.incr, kinds.rpush)
}

/// `1.41 s`, `38 ms`
pub(crate) fn told(millis: f64) -> String {
    if millis < 999.5 { format!("{millis:.0} ms") } else { format!("{:.2} s", millis / 1000.0) }
}

fn added(millis: f64) -> String {
    format!("{millis:+.0} ms")
}

/// `1,234,567`
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index % 3 == first {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::verdict::{FailoverReport, Untouched};
    use super::*;

    fn sample() -> Report {
        let node = |port: u16| ([127, 0, 0, 1], port).into();
        let failover = FailoverReport {
            killed: node(7001),
            new_master: node(7002),
            outage_ms: 1400.0,
            stall_at_kill_ms: 1447.0,
            longest_stall_ms: 1450.0,
            added_stall_ms: 50.0,
            in_flight: 3,
            uncertain: 2,
            untouched_stall_ms: None,
        };
        Report {
            passed: true,
            reasons: Vec::new(),
            sharing: Sharing::Followed,
            seconds: 20.0,
            commands: 12_345,
            errors: BTreeMap::from([("UNCERTAIN".to_owned(), 2)]),
            uncertain: 2,
            in_flight_at_kills: 3,
            lost: 3,
            lost_by_command: PerKind { set: 0, incr: 1, rpush: 2, blpop: 0 },
            doubled: 0,
            doubled_by_command: PerKind::default(),
            mixed_up: 0,
            misordered: 0,
            differing: None,
            redone_by_backend: None,
            unasked_failovers: 0,
            backend_outage_ms: 1400.0,
            longest_client_stall_ms: 1450.0,
            stall_at_kill_ms: 1447.0,
            added_stall_ms: 50.0,
            untouched: None,
            failovers: vec![failover],
        }
    }

    #[test]
    fn the_table_shows_every_number_and_what_was_lost() {
        let table = sample().table();
        for text in [
            "127.0.0.1:7001    127.0.0.1:7002",
            "12,345",
            "UNCERTAIN 2",
            "3 acknowledged, not yet replicated (SET 0, INCR 1, RPUSH 2)",
            "2 of 3 in flight at the kills",
            "+50 ms (median)",
            "1.40 s (longest)",
            "PASSED",
        ] {
            assert!(table.contains(text), "{text} is missing in\n{table}");
        }
    }

    #[test]
    fn with_shards_the_table_shows_what_clients_of_others_saw_and_what_was_popped_twice() {
        let untouched = Some(Untouched { usual_stall_ms: 8.4, longest_stall_ms: 12.0 });
        let lost_by_command = PerKind { blpop: 3, ..PerKind::default() };
        let table = Report { untouched, lost_by_command, ..sample() }.table();
        assert!(table.contains("longest stall 12 ms, usual 8 ms"), "{table}");
        assert!(table.contains("RPUSH 0, BLPOP 3)"), "{table}");
    }

    #[test]
    fn of_active_nodes_the_table_tells_who_is_next_and_where_they_differ() {
        let report = Report {
            sharing: Sharing::Meshed,
            differing: Some(1),
            redone_by_backend: Some(PerKind { rpush: 4, ..PerKind::default() }),
            unasked_failovers: 2,
            longest_client_stall_ms: 85.2,
            stall_at_kill_ms: 41.4,
            ..sample()
        };
        let table = report.table();
        for text in [
            "next node",
            "3 acknowledged, then not passed on or overwritten (SET",
            "2 of 3 in flight at the kills, all but reads",
            "41 ms (goal: at most 100 ms)",
            "85 ms (also when a node came back)",
            "1.45 s    1.45 s",
            "in the data of 1 clients",
            "4, when a node came back (SET 0, INCR 0, RPUSH 4)",
            "2 by the proxy, without a kill",
        ] {
            assert!(table.contains(text), "{text} is missing in\n{table}");
        }
    }

    #[test]
    fn times_are_told_in_what_suits_them() {
        for (millis, text) in
            [(0.0, "0 ms"), (38.4, "38 ms"), (999.4, "999 ms"), (999.6, "1.00 s"), (1410.0, "1.41 s")]
        {
            assert_eq!(told(millis), text);
        }
    }

    #[test]
    fn a_failed_demo_says_why() {
        let report = Report { passed: false, reasons: vec!["1 commands ran twice".to_owned()], ..sample() };
        assert!(report.table().contains("FAILED: 1 commands ran twice"));
    }

    #[test]
    fn big_numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
