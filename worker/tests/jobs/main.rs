//! Jobs that really run: shell commands as suites, in folders of their own; the worker's own binary is the launcher.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what tests share may fail the test")]

mod full;
mod shards;
mod support;
