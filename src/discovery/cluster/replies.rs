//! Parses the replies of cluster nodes into plain values. A line that cannot be parsed is left out.

use std::fmt;

use crate::resp::value::Value;
use crate::topology::{ConfigEpoch, SLOTS};

/// The id by which the cluster knows a node, whatever its address: 40 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId([u8; 20]);

impl NodeId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut id = [0; 20];
        if text.len() != 40 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
        }
        Some(NodeId(id))
    }
}

impl fmt::Debug for NodeId {
    /// Shows the first digits, which tell nodes apart well enough.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One line of `CLUSTER NODES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeLine {
    pub(super) id: NodeId,
    pub(super) myself: bool,
    /// The IP address. Empty: that of the host that was asked.
    pub(super) ip: String,
    pub(super) hostname: Option<String>,
    pub(super) port: u16,
    pub(super) role: LineRole,
    pub(super) mark: PeerMark,
    /// The config epoch; for a replica that of its master.
    pub(super) epoch: ConfigEpoch,
    pub(super) slots: Vec<(u16, u16)>,
    /// True if slots are being moved to the node. A node says so only of itself.
    pub(super) importing: bool,
}

/// The role of a node in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineRole {
    Master,
    Replica(Option<NodeId>),
}

/// The opinion of the node that was asked about the other node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerMark {
    Fine,
    /// `fail?`: the node that was asked suspects the other one.
    Suspected,
    /// `fail`: a majority of the masters agreed.
    Failed,
    /// `noaddr`: no address of this member is known.
    NoAddress,
}

/// Parses the reply to `CLUSTER NODES`, without nodes that are still in the handshake. `None`: it is an error or incomplete.
pub(super) fn nodes(value: &Value) -> Option<Vec<NodeLine>> {
    let lines: Vec<NodeLine> = value.text()?.lines().filter_map(line).collect();
    lines.iter().any(|line| line.myself).then_some(lines)
}

/// Parses a line `id ip:port@cport,hostname flags master ping pong epoch link slot…`.
fn line(text: &str) -> Option<NodeLine> {
    let mut words = text.split_ascii_whitespace();
    let id = NodeId::parse(words.next()?)?;
    let (ip, port, hostname) = address(words.next()?)?;
    let flags = words.next()?;
    let has = |flag: &str| flags.split(',').any(|word| word == flag);
    let master = NodeId::parse(words.next()?);
    let epoch = ConfigEpoch(words.nth(2)?.parse().ok()?);
    words.next()?;
    if has("handshake") {
        return None;
    }
    let mark = match () {
        () if has("noaddr") => PeerMark::NoAddress,
        () if has("fail") => PeerMark::Failed,
        () if has("fail?") => PeerMark::Suspected,
        () => PeerMark::Fine,
    };
    let (open, owned): (Vec<&str>, Vec<&str>) = words.partition(|word| word.starts_with('['));
    Some(NodeLine {
        id,
        myself: has("myself"),
        ip,
        hostname,
        port,
        role: if has("master") { LineRole::Master } else { LineRole::Replica(master) },
        mark,
        epoch,
        slots: owned.into_iter().filter_map(range).collect(),
        importing: open.iter().any(|word| word.contains("-<-")),
    })
}

/// Parses an address. IPv6 has no brackets: the port follows the last colon. A host name or named fields may follow a comma.
fn address(text: &str) -> Option<(String, u16, Option<String>)> {
    let mut parts = text.split(',');
    let ip_and_port = parts.next()?;
    let hostname = parts.next().filter(|name| !name.is_empty() && !name.contains('='));
    let ip_and_port = ip_and_port.split_once('@').map_or(ip_and_port, |(before, _)| before);
    let (ip, port) = ip_and_port.rsplit_once(':')?;
    Some((ip.to_owned(), port.parse().ok()?, hostname.map(str::to_owned)))
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < SLOTS).then_some((first, last))
}

/// The kind of address that clients are meant to use: `cluster-preferred-endpoint-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preference {
    Ip,
    Hostname,
    /// The host that was asked, with the port of the node.
    AskedHost,
}

/// Finds the preference in a reply to `CLUSTER SLOTS`, by the address that it gives to a known node. `None`: it does not tell.
pub(super) fn preference(slots: &Value, lines: &[NodeLine]) -> Option<Preference> {
    let entries = slots.items().iter().flat_map(|range| range.items().iter().skip(2));
    entries.filter_map(|entry| preferred(entry.items(), lines)).next()
}

