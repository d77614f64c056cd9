//! The tasks behind the driver: one for each peer that is asked, one for each subscription. Each has its own connection, so
//! that a dead or frozen peer delays no other.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::warn;

use super::control::Control;
use super::{Channel, Failure, Observation, PeerKind, PeerProbe, Subscription};
use crate::config::Credentials;
use crate::resp::value::Value;
use crate::topology::health::PeerConnections;

/// The time without questions after which a task closes its connection and ends.
const IDLE: Duration = Duration::from_secs(90);
/// The time between two PINGs of a subscription: nothing else shows that a silent one is still alive.
const KEEPALIVE: Duration = Duration::from_secs(1);
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// All that a link needs besides the peer itself.
#[derive(Clone)]
pub(super) struct LinkContext {
    pub(super) credentials: Option<Credentials>,
    pub(super) connections: PeerConnections,
    pub(super) observations: mpsc::Sender<Observation>,
    pub(super) started: Instant,
}

impl LinkContext {
    async fn open(&self, target: &PeerKind) -> Result<Control, Failure> {
        Control::open(target.endpoint(), self.credentials.as_ref(), &self.connections).await
    }
}

/// Asks a peer one question after the other and reports the outcomes, until there are no more questions.
pub(super) async fn ask_peer(
    target: PeerKind,
    context: LinkContext,
    mut questions: mpsc::Receiver<PeerProbe>,
) {
    let mut control = None;
    loop {
        let probe = match &mut control {
            None => timeout(IDLE, questions.recv()).await,
            Some(open) => tokio::select! {
                probe = timeout(IDLE, questions.recv()) => probe,
                // No question is open, so whatever comes is the end of the connection, or garbage.
                _ = unexpected(open) => {
                    control = None;
                    report(&context, Observation::Lost { target: target.clone() }).await;
                    continue;
                }
            },
        };
        let Ok(Some(probe)) = probe else { return };
        let sent = context.started.elapsed();
        let outcome = ask(&target, &context, &mut control, &probe).await;
        report(&context, Observation::Answer { probe, sent, outcome }).await;
    }
}

/// Asks one question. If the idle connection was closed, asks again on a new one: that tells nothing about the peer.
async fn ask(
    target: &PeerKind,
    context: &LinkContext,
    control: &mut Option<Control>,
    probe: &PeerProbe,
) -> Result<super::Answer, Failure> {
    let commands = probe.question.commands();
    if let Some(mut open) = control.take() {
        match open.ask(&commands).await {
            Ok(answer) => {
                *control = Some(open);
                return Ok(answer);
            }
            Err(Failure::Closed) => {}
            Err(failure) => return Err(failure),
        }
    }
    let mut open = context.open(target).await?;
    let answer = open.ask(&commands).await?;
    *control = Some(open);
    Ok(answer)
}

async fn unexpected(control: &mut Control) -> Option<Value> {
    control.next().await.ok()
}

