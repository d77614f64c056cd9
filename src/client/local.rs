//! The answers that the proxy gives from the session and the command table, without a node.

use crate::command::{self, ClientCommand, ClusterCommand, Local};
use crate::face::Face;
use crate::resp::reply::{self, Proto};
use crate::resp::request::Request;

use super::Client;
use super::listing::facts::ClientFacts;
use super::session::ReplyMode;
use super::session_change::checked_name;
use super::tracking;

/// Writes the reply to `local` and changes the session as the command says. The caller carries out QUIT and RESET,
/// which concern more than the session.
///
/// Possible outcomes: the reply; an error in a server's words; nothing at all (CLIENT REPLY OFF and SKIP).
pub(crate) fn answer(
    client: &mut Client,
    face: &Face,
    local: Local,
    request: &Request<'_>,
    now: u64,
    out: &mut Vec<u8>,
) {
    let proto = client.session.proto;
    match local {
        Local::Ping => ping(client, request, out),
        Local::Echo => reply::bulk(out, request.arg(1).unwrap_or_default()),
        Local::Quit => reply::simple(out, "OK"),
        Local::Reset => reply::simple(out, "RESET"),
        Local::Command => command::command_reply(request, face.is_of_one_node(), proto, out),
        Local::Role => role(out),
        Local::Client(sub) => client_command(client, sub, request, now, out),
        Local::Cluster(command) => {
            if matches!(command, ClusterCommand::ReadOnly | ClusterCommand::ReadWrite) {
                client.session.reads_of_master = command == ClusterCommand::ReadWrite;
            }
            face.cluster(command, request, proto, out);
        }
        Local::Sentinel => face.sentinel(request, proto, out),
        // The core answers these, as other workers have a part in them.
        Local::Clients(_) | Local::Monitor => {}
        Local::UnknownSubcommand => reply::error(out, "ERR unknown subcommand"),
    }
}

fn ping(client: &Client, request: &Request<'_>, out: &mut Vec<u8>) {
    let is_confined = client.session.proto == Proto::Resp2 && client.is_subscriber();
    match request.arg(1) {
        _ if request.len() > 2 => reply::error(out, "ERR wrong number of arguments for 'ping' command"),
        message if is_confined => {
            reply::array(out, 2);
            reply::bulk(out, b"pong");
            reply::bulk(out, message.unwrap_or_default());
        }
        None => reply::simple(out, "PONG"),
        Some(message) => reply::bulk(out, message),
    }
}

/// Writes the reply to ROLE: one master without replicas, and no address that would lead past the proxy.
fn role(out: &mut Vec<u8>) {
    reply::array(out, 3);
    reply::bulk(out, b"master");
    reply::integer(out, 0);
    reply::array(out, 0);
}

fn client_command(
    client: &mut Client,
    sub: ClientCommand,
    request: &Request<'_>,
    now: u64,
    out: &mut Vec<u8>,
) {
    match sub {
        ClientCommand::Id => reply::integer(out, i64::try_from(client.public_id).unwrap_or(i64::MAX)),
        ClientCommand::SetName => match checked_name(request.arg(2).unwrap_or_default()) {
            Ok(name) => {
                client.session.name = name;
                reply::simple(out, "OK");
            }
            Err(error) => reply::error(out, error),
        },
        ClientCommand::GetName if client.session.name.is_empty() => reply::null(out, client.session.proto),
        ClientCommand::GetName => reply::bulk(out, &client.session.name),
        ClientCommand::SetInfo => set_info(client, request, out),
        ClientCommand::Info => info(client, request, now, out),
        ClientCommand::Reply => reply_mode(client, request, out),
        ClientCommand::NoEvict => {
            client.session.no_evict = switch(request, out).unwrap_or(client.session.no_evict)
        }
        ClientCommand::Caching => tracking::caching(client.session.tracking.as_deref_mut(), request, out),
        ClientCommand::GetRedir => {
            reply::integer(out, tracking::redirect(client.session.tracking.as_deref()))
        }
        ClientCommand::TrackingInfo => {
            tracking::info(client.session.tracking.as_deref(), client.session.proto, out);
        }
        ClientCommand::Capa => {
            client.session.follows_redirects |=
                request.args().skip(2).any(|capa| capa.eq_ignore_ascii_case(b"redirect"));
            reply::simple(out, "OK");
        }
    }
}

