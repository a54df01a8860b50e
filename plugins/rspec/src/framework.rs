//! How projects with RSpec are found, installed, reported on and selected from.

mod detect;
mod install;
mod instrument;
mod invocation;
mod select;

pub(crate) use detect::detect;
pub(crate) use install::install;
pub(crate) use instrument::instrument;
pub(crate) use select::select;

/// Files of the project that detection and installation look at.
pub(crate) const PROJECT_FILES: &[&str] = &[
    "**/.rspec",
    "**/*_spec.rb",
    "**/spec/spec_helper.rb",
    "**/Gemfile",
    "**/Gemfile.lock",
    "**/gems.rb",
    "**/gems.locked",
    "**/*.gemspec",
    "**/.ruby-version",
    "**/.tool-versions",
];

/// Lists of gems are small; what is larger than this is not one.
const LARGEST_SETTINGS: u64 = 1024 * 1024;

/// Whether RSpec runs in the command.
pub(crate) fn recognises(argv: &[String]) -> bool {
    invocation::Invocation::find(argv).is_some()
}

/// A path below a root, which may be empty.
fn below(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") }
}
