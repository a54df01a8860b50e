//! From everything that was found to the one document that reporters read.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use flaky_core::evidence::{FailureGroup, Tried};
use flaky_core::history::Timestamp;
use flaky_core::ids::{RunId, TestId};
use flaky_core::report::{
    AttemptReport, BackendReport, BaseReport, CiJob, ClusterReport, Execution, FailureGroupReport,
    IsolationReport, Note, PluginReport, QuarantineReport, REPORT_VERSION, Reproduction, RunReport,
    SeedReport, Subject, TestReport,
};
use flaky_core::stats::python_round;
use flaky_core::verdict::{Category, Cause, Severity, Verdict};

use crate::attempt::SetAside;
use crate::conduct::{PlannedAttempt, Side};
use crate::judge::Judged;
use crate::past;
use crate::repeat::shell;

/// Everything that was found.
#[derive(Debug)]
pub struct Findings {
    /// Which run.
    pub run: RunId,
    /// The CI job that we run in.
    pub ci: Option<CiJob>,
    /// What ran.
    pub subject: Subject,
    /// How attempts were kept apart.
    pub isolation: IsolationReport,
    /// How seeds were chosen.
    pub seeds: SeedReport,
    /// Attempts planned.
    pub planned: u32,
    /// Side by side.
    pub parallelism: u32,
    /// Attempts that ended, those tried alone left out.
    pub finished: u32,
    /// Attempts that counted.
    pub counted: u32,
    /// Attempts that counted and failed.
    pub failed: u32,
    /// Attempts repeated with nothing beside them.
    pub alone: u32,
    /// Attempts of undecided tests without the others.
    pub selected: u32,
    /// What the run was compared with.
    pub base: Option<BaseReport>,
    /// How failures can be repeated.
    pub reproductions: BTreeMap<TestId, Reproduction>,
    /// The attempts that were to be made.
    pub(crate) plan: Vec<PlannedAttempt>,
    /// Somebody ended the run early.
    pub interrupted: bool,
    /// From the first attempt's start to the last one's end.
    pub wall: Duration,
    /// Of all attempts.
    pub cpu: Duration,
    /// Of one process, in bytes.
    pub peak_memory: u64,
    /// Tests with their verdicts.
    pub tests: Vec<Judged>,
    /// What the policies said of the run.
    pub summary: Verdict,
    /// Why the run as a whole cannot be judged, when it cannot.
    pub obstacle: Option<SetAside>,
    /// Tests that fail together.
    pub clusters: Vec<ClusterReport>,
    /// Attempts worth a line.
    pub attempts: Vec<AttemptReport>,
    /// Plugins that took part.
    pub plugins: Vec<PluginReport>,
    /// Things the reader should know.
    pub notes: Vec<Note>,
    /// What an endpoint took, when attempts ran on one.
    pub backend: Option<BackendReport>,
}

/// Groups of one test that a report holds. A test that fails in more ways than this is told by its most frequent
/// ones; the counts stay whole.
const GROUPS_REPORTED: usize = 50;

/// Seeds listed per test; a run has at most this many attempts.
const SEEDS_REPORTED: usize = 1000;

/// Makes the report.
#[must_use]
pub fn assemble(findings: Findings) -> RunReport {
    let verdict = run_verdict(&findings);
    let rate = f64::from(findings.failed) / f64::from(findings.counted.max(1));
    let again = again(&findings);
    let began = past::began(&findings);
    let mut reproductions = findings.reproductions;
    let report_of = |judged: Judged| {
        let reproduction = reproductions.remove(&judged.evidence.id);
        test_report(judged, reproduction, began)
    };
    let mut tests: Vec<TestReport> = findings.tests.into_iter().map(report_of).collect();
    tests.sort_by(worst_first);
    RunReport {
        report_version: REPORT_VERSION,
        run: findings.run,
        flaky_version: env!("CARGO_PKG_VERSION").into(),
        total_runs: findings.counted,
        failures: findings.failed,
        repro_rate: (findings.counted > 0).then(|| python_round(rate, 3)),
        verdict: verdict.category,
        cause: verdict.cause,
        severity: verdict.severity,
        reason: verdict.reason,
        hint: verdict.hint,
        isolation: findings.isolation,
        ci: findings.ci,
        subject: findings.subject,
        base: findings.base,
        execution: Execution {
            planned: findings.planned,
            parallelism: findings.parallelism,
            finished: findings.finished,
            seeds: findings.seeds,
            alone: findings.alone,
            interrupted: findings.interrupted,
            wall_seconds: milliseconds(findings.wall),
            cpu_seconds: milliseconds(findings.cpu),
            peak_memory: findings.peak_memory,
            reproduce: again.as_ref().map(|again| again.command.clone()),
            reproduce_shell: again.as_ref().and_then(|again| again.shell.clone()),
            reproduced: again.and_then(|again| again.tried),
            selected: findings.selected,
            backend: findings.backend,
        },
        tests,
        clusters: findings.clusters,
        attempts: findings.attempts,
        plugins: findings.plugins,
        notes: findings.notes,
    }
}

struct RunVerdict {
    category: Category,
    cause: Option<Cause>,
    severity: Option<Severity>,
    reason: String,
    hint: Option<String>,
}

