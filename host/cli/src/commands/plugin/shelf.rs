//! The configuration and the lock beside it, as the commands that change them see them.

use std::io::Write;
use std::path::{Path, PathBuf};

use flaky_config::{ConfigError, FILE_NAME, PluginAddress, PluginEntry, edit};
use flaky_core::digest::Sha256Digest;
use flaky_core::text::visible;
use flaky_engine::trust::{Approval, Approvals, ApprovalsError};
use flaky_plugin_registry::{LOCK_FILE_NAME, LockRule, LockedPlugin, Network, Supply};

use crate::args::OutputArgs;
use crate::args::plugin::source::ConfigArgs;
use crate::commands::authority;
use crate::commands::session::Session;
use crate::commands::tell::warn;
use crate::error::CliError;
use crate::supply;

/// What stands beside each other in a repository.
pub(super) struct Shelf {
    pub(super) session: Session,
    pub(super) config: PathBuf,
    pub(super) folder: PathBuf,
    /// The configuration's text; `None`: there is none yet.
    text: Option<String>,
    pub(super) entries: Vec<PluginEntry>,
    pub(super) supply: Supply,
}

impl Shelf {
    pub(super) fn open(args: &ConfigArgs, network: Network) -> Result<Self, CliError> {
        let session = Session::open(&OutputArgs { quiet: true, no_color: true })?;
        let config = match &args.config {
            Some(path) => path.clone(),
            // A file that is there is looked at as a run does; a new one is made here.
            None => {
                flaky_config::discover(Path::new(".")).map_err(wrong)?.unwrap_or_else(|| FILE_NAME.into())
            }
        };
        let there = args.config.is_some() || config.symlink_metadata().is_ok();
        let (text, entries) = if there {
            let file = flaky_config::load(&config).map_err(wrong)?;
            let text = std::fs::read_to_string(&config).map_err(|e| unreadable(&config, &e))?;
            (Some(text), file.settings.plugins.unwrap_or_default())
        } else {
            (None, Vec::new())
        };
        let folder = config.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.to_owned();
        let supply = supply::open(&session.folders, &folder, LockRule::Fill, network)?;
        Ok(Self { session, config, folder, text, entries, supply })
    }

    /// Adds a line to the configuration.
    pub(super) fn add_line(&mut self, source: &str) -> Result<(), CliError> {
        let refused = |e: edit::NotUnderstood| {
            let lines = format!("write it yourself:\nplugins:\n{}", edit::plugin_line(source));
            CliError::usage_text(format!("`{}`: {e}", self.config.display()), Some(&lines))
        };
        let text = match &self.text {
            None => edit::new_file(source),
            Some(text) => edit::add_plugin(text, source).map_err(refused)?,
        };
        self.write(text)
    }

    /// Takes a line out of the configuration.
    pub(super) fn remove_line(&mut self, at: usize) -> Result<(), CliError> {
        let refused = |e: edit::NotUnderstood| {
            let source = self.entries.get(at).map(|entry| entry.source.to_string()).unwrap_or_default();
            let lines = format!("take the entry of `{source}` out yourself, then run this command again");
            CliError::usage_text(format!("`{}`: {e}", self.config.display()), Some(&lines))
        };
        let text = edit::remove_plugin(self.text.as_deref().unwrap_or_default(), at).map_err(refused)?;
        self.write(text)
    }

    fn write(&mut self, text: String) -> Result<(), CliError> {
        flaky_files::rewrite(&self.config, text.as_bytes()).map_err(|e| unreadable(&self.config, &e))?;
        self.text = Some(text);
        Ok(())
    }

    pub(super) fn save_lock(&self) -> Result<(), CliError> {
        self.supply.lock.save(&self.lock_path()).map_err(|e| CliError::fault(&e, None))
    }

    /// What is typed here is the user's own word: the plugin counts in this folder, as it is now and with what its entry
    /// grants it. Where nothing can be kept, `flaky plugin trust` says what is missing.
    pub(super) fn approve(&self, source: &str, sha256: Sha256Digest) {
        let (Some(keeping), Ok(repository)) = (authority::config_folder(), self.folder.canonicalize()) else {
            return;
        };
        let entry = self.entries.iter().find(|entry| entry.source.to_string() == source);
        let grants = entry.map(|entry| entry.terms.grants.clone()).unwrap_or_default();
        let keep = || -> Result<PathBuf, ApprovalsError> {
            let mut approvals = Approvals::read(&keeping)?;
            approvals.approve(Approval { repository, source: source.to_owned(), sha256, grants });
            approvals.write(&keeping)
        };
        if let Err(error) = keep() {
            warn(&format!("{error}: approve it by `flaky plugin trust`"));
        }
    }

    pub(super) fn lock_path(&self) -> PathBuf {
        self.folder.join(LOCK_FILE_NAME)
    }

    /// The place in the configuration of what a text names: a name of the lock, or a source as it is written.
    pub(super) fn entry_named(&self, text: &str) -> Option<usize> {
        let locked = self.locked_named(text).map(|locked| locked.source.to_string());
        let wanted = locked.as_deref().unwrap_or(text);
        self.entries.iter().position(|entry| entry.source.to_string() == wanted)
    }

    pub(super) fn locked_named(&self, text: &str) -> Option<&LockedPlugin> {
        self.supply.lock.plugins().iter().find(|p| p.name.as_str() == text || p.source.as_str() == text)
    }

    /// Names that commands take, for messages.
    pub(super) fn known(&self) -> String {
        let names = self.supply.lock.plugins().iter().map(|plugin| plugin.name.to_string());
        let others = self.entries.iter().filter(|entry| match &entry.source {
            PluginAddress::Remote(source) => self.supply.lock.of(source).is_none(),
            PluginAddress::Builtin(_) | PluginAddress::File(_) => true,
        });
        let all: Vec<String> =
            names.chain(others.map(|e| e.source.to_string())).map(|n| format!("`{n}`")).collect();
        if all.is_empty() {
            "there is none".to_owned()
        } else {
            format!("expected one of {}", all.join(", "))
        }
    }
}

pub(super) fn wrong(error: ConfigError) -> CliError {
    let hint = error.hint();
    CliError::usage(&error, hint)
}

fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::usage_text(format!("`{}`: {error}", path.display()), None)
}

/// To standard output; one that is closed is no reason to panic.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", visible(text));
}
