//! Reporters.

use std::num::NonZeroU32;
use std::sync::Arc;

use flaky_core::delivery::{Delivery, RenderContext};
use flaky_core::evidence::{Counts, Interval};
use flaky_core::ids::{RunId, Seed, TestId};
use flaky_core::report::{FailureGroupReport, RunReport, TestReport};
use flaky_core::verdict::{Category, Cause, Severity};
use flaky_plugin_host::{BlobInput, Plugin};

use super::{Answered, Finding, HOSTILE, MOST_IN_PIECES, PIECES, Size, answered};
use crate::check::Check;
use crate::golden::{Case, CaseError, reporter};

/// Tests of a large run.
const MANY: u32 = 10_000;

pub(super) async fn battery(
    plugin: &Plugin,
    cases: impl Iterator<Item = &Case>,
) -> Result<Vec<Check>, CaseError> {
    let mut inputs = vec![(plugin.clone(), document(&report(hostile_tests())), RenderContext::default())];
    for case in cases {
        if let Ok(configured) = case.configured(plugin).await? {
            let (report, context) = reporter::input(&case.folder)?;
            inputs.push((configured, content(&report), context));
        }
    }
    Ok(vec![
        empty(plugin).await,
        twice(plugin, &inputs).await,
        pieces(plugin, &inputs).await,
        hostile(plugin).await,
        places(plugin).await,
        many(plugin).await,
    ])
}

type Input = (Plugin, Arc<[u8]>, RenderContext);

async fn empty(plugin: &Plugin) -> Check {
    let mut finding = Finding::start(plugin, "reporter: a run without a result");
    for cause in [Cause::InstallFailed, Cause::NoTests, Cause::Interrupted] {
        let report = document(&RunReport::without_result(cause, "nothing was run"));
        let result = plugin.render(report, RenderContext::default()).await;
        finding.survives(cause.name(), Size::Usual, result);
    }
    finding.end()
}

async fn twice(plugin: &Plugin, inputs: &[Input]) -> Check {
    let mut finding = Finding::start(plugin, "reporter: the same deliveries when asked twice");
    for (plugin, report, context) in inputs {
        let whole = BlobInput::Bytes(Arc::clone(report));
        let (first, second) = (ask(plugin, &whole, context).await, ask(plugin, &whole, context).await);
        finding.same("asked again", &first, &second);
    }
    finding.end()
}

async fn pieces(plugin: &Plugin, inputs: &[Input]) -> Check {
    let mut finding = Finding::start(plugin, "reporter: the same deliveries in pieces of 1 byte and more");
    for (plugin, report, context) in inputs.iter().filter(|(_, report, _)| report.len() <= MOST_IN_PIECES) {
        let whole = ask(plugin, &BlobInput::Bytes(Arc::clone(report)), context).await;
        for most in PIECES.into_iter().filter_map(NonZeroU32::new) {
            let piece = BlobInput::Pieces(Arc::clone(report), most);
            finding.same(&format!("in pieces of {most} bytes"), &whole, &ask(plugin, &piece, context).await);
        }
    }
    finding.end()
}

async fn hostile(plugin: &Plugin) -> Check {
    let mut finding = Finding::start(plugin, "reporter: hostile names and messages");
    for test in hostile_tests() {
        let what = format!("`{}`", test.id.as_str().chars().take(40).collect::<String>());
        let report = document(&report(vec![test]));
        let result = plugin.render(report, RenderContext::default()).await;
        finding.survives(&what, Size::Usual, result);
    }
    finding.end()
}

async fn places(plugin: &Plugin) -> Check {
    let mut finding = Finding::start(plugin, "reporter: terminals of any width, with colour and without");
    let report = document(&report(hostile_tests()));
    for width in [None, Some(0), Some(1), Some(80), Some(u32::MAX)] {
        for colour in [false, true] {
            let context = RenderContext { width, colour, ..RenderContext::default() };
            let result = plugin.render(Arc::clone(&report), context).await;
            finding.survives(&format!("width {width:?}"), Size::Usual, result);
        }
    }
    finding.end()
}

