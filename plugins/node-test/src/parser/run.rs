//! All lines of an output, one after the other.

use std::collections::HashMap;

use flaky_plugin_javascript::{Root, Test, failure, first_paragraph, is_script, nanoseconds_of_millis, push};
use flaky_plugin_sdk::{
    Completeness, Diagnostic, Failure, Location, Outcome, PackedAttempt, PackedTestsBuilder,
};

use super::line::{Mark, Marked, count, glued, marked, place};

/// The counts at the end, in this order and without another line between.
const COUNTS: [&str; 8] = ["tests", "suites", "pass", "fail", "cancelled", "skipped", "todo", "duration_ms"];

/// Of a longer error only the beginning is kept: nobody reads more.
const LONGEST: usize = 64 * 1024;

/// What the text has told so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
    open: Vec<Open>,
    items: Vec<Item>,
    /// Those that have tests in them and failed.
    parents: Vec<Item>,
    counts: Vec<f64>,
    /// Whether all counts were seen.
    ended: bool,
    tests: u64,
    parents_seen: u64,
    section: Option<Section>,
    errors: HashMap<String, Vec<Section>>,
    /// Whether a title with tests in it was closed as the runner does: few others print that.
    tree: bool,
    /// What an error below a failed test belongs to.
    below: Option<Below>,
    /// Whether lines of the runner are looked for behind other text as well.
    glued: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Below {
    Item,
    Parent,
}

#[derive(Debug)]
struct Open {
    title: String,
    children: bool,
}

#[derive(Debug)]
struct Item {
    path: Vec<String>,
    outcome: Outcome,
    millis: Option<f64>,
    /// The line as the section of errors has it again.
    line: String,
    /// The error, where it stands below the line.
    text: String,
}

/// What is told of one failed test at the end.
#[derive(Debug, Default)]
struct Section {
    file: String,
    at: u32,
    line: String,
    text: String,
}

impl Run {
    /// Also finds what stands behind text that tests printed without ending the line.
    pub(crate) fn of_glued() -> Self {
        Self { glued: true, ..Self::default() }
    }

    /// Whether the tests that are named are just as many as were counted.
    pub(crate) fn is_exact(&self) -> bool {
        let suites = self.counts.get(1).map_or(0, |suites| whole_number(*suites));
        self.ended && (self.items.len() as u64 + self.parents_seen) == self.tests.saturating_add(suites)
    }

    /// `whole` is false for a last line that may have lost its end.
    pub(crate) fn line(&mut self, line: &str, whole: bool) {
        if self.ended {
            self.in_errors(line);
            return;
        }
        let line = if self.glued { self.own_part(line) } else { line };
        if let Some((word, number)) = count(line) {
            self.count(word, number);
            return;
        }
        self.counts.clear();
        if let Some(found) = marked(line).filter(|found| whole && found.depth <= self.open.len()) {
            self.below = None;
            self.marked(&found, line);
        } else if let Some(below) = self.below {
            let items = if below == Below::Item { &mut self.items } else { &mut self.parents };
            if let Some(item) = items.last_mut().filter(|item| item.text.len() < LONGEST) {
                item.text.push_str(line);
                item.text.push('\n');
            }
        }
    }

