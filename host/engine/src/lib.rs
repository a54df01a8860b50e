//! From a request to a report: get the sources, prepare, run attempts, read them, judge, assemble, deliver.
//!
//! Data flow: [`run::RunRequest`] → sources → settings → [`plugins::PluginSet`] → project → attempts
//! (`conduct`) → `tally` → `judge` → [`assemble`](assemble::assemble).

pub mod assemble;
pub mod attempt;
pub mod builtins;
pub mod cache;
pub mod cancel;
pub mod event;
pub mod exclude;
pub mod folders;
pub mod journal;
pub mod judge;
pub mod output;
pub mod parse;
pub mod past;
pub mod plugins;
mod quarantine;
pub mod remote;
pub mod run;
#[cfg(target_os = "linux")]
pub mod shard;
pub mod trust;

mod attempts;
mod backend;
mod conduct;
mod confirm;
mod detect;
mod environment;
mod findings;
mod install;
mod isolation;
mod job_log;
mod limits;
mod local;
mod narrow;
mod prepare;
mod read;
mod recognise;
mod repeat;
mod sources;
pub mod supply;
pub mod survey;
mod tail;
mod tally;
mod taste;
