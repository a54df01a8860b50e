//! Reads JUnit XML of any origin.
//!
//! There is no standard: what every test framework can write under this name agrees on `<testsuite>` and
//! `<testcase>` and on little else. This crate reads all dialects that are known, refuses XML that only looks
//! alike (a wrong guess would invent passes), and keeps what stands before the place where a report was cut.
//!
//! It is also the reporter that writes JUnit XML (feature `reporter`): who asks for `junit=FILE` means the format, whether
//! it is read or written.
//!
//! It is a component, and a library for plugins of frameworks whose reports are JUnit XML: build it without the
//! default feature `component` for that.

mod account;
mod attempt;
mod attributes;
mod case;
#[cfg(feature = "component")]
mod component;
mod document;
pub mod elements;
mod identity;
mod input;
pub mod model;
mod numbers;
mod printed;
mod reading;
#[cfg(feature = "reporter")]
pub mod reporter;
mod text;

use std::io::BufRead;

use input::Input;

/// What other readers of XML need beside the parser itself.
pub mod xml {
    pub use crate::attributes::Attributes;
    pub use crate::input::Input;
    pub use crate::text::{clean, reference, unescape};
}

pub use attempt::parse;
pub use identity::Identity;
pub use numbers::nanoseconds;
pub use reading::{Ending, Options, Problem, ProblemKind, Reading, Recognised, Test, pack};

/// Reads a report file: one or several documents and nothing else. What cannot be read ends the file there.
pub fn read_file(input: impl BufRead, options: Options<'_>, reading: &mut Reading) -> Recognised {
    let outcome = document::read_all(&mut Input::new(input), options, reading);
    recognised(outcome, reading)
}

/// Reads documents out of printed text, each beginning at the start of a line.
pub fn read_printed(input: impl BufRead, options: Options<'_>, reading: &mut Reading) -> Recognised {
    let outcome = printed::read(&mut Input::new(input), options, reading);
    recognised(outcome, reading)
}

fn recognised(outcome: std::io::Result<Recognised>, reading: &mut Reading) -> Recognised {
    outcome.unwrap_or_else(|error| {
        reading.ending = Ending::CutOff;
        reading.problem(ProblemKind::UnreadableReport, error.to_string(), None);
        Recognised::No
    })
}
