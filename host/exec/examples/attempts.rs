//! Measures what attempts cost: `attempts LEVEL COUNT PARALLELISM [TREE] [-- COMMAND…]`.
//!
//! Prints one line: wall time, CPU time of everything (this process, launcher, workers, commands), and per
//! attempt. Compare with `xargs -P PARALLELISM`.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::report::IsolationUsed;
use flaky_exec::{AttemptSpec, CollectGlobs, ExecutorSettings, LauncherProgram, LocalExecutor, Purpose};
use nix::sys::resource::{UsageWho, getrusage};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    flaky_exec::launcher::enter_if_asked();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (options, command) = match args.iter().position(|arg| arg == "--") {
        Some(at) => (args.get(..at).unwrap_or_default(), args.get(at + 1..).unwrap_or_default().to_vec()),
        None => (args.as_slice(), vec!["true".to_owned()]),
    };
    let option = |index: usize| options.get(index).map(String::as_str);
    let levels =
        [IsolationUsed::Full, IsolationUsed::FullSharedNetwork, IsolationUsed::Copy, IsolationUsed::Shared];
    let level =
        levels.into_iter().find(|level| Some(level.name()) == option(0)).unwrap_or(IsolationUsed::Shared);
    let count: u32 = option(1).unwrap_or("1000").parse()?;
    let parallelism: usize = option(2).unwrap_or("2").parse()?;
    let place = tempfile::tempdir()?;
    let tree = option(3).map_or_else(|| place.path().join("tree"), PathBuf::from);
    std::fs::create_dir_all(&tree)?;
    let begin = Instant::now();
    let executor = LocalExecutor::start(ExecutorSettings {
        tree,
        scratch: place.path().join("scratch"),
        parallelism,
        output_quota: flaky_exec::executor::DEFAULT_OUTPUT_QUOTA,
        launcher: LauncherProgram::CurrentExe,
        writable: Vec::new(),
        collect: CollectGlobs::default(),
        run_as: None,
    })
    .await?;
    let env: Vec<_> = std::env::vars_os().collect();
    let method = executor.acquire(level).await?.tree_method();
    let ready = begin.elapsed();
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..count {
        let mut slot = executor.acquire(level).await?;
        let spec = AttemptSpec {
            index: AttemptIndex(index),
            seed: Seed(1),
            argv: command.iter().map(Into::into).collect(),
            env: env.clone(),
            working_directory: PathBuf::new(),
            timeout: Duration::from_secs(300),
            support_files: Vec::new(),
            purpose: Purpose::Test,
        };
        tasks.spawn(async move { slot.run(spec).await });
        while let Some(done) = tasks.try_join_next() {
            done??;
        }
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    executor.shutdown().await;
    let wall = begin.elapsed();
    let cpu: Duration = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN].into_iter().map(used).sum();
    let each = |time: Duration| time.as_secs_f64() * 1e3 / f64::from(count.max(1));
    writeln!(
        std::io::stdout(),
        "{} {method:?}: {count} attempts, {parallelism} side by side: ready {:.1} ms, wall {:.3} s ({:.3} ms each), CPU {:.3} s ({:.3} ms each)",
        level.name(),
        ready.as_secs_f64() * 1e3,
        wall.as_secs_f64(),
        each(wall),
        cpu.as_secs_f64(),
        each(cpu),
    )?;
    Ok(())
}

fn used(who: UsageWho) -> Duration {
    let Ok(usage) = getrusage(who) else { return Duration::ZERO };
    let time = |value: nix::sys::time::TimeVal| {
        Duration::new(u64::try_from(value.tv_sec()).unwrap_or(0), 0)
            + Duration::from_micros(u64::try_from(value.tv_usec()).unwrap_or(0))
    };
    time(usage.user_time()) + time(usage.system_time())
}
