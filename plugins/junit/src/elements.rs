//! XML reports of other kinds: elements as they come, whole ones where they are small.
//!
//! As careful as the reader of JUnit XML: bytes that are not UTF-8, references that are none, control characters and
//! a text that ends anywhere are read; nothing but what was asked for is kept.

use std::io::{self, BufRead, Read};

use flaky_plugin_sdk::{Attempt, Blob, Source};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::attributes::Attributes;
use crate::document;
use crate::input::Input;
use crate::reading::Ending;
use crate::text;

/// Deepest nesting that is followed: suites and sections stay under twenty; what is deeper is made to hurt.
const DEEPEST: usize = 200;

/// Most elements that are kept of one that is read whole. A test with more failed assertions tells nothing new.
const MOST_KEPT: usize = 10_000;

/// Longest start of a line that is looked at: white space and the beginning of a tag.
const LINE_START: usize = 64;

/// An element with its attributes, and as far as it was read whole, with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// Without a namespace prefix.
    pub name: String,
    /// Names and values in order.
    pub attributes: Vec<(String, String)>,
    /// Text directly in it, pieces one after the other.
    pub text: String,
    /// Elements directly in it.
    pub children: Vec<Element>,
}

impl Element {
    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The first element of this name directly in it.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Its text as a reader wants it: without colours and control characters.
    #[must_use]
    pub fn clean_text(&self) -> String {
        text::clean(&self.text)
    }
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// An element begins; [`Elements::whole`] reads it whole.
    Open(Element),
    /// An element of this name ends.
    Close(String),
    /// The root ended.
    End,
    /// The text ended, or became unreadable, before the root did.
    CutOff,
}

/// The elements of one document.
pub struct Elements<R> {
    reader: Reader<Input<R>>,
    buffer: Vec<u8>,
    open: Vec<String>,
    /// How many of the open ones, from the innermost, ended and were not yet told of.
    ended: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Prolog,
    Inside,
    Closed,
    Broken,
}

impl<R> std::fmt::Debug for Elements<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elements")
            .field("open", &self.open)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The bytes of one source.
pub type Bytes<'b> = &'b mut dyn BufRead;

