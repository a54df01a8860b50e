//! Settings: what the user wrote, and what it means.
//!
//! Three things are read here, each into a type of its own: the flags ([`FlagSettings`], filled by the command
//! line), a job as JSON ([`job::JobInput`]) and `.flaky-detector.yml` ([`ConfigFile`]). One function,
//! [`RunSettings::resolve`], makes of them what the rest of the program works with; nothing else is read later but the
//! file that it says tests in quarantine are in ([`Quarantine`]).
//!
//! All of it is hostile input. The file is read up to [`MAX_FILE_BYTES`], parsed into a tree whose every key and
//! value knows its line and column (`tree`), and only then given to the types (`de`), so that an error found by
//! a type still points at the place it speaks of.

mod backend;
mod command;
mod de;
pub mod edit;
mod environment;
mod error;
mod file;
mod history;
mod ignore;
pub mod job;
mod nearest;
mod notify;
mod plugin;
pub mod quarantine;
mod rate;
mod reporters;
mod resolve;
mod scalar;
mod source;
mod suites;
mod tree;
mod trust;
mod unique_json;

pub use backend::{BackendEntry, BackendSettings};
pub use command::{InvalidTestCommand, TestCommand};
pub use environment::{EnvName, EnvValue, Environment, InvalidEnvironment};
pub use error::{ConfigError, ConfigErrorKind, Place, Warning};
pub use file::{ConfigFile, FileSettings, SeedRangeSettings, SeverityThresholdSettings, parse, schema};
pub use history::{DatabaseUrl, HistoryEntry, HistoryStore, InvalidStore, SecretMissing};
pub use ignore::{IgnorePattern, IgnorePatterns, InvalidIgnorePattern};
pub use notify::NotifyRule;
pub use plugin::{CallLimits, InvalidPlugin, MayAdd, OnError, PluginAddress, PluginEntry, PluginTerms};
pub use quarantine::{QUARANTINE_FILE_NAME, Quarantine, QuarantineChoice, QuarantineEntry};
pub use rate::{Rate, VerdictBound};
pub use reporters::ReporterEntry;
pub use resolve::{
    AskedBy, FlagSettings, Origin, PluginRef, RunSettings, SeedChoice, SettingsError, SettingsErrorKind,
    Sourced,
};
pub use source::{FILE_NAME, MAX_FILE_BYTES, discover, load, load_named_or_own};
pub use suites::{SuiteEntry, WorkingDirectory};
pub use trust::{IgnoredKey, NotTrusted, Trust, prefer};
