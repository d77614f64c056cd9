//! Sets of the words that servers use for commands and their keys, as bits of a `u32`.

/// Declares a bit set: one constant per word, and the servers' spelling of each.
macro_rules! bit_set {
    ($(#[$doc:meta])* $set:ident { $($name:ident = $bit:literal $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) struct $set(u32);

        impl $set {
            pub(crate) const EMPTY: Self = $set(0);
            $(pub(crate) const $name: Self = $set(1 << $bit);)+
            const WORDS: &'static [(Self, &'static str)] = &[$((Self::$name, $word)),+];

            /// Returns the union of both sets.
            pub(crate) const fn with(self, other: Self) -> Self {
                $set(self.0 | other.0)
            }

            /// Returns true if all of `other` is in this set.
            pub(crate) const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Returns the servers' words for the members of this set.
            pub(crate) fn words(self) -> impl Iterator<Item = &'static str> + Clone {
                Self::WORDS.iter().filter(move |(bit, _)| self.contains(*bit)).map(|(_, word)| *word)
            }

            /// Parses one word in the servers' spelling, in any case, into a set of one member.
            #[allow(dead_code, reason = "COMMAND LIST filters by category, not by every set")]
            pub(crate) fn of_word(word: &[u8]) -> Option<Self> {
                let found = Self::WORDS.iter().find(|(_, own)| own.as_bytes().eq_ignore_ascii_case(word));
                found.map(|(bit, _)| *bit)
            }
        }
    };
}

bit_set! {
    /// The flags of a command, as `COMMAND` names them.
    Flags {
        WRITE = 0 "write",
        READONLY = 1 "readonly",
        DENYOOM = 2 "denyoom",
        MODULE = 3 "module",
        ADMIN = 4 "admin",
        PUBSUB = 5 "pubsub",
        NOSCRIPT = 6 "noscript",
        BLOCKING = 7 "blocking",
        LOADING = 8 "loading",
        STALE = 9 "stale",
        SKIP_MONITOR = 10 "skip_monitor",
        SKIP_SLOWLOG = 11 "skip_slowlog",
        SKIP_COMMANDLOG = 12 "skip_commandlog",
        ASKING = 13 "asking",
        FAST = 14 "fast",
        NO_AUTH = 15 "no_auth",
        NO_MANDATORY_KEYS = 16 "no_mandatory_keys",
        NO_ASYNC_LOADING = 17 "no_async_loading",
        NO_MULTI = 18 "no_multi",
        MOVABLEKEYS = 19 "movablekeys",
        ALLOW_BUSY = 20 "allow_busy",
    }
}

bit_set! {
    /// The flags of a key spec: they say what a command does with these keys.
    KeyFlags {
        RO = 0 "RO",
        RW = 1 "RW",
        OW = 2 "OW",
        RM = 3 "RM",
        ACCESS = 4 "access",
        UPDATE = 5 "update",
        INSERT = 6 "insert",
        DELETE = 7 "delete",
        NOT_KEY = 8 "not_key",
        INCOMPLETE = 9 "incomplete",
        VARIABLE = 10 "variable_flags",
    }
}

bit_set! {
    /// The ACL categories of a command.
    Categories {
        KEYSPACE = 0 "keyspace",
        READ = 1 "read",
        WRITE = 2 "write",
        SET = 3 "set",
        SORTEDSET = 4 "sortedset",
        LIST = 5 "list",
        HASH = 6 "hash",
        STRING = 7 "string",
        BITMAP = 8 "bitmap",
        HYPERLOGLOG = 9 "hyperloglog",
        GEO = 10 "geo",
        STREAM = 11 "stream",
        PUBSUB = 12 "pubsub",
        ADMIN = 13 "admin",
        FAST = 14 "fast",
        SLOW = 15 "slow",
        BLOCKING = 16 "blocking",
        DANGEROUS = 17 "dangerous",
        CONNECTION = 18 "connection",
        TRANSACTION = 19 "transaction",
        SCRIPTING = 20 "scripting",
    }
}