fn preferred(entry: &[Value], lines: &[NodeLine]) -> Option<Preference> {
    let [host, _, id, ..] = entry else { return None };
    let id = NodeId::parse(id.text()?)?;
    let line = lines.iter().find(|line| line.id == id)?;
    match host.text().unwrap_or_default() {
        "" => Some(Preference::AskedHost),
        "?" => None,
        host if line.hostname.as_deref() == Some(host) => Some(Preference::Hostname),
        _ => Some(Preference::Ip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn text(text: &str) -> Value {
        Value::Text(text.as_bytes().to_vec())
    }

    fn id(text: &str) -> NodeId {
        NodeId::parse(text).unwrap()
    }

    #[test]
    fn addresses_come_in_many_forms() {
        let cases = [
            ("10.0.0.1:7000@17000", Some(("10.0.0.1", 7000, None))),
            ("10.0.0.1:7000@17000,node-1.example", Some(("10.0.0.1", 7000, Some("node-1.example")))),
            ("10.0.0.1:7000@17000,,shard-id=ab", Some(("10.0.0.1", 7000, None))),
            ("10.0.0.1:7000@17000,shard-id=ab", Some(("10.0.0.1", 7000, None))),
            ("2001:db8::1:7000@17000", Some(("2001:db8::1", 7000, None))),
            (":7000@17000", Some(("", 7000, None))),
            ("10.0.0.1:7000", Some(("10.0.0.1", 7000, None))),
            (":0@0", Some(("", 0, None))),
            ("10.0.0.1", None),
            ("10.0.0.1:70000@1", None),
        ];
        for (text, expected) in cases {
            let found = address(text);
            let found = found.as_ref().map(|(ip, port, name)| (ip.as_str(), *port, name.as_deref()));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_line_tells_role_mark_epoch_and_slots() {
        let reply = format!(
            "{A} 127.0.0.1:7000@17000 myself,master - 0 1 7 connected 0-5 9 [93-<-{B}] [7->-{B}]\n\
             {B} 127.0.0.1:7001@17001 slave,fail? {A} 1 1 7 disconnected\n\
             cccccccccccccccccccccccccccccccccccccccc 127.0.0.1:7002@17002 handshake - 1 0 0 connected\n\
             dddddddddddddddddddddddddddddddddddddddd :0@0 master,fail,noaddr - 1 1 3 disconnected 10-11 5-4 x 16384\n\
             garbage\n"
        );
        let found = nodes(&text(&reply)).unwrap();
        assert_eq!(found.len(), 3);
        let parsed =
            |line: &NodeLine| (line.role, line.mark, line.epoch.0, line.slots.clone(), line.importing);
        assert_eq!(parsed(&found[0]), (LineRole::Master, PeerMark::Fine, 7, vec![(0, 5), (9, 9)], true));
        assert_eq!(
            parsed(&found[1]),
            (LineRole::Replica(Some(id(A))), PeerMark::Suspected, 7, vec![], false)
        );
        assert_eq!(parsed(&found[2]), (LineRole::Master, PeerMark::NoAddress, 3, vec![(10, 11)], false));
        assert!(found[0].myself && !found[1].myself);
    }

    #[test]
    fn an_error_or_a_list_without_the_node_itself_is_no_answer() {
        let stranger = format!("{A} 127.0.0.1:7000@17000 master - 0 1 7 connected 0-5\n");
        let cases = [
            Value::Error("ERR This instance has cluster support disabled".into()),
            Value::Nil,
            text(&stranger),
        ];
        for value in cases {
            assert_eq!(nodes(&value), None, "{value:?}");
        }
    }

    #[test]
    fn the_preferred_address_is_read_off_slots() {
        let lines =
            nodes(&text(&format!("{A} 10.0.0.1:7000@17000,n1 myself,master - 0 1 7 connected 0-5\n")));
        let slots = |host: Value, of: &str| {
            let entry = Value::Array(vec![host, Value::Int(7000), text(of), Value::Array(vec![])]);
            Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(5), entry])])
        };
        let cases = [
            (slots(text("10.0.0.1"), A), Some(Preference::Ip)),
            (slots(text("n1"), A), Some(Preference::Hostname)),
            (slots(text(""), A), Some(Preference::AskedHost)),
            (slots(Value::Nil, A), Some(Preference::AskedHost)),
            (slots(text("?"), A), None),
            (slots(text("10.0.0.1"), B), None),
            (Value::Error("NOPERM".into()), None),
        ];
        for (value, expected) in cases {
            assert_eq!(preference(&value, lines.as_deref().unwrap()), expected, "{value:?}");
        }
    }
}
