//! Where things are: the binary under test, the samples, and what tests of one target folder share.

use std::env;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// An id that belongs to nobody, on every system.
pub const NOBODY: u32 = 65_534;

/// The folder of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the repository")
}

/// The binary under test.
///
/// # Panics
/// When it was not built. `cargo test --workspace` builds it before any test runs.
#[must_use]
pub fn binary() -> PathBuf {
    built("flaky", "flaky")
}

/// The worker under test.
///
/// # Panics
/// When it was not built. `cargo test --workspace` builds it before any test runs.
#[must_use]
pub fn worker_binary() -> PathBuf {
    built("flaky-worker", "flaky-worker")
}

fn built(name: &str, package: &str) -> PathBuf {
    let path = profile_folder().join(name);
    assert!(path.is_file(), "`{}` is missing: run `cargo build -p {package}` first", path.display());
    path
}

/// `…/target/debug`: tests are run as `…/target/debug/deps/NAME`.
fn profile_folder() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    test.ancestors().nth(2).expect("tests lie in `deps` of the profile's folder").to_owned()
}

/// What is made once and kept: `…/target/tmp/flaky-tests`.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn shared() -> PathBuf {
    let target =
        profile_folder().parent().expect("the profile's folder lies in the target folder").to_owned();
    let path = target.join("tmp").join("flaky-tests");
    fs::create_dir_all(&path).expect("the shared folder of the tests");
    path
}

/// A cache folder for compiled plugins, one per user: `flaky` takes nothing from a cache that others can write.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn shared_cache(owner: Option<u32>) -> PathBuf {
    let name = owner.map_or_else(|| "cache".to_owned(), |id| format!("cache-{id}"));
    let path = shared().join(name);
    make_private(&path, owner).expect("the shared cache folder");
    path
}

/// A folder that only `owner` (else this user) can write to.
///
/// # Errors
/// What the system said.
pub fn make_private(path: &Path, owner: Option<u32>) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    owner.map_or(Ok(()), |id| chown(path, Some(id), Some(id)))
}

/// A component that misbehaves, of `tests/guests`.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn guest(name: &str) -> PathBuf {
    let path = repository().join("tests/guests/dist").join(format!("{name}.wasm"));
    assert!(path.is_file(), "`{}` is missing: make it with `cargo xtask plugins --guests`", path.display());
    path
}

/// Copies a folder with permissions; what it holds belongs to `owner` afterwards.
///
/// # Errors
/// What the system said.
pub fn copy(from: &Path, to: &Path, owner: Option<u32>) -> io::Result<()> {
    make_private(to, owner)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            // What an interpreter or a test run by hand left behind is no part of a sample.
            if !matches!(entry.file_name().to_str(), Some("__pycache__" | ".pytest_cache")) {
                copy(&entry.path(), &target, owner)?;
            }
        } else {
            fs::copy(entry.path(), &target)?;
            if let Some(id) = owner {
                chown(&target, Some(id), Some(id))?;
            }
        }
    }
    Ok(())
}

/// Runs `make` unless an earlier call, maybe of another process, did: at most one at a time.
///
/// # Panics
/// When the lock cannot be had.
pub fn once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let folder = shared().join(name);
    let lock = File::create(shared().join(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("a lock");
    let marker = folder.join(".whole");
    if !marker.exists() {
        // What stands there without the marker was interrupted.
        let _ = fs::remove_dir_all(&folder);
        make(&folder);
        fs::write(&marker, "").expect("a marker");
    }
    folder
}
