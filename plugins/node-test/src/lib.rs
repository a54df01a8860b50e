//! The bundled plugin for the test runner of Node.js: reads the text of its reporter `spec`. Its TAP and JUnit are read
//! by the plugins for these.

mod parser;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct NodeTest;

impl Plugin for NodeTest {
    fn describe() -> Manifest {
        Manifest::new(
            "node-test",
            env!("CARGO_PKG_VERSION"),
            "the test runner of Node.js: reads the text of `spec`",
        )
    }
}

impl PackedParser for NodeTest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(NodeTest: packed_parser);
