//! Compiling components from elsewhere: in a child that has nothing, within limits, and told by name.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod common;

use std::borrow::Cow;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{bombs, guest};
use flaky_plugin_host::compiler::{CompileLimits, Compiler};
use flaky_plugin_host::{
    Call, CompileStop, ComponentBytes, Done, HostSettings, Plugin, PluginError, PluginErrorKind as Kind,
    PluginHost, PluginSource,
};

fn host(limits: CompileLimits, cache: Option<&Path>) -> PluginHost {
    let settings = HostSettings { cache: cache.map(Path::to_owned), ..HostSettings::default() };
    let program = env!("CARGO_BIN_EXE_flaky-compiler").into();
    PluginHost::with_compiler(settings, Compiler::Child { program, limits }).unwrap()
}

async fn load(limits: CompileLimits, wasm: Vec<u8>) -> Result<Plugin, PluginError> {
    host(limits, None).load(source(wasm)).await
}

fn source(wasm: Vec<u8>) -> PluginSource {
    let bytes = ComponentBytes::Plain(Cow::Owned(wasm));
    PluginSource { label: "bomb".into(), bytes, trusted: false }
}

#[tokio::test]
async fn code_that_a_child_compiled_runs_as_code_of_this_process_does() {
    let plugin = host(CompileLimits::default(), None).load(common::source("plain")).await.unwrap();
    assert_eq!(plugin.manifest().name, "hostile");
    let parsed = plugin.parse(&common::attempt("")).await.unwrap();
    assert_eq!(parsed.tests.ids.len(), 2);
}

/// The cache does not ask who compiled what, so both must write the same.
#[tokio::test]
async fn a_child_compiles_to_the_same_bytes_as_this_process() {
    let (ours, childs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = HostSettings { cache: Some(ours.path().to_owned()), ..HostSettings::default() };
    let here = PluginHost::with_compiler(settings, Compiler::ThisProcess).unwrap();
    for host in [here, host(CompileLimits::default(), Some(childs.path()))] {
        assert_eq!(host.precompile(common::source("plain")).await.unwrap().done, Done::Now);
        assert_eq!(host.precompile(common::source("plain")).await.unwrap().done, Done::Before);
    }
    let entry = |folder: &Path| fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let (ours, childs) = (entry(ours.path()), entry(childs.path()));
    assert_eq!(ours.file_name(), childs.file_name());
    assert!(fs::read(ours).unwrap() == fs::read(childs).unwrap());
}

#[tokio::test]
async fn what_is_no_valid_component_is_refused_in_the_compilers_words() {
    let whole = fs::read(guest("plain")).unwrap();
    let error = load(CompileLimits::default(), whole[..whole.len() / 2].to_vec()).await.unwrap_err();
    assert!(matches!(error.kind(), Kind::Invalid(why) if why.contains("out of bounds")), "{error}");
    let error = load(CompileLimits::default(), bombs::honest()).await.unwrap_err();
    assert!(matches!(error.kind(), Kind::MissingExport { .. }), "{error}");
}

/// Each within the size of a component, each stopped by the limit that is small, whatever the machine.
#[tokio::test]
async fn compile_bombs_end_by_the_name_of_the_limit() {
    let wide = CompileLimits { memory: 8 << 30, cpu: 600, time: Duration::from_secs(600), code: 1 << 30 };
    let (memory, cpu) = (CompileLimits { memory: 256 << 20, ..wide }, CompileLimits { cpu: 1, ..wide });
    let time = CompileLimits { time: Duration::from_millis(500), ..wide };
    let code = CompileLimits { code: 100_000, ..wide };
    let of_memory = Kind::Compile(CompileStop::Memory { limit: 256 << 20 });
    let of_cpu = Kind::Compile(CompileStop::Cpu { seconds: 1 });
    let of_time = Kind::Compile(CompileStop::Time { limit: time.time });
    let of_code = Kind::Compile(CompileStop::Code { limit: 100_000 });
    let cases = [
        ("huge function", bombs::huge_function(), memory, &of_memory),
        ("huge function", bombs::huge_function(), cpu, &of_cpu),
        ("loops in loops", bombs::deep_nesting(), memory, &of_memory),
        ("loops in loops", bombs::deep_nesting(), cpu, &of_cpu),
        ("many functions", bombs::many_functions(), memory, &of_memory),
        ("many functions", bombs::many_functions(), cpu, &of_cpu),
        ("many functions", bombs::many_functions(), time, &of_time),
        ("an ordinary one", fs::read(guest("hostile")).unwrap(), code, &of_code),
    ];
    for (name, bomb, limits, expected) in cases {
        assert!(bomb.len() < 64 << 20, "{name} is a component of {} bytes", bomb.len());
        let begun = Instant::now();
        let error = load(limits, bomb).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{name}, {limits:?}: {error}");
        assert_eq!(error.call(), Call::Load);
        assert!(error.hint().is_some());
        assert!(begun.elapsed() < Duration::from_secs(120), "{name}: {:?}", begun.elapsed());
    }
}

/// The compiler bounds the one itself, and makes nothing of the other.
#[tokio::test]
async fn types_and_components_that_nest_without_end_take_nothing() {
    for bomb in [bombs::nested_types(), bombs::nested_components()] {
        let error = load(CompileLimits::default(), bomb).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Invalid(_) | Kind::MissingExport { .. }), "{error}");
    }
}

