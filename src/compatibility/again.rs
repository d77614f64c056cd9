//! Whether a command is sent again after its connection was lost, as the least `failover.retry` that allows it.

use crate::command::{Command, Handling, ReplayClass, ReplayRule, Transaction};
use crate::config::RetryPolicy;
use crate::failover::may_run_twice;

const POLICIES: [(RetryPolicy, &str); 4] = [
    (RetryPolicy::Reads, "reads"),
    (RetryPolicy::Idempotent, "idempotent"),
    (RetryPolicy::Relaxed, "relaxed"),
    (RetryPolicy::Always, "always"),
];

/// Returns the words for a command that a node gets.
pub(super) fn again(entry: &Command) -> String {
    match entry.handling {
        Handling::Forward | Handling::Counts | Handling::Operator(_) => of_options(entry),
        Handling::Blocking if entry.is_read() || entry.replay_rule != ReplayRule::Fixed => {
            format!("{}; with BLOCK it goes on waiting", of_options(entry))
        }
        Handling::Blocking => "goes on waiting".to_owned(),
        Handling::Wait => "answered with 0".to_owned(),
        Handling::Transaction(Transaction::Exec) => "as its weakest command".to_owned(),
        Handling::Watch | Handling::Unwatch => "the watch fails".to_owned(),
        Handling::Session(_) | Handling::Subscribe(_) => "made again".to_owned(),
        Handling::Transaction(Transaction::Multi | Transaction::Discard)
        | Handling::Local(_)
        | Handling::Refuse(_) => String::new(),
    }
}

fn of_options(entry: &Command) -> String {
    let policy = least(entry.replay);
    match by_options(entry.replay_rule) {
        "" => policy.to_owned(),
        options => format!("{policy}; {options}"),
    }
}

fn least(class: ReplayClass) -> &'static str {
    POLICIES.iter().find(|(policy, _)| may_run_twice(*policy, class)).map_or("never", |(_, name)| name)
}

/// Returns what other options make of a command than that of its class.
fn by_options(rule: ReplayRule) -> &'static str {
    match rule {
        ReplayRule::Fixed => "",
        ReplayRule::Bitfield => "only GET: reads",
        ReplayRule::Copy | ReplayRule::FunctionLoad | ReplayRule::Restore => "without REPLACE: always",
        ReplayRule::Expire | ReplayRule::ExpireFields => {
            "with a condition: always; a time of 0 or less: relaxed"
        }
        ReplayRule::ExpireMember => "a time of 0 or less: relaxed",
        ReplayRule::Lrem => "a count other than 0: always",
        ReplayRule::Ltrim => "a range other than `0 n` or `-n -1`: always",
        ReplayRule::Script => "the first line says `no-writes`: reads",
        ReplayRule::Set | ReplayRule::SetFields | ReplayRule::SetMany => {
            "with a condition, GET or KEEPTTL: always"
        }
        ReplayRule::Sort => "without STORE: reads; patterns and STORE: always",
        ReplayRule::Store => "no destination: reads; a destination that is a source: always",
        ReplayRule::StreamAdd => "with IDMP: idempotent",
        ReplayRule::StreamGroupRead => "ids other than `>`: idempotent",
        ReplayRule::ZAdd => "with options: always",
    }
}
