//! Checking out repositories from real servers on loopback: git's own HTTP backend and OpenSSH's server.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails in a helper fails its test"
)]

mod export;
mod http;
mod local;
mod source;
mod ssh;
mod submodules;
mod support;
