//! For tests of reporters: hostile text for every field of a report ([`corpus`]), stand-ins that refuse what the real
//! platforms refuse ([`slack`], [`discord`], [`gitlab`]), and samples with what is expected of them ([`samples`], [`deliveries`]).
//!
//! The stand-ins are written from the platforms' published limits, not recorded from them: what a platform refuses
//! without saying so anywhere, they let pass.

pub mod corpus;
pub mod deliveries;
pub mod discord;
pub mod gitlab;
#[cfg(feature = "rendered")]
pub mod rendered;
pub mod samples;
pub mod slack;

use std::fmt;

/// Why a platform would not take a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status of the answer.
    pub status: u16,
    /// The platform's own word for it, e.g. `invalid_blocks`.
    pub code: &'static str,
    /// Which part, and why.
    pub what: String,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, what: impl Into<String>) -> Self {
        Self { status: 400, code, what: what.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`: {}", self.status, self.code, self.what)
    }
}

impl std::error::Error for Refusal {}
