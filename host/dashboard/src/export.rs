//! The page and all its documents as files, for servers of files such as GitHub Pages.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::DashboardError;
use crate::assets::ASSETS;
use crate::documents::{DocumentPath, Documents};

/// The file that says that a folder is an export, and may be replaced by the next one.
pub const MARKER: &str = ".flaky-dashboard";

/// Says so to people who find it.
const MARKER_TEXT: &str =
    "An export of `flaky dashboard`. `index.html`, `assets` and `data` here are replaced by the next one.\n";

/// Tells GitHub Pages to serve what is there as it is.
const AS_IT_IS: &str = ".nojekyll";

/// Where an export is written until it is whole.
const UNFINISHED: &str = ".flaky-dashboard-unfinished";

/// What an export replaces, in order: the page last, so that it never stands without its data.
const REPLACED: [&str; 3] = ["assets", "data", "index.html"];

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Files.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The folder is somebody else's.
    #[error("`{0}` has files in it and is no earlier export: it is left as it is")]
    Foreign(PathBuf),
    /// The place is a link, or no folder.
    #[error("`{0}` is not a folder")]
    NoFolder(PathBuf),
    /// Something could not be written.
    #[error("cannot write `{path}`")]
    Write {
        /// What.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A document could not be made.
    #[error(transparent)]
    Document(#[from] DashboardError),
}

/// Writes the page into a new or empty folder, or over an earlier export. Nothing is written through a link: all files are
/// new ones in folders that were made for them. An export that is broken off leaves the earlier one.
///
/// # Errors
/// When the folder is not one to write into, when the disk refuses, or the history cannot be read.
pub async fn export(documents: &Documents, folder: &Path) -> Result<Exported, ExportError> {
    claim(folder)?;
    let unfinished = folder.join(UNFINISHED);
    remove(&unfinished)?;
    make(&unfinished)?;
    let mut written = Exported::default();
    for asset in &ASSETS {
        written.add(&unfinished, asset.path, asset.body.as_bytes())?;
    }
    let snapshot = documents.snapshot().await?;
    for path in documents.paths(&snapshot).into_iter().chain([DocumentPath::Version]) {
        // What was taken away meanwhile is missing here as it would be when served.
        if let Some(body) = documents.of(&snapshot, &path).await? {
            written.add(&unfinished, &path.to_string(), &body)?;
        }
    }
    for name in REPLACED {
        let place = folder.join(name);
        remove(&place)?;
        fs::rename(unfinished.join(name), &place)
            .map_err(|source| ExportError::Write { path: place, source })?;
    }
    remove(&unfinished)?;
    Ok(written)
}

impl Exported {
    fn add(&mut self, folder: &Path, path: &str, body: &[u8]) -> Result<(), ExportError> {
        let place = folder.join(path);
        let failed = |source| ExportError::Write { path: place.clone(), source };
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        new_file(&place).and_then(|mut file| file.write_all(body)).map_err(failed)?;
        self.files += 1;
        self.bytes += u64::try_from(body.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

/// Makes sure that the folder is there and ours.
fn claim(folder: &Path) -> Result<(), ExportError> {
    let failed = |source| ExportError::Write { path: folder.to_owned(), source };
    match fs::symlink_metadata(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => fs::create_dir_all(folder).map_err(failed)?,
        Err(e) => return Err(failed(e)),
        Ok(found) if !found.is_dir() => return Err(ExportError::NoFolder(folder.to_owned())),
        Ok(_) => {
            let marked = fs::symlink_metadata(folder.join(MARKER)).is_ok_and(|m| m.is_file());
            let mut entries = fs::read_dir(folder).map_err(failed)?;
            if !marked && entries.next().is_some() {
                return Err(ExportError::Foreign(folder.to_owned()));
            }
        }
    }
    for (name, text) in [(MARKER, MARKER_TEXT), (AS_IT_IS, "")] {
        let path = folder.join(name);
        if fs::symlink_metadata(&path).is_err() {
            let written = new_file(&path).and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|source| ExportError::Write { path, source })?;
        }
    }
    Ok(())
}

/// One that was not there: a link that stands in its place is an error.
fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn make(folder: &Path) -> Result<(), ExportError> {
    fs::create_dir(folder).map_err(|source| ExportError::Write { path: folder.to_owned(), source })
}

/// Takes away what stands at the place; of a link, the link.
fn remove(path: &Path) -> Result<(), ExportError> {
    let removed = match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.map_err(|source| ExportError::Write { path: path.to_owned(), source })
}
