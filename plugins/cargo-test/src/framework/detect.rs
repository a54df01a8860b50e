//! Where in a project cargo has something to run.

use flaky_plugin_sdk::{Command, Detection, Project, Result};

/// More detections than this help nobody to choose.
const MOST_DETECTIONS: usize = 50;

/// Descriptions are small; what is larger than this is not one.
const LARGEST: u64 = 1024 * 1024;

/// Whether the text has a table of this name.
fn has_table(text: &str, table: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        line.strip_prefix('[').and_then(|line| line.split(']').next()).is_some_and(|name| {
            let name = name.trim();
            name == table || name.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
        })
    })
}

/// Roots of packages and workspaces; what a workspace above a package holds is the workspace's.
///
/// # Errors
/// Descriptions that are too large.
pub fn modules(project: &Project<'_>) -> Result<Vec<(String, bool)>> {
    let mut found: Vec<(String, bool)> = Vec::new();
    let mut files = project.files();
    files.retain(|file| (file == "Cargo.toml" || file.ends_with("/Cargo.toml")) && !is_ignored(file));
    files.sort_by_key(|file| file.matches('/').count());
    for file in files {
        let root = file.strip_suffix("Cargo.toml").unwrap_or_default().trim_end_matches('/').to_owned();
        let Some(text) = project.read_text(&file, LARGEST)? else { continue };
        let is_workspace = has_table(&text, "workspace");
        let held = found.iter().any(|(above, holds)| {
            *holds
                && (above.is_empty()
                    || root.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('/')))
        });
        if is_workspace || (has_table(&text, "package") && !held) {
            found.push((root, is_workspace));
        }
        if found.len() >= MOST_DETECTIONS {
            break;
        }
    }
    Ok(found)
}

pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    let detections = modules(project)?.into_iter().map(|(root, is_workspace)| {
        let place = if root.is_empty() { "Cargo.toml".to_owned() } else { format!("{root}/Cargo.toml") };
        let what = if is_workspace { "workspace" } else { "package" };
        let default_command = if is_workspace {
            Command::new(["cargo", "test", "--workspace"])
        } else {
            Command::new(["cargo", "test"])
        };
        Detection {
            name: "cargo-test".to_owned(),
            // Below other projects, a crate is often only a part of them.
            confidence: if root.is_empty() { 80 } else { 60 },
            reason: format!("`{place}` describes a {what}"),
            default_command: default_command.cwd(&root),
            root,
        }
    });
    Ok(detections.collect())
}

fn is_ignored(path: &str) -> bool {
    path.split('/')
        .any(|folder| matches!(folder, "target" | "vendor" | "node_modules") || folder.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    /// Paths and contents; roots.
    type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);

    #[test]
    fn workspaces_and_packages_outside_of_them_are_found() {
        let cases: &[Case] = &[
            (&[], &[]),
            (&[("Cargo.toml", "[package]\nname = \"a\"")], &[""]),
            (&[("Cargo.toml", "[workspace]\nmembers = [\"a\"]"), ("a/Cargo.toml", "[package]")], &[""]),
            (&[("a/Cargo.toml", "[package]"), ("b/Cargo.toml", "[package]")], &["a", "b"]),
            (&[("Cargo.toml", "[workspace]"), ("fuzz/Cargo.toml", "[package]\n[workspace]")], &["", "fuzz"]),
            (&[("Cargo.toml", "[package]"), ("vendor/x/Cargo.toml", "[package]")], &[""]),
            (&[("Cargo.toml", "not a description")], &[]),
        ];
        for (files, roots) in cases {
            let project = files.iter().fold(Files::default(), |all, (path, text)| all.file(path, *text));
            let found = detect(&project.project()).unwrap();
            assert_eq!(
                found.iter().map(|found| found.root.as_str()).collect::<Vec<_>>(),
                *roots,
                "{files:?}"
            );
        }
    }
}
