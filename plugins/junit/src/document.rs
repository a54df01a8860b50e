//! One XML document: events in, cases out.

use std::io::{self, BufRead};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::attributes::Attributes;
use crate::case::{self, Case, CaseResult, ResultKind};
use crate::identity::Dialect;
use crate::input::{Fallback, Input};
use crate::numbers;
use crate::reading::{Ending, Options, ProblemKind, Reading, Recognised};
use crate::text;

/// How a document ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentEnd {
    /// Its root was closed.
    Closed,
    /// The text ended, or became unreadable, inside a JUnit root.
    CutOff,
    /// Its root is not JUnit's, or there is none.
    Foreign,
}

/// Deepest nesting that is followed. PHPUnit and JUnit 5 stay under twenty; what is deeper is made to hurt.
const DEEPEST: usize = 1000;

/// An element that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Suites,
    Suite,
    Case,
    Result,
    /// `<stackTrace>` inside a result: its text is the body.
    StackTrace,
    Other,
}

struct Document<'a, 'o> {
    options: Options<'o>,
    reading: &'a mut Reading,
    open: Vec<Open>,
    /// Names of the open suites, without the outermost `<testsuites>`.
    suites: Vec<String>,
    dialect: Dialect,
    case: Option<Case>,
    /// A result that stands in a suite instead of a case.
    suite_result: Option<CaseResult>,
}

/// Reads one document and stops after its root, so that another may follow.
pub(crate) fn read<R: BufRead>(
    input: &mut Input<R>,
    options: Options<'_>,
    reading: &mut Reading,
) -> DocumentEnd {
    let mut document = Document {
        options,
        reading,
        open: Vec::new(),
        suites: Vec::new(),
        dialect: Dialect::Other,
        case: None,
        suite_result: None,
    };
    let mut reader = Reader::from_reader(input);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(error) => {
                let at = reader.error_position();
                return document.broke(&error.to_string(), at);
            }
        };
        let step = document.take(event);
        match step {
            Step::On => {}
            Step::Skip(name) => {
                if let Err(error) = reader.get_mut().skip_text_of(&name) {
                    return document.broke(&error.to_string(), reader.buffer_position());
                }
            }
            Step::End(end) => return end,
        }
    }
}

enum Step {
    On,
    /// The text of the element that was just opened is of no use.
    Skip(String),
    End(DocumentEnd),
}

