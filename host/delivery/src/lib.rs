//! Carrying out what reporters ask for. The plugin names a delivery; only the host writes and sends.
//!
//! How a command uses it, in order:
//!
//! 1. [`World::new`]: variables, clock, connections; once per process.
//! 2. [`look_around`]: where the report is told (CI job, pull request, what was told before). What is not known is left
//!    out, with a reason to print. It goes to reporters as JSON, beside the report. Who knows that a report is a claim
//!    sets `untrusted`; who looked around long before telling asks [`Github::pull_request`] for the head as it is now.
//! 3. [`Courier::new`] with an [`Errand`]: those surroundings, the result in short ([`News`]), whom to notify
//!    ([`Notify`]), the state file ([`State::read`]).
//! 4. [`Courier::carry_out`], once per reporter, with what it may do ([`Grants`]). Every [`Trouble`] is printed; those that
//!    [count](Trouble::counts) make the exit code 20.
//! 5. [`Courier::finish`]: remembers what was told.
//!
//! A command that looks into a failed run of GitHub asks [`Github`] for its jobs, their logs, its artifacts, and the
//! configuration file of the default branch.
//!
//! Reading order: `courier`, then by where a delivery goes: `local` and `files`; `http`, under the rules of
//! `web`, with `secrets`; `github` and `gitlab`, which are alike in `forge`.
//!
//! What always holds: nothing here fails the run; no text that leaves this crate holds a secret; every wait, size and
//! number of requests is bounded.

mod ci_job;
mod courier;
mod dry;
mod error;
mod files;
mod forge;
mod github;
mod gitlab;
mod http;
mod local;
mod secrets;
mod slack;
mod state;
mod surroundings;
#[cfg(test)]
mod testing;
mod web;
mod world;

use std::path::PathBuf;

pub use ci_job::{CiPlace, ci_job, ci_place};
pub use courier::{Courier, Errand, Grants, Reporter, Silence};
pub use error::{DeliveryError, HttpError, Lost, Trouble};
pub use files::check_writable;
pub use flaky_core::notify::{News, Notify};
pub use forge::thread::COMMENT_ROOM;
pub use forge::{Download, ForgeError, ForgeErrorKind, Spent};
pub use github::Github;
pub use github::event::{Event, EventError, HeadRepository, Owner, WorkflowRun};
pub use github::runs::{Artifact, Job};
pub use github::surroundings::server as github_server;
pub use github::workflow::outputs as hand_on;
pub use gitlab::Gitlab;
pub use local::carry_out;
pub use state::{State, StateError};
pub use surroundings::look_around;
pub use web::{InvalidOrigin, Origin};
pub use world::{Clock, Environment, RealClock, World};

/// Key of the comment that our own reporters make.
pub const COMMENT_KEY: &str = "flaky";

/// Where a reporter's result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output; files that the reporter names go into the current folder.
    Stdout,
    /// This file; the reporter's files with a path of their own go beside it.
    File(PathBuf),
    /// This folder, for reporters that tell where people look; text goes to standard output.
    Folder(PathBuf),
}
