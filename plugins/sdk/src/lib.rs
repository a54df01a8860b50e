//! Write plugins for `flaky` in Rust.
//!
//! A plugin is a type with [`Plugin`] and one or more of the roles [`Parser`] (or [`PackedParser`]),
//! [`Framework`], [`Policy`] and [`Reporter`], made into a WebAssembly component by [`export!`]. It has no files,
//! network, clock, environment or randomness: it gets inputs and returns a value.
//!
//! ```
//! use flaky_plugin_sdk::{
//!     Attempt, Completeness, Manifest, Outcome, ParsedAttempt, Parser, Plugin, Result, TestResult,
//! };
//!
//! /// Reads lines such as `ok sums` and `no rounding`.
//! #[derive(Default)]
//! struct Lines;
//!
//! impl Plugin for Lines {
//!     fn describe() -> Manifest {
//!         Manifest::new("lines", "1.0.0", "reads `ok NAME` and `no NAME`")
//!     }
//! }
//!
//! impl Parser for Lines {
//!     fn parse(&self, attempt: &Attempt) -> Result<ParsedAttempt> {
//!         let mut parsed = ParsedAttempt::default();
//!         let stdout = attempt.stdout();
//!         let mut lines = stdout.lines();
//!         while let Some(line) = lines.next_line() {
//!             let line = line.text();
//!             let (outcome, id) = match line.split_once(' ') {
//!                 Some(("ok", id)) => (Outcome::Passed, id),
//!                 Some(("no", id)) => (Outcome::Failed, id),
//!                 _ => continue,
//!             };
//!             parsed.tests.push(TestResult::new(id, outcome));
//!         }
//!         if !parsed.tests.is_empty() {
//!             parsed.completeness = Completeness::Complete;
//!         }
//!         Ok(parsed)
//!     }
//! }
//!
//! flaky_plugin_sdk::export!(Lines: parser);
//!
//! // Natively, inputs are made of bytes: plugins are tested as any other code.
//! # fn main() {
//! use flaky_plugin_sdk::native::Recorded;
//! let attempt = Recorded::default().stdout("ok sums\nno rounding\n");
//! let parsed = Lines.parse(&attempt.attempt()).unwrap();
//! assert_eq!(parsed.tests[1], TestResult::new("rounding", Outcome::Failed));
//! # }
//! ```
//!
//! Such a crate has `crate-type = ["cdylib", "rlib"]`, is built with `cargo build --release --target
//! wasm32-unknown-unknown`, and becomes a component by `wasm-tools component new`.

mod attempt;
#[doc(hidden)]
pub mod bindings;
mod blob;
mod build;
#[doc(hidden)]
pub mod exports;
pub mod log;
pub mod native;
mod packed;
mod project;
#[cfg(feature = "report")]
pub mod report;
mod roles;
mod settings;
#[cfg(feature = "report")]
pub mod surroundings;
mod terminal;

use bindings::as_framework::exports::flaky::plugin::framework;
use bindings::as_policy::exports::flaky::plugin::policy;
use bindings::as_reporter::exports::flaky::plugin::reporter;
use bindings::shared::flaky::plugin::{inputs, types};

/// What a call of a plugin gives.
pub type Result<T, E = PluginError> = std::result::Result<T, E>;

pub use attempt::Attempt;
pub use blob::{Blob, Chunks, Line, LineEnd, Lines, Reader};
pub use packed::{PackedTestsBuilder, TestIndex};
pub use project::Project;
pub use roles::{Framework, PackedParser, Parser, Plugin, Policy, Reporter};
pub use settings::Settings;
pub use terminal::{plain, without_sequences};

pub use bindings::as_packed_parser::exports::flaky::plugin::packed_parser::PackedAttempt;
pub use bindings::as_parser::exports::flaky::plugin::parser::ParsedAttempt;
pub use bindings::as_plugin::exports::flaky::plugin::plugin::{Manifest, Want};
pub use framework::{
    AttemptContext, Command, Detection, EnvChange, InstallPlan, InstallStep, Instrumented, Selection,
    SupportFile,
};
pub use inputs::{AttemptInfo, Exit};
pub use policy::{
    Base, Bounds, Change, ConditionEffect, Counts, Durations, Evidence, FailureGroup, History, Interval,
    RunSummary, Tried, Verdict,
};
pub use reporter::{
    Annotation, AnnotationLevel, CheckRun, Comment, Delivery, File, HttpRequest, Other, RenderContext,
};
pub use types::{
    Category, Completeness, Diagnostic, DiagnosticLevel, Failure, Location, Outcome, PackedTests,
    PluginError, Severity, Source, TestResult,
};
