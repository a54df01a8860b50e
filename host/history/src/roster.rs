//! What a run says of its tests with nothing particular, once for all of them.
//!
//! Of five thousand tests, nearly all pass in every attempt of a run, and the next run tells of the same tests. So a
//! run names a *roster*: layers of tests with a [`Shape`] each. The first layer is every test that the run told of; a
//! later one says something else of some of them, say of those that are always skipped. What is particular to a test
//! in this run stands in a row of its own and overrides both. Counts of shapes are relative to the run's attempts, so
//! runs of ten attempts and of a hundred share a roster.

use flaky_core::evidence::Counts;
use flaky_core::verdict::{Category, Severity};

use crate::bytes::{Broken, Bytes, put};
use crate::names::{category, category_byte, severity, severity_byte};

/// More tests than any suite has; so that a damaged roster does not fill the memory.
pub(crate) const MAX_TESTS: usize = 1_000_000;

/// Number of a test in `flaky_tests`.
pub(crate) type TestNumber = u32;

/// What is said of a test that nothing particular is said of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Shape {
    /// In the order of [`count_list`].
    pub(crate) counts: [Relative; COUNTS],
    pub(crate) verdict: Category,
    pub(crate) severity: Option<Severity>,
    pub(crate) ignored: bool,
}

/// How many counts there are.
pub(crate) const COUNTS: usize = 11;

/// A count of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Relative {
    /// As many as the run had.
    All,
    /// This many.
    Exactly(u32),
}

impl Relative {
    /// Of a run with this many attempts.
    pub(crate) const fn of(self, attempts: u32) -> u32 {
        match self {
            Self::All => attempts,
            Self::Exactly(n) => n,
        }
    }

    const fn from(count: u32, attempts: u32) -> Self {
        if count == attempts && count != 0 { Self::All } else { Self::Exactly(count) }
    }
}

impl Shape {
    /// What these counts are in a run with this many attempts.
    pub(crate) fn new(
        counts: &Counts,
        attempts: u32,
        verdict: Category,
        severity: Option<Severity>,
        ignored: bool,
    ) -> Self {
        let counts = count_list(counts).map(|n| Relative::from(n, attempts));
        Self { counts, verdict, severity, ignored }
    }

    /// Counts in a run with this many attempts.
    pub(crate) fn counts(&self, attempts: u32) -> Counts {
        counts_of(self.counts.map(|n| n.of(attempts)))
    }

    /// Attempts that count, the first of the counts.
    pub(crate) const fn ran(&self) -> Relative {
        let [ran, ..] = self.counts;
        ran
    }
}

/// The counts in a fixed order, those that are seldom zero first.
pub(crate) const fn count_list(c: &Counts) -> [u32; COUNTS] {
    [
        c.ran,
        c.passed,
        c.failed,
        c.errored,
        c.timed_out,
        c.crashed,
        c.skipped,
        c.missing,
        c.retried,
        c.expected_failures,
        c.unexpected_passes,
    ]
}

/// The inverse of [`count_list`].
pub(crate) const fn counts_of(list: [u32; COUNTS]) -> Counts {
    let [ran, passed, failed, errored, timed_out, crashed, skipped, missing, retried, expected, unexpected] =
        list;
    Counts {
        ran,
        passed,
        failed,
        errored,
        timed_out,
        crashed,
        skipped,
        missing,
        retried,
        expected_failures: expected,
        unexpected_passes: unexpected,
    }
}

/// Some tests, with what is said of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) shape: Shape,
    /// Ascending, without gaps between them where there need be none: first and how many.
    pub(crate) ranges: Vec<(TestNumber, u32)>,
}

impl Layer {
    /// Of tests in ascending order.
    pub(crate) fn new(shape: Shape, tests: &[TestNumber]) -> Self {
        let mut ranges: Vec<(TestNumber, u32)> = Vec::new();
        for &test in tests {
            match ranges.last_mut() {
                Some((first, length)) if first.checked_add(*length) == Some(test) => *length += 1,
                _ => ranges.push((test, 1)),
            }
        }
        Self { shape, ranges }
    }