impl Document<'_, '_> {
    fn take(&mut self, event: Event<'_>) -> Step {
        match event {
            Event::Start(start) => self.start(&start),
            Event::Empty(start) => {
                let step = self.start(&start);
                match step {
                    Step::End(end) => Step::End(end),
                    Step::On | Step::Skip(_) => self.end(local(start.name().as_ref())),
                }
            }
            Event::End(end) => self.end(local(end.name().as_ref())),
            Event::Text(content) => {
                if self.open.is_empty() && !content.trim().is_empty() {
                    return Step::End(DocumentEnd::Foreign);
                }
                self.body(&content);
                Step::On
            }
            Event::CData(content) => {
                self.body(&content);
                Step::On
            }
            Event::GeneralRef(name) => {
                match text::reference(&name) {
                    Some(c) => self.body(c.encode_utf8(&mut [0; 4])),
                    None => {
                        self.body("&");
                        self.body(&name);
                        self.body(";");
                    }
                }
                Step::On
            }
            Event::Eof => Step::End(self.cut_off()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => Step::On,
        }
    }

    fn start(&mut self, element: &BytesStart<'_>) -> Step {
        let name = element.name();
        let name = local(name.as_ref());
        if self.open.len() >= DEEPEST {
            self.reading.problem(
                ProblemKind::UnreadableReport,
                format!("elements nested deeper than {DEEPEST}"),
                None,
            );
            return Step::End(self.cut_off());
        }
        let parent = self.open.last().copied();
        let opened = match (parent, name) {
            (None, "testsuites") => {
                self.notice_dialect(&attribute(element, "name").unwrap_or_default());
                Open::Suites
            }
            (None | Some(Open::Suites | Open::Suite), "testsuite") => {
                let suite = attribute(element, "name").unwrap_or_default();
                self.notice_dialect(&suite);
                self.suites.push(suite);
                Open::Suite
            }
            (None, _) => return Step::End(DocumentEnd::Foreign),
            (Some(Open::Suites | Open::Suite), "testcase") => match case_of(element) {
                Some(case) => {
                    self.case = Some(case);
                    Open::Case
                }
                None => return Step::End(DocumentEnd::Foreign),
            },
            (Some(Open::Case | Open::Suite), _) => match ResultKind::of_element(name) {
                Some(kind) => {
                    self.begin_result(kind, element);
                    Open::Result
                }
                None => Open::Other,
            },
            (Some(Open::Result), "stackTrace") => Open::StackTrace,
            _ => Open::Other,
        };
        self.open.push(opened);
        if matches!(name, "system-out" | "system-err") {
            return Step::Skip(element.name().as_ref().to_owned());
        }
        Step::On
    }

    fn notice_dialect(&mut self, name: &str) {
        if name == "pytest" || name == "pytest tests" {
            self.dialect = Dialect::Pytest;
        }
    }

    fn begin_result(&mut self, kind: ResultKind, element: &BytesStart<'_>) {
        let result = CaseResult {
            kind,
            type_name: capped(attribute(element, "type").unwrap_or_default()),
            message: capped(attribute(element, "message").unwrap_or_default()),
            body: String::new(),
        };
        match &mut self.case {
            Some(case) => case.results.push(result),
            None => self.suite_result = Some(result),
        }
    }

    fn body(&mut self, content: &str) {
        if !matches!(self.open.last(), Some(Open::Result | Open::StackTrace)) {
            return;
        }
        let result = match &mut self.case {
            Some(case) => case.results.last_mut(),
            None => self.suite_result.as_mut(),
        };
        if let Some(result) = result {
            text::push_capped(&mut result.body, content);
        }
    }

    /// Closes the innermost open element of this name and all inside it; a stray end tag closes nothing.
    fn end(&mut self, name: &str) -> Step {
        let meant = |open: Open| match open {
            Open::Suites => name == "testsuites",
            Open::Suite => name == "testsuite",
            Open::Case => name == "testcase",
            Open::Result => ResultKind::of_element(name).is_some(),
            Open::StackTrace => name == "stackTrace",
            Open::Other => {
                !matches!(name, "testsuites" | "testsuite" | "testcase")
                    && ResultKind::of_element(name).is_none()
            }
        };
        // A stray end tag of no meaning must not close a structure around an unknown element.
        let Some(at) = self.open.iter().rposition(|&open| meant(open)) else { return Step::On };
        let crosses =
            self.open.iter().skip(at + 1).any(|open| matches!(open, Open::Suite | Open::Case | Open::Result));
        if crosses && self.open.get(at) == Some(&Open::Other) {
            return Step::On;
        }
        while self.open.len() > at {
            self.close_innermost();
        }
        if self.open.is_empty() { Step::End(DocumentEnd::Closed) } else { Step::On }
    }

    fn close_innermost(&mut self) {
        match self.open.pop() {
            Some(Open::Suite) => {
                self.suites.pop();
            }
            Some(Open::Case) => {
                if let Some(case) = self.case.take() {
                    self.reading.add(&case, &self.suites, self.dialect, self.options);
                }
            }
            Some(Open::Result) => {
                if let Some(result) = self.suite_result.take()
                    && result.kind != ResultKind::Skipped
                {
                    let suite = self.suites.join(" > ");
                    let said = if result.message.is_empty() { &result.body } else { &result.message };
                    let message = format!("suite `{suite}`: {}", text::clean(said));
                    self.reading.problem(ProblemKind::SuiteError, message, None);
                }
            }
            _ => {}
        }
    }

    /// The text ended. A case that is still open has no sure outcome: the failure may have been about to come.
    fn cut_off(&mut self) -> DocumentEnd {
        if self.open.is_empty() {
            return DocumentEnd::Foreign;
        }
        self.reading.ending = Ending::CutOff;
        if let Some(case) = self.case.take() {
            self.reading.announce(&case, &self.suites, self.dialect, self.options);
        }
        DocumentEnd::CutOff
    }

    fn broke(&mut self, error: &str, at: u64) -> DocumentEnd {
        if !self.open.is_empty() {
            self.reading.problem(ProblemKind::UnreadableReport, error.to_owned(), Some(at));
        }
        self.cut_off()
    }
}

/// A name without its namespace prefix.
pub(crate) fn local(name: &str) -> &str {
    memchr::memrchr(b':', name.as_bytes()).and_then(|colon| name.get(colon + 1..)).unwrap_or(name)
}

fn capped(text: String) -> String {
    if text.len() <= text::MOST_TEXT {
        return text;
    }
    let mut out = String::new();
    text::push_capped(&mut out, &text);
    out
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let (_, value) = Attributes::of(element).find(|(found, _)| *found == name)?;
    Some(text::unescape(&value).into_owned())
}

/// The attributes of a `<testcase>`; `None` for the test *descriptions* that TestLink exports under the same
/// names, which hold no results.
fn case_of(element: &BytesStart<'_>) -> Option<Case> {
    let mut case = Case::default();
    for (name, value) in Attributes::of(element) {
        let value = text::unescape(&value);
        match name {
            "name" => case.name = value.into_owned(),
            "classname" => case.class = Some(value.into_owned()),
            // PHPUnit before `classname` came up.
            "class" if case.class.is_none() => case.class = Some(value.into_owned()),
            "file" => case.file = Some(value.into_owned()),
            "line" | "lineno" => case.line = value.trim().parse().ok(),
            "time" => case.duration_ns = numbers::nanoseconds(&value),
            "status" | "result" => case.stated = case.stated.or_else(|| case::stated(&value)),
            "internalid" => return None,
            _ => {}
        }
    }
    Some(case)
}

/// Reads a text that is nothing but documents, one after the other.
pub(crate) fn read_all<R: BufRead>(
    input: &mut Input<R>,
    options: Options<'_>,
    reading: &mut Reading,
) -> io::Result<Recognised> {
    let mut recognised = Recognised::No;
    if input.starts_as_utf_16()? {
        let message = "the report is UTF-16; only UTF-8 and ISO 8859-1 are read".to_owned();
        reading.problem(ProblemKind::UnsupportedEncoding, message, Some(0));
        return Ok(Recognised::No);
    }
    input.skip_byte_order_mark()?;
    while input.skip_white_space()? == Some(b'<') {
        note_encoding(input)?;
        match read(input, options, reading) {
            DocumentEnd::Closed => recognised = Recognised::Yes,
            DocumentEnd::CutOff => return Ok(Recognised::Yes),
            DocumentEnd::Foreign => return Ok(recognised),
        }
    }
    Ok(recognised)
}

/// Longest XML declaration that is looked into.
const LONGEST_DECLARATION: usize = 120;

/// Takes note of a declared encoding of single bytes; the declaration stays.
pub(crate) fn note_encoding<R: BufRead>(input: &mut Input<R>) -> io::Result<()> {
    let declaration = input.peek_until(b'>', LONGEST_DECLARATION)?;
    let declaration = String::from_utf8_lossy(&declaration).to_ascii_lowercase();
    let single_bytes =
        ["iso-8859-1", "latin1", "windows-1252", "cp1252"].iter().any(|name| declaration.contains(name));
    if declaration.starts_with("<?xml") {
        input.set_fallback(if single_bytes { Fallback::Latin1 } else { Fallback::Replace });
    }
    Ok(())
}
