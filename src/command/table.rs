//! The types of the command table: the fields of an entry and the values that they take.
//!
//! The entries themselves are in `generated`, made by `scripts/command-table.py` from the answers of real
//! servers and from `overlay.toml`.

use crate::command::flags::{Categories, Flags, KeyFlags};
use crate::command::generated::COMMANDS;
use crate::reasons::Family;
use crate::resp::request::Request;

/// The index of a top-level command in the table; also a metric label with a bounded number of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CommandId(pub(crate) u16);

impl CommandId {
    /// Stands for every command that the table does not know, learned or not.
    pub(crate) const OTHER: CommandId = CommandId(COMMANDS.len() as u16);
}

/// One command or subcommand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    /// A subcommand has the id of its command.
    pub(crate) id: CommandId,
    /// In lower case; for a subcommand `config|get`.
    pub(crate) name: &'static str,
    /// Number of arguments, the name included; a negative one is a minimum.
    pub(crate) arity: i16,
    pub(crate) flags: Flags,
    pub(crate) categories: Categories,
    /// Categories that modules have added.
    pub(crate) more_categories: &'static [&'static str],
    pub(crate) handling: Handling,
    /// The class without looking at options; `replay_class` refines it.
    pub(crate) replay: ReplayClass,
    pub(crate) replay_rule: ReplayRule,
    pub(crate) key_specs: &'static [KeySpec],
    pub(crate) key_rule: KeyRule,
    /// First key, last key and step, as servers said it before there were key specs.
    pub(crate) key_range: (i16, i16, i16),
    pub(crate) request_policy: Option<RequestPolicy>,
    pub(crate) response_policy: Option<ResponsePolicy>,
    /// The rule of routing in a cluster, beyond what keys and policies say.
    pub(crate) route: RouteRule,
    /// The rule of routing with active nodes.
    pub(crate) active: ActiveRule,
    /// The way of merging several replies, where the response policy does not say it; see `Command::merged`.
    pub(crate) merge: Option<Merge>,
    /// All command tips, the two policies included.
    pub(crate) tips: &'static [&'static str],
    pub(crate) timeout: Option<TimeoutArg>,
    pub(crate) subcommands: &'static [Command],
    pub(crate) group: &'static str,
    pub(crate) since: &'static str,
    pub(crate) summary: &'static str,
}

impl Command {
    /// Returns true if it reads keys and changes none.
    pub(crate) fn is_read(&self) -> bool {
        self.flags.contains(Flags::READONLY)
    }

    /// Returns true if it runs a script or a function.
    pub(crate) fn is_script(&self) -> bool {
        ["eval", "eval_ro", "evalsha", "evalsha_ro", "fcall", "fcall_ro"].contains(&self.name)
    }

    /// The defaults of fields that a generated entry leaves out.
    pub(super) const BASE: Command = Command {
        id: CommandId(0),
        name: "",
        arity: -1,
        flags: Flags::EMPTY,
        categories: Categories::EMPTY,
        more_categories: &[],
        handling: Handling::Forward,
        replay: ReplayClass::NotIdempotent,
        replay_rule: ReplayRule::Fixed,
        key_specs: &[],
        key_rule: KeyRule::Specs,
        key_range: (0, 0, 0),
        request_policy: None,
        response_policy: None,
        route: RouteRule::Policies,
        active: ActiveRule::Keys,
        merge: None,
        tips: &[],
        timeout: None,
        subcommands: &[],
        group: "",
        since: "",
        summary: "",
    };

    /// Returns true if a request may have `argc` arguments, the name included.
    pub(crate) fn arity_fits(&self, argc: usize) -> bool {
        let arity = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { argc >= arity } else { argc == arity }
    }

    /// Returns the label for the metrics of durations. XREAD counts as blocking with or without its option.
    pub(crate) fn family(&self) -> Family {
        if self.flags.contains(Flags::BLOCKING) {
            Family::Blocking
        } else if self.flags.contains(Flags::WRITE) {
            Family::Write
        } else if self.flags.contains(Flags::READONLY) {
            Family::Read
        } else {
            Family::Other
        }
    }

    pub(crate) fn is_write(&self) -> bool {
        self.flags.contains(Flags::WRITE)
    }

