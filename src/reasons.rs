//! Reasons, outcomes and families: the enums that the rules decide by, with their names in the log and in the metrics.
//!
//! Each enum is also the index of its cells in [`crate::metrics`], so a new variant gets its cell, its label and its
//! line in `/metrics` by being added here.

/// A fieldless enum with the label value of each variant.
macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            #[allow(dead_code, reason = "some enums have a cell for each variant, others are a key")]
            pub(crate) const ALL: &[$name] = &[$($name::$variant,)*];
            #[allow(dead_code, reason = "as above")]
            pub(crate) const COUNT: usize = Self::ALL.len();

            /// Returns the value of the label, and of the field in the log.
            pub(crate) fn name(self) -> &'static str {
                match self { $($name::$variant => $label,)* }
            }
        }
    };
}

labels! {
    /// The kind of answer to a command.
    CommandResult {
        Ok = "ok",
        /// An error of the server, or one of the proxy in Redis' own words.
        Error = "error",
        /// The command was certainly not executed.
        TryAgain = "tryagain",
        /// The outcome is unknown.
        Uncertain = "uncertain",
    }
}

labels! {
    /// The kind of command under which a latency is counted. Blocking commands would distort the latency of the others.
    Family {
        Read = "read",
        Write = "write",
        Blocking = "blocking",
        Other = "other",
    }
}

labels! {
    /// The direction of bytes as the proxy sees it: `In` is what it reads.
    Direction {
        In = "in",
        Out = "out",
    }
}

labels! {
    /// What a client that caches is told to drop.
    Invalidated {
        Keys = "keys",
        All = "all",
    }
}

labels! {
    /// The reason why a client connection ended.
    CloseReason {
        /// The client sent QUIT.
        Quit = "quit",
        /// The client closed, or its connection broke.
        Gone = "gone",
        /// The client sent no command for longer than `idle_timeout`.
        Idle = "idle",
        /// The client sent bytes that are no command.
        Protocol = "protocol",
        /// The client did not read, and `output_buffer` was full.
        OutputLimit = "output_limit",
        /// `max_clients` was reached.
        Refused = "refused",
        /// The proxy stopped.
        Shutdown = "shutdown",
        /// A reply that had begun could not be finished.
        Broken = "broken",
        /// The outcome of the client's command is unknown, and `on_unknown` is `close`.
        Unknown = "unknown",
        /// The client's command was not executed, and `on_refused` is `close`.
        NotExecuted = "not_executed",
        /// Another client, or this one itself, sent CLIENT KILL.
        Killed = "killed",
    }
}

impl CloseReason {
    /// Returns true if the client is still to receive what was written for it.
    pub(crate) fn is_orderly(self) -> bool {
        match self {
            CloseReason::Quit
            | CloseReason::Idle
            | CloseReason::Protocol
            | CloseReason::Shutdown
            | CloseReason::Unknown
            | CloseReason::NotExecuted
            | CloseReason::Killed => true,
            CloseReason::Gone | CloseReason::OutputLimit | CloseReason::Refused | CloseReason::Broken => {
                false
            }
        }
    }
}

labels! {
    /// What became of a held command.
    HoldOutcome {
        /// A node came, and the command was sent.
        Sent = "sent",
        /// The deadline of the command passed.
        Expired = "expired",
        /// `hold_bytes` was full, or `hold` is 0.
        Refused = "refused",
        /// The client left. The command did not run.
        Gone = "gone",
    }
}

labels! {
    /// The reason why a command was sent again.
    RetryReason {
        Moved = "moved",
        Ask = "ask",
        TryAgain = "tryagain",
        ReadOnly = "readonly",
        Loading = "loading",
        ClusterDown = "clusterdown",
        MasterDown = "masterdown",
        Unblocked = "unblocked",
        ExecAbort = "execabort",
        NoScript = "noscript",
        Connection = "connection",
        Timeout = "timeout",
    }
}

/// The answer by which a node of a cluster says that it does not serve a slot, or not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RedirectReason {
    Moved,
    Ask,
    TryAgain,
    ClusterDown,
}

impl From<RedirectReason> for RetryReason {
    fn from(reason: RedirectReason) -> RetryReason {
        match reason {
            RedirectReason::Moved => RetryReason::Moved,
            RedirectReason::Ask => RetryReason::Ask,
            RedirectReason::TryAgain => RetryReason::TryAgain,
            RedirectReason::ClusterDown => RetryReason::ClusterDown,
        }
    }
}

labels! {
    /// The purpose of a connection to a node.
    NodeUse {
        Shared = "shared",
        Dedicated = "dedicated",
        Discovery = "discovery",
    }
}

labels! {
    /// What became of a command that a replica was to have as well.
    RelayResult {
        Taken = "taken",
        /// The replica answered with an error.
        Refused = "refused",
        /// The replica did not answer in time.
        Away = "away",
        /// Too many other commands were on their way to the replicas.
        Dropped = "dropped",
    }
}

labels! {
    /// The result of comparing one key over all active nodes.
    SampleResult {
        Agrees = "agrees",
        Differs = "differs",
        /// The value is too large, or a node gave no answer.
        Skipped = "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_index_their_cells() {
        for (index, reason) in RetryReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
        assert_eq!(CloseReason::COUNT, CloseReason::ALL.len());
    }

    #[test]
    fn names_are_label_values_and_distinct() {
        let names: Vec<&str> = CloseReason::ALL.iter().map(|reason| reason.name()).collect();
        let distinct: std::collections::BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), distinct.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }
}
