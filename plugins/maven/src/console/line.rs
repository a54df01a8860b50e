//! Lines of Maven and Surefire.

use flaky_plugin_console::seconds;
use flaky_plugin_sdk::{Failure, Outcome};

/// `comparesLines  Time elapsed: 0.01 s  <<< FAILURE!`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'l> {
    pub(super) name: &'l str,
    pub(super) outcome: Outcome,
    pub(super) duration_ns: Option<u64>,
}

/// The level in front of a line and what follows it.
pub(super) fn level(line: &str) -> (Option<&str>, &str) {
    for level in ["INFO", "ERROR", "WARNING"] {
        let rest = line.strip_prefix('[').and_then(|rest| rest.strip_prefix(level)?.strip_prefix(']'));
        if let Some(rest) = rest {
            return (Some(level), rest.strip_prefix(' ').unwrap_or(rest));
        }
    }
    (None, line)
}

/// `Tests run: …` and what follows, also where a test printed something before it without ending the line.
pub(super) fn counted_part(text: &str) -> &str {
    text.rfind("Tests run: ").and_then(|at| text.get(at..)).unwrap_or(text)
}

/// The class of `Tests run: 1, Failures: 0, …, Time elapsed: 0.1 s <<< FAILURE! - in shop.CartTest`; version 3 has two
/// dashes.
pub(super) fn class_done(text: &str) -> Option<&str> {
    let (counted, class) = text.rsplit_once(" in ")?;
    let counted = counted.strip_suffix("--").or_else(|| counted.strip_suffix('-'))?;
    counts(counted.split(", Time elapsed: ").next()?)?;
    (counted.contains(", Time elapsed: ") && !class.contains(' ')).then_some(class)
}

/// How many tests ran, of `Tests run: 20, Failures: 5, Errors: 4, Skipped: 2` and, with tries, `, Flakes: 1`.
pub(super) fn counts(text: &str) -> Option<u64> {
    let mut parts = text.trim_end().split(", ");
    let ran = parts.next()?.strip_prefix("Tests run: ")?.parse().ok()?;
    for part in parts {
        let (_, count) = part
            .split_once(": ")
            .filter(|(word, _)| matches!(*word, "Failures" | "Errors" | "Skipped" | "Flakes"))?;
        count.parse::<u64>().ok()?;
    }
    Some(ran)
}

/// The first line of what is told of a failure.
pub(super) fn head(text: &str) -> Option<Head<'_>> {
    let (rest, outcome) = match text.strip_suffix("<<< FAILURE!") {
        Some(rest) => (rest, Outcome::Failed),
        None => (text.strip_suffix("<<< ERROR!")?, Outcome::Errored),
    };
    let (name, time) = rest.rsplit_once("Time elapsed: ")?;
    let name = name.trim_end();
    let name = name.strip_suffix("--").unwrap_or(name).trim_end();
    let time = time.trim_end().trim_end_matches("sec").trim_end_matches('s').trim_end();
    Some(Head { name, outcome, duration_ns: seconds(time) })
}

/// Kind and message of a trace: they stand before its first frame.
pub(super) fn failure_of(trace: &str) -> Failure {
    let said: Vec<&str> =
        trace.lines().take_while(|line| !line.starts_with("\tat ") && !line.starts_with("    at ")).collect();
    let said = said.join("\n");
    let (kind, message) = match said.split_once(':') {
        Some((kind, message)) if is_class(kind) => (kind, message.trim_start_matches([' ', '\n'])),
        _ if is_class(said.trim()) => (said.trim(), ""),
        _ => ("", said.as_str()),
    };
    Failure { kind: kind.to_owned(), message: message.trim_end().to_owned(), trace: trace.to_owned() }
}

fn is_class(text: &str) -> bool {
    text.contains('.') && text.chars().all(|c| c.is_alphanumeric() || "._$".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_all_versions_are_known() {
        let cases = [
            ("adds  Time elapsed: 0.01 s  <<< FAILURE!", Some(("adds", Outcome::Failed))),
            (
                "adds(shop.CartTest)  Time elapsed: 0.01 sec  <<< ERROR!",
                Some(("adds(shop.CartTest)", Outcome::Errored)),
            ),
            (
                "shop.CartTest.adds -- Time elapsed: 0.01 s <<< FAILURE!",
                Some(("shop.CartTest.adds", Outcome::Failed)),
            ),
            (
                "shop.CartTest.has a name -- Time elapsed: 0 s <<< ERROR!",
                Some(("shop.CartTest.has a name", Outcome::Errored)),
            ),
            ("adds <<< FAILURE!", None),
            ("adds  Time elapsed: 0.01 s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(head(text).map(|head| (head.name, head.outcome)), expected, "{text}");
        }
    }

    #[test]
    fn counts_of_classes_are_told_apart_from_those_of_all() {
        let done = |text| (class_done(text), counts(text));
        let class = "Tests run: 1, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.1 s <<< FAILURE! - in shop.CartTest";
        assert_eq!(done(class), (Some("shop.CartTest"), None));
        let class = "Tests run: 1, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.1 s <<< FAILURE! -- in shop.CartTest";
        assert_eq!(done(class), (Some("shop.CartTest"), None));
        assert_eq!(done("Tests run: 20, Failures: 5, Errors: 4, Skipped: 2, Flakes: 1"), (None, Some(20)));
        assert_eq!(done("Tests run: many"), (None, None));
        let glued = format!("no newline[ERROR] {class}");
        assert_eq!(class_done(counted_part(&glued)), Some("shop.CartTest"));
    }
}
