//! Inquiries about all clients of a proxy. Each worker answers for its own clients; the worker of the client that asks sends
//! the inquiry to the others, gathers their answers, and replies when it has them all.

use crate::core::base::follow;
use crate::core::base::tell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::client::inquiry::{Inquiry, InquiryAnswer, SentInquiry};
use crate::client::listing::facts::ClientFacts;
use crate::client::listing::filter::ClientFilter;
use crate::client::{Client, Life};
use crate::ids::ClientId;
use crate::node::queue::Entry;
use crate::reasons::{CloseReason, CommandResult};

use super::Effect;
use super::base::Base;
use super::monitors::{begin_monitor, say_ended};
use super::pause::{begin_pause, end_pause};
use super::retry::unblock_by_order;

/// The inquiries of this worker's clients that are not answered yet, by their numbers.
#[derive(Default)]
pub(super) struct Census {
    /// The number of workers beside this one.
    pub(super) other_workers: usize,
    last: u32,
    open: BTreeMap<u32, OpenInquiry>,
}

struct OpenInquiry {
    sent: Arc<SentInquiry>,
    /// Holds the place of the reply.
    entry: Entry,
    answer: InquiryAnswer,
    /// The client that asks is among those that are killed, and gets its reply first.
    ends_asker: bool,
    /// The number of workers that have not answered.
    missing: usize,
}

impl Census {
    /// Answers for the own clients, and asks the other workers. `entry` is to be answered when all have answered.
    pub(super) fn open(&mut self, base: &mut Base, entry: Entry, sent: SentInquiry) {
        let (answer, ends_asker) = answer(base, &sent);
        let sent = Arc::new(sent);
        let open =
            OpenInquiry { sent: Arc::clone(&sent), entry, answer, ends_asker, missing: self.other_workers };
        if open.missing == 0 {
            return open.end(base);
        }
        self.last = self.last.wrapping_add(1);
        self.open.insert(self.last, open);
        base.effects.push(Effect::Inquire { number: self.last, inquiry: sent });
    }

    /// Takes in the answer of one other worker. `None`: that worker has ended, and its clients with it.
    pub(super) fn answered(&mut self, base: &mut Base, number: u32, answer: Option<InquiryAnswer>) {
        let Some(open) = self.open.get_mut(&number) else { return };
        answer.into_iter().for_each(|answer| open.answer.join(answer));
        open.missing = open.missing.saturating_sub(1);
        if open.missing == 0
            && let Some(open) = self.open.remove(&number)
        {
            open.end(base);
        }
    }

    /// Replies with what is known: the proxy stops.
    pub(super) fn stop(&mut self, base: &mut Base) {
        std::mem::take(&mut self.open).into_values().for_each(|open| open.end(base));
    }

    /// Notes that a client has gone to which others redirect. One that is about to do so does not find it.
    pub(super) fn target_gone(&mut self, target: u64) {
        for open in self.open.values_mut() {
            if matches!(&open.sent.inquiry, Inquiry::Redirect(tracking) if tracking.redirect == Some(target))
            {
                open.answer = InquiryAnswer::Count(0);
            }
        }
    }

    /// Returns true if this client waits for the answer to an inquiry.
    pub(super) fn is_asking(&self, id: ClientId) -> bool {
        self.askers().any(|asker| asker == id)
    }

    /// Returns the clients that wait for an answer.
    pub(super) fn askers(&self) -> impl Iterator<Item = ClientId> {
        self.open.values().map(|open| open.entry.client)
    }
}

