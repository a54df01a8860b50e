//! The tree that is printed at the end of a run.

use flaky_plugin_console::{Test, TestsSoFar, push_line, visible};
use flaky_plugin_sdk::{Blob, Completeness, Diagnostic, Failure, LineEnd, Outcome, PackedAttempt, Source};

use crate::failures::{Failures, outcome_of};
use crate::line::{self, Theme};

/// Reads a tree; `None` when there is none.
pub(crate) fn read(blob: &Blob<'_>, source: &Source) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut lines = blob.lines();
    while let Some(line) = lines.next_line() {
        reading.offset = line.offset;
        reading.line(&visible(line.bytes), line.end);
    }
    reading.failures.close();
    reading.finish(source, blob.cut().is_some())
}

#[derive(Debug, Default)]
struct Reading {
    offset: u64,
    part: Part,
    nodes: Vec<Node>,
    failures: Failures,
    counts: Counts,
}

/// Which part of the output is being read.
#[derive(Debug, Default, PartialEq, Eq)]
enum Part {
    /// What tests print comes before.
    #[default]
    Before,
    Root(Theme),
    Tree(Theme),
    Failures,
    Counts,
}

#[derive(Debug)]
struct Node {
    depth: usize,
    theme: Theme,
    /// Name, sign and message.
    text: String,
    more: String,
}

/// `[        17 tests started         ]`
#[derive(Debug, Default)]
struct Counts {
    skipped: Option<usize>,
    started: Option<usize>,
    found: Option<usize>,
    failed: Option<usize>,
}

impl Reading {
    fn line(&mut self, line: &str, end: LineEnd) {
        if let Some(theme) = line::root(line).filter(|_| self.part != Part::Counts) {
            self.part = Part::Root(theme);
            return;
        }
        match self.part {
            Part::Before => {}
            Part::Root(theme) => {
                let is_tree = line::branch(line).is_some_and(|branch| {
                    branch.depth == 0 && branch.theme == theme && has_sign(branch.text, theme)
                });
                if !is_tree {
                    self.part = Part::Before;
                    return;
                }
                // An earlier one was printed by a test.
                self.nodes.clear();
                self.part = Part::Tree(theme);
                self.node(line, theme, end);
            }
            Part::Tree(theme) => self.node(line, theme, end),
            Part::Failures if line.starts_with("Test run finished after ") => {
                self.failures.close();
                self.part = Part::Counts;
            }
            Part::Failures => self.failures.line(line),
            Part::Counts => self.counts.line(line),
        }
    }

    fn node(&mut self, line: &str, theme: Theme, end: LineEnd) {
        if line.starts_with("Failures (") && line.ends_with("):") {
            self.part = Part::Failures;
        } else if line.starts_with("Test run finished after ") {
            self.part = Part::Counts;
        } else if let Some(branch) = line::branch(line).filter(|branch| branch.theme == theme) {
            if end == LineEnd::LineFeed {
                let text = branch.text.to_owned();
                self.nodes.push(Node { depth: branch.depth, theme, text, more: String::new() });
            }
        } else if let (Some(node), Some(text)) = (self.nodes.last_mut(), line::inside(line)) {
            push_line(&mut node.more, text);
        }
    }

    fn finish(mut self, source: &Source, was_cut: bool) -> Option<PackedAttempt> {
        if self.nodes.is_empty() {
            return None;
        }
        let mut tests = TestsSoFar::default();
        let mut diagnostics = Vec::new();
        let mut path: Vec<String> = Vec::new();
        let is_whole = self.part == Part::Counts;
        let nodes = std::mem::take(&mut self.nodes);
        for (index, node) in nodes.iter().enumerate() {
            path.truncate(node.depth);
            let (name, outcome, said) = split(node, &path, &self.failures);
            path.push(name);
            let has_children = nodes.get(index + 1).map(|next| next.depth > node.depth);
            // Of the last node before a cut nobody knows whether it has children.
            let Some(has_children) = has_children.or(is_whole.then_some(false)) else { continue };
            let told = if outcome == Outcome::Failed { self.failures.take(&path.join(":")) } else { None };
            // Directly below an engine are classes.
            let is_container =
                has_children || node.depth <= 1 || told.as_ref().is_some_and(|told| told.is_container);
            let failure = told.map_or_else(|| Failure::new("", said), crate::failures::Told::into_failure);
            if is_container {
                if outcome == Outcome::Failed {
                    let message = format!("`{}`: {} {}", shown(&path), failure.kind, failure.message);
                    diagnostics.push(Diagnostic::new("suite-error", message));
                }
                continue;
            }
            tests.0.push(test_of(&path, outcome, failure));
        }
        let complete = is_whole && !was_cut && self.counts.agree(&tests.0);
        if is_whole && !complete {
            let warning =
                Diagnostic::warning("contradiction", "the tests that were read are not as many as counted");
            diagnostics.push(warning.offset(source.clone(), self.offset));
        }
        if complete && tests.0.is_empty() && diagnostics.is_empty() {
            diagnostics.push(Diagnostic::new("no-tests", "the JUnit Platform found no test"));
        }
        Some(PackedAttempt {
            format: "junit5-tree".to_owned(),
            tests: tests.pack(),
            completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
            announced: Vec::new(),
            diagnostics,
        })
    }
}

