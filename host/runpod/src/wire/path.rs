//! Paths that another machine sent.

use std::path::{Component, Path};

/// Longest path, in bytes: what Linux takes.
const MAX_BYTES: usize = 4096;
/// Characters of a text that an error repeats.
const SHOWN: usize = 80;

/// Whether an empty path may stand for the folder itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    Taken,
    Refused,
}

/// Checks that a path stays in the folder that it is relative to.
pub(super) fn inside(path: &str, empty: Empty) -> Result<(), &'static str> {
    if path.contains('\0') {
        return Err("it holds a NUL byte");
    }
    if path.len() > MAX_BYTES {
        return Err("it is longer than 4096 bytes");
    }
    for part in Path::new(path).components() {
        match part {
            Component::Normal(_) | Component::CurDir => {}
            Component::ParentDir => return Err("it holds `..`"),
            Component::RootDir | Component::Prefix(_) => return Err("it is not relative"),
        }
    }
    let names = Path::new(path).components().any(|part| matches!(part, Component::Normal(_)));
    if names || empty == Empty::Taken { Ok(()) } else { Err("it names nothing") }
}

/// The beginning of a text, fit for an error message.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_stay_inside_are_taken() {
        let (longest, too_long) = ("x".repeat(4096), "x".repeat(4097));
        for (path, why) in [
            ("a", None),
            ("a/b.xml", None),
            ("./a", None),
            ("..a/b..", None),
            ("a//b/", None),
            ("ä b", None),
            ("**/*.xml", None),
            (longest.as_str(), None),
            (too_long.as_str(), Some("it is longer than 4096 bytes")),
            ("", Some("it names nothing")),
            (".", Some("it names nothing")),
            ("..", Some("it holds `..`")),
            ("a/../b", Some("it holds `..`")),
            ("a/..", Some("it holds `..`")),
            ("/", Some("it is not relative")),
            ("/etc/passwd", Some("it is not relative")),
            ("a\0b", Some("it holds a NUL byte")),
        ] {
            assert_eq!(inside(path, Empty::Refused).err(), why, "{path:?}");
        }
        assert!(inside("", Empty::Taken).is_ok() && inside(".", Empty::Taken).is_ok());
        assert!(inside("..", Empty::Taken).is_err());
    }
}
