//! What a run found, put together for the report.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flaky_core::cause::shared_resource;
use flaky_core::cluster::clusters;
use flaky_core::evidence::Evidence;
use flaky_core::ids::TestId;
use flaky_core::report::{BaseReport, IsolationReport, IsolationUsed, Note, SeedReport, Subject};
use flaky_core::settings::defaults;
use flaky_core::verdict::{Category, Cause, Severity, Verdict};
use flaky_exec::checkout::RepositorySource;

use crate::assemble::{Findings, assemble};
use crate::attempt::SetAside;
use crate::attempts::Outcome;
use crate::conduct::PlannedAttempt;
use crate::judge::{self, Judged};
use crate::remote::Bill;
use crate::run::{AttemptChoice, Finished, RunRequest, Stage};
use crate::tally::{Tallies, Tally};

/// Clusters that a report holds, the largest first: each is a line for people.
const CLUSTERS_REPORTED: usize = 50;

impl Stage<'_> {
    pub(crate) async fn findings(
        &self,
        tallies: Tallies,
        outcome: Outcome,
        wall: Duration,
        plan: &[PlannedAttempt],
    ) -> Findings {
        let changes = tallies.changes();
        let base = self.base_report(tallies.base.as_ref());
        let mut tally = tallies.head;
        let mut evidence = tally.evidence();
        // Where some tests were asked for, frameworks tell of the others that they did not run: nothing is said of those.
        let wanted = &self.settings.tests;
        evidence.retain(|test| wanted.is_empty() || test.counts.ran > 0 || wanted.contains(&test.id));
        let mut earlier = self.earlier().await;
        for test in &mut evidence {
            test.history = earlier.remove(&test.id);
            test.base = changes.get(&test.id).copied();
            test.failed_in_ci = self.settings.failed_in_ci.contains(&test.id);
        }
        let not_met = self.not_met(&evidence);
        let judged = evidence.iter().filter(|e| !tally.ignores(&e.id));
        let clusters = clusters(judged, tally.counted);
        let clusters = clusters.iter().take(CLUSTERS_REPORTED).map(|c| c.report(tally.counted)).collect();
        let tests = self.judged(evidence).await;
        let mut summary = judge::summarise(&self.policies, tally.counted, tally.failed, &tests).await;
        if summary.category == Category::Stable && tally.failed > 0 && tests.iter().any(disturbed) {
            summary.reason = format!(
                "{} of {} attempts failed side by side, and nothing that failed did so alone: copies disturbed each other",
                tally.failed, tally.counted
            );
        }
        let obstacle =
            outcome.obstacle.clone().or_else(|| too_much_set_aside(&tally)).or_else(|| self.needed_plugin());
        let mut notes = self.sources.notes.clone();
        notes.extend(self.settings_notes());
        notes.extend(tally.notes());
        notes.extend(interference_note(&tests, &tally));
        notes.extend(not_met);
        notes.extend(self.quarantine.notes(&tests, self.settings.tests.is_empty() && tally.counted > 0));
        notes.extend(outcome.notes);
        Findings {
            run: self.request.run.clone(),
            ci: self.request.ci.clone(),
            subject: self.subject(tally.parser()),
            isolation: outcome.isolation,
            seeds: self.seed_report(),
            planned: u32::try_from(plan.len()).unwrap_or(u32::MAX),
            parallelism: self.settings.parallelism.value.get(),
            finished: tally.finished,
            counted: tally.counted,
            failed: tally.failed,
            alone: tally.alone,
            selected: tally.selected,
            base,
            clusters,
            reproductions: outcome.reproductions,
            plan: plan.to_vec(),
            interrupted: outcome.interrupted,
            wall,
            cpu: tally.cpu,
            peak_memory: tally.peak_memory,
            attempts: tally.attempt_reports(),
            tests,
            summary,
            obstacle,
            plugins: self.plugins.reports(),
            notes,
            backend: outcome.bill.as_ref().map(Bill::report),
        }
    }

    async fn judged(&self, evidence: Vec<Evidence>) -> Vec<Judged> {
        judge::judge(&self.policies, evidence, &self.settings.ignore.value, &self.quarantine).await
    }

    fn base_report(&self, tally: Option<&Tally>) -> Option<BaseReport> {
        let (base, tally) = self.base.as_ref().zip(tally)?;
        Some(BaseReport {
            revision: base.revision.clone(),
            commit: base.sources.commit.clone(),
            total_runs: tally.counted,
            failures: tally.failed,
        })
    }

    /// A plugin without which there is to be no verdict, by its entry, and that failed.
    fn needed_plugin(&self) -> Option<SetAside> {
        let (name, error) = self.plugins.fatal()?;
        Some(SetAside {
            cause: Cause::Infrastructure,
            why: format!("the plugin `{name}` failed, and its entry says `on_error: fail`: {error}"),
            hint: Some("mend the plugin, or say `on_error: warn` to have the next one asked".into()),
        })
    }

    /// Tests that are said to have failed in CI, and that no attempt here told of.
    fn not_met(&self, evidence: &[Evidence]) -> Option<Note> {
        let is_met = |id: &TestId| evidence.iter().any(|e| e.id == *id);
        let unmet = self.settings.failed_in_ci.iter().filter(|id| !is_met(id));
        let unmet: Vec<String> = unmet.map(|id| format!("`{id}`")).collect();
        (!unmet.is_empty()).then(|| Note {
            code: "failed-in-ci-not-met".into(),
            text: format!(
                "failed in CI, and no attempt here told of a test of that name: {}",
                unmet.join(", ")
            ),
        })
    }

    fn seed_report(&self) -> SeedReport {
        match self.request.attempts {
            AttemptChoice::Planned => self.seeds().report(),
            AttemptChoice::Repeat { seed, .. } => SeedReport::First(seed.0),
        }
    }

    fn subject(&self, parser: Option<String>) -> Subject {
        Subject {
            source: self.sources.name.clone(),
            commit: self.sources.commit.clone(),
            reference: self.request.reference.as_ref().map(|r| r.as_str().to_owned()),
            command: self.project.command.argv.clone(),
            working_directory: self.project.command.cwd.clone(),
            framework: self.project.framework_name.clone(),
            parser,
        }
    }

    fn settings_notes(&self) -> Vec<Note> {
        let ignored = self
            .settings
            .ignored
            .iter()
            .map(|i| Note { code: "setting-ignored".into(), text: self.sources.relative(&i.to_string()) });
        // On an endpoint, tests get nothing of our environment anyway.
        let here = self.endpoint().is_none();
        let withheld = (here && !self.request.withheld.is_empty()).then(|| Note {
            code: "variables-withheld".into(),
            text: format!(
                "kept from the tests because they look like secrets: {} (`--env NAME` passes one on)",
                self.request.withheld.join(", ")
            ),
        });
        ignored.chain(withheld).collect()
    }
}

