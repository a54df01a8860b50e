//! Single files of a revision, out of the objects of a repository on disk. Nothing is written, no filter is run, and links
//! are not followed.

use std::path::{Component, Path, PathBuf};

use git2::{ErrorCode, ObjectType, Oid, Repository, Tree};

use super::revision::CommitId;

/// The files that a folder has at one commit.
pub struct Snapshot {
    repository: Repository,
    tree: Oid,
    /// Where the folder stands in the repository.
    folder: PathBuf,
    commit: String,
}

/// Why a file of a revision cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The folder is in no repository.
    #[error("`{}` is in no git repository", .0.display())]
    NoRepository(PathBuf),
    /// The repository has no such revision.
    #[error("the repository here has no revision `{0}`")]
    NoRevision(String),
    /// What is there is a link, a folder or a submodule.
    #[error("`{}` is not a file in that revision", .0.display())]
    NotAFile(PathBuf),
    /// More than is read.
    #[error("`{}` has {size} bytes in that revision, more than {limit}", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// Most that is read.
        limit: u64,
    },
    /// Git.
    #[error("the repository cannot be read: {0}")]
    Git(String),
}

impl Snapshot {
    /// A commit by its full id. Ids are digests: whoever has the object has that commit's files.
    ///
    /// # Errors
    /// When the id is cut, or the repository of `folder` does not have it.
    pub fn of_commit(folder: &Path, commit: &CommitId) -> Result<Self, SnapshotError> {
        let missing = || SnapshotError::NoRevision(commit.to_string());
        let (repository, inside) = open(folder)?;
        // Not by name: a branch may be called like an id.
        let id = commit.full().and_then(|_| Oid::from_str(commit.as_str()).ok()).ok_or_else(missing)?;
        let tree = repository.find_commit(id).map(|commit| commit.tree_id());
        let tree = tree.map_err(|error| match error.code() {
            ErrorCode::NotFound => missing(),
            _ => git(&error),
        })?;
        Ok(Self { repository, tree, folder: inside, commit: id.to_string() })
    }

    /// Anything that `git rev-parse` takes.
    ///
    /// # Errors
    /// When the repository of `folder` does not have it.
    pub fn of_revision(folder: &Path, revision: &str) -> Result<Self, SnapshotError> {
        Self::find(folder, revision)
    }

    /// What a folder with a checkout of its own has checked out; `below`: where in it the folder of interest stands.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_checkout(root: &Path, below: &Path) -> Result<Self, SnapshotError> {
        Ok(Self { folder: below.to_owned(), ..Self::find(root, "HEAD")? })
    }

    fn find(folder: &Path, revision: &str) -> Result<Self, SnapshotError> {
        let (repository, inside) = open(folder)?;
        let found = repository
            .revparse_single(revision)
            .and_then(|object| object.peel_to_commit())
            .map(|commit| (commit.tree_id(), commit.id().to_string()));
        let (tree, commit) = found.map_err(|error| match error.code() {
            ErrorCode::NotFound | ErrorCode::InvalidSpec | ErrorCode::Peel => {
                SnapshotError::NoRevision(revision.to_owned())
            }
            _ => git(&error),
        })?;
        Ok(Self { repository, tree, folder: inside, commit })
    }

    /// Full id of the commit.
    #[must_use]
    pub fn commit(&self) -> &str {
        &self.commit
    }

    /// A file by its path relative to the folder; `None`: there is none, or the path leads out of the repository.
    ///
    /// # Errors
    /// When it is no regular file, or larger than `most`.
    pub fn file(&self, path: &Path, most: u64) -> Result<Option<Vec<u8>>, SnapshotError> {
        let Some(inside) = normal(&self.folder.join(path)) else { return Ok(None) };
        let tree: Tree<'_> = self.repository.find_tree(self.tree).map_err(|e| git(&e))?;
        let entry = match tree.get_path(&inside) {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(git(&error)),
        };
        // 0o120000 is a symbolic link: what it points to may be anywhere.
        if entry.kind() != Some(ObjectType::Blob) || entry.filemode() == 0o120_000 {
            return Err(SnapshotError::NotAFile(inside));
        }
        // Asked before it is read: an object can unpack to gigabytes.
        let odb = self.repository.odb().map_err(|e| git(&e))?;
        let (size, _) = odb.read_header(entry.id()).map_err(|e| git(&e))?;
        if size as u64 > most {
            return Err(SnapshotError::TooLarge { path: inside, size: size as u64, limit: most });
        }
        let blob = self.repository.find_blob(entry.id()).map_err(|e| git(&e))?;
        Ok(Some(blob.content().to_vec()))
    }
}

