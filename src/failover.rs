//! The rules of failover: the outcome of an attempt → a verdict on a command that a node has refused or whose node was lost.
//!
//! The one rule: a command is sent again only when it certainly did not run, or when it may run twice. Pure and
//! exhaustive, so that a new outcome or context forces a decision here.

use crate::command::ReplayClass;
use crate::config::{Blocked, RetryPolicy};
use crate::reasons::{RedirectReason, RetryReason};
use crate::resp::reply::ErrorCode;

/// The operator's settings for commands whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) retry: RetryPolicy,
    pub(crate) blocked: Blocked,
}

impl Policy {
    /// Returns true if a blocking command goes on waiting at the next node. An element that the lost node popped in
    /// its last instant is gone for the client in any case, so all that a client could do is ask again.
    pub(crate) fn goes_on_waiting(self) -> bool {
        match self.blocked {
            Blocked::Wait => self.retry != RetryPolicy::Never,
            Blocked::Uncertain => false,
        }
    }
}

/// The end of an attempt to run a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The node answered with this error at top level. For a refused transaction: the refusal that caused it.
    Refused(ErrorCode),
    /// A node of a cluster does not serve the slot, and says so. The command did not run.
    Redirected(RedirectReason),
    /// The connection is gone, or was given up because the node was silent or lost its role.
    Lost(Sent, Loss),
}

/// How much of the command had left, and how much of its reply had come, when the connection was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// At least the last byte did not reach the kernel. The command did not run: a server runs complete commands only.
    Incomplete,
    /// All of it was sent, to a node that put it off until the node ended in good order.
    PutOff,
    /// All of it was sent, and no byte of the reply was given to the client.
    Whole,
    /// A part of the reply is already with the client.
    Answering,
}

/// The reason why a connection was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The connection was reset, refused, or broken.
    Closed,
    /// The node has closed it, and everything that the node had written was read.
    Ended,
    /// The node did not answer for too long.
    Silent,
    /// The node is no longer the master.
    Demoted,
    /// The node broke the protocol.
    Broken,
}

impl Loss {
    /// Returns the reason for the reply to the client.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Loss::Closed | Loss::Ended => "the node was lost after the command was sent",
            Loss::Silent => "the node did not answer in time",
            Loss::Demoted => "the node lost its role after the command was sent",
            Loss::Broken => "the node broke the protocol",
        }
    }

    fn retry_reason(self) -> RetryReason {
        match self {
            Loss::Silent => RetryReason::Timeout,
            Loss::Closed | Loss::Ended | Loss::Demoted | Loss::Broken => RetryReason::Connection,
        }
    }
}

/// The context that a command ran in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// A command, or a transaction without WATCH. The class of a transaction is the weakest of its commands.
    Plain,
    /// A command that waits at the node for what other clients do.
    Blocking,
    /// EXEC after a WATCH that the node had confirmed: the watch died with the connection.
    Watched,
    /// A command that sets up connection state (AUTH, SELECT, WATCH, SUBSCRIBE): it means nothing without its connection.
    Setup,
    /// A request too large to be kept: nothing is left to send again.
    Upload,
    /// A command about the node as it is now, such as SHUTDOWN: no other process is to get it. If the connection ends, the client's
    /// does, as on a server.
    Operator,
    /// WAIT and WAITAOF: they speak of writes that another node may never have seen.
    Wait,
}

/// The decision about a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Give the client the node's reply.
    Deliver,
    /// Send the command again as soon as the shard has a master that takes it.
    Retry(RetryReason),
    /// Send the command to the owner of its slot.
    Redirect(RedirectReason),
    /// Answer that the outcome is unknown, in the words of `on_unknown`: the command may have run.
    Uncertain,
    /// Answer that the command was not executed, in the words of `on_refused`: it must not be sent elsewhere.
    NotExecuted,
    /// Answer with the null array of a failed EXEC: it did not run, and the client is to look at its keys again.
    WatchFailed,
    /// Answer with the 0 of WAIT: nobody is known to have acknowledged anything.
    NoneAcknowledged,
    /// End the client's connection: half a reply cannot be taken back.
    CloseClient,
}

