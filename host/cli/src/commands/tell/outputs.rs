//! Outputs for later steps, where one run has several results.

use std::sync::{Mutex, PoisonError};

use flaky_core::delivery::Delivery;
use flaky_core::report::RunReport;
use flaky_delivery::Environment;

use super::print_error;
use super::suites::{Rank, rank};

/// What later steps are told of several results: that of the worst alone, or the last one would speak for all.
#[derive(Debug, Default)]
pub(crate) struct Outputs(Mutex<Option<Worst>>);

/// The outputs of the worst result so far.
#[derive(Debug)]
struct Worst {
    rank: Rank,
    outputs: Vec<(String, String)>,
}

impl Outputs {
    pub(super) fn keep(&self, report: &RunReport, outputs: Vec<(String, String)>) {
        let rank = rank(report);
        let mut worst = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if worst.as_ref().is_none_or(|worst| rank > worst.rank) {
            *worst = Some(Worst { rank, outputs });
        }
    }

    /// To be called when all results were told; gives the number of failures.
    pub(crate) fn hand_on(&self, environment: &Environment) -> usize {
        let worst = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match worst.map(|worst| flaky_delivery::hand_on(environment, &worst.outputs)) {
            Some(Err(error)) => {
                print_error(&error.to_string());
                1
            }
            Some(Ok(())) | None => 0,
        }
    }
}

/// What is left when somebody keeps the outputs.
pub(super) fn without_outputs(
    deliveries: Vec<Delivery>,
    keep: impl Fn(Vec<(String, String)>),
) -> Vec<Delivery> {
    let left = |delivery| match delivery {
        Delivery::Outputs(outputs) => {
            keep(outputs);
            None
        }
        delivery => Some(delivery),
    };
    deliveries.into_iter().filter_map(left).collect()
}

#[cfg(test)]
mod tests {
    use flaky_core::verdict::{Category, Severity};

    use super::*;

    #[test]
    fn later_steps_are_told_the_worst_of_several_results_whichever_came_last() {
        let outputs = Outputs::default();
        let of = |verdict, severity| {
            let report = RunReport {
                verdict,
                severity,
                ..RunReport::without_result(flaky_core::verdict::Cause::Infrastructure, "")
            };
            let told = vec![
                Delivery::JobSummary(String::new()),
                Delivery::Outputs(vec![("verdict".to_owned(), verdict.to_string())]),
            ];
            let left = without_outputs(told, |told| outputs.keep(&report, told));
            assert_eq!(left, [Delivery::JobSummary(String::new())]);
        };
        of(Category::Stable, Some(Severity::None));
        of(Category::Broken, Some(Severity::Critical));
        of(Category::Flaky, Some(Severity::Low));
        of(Category::Inconclusive, None);
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        let variables = [("GITHUB_ACTIONS", "true".to_owned()), ("GITHUB_OUTPUT", path)];
        let environment = Environment::new(move |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        });
        assert_eq!(outputs.hand_on(&environment), 0);
        assert_eq!(outputs.hand_on(&environment), 0, "once");
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "verdict=broken\n");
    }
}
