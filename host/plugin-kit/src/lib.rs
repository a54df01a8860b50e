//! What authors of plugins use: projects made from templates, builds, inspection, tests, figures.
//!
//! Reading order: [`PluginName`] and [`Kind`] (what is made) → [`Language`] and its [`Recipe`] (how a project of that
//! language is made, recognised and built, and which tools that needs) → [`scaffold`] (`flaky plugin new`).
//!
//! Nothing here decides text on a screen or exit codes; that is the binary's.

pub mod cargo;
pub mod component;
mod kind;
pub mod language;
mod name;
pub mod process;
pub mod scaffold;
pub mod template;

pub use kind::Kind;
pub use language::{BuildError, BuildRequest, Built, Language, Need, Recipe, Verbosity};
pub use name::{InvalidName, PluginName};
