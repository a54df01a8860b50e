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