/// Decides about one command. `class` says what a second run would do (see [`ReplayClass`]).
///
/// Possible outcomes: an error that proves a refusal → `Retry`; any other error → `Deliver`; a loss before the last
/// byte left, or of a command that was put off → `Retry`; any other loss → `Retry` where the policy allows a second
/// run, else `Uncertain`; a loss in the middle of the reply → `CloseClient`. The contexts differ as their docs say.
pub(crate) fn decide(policy: Policy, class: ReplayClass, context: Context, outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Refused(_) | Outcome::Redirected(_) if context == Context::Operator => Verdict::Deliver,
        Outcome::Refused(code) => {
            refusal(code).map_or(Verdict::Deliver, |reason| not_run(policy, context, Verdict::Retry(reason)))
        }
        Outcome::Redirected(reason) => not_run(policy, context, Verdict::Redirect(reason)),
        Outcome::Lost(Sent::Answering, _) => Verdict::CloseClient,
        Outcome::Lost(Sent::Incomplete | Sent::PutOff, loss) => {
            not_run(policy, context, Verdict::Retry(loss.retry_reason()))
        }
        Outcome::Lost(Sent::Whole, loss) => match context {
            Context::Setup => Verdict::Retry(loss.retry_reason()),
            Context::Plain if may_run_twice(policy.retry, class) => Verdict::Retry(loss.retry_reason()),
            Context::Blocking if goes_on_waiting(policy, class) || may_run_twice(policy.retry, class) => {
                Verdict::Retry(loss.retry_reason())
            }
            Context::Wait if policy.goes_on_waiting() => Verdict::NoneAcknowledged,
            Context::Operator => Verdict::CloseClient,
            Context::Plain | Context::Blocking | Context::Watched | Context::Wait | Context::Upload => {
                Verdict::Uncertain
            }
        },
    }
}

/// Returns true if a blocking command waits at the next node. One that was learned from a server may have changed
/// something before it began to wait.
fn goes_on_waiting(policy: Policy, class: ReplayClass) -> bool {
    policy.goes_on_waiting() && class != ReplayClass::Destructive
}

fn not_run(policy: Policy, context: Context, again: Verdict) -> Verdict {
    match context {
        Context::Plain | Context::Blocking | Context::Setup => again,
        Context::Watched => Verdict::WatchFailed,
        Context::Wait if policy.goes_on_waiting() => Verdict::NoneAcknowledged,
        Context::Wait | Context::Upload | Context::Operator => Verdict::NotExecuted,
    }
}

/// Returns the reason to send a command again for those errors that prove "not executed" and pass with the failover.
/// All other errors are the client's to see: a redirect from a backend that was configured as no cluster, for
/// example, or NOREPLICAS, with which the operator wants writes refused.
fn refusal(code: ErrorCode) -> Option<RetryReason> {
    match code {
        ErrorCode::ReadOnly => Some(RetryReason::ReadOnly),
        ErrorCode::Loading => Some(RetryReason::Loading),
        ErrorCode::MasterDown => Some(RetryReason::MasterDown),
        ErrorCode::Unblocked => Some(RetryReason::Unblocked),
        ErrorCode::MaxClients => Some(RetryReason::Connection),
        ErrorCode::Moved
        | ErrorCode::Ask
        | ErrorCode::TryAgain
        | ErrorCode::ClusterDown
        | ErrorCode::NoReplicas
        | ErrorCode::ExecAbort
        | ErrorCode::NoAuth
        | ErrorCode::WrongPass
        | ErrorCode::Other => None,
    }
}

