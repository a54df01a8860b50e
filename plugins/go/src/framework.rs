//! How Go modules are found, prepared, reported on and selected from.

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
pub(crate) const PROJECT_FILES: &[&str] =
    &["**/go.mod", "**/go.sum", "**/go.work", "**/go.work.sum", "**/vendor/modules.txt", "**/*_test.go"];

/// Whether Go's tests run in the command.
pub(crate) fn recognises(argv: &[String]) -> bool {
    invocation::find(argv).is_some()
}

/// A path below a root, which may be empty.
fn below(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") }
}
