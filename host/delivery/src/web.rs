//! One HTTP request and what came of it, whoever asks.
//!
//! Reading order: [`Origin`] (where a request may go), [`address`] (which addresses that may be), [`line`] (the
//! connection, under these rules), [`wait`] (when to ask again).

pub(crate) mod address;
pub(crate) mod line;
pub(crate) mod wait;

pub use flaky_core::origin::{InvalidOrigin, Origin};
pub(crate) use line::{Call, Line, NoReply, Reply, Via};
