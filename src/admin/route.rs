//! Parses method and path of an admin request into a [`Route`].

use std::borrow::Cow;

use hyper::Method;
use percent_encoding::percent_decode_str;

/// Every answer that the admin listener can give.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Page,
    Metrics,
    Healthz,
    Readyz,
    Topology,
    Config,
    Reload,
    Control {
        proxy: Cow<'a, str>,
        action: Action,
    },
    NotFound,
    /// The path exists but takes only these methods.
    WrongMethod {
        allow: &'static str,
    },
}

/// An action on one proxy that an operator can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Pause,
    Resume,
    Switchover,
}

/// Returns the route of a request: `NotFound` for an unknown path, `WrongMethod` for a known one with another method.
pub(super) fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    let Some(found) = find(path) else { return Route::NotFound };
    let posts = matches!(found, Route::Reload | Route::Control { .. });
    match (posts, method) {
        (true, &Method::POST) | (false, &Method::GET | &Method::HEAD) => found,
        (true, _) => Route::WrongMethod { allow: "POST" },
        (false, _) => Route::WrongMethod { allow: "GET, HEAD" },
    }
}

fn find(path: &str) -> Option<Route<'_>> {
    Some(match path {
        "/" => Route::Page,
        "/metrics" => Route::Metrics,
        "/healthz" => Route::Healthz,
        "/readyz" => Route::Readyz,
        "/topology" => Route::Topology,
        "/config" => Route::Config,
        "/reload" => Route::Reload,
        _ => return find_control(path),
    })
}

/// Parses `/proxies/NAME/ACTION`; the name may be percent-encoded.
fn find_control(path: &str) -> Option<Route<'_>> {
    let (name, action) = path.strip_prefix("/proxies/")?.split_once('/')?;
    let action = match action {
        "pause" => Action::Pause,
        "resume" => Action::Resume,
        "switchover" => Action::Switchover,
        _ => return None,
    };
    let proxy = percent_decode_str(name).decode_utf8().ok()?;
    (!proxy.is_empty()).then_some(Route::Control { proxy, action })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(proxy: &str, action: Action) -> Route<'_> {
        Route::Control { proxy: proxy.into(), action }
    }

    #[test]
    fn a_request_finds_its_route() {
        let reads = Route::WrongMethod { allow: "GET, HEAD" };
        let posts = || Route::WrongMethod { allow: "POST" };
        let table = [
            (Method::GET, "/", Route::Page),
            (Method::GET, "/metrics", Route::Metrics),
            (Method::HEAD, "/healthz", Route::Healthz),
            (Method::GET, "/readyz", Route::Readyz),
            (Method::GET, "/topology", Route::Topology),
            (Method::GET, "/config", Route::Config),
            (Method::POST, "/reload", Route::Reload),
            (Method::POST, "/proxies/sessions/pause", control("sessions", Action::Pause)),
            (Method::POST, "/proxies/my%20cache/resume", control("my cache", Action::Resume)),
            (Method::POST, "/proxies/sessions/switchover", control("sessions", Action::Switchover)),
            (Method::POST, "/metrics", reads),
            (Method::GET, "/reload", posts()),
            (Method::DELETE, "/proxies/sessions/pause", posts()),
            (Method::GET, "/metrics/", Route::NotFound),
            (Method::GET, "", Route::NotFound),
            (Method::POST, "/proxies//pause", Route::NotFound),
            (Method::POST, "/proxies/sessions/flush", Route::NotFound),
            (Method::POST, "/proxies/sessions/pause/now", Route::NotFound),
            (Method::POST, "/proxies/%ff/pause", Route::NotFound),
            (Method::GET, "/../etc/passwd", Route::NotFound),
        ];
        for (method, path, expected) in table {
            assert_eq!(route(&method, path), expected, "{method} {path}");
        }
    }
}
