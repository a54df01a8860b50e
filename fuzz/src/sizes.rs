//! The same targets without a fuzzer: what the parser costs on inputs that are large.
//!
//! `NAME repeated BYTES INPUT…` repeats every input to so many bytes and prints the worst cost; `NAME large BYTES INPUT…`
//! makes hostile inputs of so many bytes out of every input; `NAME speed FILE PLACE` reads a file as one source.

use std::fs;
use std::path::Path;
use std::time::Instant;

use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::{Attempt, PackedAttempt, Result};

use crate::{Case, Cost, Parse, measured};

/// A long line, as programs that print a document in one line make them.
const LONG_LINE: usize = 1024 * 1024;

/// Seconds that a speed is measured for at least, and rounds.
const SPEED_SECONDS: f64 = 2.0;
const SPEED_ROUNDS: usize = 5;

/// Runs what the arguments say.
///
/// # Panics
/// When they say nothing that can be done.
pub fn main(parse: Parse, places: &[&str]) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["repeated", bytes, inputs @ ..] => repeated(parse, places, number(bytes), inputs),
        ["large", bytes, inputs @ ..] => large(parse, places, number(bytes), inputs),
        ["speed", file, place] => speed(parse, file, place),
        ["check", inputs @ ..] => inputs.iter().for_each(|input| crate::check(parse, places, &read(input))),
        _ => panic!("`repeated BYTES INPUT…`, `large BYTES INPUT…`, `speed FILE PLACE` or `check INPUT…`"),
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is not a number of bytes"))
}

fn read(path: &str) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// One line of JSON per input.
fn tell(what: &str, input: &str, size: usize, parsed: &Result<PackedAttempt>, cost: Cost) {
    let (format, tests) = match parsed {
        Ok(parsed) => (parsed.format.as_str(), parsed.tests.id_ends.len()),
        Err(error) => (error.code.as_str(), 0),
    };
    let input = Path::new(input).file_name().unwrap_or_default().to_string_lossy();
    println!(
        "{{\"what\":\"{what}\",\"input\":\"{input}\",\"format\":\"{format}\",\"tests\":{tests},\"bytes\":{size},\
         \"seconds\":{:.3},\"memory\":{}}}",
        cost.seconds, cost.memory
    );
}

fn repeated(parse: Parse, places: &[&str], bytes: usize, inputs: &[&str]) {
    for input in inputs {
        let content = read(input);
        let Some(case) = Case::of(places, &content) else { continue };
        if case.bytes() == 0 {
            continue;
        }
        let times = bytes.div_ceil(case.bytes());
        let recorded = case.recorded_times(times);
        let (parsed, cost) = measured(parse, &recorded.attempt());
        tell("repeated", input, case.bytes() * times, &parsed, cost);
    }
}

fn large(parse: Parse, places: &[&str], bytes: usize, inputs: &[&str]) {
    for input in inputs {
        let content = read(input);
        let Some(case) = Case::of(places, &content) else { continue };
        for shape in SHAPES {
            let recorded = case.recorded_as(|source| (shape.make)(source, bytes));
            let (parsed, cost) = measured(parse, &recorded.attempt());
            tell(shape.name, input, bytes * case.count(), &parsed, cost);
        }
    }
}

/// A way to make a large input out of a recorded one.
struct Shape {
    name: &'static str,
    make: fn(&[u8], usize) -> Vec<u8>,
}

const SHAPES: [Shape; 5] = [
    Shape { name: "again and again", make: |source, bytes| cycled(source.iter().copied(), bytes) },
    Shape {
        name: "one line",
        make: |source, bytes| cycled(source.iter().copied().filter(|byte| *byte != b'\n'), bytes),
    },
    Shape { name: "lines of 1 MB", make: long_lines },
    Shape { name: "not UTF-8", make: not_text },
    Shape { name: "noise", make: |_, bytes| noise().take(bytes).collect() },
];

fn cycled(source: impl Iterator<Item = u8> + Clone, bytes: usize) -> Vec<u8> {
    source.cycle().take(bytes).collect()
}

/// Every line grown by repeating what it ends in.
fn long_lines(source: &[u8], bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes + LONG_LINE);
    let lines: Vec<&[u8]> = source.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    for line in lines.iter().cycle() {
        if out.len() >= bytes {
            break;
        }
        out.extend_from_slice(line);
        out.extend(line.iter().cycle().take(LONG_LINE - line.len().min(LONG_LINE)));
        out.push(b'\n');
    }
    out.truncate(bytes);
    out
}

/// A byte in a hundred, about, that no text has.
fn not_text(source: &[u8], bytes: usize) -> Vec<u8> {
    let mut out = cycled(source.iter().copied(), bytes);
    out.iter_mut().step_by(97).filter(|byte| **byte != b'\n').for_each(|byte| *byte = 0xff);
    out
}

/// The same bytes every time: xorshift64 (G. Marsaglia, 2003).
fn noise() -> impl Iterator<Item = u8> {
    let mut chance = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(move || {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance.to_be_bytes()
    })
    .flatten()
}

fn speed(parse: Parse, file: &str, place: &str) {
    let bytes = read(file);
    let size = bytes.len();
    let recorded = match place.split_once('/') {
        Some(("report", path)) => Recorded::default().report(path, bytes),
        Some((_, path)) => Recorded::default().tree(path, bytes),
        None if place == "stderr" => Recorded::default().stderr(bytes),
        None => Recorded::default().stdout(bytes),
    };
    let attempt: Attempt<'_> = recorded.attempt();
    let start = Instant::now();
    let mut rounds = 0;
    while rounds < SPEED_ROUNDS || start.elapsed().as_secs_f64() < SPEED_SECONDS {
        let (parsed, cost) = measured(parse, &attempt);
        tell("speed", file, size, &parsed, cost);
        rounds += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_the_size_that_was_asked_for() {
        for shape in SHAPES {
            assert_eq!((shape.make)(b"ok 1 - a\nok 2\n", 3_000_000).len(), 3_000_000, "{}", shape.name);
        }
    }

    #[test]
    fn long_lines_are_long_and_end() {
        let lines = long_lines(b"a\nbc\n", 4 * LONG_LINE);
        let mut of_each = lines.split(|byte| *byte == b'\n');
        assert_eq!(of_each.next().map(<[u8]>::len), Some(LONG_LINE));
        assert!(of_each.next().unwrap().starts_with(b"bcbc"));
    }

    #[test]
    fn text_that_is_broken_keeps_its_lines() {
        let broken = not_text(b"1234567\n", 800);
        assert_eq!(broken.iter().filter(|byte| **byte == b'\n').count(), 100);
        assert!(std::str::from_utf8(&broken).is_err());
    }
}
