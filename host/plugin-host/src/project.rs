//! Files of the project under test, as a framework plugin sees them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::GlobSet;

use crate::blob;
use crate::limits::{PROJECT_DEPTH, PROJECT_ENTRIES, PROJECT_FILE_BYTES, PROJECT_FILES};

/// The project, for framework calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectInput {
    /// Its root.
    pub root: PathBuf,
}

/// What one call sees: the files that its manifest's globs match.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "generated code re-exports it within this crate")]
pub struct Project {
    root: PathBuf,
    files: BTreeSet<String>,
}

/// Globs with the depth below which none of them can match.
#[derive(Debug)]
pub(crate) struct ProjectGlobs {
    pub(crate) set: GlobSet,
    pub(crate) depth: usize,
}

impl ProjectGlobs {
    /// A glob without `**` matches at one depth only.
    pub(crate) fn depth_of<'a>(globs: impl Iterator<Item = &'a str>) -> usize {
        let depth =
            |glob: &str| if glob.contains("**") { PROJECT_DEPTH } else { glob.matches('/').count() + 1 };
        globs.map(depth).max().unwrap_or(0).min(PROJECT_DEPTH)
    }
}

impl Project {
    /// Walks the tree. Blocks: for the blocking pool.
    pub(crate) fn find(root: &Path, globs: &ProjectGlobs) -> Self {
        // An unreadable root has no files: what the plugin makes of it is its own affair.
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let mut walk = Walk { globs, root: &root, files: BTreeSet::new(), left: PROJECT_ENTRIES };
        walk.folder(&root, "", globs.depth);
        let files = walk.files;
        Self { files, root }
    }

    pub(crate) fn files(&self) -> Vec<String> {
        self.files.iter().cloned().collect()
    }

    /// Where a listed file is; nothing for others, whatever their path looks like.
    pub(crate) fn path(&self, file: &str) -> Option<PathBuf> {
        self.files.contains(file).then(|| self.root.join(file))
    }

    /// Reads a file whole. Blocks: for the blocking pool.
    pub(crate) fn read(path: &Path) -> io::Result<Arc<[u8]>> {
        // Listed links lead to files within the tree; the target itself is opened without following any.
        let mut bytes = Vec::new();
        blob::open(&path.canonicalize()?)?.take(PROJECT_FILE_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

struct Walk<'a> {
    globs: &'a ProjectGlobs,
    root: &'a Path,
    files: BTreeSet<String>,
    /// Entries that may still be looked at.
    left: usize,
}

impl Walk<'_> {
    /// In the order of names, so that which files are left out by a bound does not change from run to run.
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut entries: Vec<_> = entries.take(self.left).filter_map(Result::ok).collect();
        self.left -= entries.len();
        entries.sort_unstable_by_key(fs::DirEntry::file_name);
        for entry in entries {
            // Names that are not text cannot be told to a plugin.
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
            if self.files.len() >= PROJECT_FILES {
                return;
            }
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if kind.is_dir() {
                if depth > 1 && !is_skipped(&name, &entry.path()) {
                    self.folder(&entry.path(), &path, depth - 1);
                }
            } else if self.globs.set.is_match(&path) && self.is_readable(&entry, kind) {
                self.files.insert(path);
            }
        }
    }

    /// A regular file of a size that settings have, or a link to one within the tree.
    fn is_readable(&self, entry: &fs::DirEntry, kind: fs::FileType) -> bool {
        let inside = || entry.path().canonicalize().is_ok_and(|target| target.starts_with(self.root));
        if kind.is_symlink() && !inside() {
            return false;
        }
        fs::metadata(entry.path()).is_ok_and(|m| m.is_file() && m.len() <= PROJECT_FILE_BYTES)
    }
}

/// Folders with other people's files: version control, installed packages, caches. Their settings are not the
/// project's, and they are most of the entries of a tree.
fn is_skipped(name: &str, path: &Path) -> bool {
    const NAMES: [&str; 8] =
        [".git", ".hg", ".svn", ".jj", "node_modules", "__pycache__", "site-packages", "bower_components"];
    NAMES.contains(&name)
        // A virtual environment, whatever its name.
        || path.join("pyvenv.cfg").exists()
        // Marked by the tool that made it as something that can be made again.
        || path.join("CACHEDIR.TAG").exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use globset::{GlobBuilder, GlobSetBuilder};

    fn globs(patterns: &[&str]) -> ProjectGlobs {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(GlobBuilder::new(pattern).literal_separator(true).build().unwrap());
        }
        ProjectGlobs { set: set.build().unwrap(), depth: ProjectGlobs::depth_of(patterns.iter().copied()) }
    }

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        folder
    }

    #[test]
    fn only_the_projects_own_files_that_match_are_seen() {
        let tree = tree(&[
            "pytest.ini",
            "setup.py",
            "sub/pytest.ini",
            "sub/deep/pytest.ini",
            "env/pyvenv.cfg",
            "env/pytest.ini",
            "target/CACHEDIR.TAG",
            "target/pytest.ini",
            "node_modules/a/pytest.ini",
            ".git/pytest.ini",
        ]);
        for (patterns, expected) in [
            (&["pytest.ini"][..], &["pytest.ini"][..]),
            (&["*/pytest.ini"], &["sub/pytest.ini"]),
            (&["**/pytest.ini"], &["pytest.ini", "sub/deep/pytest.ini", "sub/pytest.ini"]),
            (&["*.py", "*.ini"], &["pytest.ini", "setup.py"]),
            (&[], &[]),
        ] {
            assert_eq!(Project::find(tree.path(), &globs(patterns)).files(), expected, "{patterns:?}");
        }
    }

    #[test]
    fn links_are_followed_within_the_tree_and_never_out_of_it() {
        let outside = tree(&["secret.ini"]);
        let tree = tree(&["a/real.ini"]);
        let link =
            |target: &Path, name: &str| std::os::unix::fs::symlink(target, tree.path().join(name)).unwrap();
        link(Path::new("a/real.ini"), "inside.ini");
        link(&outside.path().join("secret.ini"), "outside.ini");
        link(outside.path(), "folder");
        link(Path::new("."), "loop");
        link(Path::new("/dev/zero"), "endless.ini");
        let project = Project::find(tree.path(), &globs(&["**/*.ini"]));
        assert_eq!(project.files(), ["a/real.ini", "inside.ini"]);
        let read = |file: &str| Project::read(&project.path(file).unwrap()).unwrap();
        assert_eq!(*read("inside.ini"), *b"a/real.ini");
        assert_eq!(project.path("outside.ini"), None);
        assert_eq!(project.path("../x"), None);
    }

    #[test]
    fn a_file_too_large_for_settings_is_left_out() {
        let tree = tree(&["small.ini"]);
        fs::File::create(tree.path().join("huge.ini")).unwrap().set_len(PROJECT_FILE_BYTES + 1).unwrap();
        assert_eq!(Project::find(tree.path(), &globs(&["*.ini"])).files(), ["small.ini"]);
    }
}