async fn many(plugin: &Plugin) -> Check {
    let mut finding = Finding::start(plugin, "reporter: 10,000 tests");
    let tests = (0..MANY).map(|i| test(&format!("tests/test_{i}.py::test"), "assert 1 == 2")).collect();
    let result = plugin.render(document(&report(tests)), RenderContext::default()).await;
    finding.survives("10,000 tests", Size::Usual, result);
    finding.end()
}

async fn ask(plugin: &Plugin, report: &BlobInput, context: &RenderContext) -> Answered<Vec<Delivery>> {
    answered(plugin.render_input(report, context.clone()).await)
}

fn content(blob: &BlobInput) -> Arc<[u8]> {
    match blob {
        BlobInput::Bytes(bytes) | BlobInput::Pieces(bytes, _) => Arc::clone(bytes),
        BlobInput::File { .. } => Arc::from([]),
    }
}

/// The document that a reporter reads.
pub(crate) fn document(report: &RunReport) -> Arc<[u8]> {
    // Of these types every value can be written; an empty document would fail every reporter.
    Arc::from(serde_json::to_vec(report).unwrap_or_default())
}

/// A report of these tests.
pub(crate) fn report(tests: Vec<TestReport>) -> RunReport {
    RunReport {
        run: RunId::none(),
        total_runs: 20,
        failures: 3,
        repro_rate: Some(0.15),
        verdict: Category::Flaky,
        cause: None,
        severity: Some(Severity::Medium),
        tests,
        ..RunReport::without_result(Cause::Interrupted, "some tests are flaky, in 20 attempts")
    }
}

/// A test that failed 3 of 20 times.
pub(crate) fn test(id: &str, message: &str) -> TestReport {
    TestReport {
        id: TestId::new(id),
        location: None,
        ran: 20,
        failures: 3,
        rate: 0.15,
        interval: Interval { low: 0.052, high: 0.36, level: 0.95 },
        verdict: Category::Flaky,
        severity: Some(Severity::Medium),
        confidence: 0.95,
        reason: format!("failed 3 of 20: {message}"),
        decided_by: "statistical".into(),
        added: Vec::new(),
        ignored: false,
        quarantined: None,
        counts: Counts { ran: 20, passed: 17, failed: 3, ..Counts::default() },
        failing_seeds: vec![Seed(1), Seed(7), Seed(u64::MAX)],
        failure_groups: vec![FailureGroupReport {
            fingerprint: "0123456789abcdef".into(),
            also: Vec::new(),
            count: 3,
            kind: "AssertionError".into(),
            message: message.to_owned(),
            trace: message.to_owned(),
            seeds: vec![Seed(1), Seed(7), Seed(u64::MAX)],
        }],
        alone: None,
        side_by_side: None,
        median_seconds: Some(0.1),
        selected: None,
        base: None,
        failed_in_ci: false,
        reproduction: None,
        history: None,
        tags: vec![("cause".into(), message.chars().take(100).collect())],
    }
}

fn hostile_tests() -> Vec<TestReport> {
    /// What acts in some place where reporters write.
    const ACTING: [&str; 8] = [
        "<script>alert(1)</script>",
        "@everyone [link](https://example.com) ![x](y) | cell | `code` </details>",
        "::set-output name=x::y\n##[error] x",
        "${{ secrets.TOKEN }} $(id) `id` %s %n",
        "=HYPERLINK(\"https://example.com\")",
        "]]> --> */ '\"; DROP TABLE tests; --",
        "../../../../etc/passwd",
        "",
    ];
    let printed = HOSTILE.iter().map(|(_, text)| String::from_utf8_lossy(text).into_owned());
    printed.chain(ACTING.map(str::to_owned)).map(|text| test(&text, &text)).collect()
}
