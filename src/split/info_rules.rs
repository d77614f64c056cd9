//! Which fields of INFO are added up, which are the worst of all, which are those of the first shard: one table.

/// How the values of one field become one. Values that are not numbers count as the first one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    First,
    Sum,
    Min,
    Max,
    /// `err` if any says so, and so on: any value but `ok` goes before `ok`.
    NotOk,
    /// `keys=5,expires=1,avg_ttl=9`: sums, and means of what is a mean.
    Counters,
    /// `p50=1.0,p99=9.0`: the largest of each.
    Slowest,
    /// A number of bytes for people; its sum stands in the field without `_human`.
    Human,
    /// Of one node, or about its replicas.
    Leave,
    Fixed(&'static str),
    /// A name that stands on several lines: each of them once.
    Each,
}

/// Whole names before prefixes: the first that fits counts. A prefix ends with `*`, a suffix begins with it.
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
