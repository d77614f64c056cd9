//! The sampler's own connections, one to each node, and its questions to the nodes. Every wait has a limit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::look::{HeldValue, KeyReport, KeyType, Skipped};
use super::reading::{self, LONGEST_KEY, Method, ReadSoFar, SampleCommand};
use super::suspects::SuspectKey;
use crate::config::Credentials;
use crate::discovery::Failure;
use crate::discovery::control::Control;
use crate::resp::value::Value;
use crate::topology::Endpoint;
use crate::topology::health::PeerConnections;

/// The time limit for the questions that are asked at once. A node that takes longer is left out for a while.
const LIMIT: Duration = Duration::from_secs(2);
/// The time for which a node that failed is left out.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct SampledPeers {
    credentials: Option<Credentials>,
    connections: PeerConnections,
    open: BTreeMap<Endpoint, SampledPeer>,
    /// The nodes that are left out, with the end of that time.
    failed: BTreeMap<Endpoint, Instant>,
    /// Counts the rounds, as the nodes are asked for keys in turn.
    turn: usize,
    /// The last error to RANDOMKEY, which is logged only when it changes.
    refusal: Option<String>,
}

struct SampledPeer {
    control: Control,
    /// True if the node answers DEBUG DIGEST-VALUE.
    digests: bool,
}

impl SampledPeers {
    pub(super) fn new(credentials: Option<Credentials>, connections: PeerConnections) -> Self {
        SampledPeers {
            credentials,
            connections,
            open: BTreeMap::new(),
            failed: BTreeMap::new(),
            turn: 0,
            refusal: None,
        }
    }

    /// Connects to these nodes and disconnects from all others. Returns the number of nodes that can be asked.
    pub(super) async fn connect(&mut self, nodes: &BTreeSet<Endpoint>) -> usize {
        self.open.retain(|node, _| nodes.contains(node));
        self.failed.retain(|node, until| nodes.contains(node) && Instant::now() < *until);
        for node in nodes {
            if self.open.contains_key(node) || self.failed.contains_key(node) {
                continue;
            }
            match timeout(LIMIT, SampledPeer::open(node, self.credentials.as_ref(), &self.connections)).await
            {
                Ok(Ok(peer)) => {
                    debug!(%node, digests = peer.digests, "sampler has connected to a node");
                    self.open.insert(node.clone(), peer);
                }
                Ok(Err(failure)) => self.leave_out(node, &failure),
                Err(_) => self.leave_out(node, &Failure::TimedOut),
            }
        }
        self.open.len()
    }

    /// Returns up to `count` different keys of one node; the next call asks another node.
    pub(super) async fn random_keys(&mut self, count: usize) -> BTreeSet<SuspectKey> {
        self.turn = self.turn.wrapping_add(1);
        let index = self.turn % self.open.len().max(1);
        let Some((node, peer)) = self.open.iter_mut().nth(index) else { return BTreeSet::new() };
        let questions = vec![reading::random_key_command(); count];
        let failure = match timeout(LIMIT, peer.control.ask(&questions)).await {
            Ok(Ok(answer)) => {
                let refused = answer.values.iter().find_map(|value| value.error_code()).map(str::to_owned);
                if refused.is_some() && refused != self.refusal {
                    warn!(%node, code = refused, "sampler finds no keys: RANDOMKEY is refused");
                }
                self.refusal = refused;
                let keys = answer.values.into_iter().filter_map(key);
                return keys.collect();
            }
            Ok(Err(failure)) => failure,
            Err(_) => Failure::TimedOut,
        };
        let node = node.clone();
        self.leave_out(&node, &failure);
        BTreeSet::new()
    }

    /// Asks all nodes about each key at the same time and returns their reports. A node that fails skips every key.
    pub(super) async fn look(&mut self, keys: &Arc<[SuspectKey]>) -> Vec<(Endpoint, Vec<KeyReport>)> {
        let all_digest = self.open.values().all(|peer| peer.digests);
        let method = if all_digest { Method::Digest } else { Method::Read };
        let mut asked = JoinSet::new();
        for (node, mut peer) in std::mem::take(&mut self.open) {
            let keys = Arc::clone(keys);
            asked.spawn(async move {
                let reports = timeout(LIMIT, peer.look(method, &keys)).await;
                (node, peer, reports.unwrap_or(Err(Failure::TimedOut)))
            });
        }
        let mut looks = Vec::new();
        while let Some(answered) = asked.join_next().await {
            let Ok((node, peer, reports)) = answered else { continue };
            match reports {
                Ok(reports) => {
                    self.open.insert(node.clone(), peer);
                    looks.push((node, reports));
                }
                Err(failure) => {
                    self.leave_out(&node, &failure);
                    looks.push((node, vec![Err(Skipped); keys.len()]));
                }
            }
        }
        looks.sort_by(|(one, _), (other, _)| one.cmp(other));
        looks
    }