/// A limit was not passed for good: the next component is compiled as if nothing had been.
#[tokio::test]
async fn after_a_bomb_the_next_component_compiles() {
    let limits = CompileLimits { cpu: 1, ..CompileLimits::default() };
    let host = host(limits, None);
    host.load(source(bombs::many_functions())).await.unwrap_err();
    host.load(common::source("plain")).await.unwrap();
}

/// Seen from outside, while it compiles.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_has_no_environment_no_foreign_file_and_its_limits() {
    // One that programs started from here inherit.
    let inherited = tempfile::tempfile().unwrap();
    nix::fcntl::fcntl(inherited.as_fd(), nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
    let limits = CompileLimits { time: Duration::from_secs(10), ..CompileLimits::default() };
    let compiling = tokio::spawn(load(limits, bombs::huge_function()));
    let seen = tokio::task::spawn_blocking(|| {
        // It reads for a moment before it compiles; by then it has limited itself.
        loop {
            if let Some(child) = child_of_this_process().filter(|child| is_confined(child)) {
                return child;
            }
            std::thread::yield_now();
        }
    });
    let child = tokio::time::timeout(Duration::from_secs(60), seen).await.unwrap().unwrap();
    assert_eq!(fs::read(child.join("environ")).unwrap(), b"");
    let open: Vec<_> = fs::read_dir(child.join("fd")).unwrap().flatten().map(|e| e.path()).collect();
    for descriptor in &open {
        let target = fs::read_link(descriptor).unwrap();
        assert!(target.to_str().unwrap().starts_with("pipe:"), "{target:?} of {open:?}");
    }
    assert_eq!(open.len(), 3, "{open:?}");
    assert_eq!(fs::read_link(child.join("cwd")).unwrap(), Path::new("/"));
    let limits = fs::read_to_string(child.join("limits")).unwrap();
    for (name, value) in
        [("core file size", "0"), ("file size", "0"), ("cpu time", "240"), ("open files", "16")]
    {
        let line = limits.lines().find(|line| line.contains(name)).unwrap();
        assert!(line.split_whitespace().any(|word| word == value), "{line}");
    }
    compiling.abort();
}

#[cfg(target_os = "linux")]
fn child_of_this_process() -> Option<std::path::PathBuf> {
    let me = std::process::id().to_string();
    fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).find(|process| {
        let parent = fs::read_to_string(process.join("status")).unwrap_or_default();
        let parent = parent.lines().find_map(|line| line.strip_prefix("PPid:\t"));
        let words = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
        parent == Some(&me) && words.starts_with("flaky: compiler of plugins")
    })
}

#[cfg(target_os = "linux")]
fn is_confined(process: &Path) -> bool {
    let limits = fs::read_to_string(process.join("limits")).unwrap_or_default();
    let space = limits.lines().find(|line| line.contains("address space"));
    space.is_some_and(|line| !line.contains("unlimited"))
}