    /// Returns true if replicas may be told of the command: a write, a message, a script, or PFCOUNT, which may write what it
    /// has counted.
    pub(crate) fn may_replicate(&self) -> bool {
        let may_write_keys = self.key_specs.iter().any(|spec| spec.flags.contains(KeyFlags::RW));
        let is_message = self.handling == Handling::Counts && self.subcommands.is_empty();
        self.is_write() || may_write_keys || is_message && !self.name.contains('|')
    }

    /// Returns the subcommand that argument 1 of the request names.
    pub(crate) fn subcommand(&self, request: &Request) -> Option<&'static Command> {
        if self.subcommands.is_empty() {
            return None;
        }
        self.subcommand_named(request.arg(1)?)
    }

    pub(super) fn subcommand_named(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands.iter().find(|sub| sub.short_name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Returns `get` of `config|get`.
    pub(crate) fn short_name(&self) -> &'static str {
        self.name.rsplit_once('|').map_or(self.name, |(_, short)| short)
    }

    #[inline]
    pub(crate) fn is_info(&self) -> bool {
        self.merge == Some(Merge::Info)
    }

    /// Returns the way of merging the replies of several shards; `None` for a command that one node answers.
    pub(crate) fn merged(&self) -> Option<Merge> {
        self.merge.or_else(|| match self.request_policy? {
            RequestPolicy::AllNodes | RequestPolicy::AllShards | RequestPolicy::MultiShard => {
                self.response_policy?.merge()
            }
            RequestPolicy::Special => None,
        })
    }

    /// Returns true if clients can use this command or one of its subcommands here. `operator`: those about one node, too.
    pub(crate) fn is_available(&self, operator: bool) -> bool {
        let refused = match self.handling {
            Handling::Refuse(_) | Handling::Local(Local::Sentinel) => true,
            Handling::Operator(_) | Handling::Local(Local::Cluster(ClusterCommand::Change)) => !operator,
            _ => false,
        };
        !refused || self.subcommands.iter().any(|sub| sub.is_available(operator))
    }
}

/// The way in which the proxy treats a request, decided before it is routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handling {
    /// Goes to the lane of the session.
    Forward,
    /// Is answered by the proxy.
    Local(Local),
    /// Changes the user, the protocol version or the database of the client.
    Session(Session),
    Transaction(Transaction),
    Watch,
    Unwatch,
    /// Goes to a dedicated connection, since it may wait for long.
    Blocking,
    /// WAIT and WAITAOF, which are about the writes of one connection.
    Wait,
    Subscribe(Subscribe),
    /// Is answered with numbers or names of subscribers, which a node knows only as connections of the proxy.
    Counts,
    /// Changes one node, or asks it about itself: the one node of kind `fixed` gets it, once. Before several nodes it is refused
    /// for this reason, as `Refuse` says it.
    Operator(&'static str),
    /// The `<why>` of `-ERR tideover: <COMMAND> is not available here: <why>`.
    Refuse(&'static str),
}

/// The commands that the proxy answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    Ping,
    Echo,
    Quit,
    Reset,
    /// COMMAND and its subcommands: `command_reply`.
    Command,
    Role,
    Monitor,
    Client(ClientCommand),
    Clients(ClientsCommand),
    /// About the cluster that the backend is, or that the proxy presents: `face` decides which.
    Cluster(ClusterCommand),
    /// SENTINEL and its subcommands, unknown unless the proxy presents sentinels.
    Sentinel,
    /// An unknown subcommand of a command whose subcommands the proxy answers itself:
    /// `-ERR unknown subcommand '<name>'. Try <COMMAND> HELP.`
    UnknownSubcommand,
}

/// The subcommands of CLIENT that the proxy answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientCommand {
    Id,
    SetName,
    GetName,
    SetInfo,
    Info,
    Reply,
    NoEvict,
    Caching,
    GetRedir,
    TrackingInfo,
    Capa,
}

/// The subcommands of CLIENT that are about all clients of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientsCommand {
    List,
    Kill,
    Unblock,
    Pause,
    Unpause,
}

/// The commands about a cluster or a node of it: CLUSTER and its subcommands, READONLY, READWRITE and ASKING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClusterCommand {
    Slots,
    Shards,
    Nodes,
    Info,
    MyId,
    MyShardId,
    KeySlot,
    /// About the keys in a slot, which only a backend that is a cluster knows.
    SlotKeys,
    SlotMigrations,
    Links,
    Replicas,
    FailureReports,
    Help,
    /// Every other subcommand, known or not.
    Change,
    ReadOnly,
    ReadWrite,
    Asking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    Auth,
    Hello,
    Select,
    /// CLIENT TRACKING.
    Tracking,
    /// CLIENT NO-TOUCH.
    NoTouch,
    /// READONLY and READWRITE, to the one node behind the proxy.
    ReadOnly,
    ReadWrite,
}

