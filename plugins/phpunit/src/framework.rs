//! How projects with PHPUnit are found, reported on and selected from.

mod detect;
mod install;
mod instrument;
mod invocation;
mod select;

pub(crate) use detect::detect;
pub(crate) use install::install;
pub(crate) use instrument::instrument;
pub(crate) use select::select;

/// Files of the project that detection looks at.
pub(crate) const PROJECT_FILES: &[&str] = &[
    "**/phpunit.xml",
    "**/phpunit.xml.dist",
    "**/phpunit.dist.xml",
    "**/composer.json",
    "**/composer.lock",
    "**/*Test.php",
];

/// Settings are small; what is larger than this is not one.
const LARGEST_SETTINGS: u64 = 1024 * 1024;

/// Whether PHPUnit runs in the command.
pub(crate) fn recognises(argv: &[String]) -> bool {
    invocation::Invocation::find(argv).is_some()
}
