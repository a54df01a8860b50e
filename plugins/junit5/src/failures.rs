//! The part behind a tree that tells of each failure.

use std::collections::{HashMap, VecDeque};

use flaky_plugin_console::{MOST_TEXT, push_line};
use flaky_plugin_sdk::{Failure, Outcome};

/// Failures by what is displayed of their tests, from the engine on, with colons between.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    by_path: HashMap<String, VecDeque<Told>>,
    open: Option<(String, Told)>,
}

/// One failure.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// It is of a class or another container, not of a test.
    pub(crate) is_container: bool,
    said: String,
    trace: String,
    in_message: bool,
}

impl Failures {
    /// Takes a line behind `Failures (8):`.
    pub(crate) fn line(&mut self, line: &str) {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if indent == 2 && !text.starts_with("=> ") && text.contains(':') {
            self.close();
            self.open = Some((text.to_owned(), Told::default()));
            return;
        }
        let Some((_, told)) = &mut self.open else { return };
        if told.trace.is_empty() && text.starts_with("ClassSource [") {
            told.is_container = true;
        } else if told.trace.is_empty()
            && let Some(said) = text.strip_prefix("=> ")
        {
            told.said.push_str(said);
            told.trace.push_str(said);
            told.in_message = true;
        } else if !told.trace.is_empty() && told.trace.len() < MOST_TEXT {
            told.in_message &= !(indent >= 7 && is_frame(text));
            if told.in_message {
                push_line(&mut told.said, line);
            }
            push_line(&mut told.trace, line);
        }
    }

    pub(crate) fn close(&mut self) {
        if let Some((path, told)) = self.open.take() {
            self.by_path.entry(path).or_default().push_back(told);
        }
    }

    pub(crate) fn knows(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// The next failure of this path.
    pub(crate) fn take(&mut self, path: &str) -> Option<Told> {
        self.by_path.get_mut(path)?.pop_front()
    }
}

impl Told {
    pub(crate) fn into_failure(self) -> Failure {
        failure_of(&self.said, self.trace.trim_end().to_owned())
    }
}

/// `java.lang.IllegalStateException: no such item` as kind and message.
pub(crate) fn failure_of(said: &str, trace: String) -> Failure {
    let said = said.trim_end();
    let (kind, message) = match said.split_once(": ") {
        Some((kind, message)) if is_class(kind) => (kind, message),
        _ if is_class(said) => (said, ""),
        _ => ("", said),
    };
    Failure { kind: kind.to_owned(), message: message.to_owned(), trace }
}

/// What a failure makes of its test.
pub(crate) fn outcome_of(failure: &Failure) -> Outcome {
    let timed_out = failure.kind == "java.util.concurrent.TimeoutException"
        && failure.message.contains(" timed out after ");
    if timed_out { Outcome::TimedOut } else { Outcome::Failed }
}

fn is_class(text: &str) -> bool {
    text.contains('.') && text.chars().all(|c| c.is_alphanumeric() || "._$".contains(c))
}

/// `shop.CartTest.addsUp(CartTest.java:21)`, `[...]`
fn is_frame(text: &str) -> bool {
    text == "[...]" || (text.ends_with(')') && text.contains('(')) || text.starts_with("Suppressed: ")
}
