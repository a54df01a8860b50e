//! What is particular to tests of a run, in two forms: of all of them in short beside the run, so that lists of tests
//! read nothing but runs; and of each in a row of its own.

use flaky_core::evidence::Counts;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::verdict::{Category, Severity};

use crate::bytes::{Broken, Bytes, put};
use crate::names::{category, category_byte, severity, severity_byte};
use crate::roster::{COUNTS, TestNumber, count_list, counts_of};

/// One test in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short {
    pub(crate) test: TestNumber,
    pub(crate) ran: u32,
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) verdict: Category,
    pub(crate) severity: Option<Severity>,
}

impl Short {
    /// Whether it failed and passed.
    pub(crate) const fn is_flaky(&self) -> bool {
        self.failed > 0 && self.passed > 0
    }
}

/// Least bytes of a [`Short`].
const SHORT_BYTES: usize = 6;

/// All of a run's, ascending by test.
pub(crate) fn write_shorts(all: &[Short]) -> Vec<u8> {
    let mut out = Vec::with_capacity(all.len() * SHORT_BYTES);
    let mut before = 0;
    for short in all {
        put(&mut out, u64::from(short.test.saturating_sub(before)));
        before = short.test;
        [short.ran, short.passed, short.failed].iter().for_each(|n| put(&mut out, u64::from(*n)));
        out.push(category_byte(short.verdict));
        out.push(severity_byte(short.severity));
    }
    out
}

/// Reads what [`write_shorts`] wrote.
pub(crate) fn read_shorts(bytes: &[u8]) -> Result<Vec<Short>, Broken> {
    let mut bytes = Bytes(bytes);
    let mut all = Vec::with_capacity(bytes.0.len() / SHORT_BYTES);
    let mut test = 0_u32;
    while bytes.end().is_err() {
        test = test.checked_add(bytes.small()?).ok_or(Broken("names too many tests"))?;
        let (ran, passed, failed) = (bytes.small()?, bytes.small()?, bytes.small()?);
        let (verdict, severity) = (category(bytes.byte()?)?, severity(bytes.byte()?)?);
        all.push(Short { test, ran, passed, failed, verdict, severity });
    }
    Ok(all)
}

/// A row's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) counts: Counts,
    pub(crate) verdict: Category,
    pub(crate) severity: Option<Severity>,
    pub(crate) ignored: bool,
    pub(crate) failing: Vec<Failing>,
}

/// A failing attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failing {
    pub(crate) attempt: Option<AttemptIndex>,
    pub(crate) seed: Seed,
    /// Number in `flaky_groups`.
    pub(crate) group: Option<u32>,
}

impl Body {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        count_list(&self.counts).iter().for_each(|n| put(&mut out, u64::from(*n)));
        out.push(category_byte(self.verdict));
        out.push(severity_byte(self.severity));
        out.push(u8::from(self.ignored));
        put(&mut out, self.failing.len() as u64);
        for failing in &self.failing {
            // 0 is none, in both.
            put(&mut out, failing.attempt.map_or(0, |a| u64::from(a.0) + 1));
            put(&mut out, failing.seed.0);
            put(&mut out, failing.group.map_or(0, |g| u64::from(g) + 1));
        }
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Broken> {
        let mut bytes = Bytes(bytes);
        let mut counts = [0; COUNTS];
        for count in &mut counts {
            *count = bytes.small()?;
        }
        let (verdict, severity) = (category(bytes.byte()?)?, severity(bytes.byte()?)?);
        let ignored = bytes.byte()? != 0;
        let count = bytes.count(3)?;
        let mut failing = Vec::with_capacity(count);
        for _ in 0..count {
            let attempt = less_one(bytes.number()?)?.map(AttemptIndex);
            let seed = Seed(bytes.number()?);
            failing.push(Failing { attempt, seed, group: less_one(bytes.number()?)? });
        }
        bytes.end()?;
        Ok(Self { counts: counts_of(counts), verdict, severity, ignored, failing })
    }
}

/// 0 is none.
fn less_one(number: u64) -> Result<Option<u32>, Broken> {
    let Some(value) = number.checked_sub(1) else { return Ok(None) };
    u32::try_from(value).map(Some).map_err(|_| Broken("holds a number of more than 32 bits"))
}
