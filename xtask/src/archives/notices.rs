//! The licences of all that is linked in, as their holders wrote them: most ask to be passed on with binaries.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::packages::Packages;
use crate::{Result, read};

/// How files with licences begin.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// Libraries in C stand two folders deep in their crates.
const DEPTH: usize = 2;

/// Folders that are not built, or that are about something else.
const SKIPPED: [&str; 6] = ["tests", "test", "examples", "docs", "doc", ".git"];

/// One text. Licences that several crates have word for word stand there once.
pub(crate) fn text(packages: &Packages) -> Result<Vec<u8>> {
    let mut holders: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut listed = String::new();
    for (key, one) in packages.crates.iter().filter(|(_, one)| one.checksum.is_some()) {
        let _ = writeln!(listed, "{key}: {}", one.licence.as_deref().unwrap_or("see below"));
        for file in files(&one.folder, DEPTH)? {
            let text = String::from_utf8_lossy(&read(&file)?).replace('\r', "");
            holders.entry(text.trim().to_owned()).or_default().push(key);
        }
    }
    let mut text = format!("What is linked into this program, and under which licences.\n\n{listed}");
    let mut holders: Vec<_> = holders.into_iter().collect();
    holders.sort_by(|(_, one), (_, other)| one.cmp(other));
    for (licence, mut keys) in holders {
        keys.dedup();
        let _ = write!(text, "\n{}\n{}\n\n{licence}\n", "-".repeat(80), keys.join(", "));
    }
    Ok(text.into_bytes())
}

fn files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_ascii_uppercase();
        let kind = entry.file_type()?;
        if kind.is_file() && NAMES.iter().any(|start| name.starts_with(start)) && !name.ends_with(".RS") {
            found.push(entry.path());
        } else if kind.is_dir() && depth > 0 && !SKIPPED.contains(&name.to_ascii_lowercase().as_str()) {
            found.extend(files(&entry.path(), depth - 1)?);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::{Package, TARGETS, packages};
    use super::*;

    #[test]
    fn crates_and_the_c_in_them_have_their_licences_told() {
        let root = crate::root().unwrap();
        let packages = packages::of(&root, Package::Flaky, TARGETS[0]).unwrap();
        let text = String::from_utf8(text(&packages).unwrap()).unwrap();
        for told in [
            "\nwasmtime@",
            "\nlibgit2-sys@",
            "GNU GENERAL PUBLIC LICENSE",
            "Unicode, Inc.",
            "Daniel Stenberg",
        ] {
            assert!(text.contains(told), "{told}");
        }
        assert!(!text.contains("\nflaky-core@"), "ours are not third parties");
    }
}