    /// The part of a line that is the runner's.
    fn own_part<'l>(&self, line: &'l str) -> &'l str {
        let fits = |found: Marked<'_>| found.depth <= self.open.len();
        let is_own = count(line).is_some() || marked(line).is_some_and(fits);
        if is_own { line } else { glued(line).unwrap_or(line) }
    }

    fn count(&mut self, word: &str, number: f64) {
        if COUNTS.first() == Some(&word) {
            self.counts.clear();
        }
        if COUNTS.get(self.counts.len()) == Some(&word) {
            self.counts.push(number);
        } else {
            self.counts.clear();
        }
        if self.counts.len() == COUNTS.len() {
            self.ended = true;
            self.tests = self.counts.first().map_or(0, |tests| whole_number(*tests));
        }
    }

    fn marked(&mut self, found: &Marked<'_>, line: &str) {
        if found.mark == Mark::Open && self.closes_as_18(found, line) {
            return;
        }
        if found.mark == Mark::Open {
            self.open.truncate(found.depth);
            self.child();
            self.open.push(Open { title: found.title.to_owned(), children: false });
            return;
        }
        let closes =
            self.open.get(found.depth).is_some_and(|open| open.title == found.title && open.children);
        self.open.truncate(found.depth);
        let mut path: Vec<String> = self.open.iter().map(|open| open.title.clone()).collect();
        path.push(found.title.to_owned());
        let outcome = match (found.mark, found.directive) {
            (Mark::Skipped, _) | (_, Some(_)) => Outcome::Skipped,
            (Mark::Failed, None) => Outcome::Failed,
            (Mark::Passed | Mark::Open, None) => Outcome::Passed,
        };
        let item =
            Item { path, outcome, millis: found.millis, line: line.trim().to_owned(), text: String::new() };
        if closes {
            self.tree = true;
            self.parents_seen += 1;
            if outcome == Outcome::Failed {
                self.parents.push(item);
                self.below = Some(Below::Parent);
            }
        } else {
            self.child();
            if outcome == Outcome::Failed {
                self.below = Some(Below::Item);
            }
            self.items.push(item);
        }
    }

    /// Node.js 18 closes by `▶ title (1.5ms)`, whatever became of it; an error of its own stands below.
    fn closes_as_18(&mut self, found: &Marked<'_>, line: &str) -> bool {
        let Some(open) = self.open.get(found.depth).filter(|open| open.children) else { return false };
        let time = found.title.strip_prefix(open.title.as_str()).and_then(|rest| rest.strip_prefix(" ("));
        if time.is_none_or(|time| !time.contains("ms)")) {
            return false;
        }
        let path: Vec<String> =
            self.open.iter().take(found.depth + 1).map(|open| open.title.clone()).collect();
        self.open.truncate(found.depth);
        self.tree = true;
        self.parents_seen += 1;
        let line = line.trim().to_owned();
        self.parents.push(Item { path, outcome: Outcome::Failed, millis: None, line, text: String::new() });
        self.below = Some(Below::Parent);
        true
    }

    fn child(&mut self) {
        for open in &mut self.open {
            open.children = true;
        }
    }

    /// `✖ failing tests:`, and for each a place, its line, and its error.
    fn in_errors(&mut self, line: &str) {
        if let Some((file, at)) = place(line) {
            self.end_section();
            self.section = Some(Section { file: file.replace('\\', "/"), at, ..Section::default() });
        } else if let Some(section) = &mut self.section {
            if section.line.is_empty() {
                line.trim().clone_into(&mut section.line);
            } else if section.text.len() < LONGEST {
                section.text.push_str(line.strip_prefix("  ").unwrap_or(line));
                section.text.push('\n');
            }
        }
    }

    fn end_section(&mut self) {
        if let Some(section) = self.section.take() {
            self.errors.entry(section.line.clone()).or_default().push(section);
        }
    }

    pub(crate) fn finish(mut self) -> Option<PackedAttempt> {
        if !self.ended && !self.tree {
            return None;
        }
        self.end_section();
        let mut parsed = PackedAttempt {
            format: "node-test-spec".to_owned(),
            completeness: Completeness::Truncated,
            ..PackedAttempt::default()
        };
        let leaves = self.items.len() as u64;
        if self.ended && (leaves..=leaves + self.parents_seen).contains(&self.tests) {
            parsed.completeness = Completeness::Complete;
            if leaves == 0 {
                parsed.diagnostics.push(Diagnostic::new("no-tests", "no test was run"));
            }
        } else if self.ended {
            let said = format!("{} tests ran, and {leaves} are named", self.tests);
            parsed.diagnostics.push(Diagnostic::warning("counters-disagree", said));
        }
        let files: Vec<String> =
            self.items.iter().filter(|item| item.is_file()).map(|item| item.title().to_owned()).collect();
        let root = Root::of(files.iter().map(String::as_str));
        for parent in std::mem::take(&mut self.parents) {
            self.tell_parent(&parent, &mut parsed);
        }
        let mut tests = PackedTestsBuilder::default();
        for item in std::mem::take(&mut self.items) {
            let section = self
                .errors
                .get_mut(&item.line)
                .and_then(|found| (!found.is_empty()).then(|| found.remove(0)));
            push(&mut tests, item.test(section, &root));
        }
        parsed.tests = tests.finish();
        Some(parsed)
    }

    /// A title with tests in it that failed by itself.
    fn tell_parent(&mut self, parent: &Item, parsed: &mut PackedAttempt) {
        let section =
            self.errors.get_mut(&parent.line).and_then(|found| (!found.is_empty()).then(|| found.remove(0)));
        let text = section.as_ref().map_or(parent.text.as_str(), |section| section.text.as_str());
        let error = error(text);
        // The tests in it are told themselves.
        if error.message.is_empty() && error.kind.is_empty() || is_of_children(&error.message) {
            return;
        }
        let said = match error.kind.as_str() {
            "" | "Error" => first_paragraph(&error.message),
            kind => format!("{kind}: {}", first_paragraph(&error.message)),
        };
        let diagnostic = Diagnostic::new("suite-error", format!("{}: {said}", parent.path.join(" > ")));
        parsed.diagnostics.push(match section {
            Some(section) => diagnostic.at(Location::new(section.file, Some(section.at))),
            None => diagnostic,
        });
    }
}

