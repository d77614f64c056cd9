//! Gives commands that a master has accepted to the tasks of its replicas, of which each node has one: see [`super::sender`].
//!
//! A node that has become a master meanwhile gets the command all the same, which is what the client wants of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::topology::{Endpoint, Shard, Topology};
use crate::worker::AwaitedRelay;

use super::sender::Sender;

/// The time that the replicas have for one command.
const LIMIT: Duration = Duration::from_secs(1);

/// A command on its way. Its client waits for it until all nodes have dropped it.
pub(super) struct UnderWay {
    pub(super) awaited: AwaitedRelay,
    pub(super) until: Instant,
}

pub(super) struct Relayer {
    sender: Sender,
    queues: HashMap<Endpoint, mpsc::UnboundedSender<Arc<UnderWay>>>,
    tasks: JoinSet<()>,
}

impl Relayer {
    pub(super) fn new(sender: Sender) -> Self {
        Relayer { sender, queues: HashMap::new(), tasks: JoinSet::new() }
    }

    /// Relays until no worker is left.
    pub(super) async fn run(mut self, mut relays: mpsc::UnboundedReceiver<AwaitedRelay>) {
        while let Some(awaited) = relays.recv().await {
            let topology = self.sender.topology();
            self.queues.retain(|endpoint, _| nodes(&topology).any(|node| node == endpoint));
            while self.tasks.try_join_next().is_some() {}
            let targets = targets(&topology, &awaited.relay.acceptance.node);
            let under_way = Arc::new(UnderWay { awaited, until: Instant::now() + LIMIT });
            for target in targets {
                // The task of a node ends only when its queue is dropped.
                let _ = self.queue(target).send(Arc::clone(&under_way));
            }
        }
    }

    fn queue(&mut self, target: Endpoint) -> &mpsc::UnboundedSender<Arc<UnderWay>> {
        self.queues.entry(target).or_insert_with_key(|target| {
            let (queue, waiting) = mpsc::unbounded_channel();
            self.tasks.spawn(self.sender.clone().serve(target.clone(), waiting));
            queue
        })
    }
}

fn nodes(topology: &Topology) -> impl Iterator<Item = &Endpoint> {
    topology.shards.iter().flat_map(|shard| &shard.nodes).map(|node| &node.endpoint)
}

/// Returns the nodes that are to have what this node has accepted: all others of its shard, whatever their roles are by now.
fn targets(topology: &Topology, accepted_by: &Endpoint) -> Vec<Endpoint> {
    let endpoints =
        |shard: &Shard| -> Vec<Endpoint> { shard.nodes.iter().map(|node| node.endpoint.clone()).collect() };
    let shards = topology.shards.iter().map(endpoints);
    let mut targets: Vec<Endpoint> = shards.filter(|shard| shard.contains(accepted_by)).flatten().collect();
    targets.retain(|node| node != accepted_by);
    targets
}
