//! How pytest projects are found, installed, reported on and selected from.

mod detect;
mod install;
mod instrument;
pub(crate) mod invocation;
mod needs;
mod select;
mod toml;

pub(crate) use detect::detect;
pub use install::{Runner, install};
pub(crate) use instrument::instrument;
pub(crate) use select::select;

use invocation::{Invocation, PYTEST};

/// Files of the project that detection and installation look at: settings and requirements, where tests are, and
/// what an installed copy of the project is made of.
pub const PROJECT_FILES: &[&str] = &[
    "**/pyproject.toml",
    "**/setup.py",
    "**/setup.cfg",
    "**/tox.ini",
    "**/pytest.ini",
    "**/.pytest.ini",
    "**/*requirements*.txt",
    "**/requirements/*.txt",
    "**/*.py",
    "**/*.{pyi,pyx,pxd,c,h,cc,cpp,hpp,rs}",
];

/// Settings are small; what is larger than this is not one.
const LARGEST_SETTINGS: u64 = 1024 * 1024;

/// Whether pytest runs in the command.
pub(crate) fn recognises(argv: &[String]) -> bool {
    Invocation::find(argv, PYTEST).is_some()
}

/// A path below a root, which may be empty.
fn below(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") }
}
