//! Submodules: each is fetched like the repository itself, into a repository of its own in its folder.
//!
//! Everything here was written by whoever wrote the repository: addresses, paths, names, and how many there are. Names
//! are not used at all. No address gets credentials but one at the server that the user named; a token that opens more
//! there than the repository needs can be made to fetch that too, so it should not.

use std::path::{Path, PathBuf};

use flaky_files::path_of;
use git2::{ObjectType, Oid, Repository};

use super::error::{CheckoutErrorKind, io};
use super::source::{NotAsked, RepositoryUrl, Scheme};
use super::tree::{self, path_text};
use super::{CheckoutRequest, CheckoutSettings, CommitId, Deadline, LfsFiles, Submodules};

mod modules_file;
use modules_file::Module;

/// Submodules of submodules; real ones stay below four.
const DEEPEST: usize = 8;
/// In all. The largest projects have some dozens; a repository that names itself would have one for ever.
const MOST: usize = 100;
/// A hundred submodules take 20 kB.
const LARGEST_FILE: usize = 1 << 20;

/// What a checkout found besides files.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Submodules that were left empty, each perhaps with the reason.
    pub(super) left_empty: Vec<String>,
    /// Files that are pointers to a Git LFS server.
    pub(super) pointers: Vec<String>,
}

/// One checkout with all that is in it.
pub(super) struct Walk<'a, 'c> {
    pub(super) named: &'a CheckoutRequest,
    pub(super) deadline: &'a Deadline<'c>,
    pub(super) found: Found,
    seen: usize,
}

/// A repository that was written, and where.
struct Place<'p> {
    repository: &'p Repository,
    url: &'p RepositoryUrl,
    tree: &'p Path,
    /// Of the folder, relative to the whole: empty, or ending with a slash.
    prefix: String,
    depth: usize,
}

impl<'a, 'c> Walk<'a, 'c> {
    pub(super) fn new(named: &'a CheckoutRequest, deadline: &'a Deadline<'c>) -> Self {
        Self { named, deadline, found: Found::default(), seen: 0 }
    }

    /// Looks through the repository that was named, and fetches what belongs to it.
    pub(super) fn begin(&mut self, repository: &Repository, tree: &Path) -> Result<(), CheckoutErrorKind> {
        let url = &self.named.url;
        self.look_through(&Place { repository, url, tree, prefix: String::new(), depth: 0 })
    }

