//! The bundled plugin for ExUnit: reads what `mix test` printed.
//!
//! **Ids.** `CartTest::test adds`: the module, and the test as ExUnit names it (`test …`, `doctest …`, `property …`). The
//! suite is the module.
//!
//! Only `--trace` names tests that passed; there every test prints the same line, whether it passed or failed, and the
//! numbered blocks tell. From dots come the tests that failed; that others ran without being named is said
//! (`unnamed-tests`).

mod block;
mod text;
mod trace;

use flaky_plugin_sdk::{Attempt, PackedAttempt};

/// Reads what ExUnit printed.
#[must_use]
pub fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    text::parse(attempt).unwrap_or_default()
}

#[cfg(feature = "component")]
mod component {
    use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

    #[derive(Default)]
    struct Exunit;

    impl Plugin for Exunit {
        fn describe() -> Manifest {
            Manifest::new("exunit", env!("CARGO_PKG_VERSION"), "reads what Elixir's ExUnit prints")
        }
    }

    impl PackedParser for Exunit {
        fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
            Ok(crate::parse(attempt))
        }
    }

    flaky_plugin_sdk::export!(Exunit: packed_parser);
}
