//! Runs as JSON Lines: one object per run, whole in itself, so that files can be cut, joined and searched by line.

use std::io::{BufRead, Read, Write};

use flaky_core::evidence::Counts;
use flaky_core::history::{HistoryFilter, PastRun};
use flaky_core::ids::{RunId, TestId};
use flaky_core::parsed::Location;
use flaky_core::verdict::{Category, Severity};
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, Row};

use crate::entry::{Entry, EntryGroup, EntryTest};
use crate::error::HistoryErrorKind as Error;
use crate::read::{At, FROM, RUN, Shelf, past_run, results};
use crate::sql::{Statement, Value, filter};

/// Version of a line's shape. Fields are only added within one.
const VERSION: u32 = 1;

/// Longest line taken in: a run of a hundred thousand tests, each with an id of five hundred bytes.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// Runs read at once.
const AT_ONCE: i64 = 50;

/// A line.
#[derive(Serialize, Deserialize)]
struct Line {
    /// [`VERSION`]: says what the line is, too.
    flaky_history: u32,
    run: PastRun,
    #[serde(default)]
    more: serde_json::Value,
    /// Tests of which the same is to say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    same: Vec<Same>,
    /// All others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tests: Vec<EntryTest>,
}

/// Only to be told a newer line from a damaged one.
#[derive(Deserialize)]
struct Version {
    flaky_history: u32,
}

#[derive(Serialize, Deserialize)]
struct Same {
    counts: Counts,
    verdict: Category,
    severity: Option<Severity>,
    #[serde(default)]
    ignored: bool,
    tests: Vec<Named>,
}

#[derive(Serialize, Deserialize)]
struct Named {
    id: TestId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
}

/// A run as a line, without its end.
pub(crate) fn to_line(entry: Entry) -> Result<Vec<u8>, Error> {
    let (mut same, mut tests): (Vec<Same>, Vec<EntryTest>) = (Vec::new(), Vec::new());
    for test in entry.tests {
        if !test.is_plain() || test.median_seconds.is_some() {
            tests.push(test);
            continue;
        }
        let named = Named { id: test.id, location: test.location };
        let fits = |s: &&mut Same| {
            (s.counts, s.verdict, s.severity, s.ignored)
                == (test.counts, test.verdict, test.severity, test.ignored)
        };
        match same.iter_mut().find(fits) {
            Some(same) => same.tests.push(named),
            None => same.push(Same {
                counts: test.counts,
                verdict: test.verdict,
                severity: test.severity,
                ignored: test.ignored,
                tests: vec![named],
            }),
        }
    }
    let line = Line { flaky_history: VERSION, run: entry.run, more: entry.more, same, tests };
    serde_json::to_vec(&line).map_err(|e| Error::Other(e.to_string()))
}

/// Reads what [`to_line`] wrote; what is wrong with it, otherwise.
pub(crate) fn from_line(line: &[u8]) -> Result<Entry, String> {
    let version: Version = serde_json::from_slice(line).map_err(|e| format!("it is not a run: {e}"))?;
    if version.flaky_history != VERSION {
        return Err(format!(
            "it is of version {}, and this version of flaky reads {VERSION}",
            version.flaky_history
        ));
    }
    let line: Line = serde_json::from_slice(line).map_err(|e| format!("it is not a run: {e}"))?;
    if line.run.run == RunId::none() {
        return Err("it has no run id".into());
    }
    let same = line.same.into_iter().flat_map(|same| {
        let Same { counts, verdict, severity, ignored, tests } = same;
        tests.into_iter().map(move |test| EntryTest {
            id: test.id,
            location: test.location,
            counts,
            verdict,
            severity,
            ignored,
            median_seconds: None,
            failing: Vec::new(),
            groups: Vec::new(),
        })
    });
    let tests = same.chain(line.tests).collect();
    Ok(Entry { run: line.run, more: line.more, tests }.cleaned())
}

