//! Hosting `flaky`'s WebAssembly plugins.
//!
//! A plugin is a component of the contract `flaky:plugin` (see `wit/`). This crate is the only one that knows
//! wasmtime: what comes in and goes out are values of [`flaky_core`] and the plain types of this crate.
//!
//! Reading order: [`PluginSource`] (bytes, checked) → [`PluginHost::load`] (contract checked by names and types
//! before any code of the plugin runs, native code from the cache or compiled) → [`Plugin`] (one method per
//! function of the contract) → [`PluginError`] (every way a call can end badly).
//!
//! # What holds for every call, `describe` and instantiation included
//!
//! - It gets a store and an instance of its own, and `configure` comes first. Nothing lives on between calls.
//! - It ends within its time ([`Limits::time`]): an epoch callback lets other tasks run and interrupts guest code
//!   at the deadline; a timer drops the call when a host function is what it waits for. Neither alone is enough.
//! - Memory, tables, instances, handles, the data of one host call, results, log and output are bounded
//!   (`limits.rs` gives each number and its reason).
//! - It has no file, network, clock, environment or randomness. A component that imports WASI gets an empty one.
//! - What it returns is checked and cleaned before it becomes a value of ours; what cannot be cleaned is an error
//!   that names the field.
//! - Whatever goes wrong is a [`PluginError`] of that call. It never ends the run, and other plugins never notice.
//!
//! # Compiling
//!
//! A component from elsewhere could make Cranelift work for hours and use gigabytes. It is compiled in a child process
//! with limits of its own, by programs whose `main` begins with [`compiler::enter_if_asked`]; in others it is compiled
//! in the process itself.

mod attempt;
mod bindings;
mod blob;
mod cache;
mod call;
mod clean;
mod columns;
pub mod compiler;
mod contract;
mod engine;
mod error;
mod framework;
mod globs;
mod host;
mod imports;
mod limits;
mod manifest;
mod notes;
mod plugin;
mod policy;
mod project;
mod settings;
mod source;
mod state;
mod ticker;
mod trap;
mod wasi;

pub use attempt::{AttemptInput, BlobInput};
pub use contract::{Interfaces, ParserShape, Roles};
pub use error::{
    At, Behind, Call, CompileStop, GuestError, HostError, NotAComponent, PluginError, PluginErrorKind,
};
pub use flaky_core::delivery::{Annotation, AnnotationLevel, Delivery, RenderContext};
pub use framework::{
    AttemptContext, Command, Detection, EnvChange, InstallPlan, InstallStep, Instrumented, Selection,
    SupportFile,
};
pub use host::{Done, HostSettings, PluginHost, Precompiled};
pub use limits::{COMPONENT_BYTES, Limits};
pub use manifest::{Manifest, Want};
pub use notes::{LogLevel, LogLine, PluginLog};
pub use plugin::Plugin;
pub use policy::RunSummary;
pub use project::ProjectInput;
pub use source::{ComponentBytes, PackedComponent, PluginSource};
