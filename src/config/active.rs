//! Reads `[proxy.active]`: the writers of keys, the zones of nodes, the sampler.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::fault::quoted;
use super::section::Section;
use super::{Active, Backend, Flush, Kind, SamplerSettings, Writer, WriterRule, address, backend, units};
use crate::topology::Endpoint;

pub(super) const WRITERS: [(&str, Writer); 3] =
    [("nearest", Writer::Nearest), ("first", Writer::First), ("key", Writer::Key)];
pub(super) const FLUSHES: [(&str, Flush); 2] = [("refuse", Flush::Refuse), ("all", Flush::All)];

const ZONE_ALLOWED: &str = "the name of a zone, such as \"eu-1a\"";
const PREFIX_ALLOWED: &str = "what the keys begin with, such as \"lock:\"";
const MOST_KEYS_PER_SECOND: u32 = 10_000;

/// Reads the section for every kind of backend, though only active nodes use it: as with `[proxy.cluster]`, a config may
/// keep it while its backend is of another kind.
pub(super) fn active(section: Section<'_>, backend: &Backend) -> Active {
    let active = Active {
        writer: section.choice("writer", &WRITERS, Writer::Nearest),
        rules: rules(&section),
        failback: section.duration("failback", Duration::from_secs(30)),
        zone: zone(&section),
        zones: zones(&section, backend),
        flush: section.choice("flush", &FLUSHES, Flush::Refuse),
        sampler: sampler(section.table("sampler")),
    };
    check_zones(&section);
    section.finish();
    active
}

fn rules(section: &Section<'_>) -> Vec<WriterRule> {
    let mut seen = BTreeSet::new();
    let mut rules = Vec::new();
    for rule in section.tables("rule") {
        let writer = writer(&rule);
        if let Some(prefix) = prefix(&rule, &mut seen) {
            rules.extend(writer.map(|writer| WriterRule { prefix, writer }));
        }
        rule.finish();
    }
    rules
}

/// Returns the writer of a rule, which has no default. `None`: a fault.
fn writer(rule: &Section<'_>) -> Option<Writer> {
    rule.require("writer", WRITERS.map(|(word, _)| word).join(", "));
    rule.choice("writer", &WRITERS.map(|(word, writer)| (word, Some(writer))), None)
}

/// Returns the prefix of a rule. `None`: a fault. The empty prefix would fit every key, which is what the `writer` of the
/// section is for.
fn prefix(rule: &Section<'_>, seen: &mut BTreeSet<String>) -> Option<String> {
    rule.require("prefix", PREFIX_ALLOWED);
    let prefix = rule.text("prefix", PREFIX_ALLOWED)?.value;
    if prefix.is_empty() {
        rule.fault("prefix", format!("is empty and would fit every key; allowed: {PREFIX_ALLOWED}"));
        return None;
    }
    if !seen.insert(prefix.clone()) {
        rule.fault("prefix", format!("{} has a rule already; allowed: each prefix once", quoted(&prefix)));
        return None;
    }
    Some(prefix)
}

fn zone(section: &Section<'_>) -> Option<String> {
    let zone = section.text("zone", ZONE_ALLOWED)?.value;
    if zone.is_empty() {
        section.fault("zone", format!("is empty; allowed: {ZONE_ALLOWED}, or no such key"));
    }
    Some(zone)
}

fn zones(section: &Section<'_>, backend: &Backend) -> BTreeMap<Endpoint, String> {
    let mut zones = BTreeMap::new();
    for (name, zone) in section.map("zones", ZONE_ALLOWED) {
        let what = match address::endpoint(&name, Some(backend::REDIS_PORT)) {
            None => format!("is not a node; allowed: {}", address::ENDPOINT_ALLOWED),
            Some(node) if !is_node(&node, backend) => {
                format!("{node} is none of the nodes; allowed: those of backend.nodes")
            }
            Some(_) if zone.value.is_empty() => format!("the zone is empty; allowed: {ZONE_ALLOWED}"),
            Some(node) if zones.contains_key(&node) => format!("{node} is listed twice; allowed: each once"),
            Some(node) => {
                zones.insert(node, zone.value);
                continue;
            }
        };
        section.fault_at(&zone.place, &format!("zones.{name:?}"), what);
    }
    zones
}

fn is_node(node: &Endpoint, backend: &Backend) -> bool {
    match &backend.kind {
        Kind::Active { nodes } => nodes.contains(node),
        // The zones are not used.
        Kind::Fixed { .. } | Kind::Sentinel { .. } | Kind::Cluster { .. } => true,
    }
}

/// Checks that `zone` and `zones` come together: one without the other brings no node nearer.
fn check_zones(section: &Section<'_>) {
    match (section.has("zone"), section.has("zones")) {
        (false, true) => {
            section.fault("zones", "do not say where the proxy is; allowed: together with zone");
        }
        (true, false) => {
            section.fault("zone", "does not say where the nodes are; allowed: together with zones");
        }
        (true, true) | (false, false) => {}
    }
}

fn sampler(section: Section<'_>) -> SamplerSettings {
    let most = MOST_KEYS_PER_SECOND as usize;
    let keys = section.integer("keys_per_second", 0, ..=most, "0 (off) to 10000");
    let settle = section.duration("settle", Duration::from_secs(10));
    if settle.is_zero() {
        let what = format!(
            "\"0s\" would take every write on its way for a difference; allowed: {}, more than 0",
            units::DURATION_ALLOWED
        );
        section.fault("settle", what);
    }
    section.finish();
    SamplerSettings { keys_per_second: u32::try_from(keys).unwrap_or(MOST_KEYS_PER_SECOND), settle }
}