/// Returns true if a command whose outcome is unknown may run again.
pub(crate) fn may_run_twice(policy: RetryPolicy, class: ReplayClass) -> bool {
    let needed = match class {
        ReplayClass::Read => RetryPolicy::Reads,
        ReplayClass::Idempotent => RetryPolicy::Idempotent,
        ReplayClass::SameState => RetryPolicy::Relaxed,
        ReplayClass::Decides | ReplayClass::NotIdempotent => RetryPolicy::Always,
        ReplayClass::Destructive | ReplayClass::Connection => return false,
    };
    policy >= needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReplayClass::{Connection, Decides, Destructive, Idempotent, NotIdempotent, Read, SameState};
    use RetryPolicy::{Always, Idempotent as IdempotentPolicy, Never, Reads, Relaxed};

    const CLASSES: [ReplayClass; 7] =
        [Read, Idempotent, SameState, Decides, NotIdempotent, Destructive, Connection];
    const RETRY_POLICIES: [RetryPolicy; 5] = [Never, Reads, IdempotentPolicy, Relaxed, Always];

    fn policy(retry: RetryPolicy) -> Policy {
        Policy { retry, blocked: Blocked::Wait }
    }

    fn policies() -> impl Iterator<Item = Policy> {
        let each = |retry| [Blocked::Wait, Blocked::Uncertain].map(|blocked| Policy { retry, blocked });
        RETRY_POLICIES.into_iter().flat_map(each)
    }

    fn word(verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Deliver => "the answer",
            Verdict::Retry(_) => "sent again",
            Verdict::Redirect(_) => "sent where its slot is",
            Verdict::Uncertain => "`UNCERTAIN`",
            Verdict::NotExecuted => "not executed",
            Verdict::WatchFailed => "null",
            Verdict::NoneAcknowledged => "0",
            Verdict::CloseClient => "connection ends",
        }
    }

    #[test]
    fn the_table_in_the_docs_agrees_with_the_decisions() {
        let docs = include_str!("../docs/failover.md");
        let lost = |sent| Outcome::Lost(sent, Loss::Closed);
        for (name, outcome) in [
            ("refused", Outcome::Refused(ErrorCode::ReadOnly)),
            ("redirected", Outcome::Redirected(RedirectReason::Moved)),
            ("sent in part", lost(Sent::Incomplete)),
            ("put off", lost(Sent::PutOff)),
            ("lost after it was sent", lost(Sent::Whole)),
            ("lost in the middle of its reply", lost(Sent::Answering)),
        ] {
            let cells = [
                (Context::Plain, Idempotent),
                (Context::Plain, NotIdempotent),
                (Context::Blocking, NotIdempotent),
                (Context::Watched, NotIdempotent),
                (Context::Setup, Connection),
                (Context::Wait, Connection),
                (Context::Upload, NotIdempotent),
                (Context::Operator, Destructive),
            ]
            .map(|(context, class)| word(decide(policy(IdempotentPolicy), class, context, outcome)));
            let row = format!("| {name} | {} |", cells.join(" | "));
            assert!(docs.contains(&row), "{row}");
        }
    }

    #[test]
    fn what_may_run_twice_under_each_policy() {
        // Rows: policies; columns: classes, in the order above.
        let table = [
            (Never, "......."),
            (Reads, "x......"),
            (IdempotentPolicy, "xx....."),
            (Relaxed, "xxx...."),
            (Always, "xxxxx.."),
        ];
        for (retry, row) in table {
            for (class, cell) in CLASSES.into_iter().zip(row.chars()) {
                assert_eq!(may_run_twice(retry, class), cell == 'x', "{retry:?} {class:?}");
                let verdict =
                    decide(policy(retry), class, Context::Plain, Outcome::Lost(Sent::Whole, Loss::Closed));
                let expected =
                    if cell == 'x' { Verdict::Retry(RetryReason::Connection) } else { Verdict::Uncertain };
                assert_eq!(verdict, expected, "{retry:?} {class:?}");
            }
        }
    }

    #[test]
    fn a_command_that_did_not_leave_whole_is_always_sent_again() {
        for policy in policies() {
            for class in CLASSES {
                for (sent, context) in [
                    (Sent::Incomplete, Context::Plain),
                    (Sent::PutOff, Context::Plain),
                    (Sent::Incomplete, Context::Blocking),
                ] {
                    let verdict = decide(policy, class, context, Outcome::Lost(sent, Loss::Silent));
                    assert_eq!(
                        verdict,
                        Verdict::Retry(RetryReason::Timeout),
                        "{policy:?} {class:?} {sent:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn blocking_commands_wait_on_unless_configured_otherwise() {
        let lost = Outcome::Lost(Sent::Whole, Loss::Closed);
        let again = Verdict::Retry(RetryReason::Connection);
        // Policy, blocked, class; the verdict on a blocking command, and that on WAIT.
        for (retry, blocked, class, expected, wait) in [
            (Never, Blocked::Wait, NotIdempotent, Verdict::Uncertain, Verdict::Uncertain),
            (Never, Blocked::Wait, Read, Verdict::Uncertain, Verdict::Uncertain),
            (Reads, Blocked::Wait, NotIdempotent, again, Verdict::NoneAcknowledged),
            (IdempotentPolicy, Blocked::Wait, NotIdempotent, again, Verdict::NoneAcknowledged),
            (IdempotentPolicy, Blocked::Uncertain, NotIdempotent, Verdict::Uncertain, Verdict::Uncertain),
            (IdempotentPolicy, Blocked::Uncertain, Read, again, Verdict::Uncertain),
            (Always, Blocked::Uncertain, NotIdempotent, again, Verdict::Uncertain),
            (IdempotentPolicy, Blocked::Wait, Destructive, Verdict::Uncertain, Verdict::NoneAcknowledged),
        ] {
            let policy = Policy { retry, blocked };
            assert_eq!(decide(policy, class, Context::Blocking, lost), expected, "{policy:?} {class:?}");
            assert_eq!(decide(policy, class, Context::Wait, lost), wait, "{policy:?} {class:?}");
        }
    }

    #[test]
    fn refusals_are_sent_again_under_every_policy_and_answers_are_delivered() {
        let table = [
            (ErrorCode::ReadOnly, Verdict::Retry(RetryReason::ReadOnly)),
            (ErrorCode::Loading, Verdict::Retry(RetryReason::Loading)),
            (ErrorCode::MasterDown, Verdict::Retry(RetryReason::MasterDown)),
            (ErrorCode::Unblocked, Verdict::Retry(RetryReason::Unblocked)),
            (ErrorCode::MaxClients, Verdict::Retry(RetryReason::Connection)),
            (ErrorCode::NoReplicas, Verdict::Deliver),
            (ErrorCode::Moved, Verdict::Deliver),
            (ErrorCode::Ask, Verdict::Deliver),
            (ErrorCode::TryAgain, Verdict::Deliver),
            (ErrorCode::ClusterDown, Verdict::Deliver),
            (ErrorCode::ExecAbort, Verdict::Deliver),
            (ErrorCode::NoAuth, Verdict::Deliver),
            (ErrorCode::WrongPass, Verdict::Deliver),
            (ErrorCode::Other, Verdict::Deliver),
        ];
        for policy in policies() {
            for class in CLASSES {
                for (code, expected) in table {
                    assert_eq!(decide(policy, class, Context::Plain, Outcome::Refused(code)), expected);
                }
            }
        }
    }

    #[test]
    fn contexts_differ_where_connection_state_is_lost() {
        let whole = Outcome::Lost(Sent::Whole, Loss::Closed);
        let incomplete = Outcome::Lost(Sent::Incomplete, Loss::Closed);
        let readonly = Outcome::Refused(ErrorCode::ReadOnly);
        let again = Verdict::Retry(RetryReason::Connection);
        for (context, outcome, expected) in [
            (Context::Watched, whole, Verdict::Uncertain),
            (Context::Watched, incomplete, Verdict::WatchFailed),
            (Context::Watched, readonly, Verdict::WatchFailed),
            (Context::Setup, whole, again),
            (Context::Setup, incomplete, again),
            (Context::Setup, readonly, Verdict::Retry(RetryReason::ReadOnly)),
            (Context::Wait, whole, Verdict::Uncertain),
            (Context::Wait, incomplete, Verdict::NotExecuted),
            (Context::Wait, readonly, Verdict::NotExecuted),
            (Context::Watched, Outcome::Lost(Sent::PutOff, Loss::Closed), Verdict::WatchFailed),
            (Context::Upload, Outcome::Lost(Sent::PutOff, Loss::Closed), Verdict::NotExecuted),
            (Context::Upload, whole, Verdict::Uncertain),
            (Context::Upload, incomplete, Verdict::NotExecuted),
            (Context::Upload, readonly, Verdict::NotExecuted),
        ] {
            let found = decide(policy(Never), NotIdempotent, context, outcome);
            assert_eq!(found, expected, "{context:?} {outcome:?}");
        }
    }

    #[test]
    fn a_command_about_a_node_is_for_no_other_process() {
        for policy in policies() {
            for (outcome, expected) in [
                (Outcome::Refused(ErrorCode::Loading), Verdict::Deliver),
                (Outcome::Refused(ErrorCode::ReadOnly), Verdict::Deliver),
                (Outcome::Redirected(RedirectReason::Moved), Verdict::Deliver),
                (Outcome::Lost(Sent::Incomplete, Loss::Closed), Verdict::NotExecuted),
                (Outcome::Lost(Sent::PutOff, Loss::Ended), Verdict::NotExecuted),
                (Outcome::Lost(Sent::Whole, Loss::Closed), Verdict::CloseClient),
                (Outcome::Lost(Sent::Whole, Loss::Ended), Verdict::CloseClient),
            ] {
                for class in CLASSES {
                    assert_eq!(decide(policy, class, Context::Operator, outcome), expected, "{outcome:?}");
                }
            }
        }
    }

    #[test]
    fn half_a_reply_ends_the_client() {
        for context in [
            Context::Plain,
            Context::Operator,
            Context::Blocking,
            Context::Watched,
            Context::Setup,
            Context::Wait,
            Context::Upload,
        ] {
            let outcome = Outcome::Lost(Sent::Answering, Loss::Closed);
            assert_eq!(decide(policy(Always), Read, context, outcome), Verdict::CloseClient);
        }
    }
}
