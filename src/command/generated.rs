//! The table of commands, sorted by name. Made by `scripts/command-table.py`; do not edit.
// @generated

use crate::command::flags::{Categories, Flags, KeyFlags};
use crate::command::table::*;

#[rustfmt::skip]
pub(super) static COMMANDS: [Command; 286] = [
    Command { id: CommandId(0), name: "acl", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(0), name: "acl|cat", arity: -2, flags:
        Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::STALE), categories: Categories::SLOW, replay:
        ReplayClass::Read, summary: "Lists the ACL categories, or the commands inside a category.", since: "6.0.0",
        group: "server", ..Command::BASE }, Command { id: CommandId(0), name: "acl|deluser", arity: -3, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::NotIdempotent,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AllSucceeded), active:
        ActiveRule::EachNode, tips: &["request_policy:all_nodes", "response_policy:all_succeeded"], summary:
        "Deletes ACL users, and terminates their connections.", since: "6.0.0", group: "server", ..Command::BASE },
        Command { id: CommandId(0), name: "acl|dryrun", arity: -4, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read, summary:
        "Simulates the execution of a command by a user, without executing the command.", since: "7.0.0", group:
        "server", ..Command::BASE }, Command { id: CommandId(0), name: "acl|genpass", arity: -2, flags:
        Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::STALE), categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, summary:
        "Generates a pseudorandom, secure password that can be used to identify ACL users.", since: "6.0.0", group:
        "server", ..Command::BASE }, Command { id: CommandId(0), name: "acl|getuser", arity: 3, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read, summary:
        "Lists the ACL rules of a user.", since: "6.0.0", group: "server", ..Command::BASE }, Command { id:
        CommandId(0), name: "acl|help", arity: 2, flags: Flags::LOADING.with(Flags::STALE), categories:
        Categories::SLOW, replay: ReplayClass::Read, summary: "Returns helpful text about the different subcommands.",
        since: "6.0.0", group: "server", ..Command::BASE }, Command { id: CommandId(0), name: "acl|list", arity: 2,
        flags: Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read, summary:
        "Dumps the effective rules in ACL file format.", since: "6.0.0", group: "server", ..Command::BASE }, Command {
        id: CommandId(0), name: "acl|load", arity: 2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::NotIdempotent,
        active: ActiveRule::EachNode, summary: "Reloads the rules from the configured ACL file.", since: "6.0.0",
        group: "server", ..Command::BASE }, Command { id: CommandId(0), name: "acl|log", arity: -2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::NotIdempotent,
        summary: "Lists recent security events generated due to ACL rules.", since: "6.0.0", group: "server",
        ..Command::BASE }, Command { id: CommandId(0), name: "acl|save", arity: 2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::NotIdempotent,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AllSucceeded), active:
        ActiveRule::EachNode, tips: &["request_policy:all_nodes", "response_policy:all_succeeded"], summary:
        "Saves the effective ACL rules in the configured ACL file.", since: "6.0.0", group: "server", ..Command::BASE
        }, Command { id: CommandId(0), name: "acl|setuser", arity: -3, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::NotIdempotent,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AllSucceeded), active:
        ActiveRule::EachNode, tips: &["request_policy:all_nodes", "response_policy:all_succeeded"], summary:
        "Creates and modifies an ACL user and its rules.", since: "6.0.0", group: "server", ..Command::BASE }, Command
        { id: CommandId(0), name: "acl|users", arity: 2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read, summary:
        "Lists all ACL users.", since: "6.0.0", group: "server", ..Command::BASE }, Command { id: CommandId(0), name:
        "acl|whoami", arity: 2, flags: Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::SLOW, replay: ReplayClass::Read, summary:
        "Returns the authenticated username of the current connection.", since: "6.0.0", group: "server",
        ..Command::BASE }], summary: "A container for Access List Control commands.", since: "6.0.0", group: "server",
        ..Command::BASE },
    Command { id: CommandId(1), name: "append", arity: 3, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::STRING).with(Categories::WRITE), replay:
        ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 1, 1),
        summary: "Appends a string to the value of a key. Creates the key if it doesn't exist.", since: "2.0.0",
        group: "string", ..Command::BASE },
    Command { id: CommandId(2), name: "asking", arity: 1, flags: Flags::FAST, categories:
        Categories::CONNECTION.with(Categories::FAST), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Asking)), replay: ReplayClass::Connection, summary:
        "Signals that a cluster client is following an -ASK redirect.", since: "3.0.0", group: "cluster",
        ..Command::BASE },
    Command { id: CommandId(3), name: "auth", arity: -2, flags:
        Flags::ALLOW_BUSY.with(Flags::FAST).with(Flags::LOADING).with(Flags::NO_AUTH).with(Flags::NOSCRIPT).with(Flags::STALE),
        categories: Categories::CONNECTION.with(Categories::FAST), handling: Handling::Session(Session::Auth), replay:
        ReplayClass::Connection, summary: "Authenticates the connection.", since: "1.0.0", group: "connection",
        ..Command::BASE },
    Command { id: CommandId(4), name: "bgrewriteaof", arity: 1, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::NOSCRIPT), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::SameState, active:
        ActiveRule::EachNode, merge: Some(Merge::AllSucceeded), summary:
        "Asynchronously rewrites the append-only file to disk.", since: "1.0.0", group: "server", ..Command::BASE },
    Command { id: CommandId(5), name: "bgsave", arity: -1, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::NOSCRIPT), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::SameState, active:
        ActiveRule::EachNode, merge: Some(Merge::AllSucceeded), summary:
        "Asynchronously saves the database(s) to disk.", since: "1.0.0", group: "server", ..Command::BASE },
    Command { id: CommandId(6), name: "bitcount", arity: -2, flags: Flags::READONLY, categories:
        Categories::BITMAP.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Counts the number of set bits (population counting) in a string.", since: "2.6.0", group: "bitmap",
        ..Command::BASE },
    Command { id: CommandId(7), name: "bitfield", arity: -2, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::BITMAP.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        replay_rule: ReplayRule::Bitfield, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range
        { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE).with(KeyFlags::VARIABLE), notes:
        "This command allows both access and modification of the key" }], key_range: (1, 1, 1), summary:
        "Performs arbitrary bitfield integer operations on strings.", since: "3.2.0", group: "bitmap", ..Command::BASE
        },
    Command { id: CommandId(8), name: "bitfield_ro", arity: -2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::BITMAP.with(Categories::FAST).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Performs arbitrary read-only bitfield integer operations on strings.", since: "6.0.0", group: "bitmap",
        ..Command::BASE },
    Command { id: CommandId(9), name: "bitop", arity: -4, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::BITMAP.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Store, key_specs: &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(3), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (2, -1, 1), summary:
        "Performs bitwise operations on multiple strings, and stores the result.", since: "2.6.0", group: "bitmap",
        ..Command::BASE },
    Command { id: CommandId(10), name: "bitpos", arity: -3, flags: Flags::READONLY, categories:
        Categories::BITMAP.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Finds the first set (1) or clear (0) bit in a string.", since: "2.8.7", group: "bitmap", ..Command::BASE },
    Command { id: CommandId(11), name: "blmove", arity: 6, flags:
        Flags::BLOCKING.with(Flags::DENYOOM).with(Flags::WRITE), categories:
        Categories::BLOCKING.with(Categories::LIST).with(Categories::SLOW).with(Categories::WRITE), handling:
        Handling::Blocking, replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1),
        find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 2, 1), timeout:
        Some(TimeoutArg::LastSeconds), summary:
        "Pops an element from a list, pushes it to another list and returns it. Blocks until an element is available otherwise. Deletes the list if the last element was moved.",
        since: "6.2.0", group: "list", ..Command::BASE },
    Command { id: CommandId(12), name: "blmpop", arity: -5, flags:
        Flags::BLOCKING.with(Flags::MOVABLEKEYS).with(Flags::WRITE), categories:
        Categories::BLOCKING.with(Categories::LIST).with(Categories::SLOW).with(Categories::WRITE), handling:
        Handling::Blocking, replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(2),
        find: FindKeys::Count { count: 0, first: 1, step: 1 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], timeout:
        Some(TimeoutArg::FirstSeconds), summary:
        "Pops the first element from one of multiple lists. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
        since: "7.0.0", group: "list", ..Command::BASE },
    Command { id: CommandId(13), name: "blpop", arity: -3, flags: Flags::BLOCKING.with(Flags::WRITE), categories:
        Categories::BLOCKING.with(Categories::LIST).with(Categories::SLOW).with(Categories::WRITE), handling:
        Handling::Blocking, replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1),
        find: FindKeys::Range { last: -2, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], key_range: (1, -2, 1), timeout:
        Some(TimeoutArg::LastSeconds), summary:
        "Removes and returns the first element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
        since: "2.0.0", group: "list", ..Command::BASE },
    Command { id: CommandId(14), name: "brpop", arity: -3, flags: Flags::BLOCKING.with(Flags::WRITE), categories:
        Categories::BLOCKING.with(Categories::LIST).with(Categories::SLOW).with(Categories::WRITE), handling:
        Handling::Blocking, replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1),
        find: FindKeys::Range { last: -2, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], key_range: (1, -2, 1), timeout:
        Some(TimeoutArg::LastSeconds), summary:
        "Removes and returns the last element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
        since: "2.0.0", group: "list", ..Command::BASE },
    Command { id: CommandId(15), name: "brpoplpush", arity: 4, flags:
        Flags::BLOCKING.with(Flags::DENYOOM).with(Flags::WRITE), categories:
        Categories::BLOCKING.with(Categories::LIST).with(Categories::SLOW).with(Categories::WRITE), handling:
        Handling::Blocking, replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1),
        find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 2, 1), timeout:
        Some(TimeoutArg::LastSeconds), summary:
        "Pops an element from a list, pushes it to another list and returns it. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
        since: "2.2.0", group: "list", ..Command::BASE },
    Command { id: CommandId(16), name: "bzmpop", arity: -5, flags:
        Flags::BLOCKING.with(Flags::MOVABLEKEYS).with(Flags::WRITE), categories:
        Categories::BLOCKING.with(Categories::SLOW).with(Categories::SORTEDSET).with(Categories::WRITE), handling:
        Handling::Blocking, replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(2),
        find: FindKeys::Count { count: 0, first: 1, step: 1 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], timeout:
        Some(TimeoutArg::FirstSeconds), summary:
        "Removes and returns a member by score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.",
        since: "7.0.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(17), name: "bzpopmax", arity: -3, flags:
        Flags::BLOCKING.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::BLOCKING.with(Categories::FAST).with(Categories::SORTEDSET).with(Categories::WRITE), handling:
        Handling::Blocking, replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1),
        find: FindKeys::Range { last: -2, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], key_range: (1, -2, 1), timeout:
        Some(TimeoutArg::LastSeconds), summary:
        "Removes and returns the member with the highest score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.",
        since: "5.0.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(18), name: "bzpopmin", arity: -3, flags:
        Flags::BLOCKING.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::BLOCKING.with(Categories::FAST).with(Categories::SORTEDSET).with(Categories::WRITE), handling:
        Handling::Blocking, replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1),
        find: FindKeys::Range { last: -2, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], key_range: (1, -2, 1), timeout:
        Some(TimeoutArg::LastSeconds), summary:
        "Removes and returns the member with the lowest score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.",
        since: "5.0.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(19), name: "client", arity: -2, categories: Categories::SLOW, handling:
        Handling::Local(Local::UnknownSubcommand), replay: ReplayClass::Connection, subcommands: &[Command { id:
        CommandId(19), name: "client|caching", arity: 3, flags:
        Flags::ALLOW_BUSY.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling:
        Handling::Local(Local::Client(ClientCommand::Caching)), replay: ReplayClass::Connection, summary:
        "Instructs the server whether to track the keys in the next request.", since: "6.0.0", group: "connection",
        ..Command::BASE }, Command { id: CommandId(19), name: "client|capa", arity: -3, flags:
        Flags::ALLOW_BUSY.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling: Handling::Local(Local::Client(ClientCommand::Capa)),
        replay: ReplayClass::Connection, summary: "A client claims its capability.", since: "8.0.0", group:
        "connection", ..Command::BASE }, Command { id: CommandId(19), name: "client|getname", arity: 2, flags:
        Flags::ALLOW_BUSY.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling:
        Handling::Local(Local::Client(ClientCommand::GetName)), replay: ReplayClass::Read, summary:
        "Returns the name of the connection.", since: "2.6.9", group: "connection", ..Command::BASE }, Command { id:
        CommandId(19), name: "client|getredir", arity: 2, flags:
        Flags::ALLOW_BUSY.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling:
        Handling::Local(Local::Client(ClientCommand::GetRedir)), replay: ReplayClass::Connection, summary:
        "Returns the client ID to which the connection's tracking notifications are redirected.", since: "6.0.0",
        group: "connection", ..Command::BASE }, Command { id: CommandId(19), name: "client|help", arity: 2, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::CONNECTION.with(Categories::SLOW), replay:
        ReplayClass::Read, summary: "Returns helpful text about the different subcommands.", since: "5.0.0", group:
        "connection", ..Command::BASE }, Command { id: CommandId(19), name: "client|id", arity: 2, flags:
        Flags::ALLOW_BUSY.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling: Handling::Local(Local::Client(ClientCommand::Id)),
        replay: ReplayClass::Read, summary: "Returns the unique client ID of the connection.", since: "5.0.0", group:
        "connection", ..Command::BASE }, Command { id: CommandId(19), name: "client|import-source", arity: 3, flags:
        Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling:
        Handling::Refuse("it would act on the proxy's own connections"), replay: ReplayClass::Connection, summary:
        "Marks this client as an import source when the server is in import mode.", since: "8.1.0", group:
        "connection", ..Command::BASE }, Command { id: CommandId(19), name: "client|info", arity: 2, flags:
        Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling: Handling::Local(Local::Client(ClientCommand::Info)),
        replay: ReplayClass::Read, tips: &["nondeterministic_output"], summary:
        "Returns information about the connection.", since: "6.2.0", group: "connection", ..Command::BASE }, Command {
        id: CommandId(19), name: "client|kill", arity: -3, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::CONNECTION).with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Clients(ClientsCommand::Kill)), replay: ReplayClass::Connection, summary:
        "Terminates open connections.", since: "2.4.0", group: "connection", ..Command::BASE }, Command { id:
        CommandId(19), name: "client|list", arity: -2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::CONNECTION).with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Clients(ClientsCommand::List)), replay: ReplayClass::Connection, tips:
        &["nondeterministic_output"], summary: "Lists open connections.", since: "2.4.0", group: "connection",
        ..Command::BASE }, Command { id: CommandId(19), name: "client|no-evict", arity: 3, flags:
        Flags::ADMIN.with(Flags::ALLOW_BUSY).with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE),
        categories: Categories::ADMIN.with(Categories::CONNECTION).with(Categories::DANGEROUS).with(Categories::SLOW),
        handling: Handling::Local(Local::Client(ClientCommand::NoEvict)), replay: ReplayClass::Connection, summary:
        "Sets the client eviction mode of the connection.", since: "7.0.0", group: "connection", ..Command::BASE },
        Command { id: CommandId(19), name: "client|no-touch", arity: 3, flags:
        Flags::ALLOW_BUSY.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling: Handling::Session(Session::NoTouch), replay:
        ReplayClass::Connection, summary:
        "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.", since: "7.2.0", group:
        "connection", ..Command::BASE }, Command { id: CommandId(19), name: "client|pause", arity: -3, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::CONNECTION).with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Clients(ClientsCommand::Pause)), replay: ReplayClass::Connection, summary:
        "Suspends commands processing.", since: "2.9.50", group: "connection", ..Command::BASE }, Command { id:
        CommandId(19), name: "client|reply", arity: 3, flags:
        Flags::ALLOW_BUSY.with(Flags::LOADING).with(Flags::NO_MULTI).with(Flags::NOSCRIPT).with(Flags::STALE),
        categories: Categories::CONNECTION.with(Categories::SLOW), handling:
        Handling::Local(Local::Client(ClientCommand::Reply)), replay: ReplayClass::Connection, summary:
        "Instructs the server whether to reply to commands.", since: "3.2.0", group: "connection", ..Command::BASE },
        Command { id: CommandId(19), name: "client|setinfo", arity: 4, flags:
        Flags::ALLOW_BUSY.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling:
        Handling::Local(Local::Client(ClientCommand::SetInfo)), replay: ReplayClass::Connection, request_policy:
        Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AllSucceeded), tips:
        &["request_policy:all_nodes", "response_policy:all_succeeded"], summary:
        "Sets information specific to the client or connection.", since: "7.2.0", group: "connection", ..Command::BASE
        }, Command { id: CommandId(19), name: "client|setname", arity: 3, flags:
        Flags::ALLOW_BUSY.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling:
        Handling::Local(Local::Client(ClientCommand::SetName)), replay: ReplayClass::Connection, request_policy:
        Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AllSucceeded), tips:
        &["request_policy:all_nodes", "response_policy:all_succeeded"], summary: "Sets the connection name.", since:
        "2.6.9", group: "connection", ..Command::BASE }, Command { id: CommandId(19), name: "client|tracking", arity:
        -3, flags: Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling: Handling::Session(Session::Tracking), replay:
        ReplayClass::Connection, summary: "Controls server-assisted client-side caching for the connection.", since:
        "6.0.0", group: "connection", ..Command::BASE }, Command { id: CommandId(19), name: "client|trackinginfo",
        arity: 2, flags: Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling:
        Handling::Local(Local::Client(ClientCommand::TrackingInfo)), replay: ReplayClass::Connection, summary:
        "Returns information about server-assisted client-side caching for the connection.", since: "6.2.0", group:
        "connection", ..Command::BASE }, Command { id: CommandId(19), name: "client|unblock", arity: -3, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::CONNECTION).with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Clients(ClientsCommand::Unblock)), replay: ReplayClass::Connection, summary:
        "Unblocks a client blocked by a blocking command from a different connection.", since: "5.0.0", group:
        "connection", ..Command::BASE }, Command { id: CommandId(19), name: "client|unpause", arity: 2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::CONNECTION).with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Clients(ClientsCommand::Unpause)), replay: ReplayClass::Connection, summary:
        "Resumes processing commands from paused clients.", since: "6.2.0", group: "connection", ..Command::BASE }],
        summary: "A container for client connection commands.", since: "2.4.0", group: "connection", ..Command::BASE },
    Command { id: CommandId(20), name: "cluster", arity: -2, categories: Categories::SLOW, handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::NotIdempotent, subcommands:
        &[Command { id: CommandId(20), name: "cluster|addslots", arity: -3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Assigns new hash slots to a node.", since: "3.0.0", group: "cluster", ..Command::BASE }, Command { id:
        CommandId(20), name: "cluster|addslotsrange", arity: -4, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Assigns new hash slot ranges to a node.", since: "7.0.0", group: "cluster", ..Command::BASE }, Command { id:
        CommandId(20), name: "cluster|bumpepoch", arity: 2, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, tips:
        &["nondeterministic_output"], summary: "Advances the cluster config epoch.", since: "3.0.0", group: "cluster",
        ..Command::BASE }, Command { id: CommandId(20), name: "cluster|cancelslotmigrations", arity: 2, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Cancel all current ongoing slot migration operations.", since: "9.0.0", group: "cluster", ..Command::BASE },
        Command { id: CommandId(20), name: "cluster|count-failure-reports", arity: 3, flags:
        Flags::ADMIN.with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::FailureReports)), replay: ReplayClass::Read, tips:
        &["nondeterministic_output"], summary:
        "Returns the number of active failure reports for a node. No new reports are created once the node is marked as failed.",
        since: "3.0.0", group: "cluster", ..Command::BASE }, Command { id: CommandId(20), name:
        "cluster|countkeysinslot", arity: 3, flags: Flags::STALE, categories: Categories::SLOW, handling:
        Handling::Local(Local::Cluster(ClusterCommand::SlotKeys)), replay: ReplayClass::Read, route:
        RouteRule::SlotNumber, summary: "Returns the number of keys in a hash slot.", since: "3.0.0", group:
        "cluster", ..Command::BASE }, Command { id: CommandId(20), name: "cluster|delslots", arity: -3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Sets hash slots as unbound for a node.", since: "3.0.0", group: "cluster", ..Command::BASE }, Command { id:
        CommandId(20), name: "cluster|delslotsrange", arity: -4, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Sets hash slot ranges as unbound for a node.", since: "7.0.0", group: "cluster", ..Command::BASE }, Command {
        id: CommandId(20), name: "cluster|failover", arity: -2, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Forces a replica to perform a manual failover of its primary.", since: "3.0.0", group: "cluster",
        ..Command::BASE }, Command { id: CommandId(20), name: "cluster|flushslot", arity: -3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::WRITE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::KEYSPACE).with(Categories::SLOW).with(Categories::WRITE),
        handling: Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Removes all keys from the target slot.", since: "9.0.0", group: "cluster", ..Command::BASE }, Command { id:
        CommandId(20), name: "cluster|flushslots", arity: 2, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Deletes all slots information from a node.", since: "3.0.0", group: "cluster", ..Command::BASE }, Command {
        id: CommandId(20), name: "cluster|forget", arity: 3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Removes a node from the nodes table.", since: "3.0.0", group: "cluster", ..Command::BASE }, Command { id:
        CommandId(20), name: "cluster|getkeysinslot", arity: 4, flags: Flags::STALE, categories: Categories::SLOW,
        handling: Handling::Local(Local::Cluster(ClusterCommand::SlotKeys)), replay: ReplayClass::Read, route:
        RouteRule::SlotNumber, tips: &["nondeterministic_output"], summary: "Returns the key names in a hash slot.",
        since: "3.0.0", group: "cluster", ..Command::BASE }, Command { id: CommandId(20), name:
        "cluster|getslotmigrations", arity: 2, flags: Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE),
        categories: Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::SlotMigrations)), replay: ReplayClass::Read, summary:
        "Gets the status of ongoing and recently finished slot import and export operations.", since: "9.0.0", group:
        "cluster", ..Command::BASE }, Command { id: CommandId(20), name: "cluster|help", arity: 2, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::SLOW, handling:
        Handling::Local(Local::Cluster(ClusterCommand::Help)), replay: ReplayClass::Read, summary:
        "Returns helpful text about the different subcommands.", since: "5.0.0", group: "cluster", ..Command::BASE },
        Command { id: CommandId(20), name: "cluster|info", arity: 2, flags: Flags::LOADING.with(Flags::STALE),
        categories: Categories::SLOW, handling: Handling::Local(Local::Cluster(ClusterCommand::Info)), replay:
        ReplayClass::Read, tips: &["nondeterministic_output"], summary:
        "Returns information about the state of a node.", since: "3.0.0", group: "cluster", ..Command::BASE }, Command
        { id: CommandId(20), name: "cluster|keyslot", arity: 3, flags: Flags::STALE, categories: Categories::SLOW,
        handling: Handling::Local(Local::Cluster(ClusterCommand::KeySlot)), replay: ReplayClass::Read, summary:
        "Returns the hash slot for a key.", since: "3.0.0", group: "cluster", ..Command::BASE }, Command { id:
        CommandId(20), name: "cluster|links", arity: 2, flags: Flags::STALE, categories: Categories::SLOW, handling:
        Handling::Local(Local::Cluster(ClusterCommand::Links)), replay: ReplayClass::Read, tips:
        &["nondeterministic_output"], summary: "Returns a list of all TCP links to and from peer nodes.", since:
        "7.0.0", group: "cluster", ..Command::BASE }, Command { id: CommandId(20), name: "cluster|meet", arity: -4,
        flags: Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Forces a node to handshake with another node.", since: "3.0.0", group: "cluster", ..Command::BASE }, Command
        { id: CommandId(20), name: "cluster|migrateslots", arity: -4, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Migrate the given slots from this node to the specified nodes.", since: "9.0.0", group: "cluster",
        ..Command::BASE }, Command { id: CommandId(20), name: "cluster|myid", arity: 2, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::SLOW, handling:
        Handling::Local(Local::Cluster(ClusterCommand::MyId)), replay: ReplayClass::Read, summary:
        "Returns the ID of a node.", since: "3.0.0", group: "cluster", ..Command::BASE }, Command { id: CommandId(20),
        name: "cluster|myshardid", arity: 2, flags: Flags::LOADING.with(Flags::STALE), categories: Categories::SLOW,
        handling: Handling::Local(Local::Cluster(ClusterCommand::MyShardId)), replay: ReplayClass::Read, tips:
        &["nondeterministic_output"], summary: "Returns the shard ID of a node.", since: "7.2.0", group: "cluster",
        ..Command::BASE }, Command { id: CommandId(20), name: "cluster|nodes", arity: 2, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::SLOW, handling:
        Handling::Local(Local::Cluster(ClusterCommand::Nodes)), replay: ReplayClass::Read, tips:
        &["nondeterministic_output"], summary: "Returns the cluster configuration for a node.", since: "3.0.0", group:
        "cluster", ..Command::BASE }, Command { id: CommandId(20), name: "cluster|replicas", arity: 3, flags:
        Flags::ADMIN.with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Replicas)), replay: ReplayClass::Read, tips:
        &["nondeterministic_output"], summary: "Lists the replica nodes of a primary node.", since: "5.0.0", group:
        "cluster", ..Command::BASE }, Command { id: CommandId(20), name: "cluster|replicate", arity: -3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Configures a node as replica of a primary node or detaches a replica from its primary.", since: "3.0.0",
        group: "cluster", ..Command::BASE }, Command { id: CommandId(20), name: "cluster|reset", arity: -2, flags:
        Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Resets a node.", since: "3.0.0", group: "cluster", ..Command::BASE }, Command { id: CommandId(20), name:
        "cluster|saveconfig", arity: 2, flags: Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE),
        categories: Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Forces a node to save the cluster configuration to disk.", since: "3.0.0", group: "cluster", ..Command::BASE
        }, Command { id: CommandId(20), name: "cluster|set-config-epoch", arity: 3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Sets the configuration epoch for a new node.", since: "3.0.0", group: "cluster", ..Command::BASE }, Command {
        id: CommandId(20), name: "cluster|setslot", arity: -4, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "Binds a hash slot to a node.", since: "3.0.0", group: "cluster", ..Command::BASE }, Command { id:
        CommandId(20), name: "cluster|shards", arity: 2, flags: Flags::LOADING.with(Flags::STALE), categories:
        Categories::SLOW, handling: Handling::Local(Local::Cluster(ClusterCommand::Shards)), replay:
        ReplayClass::Read, tips: &["nondeterministic_output"], summary:
        "Returns the mapping of cluster slots to shards.", since: "7.0.0", group: "cluster", ..Command::BASE },
        Command { id: CommandId(20), name: "cluster|slaves", arity: 3, flags: Flags::ADMIN.with(Flags::STALE),
        categories: Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Replicas)), replay: ReplayClass::Read, tips:
        &["nondeterministic_output"], summary: "Lists the replica nodes of a primary node.", since: "3.0.0", group:
        "cluster", ..Command::BASE }, Command { id: CommandId(20), name: "cluster|slot-stats", arity: -4, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::SLOW, handling:
        Handling::Local(Local::Cluster(ClusterCommand::SlotKeys)), replay: ReplayClass::Read, request_policy:
        Some(RequestPolicy::AllShards), merge: Some(Merge::Lists), tips: &["nondeterministic_output",
        "request_policy:all_shards"], summary:
        "Return an array of slot usage statistics for slots assigned to the current node.", since: "8.0.0", group:
        "cluster", ..Command::BASE }, Command { id: CommandId(20), name: "cluster|slots", arity: 2, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::SLOW, handling:
        Handling::Local(Local::Cluster(ClusterCommand::Slots)), replay: ReplayClass::Read, tips:
        &["nondeterministic_output"], summary: "Returns the mapping of cluster slots to nodes.", since: "3.0.0",
        group: "cluster", ..Command::BASE }, Command { id: CommandId(20), name: "cluster|syncslots", arity: -3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Cluster(ClusterCommand::Change)), replay: ReplayClass::Destructive, summary:
        "A container for internal slot migration commands.", since: "9.0.0", group: "cluster", ..Command::BASE }],
        summary: "A container for Cluster commands.", since: "3.0.0", group: "cluster", ..Command::BASE },
    Command { id: CommandId(21), name: "clusterscan", arity: -2, flags: Flags::READONLY, categories:
        Categories::KEYSPACE.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::NOT_KEY, notes: "" }], key_range: (1, 1, 1), request_policy: Some(RequestPolicy::Special),
        response_policy: Some(ResponsePolicy::Special), tips: &["nondeterministic_output", "request_policy:special",
        "response_policy:special"], summary: "Iterates over the keys in the cluster.", since: "9.1.0", group:
        "cluster", ..Command::BASE },
    Command { id: CommandId(22), name: "command", arity: -1, flags: Flags::LOADING.with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling: Handling::Local(Local::Command), replay:
        ReplayClass::Read, tips: &["nondeterministic_output_order"], subcommands: &[Command { id: CommandId(22), name:
        "command|count", arity: 2, flags: Flags::LOADING.with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::SLOW), handling: Handling::Local(Local::Command), replay:
        ReplayClass::Read, summary: "Returns a count of commands.", since: "2.8.13", group: "server", ..Command::BASE
        }, Command { id: CommandId(22), name: "command|docs", arity: -2, flags: Flags::LOADING.with(Flags::STALE),
        categories: Categories::CONNECTION.with(Categories::SLOW), handling: Handling::Local(Local::Command), replay:
        ReplayClass::Read, tips: &["nondeterministic_output_order"], summary:
        "Returns documentary information about one, multiple or all commands.", since: "7.0.0", group: "server",
        ..Command::BASE }, Command { id: CommandId(22), name: "command|getkeys", arity: -3, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::CONNECTION.with(Categories::SLOW), handling:
        Handling::Local(Local::Command), replay: ReplayClass::Read, summary:
        "Extracts the key names from an arbitrary command.", since: "2.8.13", group: "server", ..Command::BASE },
        Command { id: CommandId(22), name: "command|getkeysandflags", arity: -3, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::CONNECTION.with(Categories::SLOW), handling:
        Handling::Local(Local::Command), replay: ReplayClass::Read, summary:
        "Extracts the key names and access flags for an arbitrary command.", since: "7.0.0", group: "server",
        ..Command::BASE }, Command { id: CommandId(22), name: "command|help", arity: 2, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::CONNECTION.with(Categories::SLOW), handling:
        Handling::Local(Local::Command), replay: ReplayClass::Read, summary:
        "Returns helpful text about the different subcommands.", since: "5.0.0", group: "server", ..Command::BASE },
        Command { id: CommandId(22), name: "command|info", arity: -2, flags: Flags::LOADING.with(Flags::STALE),
        categories: Categories::CONNECTION.with(Categories::SLOW), handling: Handling::Local(Local::Command), replay:
        ReplayClass::Read, tips: &["nondeterministic_output_order"], summary:
        "Returns information about one, multiple or all commands.", since: "2.8.13", group: "server", ..Command::BASE
        }, Command { id: CommandId(22), name: "command|list", arity: -2, flags: Flags::LOADING.with(Flags::STALE),
        categories: Categories::CONNECTION.with(Categories::SLOW), handling: Handling::Local(Local::Command), replay:
        ReplayClass::Read, tips: &["nondeterministic_output_order"], summary: "Returns a list of command names.",
        since: "7.0.0", group: "server", ..Command::BASE }], summary:
        "Returns detailed information about all commands.", since: "2.8.13", group: "server", ..Command::BASE },
    Command { id: CommandId(23), name: "commandlog", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(23), name: "commandlog|get", arity: 4,
        flags: Flags::ADMIN.with(Flags::LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read,
        request_policy: Some(RequestPolicy::AllNodes), active: ActiveRule::EachNode, merge: Some(Merge::Newest(10)),
        tips: &["request_policy:all_nodes", "nondeterministic_output"], summary:
        "Returns the specified command log's entries.", since: "8.1.0", group: "server", ..Command::BASE }, Command {
        id: CommandId(23), name: "commandlog|help", arity: 2, flags: Flags::LOADING.with(Flags::STALE), categories:
        Categories::SLOW, replay: ReplayClass::Read, summary: "Shows helpful text about the different subcommands.",
        since: "8.1.0", group: "server", ..Command::BASE }, Command { id: CommandId(23), name: "commandlog|len",
        arity: 3, flags: Flags::ADMIN.with(Flags::LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AggSum), active:
        ActiveRule::EachNode, tips: &["request_policy:all_nodes", "response_policy:agg_sum",
        "nondeterministic_output"], summary: "Returns the number of entries in the specified type of command log.",
        since: "8.1.0", group: "server", ..Command::BASE }, Command { id: CommandId(23), name: "commandlog|reset",
        arity: 3, flags: Flags::ADMIN.with(Flags::LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::NotIdempotent,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AllSucceeded), active:
        ActiveRule::EachNode, tips: &["request_policy:all_nodes", "response_policy:all_succeeded"], summary:
        "Clears all entries from the specified type of command log.", since: "8.1.0", group: "server", ..Command::BASE
        }], summary: "A container for command log commands.", since: "8.1.0", group: "server", ..Command::BASE },
    Command { id: CommandId(24), name: "config", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(24), name: "config|get", arity: -3, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read, summary:
        "Returns the effective values of configuration parameters.", since: "2.0.0", group: "server", ..Command::BASE
        }, Command { id: CommandId(24), name: "config|help", arity: 2, flags: Flags::LOADING.with(Flags::STALE),
        categories: Categories::SLOW, replay: ReplayClass::Read, summary:
        "Returns helpful text about the different subcommands.", since: "5.0.0", group: "server", ..Command::BASE },
        Command { id: CommandId(24), name: "config|resetstat", arity: 2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::NotIdempotent,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AllSucceeded), active:
        ActiveRule::EachNode, tips: &["request_policy:all_nodes", "response_policy:all_succeeded"], summary:
        "Resets the server's statistics.", since: "2.0.0", group: "server", ..Command::BASE }, Command { id:
        CommandId(24), name: "config|rewrite", arity: 2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::NotIdempotent,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AllSucceeded), active:
        ActiveRule::EachNode, tips: &["request_policy:all_nodes", "response_policy:all_succeeded"], summary:
        "Persists the effective configuration to file.", since: "2.8.0", group: "server", ..Command::BASE }, Command {
        id: CommandId(24), name: "config|set", arity: -4, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::NotIdempotent,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AllSucceeded), active:
        ActiveRule::EachNode, tips: &["request_policy:all_nodes", "response_policy:all_succeeded"], summary:
        "Sets configuration parameters in-flight.", since: "2.0.0", group: "server", ..Command::BASE }], summary:
        "A container for server configuration commands.", since: "2.0.0", group: "server", ..Command::BASE },
    Command { id: CommandId(25), name: "copy", arity: -3, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::KEYSPACE.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Copy, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 2, 1), summary:
        "Copies the value of a key to a new key.", since: "6.2.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(26), name: "dbsize", arity: 1, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::READ), replay: ReplayClass::Read, request_policy:
        Some(RequestPolicy::AllShards), response_policy: Some(ResponsePolicy::AggSum), tips:
        &["request_policy:all_shards", "response_policy:agg_sum"], summary:
        "Returns the number of keys in the database.", since: "1.0.0", group: "server", ..Command::BASE },
    Command { id: CommandId(27), name: "debug", arity: -2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Operator("it is meant for one node, send it there"), replay: ReplayClass::Destructive, summary:
        "A container for debugging commands.", since: "1.0.0", group: "server", ..Command::BASE },
    Command { id: CommandId(28), name: "decr", arity: 2, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::STRING).with(Categories::WRITE), replay:
        ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }],
        key_range: (1, 1, 1), summary:
        "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.", since:
        "1.0.0", group: "string", ..Command::BASE },
    Command { id: CommandId(29), name: "decrby", arity: 3, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::STRING).with(Categories::WRITE), replay:
        ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }],
        key_range: (1, 1, 1), summary:
        "Decrements the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist.", since:
        "1.0.0", group: "string", ..Command::BASE },
    Command { id: CommandId(30), name: "del", arity: -2, flags: Flags::WRITE, categories:
        Categories::KEYSPACE.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::SameState,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 1, limit: 0 },
        flags: KeyFlags::RM.with(KeyFlags::DELETE), notes: "" }], key_range: (1, -1, 1), request_policy:
        Some(RequestPolicy::MultiShard), response_policy: Some(ResponsePolicy::AggSum), tips:
        &["request_policy:multi_shard", "response_policy:agg_sum"], summary: "Deletes one or more keys.", since:
        "1.0.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(31), name: "delifeq", arity: 3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Decides, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RM.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Delete key if value matches string.", since: "9.0.0", group: "string", ..Command::BASE },
    Command { id: CommandId(32), name: "discard", arity: 1, flags:
        Flags::ALLOW_BUSY.with(Flags::FAST).with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::FAST.with(Categories::TRANSACTION), handling: Handling::Transaction(Transaction::Discard), replay:
        ReplayClass::Connection, summary: "Discards a transaction.", since: "2.0.0", group: "transactions",
        ..Command::BASE },
    Command { id: CommandId(33), name: "dump", arity: 2, flags: Flags::READONLY, categories:
        Categories::KEYSPACE.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips: &["nondeterministic_output"],
        summary: "Returns a serialized representation of the value stored at a key.", since: "2.6.0", group:
        "generic", ..Command::BASE },
    Command { id: CommandId(34), name: "echo", arity: 2, flags: Flags::FAST.with(Flags::LOADING).with(Flags::STALE),
        categories: Categories::CONNECTION.with(Categories::FAST), handling: Handling::Local(Local::Echo), replay:
        ReplayClass::Read, summary: "Returns the given string.", since: "1.0.0", group: "connection", ..Command::BASE
        },
    Command { id: CommandId(35), name: "eval", arity: -3, flags:
        Flags::MOVABLEKEYS.with(Flags::NO_MANDATORY_KEYS).with(Flags::NOSCRIPT).with(Flags::SKIP_MONITOR).with(Flags::STALE),
        categories: Categories::SCRIPTING.with(Categories::SLOW), replay: ReplayClass::NotIdempotent, replay_rule:
        ReplayRule::Script, key_specs: &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Count { count: 0,
        first: 1, step: 1 }, flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes:
        "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE" }], summary:
        "Executes a server-side Lua script.", since: "2.6.0", group: "scripting", ..Command::BASE },
    Command { id: CommandId(36), name: "eval_ro", arity: -3, flags:
        Flags::MOVABLEKEYS.with(Flags::NO_MANDATORY_KEYS).with(Flags::NOSCRIPT).with(Flags::READONLY).with(Flags::SKIP_MONITOR).with(Flags::STALE),
        categories: Categories::SCRIPTING.with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec {
        begin: BeginSearch::Index(2), find: FindKeys::Count { count: 0, first: 1, step: 1 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes:
        "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS" }], summary:
        "Executes a read-only server-side Lua script.", since: "7.0.0", group: "scripting", ..Command::BASE },
    Command { id: CommandId(37), name: "evalsha", arity: -3, flags:
        Flags::MOVABLEKEYS.with(Flags::NO_MANDATORY_KEYS).with(Flags::NOSCRIPT).with(Flags::SKIP_MONITOR).with(Flags::STALE),
        categories: Categories::SCRIPTING.with(Categories::SLOW), replay: ReplayClass::NotIdempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Count { count: 0, first: 1, step: 1 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], summary:
        "Executes a server-side Lua script by SHA1 digest.", since: "2.6.0", group: "scripting", ..Command::BASE },
    Command { id: CommandId(38), name: "evalsha_ro", arity: -3, flags:
        Flags::MOVABLEKEYS.with(Flags::NO_MANDATORY_KEYS).with(Flags::NOSCRIPT).with(Flags::READONLY).with(Flags::SKIP_MONITOR).with(Flags::STALE),
        categories: Categories::SCRIPTING.with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec {
        begin: BeginSearch::Index(2), find: FindKeys::Count { count: 0, first: 1, step: 1 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], summary:
        "Executes a read-only server-side Lua script by SHA1 digest.", since: "7.0.0", group: "scripting",
        ..Command::BASE },
    Command { id: CommandId(39), name: "exec", arity: 1, flags:
        Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::SKIP_COMMANDLOG).with(Flags::STALE), categories:
        Categories::SLOW.with(Categories::TRANSACTION), handling: Handling::Transaction(Transaction::Exec), replay:
        ReplayClass::NotIdempotent, summary: "Executes all commands in a transaction.", since: "1.2.0", group:
        "transactions", ..Command::BASE },
    Command { id: CommandId(40), name: "exists", arity: -2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RO, notes: "" }], key_range: (1, -1, 1), request_policy: Some(RequestPolicy::MultiShard),
        response_policy: Some(ResponsePolicy::AggSum), tips: &["request_policy:multi_shard",
        "response_policy:agg_sum"], summary: "Determines whether one or more keys exist.", since: "1.0.0", group:
        "generic", ..Command::BASE },
    Command { id: CommandId(41), name: "expdel", arity: -2, flags: Flags::WRITE, categories:
        Categories::KEYSPACE.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::SameState,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, -1, 1), request_policy:
        Some(RequestPolicy::MultiShard), response_policy: Some(ResponsePolicy::AggSum), tips:
        &["request_policy:multi_shard", "response_policy:agg_sum"], summary: "Deletes one or more keys. KeyDB only.",
        group: "generic", ..Command::BASE },
    Command { id: CommandId(42), name: "expire", arity: -3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Expire, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary: "Sets the expiration time of a key in seconds.", since: "1.0.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(43), name: "expireat", arity: -3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Expire, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary: "Sets the expiration time of a key to a Unix timestamp.", since: "1.2.0", group: "generic",
        ..Command::BASE },
    Command { id: CommandId(44), name: "expiremember", arity: -4, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::ExpireMember, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find:
        FindKeys::Range { last: 0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }],
        key_range: (1, 1, 1), summary:
        "Sets the time to live of a member of a set or of a field of a hash. KeyDB only.", group: "generic",
        ..Command::BASE },
    Command { id: CommandId(45), name: "expirememberat", arity: 4, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::ExpireMember, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find:
        FindKeys::Range { last: 0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }],
        key_range: (1, 1, 1), summary:
        "Sets the Unix time in seconds at which a member of a set or a field of a hash expires. KeyDB only.", group:
        "generic", ..Command::BASE },
    Command { id: CommandId(46), name: "expiretime", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the expiration time of a key as a Unix timestamp.", since: "7.0.0", group: "generic", ..Command::BASE
        },
    Command { id: CommandId(47), name: "failover", arity: -1, flags:
        Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Operator("it changes a node's role behind the proxy's back"), replay: ReplayClass::Destructive,
        summary: "Starts a coordinated failover from a server to one of its replicas.", since: "6.2.0", group:
        "server", ..Command::BASE },
    Command { id: CommandId(48), name: "fcall", arity: -3, flags:
        Flags::MOVABLEKEYS.with(Flags::NO_MANDATORY_KEYS).with(Flags::NOSCRIPT).with(Flags::SKIP_MONITOR).with(Flags::STALE),
        categories: Categories::SCRIPTING.with(Categories::SLOW), replay: ReplayClass::NotIdempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Count { count: 0, first: 1, step: 1 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes:
        "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE" }], summary:
        "Invokes a function.", since: "7.0.0", group: "scripting", ..Command::BASE },
    Command { id: CommandId(49), name: "fcall_ro", arity: -3, flags:
        Flags::MOVABLEKEYS.with(Flags::NO_MANDATORY_KEYS).with(Flags::NOSCRIPT).with(Flags::READONLY).with(Flags::SKIP_MONITOR).with(Flags::STALE),
        categories: Categories::SCRIPTING.with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec {
        begin: BeginSearch::Index(2), find: FindKeys::Count { count: 0, first: 1, step: 1 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes:
        "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS" }], summary:
        "Invokes a read-only function.", since: "7.0.0", group: "scripting", ..Command::BASE },
    Command { id: CommandId(50), name: "flushall", arity: -1, flags: Flags::WRITE, categories:
        Categories::DANGEROUS.with(Categories::KEYSPACE).with(Categories::SLOW).with(Categories::WRITE), replay:
        ReplayClass::Destructive, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::AllSucceeded), active: ActiveRule::Flush, tips: &["request_policy:all_shards",
        "response_policy:all_succeeded"], summary: "Removes all keys from all databases.", since: "1.0.0", group:
        "server", ..Command::BASE },
    Command { id: CommandId(51), name: "flushdb", arity: -1, flags: Flags::WRITE, categories:
        Categories::DANGEROUS.with(Categories::KEYSPACE).with(Categories::SLOW).with(Categories::WRITE), replay:
        ReplayClass::Destructive, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::AllSucceeded), active: ActiveRule::Flush, tips: &["request_policy:all_shards",
        "response_policy:all_succeeded"], summary: "Removes all keys from the current database.", since: "1.0.0",
        group: "server", ..Command::BASE },
    Command { id: CommandId(52), name: "function", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(52), name: "function|delete", arity: 3,
        flags: Flags::NOSCRIPT.with(Flags::WRITE), categories:
        Categories::SCRIPTING.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Decides,
        request_policy: Some(RequestPolicy::AllShards), response_policy: Some(ResponsePolicy::AllSucceeded), active:
        ActiveRule::EachNode, tips: &["request_policy:all_shards", "response_policy:all_succeeded"], summary:
        "Deletes a library and its functions.", since: "7.0.0", group: "scripting", ..Command::BASE }, Command { id:
        CommandId(52), name: "function|dump", arity: 2, flags: Flags::NOSCRIPT, categories:
        Categories::SCRIPTING.with(Categories::SLOW), replay: ReplayClass::Read, summary:
        "Dumps all libraries into a serialized binary payload.", since: "7.0.0", group: "scripting", ..Command::BASE
        }, Command { id: CommandId(52), name: "function|flush", arity: -2, flags: Flags::NOSCRIPT.with(Flags::WRITE),
        categories: Categories::SCRIPTING.with(Categories::SLOW).with(Categories::WRITE), replay:
        ReplayClass::NotIdempotent, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::AllSucceeded), active: ActiveRule::EachNode, tips: &["request_policy:all_shards",
        "response_policy:all_succeeded"], summary: "Deletes all libraries and functions.", since: "7.0.0", group:
        "scripting", ..Command::BASE }, Command { id: CommandId(52), name: "function|help", arity: 2, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::SCRIPTING.with(Categories::SLOW), replay:
        ReplayClass::Read, summary: "Returns helpful text about the different subcommands.", since: "7.0.0", group:
        "scripting", ..Command::BASE }, Command { id: CommandId(52), name: "function|kill", arity: 2, flags:
        Flags::ALLOW_BUSY.with(Flags::NOSCRIPT), categories: Categories::SCRIPTING.with(Categories::SLOW), replay:
        ReplayClass::NotIdempotent, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::OneSucceeded), active: ActiveRule::EachNode, tips: &["request_policy:all_shards",
        "response_policy:one_succeeded"], summary: "Terminates a function during execution.", since: "7.0.0", group:
        "scripting", ..Command::BASE }, Command { id: CommandId(52), name: "function|list", arity: -2, flags:
        Flags::NOSCRIPT, categories: Categories::SCRIPTING.with(Categories::SLOW), replay: ReplayClass::Read, tips:
        &["nondeterministic_output_order"], summary: "Returns information about all libraries.", since: "7.0.0",
        group: "scripting", ..Command::BASE }, Command { id: CommandId(52), name: "function|load", arity: -3, flags:
        Flags::DENYOOM.with(Flags::NOSCRIPT).with(Flags::WRITE), categories:
        Categories::SCRIPTING.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::FunctionLoad, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::AllSucceeded), active: ActiveRule::EachNode, tips: &["request_policy:all_shards",
        "response_policy:all_succeeded"], summary: "Creates a library.", since: "7.0.0", group: "scripting",
        ..Command::BASE }, Command { id: CommandId(52), name: "function|restore", arity: -3, flags:
        Flags::DENYOOM.with(Flags::NOSCRIPT).with(Flags::WRITE), categories:
        Categories::SCRIPTING.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        request_policy: Some(RequestPolicy::AllShards), response_policy: Some(ResponsePolicy::AllSucceeded), active:
        ActiveRule::EachNode, tips: &["request_policy:all_shards", "response_policy:all_succeeded"], summary:
        "Restores all libraries from a payload.", since: "7.0.0", group: "scripting", ..Command::BASE }, Command { id:
        CommandId(52), name: "function|stats", arity: 2, flags: Flags::ALLOW_BUSY.with(Flags::NOSCRIPT), categories:
        Categories::SCRIPTING.with(Categories::SLOW), replay: ReplayClass::Read, request_policy:
        Some(RequestPolicy::AllShards), response_policy: Some(ResponsePolicy::Special), tips:
        &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"], summary:
        "Returns information about a function during execution.", since: "7.0.0", group: "scripting", ..Command::BASE
        }], summary: "A container for function commands.", since: "7.0.0", group: "scripting", ..Command::BASE },
    Command { id: CommandId(53), name: "geoadd", arity: -5, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::GEO.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::SameState, replay_rule:
        ReplayRule::ZAdd, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Adds one or more members to a geospatial index. The key is created if it doesn't exist.", since: "3.2.0",
        group: "geo", ..Command::BASE },
    Command { id: CommandId(54), name: "geodist", arity: -4, flags: Flags::READONLY, categories:
        Categories::GEO.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the distance between two members of a geospatial index.", since: "3.2.0", group: "geo",
        ..Command::BASE },
    Command { id: CommandId(55), name: "geohash", arity: -2, flags: Flags::READONLY, categories:
        Categories::GEO.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns members from a geospatial index as geohash strings.", since: "3.2.0", group: "geo", ..Command::BASE },
    Command { id: CommandId(56), name: "geopos", arity: -2, flags: Flags::READONLY, categories:
        Categories::GEO.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the longitude and latitude of members from a geospatial index.", since: "3.2.0", group: "geo",
        ..Command::BASE },
    Command { id: CommandId(57), name: "georadius", arity: -6, flags:
        Flags::DENYOOM.with(Flags::MOVABLEKEYS).with(Flags::WRITE), categories:
        Categories::GEO.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent, replay_rule:
        ReplayRule::Store, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }, KeySpec { begin: BeginSearch::Keyword
        { word: "STORE", start_from: 6 }, find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::OW.with(KeyFlags::UPDATE).with(KeyFlags::VARIABLE), notes: "" }, KeySpec { begin:
        BeginSearch::Keyword { word: "STOREDIST", start_from: 6 }, find: FindKeys::Range { last: 0, step: 1, limit: 0
        }, flags: KeyFlags::OW.with(KeyFlags::UPDATE).with(KeyFlags::VARIABLE), notes: "" }], key_range: (1, 1, 1),
        summary:
        "Queries a geospatial index for members within a distance from a coordinate, optionally stores the result.",
        since: "3.2.0", group: "geo", ..Command::BASE },
    Command { id: CommandId(58), name: "georadius_ro", arity: -6, flags: Flags::READONLY, categories:
        Categories::GEO.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns members from a geospatial index that are within a distance from a coordinate.", since: "3.2.10",
        group: "geo", ..Command::BASE },
    Command { id: CommandId(59), name: "georadiusbymember", arity: -5, flags:
        Flags::DENYOOM.with(Flags::MOVABLEKEYS).with(Flags::WRITE), categories:
        Categories::GEO.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent, replay_rule:
        ReplayRule::Store, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }, KeySpec { begin: BeginSearch::Keyword
        { word: "STORE", start_from: 5 }, find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::OW.with(KeyFlags::UPDATE).with(KeyFlags::VARIABLE), notes: "" }, KeySpec { begin:
        BeginSearch::Keyword { word: "STOREDIST", start_from: 5 }, find: FindKeys::Range { last: 0, step: 1, limit: 0
        }, flags: KeyFlags::OW.with(KeyFlags::UPDATE).with(KeyFlags::VARIABLE), notes: "" }], key_range: (1, 1, 1),
        summary:
        "Queries a geospatial index for members within a distance from a member, optionally stores the result.",
        since: "3.2.0", group: "geo", ..Command::BASE },
    Command { id: CommandId(60), name: "georadiusbymember_ro", arity: -5, flags: Flags::READONLY, categories:
        Categories::GEO.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns members from a geospatial index that are within a distance from a member.", since: "3.2.10", group:
        "geo", ..Command::BASE },
    Command { id: CommandId(61), name: "geosearch", arity: -7, flags: Flags::READONLY, categories:
        Categories::GEO.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Queries a geospatial index for members inside an area of a box, circle, or a polygon.", since: "6.2.0",
        group: "geo", ..Command::BASE },
    Command { id: CommandId(62), name: "geosearchstore", arity: -8, flags: Flags::DENYOOM.with(Flags::WRITE),
        categories: Categories::GEO.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Store, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 2, 1), summary:
        "Queries a geospatial index for members inside an area of a box, a circle, or a polygon, optionally stores the result.",
        since: "6.2.0", group: "geo", ..Command::BASE },
    Command { id: CommandId(63), name: "get", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::STRING), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the string value of a key.", since: "1.0.0", group: "string", ..Command::BASE },
    Command { id: CommandId(64), name: "getbit", arity: 3, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::BITMAP.with(Categories::FAST).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns a bit value by offset.", since: "2.2.0", group: "bitmap", ..Command::BASE },
    Command { id: CommandId(65), name: "getdel", arity: 2, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Decides, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the string value of a key after deleting the key.", since: "6.2.0", group: "string", ..Command::BASE
        },
    Command { id: CommandId(66), name: "getex", arity: -2, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Idempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "RW and UPDATE because it changes the TTL"
        }], key_range: (1, 1, 1), summary: "Returns the string value of a key after setting its expiration time.",
        since: "6.2.0", group: "string", ..Command::BASE },
    Command { id: CommandId(67), name: "getrange", arity: 4, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::STRING), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns a substring of the string stored at a key.", since: "2.4.0", group: "string", ..Command::BASE },
    Command { id: CommandId(68), name: "getset", arity: 3, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Decides,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary: "Returns the previous string value of a key after setting it to a new value.", since: "1.0.0", group:
        "string", ..Command::BASE },
    Command { id: CommandId(69), name: "hdel", arity: -3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain.", since:
        "2.0.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(70), name: "hello", arity: -1, flags:
        Flags::ALLOW_BUSY.with(Flags::FAST).with(Flags::LOADING).with(Flags::NO_AUTH).with(Flags::NOSCRIPT).with(Flags::STALE),
        categories: Categories::CONNECTION.with(Categories::FAST), handling: Handling::Session(Session::Hello),
        replay: ReplayClass::Connection, summary: "Handshakes with the server.", since: "6.0.0", group: "connection",
        ..Command::BASE },
    Command { id: CommandId(71), name: "hexists", arity: 3, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO, notes: "" }], key_range: (1, 1, 1), summary: "Determines whether a field exists in a hash.",
        since: "2.0.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(72), name: "hexpire", arity: -6, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::Idempotent, replay_rule:
        ReplayRule::ExpireFields, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary: "Sets expiry time on hash fields.", since: "7.4.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(73), name: "hexpireat", arity: -6, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::Idempotent, replay_rule:
        ReplayRule::ExpireFields, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary: "Sets expiry time on hash fields.", since: "7.4.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(74), name: "hexpiretime", arity: -5, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns Unix timestamps in seconds since the epoch at which the given key's field(s) will expire.", since:
        "7.4.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(75), name: "hget", arity: 3, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the value of a field in a hash.", since: "2.0.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(76), name: "hgetall", arity: 2, flags: Flags::READONLY, categories:
        Categories::HASH.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips:
        &["nondeterministic_output_order"], summary: "Returns all fields and values in a hash.", since: "2.0.0",
        group: "hash", ..Command::BASE },
    Command { id: CommandId(77), name: "hgetdel", arity: -5, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::Decides, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the values of one or more fields and deletes them from a hash.", since: "8.0.0", group: "hash",
        ..Command::BASE },
    Command { id: CommandId(78), name: "hgetex", arity: -5, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::Idempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Gets the value of one or more fields of a given hash key, and optionally sets their expiration time or time-to-live (TTL).",
        since: "8.0.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(79), name: "hincrby", arity: 4, flags:
        Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary:
        "Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field doesn't exist.",
        since: "2.0.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(80), name: "hincrbyfloat", arity: 4, flags:
        Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary:
        "Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn't exist.",
        since: "2.6.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(81), name: "hkeys", arity: 2, flags: Flags::READONLY, categories:
        Categories::HASH.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips:
        &["nondeterministic_output_order"], summary: "Returns all fields in a hash.", since: "2.0.0", group: "hash",
        ..Command::BASE },
    Command { id: CommandId(82), name: "hlen", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO, notes: "" }], key_range: (1, 1, 1), summary: "Returns the number of fields in a hash.", since:
        "2.0.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(83), name: "hmget", arity: -3, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the values of all fields in a hash.", since: "2.0.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(84), name: "hmset", arity: -4, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Sets the values of multiple fields.", since: "2.0.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(85), name: "hpersist", arity: -5, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Remove the existing expiration on a hash key's field(s).", since: "7.4.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(86), name: "hpexpire", arity: -6, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::Idempotent, replay_rule:
        ReplayRule::ExpireFields, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary: "Sets expiry time on hash object.", since: "7.4.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(87), name: "hpexpireat", arity: -6, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::Idempotent, replay_rule:
        ReplayRule::ExpireFields, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary: "Sets expiration time on hash field.", since: "7.4.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(88), name: "hpexpiretime", arity: -5, flags: Flags::FAST.with(Flags::READONLY),
        categories: Categories::FAST.with(Categories::HASH).with(Categories::READ), replay: ReplayClass::Read,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the Unix timestamp in milliseconds since Unix epoch at which the given key's field(s) will expire.",
        since: "7.4.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(89), name: "hpttl", arity: -5, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the remaining time to live in milliseconds of a hash key's field(s) that have an associated expiration.",
        since: "7.4.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(90), name: "hrandfield", arity: -2, flags: Flags::READONLY, categories:
        Categories::HASH.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips: &["nondeterministic_output"],
        summary: "Returns one or more random fields from a hash.", since: "6.2.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(91), name: "hscan", arity: -3, flags: Flags::READONLY, categories:
        Categories::HASH.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips: &["nondeterministic_output"],
        summary: "Iterates over fields and values of a hash.", since: "2.8.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(92), name: "hset", arity: -4, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::SameState,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Creates or modifies the value of a field in a hash.", since: "2.0.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(93), name: "hsetex", arity: -6, flags:
        Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::Idempotent, replay_rule:
        ReplayRule::SetFields, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0,
        step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 1, 1), summary:
        "Sets the value of one or more fields of a given hash key, and optionally sets their expiration time.", since:
        "8.0.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(94), name: "hsetnx", arity: 4, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::Decides,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 1, 1), summary:
        "Sets the value of a field in a hash only when the field doesn't exist.", since: "2.0.0", group: "hash",
        ..Command::BASE },
    Command { id: CommandId(95), name: "hstrlen", arity: 3, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO, notes: "" }], key_range: (1, 1, 1), summary: "Returns the length of the value of a field.",
        since: "3.2.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(96), name: "httl", arity: -5, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the remaining time to live (in seconds) of a hash key's field(s) that have an associated expiration.",
        since: "7.4.0", group: "hash", ..Command::BASE },
    Command { id: CommandId(97), name: "hvals", arity: 2, flags: Flags::READONLY, categories:
        Categories::HASH.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips:
        &["nondeterministic_output_order"], summary: "Returns all values in a hash.", since: "2.0.0", group: "hash",
        ..Command::BASE },
    Command { id: CommandId(98), name: "incr", arity: 2, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::STRING).with(Categories::WRITE), replay:
        ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }],
        key_range: (1, 1, 1), summary:
        "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.", since:
        "1.0.0", group: "string", ..Command::BASE },
    Command { id: CommandId(99), name: "incrby", arity: 3, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::STRING).with(Categories::WRITE), replay:
        ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }],
        key_range: (1, 1, 1), summary:
        "Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist.", since:
        "1.0.0", group: "string", ..Command::BASE },
    Command { id: CommandId(100), name: "incrbyfloat", arity: 3, flags:
        Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary:
        "Increments the floating point value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
        since: "2.6.0", group: "string", ..Command::BASE },
    Command { id: CommandId(101), name: "info", arity: -1, flags: Flags::LOADING.with(Flags::STALE), categories:
        Categories::DANGEROUS.with(Categories::SLOW), replay: ReplayClass::Read, request_policy:
        Some(RequestPolicy::AllShards), response_policy: Some(ResponsePolicy::Special), active: ActiveRule::Info,
        merge: Some(Merge::Info), tips: &["nondeterministic_output", "request_policy:all_shards",
        "response_policy:special"], summary: "Returns information and statistics about the server.", since: "1.0.0",
        group: "server", ..Command::BASE },
    Command { id: CommandId(102), name: "keydb.cron", arity: -5, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::WRITE), replay: ReplayClass::NotIdempotent, summary:
        "Runs a script once or again and again, later. KeyDB only.", group: "scripting", ..Command::BASE },
    Command { id: CommandId(103), name: "keydb.hrename", arity: 4, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::Decides, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Renames a field of a hash. KeyDB only.", group: "hash", ..Command::BASE },
    Command { id: CommandId(104), name: "keydb.mexists", arity: -2, flags: Flags::FAST.with(Flags::READONLY),
        categories: Categories::FAST.with(Categories::KEYSPACE).with(Categories::READ), replay: ReplayClass::Read,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 1, limit: 0 },
        flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, -1, 1), request_policy:
        Some(RequestPolicy::MultiShard), merge: Some(Merge::Positions), tips: &["request_policy:multi_shard"],
        summary: "Says of each of several keys whether it exists. KeyDB only.", group: "generic", ..Command::BASE },
    Command { id: CommandId(105), name: "keydb.mvccrestore", arity: -1, handling:
        Handling::Refuse("it belongs to the nodes' own replication"), replay: ReplayClass::NotIdempotent, summary:
        "An internal command of KeyDB's replication.", group: "server", ..Command::BASE },
    Command { id: CommandId(106), name: "keydb.nhget", arity: -2, flags: Flags::FAST.with(Flags::READONLY),
        categories: Categories::FAST.with(Categories::HASH).with(Categories::READ), replay: ReplayClass::Read,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Gets a value of a nested hash. KeyDB only.", group: "hash", ..Command::BASE },
    Command { id: CommandId(107), name: "keydb.nhset", arity: -3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HASH).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), active:
        ActiveRule::Refuse("while there is a nested hash, KeyDB can neither save its data nor pass it on to a node that is back"),
        summary: "Sets a value of a nested hash. KeyDB only.", group: "hash", ..Command::BASE },
    Command { id: CommandId(108), name: "keys", arity: 2, flags: Flags::READONLY, categories:
        Categories::DANGEROUS.with(Categories::KEYSPACE).with(Categories::READ).with(Categories::SLOW), replay:
        ReplayClass::Read, request_policy: Some(RequestPolicy::AllShards), route: RouteRule::Pattern, merge:
        Some(Merge::Lists), tips: &["request_policy:all_shards", "nondeterministic_output_order"], summary:
        "Returns all key names that match a pattern.", since: "1.0.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(109), name: "lastsave", arity: 1, flags:
        Flags::FAST.with(Flags::LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::FAST), replay: ReplayClass::Read, active:
        ActiveRule::EachNode, merge: Some(Merge::Min), tips: &["nondeterministic_output"], summary:
        "Returns the Unix timestamp of the last successful save to disk.", since: "1.0.0", group: "server",
        ..Command::BASE },
    Command { id: CommandId(110), name: "latency", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(110), name: "latency|doctor", arity: 2,
        flags: Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::Special), active:
        ActiveRule::EachNode, merge: Some(Merge::Texts), tips: &["nondeterministic_output",
        "request_policy:all_nodes", "response_policy:special"], summary:
        "Returns a human-readable latency analysis report.", since: "2.8.13", group: "server", ..Command::BASE },
        Command { id: CommandId(110), name: "latency|graph", arity: 3, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::Special), active:
        ActiveRule::EachNode, merge: Some(Merge::OneSucceeded), tips: &["nondeterministic_output",
        "request_policy:all_nodes", "response_policy:special"], summary: "Returns a latency graph for an event.",
        since: "2.8.13", group: "server", ..Command::BASE }, Command { id: CommandId(110), name: "latency|help",
        arity: 2, flags: Flags::LOADING.with(Flags::STALE), categories: Categories::SLOW, replay: ReplayClass::Read,
        summary: "Returns helpful text about the different subcommands.", since: "2.8.13", group: "server",
        ..Command::BASE }, Command { id: CommandId(110), name: "latency|histogram", arity: -2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::Special), active:
        ActiveRule::EachNode, merge: Some(Merge::Histograms), tips: &["nondeterministic_output",
        "request_policy:all_nodes", "response_policy:special"], summary:
        "Returns the cumulative distribution of latencies of a subset or all commands.", since: "7.0.0", group:
        "server", ..Command::BASE }, Command { id: CommandId(110), name: "latency|history", arity: 3, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::Special), active:
        ActiveRule::EachNode, merge: Some(Merge::Series), tips: &["nondeterministic_output",
        "request_policy:all_nodes", "response_policy:special"], summary:
        "Returns timestamp-latency samples for an event.", since: "2.8.13", group: "server", ..Command::BASE },
        Command { id: CommandId(110), name: "latency|latest", arity: 2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::Special), active:
        ActiveRule::EachNode, merge: Some(Merge::Spikes), tips: &["nondeterministic_output",
        "request_policy:all_nodes", "response_policy:special"], summary:
        "Returns the latest latency samples for all events.", since: "2.8.13", group: "server", ..Command::BASE },
        Command { id: CommandId(110), name: "latency|reset", arity: -2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::NotIdempotent,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AggSum), active:
        ActiveRule::EachNode, tips: &["request_policy:all_nodes", "response_policy:agg_sum"], summary:
        "Resets the latency data for one or more events.", since: "2.8.13", group: "server", ..Command::BASE }],
        summary: "A container for latency diagnostics commands.", since: "2.8.13", group: "server", ..Command::BASE },
    Command { id: CommandId(111), name: "lcs", arity: -3, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::STRING), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 1, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 2, 1), summary:
        "Finds the longest common substring.", since: "7.0.0", group: "string", ..Command::BASE },
    Command { id: CommandId(112), name: "lfence", arity: -1, handling:
        Handling::Refuse("it belongs to the nodes' own replication"), replay: ReplayClass::NotIdempotent, summary:
        "An internal command of KeyDB's replication.", group: "server", ..Command::BASE },
    Command { id: CommandId(113), name: "lindex", arity: 3, flags: Flags::READONLY, categories:
        Categories::LIST.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns an element from a list by its index.", since: "1.0.0", group: "list", ..Command::BASE },
    Command { id: CommandId(114), name: "linsert", arity: 5, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::LIST.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 1, 1), summary:
        "Inserts an element before or after another element in a list.", since: "2.2.0", group: "list",
        ..Command::BASE },
    Command { id: CommandId(115), name: "llen", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::LIST).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO, notes: "" }], key_range: (1, 1, 1), summary: "Returns the length of a list.", since: "1.0.0",
        group: "list", ..Command::BASE },
    Command { id: CommandId(116), name: "lmove", arity: 5, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::LIST.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 2, 1), summary:
        "Returns an element after popping it from one list and pushing it to another. Deletes the list if the last element was moved.",
        since: "6.2.0", group: "list", ..Command::BASE },
    Command { id: CommandId(117), name: "lmpop", arity: -4, flags: Flags::MOVABLEKEYS.with(Flags::WRITE), categories:
        Categories::LIST.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Count { count: 0, first: 1, step: 1 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], summary:
        "Returns multiple elements from a list after removing them. Deletes the list if the last element was popped.",
        since: "7.0.0", group: "list", ..Command::BASE },
    Command { id: CommandId(118), name: "lolwut", arity: -1, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ), replay: ReplayClass::Read, summary:
        "Displays computer art and the server version.", since: "5.0.0", group: "server", ..Command::BASE },
    Command { id: CommandId(119), name: "lpop", arity: -2, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::LIST).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1),
        summary:
        "Returns and removes one or more elements from the beginning of a list. Deletes the list if the last element was popped.",
        since: "1.0.0", group: "list", ..Command::BASE },
    Command { id: CommandId(120), name: "lpos", arity: -3, flags: Flags::READONLY, categories:
        Categories::LIST.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the index of matching elements in a list.", since: "6.0.6", group: "list", ..Command::BASE },
    Command { id: CommandId(121), name: "lpush", arity: -3, flags:
        Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::LIST).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 1, 1), summary:
        "Prepends one or more elements to a list. Creates the key if it doesn't exist.", since: "1.0.0", group:
        "list", ..Command::BASE },
    Command { id: CommandId(122), name: "lpushx", arity: -3, flags:
        Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::LIST).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 1, 1), summary:
        "Prepends one or more elements to a list only when the list exists.", since: "2.2.0", group: "list",
        ..Command::BASE },
    Command { id: CommandId(123), name: "lrange", arity: 4, flags: Flags::READONLY, categories:
        Categories::LIST.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns a range of elements from a list.", since: "1.0.0", group: "list", ..Command::BASE },
    Command { id: CommandId(124), name: "lrem", arity: 4, flags: Flags::WRITE, categories:
        Categories::LIST.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::SameState, replay_rule:
        ReplayRule::Lrem, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Removes elements from a list. Deletes the list if the last element was removed.", since: "1.0.0", group:
        "list", ..Command::BASE },
    Command { id: CommandId(125), name: "lset", arity: 4, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::LIST.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Sets the value of an element in a list by its index.", since: "1.0.0", group: "list", ..Command::BASE },
    Command { id: CommandId(126), name: "ltrim", arity: 4, flags: Flags::WRITE, categories:
        Categories::LIST.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent, replay_rule:
        ReplayRule::Ltrim, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Removes elements from both ends of a list. Deletes the list if all elements were trimmed.", since: "1.0.0",
        group: "list", ..Command::BASE },
    Command { id: CommandId(127), name: "memory", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(127), name: "memory|doctor", arity: 2,
        categories: Categories::SLOW, replay: ReplayClass::Read, request_policy: Some(RequestPolicy::AllShards),
        response_policy: Some(ResponsePolicy::Special), active: ActiveRule::EachNode, merge: Some(Merge::Texts), tips:
        &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"], summary:
        "Outputs a memory problems report.", since: "4.0.0", group: "server", ..Command::BASE }, Command { id:
        CommandId(127), name: "memory|help", arity: 2, flags: Flags::LOADING.with(Flags::STALE), categories:
        Categories::SLOW, replay: ReplayClass::Read, summary: "Returns helpful text about the different subcommands.",
        since: "4.0.0", group: "server", ..Command::BASE }, Command { id: CommandId(127), name: "memory|malloc-stats",
        arity: 2, flags: Flags::LOADING, categories: Categories::SLOW, replay: ReplayClass::Read, request_policy:
        Some(RequestPolicy::AllShards), response_policy: Some(ResponsePolicy::Special), merge: Some(Merge::Texts),
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"], summary:
        "Returns the allocator statistics.", since: "4.0.0", group: "server", ..Command::BASE }, Command { id:
        CommandId(127), name: "memory|purge", arity: 2, flags: Flags::LOADING, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::AllSucceeded), active: ActiveRule::EachNode, tips: &["request_policy:all_shards",
        "response_policy:all_succeeded"], summary: "Asks the allocator to release memory.", since: "4.0.0", group:
        "server", ..Command::BASE }, Command { id: CommandId(127), name: "memory|stats", arity: 2, categories:
        Categories::SLOW, replay: ReplayClass::Read, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::Special), tips: &["nondeterministic_output", "request_policy:all_shards",
        "response_policy:special"], summary: "Returns details about memory usage.", since: "4.0.0", group: "server",
        ..Command::BASE }, Command { id: CommandId(127), name: "memory|usage", arity: -3, flags: Flags::READONLY,
        categories: Categories::READ.with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags: KeyFlags::RO, notes: ""
        }], key_range: (2, 2, 1), summary: "Estimates the memory usage of a key.", since: "4.0.0", group: "server",
        ..Command::BASE }], summary: "A container for memory diagnostics commands.", since: "4.0.0", group: "server",
        ..Command::BASE },
    Command { id: CommandId(128), name: "mget", arity: -2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::STRING), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, -1, 1), request_policy:
        Some(RequestPolicy::MultiShard), merge: Some(Merge::Positions), tips: &["request_policy:multi_shard"],
        summary: "Atomically returns the string values of one or more keys.", since: "1.0.0", group: "string",
        ..Command::BASE },
    Command { id: CommandId(129), name: "migrate", arity: -6, flags: Flags::MOVABLEKEYS.with(Flags::WRITE),
        categories: Categories::DANGEROUS.with(Categories::KEYSPACE).with(Categories::SLOW).with(Categories::WRITE),
        replay: ReplayClass::Destructive, key_specs: &[KeySpec { begin: BeginSearch::Index(3), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" },
        KeySpec { begin: BeginSearch::Keyword { word: "KEYS", start_from: -2 }, find: FindKeys::Range { last: -1,
        step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE).with(KeyFlags::INCOMPLETE), notes: "" }], key_rule:
        KeyRule::Migrate, key_range: (3, 3, 1), tips: &["nondeterministic_output"], summary:
        "Atomically transfers a key from one instance to another.", since: "2.6.0", group: "generic", ..Command::BASE
        },
    Command { id: CommandId(130), name: "module", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(130), name: "module|help", arity: 2, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::SLOW, replay: ReplayClass::Read, summary:
        "Returns helpful text about the different subcommands.", since: "5.0.0", group: "server", ..Command::BASE },
        Command { id: CommandId(130), name: "module|list", arity: 2, flags: Flags::ADMIN.with(Flags::NOSCRIPT),
        categories: Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read,
        active: ActiveRule::EachNode, merge: Some(Merge::Common), tips: &["nondeterministic_output_order"], summary:
        "Returns all loaded modules.", since: "4.0.0", group: "server", ..Command::BASE }, Command { id:
        CommandId(130), name: "module|load", arity: -3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::NOSCRIPT), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Operator("it is meant for one node, send it there"), replay: ReplayClass::Destructive, summary:
        "Loads a module.", since: "4.0.0", group: "server", ..Command::BASE }, Command { id: CommandId(130), name:
        "module|loadex", arity: -3, flags: Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::NOSCRIPT),
        categories: Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Operator("it is meant for one node, send it there"), replay: ReplayClass::Destructive, summary:
        "Loads a module using extended parameters.", since: "7.0.0", group: "server", ..Command::BASE }, Command { id:
        CommandId(130), name: "module|unload", arity: 3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::NOSCRIPT), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Operator("it is meant for one node, send it there"), replay: ReplayClass::Destructive, summary:
        "Unloads a module.", since: "4.0.0", group: "server", ..Command::BASE }], summary:
        "A container for module commands.", since: "4.0.0", group: "server", ..Command::BASE },
    Command { id: CommandId(131), name: "monitor", arity: 1, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Local(Local::Monitor), replay: ReplayClass::Connection, summary:
        "Listens for all requests received by the server in real-time.", since: "1.0.0", group: "server",
        ..Command::BASE },
    Command { id: CommandId(132), name: "move", arity: 3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::WRITE), replay: ReplayClass::Decides, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), route:
        RouteRule::Refuse("MOVE is not allowed in cluster mode"), summary: "Moves a key to another database.", since:
        "1.0.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(133), name: "mset", arity: -3, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Idempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 2, limit: 0 }, flags:
        KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, -1, 2), request_policy:
        Some(RequestPolicy::MultiShard), response_policy: Some(ResponsePolicy::AllSucceeded), tips:
        &["request_policy:multi_shard", "response_policy:all_succeeded"], summary:
        "Atomically creates or modifies the string values of one or more keys.", since: "1.0.1", group: "string",
        ..Command::BASE },
    Command { id: CommandId(134), name: "msetex", arity: -4, flags:
        Flags::DENYOOM.with(Flags::MOVABLEKEYS).with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::SetMany, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Count {
        count: 0, first: 1, step: 2 }, flags: KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }], request_policy:
        Some(RequestPolicy::MultiShard), response_policy: Some(ResponsePolicy::AllSucceeded), tips:
        &["request_policy:multi_shard", "response_policy:all_succeeded"], summary:
        "Atomically creates or modifies the string values of one or more keys, and optionally set their expiration.",
        since: "9.1.0", group: "string", ..Command::BASE },
    Command { id: CommandId(135), name: "msetnx", arity: -3, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Decides, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 2, limit: 0 }, flags:
        KeyFlags::OW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, -1, 2), summary:
        "Atomically modifies the string values of one or more keys only when all keys don't exist.", since: "1.0.1",
        group: "string", ..Command::BASE },
    Command { id: CommandId(136), name: "multi", arity: 1, flags:
        Flags::ALLOW_BUSY.with(Flags::FAST).with(Flags::LOADING).with(Flags::NO_MULTI).with(Flags::NOSCRIPT).with(Flags::STALE),
        categories: Categories::FAST.with(Categories::TRANSACTION), handling:
        Handling::Transaction(Transaction::Multi), replay: ReplayClass::Connection, summary: "Starts a transaction.",
        since: "1.2.0", group: "transactions", ..Command::BASE },
    Command { id: CommandId(137), name: "object", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(137), name: "object|encoding", arity: 3,
        flags: Flags::READONLY, categories: Categories::KEYSPACE.with(Categories::READ).with(Categories::SLOW),
        replay: ReplayClass::Read, key_specs: &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RO, notes: "" }], key_range: (2, 2, 1), tips:
        &["nondeterministic_output"], summary: "Returns the internal encoding of an object.", since: "2.2.3", group:
        "generic", ..Command::BASE }, Command { id: CommandId(137), name: "object|freq", arity: 3, flags:
        Flags::READONLY, categories: Categories::KEYSPACE.with(Categories::READ).with(Categories::SLOW), replay:
        ReplayClass::Read, key_specs: &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RO, notes: "" }], key_range: (2, 2, 1), tips: &["nondeterministic_output"],
        summary: "Returns the logarithmic access frequency counter of an object.", since: "4.0.0", group: "generic",
        ..Command::BASE }, Command { id: CommandId(137), name: "object|help", arity: 2, flags:
        Flags::LOADING.with(Flags::STALE), categories: Categories::KEYSPACE.with(Categories::SLOW), replay:
        ReplayClass::Read, summary: "Returns helpful text about the different subcommands.", since: "6.2.0", group:
        "generic", ..Command::BASE }, Command { id: CommandId(137), name: "object|idletime", arity: 3, flags:
        Flags::READONLY, categories: Categories::KEYSPACE.with(Categories::READ).with(Categories::SLOW), replay:
        ReplayClass::Read, key_specs: &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RO, notes: "" }], key_range: (2, 2, 1), tips: &["nondeterministic_output"],
        summary: "Returns the time since the last access to an object.", since: "2.2.3", group: "generic",
        ..Command::BASE }, Command { id: CommandId(137), name: "object|refcount", arity: 3, flags: Flags::READONLY,
        categories: Categories::KEYSPACE.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read,
        key_specs: &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RO, notes: "" }], key_range: (2, 2, 1), tips: &["nondeterministic_output"], summary:
        "Returns the reference count of a value of a key.", since: "2.2.3", group: "generic", ..Command::BASE }],
        summary: "A container for object introspection commands.", since: "2.2.3", group: "generic", ..Command::BASE },
    Command { id: CommandId(138), name: "persist", arity: 2, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::WRITE), replay: ReplayClass::SameState,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Removes the expiration time of a key.", since: "2.2.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(139), name: "pexpire", arity: -3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Expire, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary: "Sets the expiration time of a key in milliseconds.", since: "2.6.0", group: "generic",
        ..Command::BASE },
    Command { id: CommandId(140), name: "pexpireat", arity: -3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Expire, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary: "Sets the expiration time of a key to a Unix milliseconds timestamp.", since: "2.6.0", group:
        "generic", ..Command::BASE },
    Command { id: CommandId(141), name: "pexpirememberat", arity: 4, flags: Flags::FAST.with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::KEYSPACE).with(Categories::WRITE), replay:
        ReplayClass::Idempotent, replay_rule: ReplayRule::ExpireMember, key_specs: &[KeySpec { begin:
        BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Sets the Unix time in milliseconds at which a member of a set or a field of a hash expires. KeyDB only.",
        group: "generic", ..Command::BASE },
    Command { id: CommandId(142), name: "pexpiretime", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the expiration time of a key as a Unix milliseconds timestamp.", since: "7.0.0", group: "generic",
        ..Command::BASE },
    Command { id: CommandId(143), name: "pfadd", arity: -2, flags:
        Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::HYPERLOGLOG).with(Categories::WRITE), replay: ReplayClass::SameState,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 1, 1), summary:
        "Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.", since: "2.8.9", group:
        "hyperloglog", ..Command::BASE },
    Command { id: CommandId(144), name: "pfcount", arity: -2, flags: Flags::READONLY, categories:
        Categories::HYPERLOGLOG.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS), notes:
        "RW because it may change the internal representation of the key, and propagate to replicas" }], key_range:
        (1, -1, 1), summary: "Returns the approximated cardinality of the set(s) observed by the HyperLogLog key(s).",
        since: "2.8.9", group: "hyperloglog", ..Command::BASE },
    Command { id: CommandId(145), name: "pfdebug", arity: 3, flags:
        Flags::ADMIN.with(Flags::DENYOOM).with(Flags::WRITE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::HYPERLOGLOG).with(Categories::SLOW).with(Categories::WRITE),
        replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range
        { last: 0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::ACCESS), notes: "" }], key_range: (2, 2,
        1), summary: "Internal commands for debugging HyperLogLog values.", since: "2.8.9", group: "hyperloglog",
        ..Command::BASE },
    Command { id: CommandId(146), name: "pfmerge", arity: -2, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::HYPERLOGLOG.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::INSERT), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, -1, 1), summary:
        "Merges one or more HyperLogLog values into a single key.", since: "2.8.9", group: "hyperloglog",
        ..Command::BASE },
    Command { id: CommandId(147), name: "pfselftest", arity: 1, flags: Flags::ADMIN, categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::HYPERLOGLOG).with(Categories::SLOW), handling:
        Handling::Operator("it is meant for one node, send it there"), replay: ReplayClass::Destructive, summary:
        "An internal command for testing HyperLogLog values.", since: "2.8.9", group: "hyperloglog", ..Command::BASE },
    Command { id: CommandId(148), name: "ping", arity: -1, flags: Flags::FAST, categories:
        Categories::CONNECTION.with(Categories::FAST), handling: Handling::Local(Local::Ping), replay:
        ReplayClass::Read, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::AllSucceeded), tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Returns the server's liveliness response.", since: "1.0.0", group: "connection", ..Command::BASE },
    Command { id: CommandId(149), name: "psetex", arity: 4, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Idempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Sets both string value and expiration time in milliseconds of a key. The key is created if it doesn't exist.",
        since: "2.6.0", group: "string", ..Command::BASE },
    Command { id: CommandId(150), name: "psubscribe", arity: -2, flags:
        Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::PUBSUB).with(Flags::STALE), categories:
        Categories::PUBSUB.with(Categories::SLOW), handling: Handling::Subscribe(Subscribe::Psubscribe), replay:
        ReplayClass::Connection, summary:
        "Listens for messages published to channels that match one or more patterns.", since: "2.0.0", group:
        "pubsub", ..Command::BASE },
    Command { id: CommandId(151), name: "psync", arity: -3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::NO_MULTI).with(Flags::NOSCRIPT), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Refuse("it belongs to the nodes' own replication"), replay: ReplayClass::NotIdempotent, summary:
        "An internal command used in replication.", since: "2.8.0", group: "server", ..Command::BASE },
    Command { id: CommandId(152), name: "pttl", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips: &["nondeterministic_output"],
        summary: "Returns the expiration time in milliseconds of a key.", since: "2.6.0", group: "generic",
        ..Command::BASE },
    Command { id: CommandId(153), name: "publish", arity: 3, flags:
        Flags::FAST.with(Flags::LOADING).with(Flags::PUBSUB).with(Flags::STALE), categories:
        Categories::FAST.with(Categories::PUBSUB), handling: Handling::Counts, replay: ReplayClass::NotIdempotent,
        summary: "Posts a message to a channel.", since: "2.0.0", group: "pubsub", ..Command::BASE },
    Command { id: CommandId(154), name: "pubsub", arity: -2, categories: Categories::SLOW, handling: Handling::Counts,
        replay: ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(154), name: "pubsub|channels",
        arity: -2, flags: Flags::LOADING.with(Flags::PUBSUB).with(Flags::STALE), categories:
        Categories::PUBSUB.with(Categories::SLOW), handling: Handling::Counts, replay: ReplayClass::Read, merge:
        Some(Merge::Union), summary: "Returns the active channels.", since: "2.8.0", group: "pubsub", ..Command::BASE
        }, Command { id: CommandId(154), name: "pubsub|help", arity: 2, flags: Flags::LOADING.with(Flags::STALE),
        categories: Categories::SLOW, handling: Handling::Counts, replay: ReplayClass::Read, summary:
        "Returns helpful text about the different subcommands.", since: "6.2.0", group: "pubsub", ..Command::BASE },
        Command { id: CommandId(154), name: "pubsub|numpat", arity: 2, flags:
        Flags::LOADING.with(Flags::PUBSUB).with(Flags::STALE), categories: Categories::PUBSUB.with(Categories::SLOW),
        handling: Handling::Counts, replay: ReplayClass::Read, merge: Some(Merge::Sum), summary:
        "Returns a count of unique pattern subscriptions.", since: "2.8.0", group: "pubsub", ..Command::BASE },
        Command { id: CommandId(154), name: "pubsub|numsub", arity: -2, flags:
        Flags::LOADING.with(Flags::PUBSUB).with(Flags::STALE), categories: Categories::PUBSUB.with(Categories::SLOW),
        handling: Handling::Counts, replay: ReplayClass::Read, merge: Some(Merge::Tally), summary:
        "Returns a count of subscribers to channels.", since: "2.8.0", group: "pubsub", ..Command::BASE }, Command {
        id: CommandId(154), name: "pubsub|shardchannels", arity: -2, flags:
        Flags::LOADING.with(Flags::PUBSUB).with(Flags::STALE), categories: Categories::PUBSUB.with(Categories::SLOW),
        handling: Handling::Counts, replay: ReplayClass::Read, merge: Some(Merge::Union), summary:
        "Returns the active shard channels.", since: "7.0.0", group: "pubsub", ..Command::BASE }, Command { id:
        CommandId(154), name: "pubsub|shardnumsub", arity: -2, flags:
        Flags::LOADING.with(Flags::PUBSUB).with(Flags::STALE), categories: Categories::PUBSUB.with(Categories::SLOW),
        handling: Handling::Counts, replay: ReplayClass::Read, merge: Some(Merge::Tally), summary:
        "Returns the count of subscribers of shard channels.", since: "7.0.0", group: "pubsub", ..Command::BASE }],
        summary: "A container for Pub/Sub commands.", since: "2.8.0", group: "pubsub", ..Command::BASE },
    Command { id: CommandId(155), name: "punsubscribe", arity: -1, flags:
        Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::PUBSUB).with(Flags::STALE), categories:
        Categories::PUBSUB.with(Categories::SLOW), handling: Handling::Subscribe(Subscribe::Punsubscribe), replay:
        ReplayClass::Connection, summary:
        "Stops listening to messages published to channels that match one or more patterns.", since: "2.0.0", group:
        "pubsub", ..Command::BASE },
    Command { id: CommandId(156), name: "quit", arity: -1, flags:
        Flags::ALLOW_BUSY.with(Flags::FAST).with(Flags::LOADING).with(Flags::NO_AUTH).with(Flags::NOSCRIPT).with(Flags::STALE),
        categories: Categories::CONNECTION.with(Categories::FAST), handling: Handling::Local(Local::Quit), replay:
        ReplayClass::Connection, summary: "Closes the connection.", since: "1.0.0", group: "connection",
        ..Command::BASE },
    Command { id: CommandId(157), name: "randomkey", arity: 1, flags: Flags::READONLY, categories:
        Categories::KEYSPACE.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, request_policy:
        Some(RequestPolicy::AllShards), response_policy: Some(ResponsePolicy::Special), merge: Some(Merge::AnyValue),
        tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"], summary:
        "Returns a random key name from the database.", since: "1.0.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(158), name: "readonly", arity: 1, flags:
        Flags::FAST.with(Flags::LOADING).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::FAST), handling:
        Handling::Local(Local::Cluster(ClusterCommand::ReadOnly)), replay: ReplayClass::Connection, summary:
        "Enables read-only queries for a connection to a Valkey replica node.", since: "3.0.0", group: "cluster",
        ..Command::BASE },
    Command { id: CommandId(159), name: "readwrite", arity: 1, flags:
        Flags::FAST.with(Flags::LOADING).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::FAST), handling:
        Handling::Local(Local::Cluster(ClusterCommand::ReadWrite)), replay: ReplayClass::Connection, summary:
        "Enables read-write queries for a connection to a Valkey replica node.", since: "3.0.0", group: "cluster",
        ..Command::BASE },
    Command { id: CommandId(160), name: "rename", arity: 3, flags: Flags::WRITE, categories:
        Categories::KEYSPACE.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Decides, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 2, 1), summary:
        "Renames a key and overwrites the destination.", since: "1.0.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(161), name: "renamenx", arity: 3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::WRITE), replay: ReplayClass::Decides, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::OW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 2, 1), summary:
        "Renames a key only when the target key name doesn't exist.", since: "1.0.0", group: "generic",
        ..Command::BASE },
    Command { id: CommandId(162), name: "replconf", arity: -1, flags:
        Flags::ADMIN.with(Flags::ALLOW_BUSY).with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE),
        categories: Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Refuse("it belongs to the nodes' own replication"), replay: ReplayClass::NotIdempotent, summary:
        "An internal command for configuring the replication stream.", since: "3.0.0", group: "server",
        ..Command::BASE },
    Command { id: CommandId(163), name: "replicaof", arity: 3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Operator("it changes a node's role behind the proxy's back"), replay: ReplayClass::Destructive,
        summary: "Configures a server as replica of another, or promotes it to a primary.", since: "5.0.0", group:
        "server", ..Command::BASE },
    Command { id: CommandId(164), name: "replping", arity: -1, handling:
        Handling::Refuse("it belongs to the nodes' own replication"), replay: ReplayClass::NotIdempotent, summary:
        "An internal command of KeyDB's replication.", group: "server", ..Command::BASE },
    Command { id: CommandId(165), name: "reset", arity: 1, flags:
        Flags::ALLOW_BUSY.with(Flags::FAST).with(Flags::LOADING).with(Flags::NO_AUTH).with(Flags::NOSCRIPT).with(Flags::STALE),
        categories: Categories::CONNECTION.with(Categories::FAST), handling: Handling::Local(Local::Reset), replay:
        ReplayClass::Connection, summary: "Resets the connection.", since: "6.2.0", group: "connection",
        ..Command::BASE },
    Command { id: CommandId(166), name: "restore", arity: -4, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::DANGEROUS.with(Categories::KEYSPACE).with(Categories::SLOW).with(Categories::WRITE), replay:
        ReplayClass::Idempotent, replay_rule: ReplayRule::Restore, key_specs: &[KeySpec { begin:
        BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Creates a key from the serialized representation of a value.", since: "2.6.0", group: "generic",
        ..Command::BASE },
    Command { id: CommandId(167), name: "restore-asking", arity: -4, flags:
        Flags::ASKING.with(Flags::DENYOOM).with(Flags::WRITE), categories:
        Categories::DANGEROUS.with(Categories::KEYSPACE).with(Categories::SLOW).with(Categories::WRITE), handling:
        Handling::Refuse("it belongs to the nodes' own replication"), replay: ReplayClass::NotIdempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "An internal command for migrating keys in a cluster.", since: "3.0.0", group: "server", ..Command::BASE },
    Command { id: CommandId(168), name: "role", arity: 1, flags:
        Flags::FAST.with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::FAST), handling: Handling::Local(Local::Role),
        replay: ReplayClass::Read, summary: "Returns the replication role.", since: "2.8.12", group: "server",
        ..Command::BASE },
    Command { id: CommandId(169), name: "rpop", arity: -2, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::LIST).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1),
        summary:
        "Returns and removes one or more elements from the end of a list. Deletes the list if the last element was popped.",
        since: "1.0.0", group: "list", ..Command::BASE },
    Command { id: CommandId(170), name: "rpoplpush", arity: 3, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::LIST.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 2, 1), summary:
        "Returns the last element of a list after removing and pushing it to another list. Deletes the list if the last element was popped.",
        since: "1.2.0", group: "list", ..Command::BASE },
    Command { id: CommandId(171), name: "rpush", arity: -3, flags:
        Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::LIST).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 1, 1), summary:
        "Appends one or more elements to a list. Creates the key if it doesn't exist.", since: "1.0.0", group: "list",
        ..Command::BASE },
    Command { id: CommandId(172), name: "rpushx", arity: -3, flags:
        Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::LIST).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 1, 1), summary:
        "Appends one or more elements to a list only when the list exists.", since: "2.2.0", group: "list",
        ..Command::BASE },
    Command { id: CommandId(173), name: "rreplay", arity: -1, handling:
        Handling::Refuse("it belongs to the nodes' own replication"), replay: ReplayClass::NotIdempotent, summary:
        "An internal command of KeyDB's replication.", group: "server", ..Command::BASE },
    Command { id: CommandId(174), name: "sadd", arity: -3, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::SET).with(Categories::WRITE), replay: ReplayClass::SameState,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 1, 1), summary:
        "Adds one or more members to a set. Creates the key if it doesn't exist.", since: "1.0.0", group: "set",
        ..Command::BASE },
    Command { id: CommandId(175), name: "save", arity: 1, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::NO_MULTI).with(Flags::NOSCRIPT), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::SameState, active:
        ActiveRule::EachNode, merge: Some(Merge::AllSucceeded), summary:
        "Synchronously saves the database(s) to disk.", since: "1.0.0", group: "server", ..Command::BASE },
    Command { id: CommandId(176), name: "scan", arity: -2, flags: Flags::READONLY, categories:
        Categories::KEYSPACE.with(Categories::READ).with(Categories::SLOW), replay: ReplayClass::Read, request_policy:
        Some(RequestPolicy::Special), response_policy: Some(ResponsePolicy::Special), route: RouteRule::Scan, active:
        ActiveRule::Scan, tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
        summary: "Iterates over the key names in the database.", since: "2.8.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(177), name: "scard", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::SET), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags: KeyFlags::RO,
        notes: "" }], key_range: (1, 1, 1), summary: "Returns the number of members in a set.", since: "1.0.0", group:
        "set", ..Command::BASE },
    Command { id: CommandId(178), name: "script", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(178), name: "script|debug", arity: -3,
        flags: Flags::NOSCRIPT, categories: Categories::SCRIPTING.with(Categories::SLOW), handling:
        Handling::Refuse("a debugging session needs a connection of its own to one node"), replay:
        ReplayClass::NotIdempotent, summary: "Sets the debug mode of server-side Lua scripts.", since: "3.2.0", group:
        "scripting", ..Command::BASE }, Command { id: CommandId(178), name: "script|exists", arity: -3, flags:
        Flags::NOSCRIPT.with(Flags::STALE), categories: Categories::SCRIPTING.with(Categories::SLOW), replay:
        ReplayClass::Read, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::AggLogicalAnd), active: ActiveRule::EachNode, tips: &["request_policy:all_shards",
        "response_policy:agg_logical_and"], summary:
        "Determines whether server-side Lua scripts exist in the script cache.", since: "2.6.0", group: "scripting",
        ..Command::BASE }, Command { id: CommandId(178), name: "script|flush", arity: -2, flags:
        Flags::NOSCRIPT.with(Flags::STALE), categories: Categories::SCRIPTING.with(Categories::SLOW), replay:
        ReplayClass::NotIdempotent, request_policy: Some(RequestPolicy::AllNodes), response_policy:
        Some(ResponsePolicy::AllSucceeded), active: ActiveRule::EachNode, tips: &["request_policy:all_nodes",
        "response_policy:all_succeeded"], summary: "Removes all server-side Lua scripts from the script cache.",
        since: "2.6.0", group: "scripting", ..Command::BASE }, Command { id: CommandId(178), name: "script|help",
        arity: 2, flags: Flags::LOADING.with(Flags::STALE), categories: Categories::SCRIPTING.with(Categories::SLOW),
        replay: ReplayClass::Read, summary: "Returns helpful text about the different subcommands.", since: "5.0.0",
        group: "scripting", ..Command::BASE }, Command { id: CommandId(178), name: "script|kill", arity: 2, flags:
        Flags::ALLOW_BUSY.with(Flags::NOSCRIPT), categories: Categories::SCRIPTING.with(Categories::SLOW), replay:
        ReplayClass::NotIdempotent, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::OneSucceeded), active: ActiveRule::EachNode, tips: &["request_policy:all_shards",
        "response_policy:one_succeeded"], summary: "Terminates a server-side Lua script during execution.", since:
        "2.6.0", group: "scripting", ..Command::BASE }, Command { id: CommandId(178), name: "script|load", arity: 3,
        flags: Flags::NOSCRIPT.with(Flags::STALE), categories: Categories::SCRIPTING.with(Categories::SLOW), replay:
        ReplayClass::Idempotent, request_policy: Some(RequestPolicy::AllNodes), response_policy:
        Some(ResponsePolicy::AllSucceeded), active: ActiveRule::EachNode, tips: &["request_policy:all_nodes",
        "response_policy:all_succeeded"], summary: "Loads a server-side Lua script to the script cache.", since:
        "2.6.0", group: "scripting", ..Command::BASE }, Command { id: CommandId(178), name: "script|show", arity: 3,
        flags: Flags::NOSCRIPT.with(Flags::STALE), categories: Categories::SCRIPTING.with(Categories::SLOW), replay:
        ReplayClass::Read, summary: "Show server-side Lua script in the script cache.", since: "8.0.0", group:
        "scripting", ..Command::BASE }], summary: "A container for Lua scripts management commands.", since: "2.6.0",
        group: "scripting", ..Command::BASE },
    Command { id: CommandId(179), name: "sdiff", arity: -2, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SET).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, -1, 1), tips:
        &["nondeterministic_output_order"], summary: "Returns the difference of multiple sets.", since: "1.0.0",
        group: "set", ..Command::BASE },
    Command { id: CommandId(180), name: "sdiffstore", arity: -3, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::SET.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent, replay_rule:
        ReplayRule::Store, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, -1, 1), summary:
        "Stores the difference of multiple sets in a key.", since: "1.0.0", group: "set", ..Command::BASE },
    Command { id: CommandId(181), name: "select", arity: 2, flags:
        Flags::ALLOW_BUSY.with(Flags::FAST).with(Flags::LOADING).with(Flags::STALE), categories:
        Categories::CONNECTION.with(Categories::FAST), handling: Handling::Session(Session::Select), replay:
        ReplayClass::Connection, route: RouteRule::Database, summary: "Changes the selected database.", since:
        "1.0.0", group: "connection", ..Command::BASE },
    Command { id: CommandId(182), name: "sentinel", arity: -1, handling: Handling::Local(Local::Sentinel), replay:
        ReplayClass::NotIdempotent, summary: "What clients ask sentinels.", group: "sentinel", ..Command::BASE },
    Command { id: CommandId(183), name: "set", arity: -3, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Set, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE).with(KeyFlags::VARIABLE), notes:
        "RW and ACCESS due to the optional `GET` argument" }], key_range: (1, 1, 1), summary:
        "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.", since: "1.0.0",
        group: "string", ..Command::BASE },
    Command { id: CommandId(184), name: "setbit", arity: 4, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::BITMAP.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Sets or clears the bit at offset of the string value. Creates the key if it doesn't exist.", since: "2.2.0",
        group: "bitmap", ..Command::BASE },
    Command { id: CommandId(185), name: "setex", arity: 4, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Idempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Sets the string value and expiration time of a key. Creates the key if it doesn't exist.", since: "2.0.0",
        group: "string", ..Command::BASE },
    Command { id: CommandId(186), name: "setnx", arity: 3, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Decides,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::OW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 1, 1), summary:
        "Sets the string value of a key only when the key doesn't exist.", since: "1.0.0", group: "string",
        ..Command::BASE },
    Command { id: CommandId(187), name: "setrange", arity: 4, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::STRING).with(Categories::WRITE), replay: ReplayClass::Idempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Overwrites a part of a string value with another by an offset. Creates the key if it doesn't exist.", since:
        "2.2.0", group: "string", ..Command::BASE },
    Command { id: CommandId(188), name: "shutdown", arity: -1, flags:
        Flags::ADMIN.with(Flags::ALLOW_BUSY).with(Flags::LOADING).with(Flags::NO_MULTI).with(Flags::NOSCRIPT).with(Flags::STALE),
        categories: Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Operator("it is meant for one node, send it there"), replay: ReplayClass::Destructive, summary:
        "Synchronously saves the database(s) to disk and shuts down the server.", since: "1.0.0", group: "server",
        ..Command::BASE },
    Command { id: CommandId(189), name: "sinter", arity: -2, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SET).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, -1, 1), tips:
        &["nondeterministic_output_order"], summary: "Returns the intersect of multiple sets.", since: "1.0.0", group:
        "set", ..Command::BASE },
    Command { id: CommandId(190), name: "sintercard", arity: -3, flags: Flags::MOVABLEKEYS.with(Flags::READONLY),
        categories: Categories::READ.with(Categories::SET).with(Categories::SLOW), replay: ReplayClass::Read,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Count { count: 0, first: 1, step: 1 },
        flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], summary:
        "Returns the number of members of the intersect of multiple sets.", since: "7.0.0", group: "set",
        ..Command::BASE },
    Command { id: CommandId(191), name: "sinterstore", arity: -3, flags: Flags::DENYOOM.with(Flags::WRITE),
        categories: Categories::SET.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Store, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, -1, 1), summary:
        "Stores the intersect of multiple sets in a key.", since: "1.0.0", group: "set", ..Command::BASE },
    Command { id: CommandId(192), name: "sismember", arity: 3, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::SET), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags: KeyFlags::RO,
        notes: "" }], key_range: (1, 1, 1), summary: "Determines whether a member belongs to a set.", since: "1.0.0",
        group: "set", ..Command::BASE },
    Command { id: CommandId(193), name: "slaveof", arity: 3, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Operator("it changes a node's role behind the proxy's back"), replay: ReplayClass::Destructive,
        summary: "Sets a server as a replica of another, or promotes it to being a primary.", since: "1.0.0", group:
        "server", ..Command::BASE },
    Command { id: CommandId(194), name: "slowlog", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(194), name: "slowlog|get", arity: -2,
        flags: Flags::ADMIN.with(Flags::LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read,
        request_policy: Some(RequestPolicy::AllNodes), active: ActiveRule::EachNode, merge: Some(Merge::Newest(10)),
        tips: &["request_policy:all_nodes", "nondeterministic_output"], summary: "Returns the slow log's entries.",
        since: "2.2.12", group: "server", ..Command::BASE }, Command { id: CommandId(194), name: "slowlog|help",
        arity: 2, flags: Flags::LOADING.with(Flags::STALE), categories: Categories::SLOW, replay: ReplayClass::Read,
        summary: "Shows helpful text about the different subcommands.", since: "6.2.0", group: "server",
        ..Command::BASE }, Command { id: CommandId(194), name: "slowlog|len", arity: 2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::Read,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AggSum), active:
        ActiveRule::EachNode, tips: &["request_policy:all_nodes", "response_policy:agg_sum",
        "nondeterministic_output"], summary: "Returns the number of entries in the slow log.", since: "2.2.12", group:
        "server", ..Command::BASE }, Command { id: CommandId(194), name: "slowlog|reset", arity: 2, flags:
        Flags::ADMIN.with(Flags::LOADING).with(Flags::STALE), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), replay: ReplayClass::NotIdempotent,
        request_policy: Some(RequestPolicy::AllNodes), response_policy: Some(ResponsePolicy::AllSucceeded), active:
        ActiveRule::EachNode, tips: &["request_policy:all_nodes", "response_policy:all_succeeded"], summary:
        "Clears all entries from the slow log.", since: "2.2.12", group: "server", ..Command::BASE }], summary:
        "A container for slow log commands.", since: "2.2.12", group: "server", ..Command::BASE },
    Command { id: CommandId(195), name: "smembers", arity: 2, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SET).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips:
        &["nondeterministic_output_order"], summary: "Returns all members of a set.", since: "1.0.0", group: "set",
        ..Command::BASE },
    Command { id: CommandId(196), name: "smismember", arity: -3, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::SET), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Determines whether multiple members belong to a set.", since: "6.2.0", group: "set", ..Command::BASE },
    Command { id: CommandId(197), name: "smove", arity: 4, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::SET).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (1, 2, 1), summary:
        "Moves a member from one set to another.", since: "1.0.0", group: "set", ..Command::BASE },
    Command { id: CommandId(198), name: "sort", arity: -2, flags:
        Flags::DENYOOM.with(Flags::MOVABLEKEYS).with(Flags::WRITE), categories:
        Categories::DANGEROUS.with(Categories::LIST).with(Categories::SET).with(Categories::SLOW).with(Categories::SORTEDSET).with(Categories::WRITE),
        replay: ReplayClass::Idempotent, replay_rule: ReplayRule::Sort, key_specs: &[KeySpec { begin:
        BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }, KeySpec { begin: BeginSearch::Unknown, find:
        FindKeys::Unknown, flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes:
        "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort"
        }, KeySpec { begin: BeginSearch::Unknown, find: FindKeys::Unknown, flags: KeyFlags::OW.with(KeyFlags::UPDATE),
        notes:
        "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array"
        }], key_rule: KeyRule::Sort, key_range: (1, 1, 1), summary:
        "Sorts the elements in a list, a set, or a sorted set, optionally storing the result.", since: "1.0.0", group:
        "generic", ..Command::BASE },
    Command { id: CommandId(199), name: "sort_ro", arity: -2, flags: Flags::MOVABLEKEYS.with(Flags::READONLY),
        categories:
        Categories::DANGEROUS.with(Categories::LIST).with(Categories::READ).with(Categories::SET).with(Categories::SLOW).with(Categories::SORTEDSET),
        replay: ReplayClass::Read, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }, KeySpec { begin:
        BeginSearch::Unknown, find: FindKeys::Unknown, flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes:
        "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort"
        }], key_rule: KeyRule::Sort, key_range: (1, 1, 1), summary:
        "Returns the sorted elements of a list, a set, or a sorted set.", since: "7.0.0", group: "generic",
        ..Command::BASE },
    Command { id: CommandId(200), name: "spop", arity: -2, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::SET).with(Categories::WRITE), replay: ReplayClass::NotIdempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), tips:
        &["nondeterministic_output"], summary:
        "Returns one or more random members from a set after removing them. Deletes the set if the last member was popped.",
        since: "1.0.0", group: "set", ..Command::BASE },
    Command { id: CommandId(201), name: "spublish", arity: 3, flags:
        Flags::FAST.with(Flags::LOADING).with(Flags::PUBSUB).with(Flags::STALE), categories:
        Categories::FAST.with(Categories::PUBSUB), handling: Handling::Counts, replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::NOT_KEY, notes: "" }], key_range: (1, 1, 1), summary: "Posts a message to a shard channel.",
        since: "7.0.0", group: "pubsub", ..Command::BASE },
    Command { id: CommandId(202), name: "srandmember", arity: -2, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SET).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips: &["nondeterministic_output"],
        summary: "Gets one or multiple random members from a set.", since: "1.0.0", group: "set", ..Command::BASE },
    Command { id: CommandId(203), name: "srem", arity: -3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::SET).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Removes one or more members from a set. Deletes the set if the last member was removed.", since: "1.0.0",
        group: "set", ..Command::BASE },
    Command { id: CommandId(204), name: "sscan", arity: -3, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SET).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips: &["nondeterministic_output"],
        summary: "Iterates over members of a set.", since: "2.8.0", group: "set", ..Command::BASE },
    Command { id: CommandId(205), name: "ssubscribe", arity: -2, flags:
        Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::PUBSUB).with(Flags::STALE), categories:
        Categories::PUBSUB.with(Categories::SLOW), handling: Handling::Subscribe(Subscribe::Ssubscribe), replay:
        ReplayClass::Connection, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        -1, step: 1, limit: 0 }, flags: KeyFlags::NOT_KEY, notes: "" }], key_range: (1, -1, 1), summary:
        "Listens for messages published to shard channels.", since: "7.0.0", group: "pubsub", ..Command::BASE },
    Command { id: CommandId(206), name: "stralgo", arity: -2, flags: Flags::MOVABLEKEYS.with(Flags::READONLY),
        categories: Categories::READ.with(Categories::SLOW).with(Categories::STRING), replay: ReplayClass::Read,
        key_specs: &[KeySpec { begin: BeginSearch::Keyword { word: "KEYS", start_from: 1 }, find: FindKeys::Range {
        last: 1, step: 1, limit: 0 }, flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], summary:
        "Compares strings. KeyDB, and Redis 6 only.", group: "string", ..Command::BASE },
    Command { id: CommandId(207), name: "strlen", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::STRING), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO, notes: "" }], key_range: (1, 1, 1), summary: "Returns the length of a string value.", since:
        "2.2.0", group: "string", ..Command::BASE },
    Command { id: CommandId(208), name: "subscribe", arity: -2, flags:
        Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::PUBSUB).with(Flags::STALE), categories:
        Categories::PUBSUB.with(Categories::SLOW), handling: Handling::Subscribe(Subscribe::Subscribe), replay:
        ReplayClass::Connection, summary: "Listens for messages published to channels.", since: "2.0.0", group:
        "pubsub", ..Command::BASE },
    Command { id: CommandId(209), name: "substr", arity: 4, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::STRING), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns a substring from a string value.", since: "1.0.0", group: "string", ..Command::BASE },
    Command { id: CommandId(210), name: "sunion", arity: -2, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SET).with(Categories::SLOW), replay: ReplayClass::Read, key_specs: &[KeySpec
        { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, -1, 1), tips:
        &["nondeterministic_output_order"], summary: "Returns the union of multiple sets.", since: "1.0.0", group:
        "set", ..Command::BASE },
    Command { id: CommandId(211), name: "sunionstore", arity: -3, flags: Flags::DENYOOM.with(Flags::WRITE),
        categories: Categories::SET.with(Categories::SLOW).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Store, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, -1, 1), summary:
        "Stores the union of multiple sets in a key.", since: "1.0.0", group: "set", ..Command::BASE },
    Command { id: CommandId(212), name: "sunsubscribe", arity: -1, flags:
        Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::PUBSUB).with(Flags::STALE), categories:
        Categories::PUBSUB.with(Categories::SLOW), handling: Handling::Subscribe(Subscribe::Sunsubscribe), replay:
        ReplayClass::Connection, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        -1, step: 1, limit: 0 }, flags: KeyFlags::NOT_KEY, notes: "" }], key_range: (1, -1, 1), summary:
        "Stops listening to messages posted to shard channels.", since: "7.0.0", group: "pubsub", ..Command::BASE },
    Command { id: CommandId(213), name: "swapdb", arity: 3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::DANGEROUS.with(Categories::FAST).with(Categories::KEYSPACE).with(Categories::WRITE), replay:
        ReplayClass::Destructive, route: RouteRule::Refuse("SWAPDB is not allowed in cluster mode"), active:
        ActiveRule::Refuse("each active node would swap its own databases, at a time of its own"), summary:
        "Swaps two databases.", since: "4.0.0", group: "server", ..Command::BASE },
    Command { id: CommandId(214), name: "sync", arity: 1, flags:
        Flags::ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::NO_MULTI).with(Flags::NOSCRIPT), categories:
        Categories::ADMIN.with(Categories::DANGEROUS).with(Categories::SLOW), handling:
        Handling::Refuse("it belongs to the nodes' own replication"), replay: ReplayClass::NotIdempotent, summary:
        "An internal command used in replication.", since: "1.0.0", group: "server", ..Command::BASE },
    Command { id: CommandId(215), name: "time", arity: 1, flags: Flags::FAST.with(Flags::LOADING).with(Flags::STALE),
        categories: Categories::FAST, replay: ReplayClass::Read, tips: &["nondeterministic_output"], summary:
        "Returns the server time.", since: "2.6.0", group: "server", ..Command::BASE },
    Command { id: CommandId(216), name: "touch", arity: -2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 1, limit: 0 }, flags:
        KeyFlags::RO, notes: "" }], key_range: (1, -1, 1), request_policy: Some(RequestPolicy::MultiShard),
        response_policy: Some(ResponsePolicy::AggSum), tips: &["request_policy:multi_shard",
        "response_policy:agg_sum"], summary:
        "Returns the number of existing keys out of those specified after updating the time they were last accessed.",
        since: "3.2.1", group: "generic", ..Command::BASE },
    Command { id: CommandId(217), name: "ttl", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips: &["nondeterministic_output"],
        summary: "Returns the expiration time in seconds of a key.", since: "1.0.0", group: "generic", ..Command::BASE
        },
    Command { id: CommandId(218), name: "type", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::READ), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO, notes: "" }], key_range: (1, 1, 1), summary: "Determines the type of value stored at a key.",
        since: "1.0.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(219), name: "unlink", arity: -2, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::KEYSPACE).with(Categories::WRITE), replay: ReplayClass::SameState,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 1, limit: 0 },
        flags: KeyFlags::RM.with(KeyFlags::DELETE), notes: "" }], key_range: (1, -1, 1), request_policy:
        Some(RequestPolicy::MultiShard), response_policy: Some(ResponsePolicy::AggSum), tips:
        &["request_policy:multi_shard", "response_policy:agg_sum"], summary:
        "Asynchronously deletes one or more keys.", since: "4.0.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(220), name: "unsubscribe", arity: -1, flags:
        Flags::LOADING.with(Flags::NOSCRIPT).with(Flags::PUBSUB).with(Flags::STALE), categories:
        Categories::PUBSUB.with(Categories::SLOW), handling: Handling::Subscribe(Subscribe::Unsubscribe), replay:
        ReplayClass::Connection, summary: "Stops listening to messages posted to channels.", since: "2.0.0", group:
        "pubsub", ..Command::BASE },
    Command { id: CommandId(221), name: "unwatch", arity: 1, flags:
        Flags::ALLOW_BUSY.with(Flags::FAST).with(Flags::LOADING).with(Flags::NOSCRIPT).with(Flags::STALE), categories:
        Categories::FAST.with(Categories::TRANSACTION), handling: Handling::Unwatch, replay: ReplayClass::Connection,
        summary: "Forgets about watched keys of a transaction.", since: "2.2.0", group: "transactions",
        ..Command::BASE },
    Command { id: CommandId(222), name: "vadd", arity: -1, flags:
        Flags::DENYOOM.with(Flags::MODULE).with(Flags::WRITE), replay: ReplayClass::NotIdempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), group:
        "module", ..Command::BASE },
    Command { id: CommandId(223), name: "vcard", arity: -1, flags:
        Flags::FAST.with(Flags::MODULE).with(Flags::READONLY), replay: ReplayClass::Read, key_specs: &[KeySpec {
        begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), group:
        "module", ..Command::BASE },
    Command { id: CommandId(224), name: "vdim", arity: -1, flags:
        Flags::FAST.with(Flags::MODULE).with(Flags::READONLY), replay: ReplayClass::Read, key_specs: &[KeySpec {
        begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), group:
        "module", ..Command::BASE },
    Command { id: CommandId(225), name: "vemb", arity: -1, flags:
        Flags::FAST.with(Flags::MODULE).with(Flags::READONLY), replay: ReplayClass::Read, key_specs: &[KeySpec {
        begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), group:
        "module", ..Command::BASE },
    Command { id: CommandId(226), name: "vgetattr", arity: -1, flags:
        Flags::FAST.with(Flags::MODULE).with(Flags::READONLY), replay: ReplayClass::Read, key_specs: &[KeySpec {
        begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), group:
        "module", ..Command::BASE },
    Command { id: CommandId(227), name: "vinfo", arity: -1, flags:
        Flags::FAST.with(Flags::MODULE).with(Flags::READONLY), replay: ReplayClass::Read, key_specs: &[KeySpec {
        begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), group:
        "module", ..Command::BASE },
    Command { id: CommandId(228), name: "vismember", arity: -1, flags: Flags::MODULE.with(Flags::READONLY), replay:
        ReplayClass::Read, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1,
        1, 1), group: "module", ..Command::BASE },
    Command { id: CommandId(229), name: "vlinks", arity: -1, flags:
        Flags::FAST.with(Flags::MODULE).with(Flags::READONLY), replay: ReplayClass::Read, key_specs: &[KeySpec {
        begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), group:
        "module", ..Command::BASE },
    Command { id: CommandId(230), name: "vrandmember", arity: -1, flags: Flags::MODULE.with(Flags::READONLY), replay:
        ReplayClass::Read, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1,
        1, 1), group: "module", ..Command::BASE },
    Command { id: CommandId(231), name: "vrem", arity: -1, flags: Flags::MODULE.with(Flags::WRITE), replay:
        ReplayClass::NotIdempotent, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }],
        key_range: (1, 1, 1), group: "module", ..Command::BASE },
    Command { id: CommandId(232), name: "vsetattr", arity: -1, flags:
        Flags::FAST.with(Flags::MODULE).with(Flags::WRITE), replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec {
        begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), group:
        "module", ..Command::BASE },
    Command { id: CommandId(233), name: "vsim", arity: -1, flags: Flags::MODULE.with(Flags::READONLY), replay:
        ReplayClass::Read, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1,
        1, 1), group: "module", ..Command::BASE },
    Command { id: CommandId(234), name: "wait", arity: 3, flags: Flags::BLOCKING, categories:
        Categories::BLOCKING.with(Categories::CONNECTION).with(Categories::SLOW), handling: Handling::Wait, replay:
        ReplayClass::Connection, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::AggMin), tips: &["request_policy:all_shards", "response_policy:agg_min"], summary:
        "Blocks until the asynchronous replication of all preceding write commands sent by the connection is completed.",
        since: "3.0.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(235), name: "waitaof", arity: 4, flags: Flags::BLOCKING, categories:
        Categories::BLOCKING.with(Categories::CONNECTION).with(Categories::SLOW), handling: Handling::Wait, replay:
        ReplayClass::Connection, request_policy: Some(RequestPolicy::AllShards), response_policy:
        Some(ResponsePolicy::AggMin), tips: &["request_policy:all_shards", "response_policy:agg_min"], summary:
        "Blocks until all of the preceding write commands sent by the connection are written to the append-only file of the primary and/or replicas.",
        since: "7.2.0", group: "generic", ..Command::BASE },
    Command { id: CommandId(236), name: "watch", arity: -2, flags:
        Flags::ALLOW_BUSY.with(Flags::FAST).with(Flags::LOADING).with(Flags::NO_MULTI).with(Flags::NOSCRIPT).with(Flags::STALE),
        categories: Categories::FAST.with(Categories::TRANSACTION), handling: Handling::Watch, replay:
        ReplayClass::Connection, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last:
        -1, step: 1, limit: 0 }, flags: KeyFlags::RO, notes: "" }], key_range: (1, -1, 1), summary:
        "Monitors changes to keys to determine the execution of a transaction.", since: "2.2.0", group:
        "transactions", ..Command::BASE },
    Command { id: CommandId(237), name: "xack", arity: -4, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the number of messages that were successfully acknowledged by the consumer group member of a stream.",
        since: "5.0.0", group: "stream", ..Command::BASE },
    Command { id: CommandId(238), name: "xackdel", arity: -6, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::DELETE).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "Acknowledges and deletes one or multiple messages for a stream consumer group.", since: "8.2.0", group:
        "stream", ..Command::BASE },
    Command { id: CommandId(239), name: "xadd", arity: -5, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::STREAM).with(Categories::WRITE), replay:
        ReplayClass::NotIdempotent, replay_rule: ReplayRule::StreamAdd, key_specs: &[KeySpec { begin:
        BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::UPDATE), notes:
        "UPDATE instead of INSERT because of the optional trimming feature" }], key_range: (1, 1, 1), tips:
        &["nondeterministic_output"], summary:
        "Appends a new message to a stream. Creates the key if it doesn't exist.", since: "5.0.0", group: "stream",
        ..Command::BASE },
    Command { id: CommandId(240), name: "xautoclaim", arity: -6, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), tips:
        &["nondeterministic_output"], summary:
        "Changes, or acquires, ownership of messages in a consumer group, as if the messages were delivered to a consumer group member.",
        since: "6.2.0", group: "stream", ..Command::BASE },
    Command { id: CommandId(241), name: "xclaim", arity: -6, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), tips:
        &["nondeterministic_output"], summary:
        "Changes, or acquires, ownership of a message in a consumer group, as if the message was delivered to a consumer group member.",
        since: "5.0.0", group: "stream", ..Command::BASE },
    Command { id: CommandId(242), name: "xdel", arity: -3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the number of messages after removing them from a stream.", since: "5.0.0", group: "stream",
        ..Command::BASE },
    Command { id: CommandId(243), name: "xdelex", arity: -5, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Deletes one or multiple entries from the stream.", since: "8.2.0", group: "stream", ..Command::BASE },
    Command { id: CommandId(244), name: "xgroup", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(244), name: "xgroup|create", arity: -5,
        flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::Decides, key_specs:
        &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (2, 2, 1), summary: "Creates a consumer group.",
        since: "5.0.0", group: "stream", ..Command::BASE }, Command { id: CommandId(244), name:
        "xgroup|createconsumer", arity: 5, flags: Flags::DENYOOM.with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::INSERT), notes: "" }], key_range: (2, 2, 1), summary:
        "Creates a consumer in a consumer group.", since: "6.2.0", group: "stream", ..Command::BASE }, Command { id:
        CommandId(244), name: "xgroup|delconsumer", arity: 5, flags: Flags::WRITE, categories:
        Categories::SLOW.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (2, 2, 1), summary:
        "Deletes a consumer from a consumer group.", since: "5.0.0", group: "stream", ..Command::BASE }, Command { id:
        CommandId(244), name: "xgroup|destroy", arity: 4, flags: Flags::WRITE, categories:
        Categories::SLOW.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (2, 2, 1), summary:
        "Destroys a consumer group.", since: "5.0.0", group: "stream", ..Command::BASE }, Command { id:
        CommandId(244), name: "xgroup|help", arity: 2, flags: Flags::LOADING.with(Flags::STALE), categories:
        Categories::SLOW.with(Categories::STREAM), replay: ReplayClass::Read, summary:
        "Returns helpful text about the different subcommands.", since: "5.0.0", group: "stream", ..Command::BASE },
        Command { id: CommandId(244), name: "xgroup|setid", arity: -5, flags: Flags::WRITE, categories:
        Categories::SLOW.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::Idempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (2, 2, 1), summary:
        "Sets the last-delivered ID of a consumer group.", since: "5.0.0", group: "stream", ..Command::BASE }],
        summary: "A container for consumer groups commands.", since: "5.0.0", group: "stream", ..Command::BASE },
    Command { id: CommandId(245), name: "xinfo", arity: -2, categories: Categories::SLOW, replay:
        ReplayClass::NotIdempotent, subcommands: &[Command { id: CommandId(245), name: "xinfo|consumers", arity: 4,
        flags: Flags::READONLY, categories: Categories::READ.with(Categories::SLOW).with(Categories::STREAM), replay:
        ReplayClass::Read, key_specs: &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (2, 2, 1), tips:
        &["nondeterministic_output"], summary: "Returns a list of the consumers in a consumer group.", since: "5.0.0",
        group: "stream", ..Command::BASE }, Command { id: CommandId(245), name: "xinfo|groups", arity: 3, flags:
        Flags::READONLY, categories: Categories::READ.with(Categories::SLOW).with(Categories::STREAM), replay:
        ReplayClass::Read, key_specs: &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step:
        1, limit: 0 }, flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (2, 2, 1), summary:
        "Returns a list of the consumer groups of a stream.", since: "5.0.0", group: "stream", ..Command::BASE },
        Command { id: CommandId(245), name: "xinfo|help", arity: 2, flags: Flags::LOADING.with(Flags::STALE),
        categories: Categories::SLOW.with(Categories::STREAM), replay: ReplayClass::Read, summary:
        "Returns helpful text about the different subcommands.", since: "5.0.0", group: "stream", ..Command::BASE },
        Command { id: CommandId(245), name: "xinfo|stream", arity: -3, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::STREAM), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (2, 2, 1), summary:
        "Returns information about a stream.", since: "5.0.0", group: "stream", ..Command::BASE }], summary:
        "A container for stream introspection commands.", since: "5.0.0", group: "stream", ..Command::BASE },
    Command { id: CommandId(246), name: "xlen", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::STREAM), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO, notes: "" }], key_range: (1, 1, 1), summary: "Returns the number of messages in a stream.",
        since: "5.0.0", group: "stream", ..Command::BASE },
    Command { id: CommandId(247), name: "xpending", arity: -3, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::STREAM), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips: &["nondeterministic_output"],
        summary: "Returns the information and entries from a stream consumer group's pending entries list.", since:
        "5.0.0", group: "stream", ..Command::BASE },
    Command { id: CommandId(248), name: "xrange", arity: -4, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::STREAM), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the messages from a stream within a range of IDs.", since: "5.0.0", group: "stream", ..Command::BASE
        },
    Command { id: CommandId(249), name: "xread", arity: -4, flags:
        Flags::BLOCKING.with(Flags::MOVABLEKEYS).with(Flags::READONLY), categories:
        Categories::BLOCKING.with(Categories::READ).with(Categories::SLOW).with(Categories::STREAM), handling:
        Handling::Blocking, replay: ReplayClass::Read, key_specs: &[KeySpec { begin: BeginSearch::Keyword { word:
        "STREAMS", start_from: 1 }, find: FindKeys::Range { last: -1, step: 1, limit: 2 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_rule: KeyRule::Streams, timeout:
        Some(TimeoutArg::BlockMillis), summary:
        "Returns messages from multiple streams with IDs greater than the ones requested. Blocks until a message is available otherwise.",
        since: "5.0.0", group: "stream", ..Command::BASE },
    Command { id: CommandId(250), name: "xreadgroup", arity: -7, flags:
        Flags::BLOCKING.with(Flags::MOVABLEKEYS).with(Flags::WRITE), categories:
        Categories::BLOCKING.with(Categories::SLOW).with(Categories::STREAM).with(Categories::WRITE), handling:
        Handling::Blocking, replay: ReplayClass::NotIdempotent, replay_rule: ReplayRule::StreamGroupRead, key_specs:
        &[KeySpec { begin: BeginSearch::Keyword { word: "STREAMS", start_from: 4 }, find: FindKeys::Range { last: -1,
        step: 1, limit: 2 }, flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_rule: KeyRule::Streams,
        timeout: Some(TimeoutArg::BlockMillis), summary:
        "Returns new or historical messages from a stream for a consumer in a group. Blocks until a message is available otherwise.",
        since: "5.0.0", group: "stream", ..Command::BASE },
    Command { id: CommandId(251), name: "xrevrange", arity: -4, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::STREAM), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the messages from a stream within a range of IDs in reverse order.", since: "5.0.0", group: "stream",
        ..Command::BASE },
    Command { id: CommandId(252), name: "xsetid", arity: -3, flags:
        Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::Idempotent, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1), summary:
        "An internal command for replicating stream values.", since: "5.0.0", group: "stream", ..Command::BASE },
    Command { id: CommandId(253), name: "xtrim", arity: -4, flags: Flags::WRITE, categories:
        Categories::SLOW.with(Categories::STREAM).with(Categories::WRITE), replay: ReplayClass::SameState, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), tips: &["nondeterministic_output"],
        summary: "Deletes messages from the beginning of a stream.", since: "5.0.0", group: "stream", ..Command::BASE
        },
    Command { id: CommandId(254), name: "zadd", arity: -4, flags: Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE),
        categories: Categories::FAST.with(Categories::SORTEDSET).with(Categories::WRITE), replay:
        ReplayClass::SameState, replay_rule: ReplayRule::ZAdd, key_specs: &[KeySpec { begin: BeginSearch::Index(1),
        find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: ""
        }], key_range: (1, 1, 1), summary:
        "Adds one or more members to a sorted set, or updates their scores. Creates the key if it doesn't exist.",
        since: "1.2.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(255), name: "zcard", arity: 2, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO, notes: "" }], key_range: (1, 1, 1), summary: "Returns the number of members in a sorted set.",
        since: "1.2.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(256), name: "zcount", arity: 4, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the count of members in a sorted set that have scores within a range.", since: "2.0.0", group:
        "sorted-set", ..Command::BASE },
    Command { id: CommandId(257), name: "zdiff", arity: -3, flags: Flags::MOVABLEKEYS.with(Flags::READONLY),
        categories: Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Count { count: 0, first: 1, step: 1 },
        flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], summary:
        "Returns the difference between multiple sorted sets.", since: "6.2.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(258), name: "zdiffstore", arity: -4, flags:
        Flags::DENYOOM.with(Flags::MOVABLEKEYS).with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::SORTEDSET).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Store, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Count { count: 0, first: 1, step: 1 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Stores the difference of multiple sorted sets in a key.", since: "6.2.0", group: "sorted-set",
        ..Command::BASE },
    Command { id: CommandId(259), name: "zincrby", arity: 4, flags:
        Flags::DENYOOM.with(Flags::FAST).with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::SORTEDSET).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        summary: "Increments the score of a member in a sorted set.", since: "1.2.0", group: "sorted-set",
        ..Command::BASE },
    Command { id: CommandId(260), name: "zinter", arity: -3, flags: Flags::MOVABLEKEYS.with(Flags::READONLY),
        categories: Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Count { count: 0, first: 1, step: 1 },
        flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], summary:
        "Returns the intersect of multiple sorted sets.", since: "6.2.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(261), name: "zintercard", arity: -3, flags: Flags::MOVABLEKEYS.with(Flags::READONLY),
        categories: Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Count { count: 0, first: 1, step: 1 },
        flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], summary:
        "Returns the number of members of the intersect of multiple sorted sets.", since: "7.0.0", group:
        "sorted-set", ..Command::BASE },
    Command { id: CommandId(262), name: "zinterstore", arity: -4, flags:
        Flags::DENYOOM.with(Flags::MOVABLEKEYS).with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::SORTEDSET).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Store, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Count { count: 0, first: 1, step: 1 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Stores the intersect of multiple sorted sets in a key.", since: "2.0.0", group: "sorted-set", ..Command::BASE
        },
    Command { id: CommandId(263), name: "zlexcount", arity: 4, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the number of members in a sorted set within a lexicographical range.", since: "2.8.9", group:
        "sorted-set", ..Command::BASE },
    Command { id: CommandId(264), name: "zmpop", arity: -4, flags: Flags::MOVABLEKEYS.with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::SORTEDSET).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Count { count: 0, first: 1, step: 1 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], summary:
        "Returns the highest- or lowest-scoring members from one or more sorted sets after removing them. Deletes the sorted set if the last member was popped.",
        since: "7.0.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(265), name: "zmscore", arity: -3, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the score of one or more members in a sorted set.", since: "6.2.0", group: "sorted-set",
        ..Command::BASE },
    Command { id: CommandId(266), name: "zpopmax", arity: -2, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::SORTEDSET).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1),
        summary:
        "Returns the highest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.",
        since: "5.0.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(267), name: "zpopmin", arity: -2, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::SORTEDSET).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1),
        summary:
        "Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.",
        since: "5.0.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(268), name: "zrandmember", arity: -2, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips: &["nondeterministic_output"],
        summary: "Returns one or more random members from a sorted set.", since: "6.2.0", group: "sorted-set",
        ..Command::BASE },
    Command { id: CommandId(269), name: "zrange", arity: -4, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns members in a sorted set within a range of indexes.", since: "1.2.0", group: "sorted-set",
        ..Command::BASE },
    Command { id: CommandId(270), name: "zrangebylex", arity: -4, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns members in a sorted set within a lexicographical range.", since: "2.8.9", group: "sorted-set",
        ..Command::BASE },
    Command { id: CommandId(271), name: "zrangebyscore", arity: -4, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns members in a sorted set within a range of scores.", since: "1.0.5", group: "sorted-set",
        ..Command::BASE },
    Command { id: CommandId(272), name: "zrangestore", arity: -5, flags: Flags::DENYOOM.with(Flags::WRITE),
        categories: Categories::SLOW.with(Categories::SORTEDSET).with(Categories::WRITE), replay:
        ReplayClass::Idempotent, replay_rule: ReplayRule::Store, key_specs: &[KeySpec { begin: BeginSearch::Index(1),
        find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags: KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" },
        KeySpec { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 2, 1), summary:
        "Stores a range of members from sorted set in a key.", since: "6.2.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(273), name: "zrank", arity: -3, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the index of a member in a sorted set ordered by ascending scores.", since: "2.0.0", group:
        "sorted-set", ..Command::BASE },
    Command { id: CommandId(274), name: "zrem", arity: -3, flags: Flags::FAST.with(Flags::WRITE), categories:
        Categories::FAST.with(Categories::SORTEDSET).with(Categories::WRITE), replay: ReplayClass::SameState,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Removes one or more members from a sorted set. Deletes the sorted set if all members were removed.", since:
        "1.2.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(275), name: "zremrangebylex", arity: 4, flags: Flags::WRITE, categories:
        Categories::SLOW.with(Categories::SORTEDSET).with(Categories::WRITE), replay: ReplayClass::SameState,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all members were removed.",
        since: "2.8.9", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(276), name: "zremrangebyrank", arity: 4, flags: Flags::WRITE, categories:
        Categories::SLOW.with(Categories::SORTEDSET).with(Categories::WRITE), replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Removes members in a sorted set within a range of indexes. Deletes the sorted set if all members were removed.",
        since: "2.0.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(277), name: "zremrangebyscore", arity: 4, flags: Flags::WRITE, categories:
        Categories::SLOW.with(Categories::SORTEDSET).with(Categories::WRITE), replay: ReplayClass::SameState,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::DELETE), notes: "" }], key_range: (1, 1, 1), summary:
        "Removes members in a sorted set within a range of scores. Deletes the sorted set if all members were removed.",
        since: "1.2.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(278), name: "zrevrange", arity: -4, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns members in a sorted set within a range of indexes in reverse order.", since: "1.2.0", group:
        "sorted-set", ..Command::BASE },
    Command { id: CommandId(279), name: "zrevrangebylex", arity: -4, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns members in a sorted set within a lexicographical range in reverse order.", since: "2.8.9", group:
        "sorted-set", ..Command::BASE },
    Command { id: CommandId(280), name: "zrevrangebyscore", arity: -4, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns members in a sorted set within a range of scores in reverse order.", since: "2.2.0", group:
        "sorted-set", ..Command::BASE },
    Command { id: CommandId(281), name: "zrevrank", arity: -3, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the index of a member in a sorted set ordered by descending scores.", since: "2.0.0", group:
        "sorted-set", ..Command::BASE },
    Command { id: CommandId(282), name: "zscan", arity: -3, flags: Flags::READONLY, categories:
        Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), tips: &["nondeterministic_output"],
        summary: "Iterates over members and scores of a sorted set.", since: "2.8.0", group: "sorted-set",
        ..Command::BASE },
    Command { id: CommandId(283), name: "zscore", arity: 3, flags: Flags::FAST.with(Flags::READONLY), categories:
        Categories::FAST.with(Categories::READ).with(Categories::SORTEDSET), replay: ReplayClass::Read, key_specs:
        &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Returns the score of a member in a sorted set.", since: "1.2.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(284), name: "zunion", arity: -3, flags: Flags::MOVABLEKEYS.with(Flags::READONLY),
        categories: Categories::READ.with(Categories::SLOW).with(Categories::SORTEDSET), replay: ReplayClass::Read,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Count { count: 0, first: 1, step: 1 },
        flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], summary:
        "Returns the union of multiple sorted sets.", since: "6.2.0", group: "sorted-set", ..Command::BASE },
    Command { id: CommandId(285), name: "zunionstore", arity: -4, flags:
        Flags::DENYOOM.with(Flags::MOVABLEKEYS).with(Flags::WRITE), categories:
        Categories::SLOW.with(Categories::SORTEDSET).with(Categories::WRITE), replay: ReplayClass::Idempotent,
        replay_rule: ReplayRule::Store, key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range {
        last: 0, step: 1, limit: 0 }, flags: KeyFlags::OW.with(KeyFlags::UPDATE), notes: "" }, KeySpec { begin:
        BeginSearch::Index(2), find: FindKeys::Count { count: 0, first: 1, step: 1 }, flags:
        KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, 1, 1), summary:
        "Stores the union of multiple sorted sets in a key.", since: "2.0.0", group: "sorted-set", ..Command::BASE },
];

