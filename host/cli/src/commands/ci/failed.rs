//! What of a CI run failed: its jobs, the suites they belong to, and the tests, by what the run left behind.
//!
//! Everything that is read here was made where anybody's code ran. It decides which tests are run again, and nothing
//! else: a test that is not there is said not to be there.

use std::collections::{BTreeMap, BTreeSet};

use flaky_config::SuiteEntry;
use flaky_core::ids::TestId;
use flaky_core::parse_document::ParseDocument;
use flaky_delivery::{Artifact, Download, ForgeError, Github, Job, WorkflowRun};
use flaky_engine::parse::{ParseFile, parse};
use flaky_engine::plugins::PluginSet;

use super::{archive, warn};

/// Failed tests that are run again. More of them at once are no flaky tests, but a machine or a build.
pub(super) const MOST_TESTS: usize = 50;

/// Artifacts that are looked into.
const MOST_ARTIFACTS: usize = 10;

/// Bytes of a job's log: GitHub shows no more of one.
const MOST_LOG: usize = 64 << 20;

/// A part of the repository whose CI job failed.
#[derive(Debug, PartialEq)]
pub(super) struct FailedSuite {
    /// Its name in the configuration; `None`: the whole repository.
    pub(super) name: Option<String>,
    pub(super) settings: SuiteEntry,
    /// The jobs that ran it.
    pub(super) jobs: Vec<String>,
    pub(super) found: Found,
}

/// What is known of the failure.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// These tests failed.
    Tests(BTreeSet<TestId>),
    /// So many that it is not about single tests.
    TooMany(usize),
    /// Something that is no test: a file that cannot be loaded, a build.
    Build(String),
    /// Nothing that could be read: the whole suite is looked into.
    Unknown,
}

/// The suites whose jobs failed.
///
/// # Errors
/// When GitHub does not tell of the jobs.
pub(super) async fn look(
    github: &Github,
    plugins: &PluginSet,
    run: &WorkflowRun,
    suites: &BTreeMap<String, SuiteEntry>,
) -> Result<Vec<FailedSuite>, ForgeError> {
    let has_failed = |job: &Job| matches!(job.conclusion.as_deref(), Some("failure" | "timed_out"));
    let jobs: Vec<Job> = github.jobs(run).await?.into_iter().filter(has_failed).collect();
    let suites_of_jobs = by_suite(suites, &jobs);
    if suites_of_jobs.is_empty() {
        return Ok(Vec::new());
    }
    let left = github.artifacts(run).await.inspect_err(|e| warn(&e.to_string())).unwrap_or_default();
    let left: Vec<Artifact> = left.into_iter().filter(|artifact| may_be_read(artifact, run)).collect();
    let mut failed = Vec::new();
    for (name, settings, jobs) in suites_of_jobs {
        // An artifact belongs to a run, not to a job: of several suites, only its name tells which is meant.
        let of = name.filter(|_| suites.len() > 1);
        let found = match artifacts(github, plugins, &left, of).await {
            Some(found) => found,
            None => logs(github, plugins, &jobs).await,
        };
        failed.push(FailedSuite {
            name: name.map(str::to_owned),
            settings,
            jobs: jobs.iter().map(|job| job.name.clone()).collect(),
            found,
        });
    }
    Ok(failed)
}

/// Without suites, all jobs are of one.
fn by_suite<'s>(
    suites: &'s BTreeMap<String, SuiteEntry>,
    jobs: &[Job],
) -> Vec<(Option<&'s str>, SuiteEntry, Vec<Job>)> {
    if jobs.is_empty() {
        return Vec::new();
    }
    if suites.is_empty() {
        return vec![(None, SuiteEntry::default(), jobs.to_vec())];
    }
    for job in jobs.iter().filter(|job| !suites.iter().any(|(name, suite)| runs(name, suite, &job.name))) {
        warn(&format!("the failed job `{}` belongs to no suite of the configuration", job.name));
    }
    let of = |(name, suite): (&'s String, &SuiteEntry)| {
        let own: Vec<Job> = jobs.iter().filter(|job| runs(name, suite, &job.name)).cloned().collect();
        (!own.is_empty()).then(|| (Some(name.as_str()), suite.clone(), own))
    };
    suites.iter().filter_map(of).collect()
}

