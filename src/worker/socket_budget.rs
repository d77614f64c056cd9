//! The budget of sockets: it bounds the number of clients, so that descriptors are left for connections to nodes.
//!
//! There is one for the process. It is touched when a connection comes or goes, never on the way of a command.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The purpose of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketPurpose {
    Client,
    /// A connection to a node that several clients share.
    Shared,
    /// A connection to a node that is one client's own.
    Own,
}

/// The numbers of sockets that there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// For all purposes together.
    pub(crate) total: usize,
    /// For clients of all proxies.
    pub(crate) clients: usize,
    /// Kept for connections that clients share, even if there are not so many.
    pub(crate) shared: usize,
    /// Kept for clients' own connections, even if there are not so many.
    pub(crate) own: usize,
}

/// The numbers of sockets that there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Taken {
    clients: usize,
    shared: usize,
    own: usize,
}

impl Taken {
    fn of(&mut self, purpose: SocketPurpose) -> &mut usize {
        match purpose {
            SocketPurpose::Client => &mut self.clients,
            SocketPurpose::Shared => &mut self.shared,
            SocketPurpose::Own => &mut self.own,
        }
    }

    /// Returns true if there is room for one more. Descriptors that are kept for another purpose are not given away.
    /// A shared connection is never refused, since nobody is served without it.
    fn has_room_for(&self, limits: &Limits, purpose: SocketPurpose) -> bool {
        let shared = self.shared.max(limits.shared);
        match purpose {
            SocketPurpose::Client => {
                self.clients < limits.clients
                    && self.clients + shared + self.own.max(limits.own) < limits.total
            }
            SocketPurpose::Shared => true,
            SocketPurpose::Own => self.clients + shared + self.own < limits.total,
        }
    }
}

/// The budget of the process. See the module.
#[derive(Debug)]
pub(crate) struct SocketBudget {
    limits: Limits,
    taken: Mutex<Taken>,
}

impl SocketBudget {
    pub(crate) fn new(limits: Limits) -> Arc<SocketBudget> {
        Arc::new(SocketBudget { limits, taken: Mutex::new(Taken::default()) })
    }

    /// Reserves one socket, if there is room for it.
    pub(crate) fn try_reserve(self: &Arc<Self>, purpose: SocketPurpose) -> Option<SocketPermit> {
        let mut taken = self.taken();
        let fits = taken.has_room_for(&self.limits, purpose);
        fits.then(|| {
            *taken.of(purpose) += 1;
            SocketPermit { budget: Arc::clone(self), purpose }
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reservation of one socket, which is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct SocketPermit {
    budget: Arc<SocketBudget>,
    purpose: SocketPurpose,
}

impl Drop for SocketPermit {
    fn drop(&mut self) {
        let mut taken = self.budget.taken();
        let count = taken.of(self.purpose);
        *count = count.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_sockets_are_kept_for_their_purpose() {
        let limits = Limits { total: 100, clients: 60, shared: 10, own: 25 };
        // Clients, shared, own; whether there is still room for a client, and for a client's own connection.
        for ((clients, shared, own), client, of_own) in [
            ((0, 0, 0), true, true),
            ((59, 0, 0), true, true),
            ((60, 0, 0), false, true),
            ((59, 10, 25), true, true),
            ((59, 10, 30), true, true),
            ((59, 11, 30), false, false),
            ((60, 10, 30), false, false),
            ((60, 10, 29), false, true),
            // What clients leave may be used for their own connections, but not what is kept for shared ones.
            ((30, 0, 59), true, true),
            ((30, 0, 60), false, false),
            ((30, 20, 50), false, false),
        ] {
            let taken = Taken { clients, shared, own };
            let found = (
                taken.has_room_for(&limits, SocketPurpose::Client),
                taken.has_room_for(&limits, SocketPurpose::Own),
            );
            assert_eq!(found, (client, of_own), "{taken:?}");
            assert!(taken.has_room_for(&limits, SocketPurpose::Shared));
        }
    }

    #[test]
    fn a_permit_is_given_back() {
        let budget = SocketBudget::new(Limits { total: 3, clients: 1, shared: 0, own: 1 });
        let permit = budget.try_reserve(SocketPurpose::Client);
        assert!(permit.is_some() && budget.try_reserve(SocketPurpose::Client).is_none());
        drop(permit);
        assert!(budget.try_reserve(SocketPurpose::Client).is_some());
        assert_eq!(*budget.taken(), Taken::default());
    }
}
