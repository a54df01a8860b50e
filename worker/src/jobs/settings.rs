//! What the worker's surroundings say of every job: folders, credentials, the tests' user, defaults.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flaky_config::job::Defaults;
use flaky_config::{InvalidTestCommand, Trust};
use flaky_core::settings::InvalidSetting;
use flaky_engine::folders::{Folders, NoFolder};
use flaky_exec::checkout::{HttpsToken, SshKey};
use flaky_exec::{LauncherProgram, RunAs};

use super::environment;

/// Whom the worker works for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Whoever may send jobs to the endpoint.
    Platform,
    /// Whoever started it, on their own machine: `repo` and plugins may be paths.
    Local,
}

/// What holds for every job. Read once, before the worker clears its own environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom the worker works for.
    pub usage: Use,
    /// Where things are kept.
    pub folders: Folders,
    /// For fetching over https: `FLAKY_GIT_TOKEN`. A job's own token goes before it.
    pub git_token: Option<HttpsToken>,
    /// For fetching over SSH: `FLAKY_GIT_SSH_KEY`, the private key itself.
    pub git_ssh_key: Option<SshKey>,
    /// Known SSH hosts: `FLAKY_KNOWN_HOSTS`.
    pub known_hosts: Option<KnownHosts>,
    /// Whether commands, plugins and variables of a fetched repository's own file count:
    /// `FLAKY_TRUST_REPOSITORY_CONFIG`.
    pub fetched: Trust,
    /// As whom tests run: `FLAKY_TEST_USER`; `None` is as the worker itself.
    pub run_as: Option<RunAs>,
    /// For what jobs leave out: `TEST_COMMAND`, `FLAKY_TEST_RUNS`, `FLAKY_TEST_PARALLELISM`.
    pub defaults: Defaults,
    /// What tests inherit, without `HOME`.
    pub environment: Vec<(OsString, OsString)>,
    /// What becomes the launcher.
    pub launcher: LauncherProgram,
}

/// Known SSH hosts as a variable can name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownHosts {
    /// A file.
    File(PathBuf),
    /// The lines themselves, for endpoints, where nothing but variables can be given.
    Lines(String),
}

/// Why the worker cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A variable's value. It is not repeated: it may be a secret that was put there by mistake.
    #[error("the variable `{name}` {why}")]
    Variable {
        /// Which.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// There is no place to keep things.
    #[error(transparent)]
    NoFolder(#[from] NoFolder),
    /// A folder cannot be made.
    #[error("`{}`: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder that tests have to reach is closed to them.
    #[error(
        "`{}` cannot be entered by the tests' user {uid}: name other folders with `FLAKY_STATE_DIR` and `FLAKY_CACHE_DIR`, or \
         open it with `chmod o+x`",
        path.display()
    )]
    Closed {
        /// Which.
        path: PathBuf,
        /// Whom it is closed to.
        uid: u32,
    },
}

/// The user that the worker's image makes for tests: no other process of a usual system runs as this one.
const TEST_UID: u32 = 10_001;

/// Where a worker that is root keeps things unless told otherwise: `/root` is closed to the tests' user.
const ROOTS_STATE: &str = "/var/lib/flaky";
const ROOTS_CACHE: &str = "/var/cache/flaky";

impl Settings {
    /// Reads the variables that the worker was started with.
    ///
    /// # Errors
    /// When one has a value that means nothing.
    pub fn from_environment(usage: Use, variables: &[(OsString, OsString)]) -> Result<Self, SettingsError> {
        let vars = Variables(variables);
        let is_root = effective_uid() == Some(0);
        Ok(Self {
            usage,
            folders: folders(&vars, usage, is_root)?,
            git_token: vars.text("FLAKY_GIT_TOKEN")?.map(|text| token(&text)).transpose()?,
            git_ssh_key: vars.text("FLAKY_GIT_SSH_KEY")?.map(|text| ssh_key(&text)).transpose()?,
            known_hosts: vars.text("FLAKY_KNOWN_HOSTS")?.map(known_hosts),
            fetched: trust(&vars)?,
            run_as: run_as(&vars, usage, is_root)?,
            defaults: defaults(&vars)?,
            environment: environment::of_tests(variables),
            launcher: LauncherProgram::CurrentExe,
        })
    }

    /// One folder per running job.
    pub(super) fn jobs_folder(&self) -> PathBuf {
        self.folders.state.join("jobs")
    }

    /// Makes the folders, and sees to it that the tests' user can reach what it has to.
    pub(super) fn make_folders(&self) -> Result<(), SettingsError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SettingsError::Folder { path, source }
        };
        for folder in [self.jobs_folder(), self.folders.environments()] {
            fs::create_dir_all(&folder).map_err(failed(&folder))?;
            let Some(RunAs { uid, .. }) = self.run_as else { continue };
            let folder = folder.canonicalize().map_err(failed(&folder))?;
            for ancestor in folder.ancestors() {
                let mode = fs::metadata(ancestor).map_err(failed(ancestor))?.permissions().mode();
                if mode & 0o001 == 0 {
                    return Err(SettingsError::Closed { path: ancestor.to_owned(), uid });
                }
            }
        }
        Ok(())
    }
}

