//! What this machine allows, and what stands in the way of more.

#[cfg(target_os = "linux")]
mod probe;

use flaky_core::report::IsolationUsed;
use serde::{Deserialize, Serialize};

/// How an attempt gets a work tree of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TreeMethod {
    /// A layer over the original, which is mounted at the original's path.
    Overlay,
    /// One copy for every slot that shares its blocks with the original, restored between attempts.
    Reflink,
    /// One copy for every slot, restored between attempts.
    Copy,
}

/// One thing in the way of a higher level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}")]
pub struct Obstacle {
    /// What cannot be had and what the system said: a lower-case fragment.
    pub what: String,
    /// What to type or to ask for, to have it.
    pub how_to_raise: String,
}

/// What attempts can get here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The highest level.
    pub best: IsolationUsed,
    /// How work trees are made there.
    pub tree: TreeMethod,
    /// What stands in the way of more; empty when there is no more.
    pub obstacles: Vec<Obstacle>,
}