/// What servers do not tell of the commands that are learned from them; see `learned`.
#[rustfmt::skip]
pub(super) static LEARNED: [Command; 8] = [
    Command { id: CommandId(0), name: "ft.*", arity: -1, replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec {
        begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags: KeyFlags::NOT_KEY,
        notes: "" }], key_range: (1, 1, 1), ..Command::BASE },
    Command { id: CommandId(0), name: "ft._*", arity: -1, replay: ReplayClass::NotIdempotent, ..Command::BASE },
    Command { id: CommandId(0), name: "ft.config", arity: -1, replay: ReplayClass::NotIdempotent, ..Command::BASE },
    Command { id: CommandId(0), name: "ft.cursor", arity: -1, replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec
        { begin: BeginSearch::Index(2), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::NOT_KEY, notes: "" }], key_range: (2, 2, 1), ..Command::BASE },
    Command { id: CommandId(0), name: "ft.sug*", arity: -1, replay: ReplayClass::NotIdempotent, key_specs: &[KeySpec {
        begin: BeginSearch::Index(1), find: FindKeys::Range { last: 0, step: 1, limit: 0 }, flags:
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), notes: "" }], key_range: (1, 1, 1),
        ..Command::BASE },
    Command { id: CommandId(0), name: "json.mget", arity: -1, flags: Flags::READONLY, replay: ReplayClass::Read,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -2, step: 1, limit: 0 },
        flags: KeyFlags::RO.with(KeyFlags::ACCESS), notes: "" }], key_range: (1, -2, 1), request_policy:
        Some(RequestPolicy::MultiShard), merge: Some(Merge::Positions), tips: &["request_policy:multi_shard"],
        ..Command::BASE },
    Command { id: CommandId(0), name: "json.mset", arity: -1, flags: Flags::WRITE, replay: ReplayClass::Idempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 3, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, -1, 3), request_policy:
        Some(RequestPolicy::MultiShard), response_policy: Some(ResponsePolicy::AllSucceeded), tips:
        &["request_policy:multi_shard", "response_policy:all_succeeded"], ..Command::BASE },
    Command { id: CommandId(0), name: "ts.madd", arity: -1, flags: Flags::WRITE, replay: ReplayClass::NotIdempotent,
        key_specs: &[KeySpec { begin: BeginSearch::Index(1), find: FindKeys::Range { last: -1, step: 3, limit: 0 },
        flags: KeyFlags::RW.with(KeyFlags::UPDATE), notes: "" }], key_range: (1, -1, 3), request_policy:
        Some(RequestPolicy::MultiShard), merge: Some(Merge::Positions), tips: &["request_policy:multi_shard"],
        ..Command::BASE },
];
