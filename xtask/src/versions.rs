//! The version stands in one place, `[workspace.package]`. Whoever else has to name it is listed here: compared by
//! `cargo xtask versions` and the test below, written by `cargo xtask release`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use crate::archives::{LINUX, Package, archive_name};
use crate::changelog::{self, Date, Released, Version};
use crate::{Result, read, say};

const CHANGELOG: &str = "CHANGELOG.md";
const CHECKSUMS: &str = "action/checksums.txt";

/// Where the version stands in a file: each time between these two texts.
struct Place {
    file: &'static str,
    before: &'static str,
    /// Bytes between that and the version.
    gap: usize,
    after: &'static str,
}

/// The first is the source of all others.
const PLACES: &[Place] = &[
    Place { file: "Cargo.toml", before: "[workspace.package]\nversion = \"", gap: 0, after: "\"" },
    // Crates that are published together are of one version: what they say to one another is nobody else's.
    Place { file: "Cargo.toml", before: ", version = \"=", gap: 0, after: "\"" },
    Place { file: "action.yml", before: "in the action can be had.\n    default: \"", gap: 0, after: "\"" },
    Place { file: "Dockerfile", before: "org.opencontainers.image.version=\"", gap: 0, after: "\"" },
    Place { file: "docs/github.md", before: "flaky-rs/flaky@COMMIT # v", gap: 0, after: "\n" },
];

/// A commit, and ` # v` before the version.
const PIN: usize = 44;

/// Packages for other languages and workflows that name the action: as many as there are.
const FOLDERS: &[(&str, Place)] = &[
    ("sdks", Place { file: "pyproject.toml", before: "\nversion = \"", gap: 0, after: "\"" }),
    ("sdks", Place { file: "package.json", before: "\n  \"version\": \"", gap: 0, after: "\"" }),
    ("examples/github", Place { file: ".yml", before: "uses: flaky-rs/flaky@", gap: PIN, after: "\n" }),
];

/// Before the first release the changelog says what it will be.
const FIRST: Place = Place { file: CHANGELOG, before: "The first version, ", gap: 0, after: ".\n" };

impl Place {
    /// Every version in a text.
    fn versions<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let version = |rest: &'a str| rest.get(self.gap..)?.split(self.after).next();
        text.split(self.before).skip(1).filter_map(version).collect()
    }

    fn with(&self, text: &str, version: Version) -> String {
        let mut parts = text.split(self.before);
        let mut changed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let gap = part.get(..self.gap).unwrap_or_default();
            let rest = part[gap.len()..].find(self.after).map_or("", |at| &part[gap.len() + at..]);
            changed += &format!("{}{gap}{version}{rest}", self.before);
        }
        changed
    }
}

/// Files that name the version, by path, with where it stands in each.
struct Files(BTreeMap<String, (String, Vec<&'static Place>)>);

impl Files {
    fn load(root: &Path) -> Result<Self> {
        let text =
            |file: &str| Ok::<_, Box<dyn std::error::Error>>(String::from_utf8(read(&root.join(file))?)?);
        let mut files = BTreeMap::new();
        for place in PLACES {
            let (_, places) = match files.entry(place.file.to_owned()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert((text(place.file)?, Vec::new())),
            };
            places.push(place);
        }
        for (folder, place) in FOLDERS {
            for file in below(root, folder)?.into_iter().filter(|file| file.ends_with(place.file)) {
                let found = text(&file)?;
                if found.contains(place.before) {
                    files.insert(file, (found, vec![place]));
                }
            }
        }
        for file in [CHANGELOG, CHECKSUMS] {
            files.insert(file.to_owned(), (text(file)?, Vec::new()));
        }
        Ok(Self(files))
    }

    fn text(&self, file: &str) -> &str {
        self.0.get(file).map_or("", |(text, _)| text)
    }

    fn version(&self) -> Result<Version> {
        let [version] = PLACES[0].versions(self.text(PLACES[0].file))[..] else {
            return Err("Cargo.toml: no version of the workspace".into());
        };
        Version::parse(version)
    }

    /// What does not agree with the version of the workspace, a line each.
    fn disagreements(&self) -> Result<Vec<String>> {
        let version = self.version()?;
        let mut found = Vec::new();
        let places = self
            .0
            .iter()
            .flat_map(|(file, (text, places))| places.iter().map(move |place| (file, text, place)));
        for (file, text, place) in places {
            let versions = place.versions(text);
            if versions.is_empty() {
                found.push(format!("{file}: names no version after `{}`", place.before.trim()));
            }
            let others = versions.iter().filter(|other| **other != version.to_string());
            found.extend(others.map(|other| format!("{file}: names {other}, the workspace is {version}")));
        }
        found.extend(self.changelog_disagreements(version)?);
        Ok(found)
    }

    fn changelog_disagreements(&self, version: Version) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let changelog = self.text(CHANGELOG);
        let newest = changelog::newest(changelog)?.map(|released| released.version);
        match newest {
            Some(newest) if newest != version => {
                found
                    .push(format!("{CHANGELOG}: the newest release is {newest}, the workspace is {version}"));
            }
            None if FIRST.versions(changelog) != [version.to_string()] => {
                found.push(format!(
                    "{CHANGELOG}: nothing is released, and it does not say that {version} is the first"
                ));
            }
            _ => {}
        }
        let listed: Vec<Vec<&str>> = self
            .text(CHECKSUMS)
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|l| l.split("  ").collect())
            .collect();
        for line in &listed {
            let whole = matches!(line[..], [sum, _, _] if sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit()));
            let known = whole
                && Version::parse(line[1]).is_ok_and(|listed| newest.is_some_and(|newest| listed <= newest));
            if !known {
                found.push(format!("{CHECKSUMS}: `{}` is of no release", line.join("  ")));
            }
        }
        for target in LINUX.iter().filter(|_| newest.is_some()) {
            let name = archive_name(Package::Flaky, version, target);
            let times = listed.iter().filter(|line| line.last() == Some(&name.as_str())).count();
            if times != 1 {
                found.push(format!(
                    "{CHECKSUMS}: {name} stands there {times} times: cargo xtask dist --write-checksums"
                ));
            }
        }
        Ok(found)
    }
}

