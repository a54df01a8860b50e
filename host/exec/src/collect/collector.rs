//! Taking the files.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use globset::{GlobSet, GlobSetBuilder};
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag};

use super::glob;
use crate::attempt::AttemptNote;
use crate::launcher::text::Text;
use crate::run_as::RunAs;
use crate::tree::{list, open_folder, open_folder_at, status_at};

/// Files collected of one attempt. A framework that writes one file for each test class stays below it on
/// all but the largest suites.
const MAX_FILES: usize = 1000;
/// Their bytes together: ten times the JUnit report of a suite of 100,000 tests.
const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Folders below each other that are looked into; deeper ones hold no reports.
const MAX_DEPTH: usize = 64;
/// Entries looked at in one attempt: a tenth of a second. Where the work tree is a layer only what was written is
/// looked at; in a shared folder or a copy it is the whole tree, after every attempt.
const MAX_VISITED: u64 = 100_000;
/// Folders that hold no reports and much else.
const NOT_LOOKED_INTO: [&str; 4] = [".git", "node_modules", ".venv", "__pycache__"];

/// Both sets, ready to match.
pub(crate) struct Globs {
    pub(crate) report: Patterns,
    pub(crate) tree: Patterns,
}

/// One set, and the folders in which its matches can lie.
pub(crate) struct Patterns {
    set: GlobSet,
    bases: Vec<PathBuf>,
}

impl Globs {
    /// Of patterns that were checked; one that does not compile matches nothing.
    pub(crate) fn compile(report: &[String], tree: &[String]) -> Self {
        Self { report: Patterns::compile(report), tree: Patterns::compile(tree) }
    }
}

impl Patterns {
    fn compile(patterns: &[String]) -> Self {
        let mut set = GlobSetBuilder::new();
        patterns.iter().filter_map(|pattern| glob(pattern).ok()).for_each(|glob| {
            set.add(glob);
        });
        let mut bases: Vec<PathBuf> = patterns.iter().map(|pattern| base(pattern)).collect();
        bases.sort();
        bases.dedup_by(|path, above| path.starts_with(&*above));
        Self { set: set.build().unwrap_or_else(|_| GlobSet::empty()), bases }
    }
}

/// The folder above a pattern's first special character.
fn base(pattern: &str) -> PathBuf {
    let plain =
        pattern.split('/').take_while(|part| !part.contains(['*', '?', '[', '{', '\\']) && *part != "..");
    let mut folder: PathBuf = plain.collect();
    if folder == Path::new(pattern) {
        folder.pop();
    }
    folder
}

/// What happens to a file that is collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is gone from where it was.
    Moved,
    /// It stays.
    Copied,
}

/// Where files are collected from.
pub(crate) struct Source<'a> {
    pub(crate) root: &'a Path,
    pub(crate) prefix: &'static str,
    pub(crate) globs: &'a Patterns,
    pub(crate) taken: Taken,
}

/// What was collected: names by position; the files are `PREFIX-POSITION` in the attempt's folder.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) report_files: Vec<Text>,
    pub(crate) tree_files: Vec<Text>,
    pub(crate) notes: Vec<AttemptNote>,
}

