//! Reads `[proxy.failover]`: waiting times, the retry policy, and the answers to commands without a reply of a node.

use std::time::Duration;

use super::fault::quoted;
use super::proxy::LEAST_BUFFER;
use super::section::Section;
use super::{Answers, Blocked, FaceKind, Failover, Library, OnRefused, OnUnknown, RetryPolicy, units};

const HOLD_BYTES: usize = 256 << 20;
const RESEND_SIZE: usize = 16 << 20;

pub(super) const RETRY_POLICIES: [(&str, RetryPolicy); 5] = [
    ("never", RetryPolicy::Never),
    ("reads", RetryPolicy::Reads),
    ("idempotent", RetryPolicy::Idempotent),
    ("relaxed", RetryPolicy::Relaxed),
    ("always", RetryPolicy::Always),
];
pub(super) const BLOCKED: [(&str, Blocked); 2] = [("wait", Blocked::Wait), ("uncertain", Blocked::Uncertain)];
pub(super) const ON_UNKNOWN: [(&str, OnUnknown); 2] =
    [("error", OnUnknown::Error), ("close", OnUnknown::Close)];
pub(super) const ON_REFUSED: [(&str, OnRefused); 5] = [
    ("TRYAGAIN", OnRefused::TryAgain),
    ("LOADING", OnRefused::Loading),
    ("READONLY", OnRefused::ReadOnly),
    ("CLUSTERDOWN", OnRefused::ClusterDown),
    ("close", OnRefused::Close),
];

const LIBRARY_ALLOWED: &str = "what its clients call themselves, such as \"redis-py\"";

pub(super) fn failover(section: Section<'_>, face: FaceKind) -> Failover {
    let mut failover = Failover {
        hold: section.duration("hold", Duration::from_secs(30)),
        hold_bytes: section.size("hold_bytes", HOLD_BYTES, LEAST_BUFFER),
        resend_size: section.size("resend_size", RESEND_SIZE, LEAST_BUFFER),
        retry: section.choice("retry", &RETRY_POLICIES, RetryPolicy::Idempotent),
        blocked: section.choice("blocked", &BLOCKED, Blocked::Wait),
        answers: answers(&section, Answers::of(face)),
        libraries: Vec::new(),
        node_timeout: section.duration("node_timeout", Duration::from_secs(2)),
        command_timeout: section.duration("command_timeout", Duration::ZERO),
    };
    failover.libraries = libraries(&section, failover.answers);
    if failover.node_timeout.is_zero() {
        let what = format!(
            "\"0s\" would give up every node at once; allowed: {}, more than 0",
            units::DURATION_ALLOWED
        );
        section.fault("node_timeout", what);
    }
    section.finish();
    failover
}

impl Answers {
    /// Returns the answers that most clients of this face handle best, as the tables in docs/clients.md show.
    fn of(face: FaceKind) -> Answers {
        let on_refused = match face {
            FaceKind::Standalone | FaceKind::Sentinel => OnRefused::Loading,
            FaceKind::Cluster => OnRefused::TryAgain,
        };
        Answers { on_unknown: OnUnknown::Error, on_refused }
    }
}

fn answers(section: &Section<'_>, default: Answers) -> Answers {
    Answers {
        on_unknown: section.choice("on_unknown", &ON_UNKNOWN, default.on_unknown),
        on_refused: section.choice("on_refused", &ON_REFUSED, default.on_refused),
    }
}

fn libraries(section: &Section<'_>, default: Answers) -> Vec<Library> {
    let mut libraries: Vec<Library> = Vec::new();
    for table in section.tables("library") {
        table.require("name", LIBRARY_ALLOWED);
        let name = table.text("name", LIBRARY_ALLOWED).map(|text| text.value);
        let answers = answers(&table, default);
        if let Some(name) = name {
            let is_known = libraries.iter().any(|known| known.name.eq_ignore_ascii_case(&name));
            if name.is_empty() {
                table.fault("name", format!("is empty; allowed: {LIBRARY_ALLOWED}"));
            } else if is_known {
                let what = format!("{} is listed twice; allowed: each name once", quoted(&name));
                table.fault("name", what);
            }
            libraries.push(Library { name, answers });
        }
        table.finish();
    }
    libraries
}
