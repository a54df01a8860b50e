//! What WebAssembly costs a parser: the bundled parsers through their components, as a run uses them, against the
//! same source built natively and giving owned records. Prints a Markdown table.
//!
//! The component's share is all that an attempt pays for: a store and an instance of its own, reading the file, the
//! call, and the host's checks, up to the columns that the ledger takes. Its compiled code is there before, as in a
//! run. The native share reads bytes that are in memory. Each round runs every contender once, in an order that
//! rotates, and ratios are taken within a round: machines change their speed by the second.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::parsed::{Completeness, ParsedAttempt};
use flaky_plugin_host::{AttemptInput, BlobInput, HostSettings, Limits, Plugin, PluginHost};
use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::{Failure, Location, Outcome, PackedAttempt, PackedParser};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ROUNDS: usize = 60;

/// pytest's tests, about as many as make a megabyte of its verbose output, and how many of them pass for each that
/// fails.
const TESTS: usize = 19_000;
const TESTS_PER_FAILURE: usize = 100;

/// Cases of the JUnit file.
const CASES: usize = 25_000;
const CASES_PER_FAILURE: usize = 20;
const FRAMES: usize = 12;

fn main() -> Result<()> {
    // `cargo bench` says so; whatever else runs this (`cargo test --benches`) wants to know that it works.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(compare_all(rounds))
}

async fn compare_all(rounds: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let limits = Limits::default();
    let host = PluginHost::new(HostSettings { cache: Some(folder.path().join("cache")), limits })?;
    let pytest = bundled(&host, "pytest").await?;
    let junit = bundled(&host, "junit").await?;
    let nothing = Text { name: String::new(), bytes: Vec::new() };
    let printed = Text { name: String::new(), bytes: pytest_output().into_bytes() };
    let lines = Text { name: "flaky-pytest/pytest-001.jsonl".into(), bytes: pytest_report().into_bytes() };
    let xml = Text { name: "junit.xml".into(), bytes: junit_report().into_bytes() };
    let cases = [
        Case::new("pytest -v, printed", &pytest, parse_pytest, TESTS, &printed, None, folder.path())?,
        Case::new("pytest, report", &pytest, parse_pytest, TESTS, &nothing, Some(&lines), folder.path())?,
        Case::new("JUnit XML", &junit, parse_junit, CASES, &nothing, Some(&xml), folder.path())?,
    ];
    let mut out = std::io::stdout().lock();
    writeln!(out, "CPU time of this process, {rounds} rounds; medians, and of ratios p10 to p90.\n")?;
    writeln!(
        out,
        "| input | size | tests | native, records | component | ratio | native, columns | ratio |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|")?;
    for case in &cases {
        case.check().await?;
        let figures = case.measure(rounds).await?;
        writeln!(out, "{}", row(case, &figures))?;
    }
    Ok(())
}

async fn bundled(host: &PluginHost, name: &str) -> Result<Plugin> {
    let builtin = flaky_engine::builtins::named(name).ok_or("a bundled plugin")?;
    let plugin = host.load(builtin.source()).await?;
    Ok(plugin.configured(&serde_json::json!({})).await?)
}

fn parse_pytest(recorded: &Recorded) -> Result<PackedAttempt> {
    flaky_plugin_pytest::Pytest.parse(&recorded.attempt()).map_err(|error| error.message.into())
}

fn parse_junit(recorded: &Recorded) -> Result<PackedAttempt> {
    Ok(flaky_plugin_junit::parse(&recorded.attempt()))
}

struct Text {
    /// Path in the report folder; empty for what was printed.
    name: String,
    bytes: Vec<u8>,
}

/// One input and its contenders.
struct Case<'p> {
    title: &'static str,
    size: usize,
    tests: usize,
    plugin: &'p Plugin,
    parse: fn(&Recorded) -> Result<PackedAttempt>,
    recorded: Recorded,
    input: AttemptInput,
}

