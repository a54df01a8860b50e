//! The project under test.

use std::hash::{DefaultHasher, Hasher};

use crate::bindings::shared::flaky::plugin::inputs;
use crate::native::Files;
use crate::{Blob, Result};

/// Files of the project under test, as far as the manifest asked for them (`want_project_files`).
#[derive(Debug)]
pub struct Project<'a>(From<'a>);

#[derive(Debug)]
enum From<'a> {
    Host(&'a inputs::Project),
    Memory(&'a Files),
}

impl<'a> Project<'a> {
    pub(crate) fn lent(project: &'a inputs::Project) -> Self {
        Self(From::Host(project))
    }

    pub(crate) fn of(files: &'a Files) -> Self {
        Self(From::Memory(files))
    }

    /// Paths relative to the project's root, with `/`.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        match self.0 {
            From::Host(project) => project.files(),
            From::Memory(files) => files.paths(),
        }
    }

    /// Tells what a file holds from what it held before, for names of cached environments; no protection against somebody
    /// who wants two files to be taken for the same. A file that is not there has one as well.
    #[must_use]
    pub fn fingerprint(&self, path: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        if let Some(blob) = self.open(path) {
            for chunk in blob.chunks() {
                hasher.write(&chunk);
            }
        }
        hasher.finish()
    }

    /// One file; `None` when there is none of that name among [`files`](Self::files).
    #[must_use]
    pub fn open(&self, path: &str) -> Option<Blob<'a>> {
        match self.0 {
            From::Host(project) => project.open(path).map(Blob::owned),
            From::Memory(files) => files.open(path),
        }
    }

    /// A whole file as text, U+FFFD where it is not UTF-8; `None` when there is none of that name.
    ///
    /// # Errors
    /// `too-large` when it has more than `most` bytes.
    pub fn read_text(&self, path: &str, most: u64) -> Result<Option<String>> {
        self.open(path).map(|blob| blob.read_text(most)).transpose()
    }
}
