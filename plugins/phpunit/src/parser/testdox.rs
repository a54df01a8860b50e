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
    /// Such text stands before it in the same line: it may be no test at all.
    glued: bool,
}

#[derive(Debug, Default)]
pub(super) struct Testdox {
    pub(super) tests: Vec<Described>,
    class: Option<String>,
    /// A heading was seen that nobody else writes.
    certain: bool,
    /// Classes are in namespaces, so that their headings name them.
    namespaced: bool,
    /// A line that is a heading if a test follows.
    maybe_class: Option<String>,
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
        let maybe_class = self.maybe_class.take();
        if line.is_empty() {
            self.after_empty = true;
            return;
        }
        let after_empty = std::mem::take(&mut self.after_empty);
        if let Some(class) = heading(line).filter(|_| after_empty) {
            self.class = Some(class.to_owned());
            self.certain = true;
            // PHPUnit's own stand for tests that could not be made.
            self.namespaced |= !class.starts_with("PHPUnit\\");
            self.printed = false;
            return;
        }
        if let Some((name, mark)) = marked(line) {
            if let Some(class) = &maybe_class {
                self.certain |= is_in_words(class);
                self.class = maybe_class;
                self.printed = false;
            }
            self.test(name, mark, false);
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
        let last_mark = MARKS.iter().filter_map(|(mark, _)| line.rfind(mark)).max();
        if let Some((name, mark)) = last_mark.and_then(|at| marked(line.get(at..)?)) {
            self.test(name, mark, true);
            return;
        }
        if after_empty && !self.namespaced && is_plain_heading(line, self.class.is_none()) {
            self.maybe_class = Some(line.to_owned());
        }
        self.printed = true;
    }

    fn test(&mut self, name: &str, mark: Outcome, glued: bool) {
        let Some(class) = self.class.clone() else { return };
        let (name, nanoseconds) = timed(name);
        self.tests.push(Described {
            class,
            name: name.to_owned(),
            mark,
            text: String::new(),
            nanoseconds,
            printed: std::mem::take(&mut self.printed),
            glued,
        });
    }

    /// Leaves out what stands behind printed text, unless it is just what is missing; and everything, where its heading
    /// can be printed text and the number of tests is another.
    pub(super) fn drop_uncertain(&mut self, all: Option<usize>) {
        if all != Some(self.tests.len()) {
            self.tests.retain(|test| !test.glued);
        }
        if !self.certain && all != Some(self.tests.len()) {
            self.tests.clear();
        }
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

/// Outside of namespaces the class is not told: the heading is its name in words, or what its author calls it.
fn is_plain_heading(line: &str, is_first: bool) -> bool {
    !line.starts_with(' ') && (is_first || is_in_words(line))
}

/// `Bad Provider` of `BadProviderTest`.
fn is_in_words(line: &str) -> bool {
    line.split(' ').all(|word| {
        word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit())
            && word.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

/// ` ✔ Adds`
fn marked(line: &str) -> Option<(&str, Outcome)> {
    MARKS.iter().find_map(|(mark, outcome)| Some((line.strip_prefix(mark)?, *outcome)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, all: usize) -> Vec<String> {
        let mut testdox = Testdox::default();
        text.lines().for_each(|line| testdox.take(line));
        testdox.drop_uncertain(Some(all));
        testdox.tests.iter().map(|test| format!("{}::{}", test.class, test.name)).collect()
    }

    #[test]
    fn outside_of_namespaces_a_heading_is_words() {
        let text =
            "\nThe cart\n ✔ Adds\n\nBad Provider\n ✔ Fine\n\nprinted text\n ✔ Prints\n\nA (Shop\\A)\n ✔ B\n";
        let expected = ["The cart::Adds", "Bad Provider::Fine", "Bad Provider::Prints", "Shop\\A::B"];
        assert_eq!(read(text, 4), expected);
    }

    #[test]
    fn what_a_test_prints_is_no_heading_where_headings_name_classes() {
        let text = "\nA (Shop\\A)\n ✘ B\n   │\n   │ no\n   │\n\nHello\n ✔ C\n";
        assert_eq!(read(text, 2), ["Shop\\A::B", "Shop\\A::C"]);
    }

    #[test]
    fn a_test_may_stand_behind_printed_text() {
        let text = "\nCart\n ✔ Adds\nno newline ✘ Fails\n   │\n   │ no\n\n ✔ Ends\n";
        assert_eq!(read(text, 3), ["Cart::Adds", "Cart::Fails", "Cart::Ends"]);
        assert_eq!(read(text, 2), ["Cart::Adds", "Cart::Ends"]);
        let printed = "\n..F.a line\n ✘ Fakes\n";
        assert_eq!((read(printed, 1), read(printed, 5)), (vec!["..F.a line::Fakes".to_owned()], vec![]));
    }
}
