//! The user's trust file: which plugins, with which grants, the user has approved for which folder.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flaky_core::digest::Sha256Digest;
use flaky_core::grant::Grant;
use serde::{Deserialize, Serialize};

/// Version of the file's shape.
const VERSION: u32 = 1;

/// Name of the file.
const FILE_NAME: &str = "trust.json";

/// Largest file read: thousands of approvals fit.
const MOST_BYTES: u64 = 4 << 20;

/// One plugin, as it was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The folder whose configuration file names the plugin: absolute, without links.
    pub repository: PathBuf,
    /// The plugin, as that file names it.
    pub source: String,
    /// Of the component.
    pub sha256: Sha256Digest,
    /// What it was approved with.
    pub grants: Vec<Grant>,
}

/// What the user has approved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approvals {
    list: Vec<Approval>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    approved: Vec<Approval>,
}

/// Why the trust file is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalsError {
    /// It cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what this program writes.
    #[error("`{}` is no trust file: {why}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Others can write it.
    #[error("`{}` can be written by others, so that it says nothing of what you approved", .0.display())]
    Open(PathBuf),
}

impl ApprovalsError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Open(path) => Some(format!("chmod go-w '{}'", path.display())),
            Self::Shape { .. } => {
                Some("mend or delete the file, and approve again with `flaky plugin trust`".into())
            }
            Self::Io { .. } => None,
        }
    }
}

impl Approvals {
    /// Reads the file of a configuration folder; without one nothing was approved.
    ///
    /// # Errors
    /// When it is there and cannot be relied on.
    pub fn read(folder: &Path) -> Result<Self, ApprovalsError> {
        let path = folder.join(FILE_NAME);
        let failed = |source| ApprovalsError::Io { path: path.clone(), source };
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(error)),
        };
        let metadata = file.metadata().map_err(failed)?;
        if flaky_files::can_be_changed_by_others(&metadata).is_some() {
            return Err(ApprovalsError::Open(path));
        }
        let shape = |why: String| ApprovalsError::Shape { path: path.clone(), why };
        let mut bytes = Vec::new();
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(shape(format!("it has more than {MOST_BYTES} bytes")));
        }
        let document: Document = serde_json::from_slice(&bytes).map_err(|e| shape(e.to_string()))?;
        match document.version {
            VERSION => Ok(Self { list: document.approved }),
            other => Err(shape(format!("it has version {other}, and this `flaky` knows version {VERSION}"))),
        }
    }

    /// Writes the file; all of it or nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, ApprovalsError> {
        let path = folder.join(FILE_NAME);
        let document = Document { version: VERSION, approved: self.list.clone() };
        let write = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            let mut bytes = serde_json::to_vec_pretty(&document)?;
            bytes.push(b'\n');
            flaky_files::write_durably(&path, flaky_files::Readers::Owner, &bytes)
        };
        write().map_err(|source| ApprovalsError::Io { path: path.clone(), source })?;
        Ok(path)
    }

    /// All of them.
    #[must_use]
    pub fn list(&self) -> &[Approval] {
        &self.list
    }

    /// Approves; what was approved of the same plugin in the same folder before is replaced.
    pub fn approve(&mut self, approval: Approval) {
        self.list.retain(|old| (&old.repository, &old.source) != (&approval.repository, &approval.source));
        self.list.push(approval);
    }

    /// Takes back those that `which` names; how many.
    pub fn remove(&mut self, which: impl Fn(&Approval) -> bool) -> usize {
        let before = self.list.len();
        self.list.retain(|approval| !which(approval));
        before - self.list.len()
    }

    /// Whether this component was approved under that name in that folder, with all that it is granted now.
    #[must_use]
    pub fn covers(&self, repository: &Path, source: &str, sha256: Sha256Digest, grants: &[Grant]) -> bool {
        self.list.iter().any(|approval| {
            approval.repository == repository
                && approval.source == source
                && approval.sha256 == sha256
                && grants.iter().all(|grant| approval.grants.contains(grant))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn approval(repository: &str, digit: u8, grants: &[&str]) -> Approval {
        Approval {
            repository: repository.into(),
            source: "a.wasm".into(),
            sha256: Sha256Digest::new([digit; 32]),
            grants: grants.iter().map(|grant| grant.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn what_was_approved_is_exactly_that_and_less() {
        let mut approvals = Approvals::default();
        approvals.approve(approval("/shop", 1, &["secret:A", "http:https://a.example.org"]));
        let grants = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Grant>>();
        for (repository, source, digit, given, expected) in [
            ("/shop", "a.wasm", 1, &["secret:A", "http:https://a.example.org"][..], true),
            ("/shop", "a.wasm", 1, &[], true),
            ("/shop", "a.wasm", 1, &["secret:B"], false),
            ("/shop", "a.wasm", 1, &["commands"], false),
            ("/shop", "a.wasm", 2, &[], false),
            ("/shop", "b.wasm", 1, &[], false),
            ("/shop/below", "a.wasm", 1, &[], false),
        ] {
            let covers =
                approvals.covers(repository.as_ref(), source, Sha256Digest::new([digit; 32]), &grants(given));
            assert_eq!(covers, expected, "{repository} {source} {digit} {given:?}");
        }
        approvals.approve(approval("/shop", 2, &[]));
        assert_eq!(approvals.list().len(), 1, "of one plugin in one folder there is one");
        assert_eq!(approvals.remove(|approval| approval.source == "a.wasm"), 1);
        assert!(approvals.list().is_empty());
    }

    #[test]
    fn the_file_is_kept_whole_and_one_that_others_can_write_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("flaky");
        assert_eq!(Approvals::read(&below).unwrap(), Approvals::default());
        let mut approvals = Approvals::default();
        approvals.approve(approval("/shop", 1, &["commands"]));
        let path = approvals.write(&below).unwrap();
        assert_eq!(Approvals::read(&below).unwrap(), approvals);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert!(matches!(Approvals::read(&below), Err(ApprovalsError::Open(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for (text, why) in [
            ("", "EOF"),
            ("{\"version\": 2, \"approved\": []}", "version 2"),
            ("{\"version\": 1, \"approved\": [], \"all\": true}", "unknown field `all`"),
            (
                "{\"version\": 1, \"approved\": [{\"repository\": \"/\", \"source\": \"a\", \"sha256\": \"x\", \"grants\": []}]}",
                "digest",
            ),
        ] {
            fs::write(&path, text).unwrap();
            let error = Approvals::read(&below).unwrap_err();
            assert!(error.to_string().contains(why) && error.hint().is_some(), "{text}: {error}");
        }
    }
}
