//! What a Python project says it needs.

use flaky_plugin_sdk::{Project, Result};

use super::{LARGEST_SETTINGS, below, toml};

/// Requirement files, in groups: of each group the first that is there counts. People name them in many ways, and
/// those for development often hold linters and documentation tools that tests do not need.
const REQUIREMENTS: [&[&str]; 2] = [
    &["requirements.txt", "requirements/base.txt"],
    &[
        "requirements-test.txt",
        "requirements-tests.txt",
        "requirements_test.txt",
        "requirements_tests.txt",
        "test-requirements.txt",
        "test_requirements.txt",
        "requirements/test.txt",
        "requirements/tests.txt",
        "requirements/testing.txt",
        "requirements-dev.txt",
        "requirements_dev.txt",
        "dev-requirements.txt",
        "requirements/dev.txt",
    ],
];

/// Names of extras and dependency groups that hold what tests need, the best first.
const TEST_GROUPS: [&str; 5] = ["test", "tests", "testing", "dev", "develop"];

/// What is to be installed.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// Requirement files, relative to the project's root, with their text.
    pub(crate) requirement_files: Vec<(String, String)>,
    /// The project itself, when it can be installed.
    pub(crate) package: Option<Package>,
    /// Requirements of the dependency group for tests (PEP 735).
    pub(crate) group: Vec<String>,
}

/// A project that pip can install.
#[derive(Debug, Default)]
pub(crate) struct Package {
    /// The extra with what tests need.
    pub(crate) extra: Option<String>,
    /// What it is described in, with their texts.
    pub(crate) descriptions: Vec<(String, String)>,
}

impl Needs {
    pub(crate) fn of(project: &Project<'_>, root: &str) -> Result<Self> {
        let mut needs = Self::default();
        for group in REQUIREMENTS {
            for file in group {
                if let Some(text) = project.read_text(&below(root, file), LARGEST_SETTINGS)? {
                    needs.requirement_files.push(((*file).to_owned(), text));
                    break;
                }
            }
        }
        let mut descriptions = Vec::new();
        let mut installable = false;
        let mut extra = None;
        if let Some(text) = project.read_text(&below(root, "pyproject.toml"), LARGEST_SETTINGS)? {
            let tables = toml::tables(&text);
            // A file with settings of tools alone describes no package.
            installable |=
                tables.iter().any(|table| matches!(table.name.as_str(), "project" | "build-system"));
            extra = named(&tables, "project.optional-dependencies").map(|entry| entry.key.clone());
            needs.group =
                named(&tables, "dependency-groups").map(|entry| entry.strings.clone()).unwrap_or_default();
            descriptions.push(("pyproject.toml".to_owned(), text));
        }
        for file in ["setup.py", "setup.cfg"] {
            if let Some(text) = project.read_text(&below(root, file), LARGEST_SETTINGS)? {
                installable |= file == "setup.py" || text.lines().any(|line| line.trim() == "[metadata]");
                extra = extra.or_else(|| legacy_extra(file, &text));
                descriptions.push((file.to_owned(), text));
            }
        }
        needs.package = installable.then_some(Package { extra, descriptions });
        Ok(needs)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.requirement_files.is_empty() && self.package.is_none() && self.group.is_empty()
    }

    /// Whether pytest is among them by name. Where that cannot be seen it is installed as well, which is nothing
    /// when it is there.
    pub(crate) fn name_pytest(&self) -> bool {
        let files = self.requirement_files.iter().flat_map(|(_, text)| text.lines());
        files.chain(self.group.iter().map(String::as_str)).any(|line| requirement_name(line) == "pytest")
    }
}

/// The entry of a table that has what tests need.
fn named<'t>(tables: &'t [toml::Table], table: &str) -> Option<&'t toml::Entry> {
    let table = tables.iter().find(|candidate| candidate.name == table)?;
    TEST_GROUPS.iter().find_map(|name| table.entries.iter().find(|entry| entry.key == *name))
}

/// An extra of `setup.py` or `setup.cfg`, by how they are written there.
fn legacy_extra(file: &str, text: &str) -> Option<String> {
    let section = if file == "setup.py" { "extras_require" } else { "[options.extras_require]" };
    let extras = text.get(text.find(section)?..)?;
    let written = |name: &&&str| {
        if file == "setup.py" {
            extras.contains(&format!("'{name}'")) || extras.contains(&format!("\"{name}\""))
        } else {
            let end = extras.get(1..).and_then(|rest| rest.find("\n[")).unwrap_or(extras.len());
            let own = extras.get(..end).unwrap_or(extras);
            own.lines().any(|line| {
                line.split('=').next().is_some_and(|key| key == **name || key.trim_end() == **name)
            })
        }
    };
    TEST_GROUPS.iter().find(written).map(|name| (*name).to_owned())
}

fn requirement_name(line: &str) -> &str {
    let line = line.trim();
    let end = line
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(line.len());
    line.get(..end).unwrap_or(line)
}
