//! Reads `face` and `announce` of `[proxy.clients]`: the kind of deployment that clients see, and its addresses.

use std::net::IpAddr;

use super::fault::quoted;
use super::section::Section;
use super::show::word;
use super::{FaceKind, Listen, address};
use crate::topology::Endpoint;

pub(super) const FACES: [(&str, FaceKind); 3] =
    [("standalone", FaceKind::Standalone), ("cluster", FaceKind::Cluster), ("sentinel", FaceKind::Sentinel)];

/// Most addresses: as the face of a cluster shares the slots among them, this leaves at least 16 slots to each.
const MOST: usize = 1000;

/// Reads both keys, as a face that tells addresses needs one to which clients can connect.
pub(super) fn face(section: &Section<'_>, listen: &[Listen]) -> (FaceKind, Vec<Endpoint>) {
    let face = section.choice("face", &FACES, FaceKind::Standalone);
    if section.node("announce").is_some() {
        return (face, announced(section));
    }
    let (own, hidden) = dialable(listen);
    let word = word(&FACES, face);
    match hidden {
        // Clients that ask for addresses cannot use a listener without an address that others can connect to.
        Some(hidden) if face != FaceKind::Standalone => section.fault(
            "face",
            format!(
                "\"{word}\" tells clients where to connect, and {hidden} is nothing to connect to; allowed: together \
                 with announce, such as [\"10.0.0.5:6380\"]"
            ),
        ),
        Some(_) | None => {}
    }
    (face, own)
}

fn announced(section: &Section<'_>) -> Vec<Endpoint> {
    let mut found = Vec::new();
    for text in section.list("announce", address::ENDPOINT_ALLOWED) {
        let what = match address::endpoint(&text.value, None) {
            Some(endpoint) if is_wildcard(&endpoint) => "is no address that clients can connect to",
            Some(endpoint) if found.contains(&endpoint) => "is listed twice",
            Some(endpoint) => {
                found.push(endpoint);
                continue;
            }
            None => "is not an address",
        };
        let allowed = address::ENDPOINT_ALLOWED;
        section.fault_at(
            &text.place,
            "announce",
            format!("{} {what}; allowed: {allowed}", quoted(&text.value)),
        );
    }
    if found.len() > MOST {
        section.fault("announce", format!("{} addresses; allowed: 1 to {MOST}", found.len()));
    }
    found
}

/// Returns the addresses of the listeners to which others can connect, and a listener for the fault if these are not
/// enough: the first TCP listener that has no such address, or the first of all if none has.
fn dialable(listen: &[Listen]) -> (Vec<Endpoint>, Option<String>) {
    let (mut own, mut hidden) = (Vec::new(), None);
    for listener in listen {
        let Listen::Tcp(text) = listener else { continue };
        // Port 0 is no endpoint.
        match address::endpoint(text, None).filter(|endpoint| !is_wildcard(endpoint)) {
            Some(endpoint) => own.push(endpoint),
            None => hidden = hidden.or_else(|| Some(text.clone())),
        }
    }
    if own.is_empty() {
        hidden = hidden.or_else(|| listen.first().map(ToString::to_string));
    }
    (own, hidden)
}

fn is_wildcard(endpoint: &Endpoint) -> bool {
    endpoint.host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_told_as_far_as_they_can_be_dialled() {
        type Case<'a> = (&'a [&'a str], &'a [&'a str], Option<&'a str>);
        let cases: [Case<'_>; 8] = [
            (&["127.0.0.1:6380"], &["127.0.0.1:6380"], None),
            (&["[::1]:6380", "proxy.internal:1"], &["[::1]:6380", "proxy.internal:1"], None),
            (&["127.0.0.1:6380", "unix:/a"], &["127.0.0.1:6380"], None),
            (&["unix:/a"], &[], Some("unix:/a")),
            (&["0.0.0.0:6380"], &[], Some("0.0.0.0:6380")),
            (&["127.0.0.1:6380", "[::]:6381"], &["127.0.0.1:6380"], Some("[::]:6381")),
            (&["127.0.0.1:0"], &[], Some("127.0.0.1:0")),
            (&[], &[], None),
        ];
        for (texts, expected, hidden) in cases {
            let listen: Vec<Listen> = texts.iter().filter_map(|text| address::listen(text)).collect();
            let (own, found) = dialable(&listen);
            let own: Vec<String> = own.iter().map(ToString::to_string).collect();
            assert_eq!(own, expected, "{texts:?}");
            assert_eq!(found.as_deref(), hidden, "{texts:?}");
        }
    }
}
