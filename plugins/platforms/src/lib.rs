//! What reporters share that speak to people on other sites: how much each site takes ([`limits`]), how it counts
//! ([`measure`]), how text of others is made harmless for its markup ([`markdown`], [`slack`], [`discord`]), and how
//! requests are written so that nothing in them is taken for the placeholder of a secret ([`request`]).
//!
//! Text of others is anything that a test, a commit or a branch could say. None of it may become a link, a mention,
//! an image or markup, whichever site shows it.

pub mod discord;
pub mod limits;
pub mod links;
pub mod markdown;
pub mod measure;
pub mod people;
pub mod request;
pub mod slack;
#[cfg(feature = "testing")]
pub mod testing;
pub mod words;

/// U+2060: takes no room, and what stands behind it is no mention, link or reference any more.
pub const WORD_JOINER: char = '\u{2060}';
