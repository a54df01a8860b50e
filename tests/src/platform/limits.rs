//! How often clients may ask. The figures are the platform's own: requests per ten seconds, and at the same time, per
//! operation. (RunPod's documentation, "Operation reference"; its per-worker figures, which only ever raise them, are
//! left out.)

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::requests::Route;

/// The time in which requests are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// How often one operation may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// In any ten seconds.
    pub per_window: usize,
    /// At the same time.
    pub at_once: usize,
}

/// The limits of all operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits(HashMap<Route, Allowance>);

impl Limits {
    /// The platform's own.
    #[must_use]
    pub fn of_the_platform() -> Self {
        let rows = [
            (Route::RunSync, 2000, 400),
            (Route::Run, 1000, 200),
            (Route::Status, 2000, 400),
            (Route::Stream, 2000, 400),
            (Route::Cancel, 100, 20),
            // At the same time: no figure is known.
            (Route::Purge, 2, usize::MAX),
        ];
        Self(
            rows.into_iter()
                .map(|(route, per_window, at_once)| (route, Allowance { per_window, at_once }))
                .collect(),
        )
    }

    /// With another figure for one operation.
    #[must_use]
    pub fn but(mut self, route: Route, per_window: usize, at_once: usize) -> Self {
        self.0.insert(route, Allowance { per_window, at_once });
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of_the_platform()
    }
}

/// Counts requests.
#[derive(Debug)]
pub struct Counters {
    limits: Limits,
    recent: HashMap<Route, VecDeque<Duration>>,
    open: HashMap<Route, usize>,
    most_in_a_window: HashMap<Route, usize>,
    refusals: usize,
}

impl Counters {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            recent: HashMap::new(),
            open: HashMap::new(),
            most_in_a_window: HashMap::new(),
            refusals: 0,
        }
    }

    /// Whether a request may be served; if so it is counted until [`Counters::leave`].
    pub(super) fn enter(&mut self, route: Route, now: Duration) -> bool {
        let recent = self.recent.entry(route).or_default();
        while recent.front().is_some_and(|at| now.saturating_sub(*at) >= WINDOW) {
            recent.pop_front();
        }
        let open = self.open.entry(route).or_default();
        if let Some(limit) = self.limits.0.get(&route)
            && (recent.len() >= limit.per_window || *open >= limit.at_once)
        {
            self.refusals += 1;
            return false;
        }
        recent.push_back(now);
        *open += 1;
        let most = self.most_in_a_window.entry(route).or_default();
        *most = (*most).max(recent.len());
        true
    }

    pub(super) fn leave(&mut self, route: Route) {
        if let Some(open) = self.open.get_mut(&route) {
            *open = open.saturating_sub(1);
        }
    }

    pub(super) const fn refusals(&self) -> usize {
        self.refusals
    }

    /// The most requests that any ten seconds saw.
    #[must_use]
    pub fn most_in_a_window(&self, route: Route) -> usize {
        self.most_in_a_window.get(&route).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_more_than_allowed_is_refused_until_the_window_has_moved_on() {
        let mut counters = Counters::new(Limits::of_the_platform().but(Route::Cancel, 2, 20));
        let at = Duration::from_secs;
        for (now, taken) in [(0, true), (5, true), (9, false), (10, true), (11, false), (15, true)] {
            assert_eq!(counters.enter(Route::Cancel, at(now)), taken, "at {now} s");
            counters.leave(Route::Cancel);
        }
        assert_eq!(counters.refusals(), 2);
    }

    #[test]
    fn more_requests_at_once_than_allowed_are_refused() {
        let mut counters = Counters::new(Limits::of_the_platform().but(Route::Cancel, 100, 1));
        assert!(counters.enter(Route::Cancel, Duration::ZERO));
        assert!(!counters.enter(Route::Cancel, Duration::ZERO));
        counters.leave(Route::Cancel);
        assert!(counters.enter(Route::Cancel, Duration::ZERO));
    }
}