fn set_info(client: &mut Client, request: &Request<'_>, out: &mut Vec<u8>) {
    let value = request.arg(3).unwrap_or_default();
    let target = match request.arg(2).unwrap_or_default().to_ascii_uppercase().as_slice() {
        b"LIB-NAME" => &mut client.session.library,
        b"LIB-VER" => &mut client.session.library_version,
        other => {
            return reply::error(
                out,
                &format!("ERR Unrecognized option '{}'", String::from_utf8_lossy(other)),
            );
        }
    };
    match checked_name(value) {
        Ok(value) => {
            *target = value;
            reply::simple(out, "OK");
        }
        Err(_) => reply::error(
            out,
            "ERR lib-name and lib-ver cannot contain spaces, newlines or special characters.",
        ),
    }
}

fn info(client: &Client, request: &Request<'_>, now: u64, out: &mut Vec<u8>) {
    let mut line = String::new();
    // A client that is blocked asks nothing.
    let mut facts = ClientFacts::of(client, now, false, false);
    facts.input += request.raw().len();
    facts.line(&mut line);
    reply::text(out, &line, client.session.proto);
}

/// Reads ON or OFF. `None`: the error is written.
fn switch(request: &Request<'_>, out: &mut Vec<u8>) -> Option<bool> {
    let turned = match request.arg(2).unwrap_or_default().to_ascii_lowercase().as_slice() {
        b"on" => Some(true),
        b"off" => Some(false),
        _ => None,
    };
    match turned {
        Some(_) => reply::simple(out, "OK"),
        None => reply::error(out, "ERR syntax error"),
    }
    turned
}

fn reply_mode(client: &mut Client, request: &Request<'_>, out: &mut Vec<u8>) {
    match request.arg(2).unwrap_or_default().to_ascii_uppercase().as_slice() {
        b"ON" => {
            client.session.reply_mode = ReplyMode::On;
            reply::simple(out, "OK");
        }
        b"OFF" => client.session.reply_mode = ReplyMode::Off,
        b"SKIP" if client.session.reply_mode == ReplyMode::Off => {}
        b"SKIP" => client.session.reply_mode = ReplyMode::SkipNext,
        _ => reply::error(out, "ERR syntax error"),
    }
}

/// Writes the reply to HELLO: the server and version of the node, presented as one master without replicas. `mode` is
/// that of the face.
pub(crate) fn hello(client: &Client, mode: &str, node_reply: &[u8], out: &mut Vec<u8>) {
    let proto = client.session.proto;
    let version = bulk_after(node_reply, b"version").unwrap_or(b"7.0.0");
    let server = bulk_after(node_reply, b"server").unwrap_or(b"redis");
    reply::map(out, 7, proto);
    for (key, value) in [(&b"server"[..], server), (b"version", version)] {
        reply::bulk(out, key);
        reply::bulk(out, value);
    }
    reply::bulk(out, b"proto");
    reply::integer(out, if proto == Proto::Resp3 { 3 } else { 2 });
    reply::bulk(out, b"id");
    reply::integer(out, i64::try_from(client.public_id).unwrap_or(i64::MAX));
    for (key, value) in [(&b"mode"[..], mode.as_bytes()), (b"role", b"master")] {
        reply::bulk(out, key);
        reply::bulk(out, value);
    }
    reply::bulk(out, b"modules");
    reply::array(out, 0);
}

/// Returns the bulk string behind the bulk string `key`. This simple search is enough for the flat strings of a HELLO reply.
fn bulk_after<'a>(frame: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let mut lines = frame.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    lines.find(|line| *line == key)?;
    lines.nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientEnds;
    use crate::ids::ClientId;

    #[test]
    fn hello_shows_the_version_of_the_node_and_hides_its_replicas() {
        let mut client = Client::new(ClientId { slot: 0, generation: 0 }, 9, ClientEnds::default(), 0);
        client.session.proto = Proto::Resp3;
        let node = b"*6\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n9.1.2\r\n$4\r\nrole\r\n$7\r\nreplica\r\n";
        let mut out = Vec::new();
        hello(&client, "cluster", node, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.starts_with("%7\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n9.1.2\r\n"),
            "{text}"
        );
        assert!(text.contains("$4\r\nmode\r\n$7\r\ncluster\r\n"), "{text}");
        assert!(text.contains("$4\r\nrole\r\n$6\r\nmaster\r\n") && text.contains(":9\r\n"), "{text}");
    }

    #[test]
    fn readwrite_is_remembered_until_readonly() {
        let mut client = Client::new(ClientId { slot: 0, generation: 0 }, 9, ClientEnds::default(), 0);
        let request = Request::new(b"", &[]);
        for (command, asked) in [
            (ClusterCommand::ReadWrite, true),
            (ClusterCommand::Asking, true),
            (ClusterCommand::ReadOnly, false),
        ] {
            let local = Local::Cluster(command);
            answer(&mut client, &Face::plain(), local, &request, 0, &mut Vec::new());
            assert_eq!(client.session.reads_of_master, asked, "{command:?}");
        }
    }
}
