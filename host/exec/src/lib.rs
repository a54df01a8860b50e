//! Running attempts of a test command: sources, isolation, process trees, output.
//!
//! Everything that touches processes goes through one re-executed, single-threaded [`launcher`] of our own
//! binary; [`LocalExecutor`] is its asynchronous face.
//!
//! Data flow: [`ExecutorSettings`] → [`LocalExecutor`] → [`Slot`] (one of `parallelism`, at one level of
//! isolation) → [`AttemptSpec`] → [`RawAttempt`].

pub mod attempt;
pub mod capabilities;
pub mod checkout;
pub mod collect;
pub mod environment;
pub mod error;
pub mod executor;
pub mod launcher;
mod run_as;
mod spool;
mod tree;

pub use attempt::{
    AttemptFolder, AttemptNote, AttemptPaths, AttemptSpec, CollectedFile, Purpose, RawAttempt, Spooled,
};
pub use capabilities::{Capabilities, Obstacle, TreeMethod};
pub use collect::CollectGlobs;
pub use error::ExecError;
pub use executor::{ExecutorSettings, LocalExecutor, Slot};
pub use launcher::LauncherProgram;
pub use run_as::{RunAs, RunAsProblem};
pub use tree::remove as remove_folder;
