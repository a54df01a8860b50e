//! GitHub and GitLab, as far as they are alike: a REST API with JSON, pages by `Link`, rate limits, comments.
//!
//! Reading order: [`client`] (one request), [`marker`] (the hidden line of a comment), [`thread`] (the comment itself), [`spending`]
//! (what it remembers of costs).

pub(crate) mod client;
mod error;
pub(crate) mod marker;
mod spending;
pub(crate) mod thread;

pub use client::Download;
pub(crate) use client::Forge;
pub use error::{ForgeError, ForgeErrorKind};
pub use spending::Spent;