    fn leave_out(&mut self, node: &Endpoint, failure: &Failure) {
        debug!(%node, %failure, "sampler leaves out a node that failed");
        self.open.remove(node);
        self.failed.insert(node.clone(), Instant::now() + PAUSE);
    }
}

/// Returns the key in a reply to RANDOMKEY. `None`: an empty database, an error, or a key too long to be remembered.
fn key(value: Value) -> Option<SuspectKey> {
    match value {
        Value::Text(key) if key.len() <= LONGEST_KEY => Some(key.into()),
        Value::Text(_) | Value::Error(_) | Value::Int(_) | Value::Array(_) | Value::Nil => None,
    }
}

impl SampledPeer {
    async fn open(
        node: &Endpoint,
        credentials: Option<&Credentials>,
        connections: &PeerConnections,
    ) -> Result<Self, Failure> {
        let mut control = Control::open(node, credentials, connections).await?;
        let answer = control.ask(&[reading::permission_command()]).await?;
        let digests = answer.values.first().is_some_and(reading::is_permitted);
        Ok(SampledPeer { control, digests })
    }

    /// Asks the node and returns a report for each key.
    async fn look(&mut self, method: Method, keys: &[SuspectKey]) -> Result<Vec<KeyReport>, Failure> {
        let types =
            self.control.ask(&keys.iter().map(|key| reading::type_command(key)).collect::<Vec<_>>()).await?;
        let typed: Vec<ReadSoFar> = types.values.iter().map(reading::parse_type).collect();
        let sizes = self.ask_next(keys, &typed, |_, key| reading::size_command(key)).await?;
        let sized: Vec<ReadSoFar> =
            typed.into_iter().zip(sizes).map(|(found, size)| sized(method, found, size)).collect();
        let values = self
            .ask_next(keys, &sized, |key_type, key| reading::value_command(method, key_type, key))
            .await?;
        Ok(sized.into_iter().zip(values).map(|(found, value)| report(method, found, value)).collect())
    }

    /// Asks the next question about the keys that need it. Returns its reply, or none, for every key.
    async fn ask_next(
        &mut self,
        keys: &[SuspectKey],
        found: &[ReadSoFar],
        question: impl Fn(KeyType, &[u8]) -> SampleCommand,
    ) -> Result<Vec<Option<Value>>, Failure> {
        let asked = found.iter().zip(keys).map(|(found, key)| match found {
            ReadSoFar::Value(key_type) => Some(question(*key_type, key)),
            ReadSoFar::Nothing | ReadSoFar::Skipped => None,
        });
        let asked: Vec<Option<SampleCommand>> = asked.collect();
        let questions: Vec<SampleCommand> = asked.iter().flatten().cloned().collect();
        let mut replies = self.control.ask(&questions).await?.values.into_iter();
        Ok(asked.into_iter().map(|question| question.and_then(|_| replies.next())).collect())
    }
}

fn sized(method: Method, found: ReadSoFar, size: Option<Value>) -> ReadSoFar {
    match (found, size) {
        (ReadSoFar::Value(key_type), Some(size)) => reading::parse_size(method, key_type, &size),
        (ReadSoFar::Value(_), None) => ReadSoFar::Skipped,
        (ReadSoFar::Nothing | ReadSoFar::Skipped, _) => found,
    }
}

fn report(method: Method, found: ReadSoFar, value: Option<Value>) -> KeyReport {
    match (found, value) {
        (ReadSoFar::Nothing, _) => Ok(HeldValue::Nothing),
        (ReadSoFar::Value(key_type), Some(value)) => reading::parse_value(method, key_type, &value),
        (ReadSoFar::Value(_), None) | (ReadSoFar::Skipped, _) => Err(Skipped),
    }
}
