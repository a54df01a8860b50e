//! The environment of tests: what the user has, less our secrets, plus what settings and frameworks add.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use flaky_plugin_host::EnvChange;

/// Complete environment of a command, each name once, in the order in which names first came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    pub(crate) fn new(variables: Vec<(OsString, OsString)>) -> Self {
        Self(variables)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_os_str())
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<OsString>) {
        let value = value.into();
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }

    pub(crate) fn apply(&mut self, changes: &[(String, EnvChange)]) {
        for (name, change) in changes {
            match change {
                EnvChange::Set(value) => self.set(name, value),
                EnvChange::Remove => self.0.retain(|(n, _)| n != name.as_str()),
                EnvChange::Prepend(value) => {
                    let mut list = OsString::from(value);
                    if let Some(old) = self.get(name).filter(|o| !o.is_empty()) {
                        list.push(":");
                        list.push(old);
                    }
                    self.set(name, list);
                }
            }
        }
    }

    pub(crate) fn into_variables(self) -> Vec<(OsString, OsString)> {
        self.0
    }
}

/// Folders that attempts have a private one of, at the levels with name spaces.
const PRIVATE: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Folders below a temporary one that the environment or the command names as places of programs: a virtual
/// environment in `/tmp`, say.
pub(crate) fn tools_in_temporary_folders(env: &Environment, argv: &[String]) -> Vec<PathBuf> {
    let list = |name: &str| env.get(name).map(OsStr::to_owned).unwrap_or_default();
    let (path, libraries, virtual_env) = (list("PATH"), list("PYTHONPATH"), list("VIRTUAL_ENV"));
    let programs = std::env::split_paths(&path)
        .chain(argv.first().map(PathBuf::from).and_then(|program| program.parent().map(Path::to_owned)));
    let whole = |folder: PathBuf| match folder.parent() {
        // The libraries of what stands in `bin` are beside it.
        Some(parent) if folder.ends_with("bin") => parent.to_owned(),
        _ => folder,
    };
    programs
        .map(whole)
        .chain(std::env::split_paths(&libraries))
        .chain(std::env::split_paths(&virtual_env))
        .filter(|folder| PRIVATE.iter().any(|p| folder.starts_with(p) && folder != Path::new(p)))
        .filter(|folder| folder.is_dir())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_that_stand_in_a_temporary_folder_are_found() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let bin = folder.path().join("venv/bin");
        std::fs::create_dir_all(&bin).unwrap();
        let path = format!("/usr/bin:{}:/tmp:/tmp/no-such-folder-here", bin.display());
        let env = Environment::new(vec![("PATH".into(), path.into())]);
        assert_eq!(tools_in_temporary_folders(&env, &[]), [folder.path().join("venv")]);
        let program = bin.join("pytest").display().to_string();
        assert_eq!(
            tools_in_temporary_folders(&Environment::default(), &[program]),
            [folder.path().join("venv")]
        );
    }

    #[test]
    fn changes_apply_in_order_and_every_name_stands_once() {
        let mut env = Environment::new(vec![("PATH".into(), "/bin".into()), ("GONE".into(), "x".into())]);
        env.apply(&[
            ("PATH".into(), EnvChange::Prepend("/venv/bin".into())),
            ("GONE".into(), EnvChange::Remove),
            ("NEW".into(), EnvChange::Prepend("a".into())),
            ("NEW".into(), EnvChange::Set("b".into())),
        ]);
        let expected: Vec<(OsString, OsString)> =
            vec![("PATH".into(), "/venv/bin:/bin".into()), ("NEW".into(), "b".into())];
        assert_eq!(env.into_variables(), expected);
    }
}