/// Where a folder stands in its repository, and the address of its `origin`.
///
/// # Errors
/// When it is in none.
pub fn place_of(folder: &Path) -> Result<(PathBuf, Option<String>), SnapshotError> {
    let (repository, inside) = open(folder)?;
    let origin =
        repository.find_remote("origin").ok().and_then(|remote| remote.url().ok().map(str::to_owned));
    Ok((inside, origin))
}

fn open(folder: &Path) -> Result<(Repository, PathBuf), SnapshotError> {
    let repository =
        Repository::discover(folder).map_err(|_| SnapshotError::NoRepository(folder.to_owned()))?;
    let inside = repository.workdir().and_then(|root| {
        let (root, folder) = (root.canonicalize().ok()?, folder.canonicalize().ok()?);
        folder.strip_prefix(&root).ok().map(Path::to_owned)
    });
    Ok((repository, inside.unwrap_or_default()))
}

/// Without `.` and `..`; `None`: it leads out, or is absolute.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => normal.push(name),
            Component::CurDir => {}
            Component::ParentDir if normal.pop() => {}
            _ => return None,
        }
    }
    (!normal.as_os_str().is_empty()).then_some(normal)
}

fn git(error: &git2::Error) -> SnapshotError {
    SnapshotError::Git(error.message().to_owned())
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("commit", &self.commit)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use git2::{IndexAddOption, Signature};

    use super::*;

    /// A repository with one commit, of which the folder has changed since.
    fn repository() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("shop/rules")).unwrap();
        fs::write(path("shop/a.yml"), "then").unwrap();
        fs::write(path("shop/rules/big"), vec![0; 5_000]).unwrap();
        fs::write(path("top"), "above").unwrap();
        symlink("/etc/passwd", path("shop/link")).unwrap();
        let repository = Repository::init(folder.path()).unwrap();
        let mut index = repository.index().unwrap();
        index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
        let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
        let author = Signature::now("Test", "test@example.org").unwrap();
        let commit = repository.commit(Some("HEAD"), &author, &author, "first", &tree, &[]).unwrap();
        fs::write(path("shop/a.yml"), "now").unwrap();
        (folder, commit.to_string())
    }

    #[test]
    fn a_file_is_read_as_it_was_and_nothing_beyond_the_repository() {
        let (folder, commit) = repository();
        let shop = folder.path().join("shop");
        let snapshot = Snapshot::of_commit(&shop, &CommitId::parse(&commit).unwrap()).unwrap();
        assert_eq!(snapshot.commit(), commit);
        let read = |path: &str| snapshot.file(Path::new(path), 4_096);
        assert_eq!(read("a.yml"), Ok(Some(b"then".to_vec())));
        assert_eq!(read("./rules/../a.yml"), Ok(Some(b"then".to_vec())));
        assert_eq!(read("../top"), Ok(Some(b"above".to_vec())));
        for none in ["b.yml", "../../top", "/etc/passwd", ".."] {
            assert_eq!(read(none), Ok(None), "{none}");
        }
        for (path, whole) in [("link", "shop/link"), ("rules", "shop/rules"), ("", "shop")] {
            assert_eq!(read(path), Err(SnapshotError::NotAFile(whole.into())), "{path}");
        }
        let large = SnapshotError::TooLarge { path: "shop/rules/big".into(), size: 5_000, limit: 4_096 };
        assert_eq!(read("rules/big"), Err(large));
    }

    #[test]
    fn what_the_repository_does_not_have_is_named() {
        let (folder, _) = repository();
        let missing = CommitId::parse(&"0".repeat(40)).unwrap();
        let error = Snapshot::of_commit(folder.path(), &missing).unwrap_err();
        assert_eq!(error, SnapshotError::NoRevision("0".repeat(40)));
        let error = Snapshot::of_revision(folder.path(), "origin/main").unwrap_err();
        assert_eq!(error, SnapshotError::NoRevision("origin/main".into()));
        let outside = tempfile::tempdir().unwrap();
        let error = place_of(outside.path()).unwrap_err();
        assert_eq!(error, SnapshotError::NoRepository(outside.path().to_owned()));
    }
}
