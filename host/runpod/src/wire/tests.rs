//! Orders, chunks and outputs as a whole: from one side to the other and back.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;

mod orders;
mod outputs;

/// A JSON text's size.
fn size(value: &serde_json::Value) -> usize {
    serde_json::to_string(value).unwrap().len()
}

fn head() -> ShardHead {
    ShardHead {
        version: WIRE_VERSION,
        run: "r-1".parse().unwrap(),
        shard: 3,
        worker_version: "0.1.0".into(),
        commit: Some("0".repeat(40)),
        best: IsolationUsed::Full,
        used: IsolationUsed::Copy,
        obstacles: vec![("no user namespaces".into(), "set `x`".into())],
        notes: vec![("code".into(), "A sentence.".into())],
        failure: Some(ShardFailure { kind: ShardFailureKind::InstallFailed, why: "no".into(), hint: None }),
    }
}

fn attempt(index: u32) -> WireAttempt {
    WireAttempt {
        index: AttemptIndex(index),
        seed: Seed(u64::MAX - u64::from(index)),
        exit: Exit::Code(1),
        usage: Usage {
            wall: Duration::from_millis(1234),
            cpu: Duration::from_nanos(1),
            peak_memory: u64::MAX,
        },
        stdout: WireStream { bytes: b"out\xff\0".to_vec(), cut: Some((3, 90)) },
        stderr: WireStream::default(),
        reports: vec![file("junit.xml", b"<x/>"), file("a/b", b"")],
        tree: vec![WireFile { name: "big".into(), bytes: vec![], left_out: true }],
        notes: vec![("processes-left".into(), 2)],
        error: Some("it would not start".into()),
    }
}

fn file(name: &str, bytes: &[u8]) -> WireFile {
    WireFile { name: name.into(), bytes: bytes.to_vec(), left_out: false }
}

/// Nothing but output, of which no two bytes resemble each other.
fn noisy(index: u32, stdout: usize, report: usize) -> WireAttempt {
    let mut state = u64::from(index) + 1;
    let mut noise = |size: usize| {
        let next = |_| {
            // xorshift64 (Marsaglia 2003).
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..size).map(next).collect::<Vec<u8>>()
    };
    let reports = if report > 0 { vec![file("r.xml", &noise(report))] } else { vec![] };
    WireAttempt {
        stdout: WireStream { bytes: noise(stdout), cut: None },
        stderr: WireStream::default(),
        reports,
        tree: vec![],
        notes: vec![],
        error: None,
        ..attempt(index)
    }
}

fn attempts(value: &serde_json::Value) -> Vec<WireAttempt> {
    let parts = unpack_part(value, PartLimits::default()).unwrap();
    parts
        .into_iter()
        .filter_map(|part| match part {
            Part::Attempt(attempt) => Some(*attempt),
            Part::Head(_) => None,
        })
        .collect()
}

/// Chunks and output of a packer that was given these attempts.
fn packed(limits: PackerLimits, all: &[WireAttempt]) -> (Vec<serde_json::Value>, serde_json::Value) {
    let mut packer = Packer::new(limits);
    let mut chunks: Vec<_> = all.iter().flat_map(|attempt| packer.push(attempt.clone())).collect();
    chunks.extend(std::iter::from_fn(|| packer.flush()));
    (chunks, packer.finish(&head()).unwrap())
}

prop_compose! {
    fn any_stream()(
        bytes in vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        gap in proptest::option::of(1_u64..1 << 40),
    ) -> WireStream {
        let from = at.index(bytes.len() + 1) as u64;
        WireStream { cut: gap.map(|gap| (from, from + gap)), bytes }
    }
}

prop_compose! {
    fn any_file()(
        name in "[a-zä\\x01-\\x1f\"\\\\]{1,8}(/[a-z.]{1,3}x)?",
        bytes in vec(any::<u8>(), 0..300),
        left_out in any::<bool>(),
    ) -> WireFile {
        WireFile { name, bytes: if left_out { vec![] } else { bytes }, left_out }
    }
}

fn any_exit() -> impl Strategy<Value = Exit> {
    prop_oneof![
        any::<i32>().prop_map(Exit::Code),
        any::<i32>().prop_map(Exit::Signal),
        Just(Exit::TimedOut),
        Just(Exit::NotFound)
    ]
}

prop_compose! {
    fn any_attempt()(
        (index, seed, exit) in (any::<u32>(), any::<u64>(), any_exit()),
        (wall, cpu, peak_memory) in (any::<u64>(), any::<u64>(), any::<u64>()),
        (stdout, stderr) in (any_stream(), any_stream()),
        (reports, tree) in (vec(any_file(), 0..4), vec(any_file(), 0..4)),
        notes in vec(("[a-z-]{1,20}", any::<u64>()), 0..3),
        error in proptest::option::of("(?s).{0,60}"),
    ) -> WireAttempt {
        let usage =
            Usage { wall: Duration::from_nanos(wall), cpu: Duration::from_nanos(cpu), peak_memory };
        let (index, seed) = (AttemptIndex(index), Seed(seed));
        WireAttempt { index, seed, exit, usage, stdout, stderr, reports, tree, notes, error }
    }
}
