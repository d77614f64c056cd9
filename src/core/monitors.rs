//! MONITOR: clients that see every command of the proxy, on whichever worker it came in.
//!
//! Each worker makes the lines of its own clients' commands while somebody looks, and passes them on at the end of a turn: to the
//! monitoring clients here, and to the other workers for those there.

use std::sync::Arc;

use crate::client::inquiry::{Inquiry, SentInquiry};
use crate::client::monitor_line::append_line;
use crate::client::session::ReplyMode;
use crate::command::{Command, Flags, Handling, Session, Transaction, resolve};
use crate::ids::ClientId;
use crate::reasons::CloseReason;
use crate::resp::request::Request;

use super::Effect;
use super::base::Base;
use super::rewrite::each_request;

/// Lines that are passed on before the end of the turn, in bytes.
const ENOUGH: usize = 64 << 10;

/// The monitoring clients, and the lines for them.
#[derive(Default)]
pub(crate) struct Monitors {
    here: Vec<ClientId>,
    /// Their number on other workers.
    elsewhere: usize,
    lines: Vec<u8>,
    /// The Unix time at which the worker's clock began, in microseconds.
    pub(super) clock_start: u64,
}

impl Monitors {
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        !self.here.is_empty() || self.elsewhere > 0
    }

    pub(super) fn has(&self, id: ClientId) -> bool {
        self.here.contains(&id)
    }

    /// Notes that a client of another worker monitors, or does so no more.
    pub(super) fn count_elsewhere(&mut self, begins: bool) {
        self.elsewhere = if begins { self.elsewhere + 1 } else { self.elsewhere.saturating_sub(1) };
    }
}

/// Shows a client every command from now on. The other workers know of it already.
pub(super) fn begin_monitor(base: &mut Base, id: ClientId) {
    if base.monitors.has(id) {
        // It is counted twice elsewhere.
        return say_ended(base);
    }
    base.monitors.here.push(id);
}

/// Ends the monitoring of a client, if it does that.
pub(super) fn end_monitor(base: &mut Base, id: ClientId) {
    if base.monitors.has(id) {
        base.monitors.here.retain(|held| *held != id);
        say_ended(base);
    }
}

/// Lets the other workers know that one monitoring client is none any more.
pub(super) fn say_ended(base: &mut Base) {
    // Nobody waits for an answer to number 0.
    let inquiry = Arc::new(SentInquiry { inquiry: Inquiry::EndMonitor, asker: 0, request: 0 });
    base.effects.push(Effect::Inquire { number: 0, inquiry });
}

/// Returns the lines of a command that is about to be taken. Those of queued commands come with their EXEC.
pub(super) fn lines_of(
    base: &Base,
    id: ClientId,
    request: &Request<'_>,
    command: Option<&'static Command>,
) -> Vec<u8> {
    let mut lines = Vec::new();
    let (Some(client), Some(command)) = (base.clients.get(id), command) else { return lines };
    let unix = base.monitors.clock_start.saturating_add(base.now);
    let mut append =
        |db: u32, request: &Request<'_>| append_line(&mut lines, unix, db, &client.ends, request);
    let mut db = client.session.db;
    let entry = command.subcommand(request).unwrap_or(command);
    match (&client.session.transaction, command.handling) {
        _ if !entry.arity_fits(request.len()) => {}
        (Some(transaction), Handling::Transaction(Transaction::Exec)) => {
            let mut first = true;
            each_request(&transaction.bytes, |queued| {
                // The block begins with MULTI, whose line was made when it came.
                let Some(command) = resolve(queued).filter(|_| !std::mem::take(&mut first)) else { return };
                if is_shown(command) {
                    append(db, queued);
                }
                if command.handling == Handling::Session(Session::Select) {
                    db = queued.arg(1).and_then(database).unwrap_or(db);
                }
            });
            append(db, request);
        }
        (Some(_), Handling::Transaction(Transaction::Discard)) => append(db, request),
        (Some(_), _) => {}
        (None, _) if is_shown(entry) => append(db, request),
        (None, _) => {}
    }
    lines
}

fn database(number: &[u8]) -> Option<u32> {
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Keeps lines until they are passed on.
pub(super) fn note_lines(base: &mut Base, lines: &[u8]) {
    base.monitors.lines.extend_from_slice(lines);
    if base.monitors.lines.len() > ENOUGH {
        pass_on_lines(base);
    }
}

/// Passes on the lines that have come together.
pub(super) fn pass_on_lines(base: &mut Base) {
    if base.monitors.lines.is_empty() {
        return;
    }
    let lines: Arc<[u8]> = std::mem::take(&mut base.monitors.lines).into();
    show(base, &lines);
    if base.monitors.elsewhere > 0 {
        base.effects.push(Effect::ShowElsewhere { lines });
    }
}

/// Gives lines to the monitoring clients of this worker, except to one that wants no replies, as servers do. One that does not read
/// them is closed.
pub(super) fn show(base: &mut Base, lines: &[u8]) {
    let limit = base.settings.output_buffer;
    for id in base.monitors.here.clone() {
        let client = base.client(id).filter(|client| client.session.reply_mode != ReplyMode::Off);
        let Some(client) = client else { continue };
        client.replies.push(lines);
        let is_over = client.replies.waiting() > limit;
        base.touch_client(id);
        if is_over {
            base.kill_client(id, CloseReason::OutputLimit);
        }
    }
}

/// Closes the monitoring clients of this worker: lines for them were dropped, which they cannot see.
pub(super) fn close_monitors(base: &mut Base) {
    base.monitors.here.clone().into_iter().for_each(|id| base.kill_client(id, CloseReason::OutputLimit));
}

/// Returns true if MONITOR shows this command. Admin commands may bear secrets. Scripts and functions have the flag `skip_monitor`, but
/// servers show them all the same: the flag only lets them do so in front of the commands that a script runs.
fn is_shown(command: &Command) -> bool {
    !command.flags.contains(Flags::ADMIN)
}