/// The variables by name.
struct Variables<'v>(&'v [(OsString, OsString)]);

impl Variables<'_> {
    fn raw(&self, name: &str) -> Option<&OsStr> {
        let (_, value) = self.0.iter().find(|(n, _)| n == name)?;
        Some(value.as_os_str()).filter(|value| !value.is_empty())
    }

    /// Without blanks around; what is empty is not set.
    fn text(&self, name: &'static str) -> Result<Option<String>, SettingsError> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        let text = value.to_str().ok_or_else(|| invalid(name, "is not UTF-8 text"))?.trim();
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    fn setting<T: std::str::FromStr<Err = InvalidSetting>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, SettingsError> {
        let parsed = self.text(name)?.map(|text| text.parse::<T>()).transpose();
        parsed.map_err(|error| invalid(name, format!("cannot be used: {error}")))
    }
}

fn invalid(name: &'static str, why: impl Into<String>) -> SettingsError {
    SettingsError::Variable { name, why: why.into() }
}

fn token(text: &str) -> Result<HttpsToken, SettingsError> {
    HttpsToken::new(text).ok_or_else(|| invalid("FLAKY_GIT_TOKEN", "contains a control character"))
}

fn ssh_key(text: &str) -> Result<SshKey, SettingsError> {
    SshKey::new(text).map_err(|error| invalid("FLAKY_GIT_SSH_KEY", format!("cannot be used: {error}")))
}

fn folders(vars: &Variables<'_>, usage: Use, is_root: bool) -> Result<Folders, SettingsError> {
    let given = |name: &str| vars.raw(name).map(PathBuf::from);
    if usage == Use::Platform && is_root {
        return Ok(Folders {
            state: given("FLAKY_STATE_DIR").unwrap_or_else(|| ROOTS_STATE.into()),
            cache: given("FLAKY_CACHE_DIR").unwrap_or_else(|| ROOTS_CACHE.into()),
        });
    }
    Ok(Folders::from_environment(|name| vars.raw(name).map(OsStr::to_owned))?)
}

/// A line of known hosts has blanks between host, type and key; a path on a worker has none.
fn known_hosts(text: String) -> KnownHosts {
    if text.contains(char::is_whitespace) {
        KnownHosts::Lines(text + "\n")
    } else {
        KnownHosts::File(text.into())
    }
}

fn trust(vars: &Variables<'_>) -> Result<Trust, SettingsError> {
    let name = "FLAKY_TRUST_REPOSITORY_CONFIG";
    match vars.text(name)?.as_deref() {
        Some("true") => Ok(Trust::Trusted),
        Some("false") | None => Ok(Trust::Untrusted),
        Some(_) => Err(invalid(name, "must be `true` or `false`")),
    }
}

/// A worker that is root gives tests another user. On somebody's own machine only when asked: their folders may be
/// closed to others.
fn run_as(vars: &Variables<'_>, usage: Use, is_root: bool) -> Result<Option<RunAs>, SettingsError> {
    let name = "FLAKY_TEST_USER";
    let given = vars.text(name)?.map(|text| user(&text)).transpose();
    let given = given.map_err(|why| invalid(name, why))?;
    match (given, usage) {
        _ if !is_root => Ok(None),
        (Some(user), _) => Ok(Some(user)),
        (None, Use::Platform) => Ok(Some(RunAs { uid: TEST_UID, gid: TEST_UID })),
        (None, Use::Local) => Ok(None),
    }
}

/// `UID`, or `UID:GID`.
fn user(text: &str) -> Result<RunAs, String> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|id| *id != 0 && *id != u32::MAX);
    let (uid, gid) = text.split_once(':').unwrap_or((text, text));
    match (number(uid), number(gid)) {
        (Some(uid), Some(gid)) => Ok(RunAs { uid, gid }),
        _ => Err("must be a user id, or user and group id as `UID:GID`, neither of them 0".to_owned()),
    }
}

fn defaults(vars: &Variables<'_>) -> Result<Defaults, SettingsError> {
    let name = "TEST_COMMAND";
    let test_command = vars.text(name)?.map(|text| text.parse()).transpose();
    Ok(Defaults {
        test_command: test_command
            .map_err(|error: InvalidTestCommand| invalid(name, format!("cannot be used: {error}")))?,
        runs: vars.setting("FLAKY_TEST_RUNS")?,
        parallelism: vars.setting("FLAKY_TEST_PARALLELISM")?,
    })
}