    /// Its tests, ascending.
    pub(crate) fn tests(&self) -> impl Iterator<Item = TestNumber> + '_ {
        self.ranges.iter().flat_map(|&(first, length)| first..first.saturating_add(length))
    }

    /// Whether it speaks of this test.
    pub(crate) fn has(&self, test: TestNumber) -> bool {
        let after = self.ranges.partition_point(|&(first, _)| first <= test);
        let range = after.checked_sub(1).and_then(|i| self.ranges.get(i));
        range.is_some_and(|&(first, length)| test - first < length)
    }

    fn write(&self, out: &mut Vec<u8>) {
        for count in self.shape.counts {
            match count {
                Relative::Exactly(0) => put(out, 0),
                Relative::All => put(out, 1),
                Relative::Exactly(n) => put(out, u64::from(n) + 2),
            }
        }
        out.push(category_byte(self.shape.verdict));
        out.push(severity_byte(self.shape.severity));
        out.push(u8::from(self.shape.ignored));
        put(out, self.ranges.len() as u64);
        let mut end = 0_u32;
        for &(first, length) in &self.ranges {
            put(out, u64::from(first.saturating_sub(end)));
            put(out, u64::from(length));
            end = first.saturating_add(length);
        }
    }

    fn read(bytes: &mut Bytes<'_>, room: &mut usize) -> Result<Self, Broken> {
        let mut counts = [Relative::Exactly(0); COUNTS];
        for count in &mut counts {
            *count = match bytes.number()? {
                1 => Relative::All,
                n => Relative::Exactly(
                    u32::try_from(n.saturating_sub(2)).map_err(|_| Broken("counts too much"))?,
                ),
            };
        }
        let (verdict, severity) = (category(bytes.byte()?)?, severity(bytes.byte()?)?);
        let ignored = bytes.byte()? != 0;
        let count = bytes.count(2)?;
        let mut ranges = Vec::with_capacity(count);
        let mut end = 0_u32;
        for _ in 0..count {
            let first = end.checked_add(bytes.small()?).ok_or(Broken("names too many tests"))?;
            let length = bytes.small()?;
            end = first.checked_add(length).ok_or(Broken("names too many tests"))?;
            *room = room.checked_sub(length as usize).ok_or(Broken("names too many tests"))?;
            if length == 0 {
                return Err(Broken("holds a range without tests"));
            }
            ranges.push((first, length));
        }
        Ok(Self { shape: Shape { counts, verdict, severity, ignored }, ranges })
    }
}

/// All that a run says of its tests with nothing particular.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roster {
    /// The first is of every test that the run told of; those after it have no test in common.
    pub(crate) layers: Vec<Layer>,
}

impl Roster {
    /// What is said of this test; none when the run did not tell of it.
    pub(crate) fn shape(&self, test: TestNumber) -> Option<&Shape> {
        let (base, over) = self.layers.split_first()?;
        if !base.has(test) {
            return None;
        }
        Some(over.iter().find(|layer| layer.has(test)).map_or(&base.shape, |layer| &layer.shape))
    }

    /// Every test, with what is said of it, ascending.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = (TestNumber, &Shape)> {
        let base = self.layers.first().into_iter();
        base.flat_map(Layer::tests).filter_map(|test| Some((test, self.shape(test)?)))
    }

    /// As it is kept. Equal rosters have equal bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.layers.len() as u64);
        self.layers.iter().for_each(|layer| layer.write(&mut out));
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Broken> {
        let mut bytes = Bytes(bytes);
        // A layer has eleven counts, three bytes and the number of its ranges.
        let count = bytes.count(COUNTS + 4)?;
        // Twice: once in the first layer, once in one of the others.
        let mut room = 2 * MAX_TESTS;
        let layers = (0..count).map(|_| Layer::read(&mut bytes, &mut room)).collect::<Result<Vec<_>, _>>()?;
        bytes.end()?;
        if layers.is_empty() {
            return Err(Broken("has no layer"));
        }
        Ok(Self { layers })
    }
}
