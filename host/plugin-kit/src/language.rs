//! The languages that plugins can be written in, and how each is made, recognised and built.
//!
//! To add a language: a variant of [`Language`], a module beside `rust.rs` with a [`Recipe`], a folder below `templates/`.

mod javascript;
mod python;
mod rust;
mod sdk;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::Kind;
use crate::process::CommandError;
use crate::template::TemplateFile;

/// A language for plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Rust.
    Rust,
    /// Python.
    Python,
    /// JavaScript, or TypeScript.
    JavaScript,
}

impl Language {
    /// By the name that is typed.
    pub const ALL: &[(&'static str, Self)] =
        &[("rust", Self::Rust), ("python", Self::Python), ("js", Self::JavaScript)];

    /// The name that is typed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "js",
        }
    }

    /// How it is done in this language.
    #[must_use]
    pub fn recipe(self) -> &'static dyn Recipe {
        match self {
            Self::Rust => &rust::Rust,
            Self::Python => &python::Python,
            Self::JavaScript => &javascript::JavaScript,
        }
    }

    /// The language of a plugin's project; `None` for a folder that is none.
    #[must_use]
    pub fn of_project(project: &Path) -> Option<Self> {
        Self::ALL.iter().map(|(_, language)| *language).find(|language| language.recipe().recognises(project))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Not the name of a language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no language that plugins are made in")]
pub struct UnknownLanguage(String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, language)| *language).ok_or_else(|| UnknownLanguage(text.to_owned()))
    }
}

/// How plugins are made in one language.
pub trait Recipe: Sync {
    /// All files of a new project but its golden case, the SDK's own sources included.
    fn template(&self, kind: Kind) -> Vec<TemplateFile>;

    /// Whether the folder is a plugin's project in this language: it has the file that such projects have, with a
    /// section of ours in it (`[package.metadata.flaky]`, `[tool.flaky]`, `"flaky"`).
    fn recognises(&self, project: &Path) -> bool;

    /// The tools that a build needs, each looked for; `project` where one is at hand, as it may bring its own.
    fn needs(&self, project: Option<&Path>) -> Vec<Need>;

    /// The component of a project.
    ///
    /// # Errors
    /// A tool that is missing or fails.
    fn build(&self, request: &BuildRequest<'_>) -> Result<Built, BuildError>;

    /// Names of folders in a project that hold what is built or fetched: no sources of the author's.
    fn built_folders(&self) -> &'static [&'static str];
}

/// A tool that builds need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// What it is, e.g. `cargo`.
    pub tool: &'static str,
    /// What it does, to follow "which": `compiles the plugin`.
    pub purpose: &'static str,
    /// Its version or place where it was found, else `None`.
    pub found: Option<String>,
    /// The command that brings it.
    pub bring: String,
}

impl Need {
    /// The error of a build that goes without it.
    #[must_use]
    pub fn missing(&self) -> BuildError {
        BuildError::Missing {
            what: format!("`{}`, which {},", self.tool, self.purpose),
            bring: self.bring.clone(),
        }
    }
}

/// How much a build says on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// What its tools say, with their progress.
    Progress,
    /// Errors alone.
    Errors,
}

/// One build.
#[derive(Debug, Clone, Copy)]
pub struct BuildRequest<'a> {
    /// Absolute folder of the project.
    pub project: &'a Path,
    /// What is said meanwhile.
    pub verbosity: Verbosity,
}

/// What a build gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The project's name, which the component's file gets.
    pub name: String,
    /// The component.
    pub component: Vec<u8>,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Something that the build needs is not there.
    #[error("{what} is missing")]
    Missing {
        /// What, with its purpose.
        what: String,
        /// The command that brings it.
        bring: String,
    },
    /// A tool failed; it said why on standard error.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The tool went well, and what it made is not what was expected.
    #[error("`{}`: {why}", path.display())]
    Result {
        /// Project, or file.
        path: PathBuf,
        /// What is wrong.
        why: String,
        /// What to do.
        hint: Option<String>,
    },
}

impl BuildError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { bring, .. } => Some(bring.clone()),
            Self::Command(_) => None,
            Self::Result { hint, .. } => hint.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of an SDK as they stand in a project, from the folders and files of `sdks/LANGUAGE` that belong there.
    pub(super) fn sdk_files(language: &str, parts: &[&str]) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdks").join(language);
        let mut found = Vec::new();
        let mut left: Vec<PathBuf> = parts.iter().map(|part| root.join(part)).collect();
        while let Some(path) = left.pop() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name == "__pycache__" || name.ends_with(".egg-info") {
                continue;
            }
            if path.is_dir() {
                left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                found.push(format!("sdk/{}", path.strip_prefix(&root).unwrap().display()));
            }
        }
        found
    }

    #[test]
    fn languages_are_typed_by_their_names() {
        for (name, language) in Language::ALL {
            assert_eq!((*name, name.parse()), (language.name(), Ok(*language)));
        }
        assert!("javascript".parse::<Language>().is_err());
    }

    #[test]
    fn a_template_has_each_file_once() {
        for (name, language) in Language::ALL {
            for kind in [Kind::Policy, Kind::Parser, Kind::Reporter] {
                let mut paths: Vec<_> =
                    language.recipe().template(kind).iter().map(|file| file.path).collect();
                paths.sort_unstable();
                let files = paths.len();
                paths.dedup();
                assert_eq!(paths.len(), files, "{name} {kind}");
            }
        }
    }
}
