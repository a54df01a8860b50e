//! Where in a project pytest has something to run.

use std::collections::BTreeMap;

use flaky_plugin_sdk::{Command, Detection, Project, Result};

use super::{LARGEST_SETTINGS, toml};

/// What was seen in one folder, the strongest sign last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    /// It describes a Python project.
    Project,
    /// Files named like tests.
    TestFiles,
    /// `conftest.py`.
    Conftest,
    /// pytest among the requirements.
    Requirement,
    /// Settings of pytest.
    Settings,
}

/// More detections than this help nobody to choose.
const MOST_DETECTIONS: usize = 50;

/// The roots of the project that hold tests, the best first. Tests belong to the nearest folder above them that
/// describes a project, or to the root.
pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    let files = project.files();
    let mut roots: BTreeMap<&str, Seen> = BTreeMap::new();
    roots.insert("", Seen::default());
    for file in files.iter().filter(|file| describes_project(name_of(file))) {
        roots.entry(folder_of(file)).or_default();
    }
    for file in &files {
        let name = name_of(file);
        let folder = folder_of(file);
        let sign = if is_test(name) {
            Some(Sign::TestFiles)
        } else if name == "conftest.py" {
            Some(Sign::Conftest)
        } else {
            sign_of(project, file)?
        };
        let Some(sign) = sign else { continue };
        let owner = nearest(&roots, folder);
        if let Some(seen) = roots.get_mut(owner) {
            seen.add(sign, file.strip_prefix(owner).unwrap_or(file).trim_start_matches('/'));
        }
    }
    let mut found: Vec<_> = roots.into_iter().filter_map(|(root, seen)| seen.detection(root)).collect();
    found.sort_by_key(|detection| {
        (std::cmp::Reverse(detection.confidence), detection.root.matches('/').count())
    });
    found.truncate(MOST_DETECTIONS);
    Ok(found)
}

#[derive(Debug, Default)]
struct Seen {
    tests: usize,
    best: Option<(Sign, String)>,
}

impl Seen {
    fn add(&mut self, sign: Sign, file: &str) {
        self.tests += usize::from(sign == Sign::TestFiles);
        if self.best.as_ref().is_none_or(|(best, _)| *best < sign) {
            self.best = Some((sign, file.to_owned()));
        }
    }

    fn detection(self, root: &str) -> Option<Detection> {
        let (sign, file) = self.best?;
        let (confidence, reason) = match sign {
            Sign::Settings => (95, format!("`{file}` has settings of pytest")),
            Sign::Requirement => (90, format!("`{file}` names pytest")),
            Sign::Conftest => (85, format!("`{file}` is pytest's")),
            Sign::TestFiles if self.tests == 1 => (70, format!("`{file}` is named like a test")),
            Sign::TestFiles => (70, format!("{} files are named like tests, such as `{file}`", self.tests)),
            Sign::Project => (20, format!("`{file}` describes a Python project")),
        };
        // Settings without a file named like a test: those may have other names, so it stays possible.
        let confidence = if self.tests == 0 { confidence / 2 } else { confidence };
        Some(Detection {
            name: "python".to_owned(),
            root: root.to_owned(),
            confidence,
            reason,
            default_command: Command::new(["pytest"]).cwd(root),
        })
    }
}

fn sign_of(project: &Project<'_>, file: &str) -> Result<Option<Sign>> {
    let name = name_of(file);
    let is_requirements = name.ends_with(".txt");
    if !is_requirements && !describes_project(name) {
        return Ok(None);
    }
    if matches!(name, "pytest.ini" | ".pytest.ini") {
        return Ok(Some(Sign::Settings));
    }
    let Some(text) = project.read_text(file, LARGEST_SETTINGS)? else { return Ok(None) };
    let has_line = |header: &str| text.lines().any(|line| line.trim() == header);
    let settings = match name {
        "tox.ini" => has_line("[pytest]"),
        "setup.cfg" => has_line("[tool:pytest]"),
        "pyproject.toml" => toml::tables(&text)
            .iter()
            .any(|table| table.name == "tool.pytest" || table.name.starts_with("tool.pytest.")),
        _ => false,
    };
    let names_pytest = || text.lines().any(|line| line.split(['"', '\'', ' ', '=', ',']).any(is_pytest));
    Ok(if settings {
        Some(Sign::Settings)
    } else if names_pytest() {
        Some(Sign::Requirement)
    } else {
        (!is_requirements && name != "tox.ini").then_some(Sign::Project)
    })
}

/// `pytest`, `pytest>=7`, `pytest-xdist`.
fn is_pytest(word: &str) -> bool {
    word.strip_prefix("pytest")
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn nearest<'r>(roots: &BTreeMap<&'r str, Seen>, folder: &str) -> &'r str {
    let mut folder = folder;
    loop {
        if let Some((root, _)) = roots.get_key_value(folder) {
            return root;
        }
        folder = folder_of(folder);
    }
}

fn describes_project(name: &str) -> bool {
    matches!(name, "pyproject.toml" | "setup.py" | "setup.cfg" | "tox.ini" | "pytest.ini" | ".pytest.ini")
}

fn is_test(name: &str) -> bool {
    name.strip_suffix(".py").is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"))
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

    fn detected(files: &[(&str, &str)]) -> Vec<(String, u8)> {
        let files = files.iter().fold(Files::default(), |all, (path, text)| all.file(path, *text));
        let found = detect(&files.project()).unwrap();
        found.into_iter().map(|detection| (detection.root, detection.confidence)).collect()
    }

    #[test]
    fn the_strongest_sign_of_a_folder_counts() {
        let cases: &[(Project, &[(&str, u8)])] = &[
            (&[], &[]),
            (&[("main.py", "")], &[]),
            (&[("test_a.py", "")], &[("", 70)]),
            (&[("tests/a_test.py", ""), ("tests/conftest.py", "")], &[("", 85)]),
            (&[("tests/test_a.py", ""), ("requirements.txt", "pytest==9.2.0")], &[("", 90)]),
            (&[("tests/test_a.py", ""), ("requirements.txt", "pytester")], &[("", 70)]),
            (&[("tests/test_a.py", ""), ("pyproject.toml", "[tool.pytest.ini_options]\n")], &[("", 95)]),
            (&[("test_a.py", ""), ("pyproject.toml", "[project]\ndependencies = ['pytest>8']")], &[("", 90)]),
            (&[("checks.py", ""), ("pytest.ini", "[pytest]\npython_files = checks.py")], &[("", 47)]),
            (&[("setup.py", "setup()")], &[("", 10)]),
            (
                &[("one/setup.cfg", "[tool:pytest]"), ("one/test_a.py", ""), ("two/test_b.py", "")],
                &[("one", 95), ("", 70)],
            ),
        ];
        for (files, expected) in cases {
            let expected: Vec<_> =
                expected.iter().map(|(root, confidence)| ((*root).to_owned(), *confidence)).collect();
            assert_eq!(detected(files), expected, "{files:?}");
        }
    }
}