/// Collects into one attempt's folder.
pub(crate) struct Collector<'a> {
    into: &'a Path,
    /// As whom the attempt ran, if not as ourselves.
    run_as: Option<RunAs>,
    collected: Collected,
    bytes: u64,
    left_behind: u64,
    visited: u64,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(into: &'a Path, run_as: Option<RunAs>) -> Self {
        Self { into, run_as, collected: Collected::default(), bytes: 0, left_behind: 0, visited: 0 }
    }

    /// Takes the regular files of `source` that match and for which `written` holds.
    pub(crate) fn take(&mut self, source: &Source<'_>, written: impl Fn(&Path, &FileStat) -> bool) {
        for base in &source.globs.bases {
            let mut folder = match open_folder(source.root) {
                Ok(folder) => folder,
                Err(_) => return,
            };
            // Part by part, so that no link on the way is followed.
            let inner = base.iter().try_for_each(|part| {
                folder = open_folder_at(folder.as_fd(), part)?;
                Ok::<(), nix::Error>(())
            });
            if inner.is_ok() {
                self.walk(folder.as_fd(), base, 0, source, &written);
            }
        }
    }

    fn walk(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &Path,
        depth: usize,
        source: &Source<'_>,
        written: &impl Fn(&Path, &FileStat) -> bool,
    ) {
        let Ok(entries) = list(folder) else { return };
        // Sorted, so that the same files get the same numbers in every attempt.
        let mut entries: Vec<_> =
            entries.flatten().map(|entry| (entry.file_name(), entry.file_type())).collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (entry, kind) in entries {
            self.visited += 1;
            if self.visited > MAX_VISITED {
                return;
            }
            let path = name.join(&entry);
            match kind {
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => {
                    if NOT_LOOKED_INTO.iter().any(|name| entry == *name) {
                        continue;
                    }
                    if let Ok(inner) = open_folder_at(folder, &entry) {
                        self.walk(inner.as_fd(), &path, depth + 1, source, written);
                    }
                }
                Ok(kind) if kind.is_file() && source.globs.set.is_match(&path) => {
                    self.consider(folder, &entry, path, source, written);
                }
                _ => {}
            }
        }
    }

    fn consider(
        &mut self,
        folder: BorrowedFd<'_>,
        entry: &OsStr,
        path: PathBuf,
        source: &Source<'_>,
        written: &impl Fn(&Path, &FileStat) -> bool,
    ) {
        let Ok(found) = status_at(folder, entry) else { return };
        if found.st_mode & SFlag::S_IFMT.bits() != SFlag::S_IFREG.bits() || !written(&path, &found) {
            return;
        }
        let size = u64::try_from(found.st_size).unwrap_or(0);
        let number = match source.prefix {
            "report" => self.collected.report_files.len(),
            _ => self.collected.tree_files.len(),
        };
        // A name of somebody else's file, which the attempt could give it but not read.
        let foreign = self.run_as.is_some_and(|user| user.uid != found.st_uid);
        let fits = !foreign
            && self.collected.report_files.len() + self.collected.tree_files.len() < MAX_FILES
            && self.bytes.saturating_add(size) <= MAX_BYTES;
        let target = self.into.join(format!("{}-{number}", source.prefix));
        if !fits || self.place(folder, entry, &found, source.taken, &target).is_err() {
            self.left_behind += 1;
            return;
        }
        self.bytes += size;
        let names = match source.prefix {
            "report" => &mut self.collected.report_files,
            _ => &mut self.collected.tree_files,
        };
        names.push(path.as_path().into());
    }

    fn place(
        &self,
        folder: BorrowedFd<'_>,
        entry: &OsStr,
        found: &FileStat,
        taken: Taken,
        target: &Path,
    ) -> io::Result<()> {
        match fs::create_dir(self.into) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        // What has another name can be written to by that.
        let alone = found.st_nlink == 1;
        if taken == Taken::Moved && alone && renameat(folder, entry, nix::fcntl::AT_FDCWD, target).is_ok() {
            if found.st_mode & 0o400 == 0 {
                fs::set_permissions(target, fs::Permissions::from_mode(0o600))?;
            }
            return Ok(());
        }
        // Not blocking, should it have become a pipe since.
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let from = File::from(openat(folder, entry, flags, Mode::empty())?);
        if !from.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // No more than was counted: another attempt may be writing to it.
        let mut from = io::Read::take(from, u64::try_from(found.st_size).unwrap_or(0));
        io::copy(&mut from, &mut File::create_new(target)?).map(drop)
    }

    pub(crate) fn finish(mut self) -> Collected {
        if self.left_behind > 0 {
            self.collected.notes.push(AttemptNote::FilesLeftBehind(self.left_behind));
        }
        self.collected
    }
}
