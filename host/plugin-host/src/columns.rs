//! Columns that a parser hands over, checked and made ours. This is the hot path: an attempt can have tens of
//! thousands of tests, and a run hundreds of attempts, so columns are scanned as wholes and moved, not copied.

use flaky_core::ids::{MAX_TEST_ID_BYTES, TestId};
use flaky_core::parsed::Outcome;
use hashbrown::{HashMap, HashSet};

use crate::clean;
use crate::error::PluginErrorKind;
use crate::limits::{DURATION_NS, TESTS};

/// Ids that stand back to back in `bytes`, each ending where `ends` says; and where in each the test's own name begins,
/// as `name_starts` says.
///
/// # Errors
/// When there are too many, one is not UTF-8, or the ends do not ascend to the length of `bytes`.
pub(crate) fn ids(
    bytes: &[u8],
    ends: &[u32],
    name_starts: &[u32],
) -> Result<(Vec<TestId>, Vec<u32>), PluginErrorKind> {
    count("tests.id-ends", ends.len())?;
    if !name_starts.is_empty() {
        length("tests.name-starts", name_starts.len(), ends.len())?;
    }
    let whole = std::str::from_utf8(bytes).map_err(|error| {
        let test = ends.partition_point(|end| (*end as usize) <= error.valid_up_to());
        PluginErrorKind::invalid(format!("tests.ids[{test}]"), "is not UTF-8")
    })?;
    if ends.last().map_or(0, |end| *end as usize) != bytes.len() {
        let why = format!("does not end at the {} bytes of `ids`", bytes.len());
        return Err(PluginErrorKind::invalid("tests.id-ends", why));
    }
    let mut ids = Vec::with_capacity(ends.len());
    let mut starts = Vec::with_capacity(name_starts.len());
    let mut start = 0;
    for (i, end) in ends.iter().enumerate() {
        let end = *end as usize;
        let Some(id) = whole.get(start..end) else {
            let why = if start > end { "ends before it starts" } else { "is not UTF-8" };
            return Err(PluginErrorKind::invalid(format!("tests.ids[{i}]"), why));
        };
        let test = TestId::new(id);
        if let Some(&name_start) = name_starts.get(i) {
            let Some(suite) = id.get(..name_start as usize) else {
                let why = format!("is {name_start}, and not a place in an id of {} bytes", id.len());
                return Err(PluginErrorKind::invalid(format!("tests.name-starts[{i}]"), why));
            };
            starts.push(self::name_start(suite, &test));
        }
        ids.push(test);
        start = end;
    }
    Ok((unique(ids), starts))
}

/// Where the name begins in an id that was cleaned, when `suite` is what stood before it; 0 where that is lost.
pub(crate) fn name_start(suite: &str, id: &TestId) -> u32 {
    let place = |at: usize| u32::try_from(at).unwrap_or(0);
    if suite.is_empty() {
        return 0;
    }
    if id.as_str().starts_with(suite) {
        return place(suite.len());
    }
    // Control characters were replaced, or the id was shortened.
    let cleaned = TestId::new(suite);
    if id.as_str().starts_with(cleaned.as_str()) { place(cleaned.as_str().len()) } else { 0 }
}

/// Refuses more tests than any suite has.
pub(crate) fn count(field: &str, tests: usize) -> Result<(), PluginErrorKind> {
    if tests <= TESTS {
        return Ok(());
    }
    Err(PluginErrorKind::invalid(field, format!("names {tests} tests, more than the {TESTS} allowed")))
}

/// Numbers repeated ids: `a`, `a #2`, `a #3`. Frameworks do repeat them (parametrised tests, several processes), and
/// results of different tests must not be added up as one.
pub(crate) fn unique(mut ids: Vec<TestId>) -> Vec<TestId> {
    let repeated = repeated(&ids);
    if repeated.is_empty() {
        return ids;
    }
    let mut taken: HashSet<TestId> = ids.iter().cloned().collect();
    let mut next = HashMap::<TestId, u32>::new();
    for i in repeated {
        let number = next.entry(ids[i].clone()).or_insert(1);
        let fresh = loop {
            *number += 1;
            let fresh = numbered(&ids[i], *number);
            if taken.insert(fresh.clone()) {
                break fresh;
            }
        };
        ids[i] = fresh;
    }
    ids
}

/// Positions of ids that stood before.
fn repeated(ids: &[TestId]) -> Vec<usize> {
    let mut seen: HashSet<&str> = HashSet::with_capacity(ids.len());
    ids.iter().enumerate().filter(|(_, id)| !seen.insert(id.as_str())).map(|(i, _)| i).collect()
}

