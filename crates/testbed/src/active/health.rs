//! The health of an active node, read from its INFO: whether it serves and is linked with all of its peers.

/// Returns an error unless a node serves and has links in both directions to this number of peers, which is 0 without replication.
pub(super) fn is_whole(info: &str, peers: usize) -> Result<(), String> {
    let mut wanted = vec![("loading".to_owned(), "0".to_owned())];
    if peers > 0 {
        wanted.push(("master_global_link_status".to_owned(), "up".to_owned()));
        wanted.push(("connected_masters".to_owned(), peers.to_string()));
        wanted.push(("connected_slaves".to_owned(), peers.to_string()));
    }
    for (name, value) in wanted {
        let found = field(info, &name).unwrap_or("missing");
        if found != value {
            return Err(format!("{name} is {found}, not {value}"));
        }
    }
    match fields(info).find(|(name, value)| name.ends_with("_sync_in_progress") && *value != "0") {
        Some((name, _)) => Err(format!("{name} is not over")),
        None => Ok(()),
    }
}

fn field<'a>(info: &'a str, wanted: &str) -> Option<&'a str> {
    fields(info).find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

fn fields(info: &str) -> impl Iterator<Item = (&str, &str)> {
    info.lines().filter_map(|line| line.split_once(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INFO of KeyDB 6.3.4, shortened.
    const HEALTHY: &str = "# Persistence\r\nloading:0\r\n\r\n# Replication\r\nrole:active-replica\r\n\
        master_global_link_status:up\r\nconnected_masters:2\r\nmaster_host:127.0.0.1\r\nmaster_link_status:up\r\n\
        master_sync_in_progress:0\r\nmaster_1_host:127.0.0.1\r\nmaster_1_sync_in_progress:0\r\nconnected_slaves:2\r\n";

    #[test]
    fn a_node_is_whole_when_it_serves_and_every_link_is_up() {
        let cases = [
            ("loading:0", "loading:0", true),
            ("loading:0", "loading:1", false),
            ("global_link_status:up", "global_link_status:down", false),
            ("connected_masters:2", "connected_masters:1", false),
            ("connected_slaves:2", "connected_slaves:1", false),
            ("master_1_sync_in_progress:0", "master_1_sync_in_progress:1", false),
        ];
        for (old, new, whole) in cases {
            let info = HEALTHY.replace(old, new);
            assert_eq!(is_whole(&info, 2).is_ok(), whole, "{new}: {:?}", is_whole(&info, 2));
        }
    }

    #[test]
    fn a_node_that_stands_alone_needs_no_links() {
        assert_eq!(is_whole("loading:0\r\nrole:master\r\nconnected_slaves:0\r\n", 0), Ok(()));
        assert!(is_whole("", 0).is_err());
    }
}
