//! Policies in a chain, in the order in which they were named.
//!
//! The first that decides about a test wins: its category, its confidence and its reason stand. Those behind it are asked
//! about that test only where their entry says `may`, and then add: tags under keys that are not there yet, and a
//! severity above the one that stands. They never change the category, nor lower a severity, and of a test that is stable
//! or undecided there is no severity to raise. A policy that fails is named in the report and skipped.

use flaky_config::{IgnorePatterns, MayAdd};
use flaky_core::evidence::Evidence;
use flaky_core::ids::TestId;
use flaky_core::report::{Addition, QuarantineReport};
use flaky_core::verdict::{Category, Severity, Verdict};
use flaky_plugin_host::RunSummary;

use crate::plugins::Member;
use crate::quarantine::InQuarantine;

/// One test with what was said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The numbers.
    pub evidence: Evidence,
    /// What the policies made of them.
    pub verdict: Verdict,
    /// Name of the policy, or of the rule that left the test out.
    pub decided_by: String,
    /// What other policies added to the verdict.
    pub added: Vec<Addition>,
    /// Matched by `ignore_patterns`.
    pub ignored: bool,
    /// In quarantine.
    pub quarantined: Option<QuarantineReport>,
}

impl Judged {
    /// Whether its verdict is one of those that the run's is made of.
    pub(crate) const fn gates(&self) -> bool {
        !self.ignored && self.quarantined.is_none()
    }
}

/// How many tests a policy sees in one call: enough that the call itself costs nothing, and few enough that a
/// batch with long traces stays far below the limit on a call's data.
const BATCH: usize = 500;

/// A decision, and what was added to it.
#[derive(Debug)]
struct Decision {
    verdict: Verdict,
    decided_by: String,
    added: Vec<Addition>,
}

impl Decision {
    fn new(verdict: Verdict, decided_by: &str) -> Self {
        Self { verdict, decided_by: decided_by.to_owned(), added: Vec::new() }
    }

    /// What a policy behind the one that decided may add of its answer.
    fn add(&mut self, policy: &str, may: impl Fn(MayAdd) -> bool, answer: Verdict) {
        let verdict = &mut self.verdict;
        let tags: Vec<(String, String)> = match may(MayAdd::Tag) {
            true => answer
                .tags
                .into_iter()
                .filter(|(key, _)| !verdict.tags.iter().any(|(k, _)| k == key))
                .collect(),
            false => Vec::new(),
        };
        let speaks = matches!(verdict.category, Category::Flaky | Category::Broken);
        let raises = may(MayAdd::Raise) && speaks && answer.severity > verdict.severity;
        let raised_from = raises.then(|| std::mem::replace(&mut verdict.severity, answer.severity));
        if tags.is_empty() && raised_from.is_none() {
            return;
        }
        verdict.tags.extend(tags.iter().cloned());
        self.added.push(Addition { policy: policy.to_owned(), reason: answer.reason, tags, raised_from });
    }
}

