//! `flaky plugin new`: a project that builds and passes its tests as it stands.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::template::{self, TemplateFile, Values};
use crate::{Kind, Language, PluginName};

/// A project that is not there yet.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// What it is called.
    pub name: PluginName,
    /// What it is for.
    pub kind: Kind,
    /// What it is written in.
    pub language: Language,
    /// Folder that the project's folder goes into.
    pub parent: PathBuf,
}

/// Why there is no project.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// Something of that name stands there.
    #[error("`{}` is there already, and nothing is overwritten", .0.display())]
    Exists(PathBuf),
    /// The disk said no.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl NewProject {
    /// Writes the project, and gives its folder. The folder is made by this call or it is an error, so that nothing is
    /// overwritten, and what could not be written whole is taken away again.
    ///
    /// # Errors
    /// When the folder is there already, or cannot be written.
    pub fn write(&self) -> Result<PathBuf, NewError> {
        let folder = self.parent.join(self.name.as_str());
        let failed = |path: &Path, source| NewError::Write { path: path.to_owned(), source };
        fs::create_dir_all(&self.parent).map_err(|e| failed(&self.parent, e))?;
        fs::create_dir(&folder).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => NewError::Exists(folder.clone()),
            _ => failed(&folder, e),
        })?;
        let values = Values::new(&self.name);
        for file in self.files() {
            let path = folder.join(values.fill(file.path));
            if let Err(source) = write(&path, &values.fill(file.content)) {
                // Half a project would be refused as "there already" the next time.
                let _ = fs::remove_dir_all(&folder);
                return Err(NewError::Write { path, source });
            }
        }
        Ok(folder)
    }

    fn files(&self) -> Vec<TemplateFile> {
        let mut files = self.language.recipe().template(self.kind);
        files.extend(template::cases(self.kind));
        files
    }
}

fn write(path: &Path, content: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)
}
