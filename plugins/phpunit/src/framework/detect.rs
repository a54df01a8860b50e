//! Where in a project PHPUnit has something to run.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use flaky_plugin_sdk::{Command, Detection, Project, Result};
use serde_json::Value;

use super::LARGEST_SETTINGS;

/// What was seen in one folder, the strongest sign last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    /// Files named like tests.
    TestFiles,
    /// PHPUnit among the packages.
    Package,
    /// `phpunit.xml`
    Settings,
}

#[derive(Debug, Default)]
struct Seen {
    tests: usize,
    best: Option<(Sign, String)>,
    /// Its packages have PHPUnit, in `vendor`.
    packaged: bool,
}

/// More detections than this help nobody to choose.
const MOST_DETECTIONS: usize = 50;

/// The roots of the project that hold tests, the best first. Tests belong to the nearest folder above them with
/// settings or a list of packages, or to the root.
pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    let files = project.files();
    let own = |file: &&String| !file.split('/').any(|part| part == "vendor");
    let mut roots: BTreeMap<&str, Seen> = BTreeMap::new();
    roots.insert("", Seen::default());
    for file in
        files.iter().filter(own).filter(|file| is_settings(name_of(file)) || name_of(file) == "composer.json")
    {
        roots.entry(folder_of(file)).or_default();
    }
    for file in files.iter().filter(own) {
        let name = name_of(file);
        let sign = match name {
            _ if is_settings(name) => Some(Sign::Settings),
            "composer.json" => names_phpunit(project, file)?.then_some(Sign::Package),
            _ => name.ends_with("Test.php").then_some(Sign::TestFiles),
        };
        let Some(sign) = sign else { continue };
        let owner = nearest(&roots, folder_of(file));
        let Some(seen) = roots.get_mut(owner) else { continue };
        seen.tests += usize::from(sign == Sign::TestFiles);
        seen.packaged |= sign == Sign::Package;
        if seen.best.as_ref().is_none_or(|(best, _)| *best < sign) {
            let relative = file.strip_prefix(owner).unwrap_or(file).trim_start_matches('/');
            seen.best = Some((sign, relative.to_owned()));
        }
    }
    let mut found: Vec<_> = roots.into_iter().filter_map(|(root, seen)| seen.detection(root)).collect();
    found.sort_by_key(|detection| (Reverse(detection.confidence), detection.root.matches('/').count()));
    found.truncate(MOST_DETECTIONS);
    Ok(found)
}

impl Seen {
    fn detection(self, root: &str) -> Option<Detection> {
        let (sign, file) = self.best?;
        let (confidence, reason) = match sign {
            Sign::Settings => (95, format!("`{file}` has settings of PHPUnit")),
            Sign::Package => (90, format!("`{file}` names PHPUnit")),
            Sign::TestFiles if self.tests == 1 => (70, format!("`{file}` is named like a test")),
            Sign::TestFiles => (70, format!("{} files are named like tests, such as `{file}`", self.tests)),
        };
        // Without a file named like a test, there may be some under other names.
        let confidence = if self.tests == 0 { confidence / 2 } else { confidence };
        let command = if self.packaged { "vendor/bin/phpunit" } else { "phpunit" };
        Some(Detection {
            name: "phpunit".to_owned(),
            root: root.to_owned(),
            confidence,
            reason,
            default_command: Command::new([command]).cwd(root),
        })
    }
}

fn is_settings(name: &str) -> bool {
    matches!(name, "phpunit.xml" | "phpunit.xml.dist" | "phpunit.dist.xml")
}

fn names_phpunit(project: &Project<'_>, file: &str) -> Result<bool> {
    let Some(text) = project.read_text(file, LARGEST_SETTINGS)? else { return Ok(false) };
    // A broken list is Composer's to complain about.
    let Ok(list) = serde_json::from_str::<Value>(&text) else { return Ok(false) };
    let has = |key: &str| list.get(key).and_then(|packages| packages.get("phpunit/phpunit")).is_some();
    Ok(has("require-dev") || has("require"))
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
    type Tree = &'static [(&'static str, &'static str)];
    const PACKAGE: &str = r#"{"require-dev": {"phpunit/phpunit": "^11"}}"#;
    /// Root, confidence and command.
    type Found = &'static [(&'static str, u8, &'static str)];

    #[test]
    fn the_strongest_sign_of_a_folder_counts() {
        let cases: &[(Tree, Found)] = &[
            (&[], &[]),
            (&[("composer.json", "{}")], &[]),
            (&[("composer.json", "{broken"), ("tests/CartTest.php", "")], &[("", 70, "phpunit")]),
            (&[("tests/CartTest.php", ""), ("vendor/x/phpunit.xml", "")], &[("", 70, "phpunit")]),
            (&[("tests/CartTest.php", ""), ("phpunit.xml.dist", "")], &[("", 95, "phpunit")]),
            (
                &[("tests/CartTest.php", ""), ("phpunit.xml", ""), ("composer.json", PACKAGE)],
                &[("", 95, "vendor/bin/phpunit")],
            ),
            (&[("composer.json", PACKAGE)], &[("", 45, "vendor/bin/phpunit")]),
            (
                &[("a/composer.json", PACKAGE), ("a/tests/XTest.php", ""), ("b/phpunit.dist.xml", "")],
                &[("a", 90, "vendor/bin/phpunit"), ("b", 47, "phpunit")],
            ),
        ];
        for (files, expected) in cases {
            let project = files.iter().fold(Files::default(), |all, (path, text)| all.file(path, *text));
            let found: Vec<_> = detect(&project.project())
                .unwrap()
                .into_iter()
                .map(|found| (found.root, found.confidence, found.default_command.argv.join(" ")))
                .collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(root, confidence, command)| ((*root).to_owned(), *confidence, (*command).to_owned()))
                .collect();
            assert_eq!(found, expected, "{files:?}");
        }
    }
}
