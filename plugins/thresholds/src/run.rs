//! The run as a whole: its worst test's category, in one sentence.

use flaky_plugin_sdk::report::percent;

use crate::judge::{attempts, severity};
use crate::model::{Category, RunSummary, Severity, Verdict};
use crate::settings::Settings;

/// What the policy says of the run; `None` when there is no test to speak of.
///
/// The category is the worst test's, the severity that of the rate of failed attempts, the confidence that of
/// the least sure verdict among the worst.
#[must_use]
pub fn summarise(run: &RunSummary, settings: &Settings) -> Option<Verdict> {
    let worst =
        run.verdicts.iter().map(|(_, verdict)| &verdict.category).max_by_key(|category| rank(category))?;
    let confidence = run
        .verdicts
        .iter()
        .filter(|(_, verdict)| rank(&verdict.category) == rank(worst))
        .map(|(_, verdict)| verdict.confidence)
        .fold(1.0, f64::min);
    let rate = f64::from(run.failures) / f64::from(run.total_runs.max(1));
    let severity = match worst {
        Category::Stable | Category::Inconclusive => Severity::None,
        Category::Flaky | Category::Broken => severity(rate.max(f64::MIN_POSITIVE), settings),
    };
    Some(Verdict {
        category: *worst,
        severity,
        confidence,
        reason: reason(run, worst, rate),
        tags: Vec::new(),
    })
}

/// From best to worst. Not the order of the contract, where *inconclusive* stands last.
const fn rank(category: &Category) -> u8 {
    match category {
        Category::Stable => 0,
        Category::Inconclusive => 1,
        Category::Flaky => 2,
        Category::Broken => 3,
    }
}

/// Counts of tests by category, worst first; a single test speaks for itself.
fn reason(run: &RunSummary, worst: &Category, rate: f64) -> String {
    let mut reason = match run.verdicts.as_slice() {
        [(_, only)] => only.reason.clone(),
        verdicts => {
            let kinds = [
                (Category::Broken, "broken"),
                (Category::Flaky, "flaky"),
                (Category::Inconclusive, "inconclusive"),
                (Category::Stable, "stable"),
            ];
            let counted: Vec<String> = kinds
                .iter()
                .map(|(category, name)| {
                    (
                        verdicts
                            .iter()
                            .filter(|(_, verdict)| rank(&verdict.category) == rank(category))
                            .count(),
                        name,
                    )
                })
                .filter(|(count, _)| *count > 0)
                .map(|(count, name)| format!("{count} {name}"))
                .collect();
            format!("of {} tests: {}; {}", verdicts.len(), counted.join(", "), attempts(run.total_runs))
        }
    };
    // The rate speaks of attempts, the verdict of tests.
    if run.failures > 0 && matches!(worst, Category::Stable) {
        let failed = format!(
            "; {} of {} failed ({}), though no test is known to",
            run.failures,
            attempts(run.total_runs),
            percent(rate)
        );
        reason.push_str(&failed);
    }
    if run.failures == 0 && matches!(worst, Category::Flaky | Category::Broken) {
        reason.push_str("; no attempt failed as a whole");
    }
    reason
}
