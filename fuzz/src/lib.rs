//! What every fuzz target does: an input becomes the output of an attempt, the parser reads it, and what has to hold
//! whatever was printed is checked.
//!
//! An input is four bytes that choose (see [`Case`]) and the text of the sources. Its form is simple on purpose: a
//! recorded output with four bytes before it is an input (`fuzz.py seeds`).

mod case;
mod invariants;
mod memory;
pub mod sizes;

use flaky_plugin_sdk::{Attempt, PackedAttempt, Result};

pub use case::Case;
pub use memory::Counting;

/// A parser, as a function.
pub type Parse = fn(&Attempt<'_>) -> Result<PackedAttempt>;

/// CPU time that a parser may take: a second for a megabyte, and what a scheduler's hiccup costs.
const SECONDS_PER_BYTE: f64 = 1e-6;
const SECONDS_FOR_ANY: f64 = 0.05;

/// Memory that a parser may hold at its peak: twenty times its input, and buffers of a fixed size.
const MEMORY_PER_BYTE: usize = 20;
const MEMORY_FOR_ANY: usize = 512 * 1024;

/// How often an input that took too long is read again: what is slow for a reason of its own is slow every time.
const SECOND_CHANCES: usize = 3;

/// Reads one input and checks what has to hold.
///
/// # Panics
/// With what does not hold; a fuzzer takes that for a finding.
pub fn check(parse: Parse, places: &[&str], input: &[u8]) {
    let Some(case) = Case::of(places, input) else { return };
    let recorded = case.recorded();
    let size = case.bytes();
    let attempt = recorded.attempt();
    let (parsed, cost) = measured(parse, &attempt);
    assert!(
        cost.memory <= MEMORY_PER_BYTE * size + MEMORY_FOR_ANY,
        "memory: {} bytes for an input of {size}",
        cost.memory
    );
    let most = SECONDS_PER_BYTE * size as f64 + SECONDS_FOR_ANY;
    if cost.seconds > most {
        let again =
            (0..SECOND_CHANCES).map(|_| measured(parse, &attempt).1.seconds).fold(cost.seconds, f64::min);
        assert!(again <= most, "time: {again} s for an input of {size} bytes");
    }
    if let Ok(parsed) = &parsed {
        invariants::check(parsed, size);
    }
    let pieces = recorded.clone().in_chunks_of(case.chunk);
    let in_pieces = parse(&pieces.attempt());
    assert!(
        same(&parsed, &in_pieces),
        "read otherwise the second time, in pieces of {}:\n{parsed:#?}\n{in_pieces:#?}",
        case.chunk
    );
}

fn same(one: &Result<PackedAttempt>, other: &Result<PackedAttempt>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        (Err(one), Err(other)) => (&one.code, &one.message) == (&other.code, &other.message),
        _ => false,
    }
}

/// What reading cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// CPU time of this thread.
    pub seconds: f64,
    /// Bytes at the peak, the result included and the input not.
    pub memory: usize,
}

/// Reads, and says what it cost. Memory is counted where [`Counting`] is the allocator, for one thread at a time.
pub fn measured(parse: Parse, attempt: &Attempt<'_>) -> (Result<PackedAttempt>, Cost) {
    let before = memory::start();
    let start = cpu_seconds();
    let parsed = parse(attempt);
    let seconds = cpu_seconds() - start;
    (parsed, Cost { seconds, memory: memory::peak_since(before) })
}

fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a value of this function.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0, "this clock is part of every Linux");
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A fuzz target: how the parser is called, and which files it is given beside what was printed (`report/…` in the
/// report folder, `tree/…` in the work tree). Built without a fuzzer it is a program that measures: [`sizes`].
#[macro_export]
macro_rules! target {
    ($parse:expr $(, $place:literal)* $(,)?) => {
        #[global_allocator]
        static ALLOCATOR: $crate::Counting = $crate::Counting;

        const PARSE: $crate::Parse = $parse;
        const PLACES: &[&str] = &["stdout", "stderr" $(, $place)*];

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::check(PARSE, PLACES, input));

        #[cfg(not(fuzzing))]
        fn main() {
            $crate::sizes::main(PARSE, PLACES);
        }
    };
}
