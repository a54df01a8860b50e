//! What looking into failures of one pull request may cost in all: `budget_per_pull_request` and
//! `budget_usd_per_pull_request`.
//!
//! What was spent stands in our own comments on the pull request. Before anything is run, what a run may use is counted there
//! as spent; afterwards, what it did use takes its place. So a detection that a newer push ends counts in full, and two at the
//! same time do not spend the same. Where that cannot be read or written, nothing is run.

use std::time::Instant;

use flaky_config::FileSettings;
use flaky_core::report::RunReport;
use flaky_core::settings::{Dollars, TimeBudget};
use flaky_delivery::{ForgeError, Github, Spent};

use super::warn;

/// Seconds that have to be left: starting a worker takes about as long, and nothing would be found out.
const LEAST_SECONDS: u64 = 30;

/// What all runs for one pull request may cost; at least one of the two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limit {
    time: Option<TimeBudget>,
    usd: Option<Dollars>,
}

/// What of the limit one run may use, and where that is written down.
pub(super) struct Aside<'a> {
    github: &'a Github,
    pull: u64,
    amount: Spent,
    limit: Limit,
}

/// What a run has used so far.
pub(super) struct Meter {
    begun: Instant,
    microdollars: u64,
    /// Something ran whose cost is not known.
    unknown: bool,
}

impl Limit {
    pub(super) fn of(settings: &FileSettings) -> Option<Self> {
        let (time, usd) = (settings.budget_per_pull_request, settings.budget_usd_per_pull_request);
        (time.is_some() || usd.is_some()).then_some(Self { time, usd })
    }

    /// Without a price nobody knows what a run has cost.
    pub(super) fn lacks_a_price(&self, settings: &FileSettings) -> bool {
        let price = settings.backend.as_ref().and_then(|backend| backend.price_per_second);
        self.usd.is_some() && price.is_none()
    }

    /// What the next run may use. `wanted`: how long it may take, where somebody has said so. `None`: all is spent.
    fn share(&self, spent: Spent, wanted: Option<TimeBudget>) -> Option<Spent> {
        let wanted = wanted.map(|time| time.duration().as_secs());
        let left = self.time.map(|time| time.duration().as_secs().saturating_sub(spent.seconds));
        if left.is_some_and(|left| left < LEAST_SECONDS) {
            return None;
        }
        let seconds = match (left, wanted) {
            (Some(left), Some(wanted)) => left.min(wanted),
            (Some(left), None) => left,
            (None, _) => 0,
        };
        let money = self.usd.map(|usd| Spent::of_dollars(usd.get()).saturating_sub(spent.microdollars));
        if money == Some(0) {
            return None;
        }
        let money = money.unwrap_or_default();
        // Of both, a run takes the same part, so that one that is ended from outside does not take all the money.
        let part = match left {
            Some(left) => u128::from(money) * u128::from(seconds) / u128::from(left),
            None => u128::from(money),
        };
        Some(Spent { seconds, microdollars: u64::try_from(part).unwrap_or(money).max(money.min(1)) })
    }

    fn describe(&self, spent: Spent) -> String {
        let time = self.time.map(|time| {
            let left = time.duration().as_secs().saturating_sub(spent.seconds);
            let too_little = if (1..LEAST_SECONDS).contains(&left) {
                format!(" ({left} s are too little for a run)")
            } else {
                String::new()
            };
            format!("{} s of {time}{too_little}", spent.seconds)
        });
        let usd = self.usd.map(|usd| format!("{:.2} of {:.2} USD", spent.dollars(), usd.get()));
        time.into_iter().chain(usd).collect::<Vec<_>>().join(", ")
    }

    /// Sets aside what the next run may use; else why there is to be none.
    pub(super) async fn set_aside<'a>(
        self,
        github: &'a Github,
        pull: u64,
        wanted: Option<TimeBudget>,
    ) -> Result<Aside<'a>, String> {
        let kept = |error: ForgeError| {
            format!("the budget of the pull request cannot be kept, and nothing was run again: {error}")
        };
        let spent = github.spent(pull).await.map_err(kept)?;
        let Some(amount) = self.share(spent, wanted) else {
            let spent = self.describe(spent);
            return Err(format!(
                "the budget of the pull request is spent ({spent}), and nothing was run again"
            ));
        };
        github.set_aside(pull, amount).await.map_err(kept)?;
        Ok(Aside { github, pull, amount, limit: self })
    }
}

