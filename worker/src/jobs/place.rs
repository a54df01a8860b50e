//! A folder for one job, removed with it.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::PathBuf;

use flaky_config::job::GitToken;
use flaky_exec::checkout::{CheckoutSettings, HttpsToken};
use tempfile::TempDir;

use super::settings::{KnownHosts, Settings, Use};

/// What a job has of its own, beside its sources.
#[derive(Debug)]
pub(super) struct Place {
    folder: TempDir,
    /// `HOME` of tests, where isolation does not give each attempt its own: empty, so that nothing of one job is found
    /// by another.
    home: PathBuf,
    known_hosts: Option<PathBuf>,
}

impl Place {
    /// Makes it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn make(settings: &Settings) -> io::Result<Self> {
        // Others may pass through, and cannot look around.
        let folder = tempfile::Builder::new()
            .prefix("job-")
            .permissions(Permissions::from_mode(0o711))
            .tempdir_in(settings.jobs_folder())?;
        let home = folder.path().join("home");
        DirBuilder::new().mode(0o700).create(&home)?;
        if let Some(user) = settings.run_as {
            chown(&home, Some(user.uid), Some(user.gid))?;
        }
        let known_hosts = match &settings.known_hosts {
            None => None,
            Some(KnownHosts::File(path)) => Some(path.clone()),
            Some(KnownHosts::Lines(lines)) => {
                let path = folder.path().join("known_hosts");
                fs::write(&path, lines)?;
                Some(path)
            }
        };
        Ok(Self { folder, home, known_hosts })
    }

    /// The environment of tests.
    pub(super) fn environment(&self, settings: &Settings) -> Vec<(OsString, OsString)> {
        let home = ("HOME".into(), self.home.clone().into_os_string());
        settings.environment.iter().cloned().chain([home]).collect()
    }

    /// How to fetch. A job's own token goes before the endpoint's; whoever sends a job may do no more with the
    /// endpoint's than it was given for.
    pub(super) fn checkout(&self, settings: &Settings, token: Option<&GitToken>) -> CheckoutSettings {
        let defaults = CheckoutSettings::default();
        CheckoutSettings {
            token: token
                .and_then(|token| HttpsToken::new(token.secret()))
                .or_else(|| settings.git_token.clone()),
            ssh_key: settings.git_ssh_key.clone(),
            known_hosts: self.known_hosts.clone(),
            // Keys of whoever started the worker are for their own use.
            home: defaults.home.clone().filter(|_| settings.usage == Use::Local),
            owner: settings.run_as,
            ..defaults
        }
    }

    /// Removes it; also happens on drop.
    pub(super) fn close(self) {
        // What tests left there under another name space's rules may resist; it is in nobody's way.
        let _ = self.folder.close();
    }
}
