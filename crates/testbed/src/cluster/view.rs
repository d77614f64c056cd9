//! The parts of `CLUSTER NODES` that a deployment needs.

use crate::client::Reply;

/// One line of the reply.
pub(crate) struct NodeView {
    pub(crate) id: String,
    pub(crate) myself: bool,
    /// True if the node is neither suspected nor failed nor still unknown.
    pub(crate) healthy: bool,
    pub(crate) master: Option<String>,
    pub(crate) epoch: u64,
    slots: Vec<(u16, u16)>,
}

impl NodeView {
    pub(crate) fn owns(&self, slot: u16) -> bool {
        self.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }
}

pub(crate) fn nodes_of(reply: &Reply) -> Vec<NodeView> {
    reply.text().unwrap_or_default().lines().filter_map(line).collect()
}

/// Returns the masters and slots of all nodes in a form that is the same for every node that was asked.
pub(crate) fn shape(nodes: &[NodeView]) -> Vec<String> {
    let word = |node: &NodeView| format!("{} {:?} {:?}", node.id, node.master, node.slots);
    let mut words: Vec<String> = nodes.iter().map(word).collect();
    words.sort_unstable();
    words
}

fn line(text: &str) -> Option<NodeView> {
    let words: Vec<&str> = text.split(' ').collect();
    let [id, _, flags, master, _, _, epoch, _, slots @ ..] = words.as_slice() else { return None };
    let flags: Vec<&str> = flags.split(',').collect();
    let unhealthy = ["fail", "fail?", "handshake", "noaddr"];
    let range = |word: &&str| {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    Some(NodeView {
        id: (*id).to_owned(),
        myself: flags.contains(&"myself"),
        healthy: !unhealthy.iter().any(|flag| flags.contains(flag)),
        master: Some((*master).to_owned()).filter(|master| master != "-"),
        epoch: epoch.parse().ok()?,
        slots: slots.iter().filter_map(range).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_who_owns_what_and_who_follows_whom() {
        let text = "a 127.0.0.1:1@2 myself,master - 0 1 7 connected 0-5 9 [93-<-b]\n\
                    b 127.0.0.1:3@4 slave,fail? a 0 1 7 connected\n";
        let nodes = nodes_of(&Reply::Bulk(text.into()));
        let [a, b] = nodes.as_slice() else { panic!("two nodes") };
        assert!(a.myself && a.healthy && a.owns(5) && a.owns(9) && !a.owns(6) && !a.owns(93));
        assert!(!b.myself && !b.healthy && !b.owns(0));
        assert_eq!((a.master.as_deref(), b.master.as_deref(), b.epoch), (None, Some("a"), 7));
    }
}
