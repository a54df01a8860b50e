//! Plugins with the real binary.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests fail by panicking")]
#![allow(clippy::print_stderr, reason = "what could not be tried is said")]

mod cache;
mod compiling;
