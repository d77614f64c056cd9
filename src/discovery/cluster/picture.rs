//! The views of several nodes made into one picture: who belongs to the cluster, where, as what, with which epoch.
//!
//! Pure and without memory. What a node says of itself counts more than what others say of it, unless they know a
//! higher epoch; nodes that no other node knows do not count, nor do those of another cluster.

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
    /// Most of the views that count call it failed.
    pub(super) failed: bool,
    pub(super) importing: bool,
}

pub(super) type Picture = BTreeMap<NodeId, ClusterMember>;

/// A view and where it was asked for.
pub(super) type ToldView<'a> = (&'a Endpoint, &'a Report);

/// The views that count. A node that the others have forgotten, or one of another cluster whose address is one of
/// ours now, does not. `known` are the members so far; empty at the start.
pub(super) fn trusted<'a>(told: &[ToldView<'a>], known: &BTreeSet<NodeId>) -> Vec<ToldView<'a>> {
    let related =
        |report: &Report| known.is_empty() || report.lines.iter().any(|line| known.contains(&line.id));
    let related: Vec<ToldView<'a>> = told.iter().copied().filter(|(_, report)| related(report)).collect();
    let vouched = |me: NodeId| {
        let lists = |report: &Report| report.me != me && report.lines.iter().any(|line| line.id == me);
        related.iter().any(|(_, report)| lists(report))
    };
    let mut seen = BTreeSet::new();
    let vouched: Vec<ToldView<'a>> = related
        .iter()
        .copied()
        .filter(|(_, report)| vouched(report.me))
        // One node that was asked at two addresses is one voice.
        .filter(|(_, report)| seen.insert(report.me))
        .collect();
    // At the start one view is better than none.
    if vouched.is_empty() { related } else { vouched }
}

/// What the views are painted on.
pub(super) struct Canvas<'a> {
    /// Keeps addresses steady.
    pub(super) before: &'a Picture,
    /// From the address that is announced to the one to dial.
    pub(super) address_map: &'a BTreeMap<Endpoint, Endpoint>,
    /// Names that lead nowhere from here.
    pub(super) unresolved: &'a BTreeSet<Endpoint>,
    /// Those who tell their views are enough to say that a node is no member any more.
    pub(super) may_forget: bool,
}

impl Canvas<'_> {
    pub(super) fn paint(&self, trusted: &[ToldView<'_>]) -> Picture {
        let mut lines: BTreeMap<NodeId, Vec<(ToldView<'_>, &NodeLine)>> = BTreeMap::new();
        for told in trusted {
            for line in &told.1.lines {
                lines.entry(line.id).or_default().push((*told, line));
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
        lines: &[(ToldView<'_>, &NodeLine)],
        before: Option<&ClusterMember>,
    ) -> Option<ClusterMember> {
        let (_, best) =
            lines.iter().max_by_key(|((_, report), line)| (line.epoch, line.myself, report.sent))?;
        let own = lines.iter().find(|(_, line)| line.myself).map(|(_, line)| line);
        // Its own word, unless others know a newer story.
        let word = own.filter(|own| own.epoch >= best.epoch).unwrap_or(best);
        let judges = lines.iter().filter(|(_, line)| !line.myself).count();
        let failed = lines.iter().filter(|(_, line)| line.mark == PeerMark::Failed).count();
        Some(ClusterMember {
            endpoint: self.endpoint(lines, before.and_then(|before| before.endpoint.as_ref())),
            role: word.role,
            epoch: word.epoch,
            failed: failed * 2 > judges && failed > 0,
            importing: own.is_some_and(|own| own.importing),
        })
    }

    /// The names by which nodes are called, and where those are dialled whose names lead nowhere.
    pub(super) fn aliases(
        &self,
        trusted: &[ToldView<'_>],
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

    /// A name that leads nowhere, or that is missing, is as good as the address beside it.
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

    /// The address that most of them name, and where they differ evenly the one that is used already.
    fn endpoint(&self, lines: &[(ToldView<'_>, &NodeLine)], before: Option<&Endpoint>) -> Option<Endpoint> {
        let mut votes: BTreeMap<Endpoint, usize> = BTreeMap::new();
        let is_told = lines.iter().any(|((_, report), _)| report.preference.is_some());
        for ((asked, report), line) in lines {
            let named = |preference| self.usable(asked, preference, line);
            let vote = match report.preference {
                Some(preference) => named(preference),
                // Others know which of the addresses is meant.
                None if is_told => None,
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

/// The address to which this line sends clients. `None`: one that nobody can use.
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
