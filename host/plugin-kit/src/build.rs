//! `flaky plugin build`: from a project to a component on disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::component::{Interfaces, Role};
use crate::language::{BuildError, BuildRequest, Language, Verbosity};

/// A plugin's project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Absolute folder.
    pub folder: PathBuf,
    /// What it is written in.
    pub language: Language,
}

/// A component that was built and written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes.
    pub size: usize,
    /// What it can be asked.
    pub roles: Vec<Role>,
}

/// Not a plugin's project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// There is no such folder.
    #[error("`{}`: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// There is nothing by which it is known.
    #[error("`{}` is no project of a plugin", .0.display())]
    Unknown(PathBuf),
}

impl ProjectError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Folder { .. } => None,
            Self::Unknown(_) => Some(
                "`flaky plugin new` makes one; a project of your own needs a section of ours: `[package.metadata.flaky]` in Cargo.toml, \
                 `[tool.flaky]` in pyproject.toml, or `\"flaky\"` in package.json",
            ),
        }
    }
}

impl Project {
    /// The project in a folder.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(folder: &Path) -> Result<Self, ProjectError> {
        let absolute = folder
            .canonicalize()
            .map_err(|source| ProjectError::Folder { path: folder.to_owned(), source })?;
        match Language::of_project(&absolute) {
            Some(language) => Ok(Self { folder: absolute, language }),
            None => Err(ProjectError::Unknown(folder.to_owned())),
        }
    }

    /// Builds it, and writes the component to `out`, or as NAME.wasm into the project's folder.
    ///
    /// # Errors
    /// When it does not build, or the file cannot be written.
    pub fn build(&self, out: Option<&Path>, verbosity: Verbosity) -> Result<Written, BuildError> {
        let built = self.language.recipe().build(&BuildRequest { project: &self.folder, verbosity })?;
        let path = out.map_or_else(|| self.folder.join(format!("{}.wasm", built.name)), Path::to_path_buf);
        let wrong = |why: String| BuildError::Result { path: path.clone(), why, hint: None };
        let interfaces = Interfaces::of(&built.component).map_err(|e| wrong(e.to_string()))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.map_or(Ok(()), fs::create_dir_all).map_err(|e| wrong(e.to_string()))?;
        fs::write(&path, &built.component).map_err(|e| wrong(e.to_string()))?;
        Ok(Written { size: built.component.len(), roles: interfaces.roles(), path })
    }
}
