//! What is told of failed tests after the list: a numbered heading, and text indented by four.

use flaky_plugin_javascript::failure;
use flaky_plugin_sdk::Failure;

use super::line::Named;

/// Of a longer section only the beginning is kept: nobody reads more.
const LONGEST: usize = 256 * 1024;

/// One failed or flaky test.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) test: Named,
    /// A text per try that failed.
    tries: Vec<String>,
}

impl Section {
    pub(crate) fn of(test: Named) -> Self {
        Self { test, tries: vec![String::new()] }
    }

    /// Whether the line belongs to the section.
    pub(crate) fn line(&mut self, line: &str) -> bool {
        let text = match line.strip_prefix("    ") {
            Some(text) => text,
            None if line.trim().is_empty() => "",
            None => return false,
        };
        if text.starts_with("Retry #") && text.ends_with('─') {
            self.tries.push(String::new());
        } else if let Some(last) = self.tries.last_mut().filter(|last| last.len() < LONGEST) {
            last.push_str(text);
            last.push('\n');
        }
        true
    }

    /// How often it was tried, as far as that is told.
    pub(crate) fn tries(&self) -> usize {
        self.tries.len()
    }

    /// What the last try says.
    pub(crate) fn failure(&self) -> Failure {
        let text = self.tries.last().map(|text| text.trim_matches('\n')).unwrap_or_default();
        let mut end = text.len();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if is_code(line)
                || line.starts_with("    at ")
                || line.starts_with("Error Context: ")
                || line.starts_with("attachment #")
            {
                end = at;
                break;
            }
            at += line.len();
        }
        let head = failure(text.get(..end).unwrap_or(text));
        Failure { trace: text.to_owned(), ..head }
    }
}

/// `> 10 |   test(…)`, `  10 |`
fn is_code(line: &str) -> bool {
    let text = line.trim_start_matches(['>', ' ']);
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < text.len() && rest.starts_with(" |") && line.starts_with([' ', '>'])
}
