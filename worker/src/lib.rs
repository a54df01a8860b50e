//! The RunPod worker: takes jobs, runs them, answers.
//!
//! [`platform`] speaks the worker's side of the platform's protocol; [`api`] is a local server that offers the
//! endpoint's side of it, for trying things out; both hand a [`job::Job`] to a [`job::JobHandler`] and pass on what it
//! says. [`jobs`] is the handler that really runs tests: full jobs and shards.

pub mod api;
mod certificates;
mod chance;
pub mod health;
pub mod job;
pub mod jobs;
pub mod logs;
pub mod platform;
pub mod secrets;
