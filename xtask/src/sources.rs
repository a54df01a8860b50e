//! What a component is made of, as one hash.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use flaky_plugin_kit::cargo;
use sha2::{Digest, Sha256};

use crate::{Result, read};

/// Folders of a package that no component depends on.
const NOT_BUILT: [&str; 6] = ["tests", "fixtures", "benches", "examples", "target", "dist"];

/// Hash of all that a component is made of, except the toolchain: the files of its package and of the local
/// packages that it needs, the versions and features of the others, and the build profile.
pub(crate) fn hash(workspace: &Path, package: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut folders = BTreeSet::new();
    let mut packages = BTreeSet::new();
    for line in cargo::dependencies(package)?.lines() {
        let line = line.trim_end_matches(" (*)");
        let (name, features) = line.split_once('|').ok_or_else(|| format!("`{line}` of cargo tree"))?;
        match name.split_once(" (/") {
            // A local package: its folder counts, and where it is does not.
            Some((name, folder)) => {
                folders.insert(PathBuf::from(format!("/{}", folder.trim_end_matches(')'))));
                packages.insert(format!("{name} {features}"));
            }
            None => {
                packages.insert(format!("{name} {features}"));
            }
        }
    }
    for package in packages {
        add(&mut hasher, package.as_bytes());
    }
    for folder in folders {
        for file in files(&folder)? {
            let place = file.strip_prefix(workspace).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            add(&mut hasher, place.as_bytes());
            add(&mut hasher, &read(&file)?);
        }
    }
    let manifest = String::from_utf8(read(&workspace.join("Cargo.toml"))?)?;
    for profile in ["[profile.release]", "[profile.plugin]"] {
        add(&mut hasher, section(&manifest, profile).as_bytes());
    }
    Ok(hex(&hasher.finalize()))
}

/// SHA-256 as text.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Adds a part so that no two lists of parts look alike.
fn add(hasher: &mut Sha256, part: &[u8]) {
    hasher.update((part.len() as u64).to_le_bytes());
    hasher.update(part);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of a package that a build may read, in alphabetical order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        let entries = std::fs::read_dir(&next).map_err(|error| format!("{}: {error}", next.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let skipped = name.starts_with('.') || name == "__pycache__";
            let is_folder = entry.file_type()?.is_dir();
            if is_folder && !skipped && !(next == folder && NOT_BUILT.contains(&&*name)) {
                waiting.push(entry.path());
            } else if !is_folder && !skipped {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The lines of one table of a manifest, without comments.
fn section(manifest: &str, header: &str) -> String {
    let lines = manifest.lines().skip_while(|line| line.trim() != header).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let manifest =
            "[a]\nx = 1\n[profile.plugin]\nlto = \"fat\" # why\n\n# note\npanic = \"abort\"\n[b]\ny = 2";
        assert_eq!(section(manifest, "[profile.plugin]"), "lto = \"fat\"panic = \"abort\"");
        assert_eq!(section(manifest, "[none]"), "");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let hash = |parts: &[&[u8]]| {
            let mut hasher = Sha256::new();
            parts.iter().for_each(|part| add(&mut hasher, part));
            hex(&hasher.finalize())
        };
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    }

    #[test]
    fn the_hash_speaks_of_the_files_of_a_package() {
        let root = crate::root().unwrap();
        let found = files(&root.join("plugins/sdk")).unwrap();
        let has = |path: &str| found.contains(&root.join("plugins/sdk").join(path));
        assert!(has("src/lib.rs") && has("wit/plugin.wit") && has("Cargo.toml"));
        assert!(!found.iter().any(|file| file.starts_with(root.join("plugins/sdk/tests"))));
    }
}