/// As whom we act; the owner of `/proc/self` would be root for a process that protects its memory.
fn effective_uid() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(usage: Use, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables: Vec<(OsString, OsString)> = [("HOME", "/home/somebody")]
            .iter()
            .chain(variables)
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        Settings::from_environment(usage, &variables)
    }

    #[test]
    fn secrets_are_read_and_never_shown() {
        let key = "-----BEGIN PRIVATE KEY-----\\ncanary\\n-----END PRIVATE KEY-----";
        let vars = [("FLAKY_GIT_TOKEN", "canary-token"), ("FLAKY_GIT_SSH_KEY", key)];
        let settings = read(Use::Platform, &vars).unwrap();
        assert!(settings.git_token.is_some() && settings.git_ssh_key.is_some());
        assert!(!format!("{settings:?}").contains("canary"), "{settings:?}");
    }

    #[test]
    fn what_an_endpoint_says_for_jobs_that_leave_it_out() {
        let vars =
            [("FLAKY_TEST_RUNS", "100"), ("FLAKY_TEST_PARALLELISM", " 10 "), ("TEST_COMMAND", "pytest -q")];
        let defaults = read(Use::Platform, &vars).unwrap().defaults;
        assert_eq!(defaults.runs.map(|r| r.get()), Some(100));
        assert_eq!(defaults.parallelism.map(|p| p.get()), Some(10));
        assert_eq!(defaults.test_command.unwrap().words(), ["pytest", "-q"]);
        assert_eq!(read(Use::Platform, &[("FLAKY_TEST_RUNS", "")]).unwrap().defaults, Defaults::default());
    }

    #[test]
    fn a_value_that_means_nothing_is_refused_by_the_variables_name_alone() {
        for (name, value, why) in [
            ("FLAKY_TEST_RUNS", "0", "cannot be used: Runs must be between 1 and 1000, not `0`"),
            ("FLAKY_TRUST_REPOSITORY_CONFIG", "yes", "must be `true` or `false`"),
            (
                "FLAKY_TEST_USER",
                "0",
                "must be a user id, or user and group id as `UID:GID`, neither of them 0",
            ),
            ("FLAKY_GIT_TOKEN", "canary\u{1}x", "contains a control character"),
            (
                "FLAKY_GIT_SSH_KEY",
                "ssh-ed25519 AAAA canary",
                "cannot be used: the SSH key is a public one; the private one is needed",
            ),
        ] {
            let error = read(Use::Platform, &[(name, value)]).unwrap_err().to_string();
            assert_eq!(error, format!("the variable `{name}` {why}"));
        }
    }

    #[test]
    fn known_hosts_are_lines_or_a_file() {
        let lines = "example.org ssh-ed25519 AAAA\nother ssh-rsa BBBB";
        assert_eq!(known_hosts(lines.into()), KnownHosts::Lines(format!("{lines}\n")));
        assert_eq!(known_hosts("/etc/hosts.known".into()), KnownHosts::File("/etc/hosts.known".into()));
    }

    #[test]
    fn tests_have_a_user_of_their_own_where_the_worker_is_root() {
        let vars = |list: &'static [(&str, &str)]| {
            list.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect::<Vec<(OsString, OsString)>>()
        };
        let both = |uid, gid| Some(RunAs { uid, gid });
        type Case = (&'static [(&'static str, &'static str)], Use, bool, Option<RunAs>);
        let cases: [Case; 6] = [
            (&[], Use::Platform, true, both(10_001, 10_001)),
            (&[("FLAKY_TEST_USER", "65534")], Use::Platform, true, both(65_534, 65_534)),
            (&[("FLAKY_TEST_USER", "1000:100")], Use::Platform, true, both(1000, 100)),
            (&[], Use::Local, true, None),
            (&[("FLAKY_TEST_USER", "1000")], Use::Local, true, both(1000, 1000)),
            (&[("FLAKY_TEST_USER", "1000")], Use::Platform, false, None),
        ];
        for (list, usage, is_root, expected) in cases {
            let found = run_as(&Variables(&vars(list)), usage, is_root).unwrap();
            assert_eq!(found, expected, "{list:?} {usage:?} {is_root}");
        }
    }

    #[test]
    fn a_folder_that_the_tests_user_cannot_enter_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let path = folder.path().display().to_string();
        let mut settings =
            read(Use::Local, &[("FLAKY_STATE_DIR", &path), ("FLAKY_CACHE_DIR", &path)]).unwrap();
        settings.run_as = None;
        settings.make_folders().unwrap();
        settings.run_as = Some(RunAs { uid: 10_001, gid: 10_001 });
        let error = settings.make_folders().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("`{path}` cannot be entered by the tests' user 10001")),
            "{error}"
        );
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        settings.make_folders().unwrap();
    }
}
