//! Testdox: a heading per class, ` ✔ Adds` per test, and below it what went wrong.

use flaky_plugin_sdk::{Failure, Outcome};

use super::defects::explained;
use super::is_class;

/// Of longer messages the rest is left out; nobody reads more.
const LONGEST_MESSAGE: usize = 64 * 1024;
/// Of all messages together.
const ALL_MESSAGES: usize = 16 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Described {
    pub(super) class: String,
    pub(super) name: String,
    mark: Outcome,
    text: String,
    pub(super) nanoseconds: Option<u64>,
    /// Text that PHPUnit did not write stands right before it.
    printed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Testdox {
    pub(super) tests: Vec<Described>,
    class: Option<String>,
    after_empty: bool,
    printed: bool,
    bytes: usize,
}

const MARKS: [(&str, Outcome); 6] = [
    (" ✔ ", Outcome::Passed),
    (" ✘ ", Outcome::Failed),
    (" ↩ ", Outcome::Skipped),
    (" ∅ ", Outcome::Skipped),
    // Risky tests and tests with warnings pass.
    (" ☢ ", Outcome::Passed),
    (" ⚠ ", Outcome::Passed),
];

impl Testdox {
    pub(super) fn take(&mut self, line: &str) {
        if line.is_empty() {
            self.after_empty = true;
            return;
        }
        let after_empty = std::mem::take(&mut self.after_empty);
        if let Some(class) = heading(line).filter(|_| after_empty) {
            self.class = Some(class.to_owned());
            self.printed = false;
            return;
        }
        let mark = MARKS.iter().find_map(|(mark, outcome)| Some((line.strip_prefix(mark)?, *outcome)));
        if let (Some((name, mark)), Some(class)) = (mark, &self.class) {
            let (name, nanoseconds) = timed(name);
            self.tests.push(Described {
                class: class.clone(),
                name: name.to_owned(),
                mark,
                text: String::new(),
                nanoseconds,
                printed: std::mem::take(&mut self.printed),
            });
            return;
        }
        if let Some(text) = line
            .strip_prefix("   ")
            .and_then(|rest| rest.strip_prefix(['│', '├', '┐', '┴', '╵', '┊', '╷', '|']))
            && let Some(test) = self.tests.last_mut().filter(|_| !self.printed)
        {
            let text = text.strip_prefix(' ').unwrap_or(text);
            if test.text.len() < LONGEST_MESSAGE && self.bytes < ALL_MESSAGES {
                test.text.push_str(text);
                test.text.push('\n');
                self.bytes += text.len() + 1;
            }
            return;
        }
        self.printed = true;
    }

    /// Leaves out as many tests as there are too many: lines that a test printed stand before its own.
    pub(super) fn drop_printed(&mut self, most: usize) {
        let mut too_many = self.tests.len().saturating_sub(most);
        self.tests.retain(|test| {
            let drop = too_many > 0 && test.printed;
            too_many -= usize::from(drop);
            !drop
        });
    }
}

/// `Cart (Shop\Tests\Cart)`: the class in brackets.
fn heading(line: &str) -> Option<&str> {
    let (name, class) = line.strip_suffix(')')?.rsplit_once(" (")?;
    (is_class(class) && !name.starts_with(' ') && !name.is_empty()).then_some(class)
}

/// `Adds [1.44 ms]`, as with `--verbose`.
fn timed(name: &str) -> (&str, Option<u64>) {
    let name = name.trim_end();
    let time = name.strip_suffix(" ms]").and_then(|rest| rest.rsplit_once(" ["));
    // Casts of floats saturate.
    match time.and_then(|(name, time)| Some((name, time.parse::<f64>().ok()?))) {
        Some((name, milliseconds)) => (name, Some((milliseconds * 1e6) as u64)),
        None => (name, None),
    }
}

impl Described {
    /// The mark is the same for failures and errors: an exception has its class before its message.
    pub(super) fn told(&self) -> (Outcome, Option<Failure>) {
        if self.text.trim().is_empty() {
            return (self.mark, None);
        }
        let failure = explained(&self.text, self.mark == Outcome::Failed);
        let outcome = if self.mark == Outcome::Failed && !failure.kind.is_empty() {
            Outcome::Errored
        } else {
            self.mark
        };
        (outcome, Some(failure))
    }
}
