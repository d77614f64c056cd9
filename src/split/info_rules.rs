//! The table of how each field of INFO is merged: added up, the worst of all, the first shard's, and so on.

/// The way in which the values of one field become one. If a value is no number, the first value is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    First,
    Sum,
    Min,
    Max,
    /// The first value other than `ok`, such as `err`.
    NotOk,
    /// Pairs such as `keys=5,expires=1,avg_ttl=9`: sums, or means where a value is a mean.
    Counters,
    /// Pairs such as `p50=1.0,p99=9.0`: the largest value of each.
    Slowest,
    /// A number of bytes in a form for people. It is computed from the merged field without `_human`.
    Human,
    /// Left out: the field is of one node alone, or about its replicas.
    Leave,
    Fixed(&'static str),
    /// A name that occurs on several lines: each different line is kept once.
    Each,
}

/// The first rule that fits counts, so whole names stand before prefixes. A prefix ends with `*`, a suffix begins with it.
const RULES: &[(&str, Rule)] = &[
    ("cluster_enabled", Rule::Fixed("0")),
    ("redis_mode", Rule::Fixed("standalone")),
    ("server_mode", Rule::Fixed("standalone")),
    ("role", Rule::Fixed("master")),
    ("connected_slaves", Rule::Fixed("0")),
    ("slave*", Rule::Leave),
    ("module", Rule::Each),
    ("uptime_in_*", Rule::Min),
    ("loading", Rule::Max),
    ("async_loading", Rule::Max),
    ("*_in_progress", Rule::Max),
    ("*_scheduled", Rule::Max),
    ("*_status", Rule::NotOk),
    ("rdb_last_save_time", Rule::Min),
    ("rdb_changes_since_last_save", Rule::Sum),
    ("*_human", Rule::Human),
    ("*_perc", Rule::First),
    ("*_ratio", Rule::First),
    ("total_system_memory", Rule::First),
    ("maxmemory", Rule::Sum),
    ("used_memory_peak_time", Rule::Max),
    ("used_memory*", Rule::Sum),
    ("mem_*", Rule::Sum),
    ("allocator_*", Rule::Sum),
    ("rss_overhead_bytes", Rule::Sum),
    // Scripts and functions are the same on every shard.
    ("number_of_*", Rule::Max),
    ("active_defrag_running", Rule::Max),
    ("active_defrag*", Rule::Sum),
    ("lazyfree*", Rule::Sum),
    ("connected_clients", Rule::Sum),
    ("blocked_clients", Rule::Sum),
    ("tracking_*", Rule::Sum),
    ("pubsub_clients", Rule::Sum),
    ("watching_clients", Rule::Sum),
    ("clients_in_timeout_table", Rule::Sum),
    ("total_watched_keys", Rule::Sum),
    ("total_blocking_keys*", Rule::Sum),
    ("maxclients", Rule::Sum),
    ("client_recent_max_*", Rule::Max),
    ("pubsub_channels", Rule::Max),
    ("pubsub_patterns", Rule::Max),
    ("pubsubshard_channels", Rule::Sum),
    ("total_*", Rule::Sum),
    ("latest_fork_usec", Rule::Max),
    ("instantaneous_eventloop_duration_usec", Rule::Max),
    ("instantaneous_*", Rule::Sum),
    ("eventloop_*", Rule::Sum),
    ("client_query_buffer_limit_disconnections", Rule::Sum),
    ("client_output_buffer_limit_disconnections", Rule::Sum),
    ("reply_buffer_*", Rule::Sum),
    ("acl_access_denied_*", Rule::Sum),
    ("rdb_saves", Rule::Sum),
    ("aof_rewrites", Rule::Sum),
    ("current_cow_size", Rule::Sum),
    ("current_active_defrag_time", Rule::Sum),
    ("slave_expires_tracked_keys", Rule::Sum),
    ("rejected_connections", Rule::Sum),
    ("sync_*", Rule::Sum),
    ("expired_*", Rule::Sum),
    ("evicted_*", Rule::Sum),
    ("keyspace_*", Rule::Sum),
    ("unexpected_error_replies", Rule::Sum),
    ("io_threaded_*", Rule::Sum),
    ("dump_payload_sanitizations", Rule::Sum),
    ("used_cpu_*", Rule::Sum),
    ("cmdstat_*", Rule::Counters),
    ("errorstat_*", Rule::Counters),
    ("latency_percentiles_*", Rule::Slowest),
    ("db*", Rule::Counters),
];

pub(super) fn rule_of(name: &str) -> Rule {
    let fits = |pattern: &str| match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
        (Some("db"), _) => {
            name.strip_prefix("db").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
        }
        (Some("slave"), _) => name
            .strip_prefix("slave")
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit())),
        (Some(prefix), _) => name.starts_with(prefix),
        (None, Some(suffix)) => name.ends_with(suffix),
        (None, None) => name == pattern,
    };
    RULES.iter().find(|(pattern, _)| fits(pattern)).map_or(Rule::First, |(_, rule)| *rule)
}
