//! Tideover before real Redis and Sentinel processes while masters die, hang, move and come back: what do plain clients see?
//!
//! Each file is one kind of fault. Every deployment, proxy and port belongs to the test that started it.

mod fake_sentinel;
mod load;
mod support;

mod auth;
mod crash;
mod drain;
mod outage;
mod planned;
mod returning;
mod sentinels;
mod sessions;