/// Files in a folder and in its folders, one level deep, from the root.
fn below(root: &Path, folder: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else { return Ok(found) };
    for entry in entries {
        let entry = entry?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_file() {
            found.push(name);
        } else {
            for inner in std::fs::read_dir(entry.path())? {
                let inner = inner?;
                if inner.file_type()?.is_file() {
                    found.push(format!("{name}/{}", inner.file_name().to_string_lossy()));
                }
            }
        }
    }
    Ok(found)
}

/// The version of the workspace.
pub(crate) fn current(root: &Path) -> Result<Version> {
    Files::load(root)?.version()
}

/// `cargo xtask versions`: fails where two files disagree, and with `tag` also if that is not `v` and the version.
pub(crate) fn check(root: &Path, tag: Option<&str>) -> Result<()> {
    let files = Files::load(root)?;
    let mut found = files.disagreements()?;
    if let Some(tag) = tag {
        let released = changelog::newest(files.text(CHANGELOG))?;
        if released.is_none_or(|released| format!("v{}", released.version) != tag) {
            found.push(format!("the tag is `{tag}`, and the newest release of {CHANGELOG} is another"));
        }
    }
    if !found.is_empty() {
        return Err(found.join("\n").into());
    }
    say(&format!("{} in {} files", files.version()?, files.0.len()));
    Ok(())
}

/// `cargo xtask release VERSION`: everything that is written by hand at a release.
pub(crate) fn release(root: &Path, version: &str, today: Date) -> Result<()> {
    let files = Files::load(root)?;
    let released = Released { version: Version::parse(version)?, date: today };
    let changed = changelog::cut(files.text(CHANGELOG), &released)?;
    let changed = FIRST.with(&changed, released.version);
    crate::write(&root.join(CHANGELOG), changed.as_bytes())?;
    for (file, (text, places)) in files.0.iter().filter(|(_, (_, places))| !places.is_empty()) {
        let text = places.iter().fold(text.clone(), |text, place| place.with(&text, released.version));
        crate::write(&root.join(file), text.as_bytes())?;
    }
    crate::cargo::output(
        crate::cargo::cargo().args(["update", "--workspace", "--offline"]).current_dir(root),
    )?;
    say(&format!(
        "{version}: next `cargo xtask plugins`, then `cargo xtask dist --write-checksums` (RELEASING.md)"
    ));
    Ok(())
}

/// `cargo xtask notes`: what the changelog says of the version, for the page of the release.
pub(crate) fn notes(root: &Path) -> Result<String> {
    let files = Files::load(root)?;
    changelog::notes(files.text(CHANGELOG), files.version()?)
}

/// The sums that the action takes for archives of a version, by file.
pub(crate) fn listed(root: &Path, version: Version) -> Result<BTreeMap<String, String>> {
    let text = String::from_utf8(read(&root.join(CHECKSUMS))?)?;
    let version = version.to_string();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let of_version = lines.filter_map(|line| match line.split("  ").collect::<Vec<_>>()[..] {
        [sum, of, file] if of == version => Some((file.to_owned(), sum.to_owned())),
        _ => None,
    });
    Ok(of_version.collect())
}