/// The next line that is not empty; none at the end.
pub(crate) fn next_line(
    input: &mut (dyn BufRead + Send),
    number: &mut u64,
) -> Result<Option<Vec<u8>>, Error> {
    loop {
        let mut line = Vec::new();
        let read = input.take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        *number += 1;
        if line.len() as u64 > MAX_LINE_BYTES {
            let what = format!("it is longer than {MAX_LINE_BYTES} bytes");
            return Err(Error::Line { line: *number, what });
        }
        if !line.trim_ascii().is_empty() {
            return Ok(Some(line));
        }
    }
}

/// Reads runs in portions, oldest first.
pub(crate) struct Entries {
    filter: HistoryFilter,
    shelf: Shelf,
    /// Where the last portion ended.
    after: Option<(i64, i64)>,
}

impl Entries {
    pub(crate) fn new(filter: &HistoryFilter) -> Self {
        Self { filter: filter.clone(), shelf: Shelf::default(), after: None }
    }

    /// The next portion; empty at the end.
    pub(crate) async fn next(&mut self, on: &mut AnyConnection) -> Result<Vec<Entry>, Error> {
        let mut statement = Statement::new(RUN);
        statement.push(", r.more").push(FROM);
        filter(&mut statement, &self.filter);
        if let Some((started, number)) = self.after {
            statement.push(" AND (r.started > ").bind(Value::Int(started));
            statement.push(" OR (r.started = ").bind(Value::Int(started));
            statement.push(" AND r.number > ").bind(Value::Int(number)).push("))");
        }
        statement.push(" ORDER BY r.started, r.number LIMIT ").bind(Value::Int(AT_ONCE));
        let mut entries = Vec::new();
        for row in &statement.all(on).await? {
            let (at, run) = past_run(row)?;
            self.after = Some((run.context.started.0, at.run));
            let more: String = row.try_get(22)?;
            let more = serde_json::from_str(&more)
                .map_err(|e| Error::Damaged(format!("conditions of run `{}`: {e}", run.run)))?;
            entries.push(entry(on, at, run, more, &mut self.shelf).await?);
        }
        Ok(entries)
    }
}

async fn entry(
    on: &mut AnyConnection,
    at: At,
    run: PastRun,
    more: serde_json::Value,
    shelf: &mut Shelf,
) -> Result<Entry, Error> {
    let all = results(on, at, &run, shelf).await?;
    let mut tests = Vec::with_capacity(all.len());
    for (known, result) in all {
        let groups = if result.failing.iter().any(|f| f.fingerprint.is_some()) {
            examples(on, at.run, &known.id, &result.failing).await?
        } else {
            Vec::new()
        };
        tests.push(EntryTest {
            id: known.id,
            location: known.location,
            counts: result.counts,
            verdict: result.verdict,
            severity: result.severity,
            ignored: result.ignored,
            median_seconds: result.median_seconds,
            failing: result.failing,
            groups,
        });
    }
    Ok(Entry { run, more, tests })
}

/// The groups that the failures of a test are of.
async fn examples(
    on: &mut AnyConnection,
    run: i64,
    id: &TestId,
    failing: &[flaky_core::history::PastFailure],
) -> Result<Vec<EntryGroup>, Error> {
    let number = Statement::new(
        "SELECT x.test FROM flaky_results x JOIN flaky_tests t ON t.number = x.test WHERE x.run = ",
    )
    .with("", Value::Int(run))
    .with(" AND t.id = ", Value::Text(id.as_str().to_owned()))
    .number(on)
    .await?;
    let number = number.and_then(|n| u32::try_from(n).ok());
    let number = number.ok_or_else(|| Error::Damaged("a failing test has no row".into()))?;
    let groups = crate::one::groups(on, number).await?;
    let mut wanted: Vec<_> = groups
        .into_values()
        .filter(|group| failing.iter().any(|f| f.fingerprint.as_ref() == Some(&group.fingerprint)))
        .map(|group| EntryGroup {
            fingerprint: group.fingerprint,
            also: Vec::new(),
            kind: group.kind,
            message: group.message,
            trace: group.trace,
        })
        .collect();
    wanted.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    Ok(wanted)
}

/// Writes one line.
pub(crate) fn write_line(out: &mut (dyn Write + Send), entry: Entry) -> Result<(), Error> {
    let mut line = to_line(entry)?;
    line.push(b'\n');
    out.write_all(&line)?;
    Ok(())
}
