//! One `<testcase>`.

use flaky_plugin_sdk::report::{FailureGroup, Test};

use super::name::Parts;
use super::xml::Xml;
use super::{Colour, Room, property, seconds};

/// Most ways of failing that are written of one test; the most frequent come first.
const MOST_GROUPS: usize = 10;

/// Most bytes of a message. Readers show it as one line; GitHub cuts the title of an annotation at 255 characters, and
/// a check run takes 64 KB in all (REST API, "Check runs").
pub(super) const MOST_MESSAGE: usize = 4 * 1024;

/// Most bytes of a trace: five screens.
const MOST_TRACE: usize = 16 * 1024;

/// Most bytes of a message where there is little room.
const MOST_BRIEF: usize = 200;

/// Most seeds that are named of one test or of one way of failing.
const MOST_SEEDS: usize = 20;

impl Room {
    /// Most bytes of a message.
    fn message(self) -> usize {
        if self == Self::Enough { MOST_MESSAGE } else { MOST_BRIEF }
    }
}

/// The element, with what readers colour the test by.
pub(super) fn write(xml: &mut Xml, parts: &Parts<'_>, test: &Test, colour: Colour, room: Room) {
    xml.open("testcase");
    xml.attribute("classname", parts.class);
    xml.attribute("name", parts.name);
    if let Some(location) = test.location.as_ref().filter(|location| !location.file.is_empty()) {
        xml.attribute("file", &location.file);
        if let Some(line) = location.line {
            xml.attribute("line", &line.to_string());
        }
    }
    xml.attribute("time", &seconds(test.median_seconds.unwrap_or_default()));
    let in_full = room == Room::Enough;
    if in_full {
        properties(xml, test);
    }
    match colour {
        Colour::Passed => {}
        Colour::Flaky => groups(test, room).for_each(|group| tried(xml, "flakyFailure", test, group, room)),
        Colour::Failed => failed(xml, test, room),
        Colour::Skipped => skipped(xml, test, room),
    }
    if in_full && (colour == Colour::Flaky || colour == Colour::Failed) {
        xml.open("system-out");
        xml.text(&account(test));
        xml.close("system-out");
    }
    xml.close("testcase");
}

fn properties(xml: &mut Xml, test: &Test) {
    xml.open("properties");
    property(xml, "flaky.verdict", test.verdict.as_str());
    if let Some(severity) = &test.severity {
        property(xml, "flaky.severity", severity.as_str());
    }
    property(xml, "flaky.attempts", &test.ran.to_string());
    property(xml, "flaky.failures", &test.failures.to_string());
    property(xml, "flaky.rate", &number(test.rate));
    property(xml, "flaky.interval.low", &number(test.interval.low));
    property(xml, "flaky.interval.high", &number(test.interval.high));
    property(xml, "flaky.interval.level", &number(test.interval.level));
    if let Some((_, change)) = test.change_text() {
        property(xml, "flaky.change", change.as_str());
    }
    if !test.failing_seeds.is_empty() {
        property(xml, "flaky.failing_seeds", &seeds(&test.failing_seeds));
    }
    xml.close("properties");
}

/// The ways of failing, the most frequent first.
fn groups(test: &Test, room: Room) -> impl Iterator<Item = &FailureGroup> {
    let most = if room == Room::Enough { MOST_GROUPS } else { 1 };
    let mut groups: Vec<&FailureGroup> = test.failure_groups.iter().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups.into_iter().take(most)
}

fn failed(xml: &mut Xml, test: &Test, room: Room) {
    let mut groups = groups(test, room);
    xml.open("failure");
    match groups.next() {
        Some(group) => {
            heading(xml, group, room);
            xml.text(&body(test, group, room));
        }
        // Red without a failure that anybody kept: the sentence is what is known.
        None => {
            xml.attribute("message", &cut(&test.reason, room.message()));
            xml.attribute("type", test.verdict.as_str());
        }
    }
    xml.close("failure");
    groups.for_each(|group| tried(xml, "rerunFailure", test, group, room));
}

/// A failed try as Surefire writes it.
fn tried(xml: &mut Xml, element: &str, test: &Test, group: &FailureGroup, room: Room) {
    xml.open(element);
    heading(xml, group, room);
    xml.open("stackTrace");
    xml.text(&body(test, group, room));
    xml.close("stackTrace");
    xml.close(element);
}

fn heading(xml: &mut Xml, group: &FailureGroup, room: Room) {
    let message = if group.message.trim().is_empty() { group.headline() } else { group.message.clone() };
    xml.attribute("message", &cut(message.trim(), room.message()));
    if !group.kind.trim().is_empty() {
        xml.attribute("type", &cut(group.kind.trim(), room.message()));
    }
}

/// How often and by which seeds, and the trace.
fn body(test: &Test, group: &FailureGroup, room: Room) -> String {
    let mut body = format!("{} of {} failures", group.count, test.failures);
    if !group.seeds.is_empty() {
        body.push_str(&format!("; seeds {}", seeds(&group.seeds)));
    }
    let trace = group.trace.trim_end();
    if room == Room::Enough && !trace.is_empty() {
        body.push_str("\n\n");
        body.push_str(&cut(trace, MOST_TRACE));
    }
    body
}

fn skipped(xml: &mut Xml, test: &Test, room: Room) {
    let why = if test.ignored { "ignored by ignore_patterns".to_owned() } else { test.verdict.to_string() };
    let message = if test.reason.is_empty() { why } else { format!("{why}: {}", test.reason) };
    xml.open("skipped");
    xml.attribute("message", &cut(&message, room.message()));
    xml.close("skipped");
}

/// What a reader of the report wants to know beside the failures.
fn account(test: &Test) -> String {
    let mut account = format!("{}: {}", test.verdict, test.reason);
    if let Some((change, _)) = test.change_text() {
        account.push_str(&format!("\n{change}"));
    }
    if let Some(way) = &test.reproduction {
        let (failed, ran) = (way.failed, way.ran);
        account.push_str(&format!("\nfailed {failed} of {ran} times when repeated by: {}", way.command));
        if !way.shell.is_empty() {
            account.push_str(&format!("\nthe test command itself: {}", way.shell));
        }
    }
    cut(&account, MOST_MESSAGE)
}

fn seeds(seeds: &[u64]) -> String {
    let mut said: Vec<String> = seeds.iter().take(MOST_SEEDS).map(u64::to_string).collect();
    if let Some(more) = seeds.len().checked_sub(MOST_SEEDS).filter(|more| *more > 0) {
        said.push(format!("and {more} more"));
    }
    said.join(" ")
}

fn number(value: f64) -> String {
    if value.is_finite() { format!("{value}") } else { "0".to_owned() }
}

/// At most so many bytes, and a mark where something is missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    const MARK: &str = "… (cut)";
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub(MARK.len()));
    format!("{}{MARK}", text.get(..end).unwrap_or_default())
}
