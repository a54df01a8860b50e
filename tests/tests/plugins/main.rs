//! End-to-end tests of plugins that are not part of the program: a module per subject.
#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that several tests share fail as tests do")]
#![allow(clippy::expect_used, reason = "the same")]
#![allow(clippy::print_stderr, reason = "what could not be tried is said")]

mod authoring;
mod cache;
mod compiling;
mod languages;
mod registry;
mod revisions;
mod server;
mod terms;
mod trust;
