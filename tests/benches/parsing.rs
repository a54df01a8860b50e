//! What WebAssembly costs a parser: the bundled parsers through their components, as a run uses them, against the
//! same source built natively and giving owned records, against plain code, and against other readers of JUnit XML.
//! Prints Markdown tables: long inputs of a few parsers, and recorded output of every one (`-- long` or `-- recorded` for one
//! of both).
//!
//! The component's share is all that an attempt pays for: a store and an instance of its own, reading the file, the
//! call, and the host's checks, up to the columns that the ledger takes. Its compiled code is there before, as in a
//! run. The native share reads bytes that are in memory. Each round runs every contender once, in an order that
//! rotates, and ratios are taken within a round: machines change their speed by the second.

#[path = "parsing/inputs.rs"]
mod inputs;
#[path = "parsing/others.rs"]
mod others;
#[path = "parsing/plain.rs"]
mod plain;
#[path = "parsing/recorded.rs"]
mod recorded;
#[path = "parsing/records.rs"]
mod records;

use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::parsed::Completeness;
use flaky_plugin_host::{AttemptInput, BlobInput, ComponentBytes, HostSettings, Limits, Plugin, PluginHost};
use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::{PackedAttempt, PackedParser};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use others::{Others, READERS};
use recorded::{RECORDINGS, Recording};
use records::{records, same};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
type Parse = fn(&Recorded) -> Result<PackedAttempt>;

const ROUNDS: usize = 20;

/// Cases of the large JUnit file: 50 MB.
const CASES: usize = 161_400;

fn main() -> Result<()> {
    // `cargo bench` says so; whatever else runs this (`cargo test --benches`) wants to know that it works.
    let asked = |name: &str| std::env::args().any(|argument| argument == name);
    let rounds = if asked("--bench") { ROUNDS } else { 1 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let settings = HostSettings { cache: Some(folder.path().join("cache")), limits: Limits::default() };
        let host = PluginHost::new(settings)?;
        if !asked("recorded") {
            compare_long(&host, folder.path(), rounds).await?;
        }
        if !asked("long") {
            compare_recorded(&host, rounds).await?;
        }
        Ok(())
    })
}

/// An input, and who reads it.
struct Input {
    title: &'static str,
    plugin: &'static str,
    parse: Parse,
    tests: usize,
    /// Path in the report folder; empty for what was printed.
    report: &'static str,
    make: fn(usize) -> String,
}

const INPUTS: [Input; 9] = [
    Input {
        title: "JUnit XML",
        plugin: "junit",
        parse: junit,
        tests: CASES,
        report: "junit.xml",
        make: inputs::junit_report,
    },
    Input {
        title: "pytest -v, printed",
        plugin: "pytest",
        parse: pytest,
        tests: 100_000,
        report: "",
        make: inputs::pytest_output,
    },
    Input {
        title: "pytest -v, a megabyte",
        plugin: "pytest",
        parse: pytest,
        tests: 19_000,
        report: "",
        make: inputs::pytest_output,
    },
    Input {
        title: "pytest, own report",
        plugin: "pytest",
        parse: pytest,
        tests: 19_000,
        report: "flaky-pytest/pytest-001.jsonl",
        make: inputs::pytest_report,
    },
    Input {
        title: "Catch2 XML",
        plugin: "catch2",
        parse: catch2,
        tests: 20_000,
        report: "report.xml",
        make: inputs::catch2_report,
    },
    Input {
        title: "ctest, printed",
        plugin: "ctest",
        parse: ctest,
        tests: 100_000,
        report: "",
        make: inputs::ctest_output,
    },
    Input {
        title: "go test -v, printed",
        plugin: "go",
        parse: go,
        tests: 100_000,
        report: "",
        make: inputs::go_output,
    },
    Input {
        title: "go test -json",
        plugin: "go",
        parse: go,
        tests: 20_000,
        report: "",
        make: inputs::go_events,
    },
    Input { title: "TAP", plugin: "tap", parse: tap, tests: 100_000, report: "", make: inputs::tap_output },
];

