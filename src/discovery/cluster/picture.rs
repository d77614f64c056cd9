//! Merges the views of several nodes into one picture: the members of the cluster with their endpoints, roles and epochs.
//!
//! Pure and without state. What a node says of itself counts more than what others say of it, unless they know a higher epoch.
//! The views of nodes that no other node knows, or that belong to another cluster, do not count.

use std::collections::{BTreeMap, BTreeSet};

use super::peers::Report;
use super::replies::{LineRole, NodeId, NodeLine, PeerMark, Preference};
use crate::topology::{ConfigEpoch, Endpoint};

/// One member of the cluster, as all views together show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClusterMember {
    pub(super) endpoint: Option<Endpoint>,
    pub(super) role: LineRole,
    pub(super) epoch: ConfigEpoch,
    /// True if most of the views that count call the node failed.
    pub(super) failed: bool,
    /// True if slots are being moved to the node.
    pub(super) importing: bool,
}

/// All members of the cluster by their ids.
pub(super) type Picture = BTreeMap<NodeId, ClusterMember>;

/// The view of a node, and the endpoint at which the node was asked.
pub(super) type PeerReport<'a> = (&'a Endpoint, &'a Report);

/// Returns the views that count. That of a node which the others have forgotten does not, nor that of a node of another cluster
/// that now has an address of ours. `known` are the members so far; it is empty at the start.
pub(super) fn trusted<'a>(reports: &[PeerReport<'a>], known: &BTreeSet<NodeId>) -> Vec<PeerReport<'a>> {
    let related =
        |report: &Report| known.is_empty() || report.lines.iter().any(|line| known.contains(&line.id));
    let related: Vec<PeerReport<'a>> =
        reports.iter().copied().filter(|(_, report)| related(report)).collect();
    let vouched = |me: NodeId| {
        let lists = |report: &Report| report.me != me && report.lines.iter().any(|line| line.id == me);
        related.iter().any(|(_, report)| lists(report))
    };
    let mut seen = BTreeSet::new();
    let vouched: Vec<PeerReport<'a>> = related
        .iter()
        .copied()
        .filter(|(_, report)| vouched(report.me))
        // A node that was asked at two addresses counts once.
        .filter(|(_, report)| seen.insert(report.me))
        .collect();
    // At the start one view is better than none.
    if vouched.is_empty() { related } else { vouched }
}

/// All that the picture depends on besides the views.
pub(super) struct PictureBuilder<'a> {
    /// The picture before: members keep their endpoints if they can.
    pub(super) before: &'a Picture,
    /// The addresses to dial, by the ones that nodes announce.
    pub(super) address_map: &'a BTreeMap<Endpoint, Endpoint>,
    /// Names that do not resolve here.
    pub(super) unresolved: &'a BTreeSet<Endpoint>,
    /// True if enough nodes have reported to decide that a node is no member any more.
    pub(super) may_forget: bool,
}