/// Reads all documents with one of these roots in the first kind of source that has any: the files of the report
/// folder, those of the work tree, standard output, standard error. `None` when there is none at all. `read` gets the
/// root, and reads to its end.
pub fn read_attempt(
    attempt: &Attempt<'_>,
    roots: &[&str],
    mut read: impl FnMut(Element, &mut Elements<Bytes<'_>>) -> Ending,
) -> Option<Ending> {
    let open = |source: Source| attempt.open(&source).into_iter().collect();
    let kinds: [Vec<Blob<'_>>; 4] = [
        attempt.reports().map(|(_, blob)| blob).collect(),
        attempt.tree_files().map(|(_, blob)| blob).collect(),
        open(Source::Stdout),
        open(Source::Stderr),
    ];
    kinds.iter().find_map(|blobs| {
        let endings: Vec<_> = blobs.iter().filter_map(|blob| read_blob(blob, roots, &mut read)).collect();
        let whole = endings.iter().all(|ending| *ending == Ending::Whole);
        (!endings.is_empty()).then_some(if whole { Ending::Whole } else { Ending::CutOff })
    })
}

/// What stands behind the place where the host cut something out is the inside of something.
fn read_blob(
    blob: &Blob<'_>,
    roots: &[&str],
    read: &mut dyn FnMut(Element, &mut Elements<Bytes<'_>>) -> Ending,
) -> Option<Ending> {
    let Some((from, _)) = blob.cut() else { return read_all(&mut blob.reader(), roots, read) };
    read_all(&mut blob.reader().take(from), roots, read).map(|_| Ending::CutOff)
}

fn read_all(
    bytes: Bytes<'_>,
    roots: &[&str],
    read: &mut dyn FnMut(Element, &mut Elements<Bytes<'_>>) -> Ending,
) -> Option<Ending> {
    let mut input = Input::new(bytes);
    if input.starts_as_utf_16().ok()? {
        return None;
    }
    let mut found = None;
    // What cannot be read is as what is not there.
    while let Ok(Some((root, mut elements))) = find(input, roots) {
        let ending = read(root, &mut elements);
        found = Some(ending);
        if ending == Ending::CutOff {
            break;
        }
        input = elements.reader.into_inner();
    }
    found
}

/// Finds the next document with one of these roots that begins at the start of a line, and gives its root. Other text
/// and other documents are passed over.
fn find<R: BufRead>(mut input: Input<R>, roots: &[&str]) -> io::Result<Option<(Element, Elements<R>)>> {
    input.skip_byte_order_mark()?;
    loop {
        // Looking ahead copies, and nearly all lines are told by one byte.
        let maybe = input.fill_buf()?.iter().find(|b| !b.is_ascii_whitespace()).is_none_or(|&b| b == b'<');
        if maybe && begins_document(&input.peek(LINE_START)?, roots) {
            input.skip_white_space()?;
            document::note_encoding(&mut input)?;
            let mut elements = Elements::new(input);
            if let Part::Open(root) = elements.next_part()
                && roots.contains(&root.name.as_str())
            {
                return Ok(Some((root, elements)));
            }
            input = elements.reader.into_inner();
        }
        if !input.skip_line()? {
            return Ok(None);
        }
    }
}

fn begins_document(line: &[u8], roots: &[&str]) -> bool {
    let line = line.trim_ascii_start();
    let is_root = |root: &&str| {
        let rest = line.strip_prefix(b"<").and_then(|rest| rest.strip_prefix(root.as_bytes()));
        rest.is_some_and(|rest| {
            rest.first().is_some_and(|&b| b.is_ascii_whitespace() || b == b'>' || b == b'/')
        })
    };
    line.starts_with(b"<?xml ") || roots.iter().any(is_root)
}

impl<R: BufRead> Elements<R> {
    fn new(input: Input<R>) -> Self {
        let mut reader = Reader::from_reader(input);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        Self { reader, buffer: Vec::new(), open: Vec::new(), ended: 0, state: State::Prolog }
    }

    /// The next beginning or end of an element; after the last, always the same.
    pub fn next_part(&mut self) -> Part {
        loop {
            if self.ended > 0 {
                return self.close();
            }
            match self.step(&mut |_| {}) {
                Step::Open(element) => return Part::Open(element),
                Step::Other => {}
                Step::End => return if self.state == State::Closed { Part::End } else { Part::CutOff },
            }
        }
    }

    fn close(&mut self) -> Part {
        self.ended -= 1;
        if self.open.len() <= 1 {
            self.state = State::Closed;
        }
        Part::Close(self.open.pop().unwrap_or_default())
    }

    /// Reads the element that [`Part::Open`] gave to its end.
    ///
    /// # Errors
    /// What was read of it, when the text ends in it.
    pub fn whole(&mut self, element: Element) -> Result<Element, Element> {
        self.whole_but(element, |_| false)
    }

    /// The same, but what is in elements that say nothing is passed over. They have none of their own kind in them.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    pub fn whole_but(
        &mut self,
        element: Element,
        says_nothing: impl Fn(&Element) -> bool,
    ) -> Result<Element, Element> {
        let depth = self.open.len();
        let mut unfinished = vec![element];
        let mut kept = 0;
        loop {
            while self.ended > 0 {
                self.close();
                if self.open.len() < depth {
                    return Ok(fold(unfinished, 1));
                }
                let level = self.open.len() + 1 - depth;
                unfinished = vec_folded(unfinished, level, kept <= MOST_KEPT);
            }
            let step = {
                let last = unfinished.last_mut();
                let mut into = last.map(|element| &mut element.text);
                self.step(&mut |piece| {
                    if let Some(text) = &mut into {
                        text::push_capped(text, piece);
                    }
                })
            };
            match step {
                Step::Open(element) => {
                    if self.ended == 0 && says_nothing(&element) {
                        let skipped = self.reader.get_mut().skip_text_of(&element.name);
                        self.state = if skipped.is_err() { State::Broken } else { self.state };
                    }
                    kept += 1;
                    unfinished.push(if kept <= MOST_KEPT { element } else { Element::default() });
                }
                Step::Other => {}
                Step::End => return Err(fold(unfinished, 1)),
            }
        }
    }

    fn step(&mut self, keep: &mut dyn FnMut(&str)) -> Step {
        if matches!(self.state, State::Closed | State::Broken) {
            return Step::End;
        }
        self.buffer.clear();
        let Ok(event) = self.reader.read_event_into(&mut self.buffer) else {
            self.state = State::Broken;
            return Step::End;
        };
        match event {
            Event::Start(start) => {
                let element = element_of(&start);
                self.opened(element, false)
            }
            Event::Empty(start) => {
                let element = element_of(&start);
                self.opened(element, true)
            }
            Event::End(end) => {
                let name = document::local(end.name().as_ref()).to_owned();
                // An end tag without a beginning closes nothing.
                if let Some(at) = self.open.iter().rposition(|open| *open == name) {
                    self.ended = self.open.len() - at;
                }
                Step::Other
            }
            Event::Text(content) => {
                // What stands before a root is white space, or this is no document.
                if self.state == State::Prolog && !content.trim().is_empty() {
                    self.state = State::Broken;
                    return Step::End;
                }
                keep(&content);
                Step::Other
            }
            Event::CData(content) => {
                keep(&content);
                Step::Other
            }
            Event::GeneralRef(name) => {
                match text::reference(&name) {
                    Some(c) => keep(c.encode_utf8(&mut [0; 4])),
                    None => {
                        keep("&");
                        keep(&name);
                        keep(";");
                    }
                }
                Step::Other
            }
            Event::Eof => {
                self.state = State::Broken;
                Step::End
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => Step::Other,
        }
    }

    fn opened(&mut self, element: Element, is_empty: bool) -> Step {
        if self.open.len() >= DEEPEST {
            self.state = State::Broken;
            return Step::End;
        }
        self.state = State::Inside;
        self.open.push(element.name.clone());
        self.ended = usize::from(is_empty);
        Step::Open(element)
    }
}

enum Step {
    Open(Element),
    /// Text, or an end: see `ended`.
    Other,
    End,
}

fn element_of(start: &BytesStart<'_>) -> Element {
    let attributes = Attributes::of(start)
        .map(|(name, value)| (document::local(name).to_owned(), text::unescape(&value).into_owned()));
    Element {
        name: document::local(start.name().as_ref()).to_owned(),
        attributes: attributes.collect(),
        ..Element::default()
    }
}

/// Puts the innermost elements into those around them until `level` are left.
fn vec_folded(mut unfinished: Vec<Element>, level: usize, keep: bool) -> Vec<Element> {
    while unfinished.len() > level.max(1) {
        let Some(inner) = unfinished.pop() else { break };
        if let Some(outer) = unfinished.last_mut()
            && keep
        {
            outer.children.push(inner);
        }
    }
    unfinished
}

fn fold(unfinished: Vec<Element>, level: usize) -> Element {
    vec_folded(unfinished, level, true).pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<String> {
        let Some((root, mut elements)) = find(Input::new(text.as_bytes()), &["r"]).unwrap() else {
            return Vec::new();
        };
        let mut all = vec![format!("<{}", root.name)];
        loop {
            match elements.next_part() {
                Part::Open(element) if element.name == "w" => all.push(match elements.whole(element) {
                    Ok(element) => described(&element),
                    Err(element) => format!("cut {}", described(&element)),
                }),
                Part::Open(element) => all.push(format!("<{}", element.name)),
                Part::Close(name) => all.push(format!("/{name}")),
                Part::End => return all,
                Part::CutOff => {
                    all.push("cut off".to_owned());
                    return all;
                }
            }
        }
    }

    fn described(element: &Element) -> String {
        let attributes: String =
            element.attributes.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        let children: Vec<_> = element.children.iter().map(described).collect();
        format!("{}{attributes}({}{})", element.name, element.text.trim(), children.join(","))
    }

    #[test]
    fn elements_come_as_they_stand_and_whole_ones_with_all_that_is_in_them() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("<x/>", &[]),
            ("text <r/>", &[]),
            ("<r/>", &["<r", "/r"]),
            (
                "\u{feff}<?xml version='1.0'?>\n<!-- c --><r><a></a><b/></r> more",
                &["<r", "<a", "/a", "<b", "/b", "/r"],
            ),
            (
                "printed\n<x/>\n<r><w a='1&lt;'>t&amp;<![CDATA[<u>]]><v b='2'/><v>x</v></w></r>",
                &["<r", "w a=1<(t&<u>v b=2(),v(x))", "/r"],
            ),
            ("<n:r><n:w>x</n:w></n:r>", &[]),
            ("<r><w/><w><v><u/></v></w></r>", &["<r", "w()", "w(v(u()))", "/r"]),
            ("<r></x><w>a</y>b</w></r>", &["<r", "w(ab)", "/r"]),
            ("<r><a><b></a></r>", &["<r", "<a", "<b", "/b", "/a", "/r"]),
            ("<r><w><v>x", &["<r", "cut w(v(x))", "cut off"]),
            ("<r><a>", &["<r", "<a", "cut off"]),
            ("<r><w><v></w></r>", &["<r", "w(v())", "/r"]),
        ];
        for (text, expected) in cases {
            assert_eq!(parts(text), *expected, "{text}");
        }
    }

    #[test]
    fn what_is_nested_to_hurt_ends_there() {
        let text = format!("<r>{}", "<w>".repeat(100_000));
        assert_eq!(parts(&text).last().map(String::as_str), Some("cut off"));
    }
}
