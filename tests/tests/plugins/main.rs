//! The plugin platform, end to end: what authors and repositories do with plugins, by the real `flaky`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that several tests share fail as tests do")]

mod authoring;
mod languages;
