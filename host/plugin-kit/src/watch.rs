//! `flaky plugin dev`: whether sources changed, by looking at them again and again.
//!
//! A watcher of the operating system's would tell at once, and is a library for each of them; a project has some dozens of
//! files, and looking at them takes a millisecond.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::build::Project;

/// Files that are looked at. A project that has more has something in it that is no source.
const MOST: usize = 10_000;

/// What the files of a project look like from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<PathBuf, (SystemTime, u64)>);

impl Snapshot {
    /// Of a project's sources and cases, without what is built of them, hidden folders and links.
    #[must_use]
    pub fn of(project: &Project) -> Self {
        let mut files = BTreeMap::new();
        walk(&project.folder, project.language.recipe().built_folders(), &mut files);
        Self(files)
    }

    /// A file that is not as it was, by its name in the project.
    #[must_use]
    pub fn changed_since(&self, earlier: &Self, project: &Project) -> Option<String> {
        let differs = |path: &&PathBuf| self.0.get(*path) != earlier.0.get(*path);
        let path = self.0.keys().chain(earlier.0.keys()).find(differs)?;
        Some(path.strip_prefix(&project.folder).unwrap_or(path).display().to_string())
    }
}

fn walk(folder: &Path, without: &[&str], files: &mut BTreeMap<PathBuf, (SystemTime, u64)>) {
    // What cannot be read now is looked at the next time: editors replace files.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else { continue };
        if files.len() >= MOST || name.starts_with('.') || name.ends_with(".wasm") {
            continue;
        }
        if kind.is_dir() && !without.contains(&name.as_ref()) {
            walk(&path, without, files);
        } else if kind.is_file()
            && let Ok(about) = entry.metadata()
        {
            files.insert(path, (about.modified().unwrap_or(SystemTime::UNIX_EPOCH), about.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;

    #[test]
    fn sources_and_cases_count_and_what_is_built_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project { folder: folder.path().to_owned(), language: Language::Rust };
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("src/lib.rs", "");
        let mut before = Snapshot::of(&project);
        for (path, told) in [
            ("src/lib.rs", Some("src/lib.rs")),
            ("tests/a/expected.json", Some("tests/a/expected.json")),
            ("target/debug/x", None),
            ("x.wasm", None),
            (".git/HEAD", None),
        ] {
            write(path, "changed");
            let now = Snapshot::of(&project);
            assert_eq!(now.changed_since(&before, &project).as_deref(), told, "{path}");
            before = now;
        }
        fs::remove_file(folder.path().join("src/lib.rs")).unwrap();
        let now = Snapshot::of(&project);
        assert_eq!(now.changed_since(&before, &project).as_deref(), Some("src/lib.rs"));
    }
}
