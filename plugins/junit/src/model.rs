//! What a report says, in the words of the plugin contract.

pub use flaky_plugin_sdk::{Failure, Location, Outcome};
