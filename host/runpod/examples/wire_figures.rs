//! Sizes and CPU time of the wire format for a thousand attempts that print 20 kB each.
//!
//! `cargo run --release -p flaky-runpod --example wire_figures`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "an example prints, and ends when something is wrong"
)]

use std::time::Duration;

use flaky_core::attempt::{Exit, Usage};
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::report::IsolationUsed;
use flaky_runpod::wire::{
    Packer, PackerLimits, PartLimits, Parts, ShardHead, WIRE_VERSION, WireAttempt, WireFile, WireStream,
};

const ATTEMPTS: u32 = 1000;
const TESTS: u32 = 220;

/// How much of what is printed differs from attempt to attempt.
#[derive(Debug, Clone, Copy)]
enum Differs {
    /// A few lines.
    Little,
    /// The time of every test.
    Times,
    /// Times and the order of all tests.
    TimesAndOrder,
    /// Everything: nothing can be saved.
    Everything,
}

fn mixed(a: u32, b: u32) -> u64 {
    // The finaliser of splitmix64 (Steele, Lea, Flood 2014).
    let mut x = (u64::from(a) << 32 | u64::from(b)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn printed(attempt: u32, differs: Differs) -> Vec<u8> {
    if let Differs::Everything = differs {
        return (0..2500).flat_map(|at| mixed(attempt, at).to_le_bytes()).collect();
    }
    let mut tests: Vec<u32> = (0..TESTS).collect();
    if let Differs::TimesAndOrder = differs {
        tests.sort_by_key(|test| mixed(attempt, *test));
    }
    let line = |(done, test): (usize, &u32)| {
        let random = mixed(attempt, *test);
        let outcome = if random.is_multiple_of(200) { "FAILED" } else { "PASSED" };
        let took = if let Differs::Little = differs { u64::from(*test) } else { random >> 20 } % 1000;
        let percent = done * 100 / TESTS as usize;
        format!(
            "tests/test_module_{}.py::TestThings::test_thing_{test}[param-{test}] {outcome} 0.{took:03}s [{percent:3}%]\n",
            test % 7
        )
    };
    tests.iter().enumerate().map(line).collect::<String>().into_bytes()
}

fn attempt(index: u32, differs: Differs) -> WireAttempt {
    let mut report = printed(index, differs);
    report.truncate(10_000);
    WireAttempt {
        index: AttemptIndex(index),
        seed: Seed(mixed(index, 0)),
        exit: Exit::Code(i32::from(index.is_multiple_of(9))),
        usage: Usage {
            wall: Duration::from_nanos(mixed(index, 1) >> 30),
            cpu: Duration::from_nanos(mixed(index, 2) >> 30),
            peak_memory: mixed(index, 3) >> 36,
        },
        stdout: WireStream { bytes: printed(index, differs), cut: None },
        stderr: WireStream::default(),
        reports: vec![WireFile { name: "junit.xml".into(), bytes: report, left_out: false }],
        tree: vec![],
        notes: vec![],
        error: None,
    }
}

/// Processor time of this thread so far (Linux: first field of `schedstat`, in nanoseconds); other load on the machine does
/// not count.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn main() {
    let head = ShardHead {
        version: WIRE_VERSION,
        run: "figures".parse().unwrap(),
        shard: 0,
        worker_version: env!("CARGO_PKG_VERSION").into(),
        commit: None,
        best: IsolationUsed::Full,
        used: IsolationUsed::Full,
        obstacles: vec![],
        notes: vec![],
        failure: None,
    };
    println!("{ATTEMPTS} attempts; sizes are of JSON text, times of the processor");
    for differs in [Differs::Little, Differs::Times, Differs::TimesAndOrder, Differs::Everything] {
        let all: Vec<_> = (0..ATTEMPTS).map(|index| attempt(index, differs)).collect();
        let raw: usize = all.iter().map(|a| a.stdout.bytes.len() + a.reports[0].bytes.len()).sum();
        let start = cpu();
        let mut packer = Packer::new(PackerLimits::default());
        let mut chunks = Vec::new();
        for (number, attempt) in all.into_iter().enumerate() {
            chunks.extend(packer.push(attempt));
            // Ten attempts a second, and a flush every second.
            if number % 10 == 9 {
                chunks.extend(std::iter::from_fn(|| packer.flush()));
            }
        }
        let pushed = cpu() - start;
        let output = packer.finish(&head).unwrap();
        let packed = cpu() - start;
        let start = cpu();
        let parts: Vec<_> =
            Parts::open(&output, PartLimits::default()).unwrap().map(Result::unwrap).collect();
        let read = cpu() - start;
        let size = |value| serde_json::to_string(value).unwrap().len();
        println!(
            "{differs:?}: {raw} bytes -> output {} ({:.1} times smaller), {} chunks {}; push {:?} each, finish {:?}, \
             read {:?} ({} parts)",
            size(&output),
            raw as f64 / size(&output) as f64,
            chunks.len(),
            chunks.iter().map(size).sum::<usize>(),
            pushed / ATTEMPTS,
            packed - pushed,
            read,
            parts.len(),
        );
    }
}
