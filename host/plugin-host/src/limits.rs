//! Every limit on a plugin, with its reason.

use std::time::Duration;

/// The limits that settings can change. They hold for every single call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall time of one call, instantiation included. `limits: {time: …}` in the plugin's entry.
    pub time: Duration,
    /// Bytes of linear memory of one instance, all its memories together. `limits: {memory: …}` in the plugin's entry.
    pub memory: usize,
}

impl Default for Limits {
    /// 30 s: an interpreted parser reads about 2 to 4 MB of text a second, and an attempt's output is capped at
    /// 64 MB; a component in Rust needs half a second for that.
    ///
    /// 128 MiB: language runtimes hold some tens of MiB before they read a byte, and the largest result that is
    /// accepted (`RESULT_BYTES`) has to fit twice, once as the guest's own values and once lowered. Memory is
    /// taken as it is used; the bundled plugins stay under 10 MiB.
    fn default() -> Self {
        Self { time: Duration::from_secs(30), memory: 128 << 20 }
    }
}

impl Limits {
    /// The same for a reporter that is given `report` bytes: a reporter holds the document as text and as values, so
    /// what it needs grows with what it is told. In whole MiB, as limits are told.
    pub(crate) fn with_report(self, report: usize) -> Self {
        let more = report.min(REPORT_BYTES).saturating_mul(REPORT_MEMORY) >> 20 << 20;
        Self { memory: self.memory.saturating_add(more), ..self }
    }
}

/// Memory that a reporter gets on top of its limit, in bytes for each byte of the report. As text it takes one, as the
/// SDK's values about two, one more while a list of tests grows, and what is made of it up to three.
const REPORT_MEMORY: usize = 8;

/// Bytes of a report that count towards the limits of a reporter: 100,000 tests take a quarter of that, and a component
/// can address no more than 4 GiB.
const REPORT_BYTES: usize = 256 << 20;

/// Bytes that a reporter may return for a report of `report` bytes: laid out for people, JSON grows to twice its size.
pub(crate) fn delivered_bytes(report: usize) -> usize {
    RESULT_BYTES.saturating_add(report.min(REPORT_BYTES).saturating_mul(3))
}

/// Largest component file. Components that carry an interpreter are 12 to 20 MB today.
pub const COMPONENT_BYTES: u64 = 64 << 20;

/// How long after the deadline a call that waits in a host function is dropped. Guest code is interrupted *at* the
/// deadline, which also tells where it was; the timer must not win that race, and a tick is 10 ms.
pub(crate) const GRACE: Duration = Duration::from_millis(100);

/// Time between two epochs: the shortest turn that other tasks wait for while a guest computes.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Stack of guest code. wasmtime's default is half of it; interpreters recurse deeply.
pub(crate) const WASM_STACK: usize = 1 << 20;

/// Stack that guest and host code of one call share. The host's part needs about 100 KiB.
pub(crate) const ASYNC_STACK: usize = 2 << 20;

/// Elements of all tables of one instance. The JavaScript runtime has the largest seen, about 20,000.
pub(crate) const TABLE_ELEMENTS: usize = 200_000;

/// Core instances, memories and tables of one component. Language runtimes are made of a hundred or so instances.
pub(crate) const INSTANCES: usize = 1_000;
pub(crate) const MEMORIES: usize = 100;
pub(crate) const TABLES: usize = 1_000;

/// Open blobs of one call, and entries of a component's handle tables. A framework that writes one report file per
/// test class reaches thousands.
pub(crate) const HANDLES: usize = 20_000;

/// Data that a plugin may hand to the host in one go: a call's result, or the arguments of one host function, as
/// counted by wasmtime (strings and lists with their bookkeeping). A hundred thousand tests with failures of 400
/// bytes each fit. Roles that say less get less.
pub(crate) const RESULT_BYTES: usize = 64 << 20;
/// For `framework` and `policy` calls: commands, and verdicts of at most a few hundred tests.
pub(crate) const SMALL_RESULT_BYTES: usize = 16 << 20;
/// For `describe` and `configure`.
pub(crate) const MANIFEST_BYTES: usize = 1 << 20;

/// Largest chunk that `blob.read` gives: from 4 to 256 KiB the size hardly matters, 1 MiB was 2.5 times dearer.
pub(crate) const CHUNK: usize = 256 << 10;

/// Files up to this size are read whole on first use; of larger ones this much is held at a time. A hop to the
/// thread pool costs about as much as reading 100 KB, and a few attempts are parsed at once.
pub(crate) const WINDOW: usize = 1 << 20;

/// Log lines and text kept of one call, and of one plugin in all. A person reads the first screens.
pub(crate) const LOG_LINES: usize = 200;
pub(crate) const LOG_BYTES: usize = 64 << 10;

/// What is kept of a call's standard error and output: the end of it, where panics are told.
pub(crate) const OUTPUT_BYTES: usize = 16 << 10;

/// Tests in one attempt. The largest suites known have some tens of thousands.
pub(crate) const TESTS: usize = 250_000;
/// Diagnostics of one attempt: one per file of a large project that does not compile.
pub(crate) const DIAGNOSTICS: usize = 10_000;
/// Tries of one test: frameworks that repeat until failure are told to stop sooner.
pub(crate) const TRIES: usize = 1_000;
/// Bytes of a failure's kind, of one line (title, reason, code, path), and of a longer text (message, trace, hint).
pub(crate) const KIND_BYTES: usize = 1 << 10;
pub(crate) const LINE_BYTES: usize = 4 << 10;
pub(crate) const TEXT_BYTES: usize = 256 << 10;
/// Longest duration that is believed: no attempt lasts a year, and a negative number in disguise is far above.
pub(crate) const DURATION_NS: u64 = 366 * 86_400 * 1_000_000_000;

/// Detections of one project: a monorepo has one per package.
pub(crate) const DETECTIONS: usize = 1_000;
/// Arguments of one command, and bytes of all of them: below what Linux takes (2 MB with the environment).
pub(crate) const ARGUMENTS: usize = 50_000;
pub(crate) const ARGUMENT_BYTES: usize = 1 << 20;
/// Changes of the environment by one command.
pub(crate) const ENV_CHANGES: usize = 1_000;
/// Steps of one installation.
pub(crate) const STEPS: usize = 100;
/// Support files of one attempt, and their bytes.
pub(crate) const SUPPORT_FILES: usize = 100;
pub(crate) const SUPPORT_BYTES: usize = 4 << 20;
/// Deliveries of one reporter, and annotations, headers, outputs or tags in one list.
pub(crate) const DELIVERIES: usize = 1_000;
pub(crate) const LIST: usize = 10_000;
/// Wants of one manifest.
pub(crate) const WANTS: usize = 200;

/// Project files: how many entries are looked at, how deep, how many may match, and how large one may be. A tree of
/// 50,000 files is seen whole; what a framework reads are settings and lock files.
pub(crate) const PROJECT_ENTRIES: usize = 200_000;
pub(crate) const PROJECT_DEPTH: usize = 32;
pub(crate) const PROJECT_FILES: usize = 10_000;
pub(crate) const PROJECT_FILE_BYTES: u64 = 8 << 20;
