//! Carrying out what reporters ask for. The plugin names a delivery; only the host writes and sends.

mod files;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flaky_core::delivery::Delivery;

pub use files::check_writable;

/// Where a reporter's result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// This file; the reporter's files with a path of their own go beside it.
    File(PathBuf),
}

/// A delivery that failed. The run's own result is not touched by it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// Writing.
    #[error("`{}` cannot be written: {source}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The reporter named a file outside the output folder.
    #[error("asked for the file `{path}`, which is not below the output folder")]
    Outside {
        /// What it asked for.
        path: String,
    },
    /// A kind that has no way out in this version.
    #[error("asked for a delivery of kind `{kind}`, which `flaky run` does not make")]
    Unsupported {
        /// Which kind.
        kind: &'static str,
    },
}

/// Carries one delivery out.
///
/// # Errors
/// What stands in the way.
pub fn carry_out(delivery: Delivery, target: &Target, stdout: &mut dyn Write) -> Result<(), DeliveryError> {
    let unsupported = |kind| Err(DeliveryError::Unsupported { kind });
    match (delivery, target) {
        (Delivery::Stdout(text), Target::Stdout) => files::to_stdout(stdout, text.as_bytes()),
        (Delivery::Stdout(text), Target::File(path)) => files::to_file(path, text.as_bytes()),
        (Delivery::File { path, content }, Target::Stdout) if path.is_empty() => {
            files::to_stdout(stdout, &content)
        }
        (Delivery::File { path, content }, Target::File(whole)) if path.is_empty() => {
            files::to_file(whole, &content)
        }
        (Delivery::File { path, content }, target) => {
            let below = files::safe_relative(&path).ok_or(DeliveryError::Outside { path: path.clone() })?;
            let folder = match target {
                Target::Stdout => Path::new("."),
                Target::File(file) => file.parent().unwrap_or(Path::new(".")),
            };
            files::to_file(&folder.join(below), &content)
        }
        (Delivery::Http { .. }, _) => unsupported("http"),
        (Delivery::PullRequestComment { .. }, _) => unsupported("pull-request-comment"),
        (Delivery::JobSummary(_), _) => unsupported("job-summary"),
        (Delivery::Annotations(_), _) => unsupported("annotations"),
        (Delivery::CheckRun { .. }, _) => unsupported("check-run"),
        (Delivery::Outputs(_), _) => unsupported("outputs"),
        (Delivery::Other { .. }, _) => unsupported("other"),
    }
}
