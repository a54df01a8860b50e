//! Policies in a chain: the first that decides wins; a policy that fails is named in the report and skipped.

use flaky_config::IgnorePatterns;
use flaky_core::evidence::Evidence;
use flaky_core::ids::TestId;
use flaky_core::verdict::{Category, Severity, Verdict};
use flaky_plugin_host::RunSummary;

use crate::plugins::Member;

/// One test with what was said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The numbers.
    pub evidence: Evidence,
    /// What the policy made of them.
    pub verdict: Verdict,
    /// Name of the policy, or of the rule that left the test out.
    pub decided_by: String,
    /// Matched by `ignore_patterns`.
    pub ignored: bool,
}

/// How many tests a policy sees in one call: enough that the call itself costs nothing, and few enough that a
/// batch with long traces stays far below the limit on a call's data.
const BATCH: usize = 500;

/// Judges every test. The order of the answer is that of `evidence`.
pub async fn judge(policies: &[Member], evidence: Vec<Evidence>, ignore: &IgnorePatterns) -> Vec<Judged> {
    let mut judged: Vec<Option<(Verdict, String)>> =
        evidence.iter().map(|e| ignored(ignore, &e.id)).collect();
    let left_out: Vec<bool> = judged.iter().map(Option::is_some).collect();
    for policy in policies {
        let open: Vec<usize> = (0..judged.len()).filter(|i| judged[*i].is_none()).collect();
        for batch in open.chunks(BATCH) {
            let asked: Vec<Evidence> = batch.iter().map(|i| evidence[*i].clone()).collect();
            match policy.plugin.classify(&asked).await {
                Ok(answers) => {
                    for (i, answer) in batch.iter().zip(answers) {
                        judged[*i] = answer.map(|v| (v, policy.name().to_owned()));
                    }
                }
                Err(error) => {
                    policy.fault(&error);
                    break;
                }
            }
        }
    }
    evidence
        .into_iter()
        .zip(judged)
        .zip(left_out)
        .map(|((evidence, answer), ignored)| {
            let (verdict, decided_by) = answer.unwrap_or_else(undecided);
            Judged { evidence, verdict, decided_by, ignored }
        })
        .collect()
}

/// Judges the run as a whole; the worst test's category when no policy says anything.
pub async fn summarise(policies: &[Member], total: u32, failures: u32, tests: &[Judged]) -> Verdict {
    let counted = || tests.iter().filter(|t| !t.ignored);
    let summary = RunSummary {
        total_runs: total,
        failures,
        verdicts: counted().map(|t| (t.evidence.id.clone(), t.verdict.clone())).collect(),
    };
    for policy in policies {
        match policy.plugin.summarise(&summary).await {
            Ok(Some(verdict)) => return verdict,
            Ok(None) => {}
            Err(error) => policy.fault(&error),
        }
    }
    let worst = counted().max_by_key(|t| t.verdict.category);
    worst.map_or_else(|| undecided().0, |t| t.verdict.clone())
}

fn ignored(ignore: &IgnorePatterns, id: &TestId) -> Option<(Verdict, String)> {
    let pattern = ignore.first_match(id)?;
    let verdict = Verdict {
        category: Category::Inconclusive,
        severity: Severity::None,
        confidence: 0.0,
        reason: format!("not judged: `ignore_patterns` holds `{}`", pattern.as_str()),
        tags: Vec::new(),
    };
    Some((verdict, "ignore_patterns".into()))
}

fn undecided() -> (Verdict, String) {
    let verdict = Verdict {
        category: Category::Inconclusive,
        severity: Severity::None,
        confidence: 0.0,
        reason: "no policy decided".into(),
        tags: Vec::new(),
    };
    (verdict, "none".into())
}
