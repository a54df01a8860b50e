//! The lists after the progress: `There was 1 failure:`, and a numbered block for each.

use flaky_plugin_sdk::{Failure, Outcome};

use super::is_class;

/// Of longer blocks the rest is left out; nobody reads more.
const LONGEST_BLOCK: usize = 64 * 1024;
/// Of all blocks together, so that a thousand long ones do not fill the memory.
const ALL_BLOCKS: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defect {
    pub(super) id: String,
    pub(super) outcome: Outcome,
    text: String,
}

#[derive(Debug, Default)]
pub(super) struct Defects {
    pub(super) found: Vec<Defect>,
    /// The list that is being read; `None` for one that is about something else.
    list: Option<Outcome>,
    numbered: usize,
    inside: bool,
    bytes: usize,
}

impl Defects {
    /// Whether the line is part of a list.
    pub(super) fn take(&mut self, line: &str) -> bool {
        if let Some(list) = heading(line) {
            self.list = list;
            self.numbered = 0;
            self.inside = false;
            return true;
        }
        if line == "--" {
            self.list = None;
            self.inside = false;
            return true;
        }
        if let Some((number, title)) = line.split_once(") ")
            && number.parse() == Ok(self.numbered + 1)
            && let Some(outcome) = self.list
        {
            self.numbered += 1;
            self.found.push(Defect { id: id_of(title), outcome, text: String::new() });
            self.inside = true;
            return true;
        }
        if let Some(defect) = self.found.last_mut().filter(|_| self.inside) {
            if defect.text.len() < LONGEST_BLOCK && self.bytes < ALL_BLOCKS {
                defect.text.push_str(line);
                defect.text.push('\n');
                self.bytes += line.len() + 1;
            }
            return true;
        }
        false
    }

    pub(super) fn close(&mut self) {
        self.list = None;
        self.inside = false;
    }
}

/// `There were 6 errors:`. The outer `None` is no heading; the inner one a list that is about no outcome (warnings,
/// deprecations, notices), as in `1 test triggered 1 warning:`.
fn heading(line: &str) -> Option<Option<Outcome>> {
    let rest = line.strip_suffix(':')?;
    if let Some(rest) = rest.strip_prefix("There was ").or_else(|| rest.strip_prefix("There were ")) {
        let (number, noun) = rest.split_once(' ')?;
        number.parse::<usize>().ok()?;
        return Some(match noun {
            "error" | "errors" => Some(Outcome::Errored),
            "failure" | "failures" => Some(Outcome::Failed),
            "skipped test" | "skipped tests" | "incomplete test" | "incomplete tests" => {
                Some(Outcome::Skipped)
            }
            _ => None,
        });
    }
    let (number, rest) = rest.split_once(' ')?;
    number.parse::<usize>().ok()?;
    (rest.starts_with("test triggered ") || rest.starts_with("tests triggered ")).then_some(None)
}

/// `Shop\CartTest::testAdds with data set "two" (2, 'x')`, without the data.
pub(super) fn id_of(title: &str) -> String {
    const SET: &str = " with data set ";
    let Some(at) = title.find(SET) else { return title.trim_end().to_owned() };
    let (_, set) = title.split_at(at + SET.len());
    let end = match set.strip_prefix('"') {
        Some(name) => ["\" (", "\" with ("].iter().filter_map(|end| name.find(end)).min().map(|end| end + 2),
        None => [" (", " with ("].iter().filter_map(|end| set.find(end)).min(),
    };
    let end = end.map_or(title.len(), |end| at + SET.len() + end);
    title.get(..end).unwrap_or(title).trim_end().to_owned()
}

impl Defect {
    pub(super) fn failure(&self) -> Failure {
        explained(&self.text, self.outcome == Outcome::Errored)
    }
}

/// The message, and the places after an empty line.
pub(super) fn explained(text: &str, is_error: bool) -> Failure {
    let text = text.trim_matches('\n').trim_end();
    let lines: Vec<&str> = text.lines().collect();
    // Of an exception with a cause, there are places of both.
    let is_place = |line: &&str| {
        let numbered = line.rsplit_once(':').is_some_and(|(file, line)| {
            line.parse::<u32>().is_ok()
                && !file.contains(": ")
                && (file.starts_with('/') || file.contains(".php"))
        });
        numbered && !line.starts_with(' ')
    };
    let first = lines.iter().position(is_place).unwrap_or(lines.len());
    let (said, trace) = lines.split_at(first);
    let said = said.join("\n");
    let said = said.trim_matches('\n').trim_end();
    let (kind, message) = match said.split_once(": ") {
        Some((kind, rest)) if is_error && is_class(kind) => (kind, rest),
        _ => ("", said),
    };
    Failure { kind: kind.to_owned(), message: message.to_owned(), trace: trace.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_no_part_of_an_id() {
        let cases = [
            ("A::t", "A::t"),
            ("A::t with data set \"a (b)\" (1, 'x')", "A::t with data set \"a (b)\""),
            ("A::t with data set \"say \"x\"\" (9)", "A::t with data set \"say \"x\"\""),
            ("A::t with data set #3 (0)", "A::t with data set #3"),
            ("A::t with data set #3 with (0)", "A::t with data set #3"),
            ("A::t with data set \"a\" with ('b')", "A::t with data set \"a\""),
            ("A::t with data set #3", "A::t with data set #3"),
            ("A::t with data set \"x\"", "A::t with data set \"x\""),
        ];
        for (title, id) in cases {
            assert_eq!(id_of(title), id);
        }
    }

    #[test]
    fn lists_say_what_their_tests_came_to() {
        let mut defects = Defects::default();
        let text = "There was 1 error:\n\n1) A::a\nE\\X: said\n\n/a.php:3\n\n--\n\nThere were 2 failures:\n\n1) A::b\nno\n3) x\n2) A::c\n--\nThere was 1 risky test:\n\n1) A::d\nx\n";
        text.lines().for_each(|line| {
            defects.take(line);
        });
        let found: Vec<_> = defects.found.iter().map(|defect| (defect.id.as_str(), defect.outcome)).collect();
        assert_eq!(found, [("A::a", Outcome::Errored), ("A::b", Outcome::Failed), ("A::c", Outcome::Failed)]);
        let failure = defects.found.first().unwrap().failure();
        assert_eq!(
            (failure.kind.as_str(), failure.message.as_str(), failure.trace.as_str()),
            ("E\\X", "said", "/a.php:3")
        );
    }
}