async fn compare_long(host: &PluginHost, folder: &Path, rounds: usize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "CPU time, {rounds} rounds; medians, and of ratios p10 to p90.\n")?;
    writeln!(
        out,
        "| input | size | tests | plain code | native, records | component | ratio | seconds | native, columns | ratio |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
    let mut junit_figures = None;
    for input in &INPUTS {
        let plugin = bundled(host, input.plugin).await?;
        let case = Case::new(input, &plugin, folder)?;
        case.check().await?;
        let figures = case.measure(rounds).await?;
        writeln!(out, "{}", row(&case, &figures))?;
        if input.tests == CASES {
            junit_figures = Some((case.size, figures));
        }
    }
    if let Some((size, figures)) = junit_figures {
        tell_others(&mut out, size, &figures)?;
    }
    Ok(())
}

/// Every bundled parser, on what its framework printed.
async fn compare_recorded(host: &PluginHost, rounds: usize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "\nRecorded output, grown; CPU time, {rounds} rounds; medians, and of ratios p10 to p90.\n"
    )?;
    writeln!(
        out,
        "| parser | recording | size | tests | native, records | component | ratio | native, columns | ratio |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
    for recording in &RECORDINGS {
        let title = format!("{} {}", recording.plugin, recording.fixture);
        let plugin = bundled(host, recording.plugin).await?;
        let grown = recording.grown()?;
        let ours = records((recording.parse)(&grown.recorded)?);
        let theirs = plugin.parse(&grown.attempt).await?;
        if !same(&ours, &theirs) {
            return Err(format!("{title}: native and component differ").into());
        }
        if ours.is_empty() {
            return Err(format!("{title}: nothing read").into());
        }
        let mut figures = Vec::with_capacity(rounds);
        for number in 0..=rounds {
            let mut round = Round::default();
            for turn in 0..3 {
                let before = cpu()?;
                match (number + turn) % 3 {
                    0 => {
                        drop(records((recording.parse)(&grown.recorded)?));
                        round.records = seconds_since(before)?;
                    }
                    1 => {
                        drop((recording.parse)(&grown.recorded)?);
                        round.columns = seconds_since(before)?;
                    }
                    _ => {
                        drop(plugin.parse(&grown.attempt).await?);
                        round.component = seconds_since(before)?;
                    }
                }
            }
            if number > 0 {
                figures.push(round);
            }
        }
        writeln!(out, "{}", recorded_row(recording, grown.size, ours.len(), &figures))?;
    }
    Ok(())
}

fn recorded_row(recording: &Recording, size: usize, tests: usize, rounds: &[Round]) -> String {
    format!(
        "| {} | {} | {:.1} MB | {tests} | {} | {} | {} | {} | {} |",
        recording.plugin,
        recording.fixture,
        size as f64 / 1e6,
        speed(rounds, size, |round| round.records),
        speed(rounds, size, |round| round.component),
        ratio(rounds, |round| round.component / round.records),
        speed(rounds, size, |round| round.columns),
        ratio(rounds, |round| round.component / round.columns),
    )
}

fn tell_others(out: &mut dyn Write, size: usize, figures: &[Round]) -> Result<()> {
    writeln!(
        out,
        "\n| reader of the JUnit file | MB/s | CPU of it, by that of our component |\n|---|---|---|"
    )?;
    for (at, reader) in READERS.iter().enumerate() {
        let of = |round: &Round| round.others.get(at).copied().unwrap_or(f64::NAN);
        let [low, middle, high] = [0.1, 0.5, 0.9].map(|p| quantile(figures, |r| of(r) / r.component, p));
        let speed = size as f64 / 1e6 / quantile(figures, of, 0.5);
        writeln!(out, "| {reader} | {speed:.0} | {middle:.2} ({low:.2} to {high:.2}) |")?;
    }
    let [low, middle, high] = [0.1, 0.5, 0.9].map(|p| quantile(figures, |r| r.plain / r.component, p));
    let speed = size as f64 / 1e6 / quantile(figures, |round| round.plain, 0.5);
    writeln!(out, "| plain code with quick-xml | {speed:.0} | {middle:.2} ({low:.2} to {high:.2}) |")?;
    Ok(())
}

