//! Keys and tokens leave the worker's environment before anything else happens.
//!
//! `/proc/PID/environ` shows a process's environment as it was when its program started; taking a variable out later
//! changes nothing there. So the program starts itself again with an environment without secrets. Everything, secrets
//! included, travels beside it in a nameless file in memory, which the second start reads into its own memory and
//! closes. Thereafter the process cannot be looked into by others of the same user either (`PR_SET_DUMPABLE`), and
//! leaves no core file.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::memfd::{MFdFlags, memfd_create};

/// Holds the descriptor's number at the second start.
const HANDOVER: &str = "FLAKY_WORKER_HANDOVER";
/// What the file in memory is called, for whoever looks at `/proc/PID/fd`.
const NAME: &str = "flaky-worker-environment";

/// Where Debian and its kin keep certificates.
const BUNDLE_FOLDER: &str = "/etc/ssl/certs";

/// Words that make a name a secret's, beside what tests may not inherit anyway.
const SECRET_WORDS: [&str; 13] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "SSH_KEY",
    "WEBHOOK",
    "JWT",
];
/// Paths and numbers that tests may not inherit but that libraries in this process read from the environment.
const NOT_SECRET: [&str; 3] = ["SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO"];

/// The environment that the worker was started with. Values are never shown, not even by `{:?}`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: Vec<(OsString, OsString)>,
}

impl Environment {
    /// All of it, in its order.
    #[must_use]
    pub fn variables(&self) -> &[(OsString, OsString)] {
        &self.variables
    }

    /// One variable; `None` also when it is not UTF-8 text.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<String> {
        // As `getenv` does it: the first counts.
        let (_, value) = self.variables.iter().find(|(n, _)| n == name)?;
        value.to_str().map(str::to_owned)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.variables.len())
    }
}

/// Why secrets could not be taken out.
#[derive(Debug, thiserror::Error)]
#[error("could not take secrets out of the environment: {step}")]
pub struct TakeOutError {
    step: &'static str,
    #[source]
    source: io::Error,
}

/// Returns the environment, secrets included, in a process whose own environment holds none; for that it may start the
/// program anew. Must be called before any thread exists and before anything is done that must not be done twice.
///
/// # Errors
/// When the system refuses; the worker must not go on then.
pub fn take_out() -> Result<Environment, TakeOutError> {
    // First of all: from here on nobody of the same user can look into this process.
    hide()?;
    if let Some(handed) = std::env::var_os(HANDOVER) {
        return receive(&handed).map_err(|source| TakeOutError { step: "receive them", source });
    }
    let variables: Vec<_> = std::env::vars_os().collect();
    let secret: Vec<bool> = secrets(&variables);
    if !secret.contains(&true) {
        return Ok(Environment { variables });
    }
    let kept = variables.iter().zip(&secret).filter(|(_, secret)| !**secret).map(|(variable, _)| variable);
    let file = hand_over(&variables).map_err(|source| TakeOutError { step: "hand them over", source })?;
    let mut arguments = std::env::args_os();
    let mut again = Command::new("/proc/self/exe");
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    again.args(arguments).env_clear().envs(kept.map(|(name, value)| (name, value)));
    again.envs(crate::certificates::read_when_needed(Path::new(BUNDLE_FOLDER), &variables));
    let source = again.env(HANDOVER, file.as_raw_fd().to_string()).exec();
    Err(TakeOutError { step: "start anew", source })
}

fn hide() -> Result<(), TakeOutError> {
    nix::sys::prctl::set_dumpable(false)
        .map_err(|e| TakeOutError { step: "keep other processes from reading the memory", source: e.into() })
}

/// Which variables are secrets.
fn secrets(variables: &[(OsString, OsString)]) -> Vec<bool> {
    let withheld = flaky_exec::environment::inherited(variables.iter().cloned()).withheld;
    let is_secret = |(name, value): &(OsString, OsString)| {
        let name = name.to_string_lossy().into_owned();
        let upper = name.to_ascii_uppercase();
        let by_word = SECRET_WORDS.iter().any(|word| upper.contains(word)) || upper.ends_with("_KEY");
        // Of our own settings most are no secrets, and what they are called is our own choice.
        let by_rule = withheld.contains(&name) && !upper.starts_with("FLAKY_");
        // The library for requests reads its proxies from the environment.
        let by_value = holds_credentials(value) && !upper.ends_with("_PROXY");
        (by_word || by_rule || by_value) && !NOT_SECRET.contains(&upper.as_str())
    };
    variables.iter().map(is_secret).collect()
}

/// Whether it is an address with who one is and a password before the host: `scheme://user:password@host`.
fn holds_credentials(value: &OsStr) -> bool {
    let value = value.to_string_lossy();
    value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(who, _)| who.contains(':'))
    })
}

