//! The plans of requests with active nodes. Each node has every key and takes every write, so a plan depends on which node is
//! to write the keys, and on which commands must run on all nodes.

use crate::command::{ActiveRule, Command, Lot, Merge, unavailable, unknown_command};
use crate::config::Flush;
use crate::resp::request::Request;

use super::owners::Owners;
use super::{Plan, Splitting, by_keys, first_key, merge_for, plan_for_lot, scan};

/// Returns the plan of a request, as [`super::plan`] does. If all keys have the same writer, it does not look at them.
pub(super) fn plan(
    request: &Request<'_>,
    command: Option<&'static Command>,
    owners: &Owners,
    splitting: Splitting,
) -> Plan {
    let Some(command) = command else { return unknown(request, owners) };
    let entry = command.subcommand(request).unwrap_or(command);
    match entry.active {
        ActiveRule::Keys if owners.is_uniform() => plan_for_lot(Lot::Home, owners),
        ActiveRule::Keys => by_keys(request, entry, owners, splitting),
        // Each node keeps its own state of this kind, so the command has succeeded once it has on every node.
        ActiveRule::EachNode => {
            Plan::Everywhere(merge_for(entry.merged().unwrap_or(Merge::AllSucceeded), request))
        }
        ActiveRule::Scan => scan::step(request, owners),
        ActiveRule::Info => Plan::Info(merge_for(Merge::Info, request)),
        ActiveRule::Flush => flush(request, owners),
        ActiveRule::Refuse(why) => Plan::Refused(unavailable(request, why).into()),
    }
}

/// Returns the lot of the first key of a command that is routed by its keys.
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

/// Returns the plan of an unknown command. Its keys cannot be found, so it is refused unless all keys have one writer.
fn unknown(request: &Request<'_>, owners: &Owners) -> Plan {
    match owners.is_uniform() {
        true => plan_for_lot(Lot::Home, owners),
        false => Plan::Refused(unknown_command(request).into()),
    }
}

/// Returns the plan of FLUSHALL or FLUSHDB. A flush of some nodes only would be undone by the others, which still have the keys.
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
