//! Where in a project unittest has something to run.

use std::collections::BTreeMap;

use flaky_plugin_sdk::{Command, Detection, Project, Result};

/// Imports stand at the beginning of a file.
const BEGINNING: u32 = 16 * 1024;

/// More files than this are not looked into: a project that tests with unittest shows it in the first ones.
const MOST_LOOKED_INTO: usize = 200;

/// More detections than this help nobody to choose.
const MOST_DETECTIONS: usize = 50;

#[derive(Debug, Default)]
struct Seen {
    /// Files of tests, with the first one.
    tests: usize,
    first: String,
    /// Of these, such as pytest alone can run.
    for_pytest: usize,
}

/// Roots whose tests import unittest, and Django projects. pytest runs such tests too, and says so with more
/// confidence: where nothing speaks of it, both stand for choice.
pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    let files = project.files();
    let mut found = Vec::new();
    let mut roots: BTreeMap<String, Seen> = BTreeMap::new();
    let managed: Vec<&str> =
        files.iter().filter(|file| name_of(file) == "manage.py").map(|file| folder_of(file)).collect();
    let tests = files.iter().filter(|file| is_test(name_of(file)));
    for file in tests.take(MOST_LOOKED_INTO) {
        let Some(blob) = project.open(file) else { continue };
        let beginning = blob.read_at(0, BEGINNING);
        let text = String::from_utf8_lossy(&beginning);
        let imports = |module: &str| text.lines().any(|line| imports(line, module));
        let django = imports("django.test") || imports("rest_framework.test");
        if !imports("unittest") && !django {
            continue;
        }
        let root = managed.iter().filter(|root| is_below(file, root)).max_by_key(|root| root.len());
        let root = root.map_or_else(|| root_of(file, &files), |root| (*root).to_owned());
        let seen = roots.entry(root).or_default();
        if seen.tests == 0 {
            seen.first.clone_from(file);
        }
        seen.tests += 1;
        seen.for_pytest += usize::from(imports("pytest"));
    }
    for (root, seen) in roots {
        let is_django = managed.contains(&root.as_str());
        let mentions_pytest = seen.for_pytest > 0
            || files.iter().any(|file| is_below(file, &root) && is_pytests(name_of(file)));
        found.push(detection(&root, &seen, is_django, mentions_pytest));
    }
    found.sort_by_key(|detection| {
        (std::cmp::Reverse(detection.confidence), detection.root.matches('/').count())
    });
    found.truncate(MOST_DETECTIONS);
    Ok(found)
}

fn detection(root: &str, seen: &Seen, is_django: bool, mentions_pytest: bool) -> Detection {
    let (confidence, argv): (u8, &[&str]) = match (is_django, mentions_pytest) {
        // More than pytest has for names of files alone: without a plugin it cannot set Django up.
        (true, false) => (80, &["python", "manage.py", "test"]),
        (true, true) => (50, &["python", "manage.py", "test"]),
        // Less than pytest has for the same files, which it runs as well.
        (false, false) => (60, &["python", "-m", "unittest"]),
        (false, true) => (30, &["python", "-m", "unittest"]),
    };
    let first = seen.first.strip_prefix(root).unwrap_or(&seen.first).trim_start_matches('/');
    let what = if is_django { "Django's tests" } else { "unittest" };
    let reason = if seen.tests == 1 {
        format!("`{first}` imports {what}")
    } else {
        format!("{} files import {what}, such as `{first}`", seen.tests)
    };
    Detection {
        name: "python".to_owned(),
        root: root.to_owned(),
        confidence,
        reason,
        default_command: Command::new(argv.iter().copied()).cwd(root),
    }
}

/// The nearest folder above a file that describes a project, or the topmost one.
fn root_of(file: &str, files: &[String]) -> String {
    let describes = |folder: &str| {
        files.iter().any(|other| {
            folder_of(other) == folder
                && matches!(name_of(other), "pyproject.toml" | "setup.py" | "setup.cfg")
        })
    };
    let mut folder = folder_of(file);
    while !folder.is_empty() && !describes(folder) {
        folder = folder_of(folder);
    }
    folder.to_owned()
}

/// As `unittest discover` and Django find them.
fn is_test(name: &str) -> bool {
    name.starts_with("test") && name.ends_with(".py")
}

fn is_pytests(name: &str) -> bool {
    matches!(name, "conftest.py" | "pytest.ini" | ".pytest.ini")
}

fn imports(line: &str, module: &str) -> bool {
    let line = line.trim_start();
    let Some(rest) = line.strip_prefix("import ").or_else(|| line.strip_prefix("from ")) else {
        return false;
    };
    let name = rest.split([' ', ',', ';']).next().unwrap_or_default();
    name == module || name.strip_prefix(module).is_some_and(|rest| rest.starts_with('.'))
}

fn is_below(file: &str, root: &str) -> bool {
    root.is_empty() || file.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
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

    /// Root, confidence, command.
    type Found = (&'static str, u8, &'static str);
    /// Paths and contents.
    type Project = &'static [(&'static str, &'static str)];

    #[test]
    fn imports_tell_what_tests_are_written_for() {
        let cases: &[(Project, &[Found])] = &[
            (&[("test_a.py", "def test_x(): pass")], &[]),
            (&[("tests/test_a.py", "import os\nimport unittest\n")], &[("", 60, "python -m unittest")]),
            (
                &[("test_a.py", "from unittest import mock"), ("conftest.py", "")],
                &[("", 30, "python -m unittest")],
            ),
            (&[("test_a.py", "import unittest\nimport pytest")], &[("", 30, "python -m unittest")]),
            (
                &[("site/manage.py", ""), ("site/shop/tests.py", "from django.test import TestCase")],
                &[("site", 80, "python manage.py test")],
            ),
            (
                &[
                    ("a/setup.py", ""),
                    ("a/tests/test_a.py", "import unittest"),
                    ("main.py", "import unittest"),
                ],
                &[("a", 60, "python -m unittest")],
            ),
        ];
        for (files, expected) in cases {
            let files_of = files.iter().fold(Files::default(), |all, (path, text)| all.file(path, *text));
            let found = detect(&files_of.project()).unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|d| (d.root.as_str(), d.confidence, d.default_command.argv.join(" ")))
                .collect();
            let expected: Vec<_> =
                expected.iter().map(|(root, c, argv)| (*root, *c, (*argv).to_owned())).collect();
            assert_eq!(found, expected, "{files:?}");
        }
    }
}
