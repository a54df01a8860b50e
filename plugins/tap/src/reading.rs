//! One stream of TAP.
//!
//! Programs print into the same stream, so a line is a result only where its number is the next one, and a plan only where
//! it can be one. Results behind text whose line a program did not end are taken only where the plan then comes out exactly.

use flaky_plugin_sdk::{Attempt, Blob, LineEnd, PackedAttempt};
use flaky_plugin_text::{capped, plain};

use crate::line::{self, INDENT, Line, Point};
use crate::report::Report;
use crate::yaml::Details;

/// Of longer lines only the beginning is read.
pub(crate) const LONGEST_LINE: usize = 256 * 1024;

/// More of what is said of one test tells nothing new about its failure.
const MOST_SAID: usize = 256 * 1024;

/// Producers nest as deep as people do; what is deeper is printed text.
const DEEPEST: usize = 32;

/// `None` when it is something else.
pub(crate) fn parse(blob: &Blob<'_>, attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let strict = read(blob, false)?;
    let whole = strict.is_whole() || strict.bail_out.is_some();
    let glued = if whole { None } else { read(blob, true).filter(Stream::is_whole) };
    let stream = glued.unwrap_or(strict);
    stream.is_tap().then(|| {
        let mut report = Report::of(attempt);
        let versioned = stream.versioned;
        report.add(stream, "", !versioned);
        report.finish("tap")
    })
}

/// `None` when TAP does not begin where it has to.
fn read(blob: &Blob<'_>, glued: bool) -> Option<Stream> {
    let mut stream = if glued { Stream::glued() } else { Stream::default() };
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let text = plain(line.bytes);
        if !stream.has_begun() && !begins(&text) {
            // Without a version, TAP is what a program prints from its first line on, behind what npm says before it.
            let passes = text.trim().is_empty() || text.starts_with("> ") || text.starts_with('#');
            stream.late |= !passes;
            continue;
        }
        if !stream.has_begun() && stream.late && line::read(&text) != Some(Line::Version) {
            return None;
        }
        stream.take(&text, line.end);
    }
    Some(stream)
}

/// Whether TAP can begin with the line.
fn begins(text: &str) -> bool {
    match line::read(text) {
        Some(Line::Version | Line::Plan { .. } | Line::BailOut(_)) => true,
        Some(Line::Point(point)) => point.number == Some(1),
        _ => false,
    }
}

#[derive(Debug, Default)]
pub(crate) struct Stream {
    levels: Vec<Level>,
    pub(crate) tests: Vec<Test>,
    versioned: bool,
    late: bool,
    /// Results and plans are looked for behind printed text, too.
    glued: bool,
    lines: usize,
    pub(crate) bail_out: Option<String>,
    /// Lines of a YAML block, and how deep it stands.
    yaml: Option<(usize, Vec<String>)>,
    /// The test that what follows is about.
    last: Option<usize>,
    /// Parents whose subtests follow in braces.
    braces: Vec<(usize, String)>,
}

#[derive(Debug, Default)]
struct Level {
    plan: Option<u64>,
    /// The plan stood before the results.
    plan_first: bool,
    skip: Option<String>,
    count: u64,
    /// Position of the first test on this level, or below it, that has no parent yet.
    start: usize,
    /// The subtest that was begun and has no result yet.
    subtest: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) point: Point,
    depth: usize,
    /// Names of the tests around it, the innermost first.
    pub(crate) parents: Vec<String>,
    has_subtests: bool,
    pub(crate) details: Details,
    pub(crate) comment: String,
}

impl Stream {
    pub(crate) fn glued() -> Self {
        Self { glued: true, ..Self::default() }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.lines > 0
    }

    /// Whether what was read is TAP beyond doubt.
    pub(crate) fn is_tap(&self) -> bool {
        let Some(top) = self.levels.first() else { return false };
        let planned = top.plan.is_some() && (top.count > 0 || top.skip.is_some() || self.bail_out.is_some());
        self.versioned || planned || (top.count >= 2)
    }

    pub(crate) fn has_tests(&self) -> bool {
        !self.tests.is_empty()
    }

