//! The worker's own paths in place of stand-ins.

use std::path::Path;

use flaky_exec::AttemptPaths;
use flaky_plugin_host::{Command, EnvChange};
use flaky_runpod::wire::{WireCommand, WireEnv, placeholder};

/// What stands for what.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(Vec<(&'static str, String)>);

impl Places {
    /// As an installation sees them; before there is a slot.
    pub(super) fn of_installation(env_dir: Option<&Path>, tree: &Path) -> Self {
        let mut places = Self(vec![(placeholder::TREE, tree.display().to_string())]);
        places.add_env_dir(env_dir);
        places
    }

    /// As the attempts of a slot see them.
    pub(super) fn of_attempt(env_dir: Option<&Path>, paths: &AttemptPaths) -> Self {
        let mut places = Self(vec![
            (placeholder::TREE, paths.tree.display().to_string()),
            (placeholder::REPORT_DIR, paths.report_dir.display().to_string()),
            (placeholder::SUPPORT_DIR, paths.support_dir.display().to_string()),
        ]);
        places.add_env_dir(env_dir);
        places
    }

    fn add_env_dir(&mut self, env_dir: Option<&Path>) {
        self.0.extend(env_dir.map(|path| (placeholder::ENV_DIR, path.display().to_string())));
    }

    /// In a text.
    pub(super) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (stand_in, place)| text.replace(stand_in, place))
    }

    /// In a file, which need not be text.
    pub(super) fn bytes(&self, content: &[u8]) -> Vec<u8> {
        self.0.iter().fold(content.to_owned(), |content, (stand_in, place)| {
            replace(&content, stand_in.as_bytes(), place.as_bytes())
        })
    }

    /// In a command.
    pub(super) fn command(&self, command: &WireCommand) -> Command {
        Command {
            argv: command.argv.iter().map(|word| self.text(word)).collect(),
            env: self.changes(&command.env),
            cwd: command.cwd.clone(),
        }
    }

    /// In values of variables.
    pub(super) fn changes(&self, changes: &[(String, WireEnv)]) -> Vec<(String, EnvChange)> {
        let change = |change: &WireEnv| match change {
            WireEnv::Set(value) => EnvChange::Set(self.text(value)),
            WireEnv::Remove => EnvChange::Remove,
            WireEnv::Prepend(value) => EnvChange::Prepend(self.text(value)),
        };
        changes.iter().map(|(name, value)| (name.clone(), change(value))).collect()
    }
}

fn replace(content: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        let (before, from) = rest.split_at(at);
        filled.extend_from_slice(before);
        filled.extend_from_slice(with);
        rest = from.get(what.len()..).unwrap_or_default();
    }
    filled.extend_from_slice(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_become_paths_in_words_values_and_files() {
        let places =
            Places(vec![(placeholder::TREE, "/srv/tree".into()), (placeholder::ENV_DIR, "/env".into())]);
        let command = WireCommand {
            argv: vec![
                "@@flaky:env-dir@@/bin/python".into(),
                "--root=@@flaky:tree@@/sub".into(),
                "@@x@@".into(),
            ],
            env: vec![
                ("PATH".into(), WireEnv::Prepend("@@flaky:env-dir@@/bin".into())),
                ("TWO".into(), WireEnv::Set("@@flaky:tree@@:@@flaky:tree@@".into())),
                ("GONE".into(), WireEnv::Remove),
            ],
            cwd: "sub".into(),
        };
        let filled = places.command(&command);
        assert_eq!(filled.argv, ["/env/bin/python", "--root=/srv/tree/sub", "@@x@@"]);
        assert_eq!(
            filled.env,
            [
                ("PATH".to_owned(), EnvChange::Prepend("/env/bin".into())),
                ("TWO".to_owned(), EnvChange::Set("/srv/tree:/srv/tree".into())),
                ("GONE".to_owned(), EnvChange::Remove),
            ]
        );
        assert_eq!(
            places.bytes(b"\xffroot = '@@flaky:tree@@'\n@@flaky:"),
            b"\xffroot = '/srv/tree'\n@@flaky:"
        );
        assert_eq!(places.bytes(b""), b"");
    }
}
