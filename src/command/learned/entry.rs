//! Makes the entry of a command from the definition that a server gave: how it is handled, where its keys are, and
//! whether it may run twice. What servers do not tell is in `[learned]` of `overlay.toml`.

use crate::command::flags::{Categories, Flags};
use crate::command::generated::LEARNED;
use crate::command::table::{
    BeginSearch, Command, CommandId, FindKeys, Handling, KeySpec, ReplayClass, RequestPolicy, ResponsePolicy,
    RouteRule, TimeoutArg,
};

use super::definition::{Begin, Definition, Find, Spec};

/// Makes an entry whose parts live for ever. The caller bounds their number.
pub(super) fn entry(definition: &Definition) -> Command {
    let known = of_server(definition);
    match rule(&definition.name) {
        Some(rule) => with_rule(known, rule),
        None => known,
    }
}

fn of_server(definition: &Definition) -> Command {
    let flags = definition.flags;
    let timeout = flags.contains(Flags::BLOCKING).then_some(TimeoutArg::Unknown);
    let specs = key_specs(definition);
    let route = match &specs {
        Some(_) => RouteRule::Policies,
        None => RouteRule::Refuse(leaked(&keys_unknown(&definition.name))),
    };
    Command {
        id: CommandId::OTHER,
        name: leaked(&definition.name),
        arity: definition.arity,
        flags,
        categories: definition.categories,
        more_categories: all(&definition.more_categories, |word| leaked(word)),
        handling: handling(definition, timeout),
        replay: replay(flags, timeout),
        key_specs: specs.map(|specs| &*specs.leak()).unwrap_or_default(),
        key_range: definition.key_range,
        request_policy: policy(&definition.tips, "request_policy:").and_then(RequestPolicy::of_word),
        response_policy: policy(&definition.tips, "response_policy:").and_then(ResponsePolicy::of_word),
        route,
        tips: all(&definition.tips, |word| leaked(word)),
        timeout,
        subcommands: all(&definition.subcommands, entry),
        ..Command::BASE
    }
}

/// Returns the rule for a command: that of its name, or one for all names that begin alike.
fn rule(name: &str) -> Option<&'static Command> {
    let begins = |rule: &&Command| rule.name.strip_suffix('*').is_some_and(|begin| name.starts_with(begin));
    let same = LEARNED.iter().find(|rule| rule.name == name);
    same.or_else(|| LEARNED.iter().filter(begins).max_by_key(|rule| rule.name.len()))
}

/// Returns the entry with what the rule knows better. A command without keys is in the rule as one without key specs.
fn with_rule(known: Command, rule: &'static Command) -> Command {
    let tips = [known.tips, rule.tips].concat();
    Command {
        key_specs: rule.key_specs,
        route: RouteRule::Policies,
        request_policy: rule.request_policy.or(known.request_policy),
        response_policy: rule.response_policy.or(known.response_policy),
        merge: rule.merge.or(known.merge),
        tips: if rule.tips.is_empty() { known.tips } else { tips.leak() },
        replay: if known.replay == ReplayClass::NotIdempotent { rule.replay } else { known.replay },
        ..known
    }
}

/// Returns how a command is handled. A command about its connection cannot be served by one that clients share, and
/// nobody knows what the proxy would have to restore on another. So are those that servers take in no transaction: SYNC is
/// one of them.
fn handling(definition: &Definition, timeout: Option<TimeoutArg>) -> Handling {
    let of_connection = definition.flags.contains(Flags::PUBSUB)
        || definition.flags.contains(Flags::NO_AUTH)
        || definition.flags.contains(Flags::NO_MULTI)
        || definition.categories.contains(Categories::CONNECTION);
    match timeout {
        _ if of_connection => {
            Handling::Refuse("it is about its connection, and this proxy does not know how")
        }
        Some(_) => Handling::Blocking,
        None => Handling::Forward,
    }
}

/// Returns what a second run would do. A command that may wait can have changed something before it began to, so it
/// does not go on waiting elsewhere.
fn replay(flags: Flags, timeout: Option<TimeoutArg>) -> ReplayClass {
    match timeout {
        _ if flags.contains(Flags::READONLY) && !flags.contains(Flags::WRITE) => ReplayClass::Read,
        Some(_) => ReplayClass::Destructive,
        None => ReplayClass::NotIdempotent,
    }
}

/// Returns where the keys are. `None`: the server does not say it, or not all of it.
///
/// A module that finds keys by a function of its own (`getkeys-api`) is flagged `movablekeys`, although its specs look
/// as if they were complete.
fn key_specs(definition: &Definition) -> Option<Vec<KeySpec>> {
    let moves = definition.flags.contains(Flags::MOVABLEKEYS);
    let Some(specs) = &definition.specs else {
        return (!moves).then(|| of_range(definition).into_iter().collect());
    };
    let has_function = moves && specs.iter().all(Spec::is_plain);
    let is_vague = has_function || specs.iter().any(Spec::is_vague);
    (!is_vague).then(|| specs.iter().map(key_spec).collect())
}

/// Returns the spec that a server without key specs means by its first key, last key and step.
fn of_range(definition: &Definition) -> Option<KeySpec> {
    let (first, last, step) = definition.key_range;
    let last = if last >= 0 { last - first } else { last };
    let find = FindKeys::Range { last, step, limit: 0 };
    (first > 0).then_some(KeySpec {
        begin: BeginSearch::Index(first),
        find,
        flags: Default::default(),
        notes: "",
    })
}

fn key_spec(spec: &Spec) -> KeySpec {
    KeySpec {
        begin: match &spec.begin {
            Begin::Index(index) => BeginSearch::Index(*index),
            Begin::Keyword { word, start_from } => {
                BeginSearch::Keyword { word: leaked(word), start_from: *start_from }
            }
            Begin::Unknown => BeginSearch::Unknown,
        },
        find: match spec.find {
            Find::Range { last, step, limit } => FindKeys::Range { last, step, limit },
            Find::Count { count, first, step } => FindKeys::Count { count, first, step },
            Find::Unknown => FindKeys::Unknown,
        },
        flags: spec.flags,
        notes: leaked(&spec.notes),
    }
}

/// The end of the error in a cluster: no server is asked for the keys of each single request.
fn keys_unknown(name: &str) -> String {
    let name = name.replace('|', " ").to_ascii_uppercase();
    format!("tideover: {name} is not available here: the servers do not say where its keys are")
}

fn policy<'a>(tips: &'a [String], kind: &str) -> Option<&'a str> {
    tips.iter().find_map(|tip| tip.strip_prefix(kind))
}

fn all<T, U>(items: &[T], made: impl Fn(&T) -> U) -> &'static [U] {
    items.iter().map(made).collect::<Vec<U>>().leak()
}

fn leaked(text: &str) -> &'static str {
    if text.is_empty() { "" } else { text.to_owned().leak() }
}
