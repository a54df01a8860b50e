//! What can go wrong on demand.

use std::collections::{HashMap, VecDeque};

use super::requests::Route;

/// What a request meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it is served.
    None,
    /// Not served, answered with this status and a short text.
    Status(u16),
    /// Not served, answered with 429 and `Retry-After` in seconds.
    TooMany(u32),
    /// Not served, answered with 200 and this text as JSON: half an object, an empty body, a job that is none.
    Text(String),
    /// The same, with another content type.
    TextOf(&'static str, String),
    /// Not served and not answered until the other side goes or the route is healed; then served.
    Hang,
    /// Not served; the connection ends without an answer.
    Drop,
    /// Served, but the connection ends in the middle of the answer.
    CutAnswer,
    /// Served, and answered with this status all the same.
    ServedBut(u16),
}

impl Fault {
    /// Half a job.
    #[must_use]
    pub fn malformed() -> Self {
        Self::Text("{\"id\": \"half-a-".into())
    }

    /// A body of no bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self::Text(String::new())
    }
}

/// Which fault comes when.
#[derive(Debug, Default)]
pub(super) struct FaultPlan {
    next: HashMap<Route, VecDeque<Fault>>,
    always: HashMap<Route, Fault>,
    healed: HashMap<Route, usize>,
}

impl FaultPlan {
    pub(super) fn plan(&mut self, route: Route, faults: impl IntoIterator<Item = Fault>) {
        self.next.entry(route).or_default().extend(faults);
    }

    pub(super) fn always(&mut self, route: Route, fault: Fault) {
        self.always.insert(route, fault);
    }

    pub(super) fn heal(&mut self, route: Route) {
        self.next.remove(&route);
        self.always.remove(&route);
        *self.healed.entry(route).or_default() += 1;
    }

    /// For the request that has just come.
    pub(super) fn draw(&mut self, route: Route) -> Fault {
        let planned = self.next.get_mut(&route).and_then(VecDeque::pop_front);
        planned.or_else(|| self.always.get(&route).cloned()).unwrap_or(Fault::None)
    }

    /// How often a route was healed: a request that hangs does so until this changes.
    pub(super) fn healed(&self, route: Route) -> usize {
        self.healed.get(&route).copied().unwrap_or_default()
    }
}
