//! Checks that the dashboard asks only for metrics that `/metrics` has.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may speak")]

use std::collections::BTreeSet;

use serde_json::Value;

const DASHBOARD: &str = include_str!("../grafana/dashboard.json");

/// The suffixes of a histogram's name in the text format.
const HISTOGRAM_PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).expect("the dashboard is JSON")
}

/// Collects every query: of panels, variables and annotations.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(query) if ["expr", "query", "definition"].contains(&key.as_str()) => {
                        found.push(query.clone());
                    }
                    _ => queries(field, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn all_queries() -> Vec<String> {
    let mut found = Vec::new();
    queries(&dashboard(), &mut found);
    found
}

/// Returns the words of a query that look like a metric of the proxy or of the process.
fn metrics_in(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("tideover_") || word.starts_with("process_"))
}

fn without_part(metric: &str) -> &str {
    HISTOGRAM_PARTS.iter().find_map(|part| metric.strip_suffix(part)).unwrap_or(metric)
}

#[test]
fn every_query_names_a_metric_that_exists() {
    let names: BTreeSet<String> = tideover::metrics::names().into_iter().collect();
    for query in all_queries() {
        for metric in metrics_in(&query) {
            let known = names.contains(metric) || names.contains(without_part(metric));
            assert!(known, "{metric} of the query {query}");
        }
    }
}

#[test]
fn every_metric_of_the_proxy_is_on_the_dashboard() {
    let queries = all_queries();
    let asked: BTreeSet<&str> = queries.iter().flat_map(|query| metrics_in(query)).collect();
    let shown: BTreeSet<&str> = asked.iter().flat_map(|metric| [*metric, without_part(metric)]).collect();
    let own = tideover::metrics::names().into_iter().filter(|name| name.starts_with("tideover_"));
    let forgotten: Vec<String> = own.filter(|name| !shown.contains(name.as_str())).collect();
    assert!(forgotten.is_empty(), "not on the dashboard: {forgotten:?}");
}

#[test]
fn every_panel_asks_something_and_has_a_title_and_an_id_of_its_own() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()), "{panel}");
        assert!(ids.insert(panel["id"].as_u64()), "two panels have the id {}", panel["id"]);
        if panel["type"] != "row" {
            let targets = panel["targets"].as_array().expect("targets");
            assert!(
                targets.iter().any(|target| metrics_in(target["expr"].as_str().unwrap_or("")).count() > 0)
            );
        }
    }
}
