//! What plugins cost beside the work they do: compiling, loading, an instance, an empty call, and a megabyte of text to
//! parse. Prints a Markdown table with a column per component.
//!
//! ```sh
//! cargo bench -p flaky-plugin-host --bench plugins -- Python=mine.wasm JavaScript=other.wasm
//! ```
//!
//! The first column is a component in Rust of the tests' own. CPU time, of children too where a component is compiled;
//! medians of rounds in which all components take turns, because machines change their speed by the second.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flaky_core::attempt::Exit;
use flaky_core::evidence::Evidence;
use flaky_core::ids::{AttemptIndex, Seed, TestId};
use flaky_plugin_host::{
    AttemptInput, BlobInput, HostSettings, Limits, Plugin, PluginHost, PluginSource, RenderContext,
};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ROUNDS: usize = 30;

/// Tests of one batch for a policy.
const BATCH: usize = 100;

fn main() -> Result<()> {
    flaky_plugin_host::compiler::enter_if_asked();
    // `cargo bench` says so; whatever else runs this (`cargo test --benches`) wants to know that it works.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    let named = std::env::args().skip(1).filter_map(|argument| {
        let (name, path) = argument.split_once('=')?;
        Some((name.to_owned(), PathBuf::from(path)))
    });
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/guests/dist/hostile.wasm");
    let components: Vec<(String, PathBuf)> =
        std::iter::once(("Rust".to_owned(), own.into())).chain(named).collect();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure(&components, rounds))
}

/// What was measured of one component. Times in milliseconds of CPU, but for `cold_wall`.
#[derive(Default)]
struct Figures {
    component: u64,
    native: usize,
    cold: f64,
    cold_wall: f64,
    /// Largest child so far, in MB.
    peak: f64,
    warm: Vec<f64>,
    describe: Vec<f64>,
    call: Vec<f64>,
    parse: Vec<f64>,
    tests: usize,
    classify: Vec<f64>,
    render: Vec<f64>,
}

async fn measure(components: &[(String, PathBuf)], rounds: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut all: Vec<(Figures, Plugin)> = Vec::new();
    for (_, path) in components {
        all.push(cold(folder.path(), path).await?);
    }
    let text = attempt(megabyte());
    let mut engine = Vec::new();
    for _ in 0..rounds {
        let begun = cpu(UsageWho::RUSAGE_SELF)?;
        drop(host(folder.path())?);
        engine.push(millis(cpu(UsageWho::RUSAGE_SELF)? - begun));
        for ((_, path), (figures, plugin)) in components.iter().zip(&mut all) {
            round(folder.path(), path, figures, plugin, &text).await?;
        }
    }
    tell(components, &all, rounds, &engine)
}

fn host(cache: &Path) -> Result<PluginHost> {
    let limits = Limits { memory: 1 << 30, ..Limits::default() };
    Ok(PluginHost::new(HostSettings { cache: Some(cache.to_owned()), limits })?)
}

async fn cold(cache: &Path, path: &Path) -> Result<(Figures, Plugin)> {
    let host = host(cache)?;
    let (begun, wall) = (cpu(UsageWho::RUSAGE_CHILDREN)?, Instant::now());
    let compiled = host.precompile(PluginSource::file(path)?).await?;
    let cold_wall = millis(wall.elapsed());
    let cold = millis(cpu(UsageWho::RUSAGE_CHILDREN)? - begun);
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss() as f64 / 1e3;
    let plugin = host.load(PluginSource::file(path)?).await?;
    // The tests' own reads a line per test when it is told so.
    let settings = if plugin.manifest().name == "hostile" {
        json!({ "call": "parse", "do": "text" })
    } else {
        json!({})
    };
    let plugin = plugin.configured(&settings).await?;
    let component = std::fs::metadata(path)?.len();
    Ok((Figures { component, native: compiled.code, cold, cold_wall, peak, ..Figures::default() }, plugin))
}

