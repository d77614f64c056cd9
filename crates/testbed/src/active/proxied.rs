//! The nodes as the proxy sees them: it alone decides which one is in use.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::ActiveDeployment;
use crate::error::Error;
use crate::prober::Recovery;
use crate::view::View;
use crate::wait::wait_until;

impl ActiveDeployment {
    /// Waits until the proxy calls every node up, and returns the node in use. `admin` is the proxy's admin address.
    pub(crate) async fn home(&self, admin: SocketAddr, limit: Duration) -> Result<SocketAddr, Error> {
        wait_until("every node up in the eyes of the proxy", limit, || async {
            let view = View::of(admin).await.map_err(|error| error.to_string())?;
            let other = self.nodes().into_iter().find(|node| view.state_of(*node) != Some("up"));
            match other {
                Some(node) => Err(format!("{node} is {}", view.state_of(node).unwrap_or("unknown"))),
                None => view.home().ok_or_else(|| "no node is in use".to_owned()),
            }
        })
        .await
    }

    /// Waits until another node is used in place of the one that was killed at `at`. There is no election, so the outage is the
    /// time that the proxy took; it is zero if the proxy had left the node just before.
    pub(crate) async fn new_home(
        &self,
        killed: SocketAddr,
        at: SystemTime,
        admin: SocketAddr,
        limit: Duration,
    ) -> Result<Recovery, Error> {
        wait_until("another node in use", limit, || async {
            let view = View::of(admin).await.map_err(|error| error.to_string())?;
            let moved = view.moved_from(killed, at).or_else(|| Some((view.home()?, at)));
            let moved = moved.filter(|(node, _)| *node != killed);
            let (node, when) = moved.ok_or_else(|| format!("the proxy still uses {killed}"))?;
            Ok(Recovery { node, outage: when.duration_since(at).unwrap_or_default() })
        })
        .await
    }
}
