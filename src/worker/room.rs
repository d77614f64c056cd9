//! The budget of sockets: it bounds the number of clients, so that descriptors are left for connections to nodes.
//!
//! There is one for the process. It is touched when a connection comes or goes, never on the way of a command.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The purpose of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guest {
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
    fn of(&mut self, guest: Guest) -> &mut usize {
        match guest {
            Guest::Client => &mut self.clients,
            Guest::Shared => &mut self.shared,
            Guest::Own => &mut self.own,
        }
    }

    /// Returns true if there is room for one more. Descriptors that are kept for another purpose are not given away.
    /// A shared connection is never refused, since nobody is served without it.
    fn leaves_room(&self, limits: &Limits, guest: Guest) -> bool {
        let shared = self.shared.max(limits.shared);
        match guest {
            Guest::Client => {
                self.clients < limits.clients
                    && self.clients + shared + self.own.max(limits.own) < limits.total
            }
            Guest::Shared => true,
            Guest::Own => self.clients + shared + self.own < limits.total,
        }
    }
}

/// The budget of the process. See the module.
#[derive(Debug)]
pub(crate) struct Room {
    limits: Limits,
    taken: Mutex<Taken>,
}

impl Room {
    pub(crate) fn new(limits: Limits) -> Arc<Room> {
        Arc::new(Room { limits, taken: Mutex::new(Taken::default()) })
    }

    /// Reserves one socket, if there is room for it.
    pub(crate) fn enter(self: &Arc<Self>, guest: Guest) -> Option<Reserved> {
        let mut taken = self.taken();
        let fits = taken.leaves_room(&self.limits, guest);
        fits.then(|| {
            *taken.of(guest) += 1;
            Reserved { room: Arc::clone(self), guest }
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reservation of one socket, which is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    room: Arc<Room>,
    guest: Guest,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        let count = taken.of(self.guest);
        *count = count.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_what_is_kept_for_others() {
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
            let found = (taken.leaves_room(&limits, Guest::Client), taken.leaves_room(&limits, Guest::Own));
            assert_eq!(found, (client, of_own), "{taken:?}");
            assert!(taken.leaves_room(&limits, Guest::Shared));
        }
    }

    #[test]
    fn a_place_is_given_back() {
        let room = Room::new(Limits { total: 3, clients: 1, shared: 0, own: 1 });
        let place = room.enter(Guest::Client);
        assert!(place.is_some() && room.enter(Guest::Client).is_none());
        drop(place);
        assert!(room.enter(Guest::Client).is_some());
        assert_eq!(*room.taken(), Taken::default());
    }
}
