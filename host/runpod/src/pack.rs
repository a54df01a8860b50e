//! A local folder on its way to a worker: packed where it is, unpacked there.
//!
//! What travels is a zstd-compressed tar archive: folders, files with their executable bit, and links that stay inside.
//! The same folder packs to the same bytes. Whoever unpacks takes nothing for granted: see [`unpack_folder`].

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

mod folder;
mod link;
mod tracked;
#[cfg(unix)]
mod unpack;

pub use folder::pack_folder;
#[cfg(unix)]
pub use unpack::unpack_folder;

/// Most bytes of a packed folder: as text they grow by a third, and beside the rest of an order they still fit into a job
/// ([`MAX_ORDER_TEXT`](crate::wire::MAX_ORDER_TEXT)).
pub const MAX_PACKED_BYTES: u64 = 6_000_000;

/// 8 MiB: copies of the same file find each other.
const WINDOW_LOG: u32 = 23;

/// A packed folder.
#[derive(Clone, PartialEq, Eq)]
pub struct PackedFolder {
    /// A zstd-compressed tar archive.
    pub bytes: Vec<u8>,
    /// Files, folders and links in it.
    pub entries: u64,
    /// Sockets, pipes and devices that were left out.
    pub special: u64,
    /// Links that lead out of the folder and were left out.
    pub outward_links: u64,
}

impl fmt::Debug for PackedFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, entries, special, outward_links } = self;
        f.debug_struct("PackedFolder")
            .field("bytes", &bytes.len())
            .field("entries", entries)
            .field("special", special)
            .field("outward_links", outward_links)
            .finish()
    }
}

/// How much is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Files, folders and links.
    pub entries: u64,
}

impl Default for UnpackLimits {
    /// Eighty times a packed folder's bytes: sources shrink to a fifth, and to a fiftieth at best.
    fn default() -> Self {
        Self { bytes: 512 << 20, entries: 200_000 }
    }
}

/// Why a folder cannot be packed or unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// Something cannot be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Too much to send.
    #[error("`{}` is too large to be sent: {state} it takes more than {}; largest {}", folder.display(), Size(*limit), list(largest))]
    TooLarge {
        /// Which.
        folder: PathBuf,
        /// `packed` or `unpacked`.
        state: &'static str,
        /// Bytes.
        limit: u64,
        /// The largest of what is directly in it, with their bytes before packing.
        largest: Vec<(String, u64)>,
    },
    /// Too many to send.
    #[error("`{}` is too large to be sent: it holds more than {limit} files and folders", folder.display())]
    TooMany {
        /// Which.
        folder: PathBuf,
        /// Files, folders and links.
        limit: u64,
    },
    /// What was sent is no archive of a folder.
    #[error("the packed folder cannot be unpacked: {0}")]
    Malformed(String),
    /// What was sent is more than is taken.
    #[error("the packed folder cannot be unpacked: it holds more than {limit} {unit}")]
    Excess {
        /// What is taken.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// Something is in the way.
    #[error("the packed folder cannot be unpacked: `{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
}

impl PackError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => Some(
                "push it to a repository that the workers can reach and run that URL instead, or leave out with \
                 `.gitignore` what the tests do not need",
            ),
            _ => None,
        }
    }

    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// Bytes for people.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ 0..1_000 => write!(f, "{bytes} B"),
            bytes @ 1_000..100_000 => write!(f, "{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
            bytes => write!(f, "{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        }
    }
}

fn list(largest: &[(String, u64)]) -> String {
    let one = |(name, bytes): &(String, u64)| format!("`{name}` ({})", Size(*bytes));
    match largest {
        [] => "is the folder itself".to_owned(),
        [only] => format!("is {}", one(only)),
        several => format!("are {}", several.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests;