impl PictureBuilder<'_> {
    /// Merges the views that count.
    pub(super) fn build(&self, trusted: &[PeerReport<'_>]) -> Picture {
        let mut lines: BTreeMap<NodeId, Vec<(PeerReport<'_>, &NodeLine)>> = BTreeMap::new();
        for report in trusted {
            for line in &report.1.lines {
                lines.entry(line.id).or_default().push((*report, line));
            }
        }
        let mut picture = Picture::new();
        for (id, lines) in &lines {
            let remembered = self.before.get(id);
            let listed_enough = lines.len() * 2 >= trusted.len();
            if !listed_enough && (self.may_forget || remembered.is_none()) {
                continue;
            }
            picture.extend(self.member(lines, remembered).map(|member| (*id, member)));
        }
        if !self.may_forget {
            for (id, member) in self.before {
                picture.entry(*id).or_insert_with(|| member.clone());
            }
        }
        picture
    }

    fn member(
        &self,
        lines: &[(PeerReport<'_>, &NodeLine)],
        before: Option<&ClusterMember>,
    ) -> Option<ClusterMember> {
        let (_, best) =
            lines.iter().max_by_key(|((_, report), line)| (line.epoch, line.myself, report.sent))?;
        let own = lines.iter().find(|(_, line)| line.myself).map(|(_, line)| line);
        // The node's own line counts, unless others know a higher epoch.
        let believed = own.filter(|own| own.epoch >= best.epoch).unwrap_or(best);
        let others = lines.iter().filter(|(_, line)| !line.myself).count();
        let failed = lines.iter().filter(|(_, line)| line.mark == PeerMark::Failed).count();
        Some(ClusterMember {
            endpoint: self.endpoint(lines, before.and_then(|before| before.endpoint.as_ref())),
            role: believed.role,
            epoch: believed.epoch,
            failed: failed * 2 > others && failed > 0,
            importing: own.is_some_and(|own| own.importing),
        })
    }

    /// Returns the endpoint to dial for each name that nodes are called by and that does not resolve.
    pub(super) fn aliases(
        &self,
        trusted: &[PeerReport<'_>],
        picture: &Picture,
    ) -> BTreeMap<Endpoint, Endpoint> {
        let lines =
            trusted.iter().flat_map(|(asked, report)| report.lines.iter().map(move |line| (asked, line)));
        let alias = |(asked, line): (&&Endpoint, &NodeLine)| {
            let name = self.dialled(asked, Preference::Hostname, line)?;
            let endpoint = picture.get(&line.id)?.endpoint.clone()?;
            (self.unresolved.contains(&name) && name != endpoint).then_some((name, endpoint))
        };
        lines.filter_map(alias).collect()
    }

    /// Returns the endpoint to use for a node: the preferred one, or its IP if that is a name that is missing or does not resolve.
    fn usable(&self, asked: &Endpoint, preference: Preference, line: &NodeLine) -> Option<Endpoint> {
        let endpoint = self.dialled(asked, preference, line);
        match preference {
            Preference::Ip | Preference::AskedHost => endpoint,
            Preference::Hostname => endpoint
                .clone()
                .filter(|name| !self.unresolved.contains(name))
                .or_else(|| self.dialled(asked, Preference::Ip, line))
                .or(endpoint),
        }
    }

    fn dialled(&self, asked: &Endpoint, preference: Preference, line: &NodeLine) -> Option<Endpoint> {
        let endpoint = named(asked, preference, line)?;
        Some(self.address_map.get(&endpoint).cloned().unwrap_or(endpoint))
    }

    /// Returns the endpoint that most views name for a node; of several with equal counts the one that is in use, or the first.
    fn endpoint(&self, lines: &[(PeerReport<'_>, &NodeLine)], before: Option<&Endpoint>) -> Option<Endpoint> {
        let mut votes: BTreeMap<Endpoint, usize> = BTreeMap::new();
        let has_preference = lines.iter().any(|((_, report), _)| report.preference.is_some());
        for ((asked, report), line) in lines {
            let named = |preference| self.usable(asked, preference, line);
            let vote = match report.preference {
                Some(preference) => named(preference),
                // Other nodes know which of the addresses is meant.
                None if has_preference => None,
                None => named(Preference::Hostname)
                    .filter(|name| Some(name) == before)
                    .or_else(|| named(Preference::Ip)),
            };
            if let Some(endpoint) = vote {
                *votes.entry(endpoint).or_default() += 1;
            }
        }
        let most = votes.values().max().copied();
        let mut first = votes.iter().filter(|(_, count)| Some(**count) == most).map(|(endpoint, _)| endpoint);
        let used = first.clone().find(|endpoint| Some(*endpoint) == before);
        used.or_else(|| first.next()).or(before).cloned()
    }
}

/// Returns the address that a line announces to clients. `None`: there is none that can be used.
fn named(asked: &Endpoint, preference: Preference, line: &NodeLine) -> Option<Endpoint> {
    if line.port == 0 || line.mark == PeerMark::NoAddress {
        return None;
    }
    let host = match preference {
        Preference::Ip => line.ip.as_str(),
        Preference::Hostname => line.hostname.as_deref()?,
        Preference::AskedHost => "",
    };
    match host {
        "" => Some(Endpoint::new(&asked.host, line.port)),
        "?" => None,
        host => Some(Endpoint::new(host, line.port)),
    }
}
