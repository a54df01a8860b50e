//! Why something cannot be packed or read.

use super::WIRE_VERSION;

/// Who wrote what cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The host that asked for the run.
    Host,
    /// The worker.
    Worker,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Worker => "worker",
        }
    }
}

/// Why something cannot be packed or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// It was written in another version of the format.
    #[error("the {} speaks version {found} of the wire format, this side knows {WIRE_VERSION}", .writer.name())]
    Version {
        /// Who wrote it.
        writer: Side,
        /// Its version.
        found: u64,
    },
    /// It is not what it should be: damaged, or not ours at all.
    #[error("the {} sent something that cannot be read: {why}", .writer.name())]
    Malformed {
        /// Who wrote it.
        writer: Side,
        /// What is wrong.
        why: String,
    },
    /// It holds more than is taken.
    #[error("{what}: more than {limit} {unit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// What is taken.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// An order that can be read but not be done.
    #[error("the shard's order is refused: {0}")]
    Refused(String),
    /// The compressor failed.
    #[error("cannot compress: {0}")]
    Compressor(String),
}

impl WireError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Version { .. } => {
                Some("use the same release of `flaky` here and in the image of the endpoint's workers")
            }
            _ => None,
        }
    }
}