/// The bundled plugin of this name.
async fn bundled(host: &PluginHost, name: &str) -> Result<Plugin> {
    let builtin = flaky_engine::builtins::named(name).ok_or("a bundled plugin")?;
    let mut source = builtin.source();
    // To compare with what another build makes of the same parsers.
    if let Some(folder) = std::env::var_os("FLAKY_BENCH_COMPONENTS") {
        let bytes = std::fs::read(Path::new(&folder).join(name).with_extension("wasm"))?;
        source.bytes = ComponentBytes::Plain(bytes.into());
    }
    let plugin = host.load(source).await?;
    Ok(plugin.configured(&serde_json::json!({})).await?)
}

fn pytest(recorded: &Recorded) -> Result<PackedAttempt> {
    flaky_plugin_pytest::Pytest.parse(&recorded.attempt()).map_err(|error| error.message.into())
}

fn junit(recorded: &Recorded) -> Result<PackedAttempt> {
    Ok(flaky_plugin_junit::parse(&recorded.attempt()))
}

fn catch2(recorded: &Recorded) -> Result<PackedAttempt> {
    flaky_plugin_catch2::Catch2.parse(&recorded.attempt()).map_err(|error| error.message.into())
}

fn ctest(recorded: &Recorded) -> Result<PackedAttempt> {
    flaky_plugin_ctest::Ctest.parse(&recorded.attempt()).map_err(|error| error.message.into())
}

fn go(recorded: &Recorded) -> Result<PackedAttempt> {
    flaky_plugin_go::Go.parse(&recorded.attempt()).map_err(|error| error.message.into())
}

fn tap(recorded: &Recorded) -> Result<PackedAttempt> {
    flaky_plugin_tap::Tap.parse(&recorded.attempt()).map_err(|error| error.message.into())
}

/// One input and its contenders.
struct Case<'p> {
    input: &'p Input,
    plugin: &'p Plugin,
    bytes: Vec<u8>,
    size: usize,
    recorded: Recorded,
    attempt: AttemptInput,
    others: Option<std::path::PathBuf>,
}

impl<'p> Case<'p> {
    fn new(input: &'p Input, plugin: &'p Plugin, folder: &Path) -> Result<Self> {
        let bytes = (input.make)(input.tests).into_bytes();
        let path = folder.join(format!("{}-{}", input.plugin, input.tests));
        std::fs::write(&path, &bytes)?;
        let on_disk = BlobInput::File { path: path.clone(), size: bytes.len() as u64, cut: None };
        let nothing = BlobInput::Bytes(Arc::from([]));
        let command = ["make", "test"];
        let recorded = Recorded::default().command(&command).exit_code(1);
        let (recorded, stdout, reports) = if input.report.is_empty() {
            (recorded.stdout(bytes.clone()), on_disk, Vec::new())
        } else {
            let recorded = recorded.stdout(Vec::new()).report(input.report, bytes.clone());
            (recorded, nothing.clone(), vec![(input.report.to_owned(), on_disk)])
        };
        let attempt = AttemptInput {
            index: AttemptIndex(0),
            seed: Seed(1),
            command: command.map(str::to_owned).to_vec(),
            exit: Exit::Code(1),
            duration: Duration::from_secs(60),
            conditions: Vec::new(),
            stdout,
            stderr: nothing,
            reports,
            tree: Vec::new(),
        };
        let others = (input.tests == CASES).then_some(path);
        let size = bytes.len();
        Ok(Self { input, plugin, bytes, size, recorded: recorded.stderr(Vec::new()), attempt, others })
    }

