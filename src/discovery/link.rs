//! The tasks behind the driver: one per peer that answers questions, one per subscription. Each keeps its own
//! connection, so that a dead or frozen peer delays nobody else.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::control::Control;
use super::{Channel, Failure, Observation, Probe, Target, Watch};
use crate::config::Credentials;
use crate::resp::value::Value;

/// A peer that nobody asks about any more: its connection is closed.
const IDLE: Duration = Duration::from_secs(90);
/// A subscription sends PING this often: nothing else shows that a silent one is still alive.
const KEEPALIVE: Duration = Duration::from_secs(1);
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a link needs to know of the world.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) credentials: Option<Credentials>,
    pub(super) observations: mpsc::Sender<Observation>,
    pub(super) started: Instant,
}

/// Answers each question in turn, until nobody asks any more.
pub(super) async fn answer(target: Target, context: Context, mut questions: mpsc::Receiver<Probe>) {
    let mut control = None;
    loop {
        let probe = match &mut control {
            None => timeout(IDLE, questions.recv()).await,
            Some(open) => tokio::select! {
                probe = timeout(IDLE, questions.recv()) => probe,
                // Nothing is asked, so whatever comes is the end of the connection, or garbage.
                _ = open_end(open) => {
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

/// A connection that was closed while it was idle says nothing about the peer: asks again on a new one, once.
async fn ask(
    target: &Target,
    context: &Context,
    control: &mut Option<Control>,
    probe: &Probe,
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
    let mut open = Control::open(target.endpoint(), context.credentials.as_ref()).await?;
    let answer = open.ask(&commands).await?;
    *control = Some(open);
    Ok(answer)
}

async fn open_end(control: &mut Control) -> Option<Value> {
    control.next().await.ok()
}

/// Keeps one subscription up for ever, with growing and jittered pauses while the peer is not there.
pub(super) async fn watch(watch: Watch, context: Context) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        if subscribed(&watch, &context).await {
            pause = SHORTEST_PAUSE;
            report(&context, Observation::Watching { target: watch.target.clone(), up: false }).await;
        }
        sleep(jittered(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One life of a subscription. True when it had been up.
async fn subscribed(watch: &Watch, context: &Context) -> bool {
    let Ok(mut control) = Control::open(watch.target.endpoint(), context.credentials.as_ref()).await else {
        return false;
    };
    let command = match watch.channel {
        Channel::Everything => ["PSUBSCRIBE", "*"],
        Channel::Hello => ["SUBSCRIBE", "__sentinel__:hello"],
    };
    match control.ask(&[command.map(str::to_owned).to_vec()]).await {
        Ok(answer) if answer.values.iter().all(|value| value.error_code().is_none()) => {}
        Ok(_) | Err(_) => return false,
    }
    report(context, Observation::Watching { target: watch.target.clone(), up: true }).await;
    while let Ok(()) = forward(watch, context, &mut control).await {}
    true
}

/// Forwards messages until it is time for a PING, sends it and sees that it is answered in time.
async fn forward(watch: &Watch, context: &Context, control: &mut Control) -> Result<(), Failure> {
    let next_ping = Instant::now() + KEEPALIVE;
    loop {
        tokio::select! {
            value = control.next() => deliver(watch, context, &value?).await,
            () = sleep_until(next_ping) => break,
        }
    }
    control.send(&[vec!["PING".to_owned()]]).await?;
    match timeout(KEEPALIVE, control.next()).await {
        Ok(value) => deliver(watch, context, &value?).await,
        Err(_) => return Err(Failure::TimedOut),
    }
    Ok(())
}

async fn deliver(watch: &Watch, context: &Context, value: &Value) {
    let words: Vec<&str> = value.items().iter().filter_map(Value::text).collect();
    let (channel, payload) = match words.as_slice() {
        ["pmessage", _, channel, payload] | ["message", channel, payload] => (*channel, *payload),
        _ => return,
    };
    let (channel, payload) = (channel.to_owned(), payload.to_owned());
    report(context, Observation::Message { target: watch.target.clone(), channel, payload }).await;
}

/// The driver is gone only when we are about to be cancelled.
async fn report(context: &Context, observation: Observation) {
    let _ = context.observations.send(observation).await;
}

/// Between half of it and all of it.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 1000;
    pause / 2 + pause.mul_f64(random as f64 / 2000.0)
}