impl Aside<'_> {
    /// How long attempts may still take. `Some(None)`: as long as they like. `None`: nothing is left.
    pub(super) fn time(&self, meter: &Meter) -> Option<Option<TimeBudget>> {
        match self.limit.time {
            None => Some(None),
            Some(_) => TimeBudget::of_seconds(self.amount.minus(meter.read()).seconds).map(Some),
        }
    }

    /// What they may still cost, in the same way.
    pub(super) fn usd(&self, meter: &Meter) -> Option<Option<Dollars>> {
        match self.limit.usd {
            None => Some(None),
            Some(_) => Dollars::try_from(self.amount.minus(meter.read()).dollars()).ok().map(Some),
        }
    }

    /// To be called when the run is over.
    pub(super) async fn settle(self, meter: &Meter) {
        let used = meter.read();
        let used = Spent {
            seconds: if self.limit.time.is_some() { used.seconds } else { 0 },
            microdollars: match self.limit.usd {
                // What is not known counts as all that it might have been.
                Some(_) if meter.unknown => used.microdollars.max(self.amount.microdollars),
                Some(_) => used.microdollars,
                None => 0,
            },
        };
        if let Err(error) = self.github.settle(self.pull, self.amount, used).await {
            warn(&format!("what was set aside of the pull request's budget stays counted: {error}"));
        }
    }
}

impl Meter {
    pub(super) fn start() -> Self {
        Self { begun: Instant::now(), microdollars: 0, unknown: false }
    }

    /// A run is over; `None`: it failed before there was a report.
    pub(super) fn count(&mut self, report: Option<&RunReport>) {
        let backend = report.and_then(|report| report.execution.backend.as_ref());
        match backend.and_then(|backend| backend.cost_usd) {
            Some(usd) => self.microdollars = self.microdollars.saturating_add(Spent::of_dollars(usd)),
            None => self.unknown = true,
        }
    }

    fn read(&self) -> Spent {
        let elapsed = self.begun.elapsed();
        let seconds = elapsed.as_secs() + u64::from(elapsed.subsec_nanos() > 0);
        Spent { seconds, microdollars: self.microdollars }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(time: Option<&str>, usd: Option<f64>) -> Limit {
        Limit { time: time.map(|t| t.parse().unwrap()), usd: usd.map(|u| Dollars::try_from(u).unwrap()) }
    }

    fn spent(seconds: u64, usd: f64) -> Spent {
        Spent { seconds, microdollars: Spent::of_dollars(usd) }
    }

    #[test]
    fn a_run_gets_what_is_left_and_no_more_than_it_asks_for() {
        let (hour, five) = (limit(Some("1h"), None), Some("5m".parse().unwrap()));
        let money = limit(None, Some(2.0));
        let both = limit(Some("1h"), Some(2.0));
        for (what, limit, so_far, wanted, expected) in [
            ("first run", hour, spent(0, 0.0), five, Some(spent(300, 0.0))),
            ("nobody says how long", hour, spent(0, 0.0), None, Some(spent(3600, 0.0))),
            ("less is left than asked for", hour, spent(3500, 0.0), five, Some(spent(100, 0.0))),
            ("too little to find anything out", hour, spent(3571, 0.0), five, None),
            ("all is spent", hour, spent(3600, 0.0), five, None),
            ("a comment that says more than there ever was", hour, spent(u64::MAX, 0.0), five, None),
            ("money alone", money, spent(9999, 0.5), five, Some(spent(0, 1.5))),
            ("all the money is spent", money, spent(0, 2.0), five, None),
            ("the same part of both", both, spent(600, 1.0), five, Some(spent(300, 0.1))),
            ("money ends it, though there is time", both, spent(0, 3.0), five, None),
        ] {
            assert_eq!(limit.share(so_far, wanted), expected, "{what}");
        }
    }

    #[test]
    fn what_is_spent_is_told_with_what_is_left_where_that_is_too_little() {
        for (limit, so_far, told) in [
            (limit(Some("40s"), None), spent(16, 0.0), "16 s of 40s (24 s are too little for a run)"),
            (limit(Some("40s"), None), spent(40, 0.0), "40 s of 40s"),
            (limit(Some("1h"), Some(2.0)), spent(100, 2.0), "100 s of 1h, 2.00 of 2.00 USD"),
        ] {
            assert_eq!(limit.describe(so_far), told);
        }
    }

    #[test]
    fn money_needs_a_price() {
        let read = |text: &str| {
            flaky_config::parse(std::path::Path::new("a.yml"), text.as_bytes()).unwrap().settings
        };
        assert_eq!(Limit::of(&read("runs: 3")), None);
        for (text, lacks) in [
            ("budget_per_pull_request: 1h", false),
            ("budget_usd_per_pull_request: 2", true),
            ("budget_usd_per_pull_request: 2\nbackend: {kind: runpod, price_per_second: 0.0002}", false),
        ] {
            let settings = read(text);
            assert_eq!(Limit::of(&settings).unwrap().lacks_a_price(&settings), lacks, "{text}");
        }
    }
}
