//! What a ledger costs at the sizes it is made for. Run it built for release, one size at a time, because the
//! largest memory is the process's:
//!
//! ```text
//! cargo run --release -p flaky-core --example ledger_scale -- TESTS ATTEMPTS FAILING_PER_MILLE [shuffled|unique] [dropping]
//! ```
//!
//! A further `dropping` measures what giving the input's memory back costs by itself; it needs that memory twice.
//! `shuffled` lets every attempt run its tests in another order, `unique` gives every attempt ids of its own.
//! CPU and memory are read from `/proc`, so it measures on Linux only.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::fs::read_to_string;

use flaky_core::ids::{AttemptIndex, Seed, TestId};
use flaky_core::ledger::{AttemptKind, AttemptRecord, Ledger};
use flaky_core::parsed::{Completeness, Failure, Outcome, ParsedAttempt, TestColumns};

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Same,
    Shuffled,
    Unique,
}

/// A small generator (Marsaglia's xorshift): the same work on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (tests, attempts, per_mille): (u32, u32, u32) = (number(5_000), number(1_000), number(20));
    let rest: Vec<String> = arguments.collect();
    let measures_dropping = rest.iter().any(|word| word == "dropping");
    let shape = match rest.first().map(String::as_str) {
        Some("shuffled") => Shape::Shuffled,
        Some("unique") => Shape::Unique,
        _ => Shape::Same,
    };

    let mut chance = Chance(0x2545_F491_4F6C_DD1D);
    let mut ledger = Ledger::new();
    let (mut making, mut dropping, mut recording) = (0.0, 0.0, 0.0);
    for index in 0..attempts {
        let start = cpu_seconds();
        let record = attempt(index, tests, per_mille, shape, &mut chance);
        let made = cpu_seconds();
        // What any reader of an attempt pays, who does nothing but give its memory back.
        let twin = measures_dropping.then(|| record.clone());
        let twinned = cpu_seconds();
        drop(twin);
        let dropped = cpu_seconds();
        ledger.record(record);
        making += made - start;
        dropping += dropped - twinned;
        recording += cpu_seconds() - dropped;
    }
    let after_recording = peak_megabytes();
    let start = cpu_seconds();
    let evidence = ledger.evidence(0.95);
    let deriving = cpu_seconds() - start;
    let groups: usize = evidence.iter().map(|e| e.groups.len()).sum();
    println!("{tests} tests x {attempts} attempts, {per_mille} per mille failing");
    println!("evidence for {} tests in {groups} failure groups", evidence.len());
    println!(
        "cpu: recording {recording:.2} s, of which giving the input back is {dropping:.2} s; deriving {deriving:.2} s"
    );
    println!("(making the input: {making:.2} s)");
    println!("peak memory: {after_recording} MB recorded, {} MB with the evidence", peak_megabytes());
}

/// An attempt as a parser hands it over: ids of about 60 bytes, every string its own.
fn attempt(index: u32, tests: u32, per_mille: u32, shape: Shape, chance: &mut Chance) -> AttemptRecord {
    let mut order: Vec<u32> = (0..tests).collect();
    if shape == Shape::Shuffled {
        order.sort_by_cached_key(|_| chance.next());
    }
    let mut columns = TestColumns::default();
    for (position, test) in (0..).zip(order) {
        let run = if shape == Shape::Unique { index } else { 0 };
        let name =
            format!("tests/orders/test_module_{:03}.py::TestOrders::test_case_{test}_{run}", test / 50);
        columns.ids.push(TestId::new(&name));
        columns.durations_ns.push(1_000_000 + chance.next() % 300_000_000);
        let fails = chance.next() % 1000 < u64::from(per_mille);
        columns.outcomes.push(if fails { Outcome::Failed } else { Outcome::Passed });
        if fails {
            columns.failures.push((position, failure(test, chance)));
        }
    }
    AttemptRecord {
        index: AttemptIndex(index),
        seed: Seed(u64::from(index)),
        kind: AttemptKind::SideBySide,
        conditions: Vec::new(),
        parsed: ParsedAttempt {
            format: String::new(),
            tests: columns,
            completeness: Completeness::Complete,
            announced: Vec::new(),
            diagnostics: Vec::new(),
        },
    }
}

/// One of three kinds of failure, with a trace of about 1 kB.
fn failure(test: u32, chance: &mut Chance) -> Failure {
    let (kind, what) = match chance.next() % 3 {
        0 => ("AssertionError", "Order not processed in time"),
        1 => ("TimeoutError", "no answer from the queue"),
        _ => ("ConnectionRefusedError", "[Errno 111] connection refused by 127.0.0.1:5432"),
    };
    let source = format!("    order = process(payload, retries=3)  # a line of source, {test}\n").repeat(12);
    Failure {
        kind: kind.to_owned(),
        message: format!("{what} (took 0.{}s)", chance.next() % 1000),
        trace: format!("tests/test_orders.py:31: in test_case_{test}\n{source}shop/orders.py:12: {kind}\n"),
    }
}

/// Time the only thread was running.
fn cpu_seconds() -> f64 {
    let stat = read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds: f64 = stat.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default();
    nanoseconds / 1e9
}

fn peak_megabytes() -> u64 {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default() / 1024
}
