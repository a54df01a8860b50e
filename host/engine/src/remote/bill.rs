//! What a run on an endpoint took, and what that costs.

use std::collections::BTreeMap;
use std::time::Instant;

use flaky_core::report::BackendReport;
use flaky_core::settings::BackendKind;
use flaky_runpod::fleet::FleetSummary;

use super::store::Spent;
use super::{Money, whole_seconds};

/// What was used so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bill {
    money: Money,
    endpoint: String,
    jobs: u32,
    resubmitted: u32,
    /// Of jobs that ended, each rounded up.
    seconds: u64,
    /// Jobs whose time was not told.
    untold: u32,
    /// Shards on a worker, by number, since when.
    running: BTreeMap<u32, Instant>,
    over_budget: bool,
    warned: bool,
}

impl Bill {
    pub(crate) fn new(money: Money, endpoint: String, earlier: Spent) -> Self {
        Self { money, endpoint, jobs: earlier.jobs, seconds: earlier.seconds, ..Self::default() }
    }

    /// A worker has begun.
    pub(crate) fn started(&mut self, shard: u32) {
        self.running.insert(shard, Instant::now());
    }

    /// A shard is through, or given up.
    pub(crate) fn ended(&mut self, shard: u32, seconds: u64) {
        self.running.remove(&shard);
        self.seconds = self.seconds.saturating_add(seconds);
    }

    /// A call is through: the platform's figures take the place of what was added up meanwhile.
    pub(crate) fn settle(&mut self, summary: &FleetSummary, added_up: u64) {
        self.running.clear();
        self.seconds = self.seconds.saturating_sub(added_up).saturating_add(summary.execution_seconds);
        self.jobs = self.jobs.saturating_add(summary.submitted);
        self.resubmitted = self.resubmitted.saturating_add(summary.resubmitted);
        self.untold = self.untold.saturating_add(summary.untold);
    }

    /// Whether the budget is used up, by the time of jobs that ended and of those that run. The last jobs are told of
    /// some seconds late, and are billed until they stop: the sum can end a little above the budget.
    pub(crate) fn is_over_budget(&mut self) -> bool {
        let (Some(price), Some(budget)) = (self.money.price_per_second, self.money.budget) else {
            return false;
        };
        let running: u64 = self.running.values().map(|since| whole_seconds(since.elapsed())).sum();
        #[expect(clippy::cast_precision_loss, reason = "seconds of a run are far below 2^52")]
        let cost = self.seconds.saturating_add(running) as f64 * price.get();
        self.over_budget |= cost >= budget.get();
        self.over_budget
    }

    /// `true` once.
    pub(crate) fn warn_once(&mut self) -> bool {
        !std::mem::replace(&mut self.warned, true)
    }

    /// What the budget was, if it ended the run.
    pub(crate) fn ended_by_budget(&self) -> Option<f64> {
        self.money.budget.filter(|_| self.over_budget).map(|budget| budget.get())
    }

    /// For the report.
    pub(crate) fn report(&self) -> BackendReport {
        #[expect(clippy::cast_precision_loss, reason = "seconds of a run are far below 2^52")]
        let cost = self.money.price_per_second.map(|price| self.seconds as f64 * price.get());
        BackendReport {
            kind: BackendKind::RunPod,
            endpoint: self.endpoint.clone(),
            jobs: self.jobs,
            resubmitted: self.resubmitted,
            execution_seconds: self.seconds,
            untold: self.untold,
            cost_usd: cost.map(|usd| (usd * 1e6).round() / 1e6),
        }
    }

    /// For people: one sentence.
    pub(crate) fn sentence(&self) -> String {
        let report = self.report();
        let plural = |n: u32, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let mut text = format!(
            "{} on RunPod endpoint `{}`, {} s of execution (idle time and starts of workers are billed too, and not told)",
            plural(report.jobs, "job"),
            report.endpoint,
            report.execution_seconds,
        );
        if let Some(cost) = report.cost_usd {
            text.push_str(&format!(", {cost:.6} USD at the configured price"));
        }
        if report.resubmitted > 0 {
            text.push_str(&format!("; {} submitted again", plural(report.resubmitted, "job")));
        }
        if report.untold > 0 {
            text.push_str(&format!("; the time of {} is not known", plural(report.untold, "job")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use flaky_core::settings::Dollars;

    use super::*;

    fn money(price: f64, budget: f64) -> Money {
        let dollars = |usd: f64| Some(Dollars::try_from(usd).unwrap());
        Money { price_per_second: dollars(price), budget: dollars(budget) }
    }

    #[test]
    fn seconds_of_jobs_are_added_up_and_the_platforms_figures_win() {
        let mut bill = Bill::new(money(0.001, 1.0), "e".into(), Spent { jobs: 2, seconds: 10 });
        bill.started(0);
        bill.ended(0, 5);
        let summary =
            FleetSummary { execution_seconds: 9, submitted: 3, resubmitted: 1, ..FleetSummary::default() };
        bill.settle(&summary, 5);
        let report = bill.report();
        assert_eq!((report.jobs, report.resubmitted, report.execution_seconds), (5, 1, 19));
        assert_eq!(report.cost_usd, Some(0.019));
        assert!(bill.sentence().contains("5 jobs on RunPod endpoint `e`, 19 s"), "{}", bill.sentence());
        assert!(!bill.is_over_budget());
    }

    #[test]
    fn a_budget_ends_with_the_second_that_reaches_it() {
        let mut bill = Bill::new(money(0.5, 2.0), "e".into(), Spent::default());
        bill.ended(0, 3);
        assert!(!bill.is_over_budget());
        assert_eq!(bill.ended_by_budget(), None);
        bill.ended(1, 1);
        assert!(bill.is_over_budget());
        assert_eq!(bill.ended_by_budget(), Some(2.0));
    }

    #[test]
    fn without_a_price_there_is_no_cost_and_no_budget() {
        let mut bill = Bill::new(Money::default(), "e".into(), Spent::default());
        bill.ended(0, 1_000_000);
        assert_eq!(bill.report().cost_usd, None);
        assert!(!bill.is_over_budget());
    }
}