/// Cut first where the number would not fit, so that the cut cannot take it away.
fn numbered(id: &TestId, number: u32) -> TestId {
    let suffix = format!(" #{number}");
    let room = MAX_TEST_ID_BYTES - suffix.len();
    let text = id.as_str();
    let text = &text[..text.floor_char_boundary(room.min(text.len()))];
    TestId::new(&format!("{text}{suffix}"))
}

/// One outcome per test; an empty column says nothing of any.
///
/// # Errors
/// When the length is neither, or a number names no outcome.
pub(crate) fn outcomes(column: &[u8], tests: usize) -> Result<Vec<Outcome>, PluginErrorKind> {
    const FIELD: &str = "tests.outcomes";
    if column.is_empty() {
        return Ok(vec![Outcome::Unknown; tests]);
    }
    length(FIELD, column.len(), tests)?;
    column
        .iter()
        .enumerate()
        .map(|(i, position)| {
            Outcome::from_position(*position).ok_or_else(|| {
                PluginErrorKind::invalid(
                    format!("{FIELD}[{i}]"),
                    format!("is {position}, which names no outcome"),
                )
            })
        })
        .collect()
}

/// One duration per test, or none at all.
///
/// # Errors
/// When the length is neither, or one could not be true.
pub(crate) fn durations(column: Vec<u64>, tests: usize) -> Result<Vec<u64>, PluginErrorKind> {
    const FIELD: &str = "tests.durations-ns";
    if column.is_empty() {
        return Ok(column);
    }
    length(FIELD, column.len(), tests)?;
    // As a whole first: this compiles to vector instructions.
    if column.iter().fold(true, |fine, &ns| fine & plausible(ns)) {
        return Ok(column);
    }
    let worst = column.iter().position(|&ns| !plausible(ns)).unwrap_or_default();
    Err(implausible(&format!("{FIELD}[{worst}]"), column.get(worst).copied().unwrap_or_default()))
}

/// A duration that the framework told, and the plugin with it.
///
/// # Errors
/// When it could not be true.
pub(crate) fn duration(field: &str, ns: u64) -> Result<u64, PluginErrorKind> {
    if plausible(ns) { Ok(ns) } else { Err(implausible(field, ns)) }
}

/// `u64::MAX` says "unknown".
fn plausible(ns: u64) -> bool {
    (ns <= DURATION_NS) | (ns == u64::MAX)
}

/// A negative number that was cast is at least 2^63.
fn implausible(field: &str, ns: u64) -> PluginErrorKind {
    let why = match i64::try_from(ns) {
        Ok(_) => format!("is {ns} ns, longer than a year"),
        Err(_) => format!("is negative or out of all proportion ({ns} ns)"),
    };
    PluginErrorKind::invalid(field, why)
}

/// # Errors
/// When a column that says something does not say it of every test.
pub(crate) fn length(field: &str, found: usize, tests: usize) -> Result<(), PluginErrorKind> {
    if found == tests {
        return Ok(());
    }
    Err(PluginErrorKind::invalid(field, format!("has {found} entries for {tests} tests")))
}

/// Sparse entries name tests that are there, in ascending order.
///
/// # Errors
/// The first that does not.
pub(crate) fn ascending(
    field: &str,
    indices: impl Iterator<Item = u32>,
    tests: usize,
    repeats: Repeats,
) -> Result<(), PluginErrorKind> {
    let mut last: Option<u32> = None;
    for (i, index) in indices.enumerate() {
        let entry = || format!("{field}[{i}]");
        if index as usize >= tests {
            return Err(PluginErrorKind::invalid(entry(), format!("names test {index} of {tests}")));
        }
        let fits = last.is_none_or(|last| last < index || (last == index && repeats == Repeats::Allowed));
        if !fits {
            return Err(PluginErrorKind::invalid(entry(), "is not in ascending order of tests"));
        }
        last = Some(index);
    }
    Ok(())
}

/// Whether a test may stand several times in a sparse column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// As failures may.
    Allowed,
    /// As tries may not.
    Refused,
}

