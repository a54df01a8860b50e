//! Compiled components on disk.
//!
//! An entry is native code that this process will run, so it counts only when nobody else could have written it: the
//! file belongs to this user or root, and so do all folders above it, and nobody else can write any of them (a
//! sticky folder such as `/tmp` is fine: others cannot replace what is ours in there). Against accidents each entry
//! carries the SHA-256 of its code. Whatever is wrong with an entry, it is deleted and made again; without a usable
//! folder, components are compiled in memory. Deleting the folder is always safe.
//!
//! The name of an entry is a digest of the component, of the engine's compatibility (wasmtime's version, target, every
//! setting that code depends on) and of this format.

use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flaky_files::{NotRegular, can_be_changed_by_others, open_regular, private_folder};
use sha2::{Digest, Sha256};
use wasmtime::Engine;

/// Begins every entry. The digit is the version of this format.
const MAGIC: &[u8; 16] = b"flaky component1";
const HEADER: usize = MAGIC.len() + 32;

/// What all entries may take on disk: a dozen interpreters, or a thousand components in Rust.
const CAPACITY: u64 = 512 << 20;

/// SHA-256 of something.
pub(crate) type Sha = [u8; 32];

pub(crate) fn sha256(bytes: &[u8]) -> Sha {
    Sha256::digest(bytes).into()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A folder whose entries may be run.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
    /// Of the engine and this format.
    compatibility: Sha,
}

/// Why there is no cache. The text is for a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoCache(pub(crate) String);

impl Cache {
    /// Makes the folder where it is missing, for this user alone, and checks it and all above it.
    pub(crate) fn open(folder: &Path, engine: &Engine) -> Result<Self, NoCache> {
        let folder = private_folder(folder)
            .map_err(|error| NoCache(format!("compiled plugins are not kept: {error}")))?;
        let mut hasher = Compatibility(Sha256::new_with_prefix(MAGIC));
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { folder, compatibility: hasher.0.finalize().into() })
    }

    /// The code of the component with this digest, intact, or nothing.
    pub(crate) fn load(&self, component: &Sha) -> Option<Vec<u8>> {
        let path = self.entry(component);
        let entry = match read_entry(&path) {
            Ok(entry) => entry,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(_) => None,
        };
        if entry.is_none() {
            self.forget(component);
        }
        entry
    }

    /// Keeps code for later. A failure costs the next start a compilation and nothing else.
    pub(crate) fn store(&self, component: &Sha, code: &[u8]) -> io::Result<()> {
        self.make_room(code.len() as u64 + HEADER as u64);
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(&sha256(code))?;
        file.write_all(code)?;
        // Not synced: what a power cut leaves half-written is found by its digest.
        file.persist(self.entry(component)).map_err(|e| e.error)?;
        Ok(())
    }

    /// Deletes an entry that turned out to be of no use.
    pub(crate) fn forget(&self, component: &Sha) {
        // If it cannot be deleted it is found wanting again next time, and nothing worse.
        let _ = fs::remove_file(self.entry(component));
    }

    fn entry(&self, component: &Sha) -> PathBuf {
        let key: Sha =
            Sha256::new().chain_update(self.compatibility).chain_update(component).finalize().into();
        self.folder.join(format!("{}.cwasm", hex(&key)))
    }

    /// Deletes the oldest files until the new entry fits, left-overs of interrupted writers included.
    fn make_room(&self, needed: u64) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let metadata = entry.metadata().ok()?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total.saturating_add(needed) <= CAPACITY {
                return;
            }
            let _ = fs::remove_file(path);
            total = total.saturating_sub(size);
        }
    }
}

/// `Ok(None)`: there is something, and it does not count.
fn read_entry(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(NotRegular::Other) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if can_be_changed_by_others(&metadata).is_some() || metadata.len() > CAPACITY {
        return Ok(None);
    }
    let Some((header, code)) = read_parts(file, metadata.len())? else { return Ok(None) };
    let intact = header[..MAGIC.len()] == *MAGIC && header[MAGIC.len()..] == sha256(&code);
    Ok(intact.then_some(code))
}

fn read_parts(mut file: File, size: u64) -> io::Result<Option<([u8; HEADER], Vec<u8>)>> {
    let mut header = [0; HEADER];
    let Some(length) = size.checked_sub(HEADER as u64).and_then(|n| usize::try_from(n).ok()) else {
        return Ok(None);
    };
    file.read_exact(&mut header)?;
    let mut code = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut code)?;
    Ok(Some((header, code)))
}

/// Feeds what is hashed into SHA-256: 64 bits would be few for a name that stands for code.
struct Compatibility(Sha256);

impl Hasher for Compatibility {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not used: the digest is taken instead.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    const COMPONENT: Sha = [7; 32];

