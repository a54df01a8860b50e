//! The bundled plugin for busted (Lua): reads its `utfTerminal`, `plainTerminal`, `gtest` and `json` outputs.
//!
//! **Ids.** The full name (`cart with two adds`), as busted prints it in every output. Only JSON says where in it the
//! test's own name begins; elsewhere the id is all there is.
//!
//! Terminal outputs name only tests that did not pass; that others ran without being named is said (`unnamed-tests`).
//! What busted calls an error, any other error than a failed assertion, is `errored`. Errors of set-up and tear-down are
//! no tests: busted names them after the function that failed.

mod gtest;
mod json;
mod terminal;

use flaky_plugin_sdk::{Attempt, Blob, Diagnostic, LineEnd, PackedAttempt, Source, plain};

/// Reads what busted printed.
#[must_use]
pub fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let exit = &attempt.info().exit;
    let sources = [Source::Stdout, Source::Stderr].into_iter().filter_map(|source| attempt.open(&source));
    let mut found = sources.filter_map(|blob| {
        gtest::parse(&blob, exit).or_else(|| json::parse(&blob)).or_else(|| terminal::parse(&blob))
    });
    found.next().unwrap_or_default()
}

/// busted's own lines are short; of what tests print, only the beginning matters.
const LONGEST_LINE: usize = 64 * 1024;

/// Every line as it would be seen, and whether it is whole.
fn each_line(blob: &Blob<'_>, mut take: impl FnMut(&str, bool)) {
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let text = line.text();
        take(&plain(&text), matches!(line.end, LineEnd::LineFeed | LineEnd::TooLong));
    }
}

/// What went wrong around tests, when the name says that it is that: `cart with two before_each`.
fn outside(name: &str, message: &str) -> Option<Diagnostic> {
    const HOOKS: [&str; 8] = [
        "setup",
        "teardown",
        "before_each",
        "after_each",
        "lazy_setup",
        "lazy_teardown",
        "strict_setup",
        "strict_teardown",
    ];
    let word = name.rsplit(' ').next().unwrap_or(name);
    HOOKS.contains(&word).then(|| Diagnostic::new("hook-failed", format!("{name}: {message}")))
}

/// `spec/cart_spec.lua @ 7`
fn place(text: &str) -> Option<(&str, u32)> {
    let (file, line) = text.rsplit_once(" @ ")?;
    Some((file, line.parse().ok()?))
}

/// The message without the place that Lua puts in front of it.
fn said(message: &str, file: &str) -> String {
    let rest = message.strip_prefix(file).and_then(|rest| rest.strip_prefix(':'));
    let rest = rest.and_then(|rest| rest.split_once(": ")).filter(|(line, _)| line.parse::<u32>().is_ok());
    rest.map_or(message, |(_, said)| said).trim_end().to_owned()
}

#[cfg(feature = "component")]
mod component {
    use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

    #[derive(Default)]
    struct Busted;

    impl Plugin for Busted {
        fn describe() -> Manifest {
            Manifest::new("busted", env!("CARGO_PKG_VERSION"), "reads what busted prints")
        }
    }

    impl PackedParser for Busted {
        fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
            Ok(crate::parse(attempt))
        }
    }

    flaky_plugin_sdk::export!(Busted: packed_parser);
}