/// The files that locations name.
pub(crate) fn files(files: &[String]) -> Vec<String> {
    files.iter().map(|f| clean::line(f)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(ids: &[&str]) -> (Vec<u8>, Vec<u32>) {
        let mut ends = Vec::new();
        let mut bytes = Vec::new();
        for id in ids {
            bytes.extend_from_slice(id.as_bytes());
            ends.push(u32::try_from(bytes.len()).unwrap());
        }
        (bytes, ends)
    }

    fn names(ids: Vec<TestId>) -> Vec<String> {
        ids.into_iter().map(String::from).collect()
    }

    fn field_of<T: std::fmt::Debug>(result: Result<T, PluginErrorKind>) -> String {
        match result.unwrap_err() {
            PluginErrorKind::InvalidResult { field, .. } => field,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn repeated_ids_are_numbered_and_never_run_into_one_that_is_there() {
        let (bytes, ends) = packed(&["a", "b", "a", "a #2", "a", "b"]);
        assert_eq!(names(ids(&bytes, &ends, &[]).unwrap().0), ["a", "b", "a #3", "a #2", "a #4", "b #2"]);
    }

    #[test]
    fn control_characters_in_ids_are_replaced_and_what_becomes_equal_is_numbered() {
        let (bytes, ends) = packed(&["a\u{1b}[31m", "a\u{7}[31m", ""]);
        assert_eq!(
            names(ids(&bytes, &ends, &[]).unwrap().0),
            ["a\u{fffd}[31m", "a\u{fffd}[31m #2", "(unnamed)"]
        );
    }

    #[test]
    fn ids_as_long_as_they_may_be_are_still_numbered() {
        let long = "é".repeat(MAX_TEST_ID_BYTES);
        let (bytes, ends) = packed(&[&long, &long]);
        let found = ids(&bytes, &ends, &[]).unwrap().0;
        assert!(found[1].as_str().ends_with(" #2") && found[1].as_str().len() <= MAX_TEST_ID_BYTES);
    }

    #[test]
    fn what_is_wrong_with_packed_ids_is_named_by_test() {
        assert_eq!(field_of(ids(b"ab\xffcd", &[2, 5], &[])), "tests.ids[1]");
        assert_eq!(field_of(ids("aé".as_bytes(), &[2, 3], &[])), "tests.ids[0]");
        assert_eq!(field_of(ids(b"abcd", &[3, 1, 4], &[])), "tests.ids[1]");
        assert_eq!(field_of(ids(b"abcd", &[2, 3], &[])), "tests.id-ends");
        assert_eq!(field_of(ids(b"abcd", &[2, 9], &[])), "tests.id-ends");
        assert_eq!(field_of(ids(b"x", &[], &[])), "tests.id-ends");
        assert_eq!(field_of(ids(b"", &vec![0; TESTS + 1], &[])), "tests.id-ends");
        assert_eq!(ids(b"", &[], &[]).unwrap().0, []);
    }

    #[test]
    fn a_name_is_the_end_of_its_id_even_where_the_id_was_cleaned_or_numbered() {
        let (bytes, ends) = packed(&["s::a", "s::a", "\u{1b}s::b", "c"]);
        let (found, starts) = ids(&bytes, &ends, &[3, 3, 4, 0]).unwrap();
        let name = |i: usize| &found[i].as_str()[starts[i] as usize..];
        assert_eq!([name(0), name(1), name(2), name(3)], ["a", "a #2", "b", "c"]);
        assert_eq!(field_of(ids(b"ab", &[2], &[3])), "tests.name-starts[0]");
        assert_eq!(field_of(ids("é".as_bytes(), &[2], &[1])), "tests.name-starts[0]");
        assert_eq!(field_of(ids(b"ab", &[2], &[1, 1])), "tests.name-starts");
    }

    #[test]
    fn a_column_has_one_entry_per_test_or_none() {
        assert_eq!(outcomes(&[0, 1], 2).unwrap(), [Outcome::Passed, Outcome::Failed]);
        assert_eq!(outcomes(&[], 2).unwrap(), [Outcome::Unknown; 2]);
        assert_eq!(field_of(outcomes(&[0], 2)), "tests.outcomes");
        assert_eq!(field_of(outcomes(&[0, 10], 2)), "tests.outcomes[1]");
        assert_eq!(durations(vec![1, u64::MAX], 2).unwrap(), [1, u64::MAX]);
        assert_eq!(durations(vec![], 2).unwrap(), [0_u64; 0]);
        assert_eq!(field_of(durations(vec![1], 2)), "tests.durations-ns");
    }

    #[test]
    fn durations_that_were_negative_or_last_for_years_are_refused() {
        for ns in [(-1_000_000_i64).cast_unsigned(), i64::MIN.cast_unsigned(), DURATION_NS + 1] {
            assert_eq!(field_of(durations(vec![5, ns], 2)), "tests.durations-ns[1]");
        }
    }

    #[test]
    fn sparse_entries_ascend_within_the_tests() {
        let check = |indices: &[u32], repeats| ascending("x", indices.iter().copied(), 3, repeats);
        check(&[0, 1, 1, 2], Repeats::Allowed).unwrap();
        assert_eq!(field_of(check(&[0, 1, 1], Repeats::Refused)), "x[2]");
        assert_eq!(field_of(check(&[1, 0], Repeats::Allowed)), "x[1]");
        assert_eq!(field_of(check(&[3], Repeats::Allowed)), "x[0]");
    }
}
