//! What parsers of printed text and finders of commands share.
//!
//! A library for the bundled plugins; no plugin itself.

mod command;
mod line;
mod quote;

pub use command::{Found, find};
pub use line::{capped, plain, plain_bytes};
pub use quote::regex;
