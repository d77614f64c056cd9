//! Which sockets have something to do: filled by their wakers, emptied once a turn.
//!
//! A socket's waker runs on its worker's own thread, from the IO driver that the thread polls. So the list is a
//! thread-local without a lock, and the worker's task is woken once however many sockets are ready.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::ThreadId;

thread_local! {
    static READY: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    static TASK: RefCell<Option<Waker>> = const { RefCell::new(None) };
    static WOKEN: Cell<bool> = const { Cell::new(false) };
}

/// Wakes the worker for one socket.
struct SocketWaker {
    token: u32,
    thread: ThreadId,
}

impl Wake for SocketWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        debug_assert_eq!(self.thread, std::thread::current().id(), "sockets are polled by their own worker");
        note(self.token);
    }
}

/// The waker of the socket with this token, to be used on this thread only.
pub(super) fn waker(token: u32) -> Waker {
    Waker::from(Arc::new(SocketWaker { token, thread: std::thread::current().id() }))
}

/// Puts a socket on the list and wakes the worker's task if nobody has yet.
pub(super) fn note(token: u32) {
    READY.with_borrow_mut(|ready| ready.push(token));
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

/// Moves the list to `into`, which must be empty.
pub(super) fn take(into: &mut Vec<u32>) {
    READY.with_borrow_mut(|ready| std::mem::swap(ready, into));
}
