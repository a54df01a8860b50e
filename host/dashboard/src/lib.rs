//! A page that shows the history of flaky tests: served on this machine, or written as files.
//!
//! Data flow: `flaky-history` → `documents` (which document a path means, and how it is made) → `data` (its shape) →
//! `server` (HTTP, behind `guard`) or `export` (files) → the page in `page/`, which reads `data/….json` beside itself and
//! does not know which of both it came from.
//!
//! The page is HTML, CSS and modules written by hand, built in, with charts in SVG. A charting library was looked at:
//! those that are small draw on a canvas, whose text no screen reader sees and no search finds, and need inline styles, which
//! the policy of the page forbids. What is drawn here are bars and strips: less code than such a library's options.

mod assets;
pub mod data;
mod documents;
mod export;
mod figures;
mod forge;
mod guard;
mod keys;
mod period;
mod server;

use flaky_history::HistoryError;

pub use self::documents::{Clock, Documents, Mode};
pub use self::export::{ExportError, Exported, MARKER, export};
pub use self::guard::{Guard, Token, TokenError};
pub use self::server::{ServeError, Server};

/// Why a document could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DashboardError {
    /// The history could not be read.
    #[error("the history could not be read")]
    History(#[from] HistoryError),
    /// A document could not be written as JSON.
    #[error("a document could not be written")]
    Json(#[from] serde_json::Error),
}
