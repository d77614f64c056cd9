//! The command table and the decisions that follow from it: how to handle a command, where its keys are, and whether
//! it may run twice.
//!
//! There is no socket, no clock and no task here. The table is `generated`, made by `scripts/command-table.py` from
//! the answers of real servers and from `overlay.toml`, the only hand-written list of names. Where the options of a
//! request matter, the table names a rule (`ReplayRule`, `KeyRule`, `TimeoutArg`), which `replay`, `keys` or
//! `blocking` applies.
//!
//! What the table does not have is learned from the servers (`learned`). A command that is not known even then is
//! forwarded as one that must not run twice; its keys are unknown.

mod blocking;
mod debug;
mod events;
mod flags;
mod generated;
mod glob;
mod keys;
pub(crate) mod learned;
mod lookup;
mod lot;
mod options;
mod postponed;
mod relayed;
mod replay;
mod replica;
mod reply;
mod slot;
pub(crate) mod stream_ends;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod unknown;
mod writer;

// The only re-exports of the crate: the submodules show how the table is built, not what it offers.
pub(crate) use self::blocking::{is_blocking, timeout, with_timeout};
pub(crate) use self::debug::{Debugging, debugging};
pub(crate) use self::events::{KEY_EVENT_PREFIXES, is_key_event};
pub(crate) use self::flags::Flags;
pub(crate) use self::glob::matches_exactly;
pub(crate) use self::keys::{KeyRun, key_run, lone_key, visit_keys};
#[cfg(test)]
pub(crate) use self::lookup::all;
pub(crate) use self::lookup::{by_id, lookup};
pub(crate) use self::lot::Lot;
pub(crate) use self::postponed::is_postponed;
pub(crate) use self::relayed::for_replicas;
pub(crate) use self::replay::replay_class;
pub(crate) use self::replica::may_read_from_replica;
pub(crate) use self::reply::command_reply;
pub(crate) use self::slot::Slot;
pub(crate) use self::table::{
    ActiveRule, ClientCommand, ClientsCommand, ClusterCommand, Command, CommandId, Handling, Local, Merge,
    ReplayClass, RequestPolicy, RouteRule, Session, Subscribe, Transaction,
};
#[cfg(test)]
pub(crate) use self::table::{BeginSearch, FindKeys, KeyRule, KeySpec, ReplayRule};
pub(crate) use self::unknown::{unavailable, unknown_command, unknown_subcommand};

use crate::resp::request::Request;

/// Returns what the proxy does with the request before routing it.
///
/// A subcommand has a handling of its own. A subcommand that the table does not know is handled as its command is
/// (CLIENT: `Local::UnknownSubcommand`, COMMAND: `Local::Command`, CLUSTER: `ClusterCommand::Change`,
/// others: forwarded, for the server to judge). An unknown command is forwarded. XREAD and XREADGROUP are `Blocking`
/// only with BLOCK. The caller checks the arity first.
pub(crate) fn handling(request: &Request) -> Handling {
    let Some(command) = resolve(request) else { return Handling::Forward };
    match command.handling {
        Handling::Blocking if !is_blocking(request, command) => Handling::Forward,
        handling => handling,
    }
}

