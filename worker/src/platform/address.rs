//! The platform's addresses, as its variables give them: texts with placeholders.

use std::fmt::{self, Write as _};

use flaky_runpod::JobId;
use reqwest::Url;

use super::settings::SettingsError;
use crate::chance::random;

/// The worker's id, wherever it stands.
const WORKER: &str = "$RUNPOD_POD_ID";
/// The worker's id in addresses to take from, the job's in addresses to answer to.
const ID: &str = "$ID";
/// What makes an address to take from one to take several, or one to hear what to stop.
const TAKE: &str = "/job-take/";

/// What a worker is called on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerId(String);

impl WorkerId {
    /// The platform's name for this worker.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// A name for a worker that got none. Told apart from others, not unguessable.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("{:016x}{:016x}", random(), random()))
    }

    /// As the platform spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An address with placeholders. It may hold secrets in its query, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Template {
    text: String,
}

impl Template {
    /// Checks that it will be an address once placeholders are filled in.
    pub(super) fn new(variable: &'static str, text: &str) -> Result<Self, SettingsError> {
        let refuse = |reason: &str| SettingsError::Address { variable, reason: reason.to_owned() };
        let template = Self { text: text.trim().to_owned() };
        let sample = template.filled("worker", "id").map_err(|e| refuse(&e.to_string()))?;
        if !matches!(sample.scheme(), "http" | "https") {
            return Err(refuse("it begins neither with `http://` nor with `https://`"));
        }
        if sample.host_str().is_none() {
            return Err(refuse("it names no host"));
        }
        Ok(template)
    }

    /// Address in which `$ID` is the worker.
    pub(super) fn of_worker(&self, worker: &WorkerId) -> Result<Url, Invalid> {
        self.filled(worker.as_str(), worker.as_str())
    }

    /// Address in which `$ID` is the job.
    pub(super) fn of_job(&self, worker: &WorkerId, job: &JobId) -> Result<Url, Invalid> {
        self.filled(worker.as_str(), job.as_str())
    }

    /// The same place on another route; `None` when its path is not one to take jobs from.
    pub(super) fn on_route(&self, route: &str) -> Option<Self> {
        let path = self.text.split(['?', '#']).next().unwrap_or_default();
        let at = path.find(TAKE)?;
        let (before, after) = (self.text.get(..at)?, self.text.get(at + TAKE.len()..)?);
        Some(Self { text: format!("{before}/{route}/{after}") })
    }

    /// Placeholders are replaced in the text, the longer name first: one is the other's end.
    fn filled(&self, worker: &str, id: &str) -> Result<Url, Invalid> {
        let text = self.text.replace(WORKER, &escaped(worker)).replace(ID, &escaped(id));
        Url::parse(&text).map_err(|e| Invalid(e.to_string()))
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(…)")
    }
}

/// What is wrong with an address; without the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Invalid(String);

/// For a part of a path: everything but unreserved characters (RFC 3986, section 2.3) is escaped, and the colon, which
/// ids may hold.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template::new("RUNPOD_WEBHOOK_GET_JOB", text).unwrap()
    }

    #[test]
    fn the_id_is_the_worker_where_jobs_are_taken_and_the_job_where_they_are_answered() {
        let worker = WorkerId::new("pod 1").unwrap();
        let job: JobId = "job-u1".parse().unwrap();
        for (text, of_worker, of_job) in [
            (
                "http://h/v2/ep/job-take/$ID?gpu=CPU+SIM",
                "http://h/v2/ep/job-take/pod%201?gpu=CPU+SIM",
                "http://h/v2/ep/job-take/job-u1?gpu=CPU+SIM",
            ),
            (
                "http://h/job-done/$RUNPOD_POD_ID/$ID?x=1",
                "http://h/job-done/pod%201/pod%201?x=1",
                "http://h/job-done/pod%201/job-u1?x=1",
            ),
            ("http://h/ping/$RUNPOD_POD_ID", "http://h/ping/pod%201", "http://h/ping/pod%201"),
        ] {
            let template = template(text);
            assert_eq!(template.of_worker(&worker).unwrap().as_str(), of_worker);
            assert_eq!(template.of_job(&worker, &job).unwrap().as_str(), of_job);
        }
    }

    #[test]
    fn a_route_replaces_the_paths_word_and_nothing_in_the_query() {
        for (text, expected) in [
            ("http://h/v2/e/job-take/$ID?a=1", Some("http://h/v2/e/job-stop/$ID?a=1")),
            ("http://h/take/$ID?next=/job-take/", None),
            ("http://h/v2/e/job-take", None),
        ] {
            let found = template(text).on_route("job-stop").map(|t| t.text);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in ["", "ftp://h/secret", "h/secret", "http://", "http://[secret/$ID"] {
            let error = Template::new("RUNPOD_WEBHOOK_PING", text).unwrap_err().to_string();
            assert!(error.starts_with("`RUNPOD_WEBHOOK_PING`: "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(!format!("{:?}", template("http://h/x?token=secret")).contains("secret"));
    }
}
