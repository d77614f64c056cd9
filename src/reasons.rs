//! Reasons, outcomes and families: what the rules decide by, and what log and metrics call it.
//!
//! Each enum is also the index of its cells in [`crate::metrics`], so a new reason gets its cell, its label and its line in
//! `/metrics` by being named here.

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

            /// The value of the label, and of the field in the log.
            pub(crate) fn name(self) -> &'static str {
                match self { $($name::$variant => $label,)* }
            }
        }
    };
}

labels! {
    /// How a command was answered.
    CommandResult {
        Ok = "ok",
        /// An error of the server, or one of ours in Redis' own words.
        Error = "error",
        /// Not executed, for sure.
        TryAgain = "tryagain",
        /// Outcome unknown.
        Uncertain = "uncertain",
    }
}

labels! {
    /// What a command's latency is counted as; the time of blocking commands would hide that of the others.
    Family {
        Read = "read",
        Write = "write",
        Blocking = "blocking",
        Other = "other",
    }
}

labels! {
    /// As the proxy sees it: `In` is what it reads.
    Direction {
        In = "in",
        Out = "out",
    }
}

labels! {
    /// Why a client connection ended.
    CloseReason {
        /// The client said QUIT.
        Quit = "quit",
        /// The client closed, or its connection broke.
        Gone = "gone",
        /// Longer than `idle_timeout` without a command.
        Idle = "idle",
        /// It sent bytes that are no command.
        Protocol = "protocol",
        /// It did not read, and `output_buffer` was full.
        OutputLimit = "output_limit",
        /// `max_clients` was reached.
        Refused = "refused",
        /// The proxy stopped.
        Shutdown = "shutdown",
        /// A reply that had begun could not be finished.
        Broken = "broken",
        /// The outcome of its command is not known, and `on_unknown` is `close`.
        Unknown = "unknown",
        /// Its command was not executed, and `on_refused` is `close`.
        NotExecuted = "not_executed",
    }
}

impl CloseReason {
    /// The client was told all that it is to be told, and is to hear it.
    pub(crate) fn is_orderly(self) -> bool {
        match self {
            CloseReason::Quit
            | CloseReason::Idle
            | CloseReason::Protocol
            | CloseReason::Shutdown
            | CloseReason::Unknown
            | CloseReason::NotExecuted => true,
            CloseReason::Gone | CloseReason::OutputLimit | CloseReason::Refused | CloseReason::Broken => {
                false
            }
        }
    }
}

labels! {
    /// What became of a held command.
    HoldOutcome {
        /// A node came, the command went.
        Sent = "sent",
        /// Its deadline passed.
        Expired = "expired",
        /// `hold_bytes` was full, or `hold` is 0.
        Refused = "refused",
        /// Its client left; it did not run.
        Gone = "gone",
    }
}

labels! {
    /// Why a command was sent again.
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

/// How a node of a cluster says that it does not serve a slot, or not now.
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
    /// What a connection to a node is for.
    NodeUse {
        Shared = "shared",
        Dedicated = "dedicated",
        Discovery = "discovery",
    }
}

labels! {
    /// What a look at one key over all active nodes found.
    SampleResult {
        Agrees = "agrees",
        Differs = "differs",
        /// Too large, or a node did not say.
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
