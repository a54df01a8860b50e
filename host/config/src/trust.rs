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

/// A key of a file that was not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredKey {
    /// The file.
    pub path: PathBuf,
    /// Where the key stands.
    pub place: Option<Place>,
    /// The key.
    pub key: &'static str,
    /// Why not.
    pub why: NotTrusted,
}

/// Why something that a file asks for does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTrusted {
    /// Nothing of this kind counts in this revision of the file.
    Revision,
    /// Another revision's word holds in its place.
    Differs {
        /// Which, for people.
        holds: String,
    },
    /// One plugin.
    Plugin {
        /// As it was written.
        source: String,
        /// What is missing.
        why: String,
        /// The command that would allow it.
        command: Option<String>,
    },
}

impl IgnoredKey {
    /// Of a key of the top level.
    #[must_use]
    pub fn of(file: &ConfigFile, key: &'static str, why: NotTrusted) -> Self {
        let top = key.split('.').next().unwrap_or(key);
        Self { path: file.path.clone(), place: file.place(top), key, why }
    }
}

impl fmt::Display for IgnoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(place) = self.place {
            write!(f, "{place}:")?;
        }
        let key = self.key;
        match &self.why {
            NotTrusted::Revision => {
                write!(f, " `{key}` is ignored: this revision of the file is not trusted")
            }
            NotTrusted::Differs { holds } if self.place.is_none() => {
                write!(
                    f,
                    " `{key}` is not there, and this revision of the file is not trusted: that of {holds} holds"
                )
            }
            NotTrusted::Differs { holds } => {
                write!(f, " `{key}` of this revision is not trusted: that of {holds} holds")
            }
            NotTrusted::Plugin { source, why, command } => {
                write!(f, " `{key}`: `{source}` is not used: {why}")?;
                command.as_ref().map_or(Ok(()), |command| write!(f, "; to allow it: `{command}`"))
            }
        }
    }
}

/// The keys that run commands, load code, speak to others, or say what fails no run.
macro_rules! guarded {
    ($each:ident) => {
        [
            $each!(plugins),
            $each!(policy),
            $each!(reporters),
            $each!(notify),
            $each!(backend),
            $each!(history),
            $each!(quarantine),
            $each!(env),
            $each!(environment),
            $each!(test_command),
            $each!(test_suites),
            $each!(suites),
        ]
    };
}

/// Takes out of an untrusted file what would run commands, load code, or speak to others.
pub(crate) fn withhold(file: &mut ConfigFile) -> Vec<IgnoredKey> {
    let settings = &mut file.settings;
    macro_rules! take {
        ($key:ident) => {
            (stringify!($key), settings.$key.take().is_some())
        };
    }
    let taken = guarded!(take);
    let mut keys: Vec<&'static str> =
        taken.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect();
    let installs = settings.framework.as_ref().is_some_and(|framework| {
        framework.values().any(|language| language.get("install_command").is_some())
    });
    if installs {
        for language in settings.framework.iter_mut().flat_map(|framework| framework.values_mut()) {
            if let Some(language) = language.as_object_mut() {
                language.remove("install_command");
            }
        }
        keys.push("framework.*.install_command");
    }
    told(file, keys, &NotTrusted::Revision)
}

/// Puts the word of a trusted revision in the place of this one's, wherever the two differ in what runs commands, loads
/// code, or speaks to others. `holds` names the trusted revision.
pub fn prefer(file: &mut ConfigFile, trusted: &ConfigFile, holds: &str) -> Vec<IgnoredKey> {
    let settings = &mut file.settings;
    macro_rules! replace {
        ($key:ident) => {{
            let differs = settings.$key != trusted.settings.$key;
            if differs {
                settings.$key.clone_from(&trusted.settings.$key);
            }
            (stringify!($key), differs)
        }};
    }
    let replaced = guarded!(replace);
    let mut keys: Vec<&'static str> =
        replaced.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect();
    if settings.framework != trusted.settings.framework {
        settings.framework.clone_from(&trusted.settings.framework);
        keys.push("framework");
    }
    told(file, keys, &NotTrusted::Differs { holds: holds.to_owned() })
}

fn told(file: &ConfigFile, keys: Vec<&'static str>, why: &NotTrusted) -> Vec<IgnoredKey> {
    let mut ignored: Vec<IgnoredKey> =
        keys.into_iter().map(|key| IgnoredKey::of(file, key, why.clone())).collect();
    ignored.sort_by_key(|ignored| ignored.place);
    ignored
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn file(text: &str) -> ConfigFile {
        crate::parse(Path::new("a.yml"), text.as_bytes()).unwrap()
    }

    #[test]
    fn where_revisions_differ_the_trusted_one_holds_and_the_line_is_named() {
        let base =
            "test_command: pytest\nenv: {A: b}\nplugins:\n  - {source: a.wasm, grants: [{secret: TOKEN}]}\n";
        for (head, expected) in [
            (base.to_owned(), vec![]),
            // What runs nothing may be changed by anybody.
            (format!("runs: 7\n{base}"), vec![]),
            (base.replace("TOKEN", "OTHER"), vec!["3:1: `plugins` of this revision"]),
            (base.replace("a.wasm", "b.wasm"), vec!["3:1: `plugins` of this revision"]),
            (base.replace("pytest", "make"), vec!["1:1: `test_command` of this revision"]),
            (
                format!("{base}reporters: [slack]\n").replace("A: b", "A: c"),
                vec!["2:1: `env` of this revision", "5:1: `reporters` of this revision"],
            ),
            (
                String::new(),
                vec![" `plugins` is not there", " `env` is not there", " `test_command` is not there"],
            ),
        ] {
            let (mut settled, trusted) = (file(&head), file(base));
            let ignored = prefer(&mut settled, &trusted, "`main` (0123abc)");
            assert_eq!(ignored.len(), expected.len(), "{head}: {ignored:?}");
            for (ignored, text) in ignored.iter().zip(expected) {
                let said = ignored.to_string();
                assert!(said.contains(text) && said.ends_with("that of `main` (0123abc) holds"), "{said}");
            }
            let keys = |file: &ConfigFile| {
                let settings = &file.settings;
                (
                    settings.plugins.clone(),
                    settings.env.clone(),
                    settings.test_command.clone(),
                    settings.reporters.clone(),
                )
            };
            assert_eq!(keys(&settled), keys(&trusted), "{head}");
        }
    }
}
