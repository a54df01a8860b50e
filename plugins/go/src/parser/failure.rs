//! What a test said about its failure.

use flaky_plugin_sdk::Failure;

/// Makes a failure of what a failed test printed; `None` when it printed nothing, as a parent of failed subtests does.
pub(super) fn of_output(output: &str) -> Option<Failure> {
    if output.trim().is_empty() {
        return None;
    }
    let mut said = String::new();
    // Spaces before the log line whose text goes on.
    let mut log: Option<usize> = None;
    for line in output.lines() {
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        if let Some(message) = logged(line) {
            log = Some(line.find(|c: char| c != ' ').unwrap_or_default());
            add(&mut said, message);
        } else if let Some(own) = log.filter(|own| indent >= own + 4 || text.is_empty()) {
            add(&mut said, line.get(own + 4..).unwrap_or_default());
        } else {
            log = None;
        }
    }
    let message = if said.trim().is_empty() { output.trim().to_owned() } else { said.trim_end().to_owned() };
    Some(Failure { kind: String::new(), message, trace: output.to_owned() })
}

/// The message of `    file_test.go:17: message`; what a test printed may stand before it.
fn logged(line: &str) -> Option<&str> {
    let at = line.find(".go:")?;
    let (number, message) = line.get(at + 4..)?.split_once(':')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let before = line.get(..at)?;
    let file = before.rsplit(' ').next().unwrap_or(before);
    let is_log = before.get(..before.len() - file.len())?.ends_with("    ") && !file.is_empty();
    (is_number && is_log).then(|| message.strip_prefix(' ').unwrap_or(message))
}

fn add(said: &mut String, line: &str) {
    if !said.is_empty() {
        said.push('\n');
    }
    said.push_str(line);
}

/// Makes a failure of what the runtime printed when it ended the process.
pub(super) fn of_death(printed: &str) -> Failure {
    let head = printed.split("\n\n").next().unwrap_or(printed);
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let (kind, mut message) = match first.split_once(": ") {
        Some((kind @ ("panic" | "fatal error"), message)) => (kind, message.to_owned()),
        _ => ("", first.to_owned()),
    };
    for line in
        lines.take_while(|line| !line.starts_with("\tpanic: ") && line.trim_start() != "running tests:")
    {
        add(&mut message, line);
    }
    for end in [" [recovered]", " [recovered, repanicked]"] {
        if let Some(own) = message.strip_suffix(end) {
            message.truncate(own.len());
        }
    }
    Failure { kind: kind.to_owned(), message, trace: printed.to_owned() }
}

/// Bytes that the tests of a process repeat of what ended it, all together: it may name every goroutine, and a thousand
/// tests may have run.
const MOST_REPEATED: usize = 128 * 1024;

/// Longest message of each, in bytes, where whole ones would be more.
const LONGEST_REPEATED: usize = 200;

/// What ended a process, for each of the tests that ended with it.
#[derive(Debug)]
pub(super) struct Shared {
    failure: Failure,
    /// Bytes of traces that may still be repeated.
    left: usize,
}

impl Shared {
    /// All of them have the same message, so that they are told as one.
    pub(super) fn among(tests: usize, mut failure: Failure) -> Self {
        if failure.message.len().saturating_mul(tests) > MOST_REPEATED {
            let line = failure.message.lines().next().unwrap_or_default();
            failure.message =
                line.get(..line.floor_char_boundary(LONGEST_REPEATED)).unwrap_or_default().to_owned();
        }
        Self { failure, left: MOST_REPEATED }
    }

    /// The next test's failure: the first ones have the whole trace.
    pub(super) fn next(&mut self) -> Failure {
        let Failure { kind, message, trace } = &self.failure;
        let left = self.left.checked_sub(trace.len());
        self.left = left.unwrap_or_default();
        let trace = left.map(|_| trace.clone()).unwrap_or_default();
        Failure { kind: kind.clone(), message: message.clone(), trace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_was_logged_without_its_place() {
        let cases = [
            (
                "    a_test.go:17: one\n          two\n        - three\n    a_test.go:18: four",
                "one\n  two\n- three\nfour",
            ),
            ("printed\n        a_test.go:9: deep\n            more", "deep\nmore"),
            ("almost    a_test.go:57: not there", "not there"),
            ("got:\n4\nwant:\n5\n", "got:\n4\nwant:\n5"),
            ("see main.go:3: no log", "see main.go:3: no log"),
        ];
        for (output, message) in cases {
            assert_eq!(of_output(output).unwrap().message, message, "{output}");
        }
        assert_eq!(of_output(" \n"), None);
    }

    #[test]
    fn what_ended_a_process_is_repeated_within_bounds() {
        let dump = |bytes: usize| format!("panic: boom\nsecond line\n\n{}", "g".repeat(bytes));
        for (tests, bytes, whole, message) in [
            (3, 10_000, 3, "boom\nsecond line"),
            (100, 10_000, 13, "boom\nsecond line"),
            (20_000, 60_000, 2, "boom"),
        ] {
            let mut shared = Shared::among(tests, of_death(&dump(bytes)));
            let failures: Vec<_> = (0..tests).map(|_| shared.next()).collect();
            assert!(failures.iter().all(|failure| failure.message == message), "{tests} tests");
            assert_eq!(failures.iter().filter(|failure| !failure.trace.is_empty()).count(), whole);
        }
    }

    #[test]
    fn a_panic_is_its_first_words() {
        let cases = [
            ("panic: boom [recovered]\n\tpanic: boom\n\ngoroutine 8", "panic", "boom"),
            ("panic: boom [recovered, repanicked]\n\ngoroutine 8", "panic", "boom"),
            (
                "panic: test timed out after 1s\n\trunning tests:\n\t\tTestA (1s)\n\n",
                "panic",
                "test timed out after 1s",
            ),
            (
                "fatal error: all goroutines are asleep - deadlock!\n\n",
                "fatal error",
                "all goroutines are asleep - deadlock!",
            ),
            (
                "panic: test timed out after 1s\nrunning tests:\n\tTestA (1s)\n\n",
                "panic",
                "test timed out after 1s",
            ),
            ("exit status 3", "", "exit status 3"),
        ];
        for (printed, kind, message) in cases {
            let failure = of_death(printed);
            assert_eq!((failure.kind.as_str(), failure.message.as_str()), (kind, message));
        }
    }
}
