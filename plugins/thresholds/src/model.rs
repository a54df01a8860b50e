//! Evidence and verdicts, in the words of the plugin contract.

pub use flaky_plugin_sdk::{
    Bounds, Category, Counts, Evidence, Interval, RunSummary, Severity, Tried, Verdict,
};