impl<'p> Case<'p> {
    fn new(
        title: &'static str,
        plugin: &'p Plugin,
        parse: fn(&Recorded) -> Result<PackedAttempt>,
        tests: usize,
        stdout: &Text,
        report: Option<&Text>,
        folder: &Path,
    ) -> Result<Self> {
        let command = ["pytest", "-v"];
        let mut recorded = Recorded::default().command(&command).exit_code(1).stdout(stdout.bytes.clone());
        recorded = recorded.stderr(Vec::new());
        let mut reports = Vec::new();
        if let Some(report) = report {
            recorded = recorded.report(&report.name, report.bytes.clone());
            reports.push((report.name.clone(), on_disk(folder, title, &report.bytes)?));
        }
        let input = AttemptInput {
            index: AttemptIndex(0),
            seed: Seed(1),
            command: command.map(str::to_owned).to_vec(),
            exit: Exit::Code(1),
            duration: Duration::from_secs(60),
            conditions: Vec::new(),
            stdout: on_disk(folder, &format!("{title}.out"), &stdout.bytes)?,
            stderr: BlobInput::Bytes(Arc::from([])),
            reports,
            tree: Vec::new(),
        };
        let size = stdout.bytes.len() + report.map_or(0, |report| report.bytes.len());
        Ok(Self { title, size, tests, plugin, parse, recorded, input })
    }

    /// Faster is nothing worth when it is not the same.
    async fn check(&self) -> Result<()> {
        let ours = records((self.parse)(&self.recorded)?);
        let theirs = self.plugin.parse(&self.input).await?;
        if theirs.completeness != Completeness::Complete || theirs.tests.len() != self.tests {
            let found = (theirs.completeness, theirs.tests.len(), theirs.diagnostics);
            return Err(format!("{}: not read as it was written: {found:?}", self.title).into());
        }
        if !same(&ours, &theirs) {
            return Err(format!("{}: native and component differ", self.title).into());
        }
        Ok(())
    }

    async fn measure(&self, rounds: usize) -> Result<Vec<Round>> {
        let mut figures = Vec::with_capacity(rounds);
        // One round more, which fills caches and counts for nothing.
        for number in 0..=rounds {
            let mut round = Round::default();
            for turn in 0..3 {
                let before = cpu()?;
                match (number + turn) % 3 {
                    0 => {
                        drop(records((self.parse)(&self.recorded)?));
                        round.records = seconds_since(before)?;
                    }
                    1 => {
                        drop((self.parse)(&self.recorded)?);
                        round.columns = seconds_since(before)?;
                    }
                    _ => {
                        drop(self.plugin.parse(&self.input).await?);
                        round.component = seconds_since(before)?;
                    }
                }
            }
            if number > 0 {
                figures.push(round);
            }
        }
        Ok(figures)
    }
}

fn on_disk(folder: &Path, name: &str, bytes: &[u8]) -> Result<BlobInput> {
    let path = folder.join(name);
    std::fs::write(&path, bytes)?;
    Ok(BlobInput::File { path, size: bytes.len() as u64, cut: None })
}

/// A test as a program without plugins would keep it.
struct TestRecord {
    id: String,
    outcome: Outcome,
    duration_ns: Option<u64>,
    location: Option<Location>,
    failures: Vec<Failure>,
    tries: Vec<Outcome>,
}

/// Columns to records; what is owned already is moved.
fn records(parsed: PackedAttempt) -> Vec<TestRecord> {
    let tests = parsed.tests;
    let mut records = Vec::with_capacity(tests.id_ends.len());
    let mut start = 0;
    for (i, end) in tests.id_ends.iter().enumerate() {
        let end = *end as usize;
        let file = tests.file_of.get(i).and_then(|file| tests.files.get(*file as usize));
        let line = tests.lines.get(i).copied().filter(|line| *line != 0);
        records.push(TestRecord {
            id: String::from_utf8_lossy(tests.ids.get(start..end).unwrap_or_default()).into_owned(),
            outcome: tests.outcomes.get(i).and_then(|o| outcome(*o)).unwrap_or(Outcome::Unknown),
            duration_ns: tests.durations_ns.get(i).copied().filter(|ns| *ns != u64::MAX),
            location: file.map(|file| Location { file: file.clone(), line }),
            failures: Vec::new(),
            tries: Vec::new(),
        });
        start = end;
    }
    for (i, failure) in tests.failures {
        records[i as usize].failures.push(failure);
    }
    for (i, tries) in tests.tries {
        records[i as usize].tries = tries;
    }
    records
}

