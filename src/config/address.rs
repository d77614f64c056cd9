//! Parses the addresses in a config: nodes to connect to, and addresses to listen on.

use std::net::IpAddr;
use std::path::PathBuf;

use super::Listen;
use crate::topology::Endpoint;

pub(super) const ENDPOINT_ALLOWED: &str =
    r#"host:port, with an IPv6 host in brackets, such as "10.0.0.5:6379""#;
pub(super) const LISTEN_ALLOWED: &str =
    r#"address:port such as "127.0.0.1:6380" or "[::1]:6380", or a socket such as "unix:/run/tideover.sock""#;

/// Parses a node; `default_port` is for a text that names no port. `None`: not an endpoint.
pub(super) fn endpoint(text: &str, default_port: Option<u16>) -> Option<Endpoint> {
    let (host, port) = split(text)?;
    let port = port.map_or(default_port, |port| port.parse().ok())?;
    (port > 0).then(|| Endpoint::new(host, port))
}

/// Parses an address to listen on; port 0 stands for any free port. `None`: not such an address.
pub(super) fn listen(text: &str) -> Option<Listen> {
    if let Some(path) = text.strip_prefix("unix:") {
        return path.starts_with('/').then(|| Listen::Unix(PathBuf::from(path)));
    }
    tcp(text).map(Listen::Tcp)
}

/// Parses a TCP address and returns its canonical form, in which equal addresses are equal texts.
pub(super) fn tcp(text: &str) -> Option<String> {
    let (host, port) = split(text)?;
    let port: u16 = port?.parse().ok()?;
    let host = host.parse::<IpAddr>().map_or_else(|_| host.to_ascii_lowercase(), |ip| ip.to_string());
    Some(Endpoint::new(&host, port).to_string())
}

/// Returns true if only this machine can reach the listener.
pub(super) fn is_local(listen: &Listen) -> bool {
    let Listen::Tcp(address) = listen else { return true };
    split(address).is_some_and(|(host, _)| match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => host == "localhost",
    })
}

/// Splits host and port. Brackets are removed; they may enclose an IPv6 address only.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return if rest.is_empty() {
            Some((host, None))
        } else {
            Some((host, Some(rest.strip_prefix(':')?)))
        };
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!host.is_empty() && host.chars().all(fits)).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_host_and_port() {
        let cases = [
            ("127.0.0.1:6379", Some("127.0.0.1:6379")),
            ("redis-1.internal:7000", Some("redis-1.internal:7000")),
            ("redis", Some("redis:6379")),
            ("[::1]:7000", Some("[::1]:7000")),
            ("[::1]", Some("[::1]:6379")),
            ("::1", None),
            ("[::1", None),
            ("[10.0.0.1]:1", None),
            ("[::1]7000", None),
            ("", None),
            (":6379", None),
            ("host:", None),
            ("host:0", None),
            ("host:65536", None),
            ("host:6379x", None),
            ("ho st:1", None),
            ("host/0:1", None),
            ("user@host:1", None),
        ];
        for (text, expected) in cases {
            let found = endpoint(text, Some(6379)).map(|endpoint| endpoint.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
        assert_eq!(endpoint("redis", None), None);
    }

    #[test]
    fn listen_addresses_are_tcp_or_unix() {
        let tcp = |address: &str| Some(Listen::Tcp(address.to_owned()));
        let cases = [
            ("127.0.0.1:6380", tcp("127.0.0.1:6380")),
            ("[0:0::1]:6380", tcp("[::1]:6380")),
            ("LocalHost:0", tcp("localhost:0")),
            ("unix:/run/t.sock", Some(Listen::Unix("/run/t.sock".into()))),
            ("unix:run/t.sock", None),
            ("unix:", None),
            ("6380", None),
            (":6380", None),
            ("127.0.0.1", None),
            ("127.0.0.1:70000", None),
        ];
        for (text, expected) in cases {
            assert_eq!(listen(text), expected, "{text}");
        }
    }

    #[test]
    fn loopback_and_unix_sockets_are_local() {
        let cases = [
            ("127.0.0.1:1", true),
            ("127.8.8.8:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("localhost:1", true),
            ("unix:/a", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("10.0.0.1:1", false),
            ("localhost.example.com:1", false),
        ];
        for (text, expected) in cases {
            assert_eq!(listen(text).map(|listen| is_local(&listen)), Some(expected), "{text}");
        }
    }
}
