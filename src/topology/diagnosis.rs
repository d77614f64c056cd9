//! The diagnosis of a deployment: all of its known faults, as the log, the admin pages and replies to clients show them.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Endpoint;
use super::fault::{Fault, printable};

/// The longest text of a finding, in characters. It may contain host names from peers, which can be of any length.
const LONGEST_TEXT: usize = 300;
/// The number of findings in one line. More of them would hide the first ones.
const FEW: usize = 3;
/// The number of findings that are kept: a large deployment may have lost a hundred nodes.
const KEPT: usize = 16;

/// A fault of one peer, or of the deployment as a whole if `about` is `None`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) fault: Fault,
    pub(crate) about: Option<Endpoint>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = self.about.as_ref().filter(|_| !matches!(self.fault, Fault::UnknownGroup { .. }));
        let text = match (about, &self.fault) {
            (Some(peer), Fault::Refused) => format!("{peer}: {}", self.fault),
            (Some(peer), fault) => format!("{peer} {fault}"),
            (None, fault) => fault.to_string(),
        };
        f.write_str(&printable(&text, LONGEST_TEXT))
    }
}

/// The faults of a deployment that are known at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    /// True if at least once since the start every slot had a master and one of them served.
    pub(crate) has_served: bool,
    findings: Vec<Finding>,
}

impl Diagnosis {
    pub(crate) fn new(has_served: bool, mut findings: Vec<Finding>) -> Self {
        findings.sort();
        // All sentinels that do not know the group give one and the same text.
        findings.dedup_by(|one, other| one.to_string() == other.to_string());
        findings.truncate(KEPT);
        Diagnosis { has_served, findings }
    }

    /// Returns the findings, the worst one first.
    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(crate) fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.fault.is_warning())
    }

    /// Returns true if no node has ever served and waiting cannot mend what is wrong.
    pub(crate) fn is_hopeless(&self) -> bool {
        !self.has_served && self.findings.iter().any(|finding| finding.fault.is_lasting())
    }

    /// Returns true if too few sentinels answer. Discovery believes those that do answer after a while.
    pub(crate) fn lacks_sentinels(&self) -> bool {
        self.findings.iter().any(|finding| matches!(finding.fault, Fault::TooFew { .. }))
    }

    /// Returns the worst findings and the number of the others, in one line. `None`: there are none.
    pub(crate) fn reasons(&self) -> Option<String> {
        let first: Vec<String> = self.findings.iter().take(FEW).map(Finding::to_string).collect();
        let more = self.findings.len().saturating_sub(FEW);
        match more {
            _ if first.is_empty() => None,
            0 => Some(first.join("; ")),
            more => Some(format!("{}; and {more} more", first.join("; "))),
        }
    }

    /// Returns the worst finding that explains why a command finds no node. `matters` selects the peers that could serve it.
    pub(crate) fn why(&self, matters: impl Fn(&Endpoint) -> bool) -> Option<&Finding> {
        // A setup that is not as it should be keeps no command from a node.
        let prevents = |finding: &&Finding| !matches!(finding.fault, Fault::SetUp(_));
        let findings = self.findings.iter().filter(prevents);
        findings.into_iter().find(|finding| finding.about.as_ref().is_none_or(&matters))
    }
}

/// The cell that holds the latest diagnosis. Discovery writes it; admin reads it, and workers when they give a reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiagnosisCell(Arc<ArcSwap<Diagnosis>>);

impl DiagnosisCell {
    pub(crate) fn load(&self) -> Arc<Diagnosis> {
        self.0.load_full()
    }

    pub(crate) fn store(&self, diagnosis: Diagnosis) {
        self.0.store(Arc::new(diagnosis));
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::{PeerText, ServerKind};
    use super::*;

    fn finding(port: u16, fault: Fault) -> Finding {
        Finding { fault, about: Some(Endpoint::new("127.0.0.1", port)) }
    }

    #[test]
    fn a_finding_names_the_peer_and_the_way_out() {
        let of = || Some(Endpoint::new("10.0.0.1", 6379));
        let known = |names: &[&str]| Some(names.iter().map(|name| PeerText::of(name)).collect());
        let group = |known| Fault::UnknownGroup { asked: PeerText::of("other"), known };
        for (fault, expected) in [
            (
                Fault::NotSentinel(ServerKind::Master),
                "127.0.0.1:1 is a data node (master), not a sentinel: use redis:// or name a sentinel",
            ),
            (
                Fault::NotSentinel(ServerKind::Replica(of())),
                "127.0.0.1:1 is a data node (replica of 10.0.0.1:6379), not a sentinel: name a sentinel",
            ),
            (group(known(&["mymaster"])), "the sentinels know mymaster, not other"),
            (group(known(&["a", "b", "c", "d", "e"])), "the sentinels know a, b, c and 2 more, not other"),
            (group(known(&[])), "the sentinels know no master at all, so not other"),
            (group(None), "the sentinels do not know other"),
            (Fault::Refused, "127.0.0.1:1: connection refused: nobody listens there"),
            (
                Fault::IsReplica(of()),
                "127.0.0.1:1 is a replica of 10.0.0.1:6379: it serves reads only, name the master to write",
            ),
            (
                Fault::Denied(PeerText::of("WRONGPASS")),
                "127.0.0.1:1 does not let the proxy in: WRONGPASS, check its user and password",
            ),
        ] {
            assert_eq!(finding(1, fault).to_string(), expected);
        }
    }

    #[test]
    fn what_a_peer_says_cannot_break_a_line() {
        let fault = Fault::Refuses(PeerText::of("BAD\r\n-ERR other\u{1b}[2J"));
        let about = Some(Endpoint::new("h\r\nost", 1));
        let text = Finding { fault, about }.to_string();
        assert_eq!(text, "h??ost:1 refuses to serve: BAD??-ERR other?[2J");
        assert_eq!(PeerText::of(&"x".repeat(1000)).to_string().len(), 80);
    }

    #[test]
    fn the_worst_comes_first_and_the_same_is_said_once() {
        let unknown = || Fault::UnknownGroup { asked: PeerText::of("other"), known: None };
        let findings = vec![
            finding(1, Fault::Refused),
            finding(2, unknown()),
            finding(3, unknown()),
            finding(4, Fault::IsReplica(None)),
        ];
        let diagnosis = Diagnosis::new(false, findings);
        assert_eq!(diagnosis.findings().len(), 3);
        assert!(diagnosis.reasons().unwrap().starts_with("the sentinels do not know other; 127.0.0.1:1:"));
        let many = Diagnosis::new(true, (1..100).map(|port| finding(port, Fault::Refused)).collect());
        assert!(many.reasons().unwrap().ends_with("; and 13 more"));
        assert_eq!(Diagnosis::default().reasons(), None);
    }

    #[test]
    fn a_command_is_told_of_the_peers_that_matter_to_it() {
        let setup = Finding { fault: Fault::SetUp("a ring"), about: None };
        let diagnosis =
            Diagnosis::new(true, vec![finding(1, Fault::Refused), finding(2, Fault::TimedOut), setup]);
        let why = |port: u16| {
            diagnosis
                .why(|peer| peer.port == port)
                .and_then(|finding| finding.about.as_ref())
                .map(|it| it.port)
        };
        assert_eq!((why(1), why(2), why(3)), (Some(1), Some(2), None));
    }
}