fn outcome(position: u8) -> Option<Outcome> {
    let all = [
        Outcome::Passed,
        Outcome::Failed,
        Outcome::Errored,
        Outcome::Skipped,
        Outcome::ExpectedFailure,
        Outcome::UnexpectedPass,
        Outcome::TimedOut,
        Outcome::Crashed,
        Outcome::NotRun,
        Outcome::Unknown,
    ];
    all.get(usize::from(position)).copied()
}

fn same(ours: &[TestRecord], theirs: &ParsedAttempt) -> bool {
    let tests = &theirs.tests;
    let ids = ours.iter().map(|test| test.id.as_str()).eq(tests.ids.iter().map(|id| id.as_str()));
    let outcomes =
        ours.iter().map(|test| test.outcome as u8).eq(tests.outcomes.iter().map(|outcome| *outcome as u8));
    let durations = ours
        .iter()
        .enumerate()
        .all(|(i, test)| test.duration_ns == tests.durations_ns.get(i).copied().filter(|ns| *ns != u64::MAX));
    let locations = ours
        .iter()
        .filter_map(|test| test.location.as_ref())
        .map(|place| (place.file.as_str(), place.line))
        .eq(tests.locations.iter().map(|(_, place)| (place.file.as_str(), place.line)));
    let failures = ours
        .iter()
        .flat_map(|test| &test.failures)
        .map(|failure| [&failure.kind, &failure.message, &failure.trace])
        .eq(tests.failures.iter().map(|(_, failure)| [&failure.kind, &failure.message, &failure.trace]));
    let tries = ours.iter().map(|test| test.tries.len()).sum::<usize>()
        == tests.tries.iter().map(|(_, tries)| tries.len()).sum::<usize>();
    ids && outcomes && durations && locations && failures && tries
}

/// Seconds of CPU time.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    records: f64,
    columns: f64,
    component: f64,
}

/// User and system time of all threads: reading files and ending calls in time happen on others.
fn cpu() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn seconds_since(before: f64) -> Result<f64> {
    Ok(cpu()? - before)
}

fn row(case: &Case<'_>, rounds: &[Round]) -> String {
    let size = case.size as f64 / 1e6;
    let speed = |of: fn(&Round) -> f64| format!("{:.0} MB/s", size / quantile(rounds, of, 0.5));
    let ratio = |of: fn(&Round) -> f64| {
        let [low, middle, high] = [0.1, 0.5, 0.9].map(|p| quantile(rounds, of, p));
        format!("{middle:.2} ({low:.2} to {high:.2})")
    };
    format!(
        "| {} | {size:.1} MB | {} | {} | {} | {} | {} | {} |",
        case.title,
        case.tests,
        speed(|round| round.records),
        speed(|round| round.component),
        ratio(|round| round.component / round.records),
        speed(|round| round.columns),
        ratio(|round| round.component / round.columns),
    )
}

fn quantile(rounds: &[Round], of: fn(&Round) -> f64, p: f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    let at = (values.len().saturating_sub(1)) as f64 * p;
    values.get(at.round() as usize).copied().unwrap_or(f64::NAN)
}

/// File, name and whether it fails.
fn pytest_test(i: usize) -> (String, String, bool) {
    let file = format!("tests/unit/test_orders_{:03}.py", i / 50);
    (file, format!("test_total[{}]", i % 50), i % TESTS_PER_FAILURE == TESTS_PER_FAILURE / 2)
}

fn pytest_trace(file: &str, i: usize) -> String {
    format!(
        "rate = {i}\n\n    @pytest.mark.parametrize(\"rate\", range(50))\n    def test_total(rate):\n        \
         order = Order(rate=rate)\n        order.add(\"apple\", 2)\n>       assert order.total() == 3\nE       \
         assert {i} == 3\nE        +  where {i} = total()\nE        +    where total = Order(rate={i}).total\n\n\
         {file}:17: AssertionError"
    )
}

