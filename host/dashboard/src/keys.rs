//! Names of documents: what comes from a repository is never part of a path.

use std::fmt::Write as _;

use flaky_core::history::Series;
use flaky_core::ids::TestId;
use sha2::{Digest, Sha256};

/// Bytes of a digest that name a document: 128 bits, so that nobody finds two tests of one name.
const KEPT: usize = 16;

/// Of these texts in this order. Each goes in with its length, so that `a, bc` is not `ab, c`.
fn key(kind: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in [kind].iter().chain(parts) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(KEPT).fold(String::with_capacity(2 * KEPT), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Of a suite of a repository.
pub(crate) fn series(series: &Series) -> String {
    key("series", &[&series.repository, &series.suite])
}

/// Of a branch.
pub(crate) fn branch(name: &str) -> String {
    key("branch", &[name])
}

/// Of a test of a suite.
pub(crate) fn test(series: &Series, id: &TestId) -> String {
    key("test", &[&series.repository, &series.suite, id.as_str()])
}

/// Of whatever names a state of the history.
pub(crate) fn stamp<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    key("stamp", &parts.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_differ_wherever_the_texts_are_divided_otherwise() {
        let of = |repository: &str, suite: &str| {
            series(&Series { repository: repository.into(), suite: suite.into() })
        };
        let all =
            [of("a", "bc"), of("ab", "c"), of("../..", "."), branch("a"), branch("../../etc"), branch("")];
        for (at, name) in all.iter().enumerate() {
            assert!(name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
            assert!(!all.iter().skip(at + 1).any(|other| other == name), "{name}");
        }
    }
}
