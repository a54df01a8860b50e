//! Where in a project CTest has something to run.

use std::hash::{DefaultHasher, Hash, Hasher};

use flaky_plugin_sdk::{Command, Detection, Project, Result};

use super::BUILD_VARIABLE;

/// Descriptions of builds are small; what is larger than this is not one.
const LARGEST_LISTS: u64 = 1024 * 1024;

/// More detections than this help nobody to choose.
const MOST_DETECTIONS: usize = 50;

/// Commands of CMake that make tests, and that announce them.
const ADDS: [&str; 5] =
    ["add_test", "gtest_discover_tests", "gtest_add_tests", "catch_discover_tests", "doctest_discover_tests"];

/// The topmost folders that describe a CMake project and in or below which tests are added, the best first.
pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    let mut roots: Vec<Seen> = Vec::new();
    let mut files: Vec<String> =
        project.files().into_iter().filter(|file| name_of(file) == "CMakeLists.txt").collect();
    // Folders before what is in them.
    files.sort_by_key(|file| (file.matches('/').count(), file.clone()));
    for file in &files {
        let Some(text) = project.read_text(file, LARGEST_LISTS)? else { continue };
        let folder = folder_of(file);
        if !roots.iter().any(|seen| is_below(folder, &seen.root)) {
            if !calls(&text, "project") {
                continue;
            }
            roots.push(Seen { root: folder.to_owned(), ..Seen::default() });
        }
        let Some(seen) = roots.iter_mut().find(|seen| is_below(folder, &seen.root)) else { continue };
        seen.enables |= calls(&text, "enable_testing") || includes_ctest(&text);
        if seen.adds.is_none() && ADDS.iter().any(|command| calls(&text, command)) {
            seen.adds = Some(file.clone());
        }
    }
    let mut found: Vec<Detection> = roots.into_iter().filter_map(|seen| seen.detection(project)).collect();
    found.sort_by_key(|detection| {
        (std::cmp::Reverse(detection.confidence), detection.root.matches('/').count())
    });
    found.truncate(MOST_DETECTIONS);
    Ok(found)
}

#[derive(Debug, Default)]
struct Seen {
    root: String,
    enables: bool,
    /// Where the first test is added.
    adds: Option<String>,
}

impl Seen {
    fn detection(self, project: &Project<'_>) -> Option<Detection> {
        let (confidence, reason) = match (self.enables, &self.adds) {
            (true, Some(file)) => (85, format!("`{file}` adds tests")),
            (false, Some(file)) => (50, format!("`{file}` adds tests, and nothing enables testing")),
            (true, None) => (40, "testing is enabled, and no test is added".to_owned()),
            (false, None) => return None,
        };
        let default_command = match build_folder(project, &self.root) {
            Some(build) => Command::new(["ctest", "--test-dir", build.as_str()]),
            None => {
                let script = format!("exec ctest --test-dir \"${BUILD_VARIABLE}\" \"$@\"");
                Command::new(["sh", "-c", &script, "ctest"])
            }
        };
        Some(Detection {
            name: "ctest".to_owned(),
            confidence,
            reason,
            default_command: default_command.cwd(&self.root),
            root: self.root,
        })
    }
}

/// A folder below the root, relative to it, that CMake has made for building already.
pub(crate) fn build_folder(project: &Project<'_>, root: &str) -> Option<String> {
    let files = project.files();
    let folders =
        files.iter().filter(|file| name_of(file) == "CTestTestfile.cmake").map(|file| folder_of(file));
    let folder =
        folders.filter(|folder| is_below(folder, root)).min_by_key(|folder| folder.matches('/').count())?;
    let relative = folder.strip_prefix(root).unwrap_or(folder).trim_start_matches('/');
    Some(if relative.is_empty() { ".".to_owned() } else { relative.to_owned() })
}

/// All that a build depends on, but for compilers and libraries, which only the host can see.
pub(crate) fn cache_key(project: &Project<'_>, root: &str) -> String {
    let mut files = project.files();
    files.retain(|file| is_below(folder_of(file), root));
    files.sort();
    let mut key = String::from("ctest\n");
    for file in files {
        let mut hasher = DefaultHasher::new();
        if let Some(blob) = project.open(&file) {
            for chunk in blob.chunks() {
                chunk.hash(&mut hasher);
            }
        }
        key.push_str(&format!("--- {file} {:016x}\n", hasher.finish()));
    }
    key
}

/// Whether a command of CMake is called: names are of any case, and comments do not count.
fn calls(text: &str, command: &str) -> bool {
    text.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default().trim_start();
        let Some((name, _)) = line.split_once('(') else { return false };
        name.trim_end().eq_ignore_ascii_case(command)
    })
}

fn includes_ctest(text: &str) -> bool {
    text.lines().any(|line| {
        let line: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        line.to_ascii_lowercase().starts_with("include(ctest)")
    })
}

fn is_below(folder: &str, root: &str) -> bool {
    root.is_empty() || folder == root || folder.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
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

    /// Paths and contents.
    type Project = &'static [(&'static str, &'static str)];

    #[test]
    fn the_topmost_project_above_tests_counts() {
        let cases: &[(Project, &[(&str, u8)])] = &[
            (&[], &[]),
            (&[("CMakeLists.txt", "project(x)\nadd_library(x x.c)")], &[]),
            (&[("CMakeLists.txt", "project(x)\nenable_testing()\nadd_test(NAME a COMMAND a)")], &[("", 85)]),
            (
                &[
                    ("CMakeLists.txt", "PROJECT (x)\ninclude( CTest )"),
                    ("tests/CMakeLists.txt", "project(t)\n  catch_discover_tests(t)"),
                ],
                &[("", 85)],
            ),
            (&[("CMakeLists.txt", "project(x)\n# enable_testing()\n")], &[]),
            (&[("CMakeLists.txt", "project(x)\nenable_testing()")], &[("", 40)]),
            (
                &[
                    ("a/CMakeLists.txt", "project(a)\nenable_testing()\nadd_test(x x)"),
                    ("b/CMakeLists.txt", "project(b)\nadd_test(x x)"),
                ],
                &[("a", 85), ("b", 50)],
            ),
        ];
        for (files, expected) in cases {
            let files_made = files.iter().fold(Files::default(), |all, (path, text)| all.file(path, *text));
            let found = detect(&files_made.project()).unwrap();
            let found: Vec<_> = found.iter().map(|found| (found.root.as_str(), found.confidence)).collect();
            assert_eq!(found, *expected, "{files:?}");
        }
    }

    #[test]
    fn a_build_folder_in_the_project_is_used() {
        let files = Files::default()
            .file("CMakeLists.txt", "project(x)\nenable_testing()\nadd_test(a a)")
            .file("out/debug/CTestTestfile.cmake", "")
            .file("out/debug/tests/CTestTestfile.cmake", "");
        let found = detect(&files.project()).unwrap();
        assert_eq!(found[0].default_command.argv, ["ctest", "--test-dir", "out/debug"]);
        assert!(crate::framework::install(&files.project(), "", "/env").steps.is_empty());
        let files = Files::default().file("CMakeLists.txt", "project(x)\nenable_testing()\nadd_test(a a)");
        let plan = crate::framework::install(&files.project(), "", "/env");
        assert_eq!(plan.steps[0].command.argv, ["cmake", "-S", ".", "-B", "/env/build"]);
        assert_eq!(plan.env[0].0, "FLAKY_CTEST_BUILD");
    }
}
