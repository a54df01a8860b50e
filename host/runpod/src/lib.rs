//! What `flaky` says to RunPod, and to its own workers there.
//!
//! [`wire`] is the format in which a shard's order and its raw attempts travel, and [`pack`] how a local folder does;
//! [`endpoint`] is a client of the platform's API; [`fleet`] submits shards to an endpoint, follows them, submits again
//! what was lost, and hands over every attempt exactly once.
//!
//! The protocol that a worker speaks with the platform is the worker's own: crate `flaky-worker`.

pub mod endpoint;
pub mod fleet;
mod ids;
pub mod pack;
pub mod wire;

pub use ids::{ApiKey, EndpointId, InvalidId, JobId};
