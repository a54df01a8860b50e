//! What plugins cost: compiling, loading, instantiating, an empty call, and parsing against the same work done
//! natively into owned rows. CPU time of this process; rounds are interleaved, medians (and of ratios) are told.

use std::sync::Arc;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_plugin_host::{AttemptInput, BlobInput, HostSettings, Limits, Plugin, PluginHost, PluginSource};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

const ROUNDS: usize = 150;

/// Six, as many as are bundled.
const GUESTS: [&str; 6] =
    ["hostile", "plain", "next-unused", "describe-glob", "describe-name", "describe-schema"];

fn main() -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(figures())
}

fn cpu() -> Result<Duration, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros =
        |time: TimeVal| u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or_default();
    Ok(Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time())))
}

fn source(name: &str) -> Result<PluginSource, Failure> {
    let path = format!("{}/../../tests/guests/dist/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    Ok(PluginSource::file(path.as_ref())?)
}

fn host(cache: &std::path::Path) -> Result<PluginHost, Failure> {
    Ok(PluginHost::new(HostSettings { cache: Some(cache.to_owned()), limits: Limits::default() })?)
}

#[expect(clippy::print_stdout, reason = "printing is what this example is for")]
fn tell(what: &str, value: f64, unit: &str) {
    println!("{what:<58} {value:>9.3} {unit}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn figures() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let before = cpu()?;
    host(folder.path())?.load(source("hostile")?).await?;
    tell("cold: compile, check, link, describe (124 KB)", millis(cpu()? - before), "ms");
    for name in GUESTS {
        // Two of them are refused by their manifests, after loading.
        let _ = host(folder.path())?.load(source(name)?).await;
    }
    let (mut one, mut six, mut engine) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = cpu()?;
        let fresh = host(folder.path())?;
        let made = cpu()?;
        fresh.load(source("hostile")?).await?;
        let loaded = cpu()?;
        let all = host(folder.path())?;
        for name in GUESTS {
            let _ = all.load(source(name)?).await;
        }
        engine.push(millis(made - before));
        one.push(millis(loaded - made));
        six.push(millis(cpu()? - loaded));
    }
    tell("engine and linker", median(engine), "ms");
    tell("warm: one component of 124 KB, described", median(one), "ms");
    tell("warm: engine and six components (124, 124, 4 of 56 KB)", median(six), "ms");
    calls(&host(folder.path())?).await
}

async fn calls(host: &PluginHost) -> Result<(), Failure> {
    let plugin = host.load(source("hostile")?).await?;
    let argv = ["x".to_owned()];
    let mut empty = Vec::new();
    for _ in 0..ROUNDS {
        // Several at once: one is not far above what the clock can tell.
        let before = cpu()?;
        for _ in 0..10 {
            plugin.recognises(&argv).await?;
        }
        empty.push(millis(cpu()? - before) / 10.0);
    }
    tell("a call: store, instance, configure, empty function", median(empty), "ms");
    parsing(&plugin.configured(&json!({ "call": "parse", "do": "text" })).await?).await
}

async fn parsing(plugin: &Plugin) -> Result<(), Failure> {
    let text: String = (0..19_000)
        .map(|i| {
            let outcome = if i % 100 == 0 { "FAILED" } else { "PASSED" };
            format!("tests/unit/test_module_{}.py::test_number_{i:06} {outcome}\n", i % 40)
        })
        .collect();
    let megabytes = text.len() as f64 / 1e6;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("stdout");
    std::fs::write(&path, &text)?;
    let file = BlobInput::File { path, size: text.len() as u64, cut: None };
    let (memory, file) = (attempt(BlobInput::Bytes(Arc::from(text.as_bytes()))), attempt(file));
    let (mut natives, mut from_memory, mut from_file, mut ratios) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let before = cpu()?;
        std::hint::black_box(rows(std::hint::black_box(&text)));
        let native = cpu()?;
        std::hint::black_box(plugin.parse(&memory).await?);
        let first = cpu()?;
        std::hint::black_box(plugin.parse(&file).await?);
        let second = cpu()?;
        natives.push(millis(native - before) / megabytes);
        from_memory.push(millis(first - native) / megabytes);
        from_file.push(millis(second - first) / megabytes);
        ratios.push(millis(first - native) / millis(native - before));
    }
    tell("native: the same loop, to owned rows", median(natives), "ms/MB");
    tell("plugin: text in memory to checked columns", median(from_memory), "ms/MB");
    tell("plugin: the same from a file", median(from_file), "ms/MB");
    tell("plugin to native, median of ratios", median(ratios), "times");
    Ok(())
}

fn attempt(stdout: BlobInput) -> AttemptInput {
    AttemptInput {
        index: AttemptIndex(0),
        seed: Seed(1),
        command: Vec::new(),
        exit: Exit::Code(1),
        duration: Duration::from_secs(1),
        conditions: Vec::new(),
        stdout,
        stderr: BlobInput::Bytes(Arc::from([])),
        reports: Vec::new(),
        tree: Vec::new(),
    }
}

/// What the guest does with the same text, line by line in the same way, but into owned rows.
fn rows(text: &str) -> Vec<(String, u8)> {
    let bytes = text.as_bytes();
    let (mut rows, mut from) = (Vec::with_capacity(bytes.len() / 40), 0);
    while let Some(length) = bytes[from..].iter().position(|b| *b == b'\n') {
        let line = &bytes[from..from + length];
        from += length + 1;
        let row = line
            .strip_suffix(b" PASSED")
            .map(|id| (id, 0))
            .or_else(|| line.strip_suffix(b" FAILED").map(|id| (id, 1)));
        if let Some((id, outcome)) = row {
            rows.push((String::from_utf8_lossy(id).into_owned(), outcome));
        }
    }
    rows
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
