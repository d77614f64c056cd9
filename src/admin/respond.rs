//! Answers an admin request from the present state of the process.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response, StatusCode};

use super::route::{Action, Route, route};
use super::view::{self, ProxyJson, TopologyJson};
use super::{AdminState, ProxyStatus};
use crate::metrics::proxy::{NodeSample, ShardSample};
use crate::metrics::registry;
use crate::topology::diagnosis::Finding;
use crate::topology::differences::Difference;
use crate::topology::ready::missing;
use crate::topology::{Shard, shape};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

const PAGE: &str = include_str!("page.html");

/// The page loads nothing from elsewhere and may connect to this process only.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:",
);

/// Answers one request. A body is never read.
pub(super) fn respond(state: &AdminState, method: &Method, path: &str) -> Response<Full<Bytes>> {
    match route(method, path) {
        Route::Page => page(),
        Route::Metrics => metrics(state),
        Route::Healthz => answer(StatusCode::OK, TEXT, "ok\n"),
        Route::Readyz => readyz(state),
        Route::Topology => topology(state),
        Route::Config => answer(StatusCode::OK, TEXT, state.config.clone()),
        Route::Reload => not_available("reload"),
        Route::Control { proxy, action } => control(state, &proxy, action),
        Route::NotFound => answer(StatusCode::NOT_FOUND, TEXT, "no such page\n"),
        Route::WrongMethod { allow } => wrong_method(allow),
    }
}

fn page() -> Response<Full<Bytes>> {
    let mut response = answer(StatusCode::OK, HTML, PAGE);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response
}

fn metrics(state: &AdminState) -> Response<Full<Bytes>> {
    state.proxies.iter().for_each(refresh);
    match registry::render(&state.registry) {
        Ok(text) => answer(StatusCode::OK, prometheus::TEXT_FORMAT, text),
        Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("metrics: {error}\n")),
    }
}

/// Answers `/readyz` with a line for each proxy that is not ready; if all are, with a line for each warning.
fn readyz(state: &AdminState) -> Response<Full<Bytes>> {
    let waiting = state.proxies.iter().filter_map(|proxy| {
        let missing = missing(&proxy.cell.load(), &proxy.events.diagnosis.load())?;
        Some(format!("{}: {missing}\n", proxy.name))
    });
    let waiting: String = waiting.collect();
    if waiting.is_empty() {
        let warnings: String = state.proxies.iter().map(warnings).collect();
        answer(StatusCode::OK, TEXT, format!("ready\n{warnings}"))
    } else {
        answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, waiting)
    }
}

fn warnings(proxy: &ProxyStatus) -> String {
    let line = |finding: &Finding| format!("{}: warning: {finding}\n", proxy.name);
    proxy.events.diagnosis.load().warnings().map(line).collect()
}

fn topology(state: &AdminState) -> Response<Full<Bytes>> {
    let body = TopologyJson { proxies: state.proxies.iter().map(proxy).collect() };
    match serde_json::to_string(&body) {
        Ok(json) => answer(StatusCode::OK, JSON, json),
        Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("topology: {error}\n")),
    }
}

/// Copies the state that discovery publishes to the metrics.
fn refresh(proxy: &ProxyStatus) {
    let log = proxy.events.snapshot();
    proxy.metrics.set_topology(proxy.cell.load().generation, log.changes);
    proxy.metrics.set_failovers(log.failovers);
    for outage in proxy.events.take_outages() {
        proxy.metrics.observe_outage(outage);
    }
    let nodes = proxy.events.health.load();
    let differences = proxy.events.differences.load();
    let samples = nodes.iter().map(|node| NodeSample {
        endpoint: node.endpoint.clone(),
        role: node.role,
        up: node.state.serves(),
        rtt: node.rtt,
        lag: node.lag,
        differences: differences.get(&node.endpoint).map(Difference::counts).unwrap_or_default(),
    });
    proxy.metrics.set_nodes(samples.collect());
    let topology = proxy.cell.load().with_health(&nodes);
    proxy.metrics.set_shards(topology.shown().map(shard_sample).collect());
    proxy.metrics.set_discovery_connections(proxy.events.connections.snapshot());
}

fn shard_sample((index, shard): (u16, &Shard)) -> ShardSample {
    let owned = |(first, last): &(u16, u16)| u64::from(*last) - u64::from(*first) + 1;
    ShardSample {
        index,
        up: shard.master_node().is_some_and(|master| master.state.serves()),
        slots: shard.slots.iter().map(owned).sum(),
    }
}

fn proxy(status: &ProxyStatus) -> ProxyJson {
    let topology = status.cell.load().with_health(&status.events.health.load());
    let diagnosis = status.events.diagnosis.load();
    ProxyJson {
        name: status.name.clone(),
        kind: status.kind,
        ready: missing(&topology, &diagnosis).is_none(),
        problems: diagnosis.findings().iter().map(Finding::to_string).collect(),
        generation: topology.generation.0,
        clients: status.metrics.clients(),
        held_commands: status.metrics.command_counts().held,
        shards: shape::shards(&topology),
        differences: view::differences(&status.events.differences.load()),
        events: status.events.snapshot().last.iter().map(view::event).collect(),
    }
}

fn control(state: &AdminState, proxy: &str, action: Action) -> Response<Full<Bytes>> {
    if !state.proxies.iter().any(|status| status.name == proxy) {
        return answer(StatusCode::NOT_FOUND, TEXT, "no proxy of this name\n");
    }
    match action {
        Action::Pause => not_available("pause"),
        Action::Resume => not_available("resume"),
        Action::Switchover => not_available("switchover"),
    }
}

fn not_available(what: &str) -> Response<Full<Bytes>> {
    answer(StatusCode::NOT_IMPLEMENTED, TEXT, format!("{what}: not available yet\n"))
}

fn wrong_method(allow: &'static str) -> Response<Full<Bytes>> {
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, format!("this page takes {allow}\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
