//! GitHub and GitLab, as far as they are alike: a REST API with JSON, pages by `Link`, rate limits, comments.
//!
//! Reading order: [`client`] (one request), [`marker`] (the hidden line of a comment), [`thread`] (the comment itself).

pub(crate) mod client;
mod error;
pub(crate) mod marker;
pub(crate) mod thread;

pub use client::Download;
pub(crate) use client::Forge;
pub use error::{ForgeError, ForgeErrorKind};
