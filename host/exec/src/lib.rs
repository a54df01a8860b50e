//! Running attempts of a test command: sources, isolation, process trees, output.
//!
//! Everything that touches processes goes through one re-executed, single-threaded [`launcher`] of our own
//! binary; [`LocalExecutor`] is its asynchronous face.

pub mod checkout;
pub mod environment;
