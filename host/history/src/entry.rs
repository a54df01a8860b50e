//! A run on its way into the store: of a report, of an export, or of another store, cleaned and bounded.

use std::collections::{HashMap, HashSet};

use flaky_core::evidence::Counts;
use flaky_core::history::{PastFailure, PastRun, RunContext, Series, Timestamp};
use flaky_core::ids::{AttemptIndex, Seed, TestId};
use flaky_core::parsed::Location;
use flaky_core::report::{FailureGroupReport, RunReport, SeedReport, TestReport};
use flaky_core::seeds::SeedPlan;
use flaky_core::settings::SeedRange;
use flaky_core::verdict::{Category, Severity};
use serde::{Deserialize, Serialize};

/// Longest message kept, in bytes: an assertion with two large values. It is there to recognise a failure by.
const MAX_MESSAGE_BYTES: usize = 2 << 10;
/// Longest trace kept, in bytes: about eighty frames.
const MAX_TRACE_BYTES: usize = 8 << 10;
/// Longest name kept (branches, types of exceptions, versions), in bytes: as long as a file's name can be.
const MAX_NAME_BYTES: usize = 255;
/// Longest path, URL or command kept, in bytes: Linux's own limit of a path.
const MAX_LINE_BYTES: usize = 4 << 10;
/// Failing attempts kept of one test and run; no run makes as many, and their number is in the counts anyway.
const MAX_FAILING: usize = 10_000;
/// Failure groups kept of one test and run, the most frequent first: what fails in more ways has no pattern.
const MAX_GROUPS: usize = 50;
/// Largest count kept: sums of all of a test's counts stay within 32 bits.
const MAX_COUNT: u32 = u32::MAX / 16;
/// Attempts whose seeds are drawn again to tell which attempt a seed was: a hundred times more than runs have.
const MAX_PLANNED: u32 = 100_000;
/// 1 January of year 1 and 31 December 9999, in seconds since 1970: what calendars can show.
const CALENDAR: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A run with all that is kept of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) run: PastRun,
    /// Conditions, as JSON.
    pub(crate) more: serde_json::Value,
    /// No two of one id.
    pub(crate) tests: Vec<EntryTest>,
}

/// One test of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EntryTest {
    pub(crate) id: TestId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<Location>,
    pub(crate) counts: Counts,
    pub(crate) verdict: Category,
    pub(crate) severity: Option<Severity>,
    #[serde(default)]
    pub(crate) ignored: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) median_seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failing: Vec<PastFailure>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<EntryGroup>,
}

/// One way in which it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryGroup {
    pub(crate) fingerprint: String,
    /// Fingerprints of failures that are nearly the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) also: Vec<String>,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) trace: String,
}

impl EntryTest {
    /// Whether nothing is to say of it but counts without failures.
    pub(crate) fn is_plain(&self) -> bool {
        self.counts.failures() == 0 && self.failing.is_empty() && self.groups.is_empty()
    }
}

impl Entry {
    /// Of a report.
    pub(crate) fn of_report(report: &RunReport, context: &RunContext) -> Self {
        let attempts = report.total_runs;
        // What no attempt that counts told of is nothing that can be compared.
        let tests = if attempts == 0 { &[][..] } else { report.tests.as_slice() };
        let seeds = Attempts::new(report);
        let run = PastRun {
            run: report.run.clone(),
            context: context.clone(),
            commit: report.subject.commit.clone(),
            flaky_version: report.flaky_version.clone(),
            command: joined(&report.subject.command),
            isolation: report.isolation.used,
            attempts,
            failures: report.failures,
            tests: 0,
            verdict: report.verdict,
            cause: report.cause,
            severity: report.severity,
            wall_seconds: report.execution.wall_seconds,
            cpu_seconds: report.execution.cpu_seconds,
        };
        let tests = tests.iter().map(|test| of_test(test, &seeds)).collect();
        Self { run, more: conditions(report), tests }.cleaned()
    }

    /// Within all limits, whatever it was before.
    pub(crate) fn cleaned(mut self) -> Self {
        let run = &mut self.run;
        run.context.series = series(&run.context.series);
        run.context.started = Timestamp(run.context.started.0.clamp(*CALENDAR.start(), *CALENDAR.end()));
        clean_option(&mut run.context.branch, MAX_NAME_BYTES);
        clean_option(&mut run.context.url, MAX_LINE_BYTES);
        // The database's numbers have a sign.
        run.context.pull_request = run.context.pull_request.map(|n| n.min(i64::MAX.cast_unsigned()));
        clean_option(&mut run.commit, MAX_NAME_BYTES);
        clean(&mut run.flaky_version, MAX_NAME_BYTES);
        clean(&mut run.command, MAX_LINE_BYTES);
        run.attempts = run.attempts.min(MAX_COUNT);
        run.failures = run.failures.min(MAX_COUNT);
        run.wall_seconds = seconds(run.wall_seconds).unwrap_or_default();
        run.cpu_seconds = seconds(run.cpu_seconds).unwrap_or_default();
        let mut seen = HashSet::with_capacity(self.tests.len());
        self.tests.retain(|test| seen.insert(test.id.clone()));
        self.tests.iter_mut().for_each(clean_test);
        run.tests = u32::try_from(self.tests.len()).unwrap_or(u32::MAX);
        self
    }
}

/// A series within limits; also of a question, so that it finds what was kept.
pub(crate) fn series(series: &Series) -> Series {
    let mut series = series.clone();
    clean(&mut series.repository, MAX_LINE_BYTES);
    clean(&mut series.suite, MAX_LINE_BYTES);
    series
}

/// A repository or suite within limits, for questions.
pub(crate) fn bounded(text: &str) -> String {
    let mut text = text.to_owned();
    clean(&mut text, MAX_LINE_BYTES);
    text
}

