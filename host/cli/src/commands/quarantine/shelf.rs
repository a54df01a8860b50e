//! The quarantine file of the current folder, as the commands that look at it or change it see it.

use std::io::Write;
use std::path::{Path, PathBuf};

use flaky_config::quarantine::edit::{self, NotUnderstood};
use flaky_config::quarantine::load;
use flaky_config::{ConfigError, ConfigFile, Quarantine, QuarantineEntry};
use flaky_core::date::Date;
use flaky_core::text::visible;

use crate::args::OutputArgs;
use crate::commands::session::Session;
use crate::error::CliError;
use crate::history_place::now;

/// The file, and what it says.
pub(super) struct Shelf {
    pub(super) session: Session,
    /// As the configuration names it.
    pub(super) path: PathBuf,
    /// The configuration of the folder.
    pub(super) config: ConfigFile,
    pub(super) file: Quarantine,
    pub(super) today: Date,
}

impl Shelf {
    pub(super) fn open() -> Result<Self, CliError> {
        let session = Session::open(&OutputArgs { quiet: true, no_color: true })?;
        let folder = Path::new(".");
        let config = flaky_config::load_named_or_own(None, folder).map_err(wrong)?.unwrap_or_default();
        let choice = config.settings.quarantine.clone().unwrap_or_default();
        let Some(path) = choice.file().map(Path::to_owned) else {
            return Err(CliError::usage_text(
                "the configuration says `quarantine: false`: there is none here",
                Some("take the line out, or name a file"),
            ));
        };
        // A file that is to be made need not be there yet.
        let there = path.symlink_metadata().is_ok();
        let file = if there { load(folder, &choice).map_err(wrong)? } else { None };
        Ok(Self { session, path, config, file: file.unwrap_or_default(), today: Date::of(now()) })
    }

    /// Puts an entry behind the others.
    pub(super) fn add(&self, entry: &QuarantineEntry) -> Result<(), CliError> {
        let refused = |e: NotUnderstood| {
            let lines = format!("write it yourself:\n{}", edit::written(entry, 0));
            CliError::usage_text(format!("{}: {e}", self.name()), Some(&lines))
        };
        self.write(&edit::add(&self.text()?, entry).map_err(refused)?)
    }

    /// Takes the entry at this place out.
    pub(super) fn remove(&self, at: usize) -> Result<(), CliError> {
        let refused = |e: NotUnderstood| {
            let place = self.file.place(at).map_or(0, |place| place.line);
            let lines = format!("take the entry at line {place} out yourself");
            CliError::usage_text(format!("{}: {e}", self.name()), Some(&lines))
        };
        self.write(&edit::remove(&self.text()?, at).map_err(refused)?)
    }

    /// The file, in backticks.
    pub(super) fn name(&self) -> String {
        format!("`{}`", visible(&self.path.display().to_string()))
    }

    fn text(&self) -> Result<String, CliError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// All of it or nothing: who reads meanwhile sees the old text or the new one.
    fn write(&self, text: &str) -> Result<(), CliError> {
        flaky_files::rewrite(&self.path, text.as_bytes()).map_err(|e| self.unreadable(&e))
    }

    fn unreadable(&self, error: &std::io::Error) -> CliError {
        CliError::usage_text(format!("{}: {error}", self.name()), None)
    }
}

pub(super) fn wrong(error: ConfigError) -> CliError {
    let hint = error.hint();
    CliError::usage(&error, hint)
}

/// One line to standard output; one that is closed is no reason to panic.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
