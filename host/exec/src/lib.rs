//! Running attempts of a test command: sources, isolation, process trees, output.
//!
//! Everything that touches processes goes through one re-executed, single-threaded [`launcher`] of our own
//! binary; [`LocalExecutor`] is its asynchronous face.
//!
//! Attempts take Linux. Elsewhere [`LocalExecutor::start`] says so, and everything else works: sources, their state and
//! revisions, the environment.
//!
//! Data flow: [`ExecutorSettings`] → [`LocalExecutor`] → [`Slot`] (one of `parallelism`, at one level of
//! isolation) → [`AttemptSpec`] → [`RawAttempt`].

pub mod attempt;
pub mod capabilities;
pub mod checkout;
pub mod collect;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
pub mod environment;
pub mod error;
#[cfg(target_os = "linux")]
pub mod executor;
#[cfg(target_os = "linux")]
pub mod launcher;
mod run_as;
mod settings;
#[cfg(target_os = "linux")]
mod spool;
#[cfg(target_os = "linux")]
mod tree;

pub use attempt::{
    AttemptFolder, AttemptNote, AttemptPaths, AttemptSpec, CollectedFile, Purpose, RawAttempt, Spooled,
};
pub use capabilities::{Capabilities, Obstacle, TreeMethod};
pub use collect::CollectGlobs;
#[cfg(not(target_os = "linux"))]
use elsewhere::empty_folder;
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{LocalExecutor, Slot, executor, launcher, remove_folder};
pub use error::ExecError;
#[cfg(target_os = "linux")]
pub use executor::{LocalExecutor, Slot};
pub use run_as::{RunAs, RunAsProblem};
pub use settings::{ExecutorSettings, LauncherProgram};
#[cfg(target_os = "linux")]
use tree::empty as empty_folder;
#[cfg(target_os = "linux")]
pub use tree::remove as remove_folder;