    pub(crate) fn take(&mut self, text: &str, end: LineEnd) {
        self.lines += 1;
        let body = text.trim_start_matches(' ');
        let indent = text.len() - body.len();
        if let Some((depth, lines)) = &mut self.yaml {
            if indent == *depth && body.trim_end() == "..." {
                let details = Details::read(lines);
                self.yaml = None;
                if let Some(test) = self.last.and_then(|at| self.tests.get_mut(at)) {
                    test.details = details;
                }
            } else if indent >= *depth || body.is_empty() {
                if lines.len() < MOST_SAID / 32 {
                    lines.push(text.get(*depth..).unwrap_or_default().to_owned());
                }
            } else {
                // It was not closed.
                self.yaml = None;
                self.take(text, end);
            }
            return;
        }
        if body == "---" && indent % INDENT == 2 {
            self.yaml = Some((indent, Vec::new()));
            return;
        }
        let depth = indent / INDENT;
        if body == "}" && self.braces.last().is_some_and(|(at, _)| *at == depth) {
            self.close_brace(depth);
            return;
        }
        let read = if indent.is_multiple_of(INDENT) && depth <= DEEPEST { line::read(body) } else { None };
        match read {
            Some(Line::Version) => self.versioned |= depth == 0,
            Some(Line::Plan { count, skip }) => self.plan(depth, count, skip),
            // A description ends with its line.
            Some(Line::Point(_) | Line::Subtest(_)) if end == LineEnd::EndOfData => self.last = None,
            Some(Line::Point(point)) => self.point(depth, point),
            Some(Line::Subtest(name)) => {
                self.level(depth).subtest = Some(name);
                self.last = None;
            }
            Some(Line::BailOut(why)) if depth == 0 => self.bail_out = Some(why.to_owned()),
            Some(Line::Comment(text)) => self.say(text),
            None if self.glued && end != LineEnd::EndOfData && self.take_glued(text) => {}
            _ if indent >= 2 => self.say(text.get(2..).unwrap_or_default()),
            _ if body.is_empty() => self.say(""),
            // Text at the edge is a program's; what is said of the last test is over.
            _ => self.last = None,
        }
    }

    /// Takes the result or the plan that ends a line which a program began; says whether there is one.
    fn take_glued(&mut self, text: &str) -> bool {
        let found = line::glued_points(text).find_map(|(spaces, point)| {
            // A subtest's result brings its indent along; less than that was printed.
            let depth = spaces / INDENT;
            [depth, 0].into_iter().find(|depth| self.is_next(*depth, &point)).map(|depth| (depth, point))
        });
        if let Some((depth, point)) = found {
            self.point(depth, point);
            return true;
        }
        let top = self.levels.first();
        let planned = line::glued_plan(text)
            .filter(|count| top.is_some_and(|top| top.plan.is_none() && top.count == *count));
        if let Some(count) = planned {
            self.plan(0, count, None);
        }
        planned.is_some()
    }

    fn is_next(&self, depth: usize, point: &Point) -> bool {
        let next = self.levels.get(depth).map_or(1, |level| level.count + 1);
        depth <= DEEPEST && depth <= self.levels.len() && point.number == Some(next)
    }

    fn say(&mut self, text: &str) {
        let Some(test) = self.last.and_then(|at| self.tests.get_mut(at)) else { return };
        if !test.point.ok && (!text.is_empty() || !test.comment.is_empty()) {
            capped(&mut test.comment, text, MOST_SAID);
        }
    }

    fn level(&mut self, depth: usize) -> &mut Level {
        let start = self.tests.len();
        while self.levels.len() <= depth {
            self.levels.push(Level { start, ..Level::default() });
        }
        // In bounds by the loop above; a level of its own where it could not be.
        let last = self.levels.len() - 1;
        &mut self.levels[depth.min(last)]
    }

    fn plan(&mut self, depth: usize, count: u64, skip: Option<&str>) {
        let level = self.level(depth);
        if level.plan.is_some() || (level.count > 0 && level.count != count) {
            return;
        }
        level.plan = Some(count);
        level.plan_first = level.count == 0;
        level.skip = skip.map(str::to_owned);
        if depth == 0 {
            self.last = None;
        }
    }

