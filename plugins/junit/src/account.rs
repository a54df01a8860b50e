//! What a failure said, where the writer put it into the element's text alone or said next to nothing in `message`.

/// The message of a result: the attribute, unless what it says stands in the body only.
pub(crate) fn message(attribute: String, type_name: &str, body: &str, test: &str) -> String {
    if let Some(said) = panic_message(&attribute, body) {
        return said;
    }
    if attribute.trim().is_empty() || (says_nothing(&attribute, type_name) && !body.trim().is_empty()) {
        return beginning(body, test);
    }
    attribute
}

/// Words that writers put where others put what happened: Boost.Test, CTest and Playwright (which names the place).
fn says_nothing(message: &str, type_name: &str) -> bool {
    matches!(message.trim().to_ascii_lowercase().as_str(), "failure" | "failed" | "error")
        || (type_name == "FAILURE"
            && message.split(' ').next().is_some_and(|place| place.matches(':').count() == 2))
}

/// What a Rust test said when it panicked. nextest puts the place of the panic into the attribute.
fn panic_message(attribute: &str, body: &str) -> Option<String> {
    let is_panic = |line: &str| line.starts_with("thread '") && line.contains(" panicked at ");
    let first = attribute.lines().next().filter(|line| is_panic(line))?;
    // Before Rust 1.73 the message stood in the line itself.
    if let Some((_, quoted)) = first.split_once(" panicked at '") {
        let text = attribute.get(first.len() - quoted.len()..)?;
        let end = text.rfind("', ").unwrap_or(text.len());
        return text.get(..end).map(str::to_owned);
    }
    let mut lines = if attribute.lines().count() > 1 { attribute.lines() } else { body.lines() };
    lines.find(|line| is_panic(line))?;
    let said: Vec<&str> = lines.take_while(|line| !is_stack(line)).collect();
    let said = said.join("\n");
    (!said.trim().is_empty()).then(|| said.trim_end().to_owned())
}

/// The beginning of a body, up to where the stack begins.
fn beginning(body: &str, test: &str) -> String {
    let mut lines = body.lines().skip_while(|line| line.trim().is_empty()).peekable();
    // PHPUnit begins with the test's own name, Playwright with its title in a frame.
    let is_title = |line: &str| {
        let line = line.trim();
        let own = !test.is_empty()
            && (line.strip_suffix(test).is_some_and(|class| class.ends_with("::"))
                || (line.starts_with('[') && line.ends_with('─')));
        own || line.starts_with('─')
    };
    let mut titled = false;
    while lines.next_if(|line| is_title(line) || (titled && line.trim().is_empty())).is_some() {
        titled = true;
    }
    let Some(first) = lines.next() else { return String::new() };
    let mut said = vec![first.trim()];
    said.extend(lines.take_while(|line| !is_stack(line)).map(str::trim_end));
    said.join("\n").trim_end().to_owned()
}

/// Whether a line is part of a stack or shows source code.
fn is_stack(line: &str) -> bool {
    let line = line.trim();
    let starts = [
        "at ",
        "File \"",
        "# ./",
        "# /",
        "Traceback (",
        "stack backtrace:",
        "note: run with `RUST_BACKTRACE",
    ];
    if starts.iter().any(|start| line.starts_with(start)) {
        return true;
    }
    // `> 12 |   expect(…)` of Playwright and Jest.
    let code = line.trim_start_matches('>').trim_start();
    let number = code.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
    number > 0 && code.get(number..).is_some_and(|rest| rest.trim_start().starts_with('|')) || is_place(line)
}

/// `/src/CartTest.php:31`, `a_spec.rb:3:in 'block'`.
fn is_place(line: &str) -> bool {
    let Some((path, rest)) = line.split_once(':') else { return false };
    path.contains('.')
        && !path.contains(char::is_whitespace)
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.split(':').next().is_some_and(|line| line.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_taken_from_where_each_writer_puts_it() {
        // Attribute, type, body, test, message.
        let cases = [
            ("expected 1", "X", "stack", "t", "expected 1"),
            (
                "",
                "",
                "\nCalcTest::testAdds\nFailed asserting that 3 is 4.\n--- Expected\n\n/src/CalcTest.php:12\n",
                "testAdds",
                "Failed asserting that 3 is 4.\n--- Expected",
            ),
            (
                "",
                "",
                "Error: expect(received).toBe(expected)\n\nExpected: 2\nReceived: 3\n    at Object.<anonymous> (a.js:3:1)",
                "t",
                "Error: expect(received).toBe(expected)\n\nExpected: 2\nReceived: 3",
            ),
            (
                "a.spec.ts:3:5 fails",
                "FAILURE",
                "  [chromium] › a.spec.ts:3:5 › fails ───────\n\n    Error: expect failed\n\n    Expected: 1\n\n      4 |   x\n    > 5 |   y\n",
                "fails",
                "Error: expect failed\n\n    Expected: 1",
            ),
            (
                "thread 't' panicked at src/lib.rs:3:5",
                "test failure",
                "noise\nthread 't' panicked at src/lib.rs:3:5:\nassertion failed\n  left: 1\nnote: run with `RUST_BACKTRACE=1`",
                "t",
                "assertion failed\n  left: 1",
            ),
            ("thread 't' panicked at 'not it', src/lib.rs:3:5", "", "", "t", "not it"),
            (
                "failure",
                "assertion error",
                "ASSERTION FAILURE:\n- message: check failed",
                "t",
                "ASSERTION FAILURE:\n- message: check failed",
            ),
            ("Failed", "", "", "t", "Failed"),
        ];
        for (attribute, type_name, body, test, expected) in cases {
            assert_eq!(message(attribute.to_owned(), type_name, body, test), expected, "{attribute} {body}");
        }
    }
}