/// Whether a test's numbers are those of attempts alone.
fn disturbed(test: &Judged) -> bool {
    test.evidence.side_by_side.is_some() && !test.ignored
}

fn interference_note(tests: &[Judged], tally: &Tally) -> Option<Note> {
    let disturbed: BTreeSet<&TestId> =
        tests.iter().filter(|t| disturbed(t)).map(|t| &t.evidence.id).collect();
    let count = disturbed.len();
    if count == 0 {
        return None;
    }
    let beside = tally.beside_others(&disturbed);
    let shared: BTreeSet<String> =
        beside.iter().filter_map(|e| shared_resource(&e.groups)).map(|r| r.to_string()).collect();
    let shared: Vec<String> = shared.into_iter().take(RESOURCES_NAMED).collect();
    let shared = match shared.is_empty() {
        true => "a port, a file, a folder that they share".to_owned(),
        false => format!("they share {}", shared.join(", ")),
    };
    let what = if count == 1 { "1 test fails".to_owned() } else { format!("{count} tests fail") };
    Some(Note {
        code: "interference".into(),
        text: format!(
            "{what} only with copies side by side ({shared}); `flaky doctor` says how attempts could be kept further apart"
        ),
    })
}

/// Shared resources that one note names; a suite that fights over more has one reason for all.
const RESOURCES_NAMED: usize = 5;

