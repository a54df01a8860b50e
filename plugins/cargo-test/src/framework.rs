//! How crates are found, built, seeded and selected from.

mod detect;
mod install;
mod instrument;
mod invocation;
mod select;

pub(crate) use detect::detect;
pub use detect::modules;
pub use install::installed;
pub(crate) use instrument::instrument;
pub(crate) use invocation::find;
pub(crate) use select::select;

/// Files of the project that detection and installation look at.
pub(crate) const PROJECT_FILES: &[&str] = &[
    "**/Cargo.toml",
    "**/Cargo.lock",
    "**/rust-toolchain",
    "**/rust-toolchain.toml",
    "**/.cargo/config.toml",
];
