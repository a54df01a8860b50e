//! Reading and writing what stands in a case.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flaky_plugin_host::BlobInput;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Largest file of a case. What `flaky run` keeps of an attempt's output is 64 MB.
const MOST_BYTES: u64 = 256 << 20;

/// How deep folders of a case go; those of frameworks' reports are two or three.
const DEPTH: usize = 16;

/// A case that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A file or folder of it cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not what it has to be.
    #[error("`{}`: {why}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong, with line and column.
        why: String,
    },
    /// There is nothing to give to a plugin.
    #[error("`{}` is no case: it has no input", .0.display())]
    NoInput(PathBuf),
}

impl CaseError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoInput(_) => Some(
                "a case has `evidence.json` (policy), `report.json` (reporter), or `stdout`, `stderr`, `report/` or `tree/` (parser)",
            ),
            Self::File { .. } | Self::Content { .. } => None,
        }
    }
}

pub(super) fn wrong(path: &Path, source: io::Error) -> CaseError {
    CaseError::File { path: path.to_owned(), source }
}

/// A file's bytes, bounded.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, CaseError> {
    let size = fs::metadata(path).map_err(|e| wrong(path, e))?.len();
    if size > MOST_BYTES {
        let why = format!("it has {} MB, more than the {} allowed", size >> 20, MOST_BYTES >> 20);
        return Err(CaseError::Content { path: path.to_owned(), why });
    }
    fs::read(path).map_err(|e| wrong(path, e))
}

/// The same for a plugin; nothing where there is no such file.
pub(super) fn blob(path: &Path) -> Result<BlobInput, CaseError> {
    let bytes = if path.exists() { bytes(path)? } else { Vec::new() };
    Ok(BlobInput::Bytes(Arc::from(bytes)))
}

pub(super) fn json_file<T: DeserializeOwned>(path: &Path) -> Result<T, CaseError> {
    serde_json::from_slice(&bytes(path)?)
        .map_err(|e| CaseError::Content { path: path.to_owned(), why: e.to_string() })
}

/// Files below a folder with their paths in it, by path; links are left out.
pub(super) fn tree(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, CaseError> {
    let mut files = Vec::new();
    if folder.is_dir() {
        walk(folder, "", DEPTH, &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), CaseError> {
    if depth == 0 {
        let why = format!("folders are nested deeper than {DEPTH}");
        return Err(CaseError::Content { path: folder.to_owned(), why });
    }
    for entry in fs::read_dir(folder).map_err(|e| wrong(folder, e))? {
        let entry = entry.map_err(|e| wrong(folder, e))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(|e| wrong(folder, e))?);
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if kind.is_dir() {
            walk(&path, &format!("{name}/"), depth - 1, files)?;
        } else if kind.is_file() {
            files.push((name, bytes(&path)?));
        }
    }
    Ok(())
}

pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), CaseError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).and_then(|()| fs::write(path, content)).map_err(|e| wrong(path, e))
}

/// Makes a folder hold these files and no others. The host has seen to it that no path leads out of it.
pub(super) fn replace(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<(), CaseError> {
    fs::remove_dir_all(folder).and_then(|()| fs::create_dir(folder)).map_err(|e| wrong(folder, e))?;
    for (path, content) in files {
        // An empty path is the file that the user names: it has to be called something here.
        write(&folder.join(path), content)?;
    }
    Ok(())
}

/// JSON for people, with an end of line.
pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
