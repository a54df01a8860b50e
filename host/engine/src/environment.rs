//! The environment of tests: what the user has, less our secrets, plus what settings and frameworks add.

use std::ffi::{OsStr, OsString};

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

#[cfg(test)]
mod tests {
    use super::*;

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