/// Writes the sums of a version into the action, in place of what it had for that version.
pub(crate) fn list(root: &Path, version: Version, sums: &BTreeMap<String, String>) -> Result<()> {
    let text = String::from_utf8(read(&root.join(CHECKSUMS))?)?;
    let version = version.to_string();
    let of_version = |line: &&str| line.starts_with('#') || line.split("  ").nth(1) != Some(version.as_str());
    let mut lines: Vec<String> = text.lines().filter(of_version).map(str::to_owned).collect();
    lines.extend(sums.iter().map(|(file, sum)| format!("{sum}  {version}  {file}")));
    crate::write(&root.join(CHECKSUMS), (lines.join("\n") + "\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        Files::load(&crate::root().unwrap()).unwrap()
    }

    /// The files as they would be after a release with these lines of checksums.
    fn released(checksums: impl Fn(&str) -> String) -> Files {
        let mut files = files();
        let version = files.version().unwrap();
        let (changelog, _) = files.0.get_mut(CHANGELOG).unwrap();
        if changelog::newest(changelog).unwrap().is_none() {
            let today = Released { version, date: Date::parse("2026-12-01").unwrap() };
            *changelog = changelog::cut(changelog, &today).unwrap();
        }
        let lines: Vec<String> = LINUX.iter().map(|target| checksums(target)).collect();
        files.0.get_mut(CHECKSUMS).unwrap().0 = format!("# kept\n{}\n", lines.join("\n"));
        files
    }

    fn line(target: &str) -> String {
        let version = files().version().unwrap();
        format!("{}  {version}  {}", "a".repeat(64), archive_name(Package::Flaky, version, target))
    }

    #[test]
    fn all_files_name_the_version_of_the_workspace() {
        let files = files();
        assert_eq!(files.disagreements().unwrap(), Vec::<String>::new());
        assert!(files.0.len() > PLACES.len() + 3, "the examples are among them");
    }

    #[test]
    fn a_file_that_names_another_version_is_found_whichever_it_is() {
        let named = files();
        let places =
            named.0.iter().flat_map(|(name, (_, places))| places.iter().map(move |place| (name, *place)));
        for (name, place) in places {
            let mut files = files();
            let text = &mut files.0.get_mut(name).unwrap().0;
            *text = place.with(text, Version::parse("99.0.1").unwrap());
            let found = files.disagreements().unwrap();
            // The source of all others makes all others wrong.
            let source = place.before == PLACES[0].before;
            assert!(found.iter().any(|line| source || line.starts_with(name)), "{name}: {found:?}");
            let text = &mut files.0.get_mut(name).unwrap().0;
            *text = text.replace(place.before, "");
            assert!(source || !files.disagreements().unwrap().is_empty(), "{name}");
        }
    }

    #[test]
    fn a_release_has_a_checksum_for_each_archive_and_nothing_else_has() {
        assert_eq!(released(line).disagreements().unwrap(), Vec::<String>::new());
        let missing =
            |target: &str| if target.starts_with("x86_64") { "# none".to_owned() } else { line(target) };
        let twice = |target: &str| format!("{0}\n{0}", line(target));
        let later =
            |target: &str| format!("{}\n{}  99.0.0  flaky-99.0.0-x.tar.gz", line(target), "b".repeat(64));
        let cut = |target: &str| line(target)[1..].to_owned();
        for wrong in [&missing as &dyn Fn(&str) -> String, &twice, &later, &cut] {
            assert!(!released(wrong).disagreements().unwrap().is_empty());
        }
    }

    #[test]
    fn a_changelog_whose_newest_release_is_another_is_found() {
        let mut files = released(line);
        let (changelog, _) = files.0.get_mut(CHANGELOG).unwrap();
        *changelog = changelog.replacen("## Unreleased\n", "## Unreleased\n\n## 99.0.0 - 2027-01-01\n", 1);
        let found = files.disagreements().unwrap();
        assert!(found.iter().any(|line| line.starts_with("CHANGELOG.md")), "{found:?}");
    }

    #[test]
    fn a_release_is_cut_and_its_sums_are_listed() {
        let folder = std::env::temp_dir().join(format!("flaky-xtask-release-{}", std::process::id()));
        let files = files();
        for (name, (text, _)) in &files.0 {
            crate::write(&folder.join(name), text.as_bytes()).unwrap();
        }
        // A workspace of one crate stands in for the whole: what is tested is what is written into the files.
        let manifest = "[workspace]\nmembers = [\"one\"]\n\n[workspace.package]\nversion = \"0.0.1\"\n\n\
                        [workspace.dependencies]\none = { path = \"one\", version = \"=0.0.1\" }\n";
        crate::write(&folder.join("Cargo.toml"), manifest.as_bytes()).unwrap();
        let one = "[package]\nname = \"one\"\nversion.workspace = true\nedition = \"2024\"\n";
        crate::write(&folder.join("one/Cargo.toml"), one.as_bytes()).unwrap();
        crate::write(&folder.join("one/src/lib.rs"), b"").unwrap();
        release(&folder, "98.7.6", Date::parse("2026-12-01").unwrap()).unwrap();
        let version = Version::parse("98.7.6").unwrap();
        let told = check(&folder, None).unwrap_err().to_string();
        assert_eq!(told.lines().count(), LINUX.len(), "only the sums are missing: {told}");
        let sums = LINUX.iter().map(|t| (archive_name(Package::Flaky, version, t), "c".repeat(64))).collect();
        for _ in 0..2 {
            list(&folder, version, &sums).unwrap();
            check(&folder, Some("v98.7.6")).unwrap();
        }
        assert_eq!(listed(&folder, version).unwrap(), sums);
        assert!(check(&folder, Some("v98.7.5")).is_err());
        assert!(notes(&folder).unwrap().contains("- "));
        assert!(release(&folder, "98.7.6", Date::parse("2026-12-02").unwrap()).is_err(), "twice");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