impl Item {
    fn title(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// A file that is run as a test: it has none in it, or its process ended badly.
    fn is_file(&self) -> bool {
        self.path.len() == 1 && is_script(self.title())
    }

    fn test(mut self, section: Option<Section>, root: &Root) -> Test {
        let is_file = self.is_file();
        if is_file && let Some(title) = self.path.last_mut() {
            *title = root.relative(title);
        }
        let place = match &section {
            Some(section) if !section.file.is_empty() => {
                Some(Location::new(section.file.clone(), Some(section.at)))
            }
            _ if is_file => self.path.last().map(|file| Location::new(file.clone(), None)),
            _ => None,
        };
        let text = section.map_or(self.text, |section| section.text);
        let failure = (self.outcome == Outcome::Failed).then(|| error(&text));
        let outcome = failure.as_ref().map_or(self.outcome, |failure| failed_outcome(&failure.message));
        Test {
            duration: self.millis.and_then(nanoseconds_of_millis),
            location: place,
            failures: failure.into_iter().collect(),
            ..Test::new(self.path, outcome)
        }
    }
}

pub(crate) fn failed_outcome(message: &str) -> Outcome {
    if message.starts_with("test timed out after ") {
        Outcome::TimedOut
    } else if message.starts_with("test did not finish before its parent") {
        // Cancelled; it may have begun.
        Outcome::NotRun
    } else {
        Outcome::Failed
    }
}

/// `2 subtests failed`
fn is_of_children(message: &str) -> bool {
    let after = message.trim_start_matches(|c: char| c.is_ascii_digit());
    after.len() < message.len()
        && (after.starts_with(" subtest failed") || after.starts_with(" subtests failed"))
}

/// An error as `util.inspect` shows it: its stack, then its properties in braces; what is no error in quotes.
fn error(text: &str) -> Failure {
    let lines: Vec<&str> = text.trim_matches('\n').lines().collect();
    let indent = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min();
    let indent = indent.unwrap_or_default();
    let plain: Vec<&str> = lines.iter().map(|line| line.get(indent..).unwrap_or_default()).collect();
    let plain = plain.join("\n");
    let plain = plain.trim_end();
    if let Some(quoted) = plain.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Failure { kind: String::new(), message: quoted.to_owned(), trace: plain.to_owned() };
    }
    let mut found = failure(plain);
    found.message.truncate(found.message.trim_end().len());
    found
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole_number(number: f64) -> u64 {
    number.max(0.0) as u64
}