/// Keeps one subscription up for ever, with growing and jittered pauses while the peer is not there.
pub(super) async fn keep_subscribed(subscription: Subscription, context: LinkContext) {
    let mut pause = SHORTEST_PAUSE;
    let mut has_warned = false;
    loop {
        match subscribe(&subscription, &context).await {
            SubscriptionEnd::WasUp => {
                (pause, has_warned) = (SHORTEST_PAUSE, false);
                let target = subscription.target.clone();
                report(&context, Observation::Subscribed { target, up: false }).await;
            }
            // The task that asks this peer notices it too, and it is logged there.
            SubscriptionEnd::Unreachable => {}
            SubscriptionEnd::Refused(code) if !has_warned => {
                let peer = subscription.target.endpoint();
                warn!(%peer, code, "events are not available: failovers are noticed later");
                has_warned = true;
            }
            SubscriptionEnd::Refused(_) => {}
        }
        sleep(jittered(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The end of a subscription.
enum SubscriptionEnd {
    /// The subscription was up, and was lost.
    WasUp,
    Unreachable,
    /// SUBSCRIBE was refused with this error code.
    Refused(String),
}

/// Subscribes, and forwards messages until the connection is lost.
async fn subscribe(subscription: &Subscription, context: &LinkContext) -> SubscriptionEnd {
    let Ok(mut control) = context.open(&subscription.target).await else {
        return SubscriptionEnd::Unreachable;
    };
    let command = match subscription.channel {
        Channel::Everything => ["PSUBSCRIBE", "*"],
        Channel::Hello => ["SUBSCRIBE", "__sentinel__:hello"],
    };
    match control.ask(&[command.map(str::to_owned).to_vec()]).await {
        Ok(answer) => match answer.values.first().and_then(Value::error_code) {
            None => {}
            Some(code) => return SubscriptionEnd::Refused(code.to_owned()),
        },
        Err(_) => return SubscriptionEnd::Unreachable,
    }
    report(context, Observation::Subscribed { target: subscription.target.clone(), up: true }).await;
    while let Ok(()) = forward(subscription, context, &mut control).await {}
    SubscriptionEnd::WasUp
}

/// Forwards messages until it is time for a PING, sends one and waits for its reply.
async fn forward(
    subscription: &Subscription,
    context: &LinkContext,
    control: &mut Control,
) -> Result<(), Failure> {
    let next_ping = Instant::now() + KEEPALIVE;
    loop {
        tokio::select! {
            value = control.next() => deliver(subscription, context, &value?).await,
            () = sleep_until(next_ping) => break,
        }
    }
    control.send(&[vec!["PING".to_owned()]]).await?;
    match timeout(KEEPALIVE, control.next()).await {
        Ok(value) => deliver(subscription, context, &value?).await,
        Err(_) => return Err(Failure::TimedOut),
    }
    Ok(())
}

async fn deliver(subscription: &Subscription, context: &LinkContext, value: &Value) {
    let words: Vec<&str> = value.items().iter().filter_map(Value::text).collect();
    let (channel, payload) = match words.as_slice() {
        ["pmessage", _, channel, payload] | ["message", channel, payload] => (*channel, *payload),
        _ => return,
    };
    let (channel, payload) = (channel.to_owned(), payload.to_owned());
    report(context, Observation::Message { target: subscription.target.clone(), channel, payload }).await;
}

/// Hands an observation to the driver. Sending fails only if the driver is gone, and then this task is about to be cancelled.
async fn report(context: &LinkContext, observation: Observation) {
    let _ = context.observations.send(observation).await;
}

/// Returns a random time between half of the pause and all of it.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 1000;
    pause / 2 + pause.mul_f64(random as f64 / 2000.0)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::{Answer, Question};
    use super::*;
    use crate::topology::Endpoint;

    /// A peer whose replies the test decides.
    struct Peer {
        listener: TcpListener,
        target: PeerKind,
        context: LinkContext,
        observed: mpsc::Receiver<Observation>,
    }

    impl Peer {
        async fn new() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let (observations, observed) = mpsc::channel(16);
            let context = LinkContext {
                credentials: None,
                connections: PeerConnections::default(),
                observations,
                started: Instant::now(),
            };
            Peer { listener, target: PeerKind::Sentinel(Endpoint::new("127.0.0.1", port)), context, observed }
        }

        fn questions(&self) -> mpsc::Sender<PeerProbe> {
            let (sender, questions) = mpsc::channel(4);
            tokio::spawn(ask_peer(self.target.clone(), self.context.clone(), questions));
            sender
        }

        fn ping(&self) -> PeerProbe {
            PeerProbe { target: self.target.clone(), question: Question::Ping }
        }

        async fn accept(&self) -> TcpStream {
            self.listener.accept().await.unwrap().0
        }

        async fn outcome(&mut self) -> Result<Answer, Failure> {
            match self.observed.recv().await {
                Some(Observation::Answer { outcome, .. }) => outcome,
                other => panic!("no answer: {other:?}"),
            }
        }
    }

    async fn reply(stream: &mut TcpStream, with: &[u8]) {
        let mut command = [0; 512];
        assert!(stream.read(&mut command).await.unwrap() > 0);
        stream.write_all(with).await.unwrap();
    }

    #[tokio::test]
    async fn an_idle_connection_that_is_closed_is_reported_and_opened_again() {
        let mut peer = Peer::new().await;
        let questions = peer.questions();
        questions.send(peer.ping()).await.unwrap();
        let mut stream = peer.accept().await;
        reply(&mut stream, b"+PONG\r\n").await;
        assert_eq!(peer.outcome().await.unwrap().values, [Value::Text(b"PONG".to_vec())]);
        drop(stream);
        assert!(matches!(peer.observed.recv().await, Some(Observation::Lost { .. })));
        questions.send(peer.ping()).await.unwrap();
        reply(&mut peer.accept().await, b"-LOADING wait\r\n").await;
        assert_eq!(peer.outcome().await.unwrap().values[0].error_code(), Some("LOADING"));
    }

    #[tokio::test]
    async fn a_peer_that_says_nothing_or_nonsense_is_a_failure_in_bounded_time() {
        for (bytes, failure) in [(&b""[..], Failure::TimedOut), (b"HTTP/1.1 400\r\n", Failure::Malformed)] {
            let mut peer = Peer::new().await;
            let started = Instant::now();
            let questions = peer.questions();
            questions.send(peer.ping()).await.unwrap();
            let mut stream = peer.accept().await;
            reply(&mut stream, bytes).await;
            assert_eq!(peer.outcome().await, Err(failure));
            assert!(started.elapsed() < Duration::from_secs(5));
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_refused() {
        let mut peer = Peer::new().await;
        let gone = Peer::new().await.target;
        let (sender, questions) = mpsc::channel(4);
        tokio::spawn(ask_peer(gone, peer.context.clone(), questions));
        sender.send(peer.ping()).await.unwrap();
        assert_eq!(peer.outcome().await, Err(Failure::Refused));
    }

    #[tokio::test]
    async fn a_subscription_delivers_and_comes_back() {
        let mut peer = Peer::new().await;
        let subscription = Subscription { target: peer.target.clone(), channel: Channel::Everything };
        tokio::spawn(keep_subscribed(subscription, peer.context.clone()));
        for _ in 0..2 {
            let mut stream = peer.accept().await;
            reply(&mut stream, b"*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n").await;
            assert!(matches!(peer.observed.recv().await, Some(Observation::Subscribed { up: true, .. })));
            let message = b"*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$5\r\n+tilt\r\n$1\r\n#\r\n";
            stream.write_all(message).await.unwrap();
            let Some(Observation::Message { channel, payload, .. }) = peer.observed.recv().await else {
                panic!("no message");
            };
            assert_eq!((channel.as_str(), payload.as_str()), ("+tilt", "#"));
            drop(stream);
            assert!(matches!(peer.observed.recv().await, Some(Observation::Subscribed { up: false, .. })));
        }
    }

    #[test]
    fn pauses_are_jittered_within_bounds() {
        for _ in 0..100 {
            let pause = jittered(LONGEST_PAUSE);
            assert!(pause >= LONGEST_PAUSE / 2 && pause <= LONGEST_PAUSE);
        }
    }
}