    fn look_through(&mut self, place: &Place<'_>) -> Result<(), CheckoutErrorKind> {
        let pointers = tree::pointers(place.repository)?.into_iter();
        let pointers: Vec<String> = pointers.map(|path| format!("{}{path}", place.prefix)).collect();
        if self.named.settings.lfs == LfsFiles::Refuse && !pointers.is_empty() {
            return Err(CheckoutErrorKind::Lfs { count: pointers.len(), paths: tree::first_few(pointers) });
        }
        self.found.pointers.extend(pointers);
        let links = tree::submodules(place.repository)?;
        if links.is_empty() {
            return Ok(());
        }
        if self.named.settings.submodules == Submodules::Leave {
            let names = links.iter().map(|(path, _)| format!("{}{}", place.prefix, path_text(path)));
            self.found.left_empty.extend(names);
            return Ok(());
        }
        // Before the first is fetched: a commit can name millions.
        self.seen += links.len();
        let limit = match (self.seen > MOST, place.depth == DEEPEST) {
            (true, _) => Some(format!("there are more than {MOST} submodules")),
            (_, true) => Some(format!("it is more than {DEEPEST} submodules deep")),
            _ => None,
        };
        if let (Some(why), Some((path, _))) = (limit, links.first()) {
            let path = format!("{}{}", place.prefix, path_text(path));
            return Err(CheckoutErrorKind::SubmoduleRefused { path, why });
        }
        let modules = modules(place.repository);
        for (path, commit) in links {
            let shown = format!("{}{}", place.prefix, path_text(&path));
            match self.submodule(place, &path, commit, &modules, &shown) {
                Err(Failed::LeftEmpty(why)) => self.found.left_empty.push(format!("{shown} ({why})")),
                Err(Failed::Error(kind)) => return Err(kind),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn submodule(
        &mut self,
        place: &Place<'_>,
        path: &[u8],
        commit: Oid,
        modules: &[Module],
        shown: &str,
    ) -> Result<(), Failed> {
        let into = folder(place.tree, path).map_err(|why| Failed::LeftEmpty(why.to_owned()))?;
        let Some(module) = modules.iter().find(|module| module.path.as_bytes() == path) else {
            return Err(Failed::LeftEmpty("`.gitmodules` does not know it".into()));
        };
        if module.update == "none" {
            return Err(Failed::LeftEmpty("`.gitmodules` says so".into()));
        }
        let urls =
            place.url.submodule(&module.url, &self.named.url).map_err(|not_asked| match not_asked {
                NotAsked::ByNobody(why) => Failed::LeftEmpty(why),
                NotAsked::ByUs(why) => {
                    Failed::Error(CheckoutErrorKind::SubmoduleRefused { path: shown.to_owned(), why })
                }
            })?;
        let (repository, url) = self.fetch(urls, commit, &into, shown)?;
        self.look_through(&Place {
            repository: &repository,
            url: &url,
            tree: &into,
            prefix: format!("{shown}/"),
            depth: place.depth + 1,
        })?;
        Ok(())
    }

    /// Tries one address after the other; the error is that of the first.
    fn fetch(
        &self,
        urls: Vec<RepositoryUrl>,
        commit: Oid,
        into: &Path,
        shown: &str,
    ) -> Result<(Repository, RepositoryUrl), CheckoutErrorKind> {
        let mut first = None;
        for url in urls {
            let why = match self.fetch_from(&url, commit, into) {
                Ok(repository) => return Ok((repository, url)),
                Err(why) => why,
            };
            let denied = matches!(why, CheckoutErrorKind::Auth { .. } | CheckoutErrorKind::NotFound);
            let failed = || CheckoutErrorKind::Submodule {
                path: shown.to_owned(),
                url: url.to_string(),
                why: Box::new(why),
            };
            let first = first.get_or_insert_with(failed);
            if !denied || self.deadline.passed().is_some() {
                return Err(first.clone());
            }
            crate::empty_folder(into).map_err(|e| io("empty a folder for another try", &e))?;
        }
        Err(first.unwrap_or(CheckoutErrorKind::NotFound))
    }

    fn fetch_from(
        &self,
        url: &RepositoryUrl,
        commit: Oid,
        into: &Path,
    ) -> Result<Repository, CheckoutErrorKind> {
        let commit = CommitId::parse(&commit.to_string()).map_err(|e| io("read the index", &e))?;
        let settings = self.settings_for(url);
        let request = CheckoutRequest { url: url.clone(), reference: None, commit: Some(commit), settings };
        super::one(&request, into, self.deadline).map(|(repository, _)| repository)
    }

    /// Credentials are for the server that the user named.
    fn settings_for(&self, url: &RepositoryUrl) -> CheckoutSettings {
        let named = &self.named;
        let mut settings = named.settings.clone();
        settings.token = settings.token.filter(|_| named.url.same_server(&url.to_string()));
        settings.ssh_key =
            settings.ssh_key.filter(|_| url.scheme() == Scheme::Ssh && url.host() == named.url.host());
        settings
    }
}

/// Why a submodule is not there.
enum Failed {
    /// Nobody could fetch it; so tests do without.
    LeftEmpty(String),
    Error(CheckoutErrorKind),
}

impl From<CheckoutErrorKind> for Failed {
    fn from(kind: CheckoutErrorKind) -> Self {
        Self::Error(kind)
    }
}

/// What the commit's `.gitmodules` says; nothing where it is a link, as with git.
fn modules(repository: &Repository) -> Vec<Module> {
    let read = || -> Option<String> {
        let tree = repository.head().ok()?.peel_to_tree().ok()?;
        let entry = tree.get_name(".gitmodules").filter(|entry| entry.filemode() & 0o170_000 == 0o100_000)?;
        let (size, kind) = repository.odb().ok()?.read_header(entry.id()).ok()?;
        if kind != ObjectType::Blob || size > LARGEST_FILE {
            return None;
        }
        let blob = repository.find_blob(entry.id()).ok()?;
        Some(String::from_utf8_lossy(blob.content()).into_owned())
    };
    read().map(|text| modules_file::parse(&text)).unwrap_or_default()
}

/// The empty folder of a submodule, reached through folders alone.
fn folder(tree: &Path, path: &[u8]) -> Result<PathBuf, &'static str> {
    // Programs that are handed such a path take it for an option: CVE-2018-17456.
    if path.starts_with(b"-") {
        return Err("its path starts with a dash, like an option");
    }
    let mut folder = tree.to_path_buf();
    for part in path.split(|byte| *byte == b'/') {
        let is_git = part.eq_ignore_ascii_case(b".git") || part.eq_ignore_ascii_case(b"git~1");
        if matches!(part, b"" | b"." | b"..") || is_git || part.contains(&0) {
            return Err("its path leads outside");
        }
        folder.push(path_of(part).ok_or("its path is no text")?);
        if !folder.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            return Err("its path is not a folder");
        }
    }
    let is_empty = folder.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    if is_empty { Ok(folder) } else { Err("its folder holds other files") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_submodule_is_reached_without_links_and_tricks() {
        let place = tempfile::tempdir().unwrap();
        let tree = place.path().join("tree");
        for made in ["tree/a/b", "tree/full", "outside"] {
            std::fs::create_dir_all(place.path().join(made)).unwrap();
        }
        std::fs::write(tree.join("full/file"), "").unwrap();
        std::os::unix::fs::symlink("../outside", tree.join("link")).unwrap();
        std::os::unix::fs::symlink("..", tree.join("a/up")).unwrap();
        assert_eq!(folder(&tree, b"a/b"), Ok(tree.join("a/b")));
        let refused = [
            "",
            "..",
            "../outside",
            "a/../../outside",
            "a//b",
            "/etc",
            "a/./b",
            ".git",
            "a/.GIT",
            ".git/modules/x",
            "GIT~1",
            "link",
            "link/x",
            "a/up/outside",
            "-x",
            "--upload-pack=x",
            "full",
            "full/file",
            "missing",
            "a\0b",
        ];
        for path in refused {
            assert!(folder(&tree, path.as_bytes()).is_err(), "{path:?}");
        }
    }
}