    fn cache(folder: &Path) -> Cache {
        Cache::open(folder, &crate::engine::engine().unwrap()).unwrap()
    }

    fn only_entry(folder: &Path) -> PathBuf {
        let mut entries = fs::read_dir(folder).unwrap();
        let entry = entries.next().unwrap().unwrap().path();
        assert!(entries.next().is_none());
        entry
    }

    #[test]
    fn what_was_kept_is_found_again_and_only_under_its_own_digest() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        assert_eq!(cache.load(&COMPONENT), None);
        cache.store(&COMPONENT, b"code").unwrap();
        assert_eq!(cache.load(&COMPONENT).as_deref(), Some(&b"code"[..]));
        assert_eq!(cache.load(&[8; 32]), None);
    }

    /// What happens to an entry between two runs.
    type Accident = fn(&Path);

    #[test]
    fn an_entry_that_is_not_as_it_was_written_is_deleted_and_can_be_made_again() {
        let accidents: [(&str, Accident); 8] = [
            ("empty", |p| fs::write(p, b"").unwrap()),
            ("cut in the header", |p| File::options().write(true).open(p).unwrap().set_len(20).unwrap()),
            ("cut in the code", |p| File::options().write(true).open(p).unwrap().set_len(50).unwrap()),
            ("longer", |p| File::options().append(true).open(p).unwrap().write_all(b"x").unwrap()),
            ("one bit flipped in the code", |p| flip(p, HEADER)),
            ("one bit flipped in the digest", |p| flip(p, MAGIC.len())),
            ("another format", |p| flip(p, MAGIC.len() - 1)),
            ("writable by all", |p| fs::set_permissions(p, PermissionsExt::from_mode(0o666)).unwrap()),
        ];
        for (name, accident) in accidents {
            let folder = tempfile::tempdir().unwrap();
            let cache = cache(folder.path());
            cache.store(&COMPONENT, b"code").unwrap();
            let entry = only_entry(folder.path());
            accident(&entry);
            assert_eq!(cache.load(&COMPONENT), None, "{name}");
            assert!(!entry.exists(), "{name}");
            cache.store(&COMPONENT, b"code").unwrap();
            assert!(cache.load(&COMPONENT).is_some(), "{name}");
        }
    }

    fn flip(path: &Path, at: usize) {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn a_link_in_place_of_an_entry_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        cache.store(&COMPONENT, b"code").unwrap();
        let entry = only_entry(folder.path());
        let elsewhere = tempfile::tempdir().unwrap();
        let moved = elsewhere.path().join("moved");
        fs::rename(&entry, &moved).unwrap();
        std::os::unix::fs::symlink(&moved, &entry).unwrap();
        assert_eq!(cache.load(&COMPONENT), None);
        assert!(moved.exists());
    }

    #[test]
    fn a_folder_that_others_can_write_is_not_used_nor_is_one_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        let below = open.join("below");
        fs::create_dir_all(&below).unwrap();
        let engine = crate::engine::engine().unwrap();
        for (mode, usable) in [(0o755, true), (0o777, false), (0o775, false), (0o1777, true)] {
            fs::set_permissions(&open, PermissionsExt::from_mode(mode)).unwrap();
            fs::set_permissions(&below, PermissionsExt::from_mode(0o700)).unwrap();
            for path in [&open, &below] {
                let opened = Cache::open(path, &engine);
                assert_eq!(opened.is_ok(), usable, "{mode:o} {opened:?}");
            }
        }
    }

    #[test]
    fn a_folder_is_made_for_this_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("a/b");
        cache(&made);
        assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
    }

    /// Only root can give files away, so the check itself is what everybody can test.
    #[test]
    fn what_belongs_to_somebody_else_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        cache.store(&COMPONENT, b"code").unwrap();
        let entry = only_entry(folder.path());
        if std::os::unix::fs::chown(&entry, Some(12345), None).is_ok() {
            assert_eq!(cache.load(&COMPONENT), None);
            assert!(!entry.exists());
        } else {
            let metadata = fs::metadata("/").unwrap();
            assert_eq!(can_be_changed_by_others(&metadata), None, "root's files count");
        }
    }

    #[test]
    fn the_oldest_entries_make_room_for_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        cache.store(&COMPONENT, b"old").unwrap();
        let old = only_entry(folder.path());
        File::options()
            .write(true)
            .open(&old)
            .unwrap()
            .set_times(fs::FileTimes::new().set_modified(SystemTime::UNIX_EPOCH))
            .unwrap();
        File::create(folder.path().join("large")).unwrap().set_len(CAPACITY - 100).unwrap();
        cache.store(&[8; 32], b"new").unwrap();
        assert!(!old.exists());
        assert!(cache.load(&[8; 32]).is_some());
    }
}
