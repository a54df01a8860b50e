//! Packing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use tar::{EntryType, Header};
use zstd::stream::write::Encoder;

use super::link::stays_inside;
use super::tracked;
use super::{PackError, PackedFolder, UnpackLimits, WINDOW_LOG};

/// Sources get a tenth smaller than at zstd's own default, at 60 MB/s; beyond that it takes long for little.
const LEVEL: i32 = 9;
/// The first second of 2000: some formats (zip) know no time before 1980, and builds compare times with those of their
/// products.
const MODIFIED: u64 = 946_684_800;
/// How many entries an error names.
const NAMED: usize = 3;

/// Packs a folder: all files but those that `.gitignore` files (its own, its repository's and the user's) leave out, hidden
/// ones included, `.git` not. What git tracks travels even when it is ignored.
///
/// # Errors
/// When it cannot be read, or packs to more than `limit` bytes, or would be refused by [`unpack_folder`] with its default
/// limits.
///
/// [`unpack_folder`]: super::unpack_folder
pub fn pack_folder(folder: &Path, limit: u64) -> Result<PackedFolder, PackError> {
    let folder = fs::canonicalize(folder).map_err(PackError::io("open the folder", folder))?;
    if !folder.is_dir() {
        return Err(PackError::io("open the folder", &folder)(io::ErrorKind::NotADirectory.into()));
    }
    let found = Found::walk(&folder)?;
    found.check(&folder)?;
    let mut encoder = Encoder::new(Limited::new(limit), LEVEL).map_err(PackError::io("pack", &folder))?;
    encoder.window_log(WINDOW_LOG).map_err(PackError::io("pack", &folder))?;
    let mut archive = tar::Builder::new(encoder);
    let full = || found.too_large(&folder, "packed", limit);
    for (path, entry) in &found.entries {
        if let Err(source) = append(&mut archive, &folder, path, entry) {
            let is_full = archive.get_ref().get_ref().is_full;
            let io = PackError::Io { action: "pack", path: folder.join(path), source };
            return Err(if is_full { full() } else { io });
        }
    }
    let finished = archive.into_inner().and_then(|encoder| {
        // What is refused for its size is found out even at the very end.
        encoder.try_finish().or_else(|(encoder, error)| match encoder.get_ref().is_full {
            true => Ok(Limited { bytes: Vec::new(), limit, is_full: true }),
            false => Err(error),
        })
    });
    match finished {
        Ok(packed) if !packed.is_full => Ok(PackedFolder {
            bytes: packed.bytes,
            entries: found.entries.len() as u64,
            special: found.special,
            outward_links: found.outward_links,
        }),
        Ok(_) => Err(full()),
        Err(source) => Err(PackError::Io { action: "pack", path: folder, source }),
    }
}

/// What there is to pack, by relative path: parents before what is in them.
#[derive(Default)]
struct Found {
    entries: BTreeMap<PathBuf, Kind>,
    bytes: u64,
    special: u64,
    outward_links: u64,
}

enum Kind {
    Folder,
    File { size: u64 },
    Link(PathBuf),
}

impl Found {
    fn walk(folder: &Path) -> Result<Self, PackError> {
        // Outside of a repository, nobody meant a file of the home folder for this one.
        let in_repository = folder.ancestors().any(|above| above.join(".git").exists());
        let walk = WalkBuilder::new(folder)
            .hidden(false)
            .ignore(false)
            .parents(in_repository)
            .require_git(in_repository)
            .filter_entry(|entry| entry.file_name() != ".git")
            .build();
        let mut found = Self::default();
        for entry in walk {
            let entry = entry.map_err(|e| walk_error(folder, e))?;
            let Ok(path) = entry.path().strip_prefix(folder) else { continue };
            if path.as_os_str().is_empty() {
                continue;
            }
            found.add(path, entry.path())?;
            found.check_count(folder)?;
        }
        for path in tracked::below(folder) {
            found.add_tracked(folder, &path)?;
            found.check_count(folder)?;
        }
        Ok(found)
    }

