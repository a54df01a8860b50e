//! Files of the project under test, as a framework plugin sees them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::GlobSet;

use crate::blob;
use crate::globs;
use crate::limits::{PROJECT_DEPTH, PROJECT_ENTRIES, PROJECT_FILE_BYTES, PROJECT_FILES};
use crate::manifest::Manifest;

/// The project, for framework calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectInput {
    /// Its root.
    pub root: PathBuf,
}

impl ProjectInput {
    /// For each manifest, whether a framework call of its plugin would see any file of this project: one walk for all
    /// of them, that ends once all are answered. Blocks: for the blocking pool.
    #[must_use]
    pub fn has_files_for(&self, manifests: &[&Manifest]) -> Vec<bool> {
        let owned: Vec<(usize, &str)> = manifests
            .iter()
            .enumerate()
            .flat_map(|(i, m)| globs::project_globs(m).map(move |g| (i, g)))
            .collect();
        let set = globs::set(owned.iter().map(|(_, glob)| *glob));
        let depth = ProjectGlobs::depth_of(owned.iter().map(|(_, glob)| *glob));
        let wanting: BTreeSet<usize> = owned.iter().map(|(i, _)| *i).collect();
        let root = self.root.canonicalize().unwrap_or_else(|_| self.root.clone());
        let mut found = vec![false; manifests.len()];
        let mut missing = wanting.len();
        let mut matching = Vec::new();
        let visit = |path: &str, entry: &Entry<'_>| {
            set.matches_into(path, &mut matching);
            let new = |at: &usize| owned.get(*at).map(|(i, _)| *i).filter(|i| !found[*i]);
            let new: BTreeSet<usize> = matching.iter().filter_map(new).collect();
            if !new.is_empty() && entry.is_readable() {
                missing -= new.len();
                new.into_iter().for_each(|i| found[i] = true);
            }
            if missing > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        // Stopped or not: what was found is what there is.
        let _ = Walk { root: &root, visit, left: PROJECT_ENTRIES }.folder(&root, "", depth);
        found
    }
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
        let mut files = BTreeSet::new();
        let visit = |path: &str, entry: &Entry<'_>| {
            if globs.set.is_match(path) && entry.is_readable() {
                files.insert(path.to_owned());
            }
            if files.len() < PROJECT_FILES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        // Stopped or not: what was found is what there is.
        let _ = Walk { root: &root, visit, left: PROJECT_ENTRIES }.folder(&root, "", globs.depth);
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

/// Goes over a tree.
struct Walk<'a, V> {
    root: &'a Path,
    /// Gets every file's path; says whether to go on.
    visit: V,
    /// Entries that may still be looked at.
    left: usize,
}

impl<V: FnMut(&str, &Entry<'_>) -> ControlFlow<()>> Walk<'_, V> {
    /// In the order of names, so that which files are left out by a bound does not change from run to run.
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) -> ControlFlow<()> {
        let Ok(entries) = fs::read_dir(folder) else { return ControlFlow::Continue(()) };
        let mut entries: Vec<_> = entries.take(self.left).filter_map(Result::ok).collect();
        self.left -= entries.len();
        entries.sort_unstable_by_key(fs::DirEntry::file_name);
        for entry in entries {
            // Names that are not text cannot be told to a plugin.
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if !kind.is_dir() {
                (self.visit)(&path, &Entry { root: self.root, entry: &entry, kind })?;
            } else if depth > 1 && !is_skipped(&name, &entry.path()) {
                self.folder(&entry.path(), &path, depth - 1)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// What is no folder.
struct Entry<'a> {
    root: &'a Path,
    entry: &'a fs::DirEntry,
    kind: fs::FileType,
}

impl Entry<'_> {
    /// A regular file of a size that settings have, or a link to one within the tree.
    fn is_readable(&self) -> bool {
        let inside = || self.entry.path().canonicalize().is_ok_and(|target| target.starts_with(self.root));
        if self.kind.is_symlink() && !inside() {
            return false;
        }
        fs::metadata(self.entry.path()).is_ok_and(|m| m.is_file() && m.len() <= PROJECT_FILE_BYTES)
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
    fn one_walk_tells_for_every_plugin_whether_it_would_see_a_file() {
        let tree = tree(&["go.mod", "web/package.json", "node_modules/x/pom.xml", "deep/er/a_test.go"]);
        let wanting = |globs: &[&str]| Manifest {
            name: "m".into(),
            version: String::new(),
            summary: String::new(),
            settings_schema: None,
            wants: globs.iter().map(|g| crate::Want::ProjectFiles((*g).into())).collect(),
        };
        let manifests = [
            wanting(&["go.mod"]),
            wanting(&["package.json"]),
            wanting(&["**/package.json", "**/go.mod"]),
            wanting(&["**/pom.xml"]),
            wanting(&[]),
            wanting(&["**/*_test.go"]),
        ];
        let input = ProjectInput { root: tree.path().to_owned() };
        let all: Vec<&Manifest> = manifests.iter().collect();
        assert_eq!(input.has_files_for(&all), [true, false, true, false, false, true]);
        assert_eq!(input.has_files_for(&[]), [false; 0]);
        // What is told is what the calls see.
        for manifest in all {
            let globs = globs::Globs::of(manifest).project;
            let seen = !Project::find(tree.path(), &globs).files().is_empty();
            assert_eq!(input.has_files_for(&[manifest]), [seen]);
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