    fn point(&mut self, depth: usize, mut point: Point) {
        // A result closes a level only from one above it: deeper ones that no parent opened are printed text.
        if depth > self.levels.len() {
            return;
        }
        let brace = self.braces.last().is_some_and(|(at, _)| *at + 1 == depth);
        let level = self.level(depth);
        let next = level.count + 1;
        let number = point.number.unwrap_or(next);
        let again = number == level.count && number > 0;
        let beyond = level.plan_first && level.plan.is_some_and(|plan| number > plan);
        if beyond || (number != next && !again) {
            return;
        }
        level.count = number;
        // A plan behind the results that is not the last line was printed.
        if !level.plan_first && level.plan.is_some_and(|plan| plan < number) {
            level.plan = None;
        }
        // Perl says of a subtest that it skips only that, and its name where it begins.
        let begun = level.subtest.take();
        if point.description.is_empty() {
            point.description = begun.unwrap_or_default();
        }
        if again {
            // The one before was printed: a test prints before its result.
            let before = self.tests.iter().rposition(|test| test.depth == depth);
            if let Some(at) = before {
                self.tests.remove(at);
            }
        }
        let name = description(&point);
        let has_subtests = !brace && self.adopt(depth, &name);
        if point.opens {
            self.levels.truncate(depth + 1);
            self.braces.push((depth, name));
        }
        self.tests.push(Test {
            point,
            depth,
            parents: Vec::new(),
            has_subtests,
            details: Details::default(),
            comment: String::new(),
        });
        self.last = Some(self.tests.len() - 1);
    }

    /// The levels below hold the subtests of this test; says whether there are any.
    fn adopt(&mut self, depth: usize, name: &str) -> bool {
        let Some(start) = self.levels.get(depth + 1).map(|below| below.start) else { return false };
        for test in self.tests.iter_mut().skip(start) {
            test.parents.push(name.to_owned());
        }
        self.levels.truncate(depth + 1);
        start < self.tests.len()
    }

    fn close_brace(&mut self, depth: usize) {
        let Some((_, name)) = self.braces.pop() else { return };
        self.adopt(depth, &name);
        self.last = None;
    }

    /// Gives tests whose parents have no result the names under which those were begun; tests that were begun themselves
    /// are announced.
    pub(crate) fn settle(&mut self) -> Vec<String> {
        while let Some((depth, _)) = self.braces.last() {
            self.close_brace(*depth);
        }
        let names: Vec<Option<String>> = self.levels.iter().map(|level| level.subtest.clone()).collect();
        let starts: Vec<usize> = self.levels.iter().map(|level| level.start).collect();
        for (depth, start) in starts.iter().enumerate().skip(1).rev() {
            let Some(Some(name)) = names.get(depth - 1) else { continue };
            for test in self.tests.iter_mut().skip(*start) {
                test.parents.push(name.clone());
            }
        }
        let mut announced: Vec<String> = Vec::new();
        // Whether a group is a test shows behind its result.
        if self.last.is_some_and(|at| at + 1 == self.tests.len())
            && !self.is_whole()
            && self.tests.last().is_some_and(|test| test.has_subtests && !test.details.is_some())
            && let Some(group) = self.tests.pop()
        {
            let name = description(&group.point);
            let path = group.parents.iter().rev().map(String::as_str).chain([name.as_str()]);
            announced.push(path.collect::<Vec<_>>().join(" > "));
        }
        // The innermost that was begun; those around it are its groups.
        let begun: Vec<String> = names.into_iter().map_while(|name| name).collect();
        if !begun.is_empty() && self.levels.len() <= begun.len() {
            announced.push(begun.join(" > "));
        }
        announced
    }

    pub(crate) fn is_whole(&self) -> bool {
        let top = self.levels.first();
        self.bail_out.is_none() && top.is_some_and(|top| top.plan == Some(top.count))
    }
}

pub(crate) fn description(point: &Point) -> String {
    if point.description.is_empty() {
        return point.number.map_or_else(String::new, |number| number.to_string());
    }
    // node:test before 20 names files by their place on the machine.
    let name = point.description.as_str();
    let is_file =
        name.starts_with('/') && [".js", ".mjs", ".cjs", ".ts"].iter().any(|end| name.ends_with(end));
    if is_file { name.rsplit('/').next().unwrap_or(name).to_owned() } else { name.to_owned() }
}
