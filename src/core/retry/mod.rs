//! The fate of a request that was refused, redirected, lost or moved, or that has no lane.
//! [`crate::failover::decide`] decides on every refusal and loss; here that is prepared and carried out, on
//! [`Base`](super::base::Base) alone. Requests that were neither refused nor lost, but are to run again (a stale read, one that has
//! overtaken a write, a script that its node lacks), are decided on where they are found. The fate of the connection is not
//! decided here.
//!
//! In reading order: [`refused`] and [`redirected`] (a reply that refuses), [`lost`] (a lost connection), [`requeue`]
//! (where a request goes that is sent again), [`script`] (EVALSHA with the script that the node lacks), [`moved`]
//! (held for a shard that does not own the slot any more), [`unrouted`] (held without a lane), [`waiting`] (blocked
//! at a node that is no master any more), [`unblock`] (CLIENT UNBLOCK), [`expired`] (held for too long).

mod expired;
mod lost;
mod moved;
mod redirected;
mod refused;
mod requeue;
mod script;
#[cfg(test)]
mod tests;
mod unblock;
mod unrouted;
mod waiting;

pub(super) use expired::expire;
pub(super) use lost::{lose, pause_until};
pub(super) use moved::move_disowned;
pub(super) use refused::{Next, judge_reply, with_reason};
pub(super) use requeue::{push_stray, transfer};
pub(crate) use unblock::UnblockOrder;
pub(super) use unblock::{fulfil_unblock_orders, unblock_by_order};
pub(super) use unrouted::{route_strays, stop_strays, tick_strays};
pub(super) use waiting::{finish_stream_ends, renew_wait, unblock_client, unblock_moved_client};