/// Legs of a matrix have the matrix behind the job's name: `test (3.11, ubuntu)`.
fn runs(name: &str, suite: &SuiteEntry, job: &str) -> bool {
    match &suite.job {
        Some(pattern) => pattern.matches(job),
        None => job == name || job.strip_prefix(name).is_some_and(|rest| rest.starts_with(" (")),
    }
}

fn may_be_read(artifact: &Artifact, run: &WorkflowRun) -> bool {
    let small = usize::try_from(artifact.size_in_bytes).is_ok_and(|size| size <= archive::MOST_ZIPPED);
    small && !artifact.expired && artifact.is_of_this_attempt(run)
}

/// `None`: no artifact tells.
async fn artifacts(
    github: &Github,
    plugins: &PluginSet,
    left: &[Artifact],
    of: Option<&str>,
) -> Option<Found> {
    let is_meant = |artifact: &&Artifact| of.is_none_or(|suite| artifact.name.contains(suite));
    let mut documents = Vec::new();
    for artifact in left.iter().filter(is_meant).take(MOST_ARTIFACTS) {
        let told = |why: &str| warn(&format!("artifact `{}`: {why}", artifact.name));
        let zipped = match github.artifact(artifact, archive::MOST_ZIPPED).await {
            Ok(Some(Download { bytes, cut: false })) => bytes,
            Ok(_) => continue,
            Err(error) => {
                told(&error.to_string());
                continue;
            }
        };
        match archive::reports(&zipped) {
            Ok(reports) => {
                for (kind, bytes) in reports {
                    documents.extend(read(plugins, kind.file_name(), &bytes).await);
                }
            }
            Err(problem) => told(&problem.to_string()),
        }
    }
    of_documents(&documents)
}

async fn logs(github: &Github, plugins: &PluginSet, jobs: &[Job]) -> Found {
    let mut documents = Vec::new();
    for job in jobs {
        match github.log(job, MOST_LOG).await {
            Ok(Some(Download { bytes, .. })) => {
                documents.extend(read(plugins, "job.log", &bytes).await);
            }
            Ok(None) => {}
            Err(error) => warn(&format!("the log of `{}`: {error}", job.name)),
        }
    }
    of_documents(&documents).unwrap_or(Found::Unknown)
}

/// As `flaky parse` would; `None`: nobody recognised it.
async fn read(plugins: &PluginSet, name: &str, bytes: &[u8]) -> Option<ParseDocument> {
    let folder = tempfile::tempdir().ok()?;
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).ok()?;
    let file = ParseFile::open(&path).ok()?;
    let outcome = parse(plugins, None, &file).await;
    Some(outcome.document).filter(|document| document.parser.is_some())
}

/// What all of them say together. A run of several legs tells of the same test several times.
fn of_documents(documents: &[ParseDocument]) -> Option<Found> {
    let tests = documents.iter().flat_map(|document| &document.tests);
    let failed: BTreeSet<TestId> =
        tests.filter(|test| test.outcome.is_failure()).map(|test| test.id.clone()).collect();
    if failed.len() > MOST_TESTS {
        return Some(Found::TooMany(failed.len()));
    }
    if !failed.is_empty() {
        return Some(Found::Tests(failed));
    }
    let error = documents.iter().flat_map(|document| &document.errors).next()?;
    Some(Found::Build(error.message.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(job: Option<&str>) -> SuiteEntry {
        let mut suite = SuiteEntry::default();
        suite.job = job.map(|text| text.to_owned().try_into().unwrap());
        suite
    }

    fn job(name: &str) -> Job {
        Job { id: 1, name: name.into(), conclusion: Some("failure".into()), html_url: None }
    }

    #[test]
    fn jobs_belong_to_suites_by_pattern_or_by_name_whatever_their_matrix_is() {
        let suites = BTreeMap::from([
            ("shop".to_owned(), suite(None)),
            ("web".to_owned(), suite(Some("frontend / *"))),
        ]);
        let jobs = ["shop (3.11)", "shop (3.12)", "frontend / unit", "shopping", "lint"].map(job);
        let found: Vec<(Option<&str>, usize)> =
            by_suite(&suites, &jobs).into_iter().map(|(name, _, jobs)| (name, jobs.len())).collect();
        assert_eq!(found, [(Some("shop"), 2), (Some("web"), 1)]);
        assert_eq!(by_suite(&BTreeMap::new(), &jobs).len(), 1, "without suites, all are of one");
        assert!(by_suite(&BTreeMap::new(), &[]).is_empty());
    }
}
