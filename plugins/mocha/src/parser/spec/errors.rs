//! Errors after the counts: a number, the titles, what was thrown.

use flaky_plugin_javascript::failure;
use flaky_plugin_sdk::Failure;

/// Of a longer error only the beginning is kept: nobody reads more.
const LONGEST: usize = 256 * 1024;

/// One error as it is read.
#[derive(Debug, Default)]
pub(crate) struct Error {
    /// From the outermost block to the test.
    pub(crate) titles: Vec<String>,
    /// Whether the last title was seen; the output may have been cut before.
    pub(crate) named: bool,
    text: String,
}

impl Error {
    /// `  3) cart`: the error of that number begins.
    pub(crate) fn start(line: &str, number: u64) -> Option<Self> {
        let title = line.strip_prefix("  ")?.strip_prefix(number.to_string().as_str())?.strip_prefix(") ")?;
        let mut error = Self::default();
        error.title(title);
        Some(error)
    }

    fn title(&mut self, text: &str) {
        self.named = text.ends_with(':');
        self.titles.push(text.strip_suffix(':').unwrap_or(text).trim().to_owned());
    }

    pub(crate) fn line(&mut self, line: &str) {
        if !self.named && line.starts_with("     ") {
            self.title(line.trim());
        } else if self.text.len() < LONGEST {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// The test had passed before: it is told of twice, and counted twice.
    pub(crate) fn is_second_end(&self) -> bool {
        self.text.contains("done() called multiple times")
    }

    pub(crate) fn failure(&self) -> Failure {
        let text = self.text.trim_matches('\n').trim_end();
        let mut end = text.len();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if line.starts_with("      at ") || line.trim_end() == "      + expected - actual" {
                end = at;
                break;
            }
            at += line.len();
        }
        let head = text.get(..end).unwrap_or(text).trim_end();
        // The first line is indented, those after it stand as they were thrown.
        Failure { trace: text.to_owned(), ..failure(head.trim_start()) }
    }
}
