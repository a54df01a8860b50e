//! Unpacking what somebody else packed.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use tar::{Archive, Entry, EntryType};
use zstd::stream::read::Decoder;

use super::link::stays_inside;
use super::{PackError, UnpackLimits};

/// More memory than this (16 MiB) is not spent on unpacking.
const WINDOW_LOG_TAKEN: u32 = 24;
/// Folders below each other: what a copy of a work tree takes.
const MAX_DEPTH: usize = 200;
/// Bytes of a path: what Linux takes.
const MAX_PATH: usize = 4096;

/// Unpacks a folder into `into`, which must not exist yet or be empty. Hostile input: only folders, regular files and
/// links that stay inside are made, never through a link, never over something that is there, nothing with the name
/// `.git`, and with no mode but 0644 or 0755. Nobody else may write in `into` meanwhile.
///
/// # Errors
/// When it is no such archive or too large, or something cannot be written. What was written until then is left.
pub fn unpack_folder(bytes: &[u8], into: &Path, limits: UnpackLimits) -> Result<(), PackError> {
    let mut decoder = Decoder::with_buffer(bytes).map_err(|e| damaged(&e))?;
    decoder.window_log_max(WINDOW_LOG_TAKEN).map_err(|e| damaged(&e))?;
    if !into.is_dir() {
        make_folder(into).map_err(PackError::io("make the folder", into))?;
    }
    let mut inside = fs::read_dir(into).map_err(PackError::io("list", into))?;
    if inside.next().is_some() {
        return Err(PackError::NotEmpty(into.to_owned()));
    }
    let mut unpacking =
        Unpacking { into, limits, entries: 0, bytes: 0, folders: HashSet::new(), links: Vec::new() };
    let mut archive = Archive::new(decoder);
    // Long names are read here, and not by the library: of those, too, only so much is taken.
    let mut long = Long::default();
    for entry in archive.entries().map_err(|e| damaged(&e))?.raw(true) {
        let mut entry = entry.map_err(|e| damaged(&e))?;
        match entry.header().entry_type() {
            EntryType::GNULongName => long.name = Some(read_long(&mut entry, long.name.is_some())?),
            EntryType::GNULongLink => long.target = Some(read_long(&mut entry, long.target.is_some())?),
            _ => unpacking.entry(&mut entry, std::mem::take(&mut long))?,
        }
    }
    unpacking.make_links()
}

fn damaged(error: &io::Error) -> PackError {
    PackError::Malformed(format!("it is damaged: {error}"))
}

/// What did not fit into the next entry's header.
#[derive(Default)]
struct Long {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
}

fn read_long<R: Read>(entry: &mut Entry<'_, R>, again: bool) -> Result<Vec<u8>, PackError> {
    // One more for the NUL at its end.
    if again || entry.size() > MAX_PATH as u64 + 1 {
        return Err(PackError::Malformed(format!("a path is longer than {MAX_PATH} bytes")));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|e| damaged(&e))?;
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    Ok(bytes)
}

struct Unpacking<'a> {
    into: &'a Path,
    limits: UnpackLimits,
    entries: u64,
    bytes: u64,
    /// Those that were made.
    folders: HashSet<PathBuf>,
    /// Made at the end, so that nothing is ever written through one.
    links: Vec<(PathBuf, PathBuf)>,
}

