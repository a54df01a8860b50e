//! One thing that is held against a plugin, what came of it, and what it took.

use std::time::{Duration, Instant};

use flaky_plugin_host::Plugin;

/// What was checked, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What it is, in a few words.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What it took.
    pub taken: Taken,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it has to be.
    Held,
    /// It is, and something is worth knowing.
    Noted(String),
    /// The answer is the expected one from now on.
    Blessed,
    /// It is not: where and how.
    Failed(Vec<String>),
}

/// Time of all calls of a check together, and the most memory that one of them took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Wall time.
    pub time: Duration,
    /// Bytes of linear memory.
    pub memory: usize,
}

impl Check {
    /// A check that failed before anything was asked.
    #[must_use]
    pub fn failed(name: String, why: Vec<String>) -> Self {
        Self { name, outcome: Outcome::Failed(why), taken: Taken::default() }
    }

    /// Whether it did not hold.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

/// Measures calls of a plugin.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    plugin: &'a Plugin,
    begun: Instant,
}

impl<'a> Meter<'a> {
    pub(crate) fn start(plugin: &'a Plugin) -> Self {
        let _ = plugin.take_peak_memory();
        Self { plugin, begun: Instant::now() }
    }

    pub(crate) fn stop(&self) -> Taken {
        Taken { time: self.begun.elapsed(), memory: self.plugin.take_peak_memory() }
    }
}
