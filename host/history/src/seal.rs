//! Seals: what lets `check` notice that a row is no longer what was written.

use flaky_core::history::{PastGroup, PastRun};
use flaky_core::ids::TestId;
use flaky_core::parsed::Location;
use sha2::{Digest, Sha256};

/// Bytes kept of a digest: a changed row goes unnoticed once in 2^64 times. Against somebody who means to change a
/// history no digest in the same database helps.
const KEPT: usize = 8;

/// SHA-256 over parts, each with its length before it, so that no two lists of parts look the same.
fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into_iter().take(KEPT).collect()
}

/// Of a run: of its columns, and of the rows of its results, ascending by test.
pub(crate) fn run(
    run: &PastRun,
    particular: &[u8],
    more: &str,
    results: &[(u32, Option<f64>, Vec<u8>)],
) -> Vec<u8> {
    // Names and order of fields are part of it: a field that is added to the type is left out here until it has a
    // column, or old runs would not fit their seals.
    let columns = serde_json::json!([
        run.run,
        run.context.series,
        run.context.started,
        run.context.branch,
        run.context.pull_request,
        run.context.url,
        run.context.changed,
        run.commit,
        run.flaky_version,
        run.command,
        run.isolation,
        run.attempts,
        run.failures,
        run.tests,
        run.verdict,
        run.cause,
        run.severity,
        run.wall_seconds.to_bits(),
        run.cpu_seconds.to_bits(),
    ])
    .to_string();
    let mut rows = Vec::new();
    for (test, median, body) in results {
        rows.extend_from_slice(&test.to_le_bytes());
        rows.extend_from_slice(&median.map_or(u64::MAX, f64::to_bits).to_le_bytes());
        rows.extend_from_slice(&(body.len() as u64).to_le_bytes());
        rows.extend_from_slice(body);
    }
    digest([columns.as_bytes(), particular, more.as_bytes(), &rows])
}

/// Of a test.
pub(crate) fn test(id: &TestId, location: Option<&Location>) -> Vec<u8> {
    let line = location.and_then(|l| l.line).map_or(0, |line| u64::from(line) + 1);
    let file = location.map_or("", |l| l.file.as_str());
    digest([id.as_str().as_bytes(), file.as_bytes(), &line.to_le_bytes()])
}

/// Of a failure group: of what never changes of it.
pub(crate) fn group(group: &PastGroup) -> Vec<u8> {
    digest([&group.fingerprint, &group.kind, &group.message, &group.trace].map(|text| text.as_bytes()))
}
