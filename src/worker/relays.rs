//! Commands for replicas: given to the one task that relays for all workers of a proxy, and answered by mail.

use tokio::sync::mpsc;

use crate::node::relay::Relay;

use super::{Mail, Worker};

/// A command for replicas, whose client waits until this is dropped.
pub(crate) struct AwaitedRelay {
    pub(crate) relay: Relay,
    proxy: usize,
    number: u32,
    waiting: mpsc::UnboundedSender<Mail>,
}

impl Drop for AwaitedRelay {
    fn drop(&mut self) {
        // Without a receiver the worker has ended, and its clients with it.
        let _ = self.waiting.send(Mail::Relayed { proxy: self.proxy, number: self.number });
    }
}

impl Worker {
    /// Has a command relayed. The core bounds how many are under way.
    pub(super) fn relay(&self, proxy: usize, number: u32, relay: Relay) {
        let awaited = AwaitedRelay { relay, proxy, number, waiting: self.own_mail.clone() };
        if let Some(proxy) = self.proxies.get(proxy) {
            // What is not delivered is dropped, and so ends the wait.
            let _ = proxy.relays.send(awaited);
        }
    }
}
