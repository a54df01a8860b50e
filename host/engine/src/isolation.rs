//! How far attempts are kept apart. A private network and `HOME` make copies independent, and cut off what a suite
//! may legitimately need. So the first attempt runs fully isolated, and if anything fails there, the same seed runs
//! with the host's network and `HOME`: what fails only isolated, twice, lowers the level.

use std::collections::BTreeSet;

use flaky_core::ids::TestId;
use flaky_core::report::{IsolationReport, IsolationUsed};
use flaky_core::settings::{IsolationChoice, NetworkChoice};
use flaky_core::verdict::Cause;
use flaky_exec::Capabilities;

use crate::attempt::{Judgement, SetAside};
use crate::backend::{Backend, BackendError};
use crate::conduct::{DoneAttempt, PlannedAttempt};

/// What settings ask for cannot be had here.
#[derive(Debug, thiserror::Error)]
#[error("isolation `{asked}` cannot be had here: {what}")]
pub struct Unavailable {
    /// What was asked for.
    pub asked: IsolationChoice,
    /// What stands in the way.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The level to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) asked: IsolationChoice,
    pub(crate) level: IsolationUsed,
    /// Why it is less than could be.
    pub(crate) why: Option<String>,
    /// Whether a lower level is to be tried when something fails.
    pub(crate) compare: bool,
}

/// What settings ask for, on this machine.
pub(crate) fn start(
    asked: IsolationChoice,
    network: NetworkChoice,
    machine: &Capabilities,
) -> Result<Start, Unavailable> {
    let at = |level, why| Ok(Start { asked, level, why, compare: false });
    let obstacle = machine.obstacles.first();
    match asked {
        IsolationChoice::Shared => return at(IsolationUsed::Shared, None),
        IsolationChoice::Copy => return at(IsolationUsed::Copy, None),
        IsolationChoice::Full | IsolationChoice::Auto => {}
    }
    let wanted = wanted(asked, network);
    if rank(machine.best) >= rank(wanted) {
        let compare = network == NetworkChoice::Auto;
        let why =
            (network == NetworkChoice::Shared).then(|| "the settings ask for the host's network".into());
        return Ok(Start { asked, level: wanted, why, compare });
    }
    let what = obstacle.map_or_else(|| "the machine does not allow it".into(), |o| o.what.clone());
    let demanded = asked == IsolationChoice::Full || network == NetworkChoice::Loopback;
    if demanded {
        return Err(Unavailable { asked, what, hint: obstacle.map(|o| o.how_to_raise.clone()) });
    }
    let why = obstacle.map_or(what, |o| format!("{} (to raise it: {})", o.what, o.how_to_raise));
    at(machine.best, Some(why))
}

/// The highest level that settings ask for, whatever a machine offers.
pub(crate) const fn wanted(asked: IsolationChoice, network: NetworkChoice) -> IsolationUsed {
    match (asked, network) {
        (IsolationChoice::Shared, _) => IsolationUsed::Shared,
        (IsolationChoice::Copy, _) => IsolationUsed::Copy,
        (_, NetworkChoice::Shared) => IsolationUsed::FullSharedNetwork,
        _ => IsolationUsed::Full,
    }
}

/// Higher for levels that keep more apart.
pub(crate) const fn rank(level: IsolationUsed) -> u8 {
    match level {
        IsolationUsed::Shared => 0,
        IsolationUsed::Copy => 1,
        IsolationUsed::FullSharedNetwork => 2,
        IsolationUsed::Full => 3,
    }
}

/// The level that all attempts get, and the first attempt at it.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) report: IsolationReport,
    pub(crate) first: DoneAttempt,
    /// The suite fails only under the isolation that was demanded.
    pub(crate) mismatch: Option<SetAside>,
}

