//! Recorded output, broken in ways that no framework would: a parser may say anything of it, and must end.

use flaky_plugin_sdk::{Attempt, PackedAttempt};

use crate::Fixture;

/// How often every source is broken anew.
const ROUNDS: u64 = 40;

/// Breaks every source of a fixture: lines are moved, repeated and left out, numbers become too large for any type,
/// bytes are replaced. A parser that panics ends the test; columns that do not fit together are named.
pub fn hostile(fixture: &Fixture, parse: impl Fn(&Attempt<'_>) -> PackedAttempt) -> Vec<String> {
    let mut problems = Vec::new();
    for (source, bytes) in &fixture.sources {
        for round in 0..ROUNDS {
            let mut chance = Chance(round.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ bytes.len() as u64);
            let broken = break_up(bytes, &mut chance);
            let parsed = parse(&fixture.replaced(source, broken).attempt());
            let tests = &parsed.tests;
            if tests.id_ends.len() != tests.outcomes.len() {
                problems.push(format!("`{source}` broken ({round}): columns of different lengths"));
            }
        }
    }
    problems
}

fn break_up(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let mut out = Vec::with_capacity(bytes.len() * 2);
    for line in &lines {
        match chance.below(12) {
            0 => {}
            1 => out.extend_from_slice(&line.repeat(2)),
            2 => out.extend_from_slice(lines.get(chance.below(lines.len())).copied().unwrap_or_default()),
            3 => out.extend(line.iter().flat_map(|byte| large(*byte))),
            4 => {
                out.extend(line.iter().map(|byte| if chance.below(20) == 0 { chance.byte() } else { *byte }))
            }
            5 => out.extend_from_slice(line.get(..chance.below(line.len() + 1)).unwrap_or_default()),
            _ => out.extend_from_slice(line),
        }
    }
    out
}

fn large(byte: u8) -> Vec<u8> {
    if byte.is_ascii_digit() { vec![b'9'; 20] } else { vec![byte] }
}

/// The same numbers every time (a linear congruential generator).
struct Chance(u64);

impl Chance {
    fn byte(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0.to_be_bytes()[0]
    }

    fn below(&mut self, end: usize) -> usize {
        let number =
            usize::from(self.byte()) * 65_536 + usize::from(self.byte()) * 256 + usize::from(self.byte());
        number % end.max(1)
    }
}
