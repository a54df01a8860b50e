//! `.flaky-detector.lock`: which bytes a name stands for.

mod read;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use flaky_core::digest::Sha256Digest;
pub use flaky_core::remote_plugin::LOCK_FILE_NAME;
use flaky_core::remote_plugin::RemotePlugin;
use flaky_files::Readers;
use serde::Serialize;

/// The format that is written, and the newest that is read.
const VERSION: u32 = 1;

/// Most that is read of the file: a thousand plugins have 400 kB.
const LOCK_BYTES: u64 = 1 << 20;

const HEAD: &str = "\
# Which components the plugins of `.flaky-detector.yml` stand for. Keep this file in the repository.
# Written by `flaky plugin add`, `update` and `remove`; a run refuses what differs from it.
";

/// What a lock file says: a plugin per name, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    plugins: Vec<LockedPlugin>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPlugin {
    /// How commands call it.
    pub name: PluginName,
    /// As the configuration writes it.
    pub source: RemotePlugin,
    /// As the plugin says it.
    pub version: String,
    /// Digest of the manifest, of those from registries.
    pub resolved: Option<Sha256Digest>,
    /// Digest of the component.
    pub sha256: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Version of the contract that it was built for.
    pub contract: String,
    /// What it asks to be given or allowed.
    pub wants: Vec<String>,
}

/// A plugin's name in the lock, which is also that of its vendored file: lower-case letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginName(String);

/// Why a text is not a [`PluginName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a plugin's name: expected 1 to 64 lower-case letters, digits or `-`")]
pub struct InvalidName;

impl FromStr for PluginName {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
    }
}

impl PluginName {
    /// The text; safe as a file name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PluginName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A lock file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}:{}{kind}", path.display(), line.map(|line| format!("{line}: ")).unwrap_or_else(|| " ".to_owned()))]
pub struct LockError {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub line: Option<usize>,
    /// What is wrong.
    pub kind: LockErrorKind,
}

/// What is wrong with a lock file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockErrorKind {
    /// It cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A link or a folder.
    #[error("it is no regular file")]
    NotAFile,
    /// What it says.
    #[error(transparent)]
    Invalid(#[from] InvalidLock),
}

/// What a lock file says that it cannot say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLock {
    /// Larger than any real one.
    #[error("it is larger than 1 MiB")]
    TooLarge,
    /// Not TOML, or not this TOML.
    #[error("{0}")]
    Syntax(String),
    /// Written by a later `flaky`.
    #[error("it has version {0}, and this `flaky` reads up to version {VERSION}: use a later one")]
    Newer(u32),
    /// No such version ever was.
    #[error("there is no version {0} of lock files")]
    NoSuchVersion(u32),
    /// Two entries of one name.
    #[error("there are two plugins of the name `{0}`")]
    TwoOfAName(PluginName),
    /// Two entries of one source.
    #[error("there are two plugins of the source `{0}`")]
    TwoOfASource(String),
    /// One key of an entry.
    #[error("`{key}`: {why}")]
    Key {
        /// Which.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl LockError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self.kind {
            LockErrorKind::Io(_) | LockErrorKind::NotAFile => None,
            LockErrorKind::Invalid(InvalidLock::Newer(_)) => None,
            LockErrorKind::Invalid(_) => {
                Some("take the file as it was committed, or delete it and run `flaky plugin update`")
            }
        }
    }
}

impl Lock {
    /// Reads a file; `None` where there is none.
    ///
    /// # Errors
    /// Whatever is wrong with it, by line.
    pub fn load(path: &Path) -> Result<Option<Self>, LockError> {
        let fail = |kind: LockErrorKind| LockError { path: path.to_owned(), line: None, kind };
        let Some(bytes) = read::bytes(path, LOCK_BYTES).map_err(fail)? else { return Ok(None) };
        let text = String::from_utf8(bytes)
            .map_err(|_| fail(InvalidLock::Syntax("it is not UTF-8".into()).into()))?;
        Self::parse(&text).map(Some).map_err(|(line, why)| LockError {
            path: path.to_owned(),
            line,
            kind: why.into(),
        })
    }

    /// Reads a text: the lock, or the line and what is wrong there.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, (Option<usize>, InvalidLock)> {
        read::parse(text).map(|plugins| Self { plugins })
    }

    /// All, sorted by name.
    #[must_use]
    pub fn plugins(&self) -> &[LockedPlugin] {
        &self.plugins
    }

    /// The one with this source.
    #[must_use]
    pub fn of(&self, source: &RemotePlugin) -> Option<&LockedPlugin> {
        self.plugins.iter().find(|plugin| plugin.source == *source)
    }

    /// The one of this name.
    #[must_use]
    pub fn named(&self, name: &PluginName) -> Option<&LockedPlugin> {
        self.plugins.iter().find(|plugin| plugin.name == *name)
    }

    /// Adds one, or puts it in the place of the one with the same source.
    ///
    /// # Errors
    /// When another source has its name.
    pub fn put(&mut self, plugin: LockedPlugin) -> Result<(), InvalidLock> {
        if self.named(&plugin.name).is_some_and(|other| other.source != plugin.source) {
            return Err(InvalidLock::TwoOfAName(plugin.name));
        }
        self.plugins.retain(|other| other.source != plugin.source);
        self.plugins.push(plugin);
        self.plugins.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &PluginName) -> Option<LockedPlugin> {
        let at = self.plugins.iter().position(|plugin| plugin.name == *name)?;
        Some(self.plugins.remove(at))
    }

    /// The file's text: the same for the same plugins.
    #[must_use]
    pub fn text(&self) -> String {
        let document = Document { version: VERSION, plugin: self.plugins.iter().map(Entry::from).collect() };
        // Strings, numbers and lists of strings can always be written.
        let body = toml::to_string(&document).unwrap_or_default();
        format!("{HEAD}{body}")
    }

    /// Writes the file whole, or leaves it as it was.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), LockError> {
        // A file of the same content is left alone: build tools go by its time.
        if fs::read_to_string(path).is_ok_and(|old| old == self.text()) {
            return Ok(());
        }
        flaky_files::write_durably(path, Readers::Anybody, self.text().as_bytes()).map_err(|e| LockError {
            path: path.to_owned(),
            line: None,
            kind: e.into(),
        })
    }
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    plugin: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    source: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<String>,
    sha256: String,
    size: u64,
    contract: &'a str,
    wants: &'a [String],
}

impl<'a> From<&'a LockedPlugin> for Entry<'a> {
    fn from(plugin: &'a LockedPlugin) -> Self {
        Self {
            name: plugin.name.as_str(),
            source: plugin.source.as_str(),
            version: &plugin.version,
            resolved: plugin.resolved.map(|digest| format!("sha256:{digest}")),
            sha256: plugin.sha256.to_string(),
            size: plugin.size,
            contract: &plugin.contract,
            wants: &plugin.wants,
        }
    }
}

#[cfg(test)]
mod tests;
