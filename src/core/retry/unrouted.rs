//! Strays: requests that have no lane at the moment, because nobody owns their slot or the named node is not known
//! yet. They are held like those on a lane, and are routed anew at each new topology and after a short pause.

use crate::client::gathers::Gather;
use crate::command::{Merge, ReplayClass, lookup};
use crate::core::base::Base;
use crate::core::base::strays::Stray;
use crate::core::everywhere::{asked_of_each, has_effect, to_each, without_proxy};
use crate::core::rewrite::{class, first_lot, of_last};
use crate::failover::Verdict;
use crate::ids::ClientId;
use crate::node::queue::{Entry, EntryKind};
use crate::reasons::{CommandResult, HoldOutcome, RedirectReason};
use crate::resp::reply;
use crate::resp::request::Request;
use crate::route::owners::Owners;
use crate::route::{Plan, plan};
use crate::split::Split;
use crate::split::gather::Gathering;

use super::requeue::transfer;

/// Routes the strays that have a shard now. `all`: even those whose pause is not over.
pub(crate) fn route_strays(base: &mut Base, all: bool) {
    let (now, layout) = (base.now, base.shards.layout());
    let is_due = |own: &[Stray]| own.first().is_some_and(|first| first.is_due(all, now, layout));
    let due = base.strays.clients(|_, own| is_due(own));
    due.into_iter().for_each(|client| route_strays_of(base, client, all));
}

/// Routes the strays of one client, in their order. The first one that must wait stops the others. All of them wait
/// for the client's other requests in flight, which may join the strays or may have overtaken them.
fn route_strays_of(base: &mut Base, id: ClientId, all: bool) {
    let (now, layout) = (base.now, base.shards.layout());
    let in_flight = base.client(id).map_or(0, |client| client.in_flight as usize);
    let is_due = |stray: &Stray| stray.is_due(all, now, layout);
    let own = base.strays.of(id);
    if in_flight > own.len() || !own.first().is_some_and(is_due) {
        return;
    }
    let mut own = base.strays.take(id).into_iter().peekable();
    while own.peek().is_some_and(is_due) {
        let Some(mut stray) = own.next() else { break };
        match destination(base, &stray) {
            Some(destination) => {
                let alone = stray.alone;
                route_stray(base, stray, destination);
                if alone {
                    break;
                }
            }
            None => {
                stray.unserved = Some(layout);
                base.strays.insert(stray);
                break;
            }
        }
    }
    own.for_each(|stray| base.strays.insert(stray));
}

/// Returns the destination of a plan. `None`: a slot has no owner yet.
fn planned_destination(
    base: &Base,
    planned: Plan,
    request: &Request<'_>,
    owners: &Owners,
    home: u16,
) -> Option<Destination> {
    Some(match planned {
        Plan::One { shard, .. } => Destination::To(shard),
        Plan::Anywhere => Destination::To(home),
        Plan::Everywhere(merge) => {
            return destination_everywhere(base, owners, request.raw(), merge, has_effect(request));
        }
        Plan::Info(merge) => {
            let gathering = Gathering::new(merge, 1);
            Destination::Parts(
                vec![(home, without_proxy(request).into_owned())],
                Gather::parts(gathering, false),
            )
        }
        Plan::Split(Split { parts, gathering }) => {
            let parts = parts.into_iter().map(|part| (part.shard, part.request)).collect();
            Destination::Parts(parts, Gather::parts(gathering, has_effect(request)))
        }
        Plan::Scan(step) => Destination::Parts(vec![(step.shard, step.request)], Gather::Scan(step.place)),
        Plan::Refused(error) => {
            let mut text = Vec::new();
            reply::error(&mut text, &error);
            Destination::Answer(text)
        }
        Plan::Unserved(_) => return None,
    })
}

/// Returns the destination of a request for every shard. `None`: there is no shard.
fn destination_everywhere(
    base: &Base,
    owners: &Owners,
    bytes: &[u8],
    merge: Merge,
    has_effect: bool,
) -> Option<Destination> {
    let shards = owners.everywhere();
    let asked = asked_of_each(&base.settings, merge, bytes, shards.len());
    let own = |(shard, bytes): (u16, &[u8])| (shard, bytes.to_vec());
    let parts: Vec<(u16, Vec<u8>)> = to_each(&shards, &asked).into_iter().map(own).collect();
    let gathering = Gathering::new(merge, parts.len()).choosing(base.settings.turns.random());
    (!parts.is_empty()).then_some(Destination::Parts(parts, Gather::parts(gathering, has_effect)))
}

/// Returns the destination of a stray. `None`: it has to wait.
fn destination(base: &Base, stray: &Stray) -> Option<Destination> {
    let owners = base.shards.owners();
    if owners.is_unknown() {
        return None;
    }
    let Entry { client, part, kind, .. } = stray.entry;
    match kind {
        EntryKind::Plain | EntryKind::Counted | EntryKind::Relayed if part.is_none() => {
            of_last(&stray.bytes, |request| {
                let planned = plan(request, lookup(request.name()), owners, base.settings.splitting);
                planned_destination(base, planned, request, owners, base.home(client))
            })?
        }
        EntryKind::Wait if part.is_none() => {
            destination_everywhere(base, owners, &stray.bytes, Merge::Min, true)
        }
        _ => match stray.lot {
            Some(lot) => owners.shard_of(lot).map(Destination::To),
            None => Some(Destination::To(base.home(client))),
        },
    }
}