/// More than this part of the attempts set aside: what is left is not the suite as it is.
const SET_ASIDE_AT_MOST: f64 = 0.2;

/// A run of which too much does not count is inconclusive, with the most frequent reason.
fn too_much_set_aside(tally: &Tally) -> Option<SetAside> {
    let aside = f64::from(u32::try_from(tally.set_aside.len()).unwrap_or(u32::MAX));
    if tally.set_aside.is_empty() || aside <= SET_ASIDE_AT_MOST * f64::from(tally.finished) {
        return None;
    }
    let count =
        |a: &SetAside| tally.set_aside.iter().filter(|b| b.cause == a.cause && b.why == a.why).count();
    let most = tally.set_aside.iter().max_by_key(|a| count(a))?;
    let why = format!("{} of {} attempts: {}", count(most), tally.finished, most.why);
    Some(SetAside { why, ..most.clone() })
}

/// A report of a run whose sources are not to be had.
pub(crate) fn without_sources(request: &RunRequest, aside: SetAside) -> Finished {
    let flags = &request.flags;
    let isolation = IsolationReport {
        asked: flags.isolation.unwrap_or_default(),
        used: IsolationUsed::Shared,
        why: Some("nothing was run".into()),
    };
    let source = match &request.source {
        RepositorySource::Local(folder) => folder.display().to_string(),
        RepositorySource::Remote(url) => url.to_string(),
    };
    let job = request.job.as_ref();
    let runs = flags.runs.or(job.and_then(|j| j.runs)).unwrap_or(defaults::RUNS);
    let parallelism = flags.parallelism.or(job.and_then(|j| j.parallelism)).unwrap_or(defaults::PARALLELISM);
    let command = flags.test_command.as_ref().or(job.map(|j| &j.test_command));
    let report = assemble(Findings {
        run: request.run.clone(),
        ci: request.ci.clone(),
        subject: Subject {
            source,
            commit: request.commit.as_ref().map(|c| c.as_str().to_owned()),
            reference: request.reference.as_ref().map(|r| r.as_str().to_owned()),
            command: command.map(|c| c.words().to_vec()).unwrap_or_default(),
            working_directory: String::new(),
            framework: "unknown".into(),
            parser: None,
        },
        isolation,
        seeds: match flags.first_seed {
            Some(first) => SeedReport::First(first),
            None => SeedReport::Drawn {
                master: flags.seed.unwrap_or(request.fresh_seed),
                min: defaults::SEED_RANGE.min,
                max: defaults::SEED_RANGE.max,
            },
        },
        planned: runs.get(),
        parallelism: parallelism.get(),
        finished: 0,
        counted: 0,
        failed: 0,
        alone: 0,
        selected: 0,
        base: None,
        clusters: Vec::new(),
        reproductions: BTreeMap::new(),
        plan: Vec::new(),
        interrupted: aside.cause == Cause::Interrupted,
        wall: Duration::ZERO,
        cpu: Duration::ZERO,
        peak_memory: 0,
        tests: Vec::new(),
        summary: Verdict {
            category: Category::Inconclusive,
            severity: Severity::None,
            confidence: 0.0,
            reason: aside.why.clone(),
            tags: Vec::new(),
        },
        obstacle: Some(aside),
        attempts: Vec::new(),
        plugins: Vec::new(),
        notes: Vec::new(),
        backend: None,
    });
    Finished {
        report,
        fail_on: flags.fail_on.unwrap_or_default(),
        plugins: None,
        reporters: Vec::new(),
        notify: None,
        provenance: None,
        outputs: Vec::new(),
    }
}
