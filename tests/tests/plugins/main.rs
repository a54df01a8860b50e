//! End-to-end tests of plugins that are not part of the program: a module per subject.
#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that several tests share fail as tests do")]

mod registry;
mod revisions;
mod server;
mod terms;
mod trust;
