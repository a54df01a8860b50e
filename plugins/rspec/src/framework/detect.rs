//! Where in a project RSpec has something to run.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use flaky_plugin_sdk::{Command, Detection, Project, Result};

use super::{LARGEST_SETTINGS, below};

/// What was seen in one folder, the strongest sign last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    /// Files named like specifications: minitest has them as well.
    SpecFiles,
    /// `spec/spec_helper.rb`
    Helper,
    /// RSpec among the gems.
    Gem,
    /// `.rspec`
    Settings,
}

#[derive(Debug, Default)]
struct Seen {
    specs: usize,
    best: Option<(Sign, String)>,
    /// The bundle names RSpec, so it is run through Bundler.
    bundled: bool,
}

/// More detections than this help nobody to choose.
const MOST_DETECTIONS: usize = 50;

/// The roots of the project that hold specifications, the best first. They belong to the nearest folder above them
/// with a list of gems or settings; without one, to the folder that holds `spec`.
pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    let files = project.files();
    let mut roots: BTreeMap<String, Seen> = BTreeMap::new();
    for file in files.iter().filter(|file| marks_root(name_of(file))) {
        roots.entry(folder_of(file).to_owned()).or_default();
    }
    for file in &files {
        let Some(sign) = sign_of(project, file)? else { continue };
        let folder = folder_of(file);
        let owner = nearest(&roots, folder).unwrap_or_else(|| above_spec(folder).to_owned());
        let relative = file.strip_prefix(&owner).unwrap_or(file).trim_start_matches('/').to_owned();
        let seen = roots.entry(owner).or_default();
        seen.specs += usize::from(name_of(file).ends_with("_spec.rb"));
        seen.bundled |= sign == Sign::Gem && !file.ends_with(".gemspec");
        if seen.best.as_ref().is_none_or(|(best, _)| *best < sign) {
            seen.best = Some((sign, relative));
        }
    }
    let mut found = Vec::new();
    for (root, seen) in roots {
        let has_gemfile = ["Gemfile", "gems.rb"].iter().any(|name| files.contains(&below(&root, name)));
        found.extend(seen.detection(&root, has_gemfile));
    }
    found.sort_by_key(|detection| (Reverse(detection.confidence), detection.root.matches('/').count()));
    found.truncate(MOST_DETECTIONS);
    Ok(found)
}

impl Seen {
    fn detection(self, root: &str, has_gemfile: bool) -> Option<Detection> {
        let (sign, file) = self.best?;
        let (confidence, reason) = match sign {
            Sign::Settings => (95, format!("`{file}` has settings of RSpec")),
            Sign::Gem => (90, format!("`{file}` names RSpec")),
            Sign::Helper => (85, format!("`{file}` is named like RSpec's")),
            Sign::SpecFiles if self.specs == 1 => (70, format!("`{file}` is named like a specification")),
            Sign::SpecFiles => {
                (70, format!("{} files are named like specifications, such as `{file}`", self.specs))
            }
        };
        // Without specifications there may be some under other names.
        let confidence = if self.specs == 0 { confidence / 2 } else { confidence };
        let bundled = self.bundled || (has_gemfile && sign == Sign::Gem);
        let command: &[&str] = if bundled { &["bundle", "exec", "rspec"] } else { &["rspec"] };
        Some(Detection {
            name: "rspec".to_owned(),
            root: root.to_owned(),
            confidence,
            reason,
            default_command: Command::new(command.iter().copied()).cwd(root),
        })
    }
}

fn sign_of(project: &Project<'_>, file: &str) -> Result<Option<Sign>> {
    let name = name_of(file);
    Ok(match name {
        ".rspec" => Some(Sign::Settings),
        "spec_helper.rb" => Some(Sign::Helper),
        _ if name.ends_with("_spec.rb") => Some(Sign::SpecFiles),
        "Gemfile" | "gems.rb" | "Gemfile.lock" | "gems.locked" => names_rspec(project, file)?,
        _ if name.ends_with(".gemspec") => names_rspec(project, file)?,
        _ => None,
    })
}

fn names_rspec(project: &Project<'_>, file: &str) -> Result<Option<Sign>> {
    let Some(text) = project.read_text(file, LARGEST_SETTINGS)? else { return Ok(None) };
    let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let is_rspec = |word: &str| matches!(word, "rspec" | "rspec-core" | "rspec-rails");
    let named = lines.any(|line| line.split(['"', '\'', ' ', '(', ',']).any(is_rspec));
    Ok(named.then_some(Sign::Gem))
}

fn nearest(roots: &BTreeMap<String, Seen>, folder: &str) -> Option<String> {
    let mut folder = folder;
    loop {
        if roots.contains_key(folder) {
            return Some(folder.to_owned());
        }
        if folder.is_empty() {
            return None;
        }
        folder = folder_of(folder);
    }
}

/// `app` of `app/spec/models`.
fn above_spec(folder: &str) -> &str {
    let parts = folder.split('/').take_while(|part| *part != "spec");
    let length: usize = parts.map(|part| part.len() + 1).sum();
    folder.get(..length.saturating_sub(1)).filter(|above| *above != folder).unwrap_or_default()
}

fn marks_root(name: &str) -> bool {
    matches!(name, ".rspec" | "Gemfile" | "gems.rb") || name.ends_with(".gemspec")
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
    /// Root, confidence and command.
    type Found = &'static [(&'static str, u8, &'static str)];

    #[test]
    fn the_strongest_sign_of_a_folder_counts() {
        let cases: &[(Tree, Found)] = &[
            (&[], &[]),
            (&[("Gemfile", "gem 'minitest'")], &[]),
            (&[("spec/a_spec.rb", "")], &[("", 70, "rspec")]),
            (&[("one/spec/x/a_spec.rb", "")], &[("one", 70, "rspec")]),
            (&[("spec/a_spec.rb", ""), (".rspec", "")], &[("", 95, "rspec")]),
            (
                &[("spec/a_spec.rb", ""), (".rspec", ""), ("Gemfile", "gem \"rspec\", \"~> 3\"")],
                &[("", 95, "bundle exec rspec")],
            ),
            (&[("spec/a_spec.rb", ""), ("Gemfile", "# gem 'rspec'")], &[("", 70, "rspec")]),
            (
                &[("a/Gemfile", "gem('rspec-rails')"), ("a/spec/a_spec.rb", ""), ("b/.rspec", "")],
                &[("a", 90, "bundle exec rspec"), ("b", 47, "rspec")],
            ),
            (&[("x.gemspec", "add_dependency 'rspec'"), ("spec/a_spec.rb", "")], &[("", 90, "rspec")]),
            (
                &[("x.gemspec", "'rspec'"), ("Gemfile", "gemspec"), ("spec/a_spec.rb", "")],
                &[("", 90, "bundle exec rspec")],
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
