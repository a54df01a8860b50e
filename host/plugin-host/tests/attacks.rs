//! The table of attacks in `docs/security.md`: each is done here, and the table says what became of it, with the limits
//! that hold by default. A difference fails; `UPDATE_GOLDEN=1 cargo test -p flaky-plugin-host --test attacks` writes it,
//! to be read before it is committed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod common;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{bombs, calls, guest};
use flaky_plugin_host::compiler::{CompileLimits, Compiler};
use flaky_plugin_host::{
    Call, CompileStop, ComponentBytes, HostSettings, Limits, Plugin, PluginError, PluginErrorKind as Kind,
    PluginHost, PluginSource,
};
use serde_json::json;

/// What is done.
enum Attack {
    /// These bytes are loaded.
    Bytes(fn() -> Vec<u8>),
    /// What was put at this path is loaded.
    File(fn(&Path)),
    /// This component of `tests/guests` is loaded, and configured.
    Load(&'static str),
    /// These bytes are compiled, with one limit made small.
    Compile(fn() -> Vec<u8>, fn(&mut CompileLimits)),
    /// A component misbehaves in a call.
    Call(&'static str, &'static str, &'static str),
    /// The same, with room for what is to be too much.
    Large(&'static str, &'static str, &'static str),
    /// The same, and the call works: the first text must be in what it gave, the second says what that means.
    Harmless(&'static str, &'static str, &'static str, &'static str, &'static str),
    /// Something happens to compiled code in the cache, given its folder and its file.
    Cache(fn(&Path, &Path)),
}

use Attack::{Bytes, Cache, Compile, File, Harmless, Large, Load};

/// By the place where it is stopped.
const ATTACKS: &[(&str, &[(&str, Attack)])] = &[
    (
        "Loading",
        &[
            ("is an empty file", Bytes(Vec::new)),
            ("is a shell script", Bytes(|| b"#!/bin/sh\nrm -rf /\n".to_vec())),
            ("is native code", Bytes(|| fs::read("/proc/self/exe").unwrap()[..4096].to_vec())),
            ("is a core module", Bytes(|| b"\0asm\x01\0\0\0".to_vec())),
            ("is a folder", File(|path| fs::create_dir(path).unwrap())),
            ("is a pipe that nobody writes to", File(pipe)),
            ("has 500 MB", File(|path| fs::File::create(path).unwrap().set_len(500 << 20).unwrap())),
            ("is cut off in the middle", Bytes(half)),
            ("has one bit of its code flipped into an invalid instruction", Bytes(flipped)),
            ("nests types, so that one has 2^100 fields", Bytes(bombs::nested_types)),
            ("nests 500 components", Bytes(bombs::nested_components)),
            ("is built for contract 0.2.0", Load("version-2")),
            ("needs a function that contract 0.1.1 added", Load("next-used")),
            ("has an enum with one case more", Load("more-cases")),
            ("imports a function of nobody's", Load("foreign")),
            ("exports no role", Load("only-plugin")),
        ],
    ),
    (
        "Compiling",
        &[
            ("has one huge function", Compile(bombs::huge_function, |limits| limits.memory = 256 << 20)),
            ("nests a million loops", Compile(bombs::deep_nesting, |limits| limits.memory = 256 << 20)),
            ("has 900,000 functions", Compile(bombs::many_functions, |limits| limits.cpu = 1)),
            (
                "takes its time",
                Compile(bombs::many_functions, |limits| limits.time = Duration::from_millis(300)),
            ),
            ("becomes a lot of native code", Compile(ordinary, |limits| limits.code = 100_000)),
        ],
    ),
    (
        "Starting and describing itself",
        &[
            ("loops in its start function", Load("start-loop")),
            ("has a table of a million elements", Load("start-table")),
            ("has 1 GB of memory from the start", Load("start-memory")),
            ("loops when asked who it is", Load("describe-loop")),
            ("allocates without end when asked who it is", Load("describe-memory")),
            ("calls itself by terminal escape sequences", Load("describe-name")),
            ("wants files by a pattern that is none", Load("describe-glob")),
            ("gives a schema that is none", Load("describe-schema")),
            ("loops over its settings", Attack::Call("hostile", "configure", "loop")),
        ],
    ),
    (
        "Calls",
        &[
            ("loops", Attack::Call("hostile", "parse", "loop")),
            ("loops as a policy", Attack::Call("hostile", "classify", "loop")),
            ("reads the same byte for ever", Attack::Call("hostile", "parse", "read-on")),
            ("sleeps for an hour in a host function", Attack::Call("wasi", "render", "sleep")),
            ("allocates without end", Attack::Call("hostile", "parse", "memory")),
            ("calls itself without end", Attack::Call("hostile", "parse", "recurse")),
            ("panics", Attack::Call("hostile", "parse", "panic")),
            ("ends its process", Attack::Call("wasi", "render", "exit")),
            ("connects to a server", Attack::Call("wasi", "render", "connect")),
            ("opens a million inputs", Attack::Call("hostile", "parse", "handles")),
            ("writes a log line of 100 MB", Large("hostile", "parse", "log-big")),
            (
                "writes a million log lines",
                Harmless(
                    "hostile",
                    "parse",
                    "log",
                    "ParsedAttempt",
                    "nothing: 200 lines are kept, the rest is counted",
                ),
            ),
            (
                "prints 100 MB",
                Harmless(
                    "wasi",
                    "render",
                    "flood",
                    "Stdout",
                    "nothing: the last 16 KiB are kept, for errors",
                ),
            ),
            (
                "looks for files, variables, arguments and the time",
                Harmless(
                    "wasi",
                    "render",
                    "tell",
                    r"args 0\nenv 0\nfile false\nfolder false\nwrite false\nstdin true 0\ntime Some(0ns)",
                    "nothing: there are none, and the clock stands at 0",
                ),
            ),
            (
                "opens a file beside the project",
                Harmless(
                    "hostile",
                    "detect",
                    "secret",
                    r#"reason: "false""#,
                    "nothing: there is no such file for it",
                ),
            ),
        ],
    ),
    (
        "Results",
        &[
            ("returns 200 MB of tests", Large("hostile", "parse", "big")),
            ("returns 60 MB of reasons", Large("hostile", "classify", "big")),
            ("returns 200 MB of text", Large("hostile", "render", "big")),
            ("returns a million tests", Attack::Call("hostile", "parse", "many")),
            ("returns ids that are not UTF-8", Attack::Call("hostile", "parse", "utf8")),
            ("returns ids that end in the middle of a character", Attack::Call("hostile", "parse", "split")),
            ("returns ids that end before they begin", Attack::Call("hostile", "parse", "descending")),
            ("returns an outcome that there is not", Attack::Call("hostile", "parse", "outcome")),
            ("returns a negative duration", Attack::Call("hostile", "parse", "negative")),
            ("returns a failure of a test that there is not", Attack::Call("hostile", "parse", "failure")),
            ("returns a confidence that is no number", Attack::Call("hostile", "classify", "nan")),
            ("judges a test more than it was asked about", Attack::Call("hostile", "classify", "more")),
            ("names a project outside of the tree", Attack::Call("hostile", "detect", "outside")),
            ("sets a variable called `A=B`", Attack::Call("hostile", "install", "variable")),
            ("writes a support file to `../x`", Attack::Call("hostile", "instrument", "outside")),
            ("hides the end of an argument behind a NUL", Attack::Call("hostile", "instrument", "nul")),
            ("returns an argument of 3 MB", Attack::Call("hostile", "select", "huge")),
            ("hides a header in a header", Attack::Call("hostile", "render", "header")),
            ("returns 2,000 deliveries", Attack::Call("hostile", "render", "many")),
            (
                "puts escape sequences into ids",
                Harmless(
                    "hostile",
                    "parse",
                    "control",
                    r#"TestId("a�[2J #2")"#,
                    "nothing: they are replaced by U+FFFD",
                ),
            ),
            (
                "puts escape sequences into a reason",
                Harmless(
                    "hostile",
                    "classify",
                    "control",
                    r#""a [2J b""#,
                    "nothing: they are replaced by spaces",
                ),
            ),
            (
                "sets the title of the terminal",
                Harmless(
                    "hostile",
                    "render",
                    "control",
                    r#""red�]0;t�""#,
                    "nothing: only colours pass, and only where they are welcome",
                ),
            ),
        ],
    ),
    (
        "The cache of compiled code",
        &[
            ("is cut off", Cache(|_, entry| cut(entry))),
            (
                "has one bit flipped",
                Cache(|_, entry| {
                    change(entry, |bytes| {
                        let at = bytes.len() / 2;
                        bytes[at] ^= 4;
                    })
                }),
            ),
            ("is of another engine", Cache(|_, entry| other_engine(entry))),
            ("is of another component", Cache(|_, entry| change(entry, |bytes| bytes.truncate(48)))),
            ("can be written by everybody", Cache(|_, entry| set_mode(entry, 0o666))),
            ("is a link to a file elsewhere", Cache(link)),
            (
                "is a folder",
                Cache(|_, entry| {
                    fs::remove_file(entry).unwrap();
                    fs::create_dir(entry).unwrap();
                }),
            ),
            ("lies in a folder that everybody can write", Cache(|folder, _| set_mode(folder, 0o777))),
        ],
    ),
];

fn half() -> Vec<u8> {
    let whole = fs::read(guest("hostile")).unwrap();
    whole[..whole.len() / 2].to_vec()
}

fn ordinary() -> Vec<u8> {
    fs::read(guest("hostile")).unwrap()
}

/// The last function's end becomes an instruction that there is not.
fn flipped() -> Vec<u8> {
    let mut whole = bombs::honest();
    let last = whole.len() - 1;
    whole[last] ^= 0xf0;
    whole
}

fn pipe(path: &Path) {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
}

fn change(entry: &Path, how: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(entry).unwrap();
    how(&mut bytes);
    fs::write(entry, bytes).unwrap();
}

fn cut(entry: &Path) {
    change(entry, |bytes| bytes.truncate(bytes.len() / 2));
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Another version in the code's metadata, and the right digest: as after an upgrade that left the key as it was.
fn other_engine(entry: &Path) {
    use sha2::{Digest, Sha256};
    const HEADER: usize = 48;
    change(entry, |bytes| {
        // Its length and the major version: all that wasmtime compares when code is loaded.
        let version = b"\x0248";
        let at = bytes.windows(version.len()).position(|w| w == version).unwrap();
        bytes[at + 2] = b'7';
        let digest = Sha256::digest(&bytes[HEADER..]);
        bytes[16..HEADER].copy_from_slice(&digest);
    });
}

fn link(folder: &Path, entry: &Path) {
    let elsewhere = folder.join("elsewhere");
    fs::rename(entry, &elsewhere).unwrap();
    symlink(&elsewhere, entry).unwrap();
}

fn compiling(limits: CompileLimits) -> PluginHost {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_flaky-compiler"));
    PluginHost::with_compiler(HostSettings::default(), Compiler::Child { program, limits }).unwrap()
}

fn source(bytes: Vec<u8>) -> PluginSource {
    PluginSource { label: "it".into(), bytes: ComponentBytes::Plain(Cow::Owned(bytes)), trusted: false }
}

/// What became of an attack.
struct Outcome {
    call: Call,
    text: String,
    hint: Option<String>,
}

impl Outcome {
    fn of(error: &PluginError) -> Self {
        Self { call: error.call(), text: told(error.kind()), hint: error.hint() }
    }

    fn harmless(call: Call, text: &str) -> Self {
        Self { call, text: text.to_owned(), hint: None }
    }
}

/// With the limits that hold by default in place of the tests' own, and without functions of the guest.
fn told(kind: &Kind) -> String {
    let usual = CompileLimits::default();
    let kind = match kind.clone() {
        Kind::Timeout { .. } => Kind::Timeout { limit: Limits::default().time, place: None },
        Kind::Memory { .. } => Kind::Memory { limit: Limits::default().memory },
        Kind::StackOverflow { .. } => Kind::StackOverflow { place: None },
        Kind::Trap { message, .. } => Kind::Trap { message, place: None },
        Kind::Compile(CompileStop::Cpu { .. }) => Kind::Compile(CompileStop::Cpu { seconds: usual.cpu }),
        Kind::Compile(CompileStop::Time { .. }) => Kind::Compile(CompileStop::Time { limit: usual.time }),
        Kind::Compile(CompileStop::Memory { .. }) => {
            Kind::Compile(CompileStop::Memory { limit: usual.memory })
        }
        Kind::Compile(CompileStop::Code { .. }) => Kind::Compile(CompileStop::Code { limit: usual.code }),
        // Which byte is wasmtime's affair.
        Kind::Invalid(why) => Kind::Invalid(why.split(" (at offset").next().unwrap().to_owned()),
        other => other,
    };
    kind.to_string()
}

impl Attack {
    async fn outcome(&self) -> Outcome {
        match self {
            Bytes(make) => refused(compiling(CompileLimits::default()).load(source(make())).await),
            File(make) => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("it.wasm");
                make(&path);
                Outcome::of(&PluginSource::file(&path).unwrap_err())
            }
            Load(name) => match common::load(name).await {
                Ok(plugin) => refused(plugin.configured(&json!({})).await),
                Err(error) => Outcome::of(&error),
            },
            Compile(make, small) => {
                let mut limits = CompileLimits {
                    memory: 8 << 30,
                    cpu: 600,
                    time: Duration::from_secs(600),
                    code: 1 << 30,
                };
                small(&mut limits);
                refused(compiling(limits).load(source(make())).await)
            }
            Self::Call(name, in_call, deed) => misbehaves(&common::host_for(deed), name, in_call, deed).await,
            Large(name, in_call, deed) => misbehaves(&common::generous(), name, in_call, deed).await,
            Harmless(name, in_call, deed, gives, means) => {
                let plugin = common::generous().load(common::source(name)).await.unwrap();
                let plugin = plugin.configured(&settings(in_call, deed)).await.unwrap();
                let call = by_name(in_call);
                let given = calls::call(&plugin, call).await.unwrap();
                assert!(given.contains(gives), "`{deed}` gave {given}");
                Outcome::harmless(call, means)
            }
            Cache(harm) => harmed(*harm).await,
        }
    }
}

fn refused(loaded: Result<Plugin, PluginError>) -> Outcome {
    Outcome::of(&loaded.unwrap_err())
}

fn settings(in_call: &str, deed: &str) -> serde_json::Value {
    json!({ "call": in_call, "do": deed })
}

fn by_name(name: &str) -> Call {
    calls::CALLS.iter().find(|(n, _)| *n == name).unwrap().1
}

async fn misbehaves(host: &PluginHost, name: &str, in_call: &str, deed: &str) -> Outcome {
    let plugin = host.load(common::source(name)).await.unwrap();
    match plugin.configured(&settings(in_call, deed)).await {
        Err(error) => Outcome::of(&error),
        Ok(plugin) => Outcome::of(&calls::call(&plugin, by_name(in_call)).await.unwrap_err()),
    }
}

/// Loading works whatever happened, and nothing that was harmed is run: it is written anew, or not looked at.
async fn harmed(harm: fn(&Path, &Path)) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let settings = || HostSettings { cache: Some(cache.clone()), ..HostSettings::default() };
    let works = async |host: &PluginHost| {
        let plugin = host.load(common::source("plain")).await.unwrap();
        plugin.parse(&common::attempt("")).await.unwrap();
    };
    works(&PluginHost::new(settings()).unwrap()).await;
    let entry = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&entry).unwrap();
    harm(&cache, &entry);
    let host = PluginHost::new(settings()).unwrap();
    works(&host).await;
    match host.notes().as_slice() {
        [] => {
            assert!(fs::symlink_metadata(&entry).unwrap().is_file(), "a file of its own");
            assert!(fs::read(&entry).unwrap() == whole, "written anew");
            Outcome::harmless(Call::Load, "nothing: compiled anew")
        }
        [note] => {
            let why = note.replace(&format!("`{}`", folder.path().join("cache").display()), "the folder");
            Outcome::harmless(Call::Load, &format!("nothing: compiled in memory, and the report says: {why}"))
        }
        more => panic!("{more:?}"),
    }
}

/// Between these lines of the document the table stands.
const BEGIN: &str = "<!-- attacks: written by host/plugin-host/tests/attacks.rs -->\n";
const END: &str = "<!-- end of attacks -->\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attack_ends_as_the_document_says() {
    let mut table = String::new();
    let mut count = 0;
    for (place, attacks) in ATTACKS {
        let what =
            if *place == "The cache of compiled code" { "an entry that …" } else { "a plugin that …" };
        write!(table, "\n**{place}**\n\n| {what} | in | ends as | hint |\n|---|---|---|---|\n").unwrap();
        for (does, attack) in *attacks {
            let Outcome { call, text, hint } = attack.outcome().await;
            let cell = |text: &str| text.replace('|', "\\|").replace('\u{1b}', "ESC");
            let (text, hint) = (cell(&text), cell(&hint.unwrap_or_default()));
            writeln!(table, "| {does} | {call} | {text} | {hint} |").unwrap();
            count += 1;
        }
    }
    assert!(count >= 25, "{count} attacks");
    let table = format!("{BEGIN}{table}\n{END}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security.md");
    let document = fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{table}{after}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == expected, "docs/security.md does not have this:\n{table}");
}
