//! Deliveries that need no network and no CI platform.

use std::io::Write;
use std::path::Path;

use flaky_core::delivery::Delivery;

use crate::{DeliveryError, Target, files};

/// Carries out one delivery that stays on this machine; a [`Courier`](crate::Courier) carries out all kinds.
///
/// # Errors
/// What stands in the way.
pub fn carry_out(delivery: Delivery, target: &Target, stdout: &mut dyn Write) -> Result<(), DeliveryError> {
    let unsupported = |kind| Err(DeliveryError::Unsupported { kind });
    match (delivery, target) {
        (Delivery::Stdout(text), Target::File(path)) => files::to_file(path, text.as_bytes()),
        (Delivery::Stdout(text), _) => files::to_stdout(stdout, text.as_bytes()),
        (Delivery::File { path, content }, Target::File(whole)) if path.is_empty() => {
            files::to_file(whole, &content)
        }
        (Delivery::File { path, content }, _) if path.is_empty() => files::to_stdout(stdout, &content),
        (Delivery::File { path, content }, target) => {
            let below = files::safe_relative(&path).ok_or(DeliveryError::Outside { path: path.clone() })?;
            let folder = match target {
                Target::Stdout => Path::new("."),
                Target::Folder(folder) => folder,
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