/// Judges every test. The order of the answer is that of `evidence`.
pub(crate) async fn judge(
    policies: &[Member],
    evidence: Vec<Evidence>,
    ignore: &IgnorePatterns,
    quarantine: &InQuarantine,
) -> Vec<Judged> {
    let left_out: Vec<bool> = evidence.iter().map(|e| ignore.first_match(&e.id).is_some()).collect();
    let mut decisions: Vec<Option<Decision>> = evidence.iter().map(|e| ignored(ignore, &e.id)).collect();
    for policy in policies {
        // What its answer could not change it is not asked about.
        let asks = |i: &usize| !left_out[*i] && (policy.may_add() || decisions[*i].is_none());
        let open: Vec<usize> = (0..decisions.len()).filter(asks).collect();
        for batch in open.chunks(BATCH) {
            let asked: Vec<Evidence> = batch.iter().map(|i| evidence[*i].clone()).collect();
            match policy.plugin.classify(&asked).await {
                Ok(answers) => {
                    if !policy.bundled {
                        policy.used("policy");
                    }
                    for (i, answer) in batch.iter().zip(answers) {
                        let Some(answer) = answer else { continue };
                        match &mut decisions[*i] {
                            Some(decision) => decision.add(policy.name(), |what| policy.may(what), answer),
                            open => *open = Some(Decision::new(answer, policy.name())),
                        }
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
        .zip(decisions)
        .zip(left_out)
        .map(|((evidence, decision), ignored)| {
            let Decision { verdict, decided_by, added } = decision.unwrap_or_else(undecided);
            let quarantined = quarantine.of_test(&evidence.id).filter(|_| !ignored);
            Judged { evidence, verdict, decided_by, added, ignored, quarantined }
        })
        .collect()
}

/// Judges the run as a whole, by the tests that gate; the worst one's category when no policy says anything.
pub(crate) async fn summarise(policies: &[Member], total: u32, failures: u32, tests: &[Judged]) -> Verdict {
    let counted = || tests.iter().filter(|t| t.gates());
    if counted().next().is_none() && tests.iter().any(|t| t.quarantined.is_some()) {
        return nothing_gates();
    }
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
    worst.map_or_else(|| undecided().verdict, |t| t.verdict.clone())
}

fn ignored(ignore: &IgnorePatterns, id: &TestId) -> Option<Decision> {
    let pattern = ignore.first_match(id)?;
    let verdict = Verdict {
        category: Category::Inconclusive,
        severity: Severity::None,
        confidence: 0.0,
        reason: format!("not judged: `ignore_patterns` holds `{}`", pattern.as_str()),
        tags: Vec::new(),
    };
    Some(Decision::new(verdict, "ignore_patterns"))
}

/// Of a run of tests in quarantine alone: what they do is told, and fails nothing.
fn nothing_gates() -> Verdict {
    Verdict {
        category: Category::Stable,
        severity: Severity::None,
        confidence: 0.0,
        reason: "every test here is in quarantine".into(),
        tags: Vec::new(),
    }
}

fn undecided() -> Decision {
    let verdict = Verdict {
        category: Category::Inconclusive,
        severity: Severity::None,
        confidence: 0.0,
        reason: "no policy decided".into(),
        tags: Vec::new(),
    };
    Decision::new(verdict, "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(category: Category, severity: Severity, tags: &[(&str, &str)]) -> Verdict {
        Verdict {
            category,
            severity,
            confidence: 0.5,
            reason: format!("{category:?}"),
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn who_comes_later_adds_what_it_may_and_changes_nothing_else() {
        use Category::{Broken, Flaky, Inconclusive, Stable};
        use MayAdd::{Raise, Tag};
        use Severity::{Critical, Low, Medium, None as Nothing};
        for (category, severity, answer, may, expected, tags) in [
            (Flaky, Low, Medium, &[Tag, Raise][..], Medium, 1),
            (Flaky, Low, Medium, &[Tag], Low, 1),
            (Flaky, Low, Medium, &[Raise], Medium, 0),
            (Flaky, Low, Medium, &[], Low, 0),
            (Broken, Critical, Low, &[Tag, Raise], Critical, 1),
            (Stable, Nothing, Critical, &[Tag, Raise], Nothing, 1),
            (Inconclusive, Nothing, Critical, &[Raise], Nothing, 0),
        ] {
            let mut decision = Decision::new(verdict(category, severity, &[("cause", "network")]), "first");
            let said = verdict(Broken, answer, &[("team", "shop"), ("cause", "mine")]);
            decision.add("later", |what| may.contains(&what), said);
            let Decision { verdict: stands, decided_by, added } = decision;
            let case = format!("{category:?} {severity:?} {may:?}");
            assert_eq!(
                (stands.category, stands.severity, decided_by.as_str()),
                (category, expected, "first"),
                "{case}"
            );
            assert_eq!(stands.reason, format!("{category:?}"), "{case}");
            assert_eq!(
                stands.tags[0],
                ("cause".to_owned(), "network".to_owned()),
                "what stands is not changed"
            );
            assert_eq!(stands.tags.len(), 1 + tags, "{case}");
            let changes = tags > 0 || expected != severity;
            assert_eq!(added.len(), usize::from(changes), "{case}: {added:?}");
            if let Some(addition) = added.first() {
                assert_eq!((addition.policy.as_str(), addition.tags.len()), ("later", tags), "{case}");
                assert_eq!(addition.raised_from, (expected != severity).then_some(severity), "{case}");
            }
        }
    }
}
