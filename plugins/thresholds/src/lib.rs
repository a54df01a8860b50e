//! A policy of few rules: gates on exact bounds, severities by failure rate. The policy `statistical` builds on it.

#[cfg(feature = "component")]
mod component;
pub mod judge;
pub mod model;
pub mod run;
pub mod settings;
