//! Every framework that `flaky` drives, by real runs of real projects.
//!
//! What takes long to install (jest, vitest, playwright, nextest, maven, gradle) runs with `FLAKY_FRAMEWORKS=all` alone.
#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that several tests share fail as tests do")]

mod case;
mod install;
mod native;
mod node;
mod titles;