    fn check_count(&self, folder: &Path) -> Result<(), PackError> {
        let limit = UnpackLimits::default().entries;
        if self.entries.len() as u64 > limit {
            return Err(PackError::TooMany { folder: folder.to_owned(), limit });
        }
        Ok(())
    }

    /// A file that git tracks, with the folders above it.
    fn add_tracked(&mut self, folder: &Path, path: &Path) -> Result<(), PackError> {
        let mut above = PathBuf::new();
        for part in path.iter() {
            above.push(part);
            if !self.entries.contains_key(&above) {
                self.add(&above, &folder.join(&above))?;
            }
            // Gone, or a link where a folder was: nothing is taken through it.
            if above != path && !matches!(self.entries.get(&above), Some(Kind::Folder)) {
                break;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, full: &Path) -> Result<(), PackError> {
        let status = match fs::symlink_metadata(full) {
            Ok(status) => status,
            // Gone between being listed and being looked at: not there.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(PackError::io("look at", full)(e)),
        };
        let kind = if status.is_dir() {
            Kind::Folder
        } else if status.is_file() {
            self.bytes = self.bytes.saturating_add(status.len());
            Kind::File { size: status.len() }
        } else if status.is_symlink() {
            let target = fs::read_link(full).map_err(PackError::io("read the link", full))?;
            if !stays_inside(path, &target) {
                self.outward_links += 1;
                return Ok(());
            }
            Kind::Link(target)
        } else {
            self.special += 1;
            return Ok(());
        };
        self.entries.insert(path.to_owned(), kind);
        Ok(())
    }

    /// Refuses what would be refused on the other side.
    fn check(&self, folder: &Path) -> Result<(), PackError> {
        let limit = UnpackLimits::default().bytes;
        if self.bytes > limit { Err(self.too_large(folder, "unpacked", limit)) } else { Ok(()) }
    }

    fn too_large(&self, folder: &Path, state: &'static str, limit: u64) -> PackError {
        let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
        for (path, kind) in &self.entries {
            let Kind::File { size } = kind else { continue };
            let mut parts = path.iter();
            let first = parts.next().unwrap_or_default().to_string_lossy();
            let name = if parts.next().is_some() { format!("{first}/") } else { first.into_owned() };
            *sizes.entry(name).or_default() += size;
        }
        let mut largest: Vec<_> = sizes.into_iter().collect();
        largest.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        largest.truncate(NAMED);
        PackError::TooLarge { folder: folder.to_owned(), state, limit, largest }
    }
}

fn walk_error(folder: &Path, error: ignore::Error) -> PackError {
    let text = error.to_string();
    let source = error.into_io_error().unwrap_or_else(|| io::Error::other(text));
    PackError::Io { action: "list", path: folder.to_owned(), source }
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    folder: &Path,
    path: &Path,
    kind: &Kind,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mtime(MODIFIED);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match kind {
        Kind::Folder => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
            archive.append_data(&mut header, path, io::empty())
        }
        Kind::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            archive.append_link(&mut header, path, target)
        }
        Kind::File { .. } => {
            let file = File::open(folder.join(path))?;
            let status = file.metadata()?;
            let executable = is_executable(&status);
            header.set_entry_type(EntryType::Regular);
            header.set_mode(if executable { 0o755 } else { 0o644 });
            header.set_size(status.len());
            archive.append_data(&mut header, path, Exactly { file, left: status.len() })
        }
    }
}

/// As many bytes of a file as were announced.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = (&mut self.file).take(self.left).read(into)?;
        if read == 0 && self.left > 0 && !into.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it was made shorter meanwhile"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Memory up to a limit.
struct Limited {
    bytes: Vec<u8>,
    limit: u64,
    is_full: bool,
}

impl Limited {
    const fn new(limit: u64) -> Self {
        Self { bytes: Vec::new(), limit, is_full: false }
    }
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + bytes.len()) as u64 > self.limit {
            self.is_full = true;
            return Err(io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether anybody may run it; where files do not say, nobody may.
fn is_executable(status: &fs::Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::mode(status) & 0o111 != 0;
    #[cfg(not(unix))]
    {
        let _ = status;
        false
    }
}
