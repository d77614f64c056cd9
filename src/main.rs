//! The binary: arguments, logging, run.

fn main() {}
