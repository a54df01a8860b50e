//! What authors of plugins use: projects made from templates, builds, inspection, tests, figures.
//!
//! Reading order: [`PluginName`] and [`Kind`] (what is made) → [`Language`] and its [`Recipe`] (how a project of that
//! language is made, recognised and built, and which tools that needs) → [`scaffold`] (`flaky plugin new`) →
//! [`build::Project`] → [`inspect`](mod@inspect) → [`golden`] and [`conformance`] (`flaky plugin test`), both of which give a
//! [`Check`](check::Check) → [`bench`](mod@bench), [`watch`].
//!
//! Nothing here decides text on a screen or exit codes; that is the binary's.

pub mod bench;
pub mod build;
pub mod cargo;
pub mod check;
pub mod component;
pub mod conformance;
pub mod golden;
pub mod inspect;
mod kind;
pub mod language;
mod name;
pub mod process;
pub mod scaffold;
pub mod template;
pub mod watch;

pub use kind::{Kind, UnknownKind};
pub use language::{BuildError, BuildRequest, Built, Language, Need, Recipe, UnknownLanguage, Verbosity};
pub use name::{InvalidName, PluginName};