/// Runs the first attempt, and compares levels where that is called for.
pub(crate) async fn choose(
    backend: &Backend,
    start: Start,
    planned: PlannedAttempt,
) -> Result<Chosen, BackendError> {
    let Start { asked, level, why, compare } = start;
    let report = |used, why| IsolationReport { asked, used, why };
    let first = backend.attempt(planned.clone(), level).await?;
    let failing = failing(&first);
    if !compare || failing.is_empty() {
        return Ok(Chosen { report: report(level, why), first, mismatch: None });
    }
    let lower = IsolationUsed::FullSharedNetwork;
    let beside = backend.attempt(planned.clone(), lower).await?;
    let only_isolated: BTreeSet<Sign> = failing.difference(&self::failing(&beside)).cloned().collect();
    if only_isolated.is_empty() {
        return Ok(Chosen { report: report(level, why), first, mismatch: None });
    }
    let again = backend.attempt(planned, level).await?;
    let again = self::failing(&again);
    let Some(sign) = only_isolated.intersection(&again).next() else {
        // Chance: it did not fail again, so the level is not to blame.
        return Ok(Chosen { report: report(level, why), first, mismatch: None });
    };
    let sentence = format!("{sign} with a network and `HOME` of its own, and not with the host's");
    if asked == IsolationChoice::Full {
        let mismatch = SetAside {
            cause: Cause::IsolationMismatch,
            why: sentence.clone(),
            hint: Some("ask for `--isolation auto`, or for `--network shared`".into()),
        };
        return Ok(Chosen { report: report(level, Some(sentence)), first, mismatch: Some(mismatch) });
    }
    Ok(Chosen { report: report(lower, Some(sentence)), first: beside, mismatch: None })
}

/// Something that went wrong in an attempt, comparable between attempts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Test(TestId),
    Command,
    NotCounted(String),
}

impl std::fmt::Display for Sign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Test(id) => write!(f, "`{id}` failed"),
            Self::Command => f.write_str("the command failed"),
            Self::NotCounted(cause) => write!(f, "no test could be run ({cause})"),
        }
    }
}

fn failing(done: &DoneAttempt) -> BTreeSet<Sign> {
    match &done.judgement {
        Judgement::SetAside(aside) => BTreeSet::from([Sign::NotCounted(aside.cause.to_string())]),
        Judgement::Counts { unexplained } => {
            let mut signs: BTreeSet<Sign> = match &done.parsed {
                Some((parsed, _)) => parsed
                    .tests
                    .ids
                    .iter()
                    .zip(&parsed.tests.outcomes)
                    .filter(|(_, o)| o.is_failure())
                    .map(|(id, _)| Sign::Test(id.clone()))
                    .collect(),
                None => BTreeSet::new(),
            };
            if unexplained.is_some() || (done.parsed.is_none() && !done.exit.is_success()) {
                signs.insert(Sign::Command);
            }
            signs
        }
    }
}

#[cfg(test)]
mod tests {
    use flaky_exec::{Obstacle, TreeMethod};

    use super::*;

    fn machine(best: IsolationUsed) -> Capabilities {
        let obstacle = Obstacle { what: "no user namespaces".into(), how_to_raise: "sysctl".into() };
        let obstacles = if best == IsolationUsed::Full { vec![] } else { vec![obstacle] };
        Capabilities { best, tree: TreeMethod::Copy, obstacles }
    }

    #[test]
    fn what_is_asked_for_is_what_is_used_or_the_reason_is_given() {
        use IsolationChoice as Ask;
        use IsolationUsed as Use;
        use NetworkChoice as Net;
        let cases = [
            (Ask::Auto, Net::Auto, Use::Full, Some((Use::Full, true))),
            (Ask::Auto, Net::Auto, Use::Copy, Some((Use::Copy, false))),
            (Ask::Auto, Net::Shared, Use::Full, Some((Use::FullSharedNetwork, false))),
            (Ask::Auto, Net::Loopback, Use::Full, Some((Use::Full, false))),
            (Ask::Auto, Net::Loopback, Use::Copy, None),
            (Ask::Full, Net::Auto, Use::Full, Some((Use::Full, true))),
            (Ask::Full, Net::Auto, Use::FullSharedNetwork, None),
            (Ask::Full, Net::Shared, Use::FullSharedNetwork, Some((Use::FullSharedNetwork, false))),
            (Ask::Copy, Net::Auto, Use::Full, Some((Use::Copy, false))),
            (Ask::Shared, Net::Auto, Use::Full, Some((Use::Shared, false))),
        ];
        for (asked, network, best, expected) in cases {
            let got = start(asked, network, &machine(best));
            assert_eq!(
                got.as_ref().ok().map(|s| (s.level, s.compare)),
                expected,
                "{asked} {network} {best:?}"
            );
        }
        let lowered = start(Ask::Auto, Net::Auto, &machine(Use::Copy)).unwrap();
        assert_eq!(lowered.why.as_deref(), Some("no user namespaces (to raise it: sysctl)"));
        let refused = start(Ask::Full, Net::Auto, &machine(Use::Copy)).unwrap_err();
        assert_eq!(refused.hint.as_deref(), Some("sysctl"));
    }
}
