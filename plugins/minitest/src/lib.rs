//! The bundled plugin for minitest, which Rails' own tests are as well: reads what it printed.
//!
//! **Ids.** `CartTest#test_adds`, as minitest writes them; the suite is the class. With `describe` the class is the path
//! of descriptions (`cart::with two`).
//!
//! Only `--verbose` names tests that passed. From dots come the tests that failed; that others ran without being named is
//! said (`unnamed-tests`). What minitest calls an error, an exception in a test or around it, is `errored`.

mod block;
mod progress;
mod text;

use flaky_plugin_sdk::{Attempt, PackedAttempt};

/// Reads what minitest printed.
#[must_use]
pub fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    text::parse(attempt).unwrap_or_default()
}

#[cfg(feature = "component")]
mod component {
    use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

    #[derive(Default)]
    struct Minitest;

    impl Plugin for Minitest {
        fn describe() -> Manifest {
            Manifest::new("minitest", env!("CARGO_PKG_VERSION"), "reads what minitest and Rails' tests print")
        }
    }

    impl PackedParser for Minitest {
        fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
            Ok(crate::parse(attempt))
        }
    }

    flaky_plugin_sdk::export!(Minitest: packed_parser);
}