/// Returns the entry that holds for this request: the subcommand's if the table has it, else the command's.
pub(crate) fn resolve(request: &Request) -> Option<&'static Command> {
    let command = lookup(request.name())?;
    Some(command.subcommand(request).unwrap_or(command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;
    use crate::reasons::Family;

    fn handled(line: &str) -> Handling {
        handling(&Words::of(line).request())
    }

    #[test]
    fn each_command_is_handled_where_it_belongs() {
        let cases = [
            ("GET k", Handling::Forward),
            ("nosuchcommand k", Handling::Forward),
            ("ping", Handling::Local(Local::Ping)),
            ("COMMAND", Handling::Local(Local::Command)),
            ("COMMAND nosuch", Handling::Local(Local::Command)),
            ("client SetName x", Handling::Local(Local::Client(ClientCommand::SetName))),
            ("CLIENT REPLY OFF", Handling::Local(Local::Client(ClientCommand::Reply))),
            ("CLIENT", Handling::Local(Local::UnknownSubcommand)),
            ("CLIENT MAINT_NOTIFICATIONS ON", Handling::Local(Local::UnknownSubcommand)),
            ("CLIENT HELP", Handling::Forward),
            ("CLIENT TRACKING ON", Handling::Session(Session::Tracking)),
            ("CLIENT KILL ID 3", Handling::Local(Local::Clients(ClientsCommand::Kill))),
            ("CLIENT NO-TOUCH ON", Handling::Session(Session::NoTouch)),
            ("CLIENT IMPORT-SOURCE ON", Handling::Refuse("it would act on the proxy's own connections")),
            ("AUTH p", Handling::Session(Session::Auth)),
            ("SELECT 1", Handling::Session(Session::Select)),
            ("EXEC", Handling::Transaction(Transaction::Exec)),
            ("WATCH k", Handling::Watch),
            ("WAIT 1 0", Handling::Wait),
            ("SSUBSCRIBE c", Handling::Subscribe(Subscribe::Ssubscribe)),
            ("BLPOP k 0", Handling::Blocking),
            ("XREAD BLOCK 0 STREAMS s $", Handling::Blocking),
            ("XREAD COUNT 2 STREAMS s 0", Handling::Forward),
            ("XREADGROUP GROUP BLOCK c STREAMS s >", Handling::Forward),
            ("CLUSTER NODES", Handling::Local(Local::Cluster(ClusterCommand::Nodes))),
            ("CLUSTER RESET", Handling::Local(Local::Cluster(ClusterCommand::Change))),
            ("CLUSTER NOSUCH", Handling::Local(Local::Cluster(ClusterCommand::Change))),
            ("READONLY", Handling::Local(Local::Cluster(ClusterCommand::ReadOnly))),
            ("SENTINEL NOSUCH", Handling::Local(Local::Sentinel)),
            ("SCRIPT LOAD x", Handling::Forward),
            (
                "SCRIPT DEBUG YES",
                Handling::Refuse("a debugging session needs a connection of its own to one node"),
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(handled(line), expected, "{line}");
        }
    }

    #[test]
    fn commands_for_single_nodes_are_not_for_several_and_those_of_replication_for_none() {
        for name in "sync psync replconf restore-asking rreplay replping lfence".split_whitespace() {
            assert!(matches!(handled(name), Handling::Refuse(_)), "{name}");
        }
        for line in
            "failover,replicaof a 1,slaveof no one,shutdown,debug x,module load x,pfselftest".split(',')
        {
            assert!(matches!(handled(line), Handling::Operator(_)), "{line}");
            assert_eq!(replay_class(&Words::of(line).request()), ReplayClass::Destructive, "{line}");
        }
        for line in "save,bgsave,bgrewriteaof,module list,module nosuch".split(',') {
            assert_eq!(handled(line), Handling::Forward, "{line}");
        }
    }

    #[test]
    fn what_waits_has_a_timeout_and_what_reads_changes_nothing() {
        for command in all().flat_map(|command| command.subcommands.iter().chain([command])) {
            let name = command.name;
            assert_eq!(command.handling == Handling::Blocking, command.timeout.is_some(), "{name}");
            if command.flags.contains(Flags::READONLY) {
                assert_eq!(command.replay, ReplayClass::Read, "{name}");
            }
            if command.flags.contains(Flags::WRITE) {
                assert_ne!(command.replay, ReplayClass::Read, "{name}");
            }
            let of_connection = matches!(
                command.handling,
                Handling::Session(_)
                    | Handling::Watch
                    | Handling::Unwatch
                    | Handling::Wait
                    | Handling::Subscribe(_)
            );
            if of_connection {
                assert_eq!(command.replay, ReplayClass::Connection, "{name}");
            }
        }
    }

    #[test]
    fn the_table_is_sorted_and_counts_itself() {
        assert!(all().is_sorted_by_key(|command| command.name));
        for (index, command) in all().enumerate() {
            assert_eq!(usize::from(command.id.0), index);
            assert!(command.subcommands.iter().all(|sub| sub.id == command.id));
        }
    }

    #[test]
    fn families_follow_the_flags() {
        let cases = [
            ("get", Family::Read),
            ("set", Family::Write),
            ("blpop", Family::Blocking),
            ("xread", Family::Blocking),
            ("ping", Family::Other),
        ];
        for (name, family) in cases {
            assert_eq!(lookup(name.as_bytes()).map(Command::family), Some(family), "{name}");
        }
    }

    #[test]
    fn arity_counts_the_name() {
        let get = lookup(b"get").expect("known");
        let set = lookup(b"set").expect("known");
        assert_eq!([1, 2, 3].map(|argc| get.arity_fits(argc)), [false, true, false]);
        assert_eq!([2, 3, 9].map(|argc| set.arity_fits(argc)), [false, true, true]);
    }
}
