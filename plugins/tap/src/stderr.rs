//! What Perl's Test::More says of failures on standard error.

use std::collections::{HashMap, VecDeque};

use flaky_plugin_sdk::{Blob, Failure};
use flaky_plugin_text::{capped, plain};

/// What was said of failed tests, by description, in order.
#[derive(Debug, Default)]
pub(crate) struct Said(HashMap<String, VecDeque<String>>);

impl Said {
    pub(crate) fn read(stderr: &Blob<'_>) -> Self {
        let mut said: HashMap<String, VecDeque<String>> = HashMap::new();
        let mut current: Option<String> = None;
        let mut lines = stderr.lines_up_to(64 * 1024);
        while let Some(line) = lines.next_line() {
            let text = plain(line.bytes);
            let Some(text) = text.trim_start().strip_prefix('#') else { continue };
            let text = text.strip_prefix(' ').unwrap_or(text);
            if let Some(rest) = text.strip_prefix("  Failed test") {
                let name = rest
                    .trim()
                    .strip_prefix('\'')
                    .and_then(|name| name.strip_suffix('\''))
                    .unwrap_or_default();
                said.entry(name.to_owned()).or_default().push_back(String::new());
                current = Some(name.to_owned());
            } else if text.starts_with("Looks like you ") {
                current = None;
            } else if let Some(block) =
                current.as_ref().and_then(|name| said.get_mut(name)).and_then(VecDeque::back_mut)
            {
                capped(block, text, 64 * 1024);
            }
        }
        Self(said)
    }

    pub(crate) fn take(&mut self, description: &str) -> Option<Failure> {
        let said = self.0.get_mut(description)?.pop_front()?;
        let message = said.lines().filter(|line| !line.starts_with("  at ")).collect::<Vec<_>>().join("\n");
        Some(Failure { kind: String::new(), message, trace: said })
    }
}
