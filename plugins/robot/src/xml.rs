//! Tests from `output.xml`.

use std::io::BufRead;

use flaky_plugin_junit::xml::{Attributes, Input, clean, reference, unescape};
use flaky_plugin_sdk::{Blob, Completeness, Diagnostic, PackedAttempt, PackedTestsBuilder};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::model::{self, Status, Test, long_name, suite_error};

/// The declaration and the beginning of the root.
const BEGINNING: u32 = 1024;

/// Longest message that is kept.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// Deepest nesting that is followed: keywords call keywords, and what is deeper is made to hurt.
const DEEPEST: usize = 2000;

/// A whole file; `None` when it is not Robot's, or has no test.
pub(crate) fn file(blob: &Blob<'_>) -> Option<PackedAttempt> {
    let beginning = blob.read_at(0, BEGINNING);
    if !is_robots(&String::from_utf8_lossy(&beginning)) {
        return None;
    }
    let mut input = Input::new(blob.reader());
    input.skip_byte_order_mark().ok()?;
    read(input)
}

/// The same in what was printed: at the beginning of a line.
pub(crate) fn printed(blob: &Blob<'_>) -> Option<PackedAttempt> {
    let mut lines = blob.lines_up_to(BEGINNING as usize);
    while let Some(line) = lines.next_line() {
        let text = line.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line.bytes);
        if text.starts_with(b"<?xml") || text.starts_with(b"<robot ") {
            let at = line.offset + (line.bytes.len() - text.len()) as u64;
            if is_robots(&String::from_utf8_lossy(&blob.read_at(at, BEGINNING))) {
                let mut reader = blob.reader();
                skip(&mut reader, at)?;
                return read(Input::new(reader));
            }
        }
    }
    None
}

fn skip(reader: &mut impl BufRead, bytes: u64) -> Option<()> {
    let mut left = bytes;
    while left > 0 {
        let length = reader.fill_buf().ok()?.len();
        if length == 0 {
            return None;
        }
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(length);
        reader.consume(taken);
        left -= taken as u64;
    }
    Some(())
}

/// Whether the first element is Robot's root.
fn is_robots(beginning: &str) -> bool {
    let text = beginning.trim_start_matches('\u{feff}').trim_start();
    let text = match text.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, rest)| rest),
        None => text,
    };
    let tag = text.trim_start().strip_prefix("<robot ").and_then(|rest| rest.split('>').next());
    tag.is_some_and(|tag| tag.contains("generator=\"Robot ") || tag.contains("generator=\"Rebot "))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Root,
    Suite,
    Test,
    /// The status of a test or of a suite: its text is the message.
    Status,
    Other,
}

#[derive(Debug, Default)]
struct Document {
    open: Vec<Open>,
    /// Long names of the open suites.
    suites: Vec<String>,
    test: Option<Test>,
    message: String,
    tests: PackedTestsBuilder,
    announced: Vec<String>,
    diagnostics: Vec<Diagnostic>,
    has_ended: bool,
}

fn read(input: Input<impl BufRead>) -> Option<PackedAttempt> {
    let mut reader = Reader::from_reader(input);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut document = Document::default();
    let mut buffer = Vec::new();
    while !document.has_ended {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Eof) => break,
            Ok(event) => document.take(event)?,
            Err(error) => {
                document.diagnostics.push(Diagnostic::warning("unreadable-report", error.to_string()));
                break;
            }
        }
    }
    document.finish()
}

impl Document {
    /// `None` for what is nested too deep.
    fn take(&mut self, event: Event<'_>) -> Option<()> {
        match event {
            Event::Start(element) => {
                self.start(&element);
                (self.open.len() <= DEEPEST).then_some(())
            }
            Event::Empty(element) => {
                self.start(&element);
                self.end();
                Some(())
            }
            Event::End(_) => {
                self.end();
                Some(())
            }
            Event::Text(text) => {
                self.text(&text);
                Some(())
            }
            Event::CData(text) => {
                self.text(&text);
                Some(())
            }
            Event::GeneralRef(name) => {
                if let Some(c) = reference(&name) {
                    self.text(c.encode_utf8(&mut [0; 4]));
                }
                Some(())
            }
            _ => Some(()),
        }
    }

