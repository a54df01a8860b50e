//! `flaky plugin bench`: what a plugin costs.

use std::path::Path;
use std::time::{Duration, Instant};

use flaky_core::delivery::RenderContext;
use flaky_core::evidence::Evidence;
use flaky_core::report::RunReport;
use flaky_core::verdict::Cause;
use flaky_plugin_host::{
    AttemptInput, BlobInput, HostError, HostSettings, Plugin, PluginError, PluginHost, PluginSource,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::Kind;
use crate::conformance::samples;
use crate::golden::{self, Case, CaseError};

/// Version of [`Figures`].
pub const BENCH_VERSION: u32 = 1;

/// How often what is short is repeated; the median counts.
const REPEATS: usize = 21;

/// How often what is long is.
const FEW: usize = 5;

/// Bytes that a parser is given to measure how fast it reads: a large suite's output, and below the number of tests that
/// the host takes, however short the lines are.
const MEGABYTE: usize = 1_000_000;

/// Tests that policies and reporters are given.
const TESTS: u32 = 1_000;

/// What `flaky plugin bench --json` writes. Times are milliseconds, medians of several.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Figures {
    /// Version of this document's shape.
    pub bench_version: u32,
    /// The file as it was named.
    pub file: String,
    /// Bytes in it.
    pub size: u64,
    /// First load: compiling, checking, linking, `describe`.
    pub first_load_ms: f64,
    /// Load with the compiled code in the cache: reading, checking, linking, `describe`.
    pub cached_load_ms: f64,
    /// An instance, and `configure`.
    pub start_ms: f64,
    /// Calls, each with an instance of its own.
    pub calls: Vec<CallFigure>,
}

/// What one call takes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CallFigure {
    /// Name in the contract.
    pub call: String,
    /// What it was given.
    pub input: String,
    /// Time.
    pub ms: f64,
    /// Megabytes (10⁶ bytes) of input per second, where the input is bytes.
    pub mb_per_second: Option<f64>,
    /// Most linear memory, in bytes.
    pub memory: u64,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The plugin is refused, or a call failed.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The host cannot work.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A case cannot be used.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// There is no folder for compiled code.
    #[error("a temporary folder: {0}")]
    Folder(#[from] std::io::Error),
}

/// Measures a component; inputs are those of its cases. `settings` are the host's, with a cache of its own in their place.
///
/// # Errors
/// Whatever ends a call: a plugin that fails is not measured.
pub async fn bench(settings: &HostSettings, path: &Path, cases: &[Case]) -> Result<Figures, BenchError> {
    let scratch = match &settings.cache {
        Some(cache) => {
            std::fs::create_dir_all(cache)?;
            tempfile::tempdir_in(cache)?
        }
        None => tempfile::tempdir()?,
    };
    let settings = HostSettings { cache: Some(scratch.path().join("bench")), ..settings.clone() };
    let load = async || -> Result<(Plugin, Duration), BenchError> {
        let begun = Instant::now();
        let plugin = PluginHost::new(settings.clone())?.load(PluginSource::file(path)?).await?;
        Ok((plugin, begun.elapsed()))
    };
    let (_, first_load) = load().await?;
    let (mut plugin, first_cached) = load().await?;
    let mut cached = vec![first_cached];
    for _ in 1..FEW {
        let (loaded, took) = load().await?;
        plugin = loaded;
        cached.push(took);
    }
    let mut start = Vec::new();
    for _ in 0..REPEATS {
        let begun = Instant::now();
        plugin = plugin.configured(&serde_json::Value::Null).await?;
        start.push(begun.elapsed());
    }
    Ok(Figures {
        bench_version: BENCH_VERSION,
        file: path.display().to_string(),
        size: std::fs::metadata(path)?.len(),
        first_load_ms: milliseconds(first_load),
        cached_load_ms: median(cached),
        start_ms: median(start),
        calls: calls(&plugin, cases).await?,
    })
}

async fn calls(plugin: &Plugin, cases: &[Case]) -> Result<Vec<CallFigure>, BenchError> {
    let roles = *plugin.roles();
    let mut figures = Vec::new();
    if roles.parser.is_some() {
        figures.push(parse(plugin, &samples::nothing(), "nothing", None, REPEATS).await?);
        if let Some(case) = cases.iter().find(|case| case.kind == Kind::Parser) {
            let plugin = case.configured(plugin).await??;
            let input = golden::parser::input(&case.folder)?;
            let unit = samples::main_bytes(&input);
            let times = MEGABYTE.checked_div(unit.len()).unwrap_or(0).max(1);
            let repeated = unit.repeat(times);
            let what = format!("case `{}`, {times} times", case.name);
            let input = samples::with_main(&input, &repeated);
            figures.push(parse(&plugin, &input, &what, Some(repeated.len()), FEW).await?);
        }
    }
    if roles.policy {
        figures.push(classify(plugin, &[], "no test", REPEATS).await?);
        let tests: Vec<Evidence> =
            (0..TESTS).map(|i| samples::failing(&format!("test {i}"), i % 21, 20)).collect();
        figures.push(classify(plugin, &tests, "1,000 tests", FEW).await?);
    }
    if roles.reporter {
        let empty = RunReport::without_result(Cause::NoTests, "nothing was run");
        figures.push(render(plugin, &empty, "a run without tests", REPEATS).await?);
        let tests = (0..TESTS).map(|i| samples::test(&format!("test {i}"), "assert 1 == 2")).collect();
        figures.push(render(plugin, &samples::report(tests), "1,000 tests", FEW).await?);
    }
    Ok(figures)
}

async fn parse(
    plugin: &Plugin,
    input: &AttemptInput,
    what: &str,
    bytes: Option<usize>,
    times: usize,
) -> Result<CallFigure, BenchError> {
    measured(plugin, "parse", what, bytes, times, async || plugin.parse(input).await.map(drop)).await
}

async fn classify(
    plugin: &Plugin,
    tests: &[Evidence],
    what: &str,
    times: usize,
) -> Result<CallFigure, BenchError> {
    measured(plugin, "classify", what, None, times, async || plugin.classify(tests).await.map(drop)).await
}

async fn render(
    plugin: &Plugin,
    report: &RunReport,
    what: &str,
    times: usize,
) -> Result<CallFigure, BenchError> {
    let document = samples::document(report);
    let blob = BlobInput::Bytes(std::sync::Arc::clone(&document));
    let call = async || plugin.render_input(&blob, RenderContext::default()).await.map(drop);
    measured(plugin, "render", what, Some(document.len()), times, call).await
}

async fn measured(
    plugin: &Plugin,
    call: &str,
    input: &str,
    bytes: Option<usize>,
    times: usize,
    ask: impl AsyncFn() -> Result<(), PluginError>,
) -> Result<CallFigure, BenchError> {
    let _ = plugin.take_peak_memory();
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        ask().await?;
        took.push(begun.elapsed());
    }
    let ms = median(took);
    #[expect(clippy::cast_precision_loss, reason = "sizes of inputs are far below 2^52")]
    let mb_per_second = bytes.map(|bytes| bytes as f64 / 1e6 / (ms / 1e3).max(1e-9));
    Ok(CallFigure {
        call: call.to_owned(),
        input: input.to_owned(),
        ms,
        mb_per_second,
        memory: plugin.take_peak_memory() as u64,
    })
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().map_or(0.0, milliseconds)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