/// An obstacle outweighs what policies say; an inconclusive summary gets the cause that mends it.
fn run_verdict(findings: &Findings) -> RunVerdict {
    let inconclusive = |cause, reason, hint| RunVerdict {
        category: Category::Inconclusive,
        cause: Some(cause),
        severity: None,
        reason,
        hint,
    };
    if let Some(aside) = &findings.obstacle {
        return inconclusive(aside.cause, aside.why.clone(), aside.hint.clone());
    }
    if findings.interrupted {
        let reason = format!("interrupted after {} of {} attempts", findings.finished, findings.planned);
        return inconclusive(Cause::Interrupted, reason, Some("run it again for a verdict".into()));
    }
    let summary = &findings.summary;
    if summary.category == Category::Inconclusive {
        let hint = "run more attempts: 14 clean ones of a test make it stable".to_owned();
        return inconclusive(Cause::TooFewAttempts, summary.reason.clone(), Some(hint));
    }
    RunVerdict {
        category: summary.category,
        cause: None,
        severity: Some(summary.severity),
        reason: summary.reason.clone(),
        hint: None,
    }
}

fn test_report(judged: Judged, reproduction: Option<Reproduction>, began: Option<Timestamp>) -> TestReport {
    let history = past::told(&judged, began);
    let Judged { evidence, verdict, decided_by, added, ignored, quarantined } = judged;
    let severity = (verdict.category != Category::Inconclusive).then_some(verdict.severity);
    let mut failing_seeds = evidence.failing_seeds;
    failing_seeds.truncate(SEEDS_REPORTED);
    TestReport {
        id: evidence.id,
        location: evidence.location,
        ran: evidence.counts.ran,
        failures: evidence.counts.failures(),
        rate: evidence.rate,
        interval: evidence.interval,
        verdict: verdict.category,
        severity,
        confidence: verdict.confidence,
        reason: past::sentence(
            reason_of(verdict.reason, quarantined.as_ref()),
            verdict.category,
            history.as_ref(),
        ),
        decided_by,
        ignored,
        quarantined,
        counts: evidence.counts,
        failing_seeds,
        failure_groups: evidence.groups.into_iter().take(GROUPS_REPORTED).map(group_report).collect(),
        alone: evidence.alone,
        side_by_side: evidence.side_by_side,
        selected: evidence.selected,
        base: evidence.base,
        failed_in_ci: evidence.failed_in_ci,
        reproduction,
        history,
        median_seconds: evidence.durations.map(|d| milliseconds(Duration::from_nanos(d.median_ns))),
        tags: verdict.tags,
        added,
    }
}

/// Whoever shows nothing but the reason says of a test in quarantine that it is there.
fn reason_of(reason: String, quarantined: Option<&QuarantineReport>) -> String {
    match quarantined {
        None => reason,
        Some(quarantine) => {
            let owner = quarantine.owner.as_deref().unwrap_or("nobody");
            format!("in quarantine until {} ({owner}): {reason}", quarantine.expires)
        }
    }
}

fn group_report(group: FailureGroup) -> FailureGroupReport {
    FailureGroupReport {
        fingerprint: group.fingerprint,
        also: group.also,
        count: u32::try_from(group.attempts.len()).unwrap_or(u32::MAX),
        kind: group.kind,
        message: group.message,
        trace: group.trace,
        seeds: group.seeds,
    }
}

fn worst_first(a: &TestReport, b: &TestReport) -> Ordering {
    (a.ignored.cmp(&b.ignored))
        .then(a.quarantined.is_some().cmp(&b.quarantined.is_some()))
        .then(b.verdict.cmp(&a.verdict))
        .then(b.rate.total_cmp(&a.rate))
        .then_with(|| a.id.cmp(&b.id))
}

/// How one failing attempt is made again.
struct Again {
    /// Of `flaky`.
    command: String,
    /// Of the project.
    shell: Option<String>,
    tried: Option<Tried>,
}

/// The way for a flaky test that failed most surely when it was tried; a broken test needs no command to be met.
fn again(findings: &Findings) -> Option<Again> {
    let share = |r: &&Reproduction| f64::from(r.failed) / f64::from(r.ran.max(1));
    let is_flaky = |id: &TestId| {
        let flaky = |t: &&Judged| t.verdict.category == Category::Flaky;
        findings.tests.iter().filter(flaky).any(|t| t.evidence.id == *id)
    };
    let tried = findings.reproductions.iter().filter(|(id, r)| r.failed > 0 && is_flaky(id)).map(|(_, r)| r);
    let surest =
        tried.max_by(|a, b| share(a).total_cmp(&share(b)).then(a.only_this_test.cmp(&b.only_this_test)));
    match surest {
        Some(r) => Some(Again {
            command: r.command.clone(),
            shell: Some(r.shell.clone()),
            tried: Some(Tried { ran: r.ran, failed: r.failed }),
        }),
        None => untried(findings),
    }
}

/// Where none was tried, the attempt to repeat is one of the flaky test that fails most rarely by its seed: the one that is
/// hardest to meet by chance. A broken test is chosen only when there is no flaky one.
fn untried(findings: &Findings) -> Option<Again> {
    let candidate = |category: Category| {
        findings
            .tests
            .iter()
            .filter(|t| !t.ignored && t.verdict.category == category && !t.evidence.failing_seeds.is_empty())
            .min_by(|a, b| {
                a.evidence.rate.total_cmp(&b.evidence.rate).then_with(|| a.evidence.id.cmp(&b.evidence.id))
            })
    };
    let test = candidate(Category::Flaky).or_else(|| candidate(Category::Broken))?;
    let seed = test.evidence.failing_seeds.first()?;
    let planned = findings.plan.iter().find(|planned| planned.side == Side::Head && planned.seed == *seed);
    Some(Again {
        command: format!("flaky reproduce {} --seed {seed}", findings.run),
        shell: planned.map(|planned| shell(planned, &findings.subject.command)),
        tried: None,
    })
}

/// To the millisecond: finer digits are noise, and make reports differ for no reason.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}
