//! Misdeeds that any call can do.

use crate::flaky::plugin::inputs::Attempt;
use crate::flaky::plugin::log::{Level, write};
use crate::flaky::plugin::types::{PluginError, Source};

pub(crate) fn run(what: &str) -> Result<(), PluginError> {
    match what {
        "loop" => endless(),
        "recurse" => {
            std::hint::black_box(recurse(1));
        }
        "panic" => panic!("as asked for"),
        "memory" => {
            let mut all = Vec::new();
            loop {
                all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        "log" => {
            for i in 0..1_000_000 {
                write(Level::Info, if i % 2 == 0 { "a line" } else { "another\u{1b}[2J line" });
            }
        }
        "log-big" => write(Level::Info, &"x".repeat(100 << 20)),
        "error" => {
            return Err(PluginError {
                code: "as-asked".into(),
                message: "no\u{1b}[2J".into(),
                hint: Some("ask for something else".into()),
                at: Some((Source::Report("a/b.xml".into()), 17)),
            });
        }
        _ => {}
    }
    Ok(())
}

#[inline(never)]
pub(crate) fn endless() {
    let mut n = 0_u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

#[inline(never)]
#[expect(unconditional_recursion)]
fn recurse(n: u64) -> u64 {
    let here = std::hint::black_box([n; 64]);
    recurse(here[0].wrapping_add(1)).wrapping_add(here[63])
}

pub(crate) fn with_attempt(what: &str, attempt: &Attempt) {
    match what {
        "handles" => {
            let mut all = Vec::new();
            for _ in 0..1_000_000 {
                all.push(attempt.open(&Source::Stdout));
            }
        }
        "read" => {
            let blob = attempt.open(&Source::Stdout).unwrap();
            blob.read(0, 1 << 16);
        }
        "read-on" => {
            let blob = attempt.open(&Source::Stdout).unwrap();
            loop {
                std::hint::black_box(blob.read(0, 1));
            }
        }
        _ => {}
    }
}
