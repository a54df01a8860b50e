//! How JavaScript projects are found, installed, reported on and selected from.

mod detect;
mod install;
mod instrument;
mod invocation;
mod package;
mod select;

pub use detect::detect;
pub use install::install;
pub use instrument::{instrument, with_modules, with_report};
pub use invocation::Invocation;
pub use select::{arguments, ending, escaped, files, pattern, title};

/// Files of the project that detection and installation look at. The names of configurations come from the tools.
pub const PROJECT_FILES: [&str; 9] = [
    "**/package.json",
    "**/package-lock.json",
    "**/npm-shrinkwrap.json",
    "**/yarn.lock",
    "**/pnpm-lock.yaml",
    "**/pnpm-workspace.yaml",
    "**/.npmrc",
    "**/.yarnrc.yml",
    "**/*.config.{js,cjs,mjs,ts,cts,mts,json}",
];

/// What tells one test tool from another.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// The name that reports use.
    pub name: &'static str,
    /// Names of its program.
    pub programs: &'static [&'static str],
    /// Words one of which has to follow the program, where it does other things too.
    pub verbs: &'static [&'static str],
    /// Its package, in `dependencies` or `devDependencies`.
    pub package: &'static str,
    /// The key of `package.json` that holds its settings.
    pub key: Option<&'static str>,
    /// Files of settings begin with one of these.
    pub settings: &'static [&'static str],
    /// What to run when no script does.
    pub command: &'static [&'static str],
    /// Whether its options have to stand before its other arguments. A script takes more arguments at its end only, so the
    /// command proposed is what the script says, where that is a command without a shell.
    pub options_first: bool,
}

/// Settings are small; what is larger than this is not one.
const LARGEST_SETTINGS: u64 = 4 * 1024 * 1024;

/// A path below a root, which may be empty.
fn below(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
