//! Where nothing runs as another user, because no attempts run at all.

use std::io;
use std::path::Path;

use super::RunAs;

impl RunAs {
    /// Gives a folder and everything in it to this user.
    ///
    /// # Errors
    /// Always: it takes Linux.
    pub fn take_over(&self, _folder: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives a folder away, and nothing in it.
    ///
    /// # Errors
    /// Always: it takes Linux.
    pub fn take_folder(&self, _folder: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes back everything in a folder.
    ///
    /// # Errors
    /// Always: it takes Linux.
    pub fn take_back(_folder: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
