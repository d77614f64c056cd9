//! The steps whose result through the proxy differs from the original, and the reasons.

use super::places::Behind;

/// Program, kinds of backend, step, reason.
type Difference = (&'static str, &'static [Behind], &'static str, &'static str);

const ALL: &[Behind] = &Behind::ALL;
const WITHOUT_A_NAME: &[Behind] = &[Behind::Fixed, Behind::Cluster];

const DIFFERENCES: &[Difference] = &[
    ("ioredis_connection", ALL, "SETINFO", "the bare server, Redis 7.0, does not have it yet"),
    (
        "ioredis_cluster",
        ALL,
        "a pipeline over slots",
        "ioredis refuses it for slots of several nodes, and here one has all",
    ),
    ("ioredis_sentinel", ALL, "a replica", "the face has no replicas"),
    ("node_redis_sentinel", ALL, "with replicas", "the face has no replicas"),
    ("ioredis_sentinel", WITHOUT_A_NAME, "another name", "a backend without a name has every name"),
    ("node_redis_sentinel", WITHOUT_A_NAME, "another name", "a backend without a name has every name"),
    (
        "ioredis_sentinel",
        WITHOUT_A_NAME,
        "questions to a sentinel",
        "it lists the proxy's name beside mymaster, and has every name",
    ),
];

/// Returns true if the table has this step.
pub(crate) fn differs(program: &str, behind: Behind, step: &str) -> bool {
    DIFFERENCES
        .iter()
        .any(|(of, kinds, named, _)| (*of, *named) == (program, step) && kinds.contains(&behind))
}
