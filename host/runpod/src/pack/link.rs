//! Which symbolic links may travel.

use std::path::{Component, Path};

/// Whether a link at `path` (relative to the folder) can lead nowhere but into the folder, whatever other links are there.
///
/// Its target goes up first, if at all, and not further than the folder; then only down. Going up starts at the link's own
/// parent, which is a real folder, so every step of it is one; each step down is a name that is in the folder, or a link
/// for which the same holds. A `..` after a name could go up from wherever a link of that name leads.
pub(super) fn stays_inside(path: &Path, target: &Path) -> bool {
    let mut up = 0;
    let mut down = false;
    for part in target.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if !down => up += 1,
            Component::Normal(_) => down = true,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    let depth = path.components().filter(|part| matches!(part, Component::Normal(_))).count();
    up < depth && target.components().next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_may_only_lead_into_the_folder() {
        for (path, target, inside) in [
            ("l", "a", true),
            ("l", "./a/b", true),
            ("l", ".", true),
            ("a/b/l", "../../x/y", true),
            ("a/l", "..", true),
            ("l", "..", false),
            ("l", "../a", false),
            ("a/b/l", "../../../x", false),
            ("l", "/etc/passwd", false),
            ("l", "/", false),
            ("l", "", false),
            // Fine by its words, but `a` may be a link.
            ("l", "a/../b", false),
            ("a/l", "x/../../..", false),
        ] {
            assert_eq!(stays_inside(Path::new(path), Path::new(target)), inside, "{path} -> {target}");
        }
    }
}
