//! The policy that `flaky` uses when nobody chose another: gates on exact bounds, severities by failure rate.

mod component;
pub mod judge;
pub mod model;
pub mod run;
pub mod settings;
