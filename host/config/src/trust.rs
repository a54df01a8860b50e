//! What the file of an untrusted revision may not ask for.

use std::fmt;
use std::path::PathBuf;

use crate::error::Place;
use crate::file::ConfigFile;

/// Whether what a project's own file asks for may run commands and load plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The user's own tree, or an approved revision.
    Trusted,
    /// Anybody's: a pull request's head, say.
    Untrusted,
}

/// A key of an untrusted file that was not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredKey {
    /// The file.
    pub path: PathBuf,
    /// Where the key stands.
    pub place: Option<Place>,
    /// The key.
    pub key: &'static str,
}

impl fmt::Display for IgnoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(place) = self.place {
            write!(f, "{place}:")?;
        }
        write!(f, " `{}` is ignored: this revision of the file is not trusted", self.key)
    }
}

/// Takes out of an untrusted file what would run commands, load code, or speak to others.
pub(crate) fn withhold(file: &mut ConfigFile) -> Vec<IgnoredKey> {
    let settings = &mut file.settings;
    let installs = settings.framework.as_ref().is_some_and(|framework| {
        framework.values().any(|language| language.get("install_command").is_some())
    });
    let taken = [
        ("plugins", settings.plugins.take().is_some()),
        ("policy", settings.policy.take().is_some()),
        ("reporters", settings.reporters.take().is_some()),
        ("notify", settings.notify.take().is_some()),
        ("backend", settings.backend.take().is_some()),
        ("env", settings.env.take().is_some()),
        ("environment", settings.environment.take().is_some()),
        ("test_command", settings.test_command.take().is_some()),
        ("test_suites", settings.test_suites.take().is_some()),
        ("suites", settings.suites.take().is_some()),
    ];
    let mut keys: Vec<&'static str> =
        taken.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect();
    if installs {
        for language in settings.framework.iter_mut().flat_map(|framework| framework.values_mut()) {
            if let Some(language) = language.as_object_mut() {
                language.remove("install_command");
            }
        }
        keys.push("framework.*.install_command");
    }
    let mut ignored: Vec<IgnoredKey> = keys
        .into_iter()
        .map(|key| {
            let top = key.split('.').next().unwrap_or(key);
            IgnoredKey { path: file.path.clone(), place: file.place(top), key }
        })
        .collect();
    ignored.sort_by_key(|ignored| ignored.place);
    ignored
}