    fn start(&mut self, element: &BytesStart<'_>) {
        let name = element.name();
        let opened = match (self.open.last(), name.as_ref()) {
            (None, "robot") => Open::Root,
            (Some(Open::Root | Open::Suite), "suite") => {
                let name = attribute(element, "name");
                let suite = self.suites.last().map_or_else(|| name.clone(), |outer| long_name(outer, &name));
                self.suites.push(suite);
                Open::Suite
            }
            (Some(Open::Suite), "test") => {
                self.test = Some(Test {
                    suite: self.suites.last().cloned().unwrap_or_default(),
                    name: attribute(element, "name"),
                    status: Status::NotRun,
                    message: String::new(),
                    duration_ns: None,
                });
                Open::Test
            }
            (Some(Open::Suite | Open::Test), "status") => {
                self.message.clear();
                self.status(element);
                Open::Status
            }
            _ => Open::Other,
        };
        self.open.push(opened);
    }

    fn status(&mut self, element: &BytesStart<'_>) {
        let Some(test) = self.test.as_mut() else { return };
        if let Some(status) = Status::of(&attribute(element, "status")) {
            test.status = status;
        }
        // From Robot 7 on; before, there are the times of start and end.
        test.duration_ns = flaky_plugin_junit::nanoseconds(&attribute(element, "elapsed"))
            .or_else(|| between(&attribute(element, "starttime"), &attribute(element, "endtime")));
    }

    fn text(&mut self, text: &str) {
        if self.open.last() == Some(&Open::Status) && self.message.len() < LONGEST_MESSAGE {
            let room = LONGEST_MESSAGE - self.message.len();
            self.message.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
        }
    }

    fn end(&mut self) {
        match self.open.pop() {
            Some(Open::Root) => self.has_ended = true,
            Some(Open::Suite) => {
                self.suites.pop();
            }
            Some(Open::Test) => {
                if let Some(test) = self.test.take() {
                    test.tell(&mut self.tests);
                }
            }
            Some(Open::Status) => {
                let message = clean(&self.message);
                match (&mut self.test, self.suites.last()) {
                    (Some(test), _) => test.message = message,
                    (None, Some(suite)) => self.diagnostics.extend(suite_error(suite, &message)),
                    (None, None) => {}
                }
            }
            Some(Open::Other) | None => {}
        }
    }

    fn finish(mut self) -> Option<PackedAttempt> {
        if let Some(test) = self.test.take() {
            self.announced.push(long_name(&test.suite, &test.name));
        }
        if self.tests.is_empty() && self.announced.is_empty() && !self.has_ended {
            return None;
        }
        if self.tests.is_empty() && self.has_ended && self.diagnostics.is_empty() {
            self.diagnostics.push(Diagnostic::new("no-tests", "the report names no test"));
        }
        Some(PackedAttempt {
            format: model::XML.to_owned(),
            completeness: if self.has_ended { Completeness::Complete } else { Completeness::Truncated },
            tests: self.tests.finish(),
            announced: self.announced,
            diagnostics: self.diagnostics,
        })
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> String {
    let found = Attributes::of(element).find(|(found, _)| *found == name);
    found.map(|(_, value)| unescape(&value).into_owned()).unwrap_or_default()
}

/// Nanoseconds between two times such as `20261129 11:07:10.639`; of the day alone, as no test runs for one.
fn between(start: &str, end: &str) -> Option<u64> {
    let millis = |time: &str| {
        let (_, time) = time.split_once(' ')?;
        let (seconds, millis) = time.split_once('.')?;
        let mut parts = seconds.split(':').map(|part| part.parse::<u64>().ok());
        let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
        (hours < 24 && minutes < 60 && seconds <= 60 && millis.len() == 3).then(|| {
            millis.parse::<u64>().ok().map(|ms| ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms)
        })?
    };
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let (start, end) = (millis(start)?, millis(end)?);
    let passed = if end < start { end + DAY - start } else { end - start };
    Some(passed * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_may_cross_midnight() {
        let cases = [
            ("20261129 11:07:10.639", "20261129 11:07:11.640", Some(1_001_000_000)),
            ("20261129 23:59:59.999", "20261130 00:00:00.001", Some(2_000_000)),
            ("N/A", "20261130 00:00:00.001", None),
            ("20261129 99:00:00.000", "20261130 00:00:00.001", None),
        ];
        for (start, end, expected) in cases {
            assert_eq!(between(start, end), expected, "{start}");
        }
    }

    #[test]
    fn only_robots_root_is_its_own() {
        let cases = [
            ("<?xml version=\"1.0\"?>\n<robot generator=\"Robot 7.5 (Python)\" rpa=\"false\">", true),
            ("\u{feff}<robot generator=\"Rebot 4.0\">", true),
            ("<robot>", false),
            ("<testsuites name=\"robot \">", false),
            ("<robots generator=\"Robot 1\">", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_robots(text), expected, "{text}");
        }
    }
}
