//! The core under simulated time, against a scripted node.
