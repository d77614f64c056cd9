//! CLIENT PAUSE: commands of clients wait for its end, unread.

use crate::client::Stall;
use crate::client::inquiry::Pause;
use crate::command::{Command, Handling, Transaction, resolve};
use crate::ids::ClientId;
use crate::resp::request::Request;

use super::base::Base;
use super::rewrite::each_request;

/// A pause under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paused {
    /// The end, in microseconds on the worker's clock.
    pub(crate) until: u64,
    pub(crate) writes_only: bool,
}

/// Begins a pause. Of two that overlap, the stricter kind and the later end count.
pub(super) fn begin_pause(base: &mut Base, pause: Pause) {
    let length = u64::try_from(pause.length.as_micros()).unwrap_or(u64::MAX);
    let until = base.now.saturating_add(length);
    let former = base.paused.filter(|former| former.until > base.now);
    base.paused = Some(Paused {
        until: former.map_or(until, |former| former.until.max(until)),
        writes_only: pause.writes_only && former.is_none_or(|former| former.writes_only),
    });
    base.tick_soon = true;
}

/// Lets the clients go on that wait for the end of the pause.
pub(super) fn end_pause(base: &mut Base) {
    if base.paused.take().is_some() {
        let waiting = base.clients.iter().filter(|client| client.stall == Stall::Paused);
        base.resumed.extend(waiting.map(|client| client.id));
        base.metrics.paused_clients(0);
    }
}

/// Ends a pause whose time is over. Returns the microseconds that are left of one that goes on.
pub(super) fn tick_pause(base: &mut Base) -> Option<u64> {
    let left = base.paused?.until.saturating_sub(base.now);
    if left == 0 {
        end_pause(base);
        return None;
    }
    Some(left)
}

/// Returns true if this command has to wait for the end of the pause. CLIENT UNPAUSE never does: it ends it.
pub(super) fn waits_for_pause(
    base: &Base,
    id: ClientId,
    request: &Request<'_>,
    command: Option<&'static Command>,
) -> bool {
    let Some(paused) = base.paused else { return false };
    let ends_it = request.name().eq_ignore_ascii_case(b"client")
        && request.arg(1).is_some_and(|sub| sub.eq_ignore_ascii_case(b"unpause"));
    !ends_it && (!paused.writes_only || may_change_data(base, id, command))
}

/// Returns true if the command may reach replicas: by itself, or as the EXEC of such commands.
fn may_change_data(base: &Base, id: ClientId, command: Option<&'static Command>) -> bool {
    let Some(command) = command else { return false };
    if command.handling != Handling::Transaction(Transaction::Exec) {
        return command.may_replicate();
    }
    let transaction = base.clients.get(id).and_then(|client| client.session.transaction.as_ref());
    transaction.is_some_and(|transaction| {
        let mut found = false;
        each_request(&transaction.bytes, |request| {
            found |= resolve(request).is_some_and(Command::may_replicate);
        });
        found
    })
}
