//! The words of the command table: what one entry says, and the decisions it carries.
//!
//! The entries themselves are in `generated`, made by `scripts/command-table.py` from the answers of real
//! servers and from `overlay.toml`. Nothing else in the code lists commands.

use crate::command::flags::{Categories, Flags, KeyFlags};
use crate::command::generated::COMMANDS;
use crate::reasons::Family;
use crate::resp::request::Request;

/// The place of a top-level command in the table; a label for metrics with a bounded number of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CommandId(pub(crate) u16);

impl CommandId {
    /// Every command that the table does not know.
    pub(crate) const OTHER: CommandId = CommandId(COMMANDS.len() as u16);
}

/// One command or subcommand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    /// A subcommand bears the id of its command.
    pub(crate) id: CommandId,
    /// In lower case; a subcommand's is `config|get`.
    pub(crate) name: &'static str,
    /// Number of arguments with the name; negative: at least so many.
    pub(crate) arity: i16,
    pub(crate) flags: Flags,
    pub(crate) categories: Categories,
    pub(crate) handling: Handling,
    /// The class without looking at options; `replay_class` refines it.
    pub(crate) replay: ReplayClass,
    pub(crate) replay_rule: ReplayRule,
    pub(crate) key_specs: &'static [KeySpec],
    pub(crate) key_rule: KeyRule,
    /// First key, last key and step, as servers before key specs said it.
    pub(crate) key_range: (i16, i16, i16),
    pub(crate) request_policy: Option<RequestPolicy>,
    pub(crate) response_policy: Option<ResponsePolicy>,
    /// Where it goes in a cluster beyond what its keys and policies say.
    pub(crate) route: RouteRule,
    /// Where it goes with active nodes.
    pub(crate) active: ActiveRule,
    /// How several replies become one beyond what the response policy says; see `Command::merged`.
    pub(crate) merge: Option<Merge>,
    /// All tips, the two policies among them.
    pub(crate) tips: &'static [&'static str],
    pub(crate) timeout: Option<TimeoutArg>,
    pub(crate) subcommands: &'static [Command],
    pub(crate) group: &'static str,
    pub(crate) since: &'static str,
    pub(crate) summary: &'static str,
}

impl Command {
    /// What the generated entries leave unsaid.
    pub(super) const BASE: Command = Command {
        id: CommandId(0),
        name: "",
        arity: -1,
        flags: Flags::EMPTY,
        categories: Categories::EMPTY,
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

    /// Returns whether a request of `argc` arguments, the name included, is long enough and not too long.
    pub(crate) fn arity_fits(&self, argc: usize) -> bool {
        let arity = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { argc >= arity } else { argc == arity }
    }

    /// The label of the command's time: XREAD counts as blocking with or without its option.
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

    /// Returns true if replicas may be told of the command: of a write, of a message, of what a script does.
    pub(crate) fn may_replicate(&self) -> bool {
        let speaks = self.handling == Handling::Counts || self.group == "scripting";
        let is_whole = self.subcommands.is_empty() && !self.name.contains('|');
        self.is_write() || speaks && is_whole && self.replay == ReplayClass::NotIdempotent
    }

    /// The subcommand that the request's first argument names.
    pub(crate) fn subcommand(&self, request: &Request) -> Option<&'static Command> {
        if self.subcommands.is_empty() {
            return None;
        }
        self.subcommand_named(request.arg(1)?)
    }

    pub(super) fn subcommand_named(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands.iter().find(|sub| sub.short_name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// `get` of `config|get`.
    pub(crate) fn short_name(&self) -> &'static str {
        self.name.rsplit_once('|').map_or(self.name, |(_, short)| short)
    }

    /// Returns how the replies of several shards become one; `None` for a command that one node answers.
    pub(crate) fn merged(&self) -> Option<Merge> {
        self.merge.or_else(|| match self.request_policy? {
            RequestPolicy::AllNodes | RequestPolicy::AllShards | RequestPolicy::MultiShard => {
                self.response_policy?.merge()
            }
            RequestPolicy::Special => None,
        })
    }

    /// Returns whether clients can use this command or one of its subcommands here.
    pub(crate) fn is_available(&self) -> bool {
        let refused = matches!(
            self.handling,
            Handling::Refuse(_) | Handling::Local(Local::Cluster(ClusterCommand::Change) | Local::Sentinel)
        );
        !refused || self.subcommands.iter().any(Command::is_available)
    }
}

/// What the proxy does with a request before it is routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handling {
    /// To the lane of the session.
    Forward,
    /// Answered by the proxy.
    Local(Local),
    /// Changes who the client is or which database it uses.
    Session(Session),
    Transaction(Transaction),
    Watch,
    Unwatch,
    /// On a dedicated connection, since it may wait for long.
    Blocking,
    /// WAIT and WAITAOF: about the writes of one connection.
    Wait,
    Subscribe(Subscribe),
    /// Answered with numbers or names of subscribers, which at the nodes are connections of ours.
    Counts,
    /// The `<why>` of `-ERR tideover: <COMMAND> is not available here: <why>`.
    Refuse(&'static str),
}

/// What the proxy answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    Ping,
    Echo,
    Quit,
    Reset,
    /// COMMAND and its subcommands: `command_reply`.
    Command,
    Role,
    Client(ClientCommand),
    Clients(ClientsCommand),
    /// About the cluster that the backend is, or that the proxy looks like: `face` says which.
    Cluster(ClusterCommand),
    /// SENTINEL and its subcommands, unknown unless the proxy looks like sentinels.
    Sentinel,
    /// A subcommand that is not known, of a command whose subcommands the proxy answers itself:
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

/// What is asked of a node of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClusterCommand {
    Slots,
    Shards,
    Nodes,
    Info,
    MyId,
    MyShardId,
    KeySlot,
    /// About the keys in a slot: only a backend that is a cluster knows.
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

/// What a second run of a command would do after an unknown first one, the safest class first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReplayClass {
    /// Changes nothing.
    Read,
    /// Same state and same reply if nobody else wrote meanwhile.
    Idempotent,
    /// Same state, the reply is another count.
    SameState,
    /// Same state, but the reply drives a decision (lock taken, old value): a second one would lie.
    Decides,
    /// A second run changes the state again.
    NotIdempotent,
    /// Run late, it would destroy newer data: never sent again once its outcome is unknown.
    Destructive,
    /// State of the connection: the proxy brings it back itself, never by a second run.
    Connection,
}