/// A branch within limits, for questions.
pub(crate) fn branch(branch: &str) -> String {
    let mut branch = branch.to_owned();
    clean(&mut branch, MAX_NAME_BYTES);
    branch
}

fn clean_test(test: &mut EntryTest) {
    test.counts = crate::roster::counts_of(crate::roster::count_list(&test.counts).map(|n| n.min(MAX_COUNT)));
    test.median_seconds = test.median_seconds.and_then(seconds);
    if let Some(location) = &mut test.location {
        clean(&mut location.file, MAX_LINE_BYTES);
    }
    test.failing.truncate(MAX_FAILING);
    test.failing.sort_by_key(|f| (f.attempt.is_none(), f.attempt));
    for failing in &mut test.failing {
        clean_option(&mut failing.fingerprint, MAX_NAME_BYTES);
    }
    test.groups.truncate(MAX_GROUPS);
    for group in &mut test.groups {
        clean(&mut group.fingerprint, MAX_NAME_BYTES);
        group.also.truncate(MAX_GROUPS);
        group.also.iter_mut().for_each(|f| clean(f, MAX_NAME_BYTES));
        clean(&mut group.kind, MAX_NAME_BYTES);
        clean(&mut group.message, MAX_MESSAGE_BYTES);
        clean(&mut group.trace, MAX_TRACE_BYTES);
    }
}

/// Words as a shell would read them.
fn joined(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// What a text must be to be kept: without NUL, which PostgreSQL cannot hold, and not too long.
fn clean(text: &mut String, most: usize) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
    }
    if text.len() > most {
        let mut end = most - '…'.len_utf8();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
}

fn clean_option(text: &mut Option<String>, most: usize) {
    if let Some(text) = text {
        clean(text, most);
    }
}

/// A time that a database can hold; NaN and infinity are no times.
fn seconds(value: f64) -> Option<f64> {
    value.is_finite().then(|| value.max(0.0))
}

/// What a run was made under and with, beside what has a column.
fn conditions(report: &RunReport) -> serde_json::Value {
    let mut plugins: Vec<String> =
        report.plugins.iter().map(|p| format!("{} {}", p.name, p.version)).collect();
    plugins.truncate(MAX_GROUPS);
    plugins.iter_mut().for_each(|p| clean(p, MAX_NAME_BYTES));
    let (mut framework, mut parser) = (report.subject.framework.clone(), report.subject.parser.clone());
    clean(&mut framework, MAX_NAME_BYTES);
    clean_option(&mut parser, MAX_NAME_BYTES);
    serde_json::json!({
        "framework": framework,
        "parser": parser,
        "plugins": plugins,
        "parallelism": report.execution.parallelism,
        "planned": report.execution.planned,
        "seeds": report.execution.seeds,
        "interrupted": report.execution.interrupted,
    })
}

/// Which attempt had a seed.
enum Attempts {
    First { first: u64, planned: u32 },
    Drawn(HashMap<u64, u32>),
}

impl Attempts {
    fn new(report: &RunReport) -> Self {
        let planned = report.execution.planned;
        match report.execution.seeds {
            SeedReport::First(first) => Self::First { first, planned },
            SeedReport::Drawn { master, min, max } => {
                let plan = SeedPlan::Drawn { master, range: SeedRange { min, max } };
                let failed = report.tests.iter().any(|t| !t.failing_seeds.is_empty());
                let planned = if failed { planned.min(MAX_PLANNED) } else { 0 };
                Self::Drawn((0..planned).map(|i| (plan.seed(AttemptIndex(i)).0, i)).collect())
            }
        }
    }

    fn attempt(&self, seed: Seed) -> Option<AttemptIndex> {
        let index = match self {
            Self::First { first, planned } => {
                let index = u32::try_from(seed.0.checked_sub(*first)?).ok()?;
                (index < *planned).then_some(index)
            }
            Self::Drawn(seeds) => seeds.get(&seed.0).copied(),
        };
        index.map(AttemptIndex)
    }
}

fn of_test(test: &TestReport, seeds: &Attempts) -> EntryTest {
    let groups = test.failure_groups.get(..MAX_GROUPS).unwrap_or(&test.failure_groups);
    // A seed may stand in several groups: a test that fails in two ways in one attempt has the more frequent one.
    let mut by_seed: HashMap<u64, &str> = HashMap::new();
    for group in groups {
        for seed in &group.seeds {
            by_seed.entry(seed.0).or_insert(&group.fingerprint);
        }
    }
    let failing = test.failing_seeds.iter().take(MAX_FAILING).map(|seed| PastFailure {
        attempt: seeds.attempt(*seed),
        seed: *seed,
        fingerprint: by_seed.get(&seed.0).map(|f| (*f).to_owned()),
    });
    EntryTest {
        id: test.id.clone(),
        location: test.location.clone(),
        counts: test.counts,
        verdict: test.verdict,
        severity: test.severity,
        ignored: test.ignored,
        median_seconds: test.median_seconds,
        failing: failing.collect(),
        groups: groups.iter().map(of_group).collect(),
    }
}

fn of_group(group: &FailureGroupReport) -> EntryGroup {
    // Cut before it is copied: a message may be of a million characters.
    let cut = |text: &str, most: usize| text.chars().take(most + 1).collect::<String>();
    EntryGroup {
        fingerprint: group.fingerprint.clone(),
        also: group.also.iter().take(MAX_GROUPS).cloned().collect(),
        kind: cut(&group.kind, MAX_NAME_BYTES),
        message: cut(&group.message, MAX_MESSAGE_BYTES),
        trace: cut(&group.trace, MAX_TRACE_BYTES),
    }
}