impl Unpacking<'_> {
    fn entry<R: Read>(&mut self, entry: &mut Entry<'_, R>, long: Long) -> Result<(), PackError> {
        self.count()?;
        let name = long.name.unwrap_or_else(|| entry.header().path_bytes().into_owned());
        let path = safe_path(&name)?;
        let kind = entry.header().entry_type();
        if kind != EntryType::Regular && entry.size() > 0 {
            // Nobody would count what is skipped.
            return Err(PackError::Malformed(format!("`{}` is no file and has content", path.display())));
        }
        match kind {
            EntryType::Directory => {
                // It was counted as an entry.
                self.folders(path.parent().unwrap_or(Path::new("")))?;
                if self.folders.insert(path.clone()) { self.make(&path) } else { Ok(()) }
            }
            EntryType::Regular => self.file(entry, &path),
            EntryType::Symlink => {
                let target = long.target.or_else(|| entry.header().link_name_bytes().map(Into::into));
                let target = PathBuf::from(OsStr::from_bytes(&target.unwrap_or_default()));
                if !stays_inside(&path, &target) {
                    let why = format!("the link `{}` leads out of it", path.display());
                    return Err(PackError::Malformed(why));
                }
                self.links.push((path, target));
                Ok(())
            }
            other => {
                let why = format!("`{}` is neither file, folder nor link: {other:?}", path.display());
                Err(PackError::Malformed(why))
            }
        }
    }

    fn file<R: Read>(&mut self, entry: &mut Entry<'_, R>, path: &Path) -> Result<(), PackError> {
        let size = entry.size();
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > self.limits.bytes {
            return Err(PackError::Excess { limit: self.limits.bytes, unit: "bytes" });
        }
        let executable = entry.header().mode().map_err(|e| damaged(&e))? & 0o111 != 0;
        let mode = if executable { 0o755 } else { 0o644 };
        self.folders(path.parent().unwrap_or(Path::new("")))?;
        let full = self.into.join(path);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&full)
            .map_err(|e| in_the_way(e, "make", &full, path))?;
        let copied = io::copy(entry, &mut file).map_err(PackError::io("unpack", &full))?;
        if copied != size {
            return Err(PackError::Malformed(format!("it ends in the middle of `{}`", path.display())));
        }
        // Whatever the umask says.
        file.set_permissions(Permissions::from_mode(mode)).map_err(PackError::io("set the mode of", &full))
    }

    /// The folder at `path` and those above it that nothing has named yet.
    fn folders(&mut self, path: &Path) -> Result<(), PackError> {
        if path.as_os_str().is_empty() || self.folders.contains(path) {
            return Ok(());
        }
        self.folders(path.parent().unwrap_or(Path::new("")))?;
        self.count()?;
        self.folders.insert(path.to_owned());
        self.make(path)
    }

    fn make(&self, path: &Path) -> Result<(), PackError> {
        let full = self.into.join(path);
        make_folder(&full).map_err(|e| in_the_way(e, "make the folder", &full, path))
    }

    fn count(&mut self) -> Result<(), PackError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(PackError::Excess { limit: self.limits.entries, unit: "files and folders" });
        }
        Ok(())
    }

    fn make_links(mut self) -> Result<(), PackError> {
        let links = std::mem::take(&mut self.links);
        // All parents first, so that none of them is made through a link.
        for (path, _) in &links {
            self.folders(path.parent().unwrap_or(Path::new("")))?;
        }
        for (path, target) in &links {
            let full = self.into.join(path);
            symlink(target, &full).map_err(|e| in_the_way(e, "make the link", &full, path))?;
        }
        Ok(())
    }
}

fn in_the_way(error: io::Error, action: &'static str, full: &Path, path: &Path) -> PackError {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return PackError::Malformed(format!("`{}` is there twice", path.display()));
    }
    PackError::io(action, full)(error)
}

/// A path that stays inside, without `.` and doubled slashes.
fn safe_path(bytes: &[u8]) -> Result<PathBuf, PackError> {
    let shown =
        || String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(80).collect::<String>();
    let refused = |why: &str| Err(PackError::Malformed(format!("the path `{}` {why}", shown())));
    if bytes.contains(&0) {
        return refused("holds a NUL byte");
    }
    if bytes.len() > MAX_PATH {
        return refused("is too long");
    }
    let mut safe = PathBuf::new();
    for part in Path::new(OsStr::from_bytes(bytes)).components() {
        match part {
            Component::Normal(name) if name == ".git" => return refused("holds `.git`"),
            Component::Normal(name) => safe.push(name),
            Component::CurDir => {}
            Component::ParentDir => return refused("holds `..`"),
            Component::RootDir | Component::Prefix(_) => return refused("is not relative"),
        }
    }
    if safe.as_os_str().is_empty() {
        return refused("names nothing");
    }
    if safe.components().count() > MAX_DEPTH {
        return refused("is too deep");
    }
    Ok(safe)
}

/// Open to all whatever the umask says: tests may run under another user.
fn make_folder(full: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o755).create(full)?;
    fs::set_permissions(full, Permissions::from_mode(0o755))
}