/// Without padding, as in a narrow terminal: so many tests make a megabyte.
fn pytest_output() -> String {
    let mut out = format!(
        "{:=^79}\nplatform linux -- Python 3.13.1, pytest-8.4.2, pluggy-1.6.0 -- /usr/bin/python3\n\
         cachedir: .pytest_cache\nrootdir: /srv/shop\ncollecting ... collected {TESTS} items\n\n",
        " test session starts "
    );
    let (mut blocks, mut summary, mut failed) = (String::new(), String::new(), 0);
    for i in 0..TESTS {
        let (file, name, fails) = pytest_test(i);
        let word = if fails { "FAILED" } else { "PASSED" };
        out += &format!("{file}::{name} {word} [{:3}%]\n", (i + 1) * 100 / TESTS);
        if fails {
            failed += 1;
            blocks += &format!("{:_^79}\n\n{}\n", format!(" {name} "), pytest_trace(&file, i));
            summary += &format!("FAILED {file}::{name} - assert {i} == 3\n");
        }
    }
    let totals = format!(" {failed} failed, {} passed in 61.20s (0:01:01) ", TESTS - failed);
    out += &format!(
        "\n{:=^79}\n{blocks}{:=^79}\n{summary}{totals:=^79}\n",
        " FAILURES ", " short test summary info "
    );
    out
}

/// What our own plugin of pytest writes of the same tests.
fn pytest_report() -> String {
    let mut out = "{\"e\":\"session\",\"format\":1,\"pytest\":\"8.4.2\",\"python\":\"3.13.1\"}\n".to_owned();
    for i in 0..TESTS {
        let (file, name, _) = pytest_test(i);
        out += &format!("{{\"e\":\"test\",\"n\":{i},\"id\":\"{file}::{name}\"}}\n");
    }
    out += "{\"e\":\"collected\",\"only\":false}\n";
    for i in 0..TESTS {
        let (file, _, fails) = pytest_test(i);
        out += &format!("{{\"e\":\"start\",\"n\":{i},\"file\":\"{file}\",\"line\":12}}\n");
        for when in ["setup", "call", "teardown"] {
            // As Python writes them: some seventeen digits.
            let seconds = 0.000_1 + (i * 7 % 1000) as f64 * 1.234_567_890_123e-6;
            let fails = fails && when == "call";
            let outcome = if fails { "failed" } else { "passed" };
            out += &format!(
                "{{\"e\":\"phase\",\"n\":{i},\"when\":\"{when}\",\"outcome\":\"{outcome}\",\"s\":{seconds}"
            );
            if fails {
                let message = format!("assert {i} == 3\n +  where {i} = total()");
                let trace = serde_json::Value::from(pytest_trace(&file, i));
                out += &format!(",\"message\":{},\"trace\":{trace}", serde_json::Value::from(message));
            }
            out += "}\n";
        }
    }
    out += "{\"e\":\"finish\",\"status\":1}\n";
    out
}

/// As Maven's surefire writes, all classes in one file.
fn junit_report() -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for i in 0..CASES {
        let class = format!("com.example.warehouse.orders.fulfilment.shipping.ShippingCost{:04}Test", i / 25);
        if i % 25 == 0 {
            out += &format!("<testsuite name=\"{class}\" tests=\"25\" time=\"1.25\" hostname=\"builder\">\n");
        }
        out += &format!(
            "  <testcase name=\"costs_of_a_parcel_that_weighs_more_than_the_limit_and_leaves_the_country[{}: \
             weight=31.5 kg, from=Rotterdam, to=Reykjavík, insured=&quot;yes&quot;]\" classname=\"{class}\" \
             time=\"0.{:03}\"",
            i % 25,
            i % 1000
        );
        if i % CASES_PER_FAILURE == CASES_PER_FAILURE / 2 {
            out += &format!(
                ">\n    <failure message=\"expected: &lt;{i}&gt; but was: &lt;0&gt;\" \
                 type=\"org.opentest4j.AssertionFailedError\">org.opentest4j.AssertionFailedError: expected: \
                 &lt;{i}&gt; but was: &lt;0&gt;\n"
            );
            for frame in 0..FRAMES {
                out += &format!(
                    "\tat com.example.warehouse.orders.fulfilment.shipping.ShippingCost.&lt;init&gt;(ShippingCost.java:{})\n",
                    100 + frame
                );
            }
            out += "</failure>\n  </testcase>\n";
        } else {
            out += "/>\n";
        }
        if i % 25 == 24 {
            out += "</testsuite>\n";
        }
    }
    out += "</testsuites>\n";
    out
}