impl Session {
    /// Returns true if it changes the modes of the connections that its client uses from then on.
    pub(crate) fn is_of_modes(self) -> bool {
        match self {
            Session::Tracking | Session::NoTouch | Session::ReadOnly | Session::ReadWrite => true,
            Session::Auth | Session::Hello | Session::Select => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transaction {
    Multi,
    Exec,
    Discard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "the words of the protocol")]
pub(crate) enum Subscribe {
    Subscribe,
    Unsubscribe,
    Psubscribe,
    Punsubscribe,
    Ssubscribe,
    Sunsubscribe,
}

/// The effect of a second run of a command if the outcome of the first one is unknown, the safest class first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReplayClass {
    /// Changes nothing.
    Read,
    /// Leads to the same state and the same reply unless another client writes in between.
    Idempotent,
    /// Leads to the same state, but the reply has another count.
    SameState,
    /// Leads to the same state, but a client acts on the reply (lock taken, old value), and the second one would lie.
    Decides,
    /// Changes the state again.
    NotIdempotent,
    /// Would destroy newer data, or change a node, if it ran late: never sent again once its outcome is unknown.
    Destructive,
    /// Changes the state of the connection, which the proxy restores itself, never by a second run.
    Connection,
}

/// The rule by which options change the replay class; see `replay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplayRule {
    /// The class of the table holds.
    Fixed,
    Bitfield,
    Copy,
    Expire,
    ExpireFields,
    ExpireMember,
    FunctionLoad,
    Lrem,
    Ltrim,
    Restore,
    Script,
    Set,
    SetFields,
    SetMany,
    Sort,
    Store,
    StreamAdd,
    StreamGroupRead,
    ZAdd,
}

/// The parser that finds the keys where the key specs are incomplete; see `keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyRule {
    /// The key specs are complete.
    Specs,
    Streams,
    Sort,
    Migrate,
}

/// The place of the time-out in a blocking command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeoutArg {
    /// The last argument: seconds, possibly with a fraction.
    LastSeconds,
    /// The first argument: seconds, possibly with a fraction.
    FirstSeconds,
    /// Somewhere, or nowhere: the command is learned, and servers do not tell.
    Unknown,
    /// The milliseconds behind BLOCK, among the options in front of STREAMS; without BLOCK the command does not wait.
    BlockMillis,
}

/// A key spec: a server's rule for finding some keys of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeySpec {
    pub(crate) begin: BeginSearch,
    pub(crate) find: FindKeys,
    pub(crate) flags: KeyFlags,
    pub(crate) notes: &'static str,
}

/// The argument at which the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BeginSearch {
    Index(i16),
    /// The argument behind `word`, which is searched from `start_from` on, or backwards if that is negative.
    Keyword {
        word: &'static str,
        start_from: i16,
    },
    Unknown,
}

/// The arguments that are keys, counted from where the search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FindKeys {
    /// `last` counts from the beginning, or from the end if negative; `limit` 2 takes the first half of the rest.
    Range {
        last: i16,
        step: i16,
        limit: i16,
    },
    /// The number of keys stands at `count`, the first key at `first`, both counted from the beginning.
    Count {
        count: i16,
        first: i16,
        step: i16,
    },
    Unknown,
}

/// The servers' `request_policy` tip: the shards to which a command goes whose keys have no single owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestPolicy {
    AllNodes,
    AllShards,
    MultiShard,
    Special,
}

impl RequestPolicy {
    /// Parses the word of a tip.
    pub(super) fn of_word(word: &str) -> Option<RequestPolicy> {
        match word {
            "all_nodes" => Some(RequestPolicy::AllNodes),
            "all_shards" => Some(RequestPolicy::AllShards),
            "multi_shard" => Some(RequestPolicy::MultiShard),
            "special" => Some(RequestPolicy::Special),
            _ => None,
        }
    }
}