/// Which options decide on the replay class; see `replay`.
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

/// Where the keys are when the key specs do not say it fully; see `keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyRule {
    /// The key specs are complete.
    Specs,
    Streams,
    Sort,
    Migrate,
}

/// Where a blocking command has its time-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeoutArg {
    /// Seconds, possibly a fraction, as the last argument.
    LastSeconds,
    /// The same as the first argument.
    FirstSeconds,
    /// Milliseconds after BLOCK among the options before STREAMS; without it the command does not wait.
    BlockMillis,
}

/// One rule of a server for finding keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeySpec {
    pub(crate) begin: BeginSearch,
    pub(crate) find: FindKeys,
    pub(crate) flags: KeyFlags,
    pub(crate) notes: &'static str,
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BeginSearch {
    Index(i16),
    /// After this word, searched from an argument on; from the end towards the name if `start_from` is negative.
    Keyword {
        word: &'static str,
        start_from: i16,
    },
    Unknown,
}

/// Which arguments are keys from there on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FindKeys {
    /// `last` counts from the begin, or from the end if negative; `limit` 2 takes the first half of the rest.
    Range {
        last: i16,
        step: i16,
        limit: i16,
    },
    /// The number of keys stands at `count`, the first key at `first`, both counted from the begin.
    Count {
        count: i16,
        first: i16,
        step: i16,
    },
    Unknown,
}

/// To which shards a command without a single owner goes, in the words of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestPolicy {
    AllNodes,
    AllShards,
    MultiShard,
    Special,
}

/// How the replies of several shards become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponsePolicy {
    OneSucceeded,
    AllSucceeded,
    AggLogicalAnd,
    #[expect(dead_code, reason = "published for servers' commands; none of those in the table has it")]
    AggLogicalOr,
    AggMin,
    #[expect(dead_code, reason = "published for servers' commands; none of those in the table has it")]
    AggMax,
    AggSum,
    Special,
}

impl ResponsePolicy {
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

/// Where a command goes in a cluster when its keys and policies do not say it; see `route`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RouteRule {
    /// To the owner of its keys, or where the request policy says, or to any shard.
    Policies,
    /// One shard after the other, led by the cursor.
    Scan,
    /// A pattern as argument 1: with a hash tag to the owner of its slot, else to all shards.
    Pattern,
    /// To the owner of the slot whose number is argument 2.
    SlotNumber,
    /// A database number as argument 1: a cluster has only number 0.
    Database,
    /// The words of the refusal, without `ERR`.
    Refuse(&'static str),
}

/// Where a command goes with active nodes, each of which has every key; see `route::active`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActiveRule {
    /// To the writer of its keys; without keys to one node.
    Keys,
    /// To every node, since each has something of its own there: scripts, settings, logs.
    EachNode,
    /// One node, led by the cursor.
    Scan,
    /// One node, whose words are made to agree with the face.
    Info,
    /// Every node or none, as the config says.
    Flush,
    /// The `<why>` of `-ERR tideover: <COMMAND> is not available here: <why>`.
    Refuse(&'static str),
}

/// How the replies to the parts of one command become one reply; see `split`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    /// Every element back to the place of its key.
    Positions,
    /// Of integers, or of lists of integers element by element; likewise the next four.
    Sum,
    Min,
    Max,
    And,
    Or,
    /// The first part's reply.
    AllSucceeded,
    /// The first reply that is no error.
    OneSucceeded,
    /// One list behind the other.
    Lists,
    /// Entries of logs, the newest first, and no more than so many: SLOWLOG GET.
    Newest(u32),
    /// The last and the worst spike of each event: LATENCY LATEST.
    Spikes,
    /// The worst spike of each second: LATENCY HISTORY.
    Series,
    /// How many calls took how long: LATENCY HISTOGRAM.
    Histograms,
    /// As `Lists`, each element once.
    Union,
    /// Names and counts in turn, the same names everywhere: the counts are added up.
    Tally,
    /// Texts with a blank line between them.
    Texts,
    /// Sizes and values in turn: one of the values that are not null, each as likely as its size says.
    AnyValue,
    /// Outcomes, and what WAIT says behind each, in turn: the first outcome.
    Flushed,
    /// The texts of INFO become that of one server.
    Info,
    /// The same with the proxy's own section, which the request asks for.
    InfoProxy,
}
