//! What tests inherit of the worker's environment: an allow list.
//!
//! On a developer's machine what looks like a secret is taken out. Here that is not enough: the platform puts things of
//! its own into the environment, the endpoint's owner puts credentials there under any name, and the tests are the code
//! of whoever may send a job. So only what programs need to work is passed on; job and configuration name the rest.

use std::ffi::{OsStr, OsString};

/// What programs need: where programs and libraries are, language and time zone, which certificates to trust.
const PASSED: &[&str] = &[
    "PATH",
    "LD_LIBRARY_PATH",
    "TERM",
    // Language and time zone.
    "LANG",
    "LANGUAGE",
    "TZ",
    // Certificates of authorities.
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    // Python.
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYENV_ROOT",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "PIP_NO_CACHE_DIR",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    // Go.
    "GOROOT",
    "GOPATH",
    "GOMODCACHE",
    "GOFLAGS",
    "GOTOOLCHAIN",
    // JavaScript.
    "NODE_PATH",
    "NODE_OPTIONS",
    "NVM_DIR",
    "PLAYWRIGHT_BROWSERS_PATH",
    "PUPPETEER_EXECUTABLE_PATH",
    "CHROME_BIN",
    // JVM.
    "JAVA_HOME",
    "JDK_HOME",
    "MAVEN_HOME",
    "M2_HOME",
    "GRADLE_HOME",
    // Rust, Ruby, .NET, Perl.
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GEM_HOME",
    "GEM_PATH",
    "RBENV_ROOT",
    "DOTNET_ROOT",
    "PERL5LIB",
];

/// The same for every name that begins so.
const PASSED_STARTING: &[&str] = &["LC_"];

/// URLs that installations need, of proxies and of mirrors; lower case means the same. Passed on only without a user
/// name or password in them.
const PASSED_URLS: &[&str] = &[
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "UV_INDEX_URL",
    "NPM_CONFIG_REGISTRY",
    "GOPROXY",
    "GOSUMDB",
    "GONOSUMDB",
];

/// Told to tests: nobody is there to answer questions, and frameworks print no colours or progress bars.
const SET: &[(&str, &str)] = &[("CI", "true")];

/// The environment that tests begin with, without `HOME`, which every job has its own of.
pub fn of_tests(variables: &[(OsString, OsString)]) -> Vec<(OsString, OsString)> {
    let passed = variables.iter().filter(|(name, value)| is_passed(name, value)).cloned();
    let set = SET.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    passed.chain(set).collect()
}

fn is_passed(name: &OsStr, value: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let upper = name.to_ascii_uppercase();
    PASSED.contains(&name)
        || PASSED_STARTING.iter().any(|start| name.starts_with(start))
        || (PASSED_URLS.contains(&upper.as_str()) && !has_credentials(value))
}

/// Before an `@` stands who one is, and often the password. What is not text is not looked into, and not passed on.
fn has_credentials(value: &OsStr) -> bool {
    value.to_str().is_none_or(|text| text.contains('@'))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn passed(name: &str, value: &str) -> bool {
        of_tests(&[(name.into(), value.into())]).iter().any(|(n, v)| n == name && v == value)
    }

    #[test]
    fn only_what_programs_need_is_passed_on() {
        for (name, value, expected) in [
            ("PATH", "/bin", true),
            ("LANG", "C.UTF-8", true),
            ("LC_ALL", "C", true),
            ("TZ", "UTC", true),
            ("GOROOT", "/usr/local/go", true),
            ("VIRTUAL_ENV", "/venv", true),
            ("HTTPS_PROXY", "http://proxy:3128", true),
            ("https_proxy", "http://proxy:3128", true),
            ("https_proxy", "http://me:hunter2@proxy:3128", false),
            ("PIP_INDEX_URL", "https://pypi.example.org/simple", true),
            ("PIP_INDEX_URL", "https://token@pypi.example.org/simple", false),
            ("HOME", "/root", false),
            ("USER", "root", false),
            ("path", "/bin", false),
            ("RUNPOD_AI_API_KEY", "k", false),
            ("RUNPOD_API_KEY", "k", false),
            ("RUNPOD_WEBHOOK_GET_JOB", "https://x", false),
            ("RUNPOD_POD_ID", "p", false),
            ("RUNPOD_ENDPOINT_ID", "e", false),
            ("FLAKY_GIT_TOKEN", "t", false),
            ("FLAKY_GIT_SSH_KEY", "k", false),
            ("FLAKY_KNOWN_HOSTS", "h", false),
            ("FLAKY_STATE_DIR", "/var/lib/flaky", false),
            ("TEST_COMMAND", "pytest", false),
            ("GITHUB_TOKEN", "t", false),
            ("AWS_SECRET_ACCESS_KEY", "s", false),
            ("BUCKET_ACCESS_KEY_ID", "b", false),
            ("SSH_AUTH_SOCK", "/tmp/agent", false),
            ("DATABASE_URL", "postgres://u:p@h/d", false),
            ("SOMETHING_OF_THE_OWNER", "1", false),
            ("LD_PRELOAD", "/x.so", false),
        ] {
            assert_eq!(passed(name, value), expected, "{name}={value}");
        }
    }

    #[test]
    fn tests_are_told_that_nobody_watches() {
        assert_eq!(of_tests(&[]), [("CI".into(), "true".into())]);
        assert_eq!(of_tests(&[("CI".into(), "false".into())]), [("CI".into(), "true".into())]);
    }

    #[test]
    fn what_is_not_text_is_passed_on_only_where_it_can_hold_no_credentials() {
        let strange = || OsString::from_vec(vec![b'/', 0xFF]);
        let variables =
            [("PATH".into(), strange()), ("HTTP_PROXY".into(), strange()), (strange(), "x".into())];
        assert_eq!(of_tests(&variables), [("PATH".into(), strange()), ("CI".into(), "true".into())]);
    }
}