/// A file in memory that outlives the program's replacement.
fn hand_over(variables: &[(OsString, OsString)]) -> io::Result<File> {
    let mut file = File::from(memfd_create(NAME, MFdFlags::empty())?);
    file.write_all(&written(variables))?;
    Ok(file)
}

fn receive(number: &OsStr) -> io::Result<Environment> {
    let foreign = || io::Error::other(format!("`{HANDOVER}` is for the worker's own use"));
    let number: RawFd = number.to_str().and_then(|text| text.parse().ok()).ok_or_else(foreign)?;
    let path = format!("/proc/self/fd/{number}");
    let target = fs::read_link(&path)?;
    if number <= 2 || !target.as_os_str().as_bytes().starts_with(format!("/memfd:{NAME}").as_bytes()) {
        return Err(foreign());
    }
    // Opened anew: at its beginning.
    let text = fs::read(&path)?;
    nix::unistd::close(number)?;
    Ok(Environment { variables: read(&text) })
}

/// As the system itself writes environments down: `name=value`, each with a zero byte at its end, which neither holds.
fn written(variables: &[(OsString, OsString)]) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in variables {
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        text.extend_from_slice(value.as_bytes());
        text.push(0);
    }
    text
}

fn read(text: &[u8]) -> Vec<(OsString, OsString)> {
    let lines = text.split(|byte| *byte == 0).filter(|line| !line.is_empty());
    let variables = lines.filter_map(|line| {
        // A name may begin with `=`, as `std::env::vars_os` has it.
        let at = line.iter().skip(1).position(|byte| *byte == b'=')? + 1;
        let (name, value) = (line.get(..at)?, line.get(at + 1..)?);
        Some((OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec())))
    });
    variables.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_or_by_a_password_in_an_address() {
        for (name, value, expected) in [
            ("RUNPOD_AI_API_KEY", "k", true),
            ("RUNPOD_API_KEY", "k", true),
            ("RUNPOD_WEBHOOK_GET_JOB", "https://h/job-take/$ID", true),
            ("RUNPOD_WHATEVER_COMES", "1", true),
            ("FLAKY_GIT_TOKEN", "t", true),
            ("FLAKY_GIT_SSH_KEY", "k", true),
            ("BUCKET_SECRET_ACCESS_KEY", "s", true),
            ("AWS_SESSION_TOKEN", "s", true),
            ("POSTGRES_PASSWORD", "s", true),
            ("lower_api_key", "s", true),
            ("SIGNING_KEY", "s", true),
            ("DATABASE_URL", "postgres://u:p@h/d", true),
            ("EXTRA", "a b,https://u:p@h", true),
            ("FLAKY_CACHE_DIR", "/c", false),
            ("FLAKY_WORKER_CONCURRENCY", "2", false),
            ("FLAKY_TEST_RUNS", "20", false),
            ("PATH", "/bin", false),
            ("HOME", "/root", false),
            ("SSH_AUTH_SOCK", "/tmp/agent", false),
            ("HTTPS_PROXY", "http://u:p@proxy:3128", false),
            ("DATABASE_URL", "postgres://u@h/d?x=a:b@c", false),
            ("GREETING", "me@example.org: hello", false),
        ] {
            assert_eq!(secrets(&[(name.into(), value.into())]), [expected], "{name}={value}");
        }
    }

    #[test]
    fn an_environment_survives_being_written_down() {
        let variables: Vec<(OsString, OsString)> = [
            (&b"A"[..], &b"1"[..]),
            (b"EMPTY", b""),
            (b"LINES", b"a\nb=c\n"),
            (b"=odd", b"x"),
            (b"BYTES", b"\xff\xfe"),
        ]
        .map(|(n, v)| (OsString::from_vec(n.to_vec()), OsString::from_vec(v.to_vec())))
        .into();
        assert_eq!(read(&written(&variables)), variables);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn values_are_not_shown_and_the_first_of_a_name_counts() {
        let environment =
            Environment { variables: vec![("A".into(), "SECRET".into()), ("A".into(), "other".into())] };
        assert_eq!(environment.var("A").as_deref(), Some("SECRET"));
        assert_eq!(environment.var("B"), None);
        assert_eq!(format!("{environment:?}"), "Environment(2 variables)");
    }

    #[test]
    fn a_descriptor_that_is_not_ours_is_refused() {
        for number in ["", "x", "-1", "0", "1", "99999"] {
            assert!(receive(OsStr::new(number)).is_err(), "{number}");
        }
        let file = tempfile::tempfile().unwrap();
        let error = receive(OsStr::new(&file.as_raw_fd().to_string())).unwrap_err();
        assert!(error.to_string().contains("own use"), "{error}");
    }
}