impl OpenInquiry {
    fn end(self, base: &mut Base) {
        let id = self.entry.client;
        let monitors = self.sent.inquiry == Inquiry::Monitor;
        let Some(proto) = base.client(id).map(|client| client.session.proto) else {
            if monitors {
                say_ended(base);
            }
            return;
        };
        let mut out = Vec::new();
        self.sent.inquiry.reply(self.answer, proto, &mut out);
        let result = if out.first() == Some(&b'-') { CommandResult::Error } else { CommandResult::Ok };
        if let (Inquiry::Redirect(tracking), CommandResult::Ok) = (&self.sent.inquiry, result) {
            follow::track(base, id, tracking.clone());
        }
        base.deliver(&self.entry, &out, result);
        if monitors {
            begin_monitor(base, id);
        }
        if self.ends_asker {
            base.end_client(id, CloseReason::Killed);
        }
    }
}

/// Answers an inquiry of another worker's client.
pub(super) fn answer_other(base: &mut Base, sent: &SentInquiry) -> InquiryAnswer {
    match &sent.inquiry {
        Inquiry::Monitor => base.monitors.count_elsewhere(true),
        Inquiry::EndMonitor => base.monitors.count_elsewhere(false),
        Inquiry::List(_)
        | Inquiry::Kill { .. }
        | Inquiry::Unblock { .. }
        | Inquiry::Pause(_)
        | Inquiry::Redirect(_)
        | Inquiry::Unpause => {}
    }
    answer(base, sent).0
}

/// Answers an inquiry for the clients of this worker. Returns also whether the client that asks is to be ended.
fn answer(base: &mut Base, sent: &SentInquiry) -> (InquiryAnswer, bool) {
    match &sent.inquiry {
        Inquiry::List(filter) => (InquiryAnswer::Clients(list(base, filter, sent)), false),
        Inquiry::Kill { filter, .. } => kill(base, filter, sent.asker),
        Inquiry::Unblock { client, reply } => {
            let found = base.clients.iter().find(|held| held.public_id == *client).map(|held| held.id);
            let unblocked = found.is_some_and(|id| unblock_by_order(base, id, *reply));
            (InquiryAnswer::Count(u64::from(unblocked)), false)
        }
        Inquiry::Pause(pause) => {
            begin_pause(base, *pause);
            (InquiryAnswer::Count(0), false)
        }
        Inquiry::Unpause => {
            end_pause(base);
            (InquiryAnswer::Count(0), false)
        }
        Inquiry::Redirect(tracking) => {
            let found = tracking.redirect.is_some_and(|target| tell::note_redirect_target(base, target));
            (InquiryAnswer::Count(u64::from(found)), false)
        }
        // The worker of the client that asks has nothing to do before all others know.
        Inquiry::Monitor | Inquiry::EndMonitor => (InquiryAnswer::Count(0), false),
    }
}

fn list(base: &Base, filter: &ClientFilter, sent: &SentInquiry) -> Vec<ClientFacts> {
    let all = base.clients.iter().filter(|client| client.life == Life::Open);
    let mut chosen: Vec<ClientFacts> =
        all.map(|client| facts(base, client)).filter(|facts| filter.matches(facts, sent.asker)).collect();
    if let Some(asker) = chosen.iter_mut().find(|facts| facts.id == sent.asker) {
        asker.input += sent.request;
    }
    chosen
}

fn kill(base: &mut Base, filter: &ClientFilter, asker: u64) -> (InquiryAnswer, bool) {
    let chosen: Vec<ClientId> = base
        .clients
        .iter()
        .filter(|client| client.life == Life::Open && filter.matches(&facts(base, client), asker))
        .map(|client| client.id)
        .collect();
    let is_asker = |id: &ClientId| base.clients.get(*id).is_some_and(|client| client.public_id == asker);
    let ends_asker = chosen.iter().any(is_asker);
    let others: Vec<ClientId> = chosen.iter().copied().filter(|id| !is_asker(id)).collect();
    others.into_iter().for_each(|id| base.kill_client(id, CloseReason::Killed));
    (InquiryAnswer::Count(chosen.len() as u64), ends_asker)
}

fn facts(base: &Base, client: &Client) -> ClientFacts {
    ClientFacts::of(client, base.now, base.is_blocked(client.id), base.monitors.has(client.id))
}