fn has_sign(text: &str, theme: Theme) -> bool {
    line::signs(theme).iter().any(|(sign, _)| text.ends_with(sign) || text.contains(&format!(" {sign} ")))
}

/// Ways to split a node that are tried: names hold a sign once or twice, and each way costs a look-up.
const MOST_SPLITS: usize = 16;

/// Name, outcome and message of a node. Signs may be part of names: where several splits are possible, the names of
/// what failed are known from the part behind the tree.
fn split(node: &Node, path: &[String], failures: &Failures) -> (String, Outcome, String) {
    let text = node.text.as_str();
    let mut first = None;
    for (sign, outcome) in line::signs(node.theme) {
        let mark = format!(" {sign}");
        for (at, _) in text.match_indices(&mark).take(MOST_SPLITS) {
            let rest = text.get(at + mark.len()..).unwrap_or_default();
            // What passed has no message.
            let fits = rest.is_empty() || (rest.starts_with(' ') && outcome != Outcome::Passed);
            if !fits {
                continue;
            }
            let name = text.get(..at).unwrap_or_default();
            let is_known = outcome == Outcome::Failed
                && failures
                    .knows(&path.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(":"));
            let found = (name, outcome, rest.trim_start());
            if is_known {
                first = Some(found);
                break;
            }
            // What ends in the sign of a pass has passed, unless it is known to have failed.
            if first.is_none() {
                first = Some(found);
            }
        }
    }
    let (name, outcome, said) = first.unwrap_or((text, Outcome::Unknown, ""));
    let mut said = said.to_owned();
    if !node.more.is_empty() {
        push_line(&mut said, &node.more);
    }
    (name.to_owned(), outcome, said)
}

/// The path without its engine.
pub(crate) fn shown(path: &[String]) -> String {
    path.get(1..).unwrap_or_default().join(" > ")
}

pub(crate) fn test_of(path: &[String], outcome: Outcome, failure: Failure) -> Test {
    let (name, suite) = path.split_last().map_or(("", &[][..]), |(name, suite)| (name.as_str(), suite));
    let failed = outcome == Outcome::Failed;
    let outcome = if failed { outcome_of(&failure) } else { outcome };
    let failures = if failed { vec![failure] } else { Vec::new() };
    let name = if name.is_empty() { "(unnamed)" } else { name };
    Test { failures, ..Test::of_suite(&shown(suite), " > ", name, outcome) }
}

impl Counts {
    fn line(&mut self, line: &str) {
        let inner = line.strip_prefix('[').and_then(|line| line.strip_suffix(']'));
        let Some((count, what)) = inner.and_then(|inner| inner.trim().split_once(' ')) else { return };
        let Ok(count) = count.parse() else { return };
        match what {
            "tests found" => self.found = Some(count),
            "tests skipped" => self.skipped = Some(count),
            "tests started" => self.started = Some(count),
            "tests failed" => self.failed = Some(count),
            _ => {}
        }
    }

    /// Whether the counts are there and fit: tests of a class that was skipped or failed before them are found, and
    /// neither started nor shown.
    fn agree(&self, tests: &[Test]) -> bool {
        let failed = tests.iter().filter(|test| !test.failures.is_empty()).count();
        let counts = (self.found, self.skipped, self.started, self.failed);
        let (Some(found), Some(skipped), Some(started), Some(counted)) = counts else { return false };
        tests.len() <= found
            && started.saturating_add(skipped) >= tests.len()
            && started <= tests.len()
            && counted == failed
    }
}