    /// Faster is nothing worth when it is not the same.
    async fn check(&self) -> Result<()> {
        let title = self.input.title;
        let ours = records((self.input.parse)(&self.recorded)?);
        let theirs = self.plugin.parse(&self.attempt).await?;
        if theirs.completeness != Completeness::Complete || theirs.tests.len() != self.input.tests {
            let found = (theirs.completeness, theirs.tests.len(), theirs.diagnostics);
            return Err(format!("{title}: not read as it was written: {found:?}").into());
        }
        if !same(&ours, &theirs) {
            return Err(format!("{title}: native and component differ").into());
        }
        if self.others.is_some() && plain::junit(&self.bytes)?.len() != self.input.tests {
            return Err(format!("{title}: plain code finds other cases").into());
        }
        Ok(())
    }

    fn plain(&self) -> Result<usize> {
        if self.others.is_some() {
            let cases = black_box(plain::junit(&self.bytes)?);
            // What nobody reads is not kept, and would cost nothing.
            let kept = |c: &plain::JunitCase| {
                c.name.len() + c.class.len() + c.failure.as_ref().map_or(0, |(m, t)| m.len() + t.len())
            };
            return Ok(cases.iter().map(|case| kept(case) + case.seconds as usize).sum());
        }
        Ok(black_box(plain::lines(&self.bytes)).len())
    }

    async fn measure(&self, rounds: usize) -> Result<Vec<Round>> {
        let mut others = match &self.others {
            Some(file) => Others::start(file)?,
            None => None,
        };
        let mut figures = Vec::with_capacity(rounds);
        // One round more, which fills caches and counts for nothing.
        for number in 0..=rounds {
            let mut round = Round::default();
            for turn in 0..5 {
                let before = cpu()?;
                match (number + turn) % 5 {
                    0 => {
                        drop(records((self.input.parse)(&self.recorded)?));
                        round.records = seconds_since(before)?;
                    }
                    1 => {
                        drop((self.input.parse)(&self.recorded)?);
                        round.columns = seconds_since(before)?;
                    }
                    2 => {
                        black_box(self.plain()?);
                        round.plain = seconds_since(before)?;
                    }
                    3 => {
                        if let Some(others) = others.as_mut() {
                            for reader in READERS {
                                let (cases, seconds) = others.read(reader)?;
                                if cases != self.input.tests {
                                    return Err(format!("{reader} finds {cases} cases").into());
                                }
                                round.others.push(seconds);
                            }
                        }
                    }
                    _ => {
                        drop(self.plugin.parse(&self.attempt).await?);
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

/// Seconds of CPU time.
#[derive(Debug, Clone, Default)]
struct Round {
    plain: f64,
    records: f64,
    columns: f64,
    component: f64,
    /// In the order of [`READERS`].
    others: Vec<f64>,
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
    format!(
        "| {} | {:.1} MB | {} | {} | {} | {} | {} | {:.3} | {} | {} |",
        case.input.title,
        case.size as f64 / 1e6,
        case.input.tests,
        speed(rounds, case.size, |round| round.plain),
        speed(rounds, case.size, |round| round.records),
        speed(rounds, case.size, |round| round.component),
        ratio(rounds, |round| round.component / round.records),
        quantile(rounds, |round| round.component, 0.5),
        speed(rounds, case.size, |round| round.columns),
        ratio(rounds, |round| round.component / round.columns),
    )
}

fn speed(rounds: &[Round], bytes: usize, of: fn(&Round) -> f64) -> String {
    format!("{:.0} MB/s", bytes as f64 / 1e6 / quantile(rounds, of, 0.5))
}

fn ratio(rounds: &[Round], of: fn(&Round) -> f64) -> String {
    let [low, middle, high] = [0.1, 0.5, 0.9].map(|p| quantile(rounds, of, p));
    format!("{middle:.2} ({low:.2} to {high:.2})")
}

fn quantile(rounds: &[Round], of: impl Fn(&Round) -> f64, p: f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    let at = (values.len().saturating_sub(1)) as f64 * p;
    values.get(at.round() as usize).copied().unwrap_or(f64::NAN)
}