/// The servers' `response_policy` tip: the way in which the replies of several shards become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponsePolicy {
    OneSucceeded,
    AllSucceeded,
    AggLogicalAnd,
    AggLogicalOr,
    AggMin,
    AggMax,
    AggSum,
    Special,
}

impl ResponsePolicy {
    /// Parses the word of a tip.
    pub(super) fn of_word(word: &str) -> Option<ResponsePolicy> {
        match word {
            "one_succeeded" => Some(ResponsePolicy::OneSucceeded),
            "all_succeeded" => Some(ResponsePolicy::AllSucceeded),
            "agg_logical_and" => Some(ResponsePolicy::AggLogicalAnd),
            "agg_logical_or" => Some(ResponsePolicy::AggLogicalOr),
            "agg_min" => Some(ResponsePolicy::AggMin),
            "agg_max" => Some(ResponsePolicy::AggMax),
            "agg_sum" => Some(ResponsePolicy::AggSum),
            "special" => Some(ResponsePolicy::Special),
            _ => None,
        }
    }

    fn merge(self) -> Option<Merge> {
        match self {
            ResponsePolicy::OneSucceeded => Some(Merge::OneSucceeded),
            ResponsePolicy::AllSucceeded => Some(Merge::AllSucceeded),
            ResponsePolicy::AggLogicalAnd => Some(Merge::And),
            ResponsePolicy::AggLogicalOr => Some(Merge::Or),
            ResponsePolicy::AggMin => Some(Merge::Min),
            ResponsePolicy::AggMax => Some(Merge::Max),
            ResponsePolicy::AggSum => Some(Merge::Sum),
            ResponsePolicy::Special => None,
        }
    }
}

/// The way of a command in a cluster where its keys and policies do not say it; see `route`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RouteRule {
    /// Goes to the owner of its keys, or where the request policy says, or to any shard.
    Policies,
    /// Goes to one shard after the other, as the cursor says.
    Scan,
    /// Has a pattern as argument 1: one with a hash tag goes to the owner of its slot, others to all shards.
    Pattern,
    /// Goes to the owner of the slot whose number is argument 2.
    SlotNumber,
    /// Has a database number as argument 1: a cluster has only number 0.
    Database,
    /// Is refused with this text behind `ERR`.
    Refuse(&'static str),
}

/// The way of a command with active nodes, each of which has every key; see `route::active`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActiveRule {
    /// Goes to the writer of its keys, or to one node if it has no keys.
    Keys,
    /// Goes to every node, since it is about something that each node has for itself: scripts, settings, logs.
    EachNode,
    /// Goes to one node, as the cursor says.
    Scan,
    /// Goes to one node, whose answer is made to agree with the face.
    Info,
    /// Goes to every node or is refused, as the config says.
    Flush,
    /// The `<why>` of `-ERR tideover: <COMMAND> is not available here: <why>`.
    Refuse(&'static str),
}

/// The way in which the replies to the parts of one command become one reply; see `split`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    /// Every element goes back to the position of its key.
    Positions,
    /// Like the next four, for integers or, element by element, for lists of integers.
    Sum,
    Min,
    Max,
    And,
    Or,
    /// The first part's reply.
    AllSucceeded,
    /// The first reply that is no error.
    OneSucceeded,
    /// The concatenation of all lists.
    Lists,
    /// Entries of logs, the newest first, and at most this many: SLOWLOG GET.
    Newest(u32),
    /// The last and the worst spike of each event: LATENCY LATEST.
    Spikes,
    /// The worst spike of each second: LATENCY HISTORY.
    Series,
    /// The sum of histograms of durations: LATENCY HISTOGRAM.
    Histograms,
    /// As `Lists`, each element once.
    Union,
    /// The elements of the first list whose `name` is in all others: MODULE LIST.
    Common,
    /// Alternating names and counts, with the same names in every part: the counts are added up.
    Tally,
    /// Texts with a blank line between them.
    Texts,
    /// Alternating sizes and values: one of the values that are not null, with a probability in proportion to its size.
    AnyValue,
    /// Alternating outcomes and replies to WAIT: the first outcome.
    Flushed,
    /// The INFO texts become that of one server.
    Info,
    /// The same with the proxy's own section, for a request that asks for it.
    InfoProxy,
    /// The INFO text of the only node, as it is, with the proxy's own section.
    InfoOfOne,
    /// The same without that section, while clients of the proxy wait for the end of a pause.
    InfoAsItIs,
}