async fn round(
    cache: &Path,
    path: &Path,
    figures: &mut Figures,
    plugin: &Plugin,
    text: &AttemptInput,
) -> Result<()> {
    let mut last = cpu(UsageWho::RUSAGE_SELF)?;
    let mut lap = || -> Result<f64> {
        let now = cpu(UsageWho::RUSAGE_SELF)?;
        Ok(millis(now - std::mem::replace(&mut last, now)))
    };
    let fresh = host(cache)?;
    lap()?;
    let source = PluginSource::file(path)?;
    lap()?;
    fresh.load(source).await?;
    figures.warm.push(lap()?);
    // Compiled and linked by now: what is left is an instance that describes itself.
    fresh.load(PluginSource::file(path)?).await?;
    figures.describe.push(lap()?);
    // Several at once: one is not far above what the clock can tell.
    for _ in 0..10 {
        plugin.configured(&json!({})).await?;
    }
    figures.call.push(lap()? / 10.0);
    if plugin.roles().parser.is_some() {
        figures.tests = plugin.parse(text).await?.tests.len();
        figures.parse.push(lap()?);
    }
    if plugin.roles().policy {
        let batch: Vec<Evidence> =
            (0..BATCH).map(|i| Evidence::new(TestId::new(&format!("test_{i}")))).collect();
        lap()?;
        plugin.classify(&batch).await?;
        figures.classify.push(lap()?);
    }
    if plugin.roles().reporter {
        // Not a report: a reporter that reads more of it than its text says so.
        if plugin.render(Arc::from(&b"{}"[..]), RenderContext::default()).await.is_ok() {
            figures.render.push(lap()?);
        }
    }
    Ok(())
}

fn tell(
    components: &[(String, PathBuf)],
    all: &[(Figures, Plugin)],
    rounds: usize,
    engine: &[f64],
) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "CPU time, {rounds} rounds; medians. Engine and linker of a process: {:.1} ms.\n",
        median(engine)
    )?;
    let names: Vec<&str> = components.iter().map(|(name, _)| name.as_str()).collect();
    writeln!(out, "| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()))?;
    let mut row = |title: &str, of: &dyn Fn(&Figures) -> String| {
        let cells: Vec<String> = all.iter().map(|(figures, _)| of(figures)).collect();
        writeln!(out, "| {title} | {} |", cells.join(" | "))
    };
    row("component, MB", &|f| format!("{:.2}", f.component as f64 / 1e6))?;
    row("native code, MB", &|f| format!("{:.2}", f.native as f64 / 1e6))?;
    row("cold: compiled in a child, s of CPU", &|f| format!("{:.2}", f.cold / 1e3))?;
    row("the same, wall s", &|f| format!("{:.2}", f.cold_wall / 1e3))?;
    row("memory of the largest child so far, MB", &|f| format!("{:.0}", f.peak))?;
    let ms =
        |values: &[f64]| if values.is_empty() { "–".to_owned() } else { format!("{:.2}", median(values)) };
    row("warm: from the cache, linked, described, ms", &|f| ms(&f.warm))?;
    row("digest, instance and `describe`, ms", &|f| ms(&f.describe))?;
    row("instance and an empty call (`configure`), ms", &|f| ms(&f.call))?;
    row("parse 1 MB of text, ms", &|f| ms(&f.parse))?;
    row("tests found in it", &|f| if f.parse.is_empty() { "–".into() } else { f.tests.to_string() })?;
    row("classify 100 tests, ms", &|f| ms(&f.classify))?;
    row("render an empty object, ms", &|f| ms(&f.render))?;
    Ok(())
}

/// As `pytest -v` prints.
fn megabyte() -> String {
    const BYTES: usize = 1_000_000;
    let mut text = String::with_capacity(BYTES + 100);
    let mut number = 0;
    while text.len() < BYTES {
        let outcome = if number % 100 == 0 { "FAILED" } else { "PASSED" };
        text.push_str(&format!(
            "tests/unit/test_module_{}.py::test_number_{number:06} {outcome}\n",
            number % 40
        ));
        number += 1;
    }
    text
}

fn attempt(stdout: String) -> AttemptInput {
    AttemptInput {
        index: AttemptIndex(0),
        seed: Seed(1),
        command: Vec::new(),
        exit: Exit::Code(1),
        duration: Duration::from_secs(1),
        conditions: Vec::new(),
        stdout: BlobInput::Bytes(Arc::from(stdout.into_bytes())),
        stderr: BlobInput::Bytes(Arc::from([])),
        reports: Vec::new(),
        tree: Vec::new(),
    }
}

fn cpu(of: UsageWho) -> Result<Duration> {
    let usage = getrusage(of)?;
    let micros =
        |time: TimeVal| u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or_default();
    Ok(Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time())))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
