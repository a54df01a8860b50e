//! Where in a project Go has something to run.

use std::collections::BTreeMap;

use flaky_plugin_sdk::{Command, Detection, Project, Result};

/// More detections than this help nobody to choose.
const MOST_DETECTIONS: usize = 50;

/// Every module that holds tests, the best first: `./...` ends at the border of a module, also in a workspace.
pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    let files = project.files();
    let mut modules: BTreeMap<&str, usize> = BTreeMap::new();
    for file in &files {
        if name_of(file) == "go.mod" && !is_ignored(file) {
            modules.insert(folder_of(file), 0);
        }
    }
    for file in files.iter().filter(|file| file.ends_with("_test.go") && !is_ignored(file)) {
        let mut folder = folder_of(file);
        let owner = loop {
            if modules.contains_key(folder) {
                break Some(folder);
            }
            if folder.is_empty() {
                break None;
            }
            folder = folder_of(folder);
        };
        if let Some(count) = owner.and_then(|owner| modules.get_mut(owner)) {
            *count += 1;
        }
    }
    let mut found: Vec<Detection> = modules.into_iter().map(|(root, tests)| detection(root, tests)).collect();
    found.sort_by_key(|found| (std::cmp::Reverse(found.confidence), found.root.matches('/').count()));
    found.truncate(MOST_DETECTIONS);
    Ok(found)
}

fn detection(root: &str, tests: usize) -> Detection {
    let place = super::below(root, "go.mod");
    let (confidence, reason) = match tests {
        0 => (20, format!("`{place}` describes a module, without tests")),
        1 => (90, format!("`{place}` describes a module, with one file of tests")),
        _ => (90, format!("`{place}` describes a module, with {tests} files of tests")),
    };
    Detection {
        name: "go".to_owned(),
        root: root.to_owned(),
        confidence,
        reason,
        default_command: Command::new(["go", "test", "./..."]).cwd(root),
    }
}

/// Folders that `./...` passes over.
fn is_ignored(path: &str) -> bool {
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    folders.iter().any(|folder| {
        matches!(*folder, "vendor" | "testdata" | "node_modules") || folder.starts_with(['.', '_'])
    })
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    /// Paths of a project; roots and confidences.
    type Case = (&'static [&'static str], &'static [(&'static str, u8)]);

    #[test]
    fn every_module_with_tests_is_found() {
        let cases: &[Case] = &[
            (&[], &[]),
            (&["main_test.go"], &[]),
            (&["go.mod", "a/a_test.go"], &[("", 90)]),
            (&["go.mod", "main.go"], &[("", 20)]),
            (&["go.work", "one/go.mod", "one/x_test.go", "two/go.mod"], &[("one", 90), ("two", 20)]),
            (&["go.mod", "tools/go.mod", "tools/t_test.go"], &[("tools", 90), ("", 20)]),
            (&["go.mod", "vendor/x/go.mod", "a/testdata/go.mod", "_old/go.mod"], &[("", 20)]),
        ];
        for (paths, expected) in cases {
            let files = paths.iter().fold(Files::default(), |all, path| all.file(path, ""));
            let found = detect(&files.project()).unwrap();
            let found: Vec<_> = found.iter().map(|found| (found.root.as_str(), found.confidence)).collect();
            assert_eq!(found, *expected, "{paths:?}");
        }
    }
}
