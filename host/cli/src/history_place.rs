//! Where a history is kept, for every command that reads or writes one: what was typed over the variable
//! `FLAKY_HISTORY`, that over the configuration, that over the user's state folder.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use flaky_config::{HistoryEntry, HistoryStore, InvalidStore, SecretMissing};
use flaky_core::history::Timestamp;
use flaky_core::period::Period;
use flaky_engine::folders::Folders;
use flaky_history::{Access, History, HistoryError, HistoryPlace};

use crate::args::{KeepArgs, PlaceArgs};
use crate::commands::session::Session;
use crate::commands::settled_file;
use crate::error::CliError;

/// The variable that names a place.
pub(crate) const VARIABLE: &str = "FLAKY_HISTORY";

/// Where a history is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) place: HistoryPlace,
    /// Runs that are older are taken away after each run that is added.
    pub(crate) keep: Option<Period>,
}

/// Why a place is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPlace {
    #[error("{said_by}: {why}")]
    Invalid { said_by: &'static str, why: InvalidStore },
    #[error(transparent)]
    Secret(#[from] SecretMissing),
}

/// What is said of a place, and by whom, outside of a configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    typed: Option<String>,
    variable: Option<String>,
}

impl Said {
    /// Of this process, for a run.
    pub(crate) fn of_run(args: &KeepArgs) -> Self {
        let typed = if args.no_history { Some("off".to_owned()) } else { args.history.clone() };
        Self { typed, variable: variable(VARIABLE).filter(|text| !text.trim().is_empty()) }
    }

    /// What was typed is a place, or wrong usage: known before anything runs.
    pub(crate) fn check(args: &KeepArgs) -> Result<(), CliError> {
        let Some(text) = &args.history else { return Ok(()) };
        let wrong = |why| CliError::usage(&NoPlace::Invalid { said_by: "`--history`", why }, None);
        HistoryStore::typed(text).map(drop).map_err(wrong)
    }

    fn of_command(args: &PlaceArgs) -> Self {
        Self { typed: args.history.clone(), ..Self::of_run(&KeepArgs::default()) }
    }

    /// The place; `None`: there is to be no history. `beside`: the folder that paths in the configuration are meant from.
    pub(crate) fn place(
        &self,
        entry: &HistoryEntry,
        beside: Option<&Path>,
        folders: &Folders,
        secret: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Kept>, NoPlace> {
        let said = [("`--history`", &self.typed), ("`FLAKY_HISTORY`", &self.variable)];
        let said = said.into_iter().find_map(|(by, text)| text.as_deref().map(|text| (by, text)));
        let (store, beside, keep) = match said {
            Some((said_by, text)) => {
                let store = HistoryStore::typed(text).map_err(|why| NoPlace::Invalid { said_by, why })?;
                (store, None, None)
            }
            None => (entry.store.clone(), beside, entry.keep),
        };
        let place = match store {
            HistoryStore::Nowhere => return Ok(None),
            HistoryStore::Usual => HistoryPlace::File(folders.history()),
            HistoryStore::File(path) => HistoryPlace::File(match beside {
                Some(folder) => folder.join(path),
                None => PathBuf::from(path),
            }),
            HistoryStore::Postgres(url) => HistoryPlace::Postgres(url.filled(secret)?),
        };
        Ok(Some(Kept { place, keep }))
    }
}

/// A variable of this process.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The history that commands of this folder speak of.
///
/// # Errors
/// When there is to be none, or it is not known where.
pub(crate) async fn of_folder(session: &Session, args: &PlaceArgs) -> Result<Kept, CliError> {
    of_folder_if_any(session, args).await?.ok_or_else(|| {
        CliError::usage_text(
            "no history is kept here",
            Some("name one: `--history FILE`, or `FLAKY_HISTORY`"),
        )
    })
}

/// The same for commands that can do without one; `None`: there is to be none.
///
/// # Errors
/// When it is not known where.
pub(crate) async fn of_folder_if_any(session: &Session, args: &PlaceArgs) -> Result<Option<Kept>, CliError> {
    let said = Said::of_command(args);
    let needs_file = said.typed.is_none() && said.variable.is_none();
    let file = if needs_file { settled_file(session, args.config.as_deref()).await? } else { None };
    let entry = file.as_ref().and_then(|file| file.settings.history.clone()).unwrap_or_default();
    let beside = file.as_ref().and_then(|file| file.path.parent());
    let kept = said.place(&entry, beside, &session.folders, &variable);
<<<<<<< HEAD
    kept.map_err(|e| CliError::usage(&e, None))
=======
    kept.map_err(|e| CliError::usage(&e, None))?.ok_or_else(|| {
        CliError::usage_text(
            "no history is kept here",
            Some("name one: `--history FILE`, or `FLAKY_HISTORY`"),
        )
    })
>>>>>>> past
}

/// Opens the history of this folder.
///
/// # Errors
/// When it cannot be found or opened.
pub(crate) async fn open(session: &Session, args: &PlaceArgs, access: Access) -> Result<History, CliError> {
    let kept = of_folder(session, args).await?;
    History::open(&kept.place, access).await.map_err(|e| unusable(&e))
}

/// An error of the store, as the program says it.
pub(crate) fn unusable(error: &HistoryError) -> CliError {
    CliError::usage(error, None)
}

/// The time, for periods.
pub(crate) fn now() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_wins_over_the_variable_and_that_over_the_configuration() {
        let folders = Folders { state: "/state".into(), cache: "/cache".into() };
        let configured = |store| HistoryEntry { store, keep: Some(Period::days(90)) };
        let file = |path: &str| HistoryStore::File(path.to_owned());
        let place = |typed: Option<&str>, variable: Option<&str>, entry: &HistoryEntry| {
            let said = Said { typed: typed.map(str::to_owned), variable: variable.map(str::to_owned) };
            match said.place(entry, Some(Path::new("/shop")), &folders, &|_| None) {
                Ok(Some(kept)) => format!("{} {:?}", kept.place, kept.keep.map(Period::seconds)),
                Ok(None) => "none".to_owned(),
                Err(error) => error.to_string(),
            }
        };
        let postgres =
            HistoryStore::of_file("postgres://f:${{ secrets.FLAKY_HISTORY_PASSWORD }}@db/f").unwrap();
        for (typed, variable, entry, expected) in [
            (None, None, HistoryEntry::default(), "/state/history.sqlite None"),
            (None, None, configured(file("h.sqlite")), "/shop/h.sqlite Some(7776000)"),
            (None, None, configured(file("/var/h.sqlite")), "/var/h.sqlite Some(7776000)"),
            (None, Some("v.sqlite"), configured(file("h.sqlite")), "v.sqlite None"),
            (Some("t.sqlite"), Some("v.sqlite"), configured(file("h.sqlite")), "t.sqlite None"),
            (None, None, configured(HistoryStore::Nowhere), "none"),
            (Some("off"), Some("v.sqlite"), HistoryEntry::default(), "none"),
            (
                None,
                Some("mysql://a:hunter2@b"),
                HistoryEntry::default(),
                "`FLAKY_HISTORY`: `mysql` is no kind",
            ),
            (None, None, configured(postgres), "the variable `FLAKY_HISTORY_PASSWORD` is not set"),
            (Some("postgres://f:hunter2@db/f"), None, HistoryEntry::default(), "postgres://f@db/f"),
        ] {
            let said = place(typed, variable, &entry);
            assert!(said.starts_with(expected), "{typed:?} {variable:?}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
