//! Histories made up for tests.

use super::{CommitShare, PastResult, PastRun, RunContext, Series, Share, TestHistory, Timestamp};
use crate::evidence::Counts;
use crate::ids::{RunId, TestId};
use crate::report::IsolationUsed;
use crate::verdict::Category;

/// Commits `c0`, `c1`, … with attempts and failures.
pub(crate) fn commits(shares: &[(u32, u32)]) -> Vec<CommitShare> {
    let commit = |(at, &(ran, failed)): (usize, &(u32, u32))| CommitShare {
        commit: format!("c{at}"),
        first_run: Timestamp(at as i64 * 86_400),
        share: Share { ran, failed },
    };
    shares.iter().enumerate().map(commit).collect()
}

/// One run of one test.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) commit: &'static str,
    pub(crate) ran: u32,
    pub(crate) failed: u32,
    pub(crate) verdict: Category,
    pub(crate) changed: bool,
}

/// A test in such runs, a day apart.
pub(crate) fn history(runs: &[Told]) -> TestHistory {
    let series = Series { repository: "git.example.org/team/shop".into(), suite: ".".into() };
    let id = |at: usize| format!("2026010{at}-000000-aaaa").parse::<RunId>().unwrap();
    let run = |(at, told): (usize, &Told)| PastRun {
        run: id(at),
        context: RunContext {
            series: series.clone(),
            started: Timestamp(at as i64 * 86_400),
            branch: None,
            pull_request: None,
            url: None,
            changed: told.changed,
        },
        commit: Some(told.commit.to_owned()),
        flaky_version: String::new(),
        command: String::new(),
        isolation: IsolationUsed::Full,
        attempts: told.ran,
        failures: told.failed,
        tests: 1,
        verdict: told.verdict,
        cause: None,
        severity: None,
        wall_seconds: 1.0,
        cpu_seconds: 1.0,
    };
    let result = |(at, told): (usize, &Told)| PastResult {
        run: id(at),
        counts: Counts {
            ran: told.ran,
            passed: told.ran - told.failed,
            failed: told.failed,
            ..Counts::default()
        },
        verdict: told.verdict,
        severity: None,
        ignored: false,
        median_seconds: None,
        failing: Vec::new(),
    };
    TestHistory {
        id: TestId::new("test_cart.py::test_sums"),
        series: series.clone(),
        location: None,
        runs: runs.iter().enumerate().map(run).collect(),
        results: runs.iter().enumerate().map(result).collect(),
        groups: Vec::new(),
    }
}

/// Chance with a fixed seed: `SplitMix64` (G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn happens(&mut self, rate: f64) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 11) as f64) / ((1_u64 << 53) as f64) < rate
    }

    pub(crate) fn failures(&mut self, attempts: u32, rate: f64) -> u32 {
        (0..attempts).map(|_| u32::from(self.happens(rate))).sum()
    }
}
