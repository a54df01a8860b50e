//! How projects with PHPUnit are found, reported on and selected from.

mod detect;
mod instrument;
mod invocation;
mod select;

use flaky_plugin_sdk::{InstallPlan, Project, Result};

pub(crate) use detect::detect;
pub(crate) use instrument::instrument;
pub(crate) use select::select;

/// Files of the project that detection looks at.
pub(crate) const PROJECT_FILES: &[&str] =
    &["**/phpunit.xml", "**/phpunit.xml.dist", "**/phpunit.dist.xml", "**/composer.json", "**/*Test.php"];

/// Settings are small; what is larger than this is not one.
const LARGEST_SETTINGS: u64 = 1024 * 1024;

/// Whether PHPUnit runs in the command.
pub(crate) fn recognises(argv: &[String]) -> bool {
    invocation::Invocation::find(argv).is_some()
}

/// Nothing: Composer's autoloader holds paths between `vendor` and the project, and settings of PHPUnit name
/// `vendor/autoload.php`, so packages in a folder of their own are not found. They are used where they are.
pub(crate) fn install(_project: &Project<'_>, _root: &str, _env_dir: &str) -> Result<InstallPlan> {
    Ok(InstallPlan::default())
}
