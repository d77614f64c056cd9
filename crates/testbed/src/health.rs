//! Is a deployment whole? Read from what nodes and sentinels answer; asks nothing itself.

use std::net::SocketAddr;

use super::client::Reply;

/// What a sentinel must know before a master may be killed.
pub(crate) struct Knowledge {
    pub(crate) master: SocketAddr,
    pub(crate) replicas: usize,
    pub(crate) sentinels: usize,
}

impl Knowledge {
    /// `SENTINEL MASTER`
    pub(crate) fn master_entry(&self, entry: &Reply) -> Result<(), String> {
        let wanted = [
            ("ip", self.master.ip().to_string()),
            ("port", self.master.port().to_string()),
            ("flags", "master".to_owned()),
            ("num-slaves", self.replicas.to_string()),
            ("num-other-sentinels", self.sentinels.saturating_sub(1).to_string()),
        ];
        wanted.iter().try_for_each(|(name, value)| field_is(entry, name, value))
    }

    /// `SENTINEL REPLICAS`
    pub(crate) fn replica_entries(&self, entries: &Reply) -> Result<(), String> {
        entries.elements().iter().try_for_each(|entry| {
            field_is(entry, "flags", "slave")?;
            field_is(entry, "master-link-status", "ok")?;
            field_is(entry, "master-port", &self.master.port().to_string())
        })
    }
}

fn field_is(entry: &Reply, name: &str, wanted: &str) -> Result<(), String> {
    let value = entry.field(name).unwrap_or_default();
    if value == wanted { Ok(()) } else { Err(format!("{name} is {value}, not {wanted}")) }
}

/// `ROLE` of a master is `[master, offset, [replicas online]]`, of a replica `[slave, host, port, link, offset]`.
pub(crate) fn role_fits(
    role: &Reply,
    is_master: bool,
    master: SocketAddr,
    replicas: usize,
) -> Result<(), String> {
    let parts = role.elements();
    if is_master {
        let online = parts.get(2).map_or(0, |list| list.elements().len());
        return if online == replicas {
            Ok(())
        } else {
            Err(format!("{online} of {replicas} replicas are online"))
        };
    }
    let link = parts.get(3).and_then(Reply::text).unwrap_or_default();
    if parts.get(2) != Some(&Reply::Integer(i64::from(master.port()))) || link != "connected" {
        return Err(format!("it does not follow {master} yet, link: {link}"));
    }
    Ok(())
}

pub(crate) fn first_text(reply: &Reply) -> String {
    reply.elements().first().and_then(Reply::text).unwrap_or_default()
}

pub(crate) fn parse_address(reply: &Reply) -> Option<SocketAddr> {
    match reply.elements() {
        [host, port] => format!("{}:{}", host.text()?, port.text()?).parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.into())
    }

    #[test]
    fn a_role_fits_only_when_the_links_are_up() {
        let master = SocketAddr::from((Ipv4Addr::LOCALHOST, 7001));
        let replica = |link: &str, port: i64| {
            Reply::Array(vec![
                bulk("slave"),
                bulk("127.0.0.1"),
                Reply::Integer(port),
                bulk(link),
                Reply::Integer(9),
            ])
        };
        let of_master = |online: usize| {
            let list = Reply::Array(vec![Reply::Array(Vec::new()); online]);
            Reply::Array(vec![bulk("master"), Reply::Integer(9), list])
        };
        assert!(role_fits(&replica("connected", 7001), false, master, 2).is_ok());
        assert!(role_fits(&replica("sync", 7001), false, master, 2).is_err());
        assert!(role_fits(&replica("connected", 7002), false, master, 2).is_err());
        assert!(role_fits(&of_master(2), true, master, 2).is_ok());
        assert!(role_fits(&of_master(1), true, master, 2).is_err());
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let pair = Reply::Array(vec![bulk("127.0.0.1"), bulk("7001")]);
        assert_eq!(parse_address(&pair), Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 7001))));
        assert_eq!(parse_address(&Reply::Nil), None);
    }
}
