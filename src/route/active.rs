//! Where a request goes with active nodes. Each of them has every key and takes every write, so the question is not
//! who has the keys but who is to write them, and what only all of them together can do.

use crate::command::{ActiveRule, Command, Lot, Merge, unavailable, unknown_command};
use crate::config::Flush;
use crate::resp::request::Request;

use super::owners::Owners;
use super::{Plan, Splitting, asked, by_keys, first_key, one, scan};

/// As [`super::plan`]. Where all keys have the same writer nobody looks at them.
pub(super) fn plan(
    request: &Request<'_>,
    command: Option<&'static Command>,
    owners: &Owners,
    splitting: Splitting,
) -> Plan {
    let Some(command) = command else { return unknown(request, owners) };
    let entry = command.subcommand(request).unwrap_or(command);
    match entry.active {
        ActiveRule::Keys if owners.is_uniform() => one(Lot::Home, owners),
        ActiveRule::Keys => by_keys(request, entry, owners, splitting),
        // What all of them do is done when each has said so.
        ActiveRule::EachNode => {
            Plan::Everywhere(asked(entry.merged().unwrap_or(Merge::AllSucceeded), request))
        }
        ActiveRule::Scan => scan::step(request, owners),
        ActiveRule::Info => Plan::Info(asked(Merge::Info, request)),
        ActiveRule::Flush => flush(request, owners),
        ActiveRule::Refuse(why) => Plan::Refused(unavailable(request, why).into()),
    }
}

/// The lot of the first key, for what goes by its keys.
pub(super) fn lot_of(request: &Request<'_>, entry: &Command, owners: &Owners) -> Option<Lot> {
    match entry.active {
        ActiveRule::Keys => first_key(request, entry, |key| owners.lot_of_key(key)),
        ActiveRule::EachNode
        | ActiveRule::Scan
        | ActiveRule::Info
        | ActiveRule::Flush
        | ActiveRule::Refuse(_) => None,
    }
}

/// Nobody knows its keys: where they may have a writer of their own, it could be the wrong one.
fn unknown(request: &Request<'_>, owners: &Owners) -> Plan {
    match owners.is_uniform() {
        true => one(Lot::Home, owners),
        false => Plan::Refused(unknown_command(request).into()),
    }
}

/// A flush of some nodes is undone by the others, which have the keys still.
fn flush(request: &Request<'_>, owners: &Owners) -> Plan {
    match owners.flush() {
        Some((Flush::All, true)) => Plan::Everywhere(Merge::Flushed),
        Some((Flush::All, false)) => Plan::Refused(unavailable(request, NOT_ALL_UP).into()),
        Some((Flush::Refuse, _)) | None => Plan::Refused(unavailable(request, NOT_ALLOWED).into()),
    }
}

const NOT_ALLOWED: &str =
    "it would have to empty every active node at once; `active.flush = \"all\"` sends it to all of them";
const NOT_ALL_UP: &str = "not all active nodes are up, and one that is away would bring the keys back";

#[cfg(test)]
mod tests;
