//! What git tracks, read from the repository's index.
//!
//! Ignoring is for files that git does not track yet; one that was added nevertheless is part of the project. Format:
//! git's `gitformat-index` page, versions 2 to 4.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use flaky_files::path_of;

/// Largest index that is read: the one of a repository with half a million files.
const MAX_BYTES: u64 = 64 << 20;
/// Of an entry before its flags: times, numbers, mode, sizes and a SHA-1 name.
const BEFORE_FLAGS: usize = 60;
/// Where its mode is.
const MODE: usize = 24;
/// The flag that says that two more bytes of flags follow.
const EXTENDED: u16 = 0x4000;
/// Kinds of files and links, in the upper bits of a mode.
const FILE: u32 = 0o10;
const LINK: u32 = 0o12;

/// Files and links below `folder` that git tracks, relative to it. None when there is no repository, or its index is not
/// understood: then it is as if all of them were untracked, which only those notice that are ignored too.
pub(super) fn below(folder: &Path) -> Vec<PathBuf> {
    let Some(root) = folder.ancestors().find(|above| above.join(".git").exists()) else { return Vec::new() };
    let Some(bytes) = read_index(root) else { return Vec::new() };
    let Ok(prefix) = folder.strip_prefix(root) else { return Vec::new() };
    let paths = parse(&bytes).unwrap_or_default();
    paths.iter().filter_map(|path| Some(path.strip_prefix(prefix).ok()?.to_owned())).collect()
}

fn read_index(root: &Path) -> Option<Vec<u8>> {
    let mut git = root.join(".git");
    if git.is_file() {
        // A further work tree of a repository, or a submodule.
        let text = fs::read_to_string(&git).ok()?;
        git = root.join(text.strip_prefix("gitdir:")?.trim());
    }
    let mut bytes = Vec::new();
    File::open(git.join("index")).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn parse(index: &[u8]) -> Option<Vec<PathBuf>> {
    let version = number(index, 4)?;
    if !index.starts_with(b"DIRC") || !(2..=4).contains(&version) {
        return None;
    }
    let mut rest = index.get(12..)?;
    let mut paths = Vec::new();
    let mut name: Vec<u8> = Vec::new();
    for _ in 0..number(index, 8)? {
        let mode = number(rest, MODE)?;
        let flags = number(rest, BEFORE_FLAGS - 2)? as u16;
        let mut at = BEFORE_FLAGS + 2 + if flags & EXTENDED != 0 { 2 } else { 0 };
        if version == 4 {
            // As much of the name before as is not taken from its end, and more.
            let (taken, size) = variable_number(rest.get(at..)?)?;
            name.truncate(name.len().checked_sub(taken)?);
            at += size;
        } else {
            name.clear();
        }
        let more = rest.get(at..)?.split(|byte| *byte == 0).next()?;
        name.extend_from_slice(more);
        at += more.len() + 1;
        if version < 4 {
            at = at.next_multiple_of(8);
        }
        rest = rest.get(at..)?;
        let Some(path) = path_of(&name) else { continue };
        let plain = path.components().all(|part| matches!(part, Component::Normal(name) if name != ".git"));
        if plain && [FILE, LINK].contains(&(mode >> 12)) {
            paths.push(path.to_owned());
        }
    }
    Some(paths)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Seven bits a byte, the highest first, each further byte counting from one more than the bytes before can say.
fn variable_number(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (at, byte) in bytes.iter().enumerate().take(4) {
        value = (value << 7) | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
        value += 1;
    }
    None
}