fn route_stray(base: &mut Base, stray: Stray, destination: Destination) {
    let waited = base.elapsed(stray.entry.since);
    let Stray { entry, bytes, dedicated, held, .. } = stray;
    base.holds.release(held);
    let Some(client) = base.client(entry.client) else {
        return base.metrics.hold_finished(HoldOutcome::Gone, waited);
    };
    match destination {
        Destination::To(shard) => transfer(base, entry, &bytes, shard, dedicated),
        Destination::Answer(text) => base.answer_entry(&entry, &text, CommandResult::Error),
        Destination::Parts(parts, gather) => {
            let dedicated = dedicated || gather.waits();
            client.gathers.open(entry.seq, gather);
            let more = u32::try_from(parts.len().saturating_sub(1)).unwrap_or(u32::MAX);
            client.in_flight = client.in_flight.saturating_add(more);
            for (part, (shard, bytes)) in (0..).zip(parts) {
                transfer(base, Entry { part: Some(part), ..entry }, &bytes, shard, dedicated);
            }
        }
    }
}

/// Answers strays that are over, drops those of clients that have gone, routes the others. Returns true if any are left.
pub(crate) fn tick_strays(base: &mut Base) -> bool {
    if base.strays.is_empty() {
        return false;
    }
    route_strays(base, false);
    let (now, hold, clients) = (base.now, base.settings.hold, &base.clients);
    let is_over =
        |id, own: &[Stray]| clients.get(id).is_none() || own.iter().any(|stray| stray.is_over(now, hold));
    for id in base.strays.clients(is_over) {
        match base.client(id).is_some() {
            true => expire_strays_of(base, id),
            false => drop_strays_of(base, id),
        }
    }
    !base.strays.is_empty()
}

fn expire_strays_of(base: &mut Base, id: ClientId) {
    let (now, hold) = (base.now, base.settings.hold);
    let is_over = |stray: &Stray| stray.is_over(now, hold);
    let (over, kept): (Vec<Stray>, Vec<Stray>) = base.strays.take(id).into_iter().partition(is_over);
    kept.into_iter().for_each(|stray| base.strays.insert(stray));
    for stray in over {
        let reason = base.with_cause("no node served its slot in time", None);
        base.metrics.hold_finished(HoldOutcome::Expired, base.elapsed(stray.entry.since));
        base.holds.release(stray.held);
        if stray.entry.until <= now {
            base.answer_timed_out(&stray.entry);
            continue;
        }
        base.fail_stray(&stray.entry, &reason);
    }
}

fn drop_strays_of(base: &mut Base, id: ClientId) {
    for stray in base.strays.take(id) {
        base.metrics.hold_finished(HoldOutcome::Gone, base.elapsed(stray.entry.since));
        base.holds.release(stray.held);
    }
}

/// Fails all strays, because the proxy stops.
pub(crate) fn stop_strays(base: &mut Base) {
    for stray in base.strays.take_all().collect::<Vec<_>>() {
        base.holds.release(stray.held);
        base.fail_stray(&stray.entry, "the proxy is stopping");
    }
}

/// Returns the verdict on the reply to a request that may have overtaken strays of its client. If it has read keys of
/// theirs, it is run again after them; if it has written any, it is too late for these strays.
pub(super) fn verdict_on_overtaking(base: &mut Base, entry: &Entry, bytes: &[u8]) -> Verdict {
    let passed = base.strays.take_before(entry, bytes);
    if !passed.is_empty()
        && class(bytes) == ReplayClass::Read
        && first_lot(bytes, base.shards.owners()).is_some()
    {
        passed.into_iter().for_each(|stray| base.strays.insert(stray));
        // No node has said TRYAGAIN, but what follows is the same: it waits, and is sent again.
        return Verdict::Redirect(RedirectReason::TryAgain);
    }
    passed.into_iter().for_each(|stray| fail_late_stray(base, stray));
    Verdict::Deliver
}

/// Fails the strays that were sent before this request and have keys in common with it: they are too late.
pub(super) fn fail_overtaken_strays(base: &mut Base, entry: &Entry, bytes: &[u8]) {
    let passed = base.strays.take_before(entry, bytes);
    passed.into_iter().for_each(|stray| fail_late_stray(base, stray));
}

fn fail_late_stray(base: &mut Base, stray: Stray) {
    base.holds.release(stray.held);
    base.fail_stray(&stray.entry, "the node refused it and took a later one");
}

/// The place that a stray goes to.
enum Destination {
    To(u16),
    /// To several shards in parts, which are answered as one.
    Parts(Vec<(u16, Vec<u8>)>, Gather),
    /// To no shard: this is the reply.
    Answer(Vec<u8>),
}
