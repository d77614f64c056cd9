//! The list of sockets that have something to do. Their wakers fill it, and each turn of the worker empties it.
//!
//! A socket's waker runs on the thread of its worker, from the IO driver that the thread polls. So the list is a
//! thread-local without a lock, and the worker's task is woken once, however many sockets are ready.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::ThreadId;

thread_local! {
    static FIRST: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    static READY: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    static TASK: RefCell<Option<Waker>> = const { RefCell::new(None) };
    static WOKEN: Cell<bool> = const { Cell::new(false) };
}

/// The waker of one socket.
struct SocketWaker {
    token: u32,
    /// Messages come on the socket, so it is read before all others.
    is_first: bool,
    thread: ThreadId,
}

impl Wake for SocketWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        debug_assert_eq!(self.thread, std::thread::current().id(), "sockets are polled by their own worker");
        note(self.token, self.is_first);
    }
}

/// Makes the waker of the socket with this token, for use on this thread only. `is_first`: the socket is read before all others.
pub(super) fn waker(token: u32, is_first: bool) -> Waker {
    Waker::from(Arc::new(SocketWaker { token, is_first, thread: std::thread::current().id() }))
}

/// Puts a socket on the list, and wakes the worker's task if it was not woken yet.
fn note(token: u32, is_first: bool) {
    let list = if is_first { &FIRST } else { &READY };
    list.with_borrow_mut(|ready| ready.push(token));
    if !WOKEN.replace(true) {
        TASK.with_borrow(|task| {
            if let Some(task) = task {
                task.wake_by_ref();
            }
        });
    }
}

/// Begins a turn of the worker's task.
pub(super) fn begin(task: &Waker) {
    WOKEN.set(false);
    TASK.with_borrow_mut(|current| {
        if !current.as_ref().is_some_and(|current| current.will_wake(task)) {
            *current = Some(task.clone());
        }
    });
}

/// Moves the list to `into`, which must be empty, and the sockets that are read before all others to the end of `first`.
pub(super) fn take(first: &mut Vec<u32>, into: &mut Vec<u32>) {
    FIRST.with_borrow_mut(|ready| first.append(ready));
    READY.with_borrow_mut(|ready| std::mem::swap(ready, into));
}
