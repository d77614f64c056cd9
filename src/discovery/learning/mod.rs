//! Learns the commands that the table does not have from the masters: those of modules, and those of newer servers.
//!
//! A new master is asked at once, and every few seconds one of the others, whether its version, its modules or the number of
//! its commands differ from what is known. Only then is it asked for the commands themselves, some at a time, and only for
//! those that the table does not have. Nothing of the data path waits for this.

mod turns;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::command::learned::{self, Definition, Docs, Lesson};
use crate::config::{self, Credentials};
use crate::resp::value::Value;
use crate::topology::Endpoint;
use crate::topology::cell::TopologyCell;
use crate::topology::events::Events;

use self::turns::{Fingerprint, Master, Turns};
use super::control::Control;
use super::{Failure, node_reply};

/// The time between two rounds.
const PERIOD: Duration = Duration::from_secs(5);
/// The number of commands in one question, which bounds the size of the answer.
const BATCH: usize = 32;
/// The most commands that one node is asked for.
const MANY: usize = 2048;

/// Asks the masters of one proxy's backend.
pub(super) struct Learner {
    proxy: String,
    credentials: Option<Credentials>,
    cell: Arc<TopologyCell>,
    events: Arc<Events>,
    turns: Turns,
    has_warned: bool,
}

/// All that a node has said of commands that the table does not have.
#[derive(Default)]
struct Answers {
    definitions: Vec<Definition>,
    docs: Docs,
}

impl Learner {
    pub(super) fn new(proxy: &config::Proxy, cell: Arc<TopologyCell>, events: Arc<Events>) -> Self {
        let (name, credentials) = (proxy.name.clone(), proxy.backend.credentials.clone());
        Learner { proxy: name, credentials, cell, events, turns: Turns::default(), has_warned: false }
    }

    /// Learns for ever, or until nothing is published any more.
    pub(super) async fn run(mut self) {
        let mut changes = self.cell.subscribe();
        let mut due = Instant::now() + PERIOD;
        loop {
            let new = self.turns.newcomers(&turns::masters(&self.cell.load()));
            let has_asked = !new.is_empty();
            self.visit_all(new).await;
            if has_asked {
                self.events.commands_asked.set();
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = sleep_until(due) => {
                    let round = self.turns.round(&turns::masters(&self.cell.load()));
                    self.visit_all(round).await;
                    due = Instant::now() + PERIOD;
                }
            }
        }
    }

    async fn visit_all(&mut self, masters: Vec<Master>) {
        for master in masters {
            let outcome = self.visit(&master.endpoint).await;
            if outcome.is_ok() {
                self.events.commands_asked.set();
            }
            if let Err(failure) = &outcome {
                debug!(proxy = self.proxy, node = %master.endpoint, %failure, "commands were not learned");
            }
            self.turns.note(master, outcome.ok());
        }
    }

    /// Asks a master whether there is something to learn, and learns it.
    async fn visit(&mut self, endpoint: &Endpoint) -> Result<Fingerprint, Failure> {
        let aliases = self.events.aliases.load();
        let dialed = aliases.get(endpoint).unwrap_or(endpoint);
        let mut control = Control::open(dialed, self.credentials.as_ref(), &self.events.connections).await?;
        let questions = [vec!["INFO", "server"], vec!["INFO", "modules"], vec!["COMMAND", "COUNT"]];
        let values = control.ask(&questions).await?.values;
        if let Some(code) = values.get(2).and_then(Value::error_code) {
            return Err(self.denied(endpoint, code));
        }
        let fingerprint = Fingerprint::of(&values);
        if !self.turns.knows(&fingerprint) {
            let answers = ask_for_news(&mut control).await?;
            self.learn(endpoint, answers);
        }
        Ok(fingerprint)
    }

    fn learn(&self, endpoint: &Endpoint, answers: Answers) {
        let (proxy, node) = (&self.proxy, endpoint);
        let Lesson { learned, left_out } = learned::learn(answers.definitions, answers.docs);
        if learned > 0 {
            info!(proxy, %node, commands = learned, "commands learned, which the built-in table does not have");
        }
        if left_out > 0 {
            warn!(proxy, %node, commands = left_out, "commands not learned: there are too many");
        }
    }

    /// Logs once that the proxy may not ask. It then knows only the commands of its table.
    fn denied(&mut self, endpoint: &Endpoint, code: &str) -> Failure {
        if !std::mem::replace(&mut self.has_warned, true) {
            let proxy = &self.proxy;
            info!(proxy, node = %endpoint, code, "commands of modules are not learned: the node does not answer COMMAND");
        }
        Failure::Denied(code.to_owned())
    }
}

/// Asks a node for the commands that the table does not have.
async fn ask_for_news(control: &mut Control) -> Result<Answers, Failure> {
    let listed = one(control, &["COMMAND", "LIST"]).await?;
    let mut answers = Answers::default();
    if listed.error_code().is_some() {
        // Servers before Redis 7 list no names. All of their commands are not many, and nothing documents them.
        let every = one(control, &["COMMAND"]).await?;
        answers.definitions = every.items().iter().filter_map(Definition::read).collect();
        answers.definitions.truncate(MANY);
        return Ok(answers);
    }
    let names: Vec<&str> = listed.items().iter().filter_map(Value::text).collect();
    let news: Vec<&str> = names.into_iter().filter(|name| learned::is_news(name)).take(MANY).collect();
    for batch in news.chunks(BATCH) {
        let question = |sub| [&["COMMAND", sub], batch].concat();
        let values = control.ask(&[question("INFO"), question("DOCS")]).await?.values;
        let [infos, docs] = values.as_slice() else { continue };
        answers.definitions.extend(infos.items().iter().filter_map(Definition::read));
        answers.docs.read(docs);
    }
    Ok(answers)
}

async fn one(control: &mut Control, words: &[&str]) -> Result<Value, Failure> {
    let mut answer = control.ask(&[words.to_vec()]).await?;
    answer.values.pop().ok_or(Failure::Malformed)
}

#[cfg(test)]
mod tests;
