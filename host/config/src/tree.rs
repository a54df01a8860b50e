//! YAML as a tree in which every key and value knows its place.
//!
//! Built from the parser's events without recursion and within limits, so that a hostile file costs no more than
//! its size. Aliases share what they refer to; the limit counts what they would be, written out.

use std::collections::HashMap;
use std::rc::Rc;

use serde_yaml::granit_parser::{
    ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, Tag,
};

use crate::error::{ConfigErrorKind, Place, shown};

/// Deepest nesting taken. Settings need 5 levels; plugins' own settings may add some.
pub(crate) const MAX_DEPTH: usize = 64;

/// Most keys and values taken, aliases written out. No settings come near it, and a file that would explode
/// to more is stopped before it costs memory.
pub(crate) const MAX_VALUES: usize = 100_000;

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    pub(crate) kind: ConfigErrorKind,
}

/// One value.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
    /// Values in it, itself included, aliases written out.
    size: usize,
    /// Levels in it, itself included.
    height: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// An empty value, written as nothing at all or as `null`.
    Null,
    /// Without quotes: text, a number or a truth value.
    Plain(Rc<str>),
    /// Quoted or a block: always text.
    Text(Rc<str>),
    List(Rc<Vec<Node>>),
    Map(Rc<Vec<Entry>>),
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Rc<str>,
    pub(crate) key_place: Place,
    pub(crate) node: Node,
}

/// Parses one document; `None` when there is none or it is empty.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Problem> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| syntax(text, &error))?;
        builder.take(event, &span)?;
    }
    Ok(builder.root.filter(|node| !matches!(node.value, Value::Null)))
}

fn syntax(text: &str, error: &ScanError) -> Problem {
    let marker = error.marker();
    let place = place_of(*marker);
    let syntax = |message: &str, hint| ConfigErrorKind::Syntax { message: message.to_owned(), hint };
    match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            let kind = syntax("a tab stands where YAML wants spaces", Some("indent with spaces"));
            Problem { place: tab_near(text, place), kind }
        }
        ErrorKind::RecursionLimitExceeded => {
            Problem { place, kind: ConfigErrorKind::TooDeep { limit: MAX_DEPTH } }
        }
        ErrorKind::UnknownAnchor => {
            let hint = "put text that begins with `*` in quotes";
            Problem { place, kind: syntax("`*` refers to an anchor that is not there", Some(hint)) }
        }
        ErrorKind::MappingValueNotAllowed => {
            let hint = "put text that contains `: ` in quotes";
            Problem { place, kind: syntax("a second `: ` stands here", Some(hint)) }
        }
        ErrorKind::UnexpectedCharacter { character } => {
            let message = format!("unexpected character {}", shown(&character.to_string()));
            Problem { place, kind: syntax(&message, None) }
        }
        // Its texts are fixed sentences of the parser; nothing of the file is in them.
        _ => Problem { place, kind: syntax(&error.info(), None) },
    }
}

/// The tab that is meant: the parser stops behind it, or at the end of the line before.
fn tab_near(text: &str, place: Place) -> Place {
    let lines = text.lines().enumerate().skip(place.line.saturating_sub(1)).take(2);
    for (index, line) in lines {
        let indentation = line.chars().take_while(|c| c.is_whitespace() || *c == '-');
        if let Some(column) = indentation.enumerate().find_map(|(column, c)| (c == '\t').then_some(column)) {
            return Place { line: index + 1, column: column + 1 };
        }
    }
    place
}

/// A list or mapping that is still open.
struct Frame {
    place: Place,
    anchor: usize,
    size: usize,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, given: HashMap<Rc<str>, Place>, merged: Vec<Entry>, key: Option<Key> },
}

struct Key {
    text: Rc<str>,
    place: Place,
    merge: bool,
}

#[derive(Default)]
struct Builder {
    open: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    documents: usize,
    /// Values so far, aliases written out.
    total: usize,
    root: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Problem> {
        let place = place_of(span.start);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Problem { place, kind: ConfigErrorKind::SeveralDocuments });
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tagged_text = forced_text(tag.as_deref(), span)?;
                self.count(1, place)?;
                let plain = style == ScalarStyle::Plain && !tagged_text;
                if let Some(expects) = self.key_slot() {
                    let merge = plain && text == "<<";
                    return put_key(expects, &text, plain, merge, place);
                }
                let value = match plain {
                    true if is_null(&text) => Value::Null,
                    true => Value::Plain(text.into()),
                    false => Value::Text(text.into()),
                };
                self.finish(Node { place, value, size: 1, height: 1 }, anchor)
            }
            Event::Alias(id) => {
                let Some(target) = self.anchors.get(&id) else {
                    return Err(Problem { place, kind: ConfigErrorKind::AliasOfItself });
                };
                let node = Node { place, ..target.clone() };
                self.count(node.size, place)?;
                if self.key_slot().is_some() {
                    return Err(Problem { place, kind: ConfigErrorKind::KeyNotText });
                }
                self.finish(node, 0)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.start(span, anchor, tag.as_deref(), Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                let content = Content::Map {
                    entries: Vec::new(),
                    given: HashMap::new(),
                    merged: Vec::new(),
                    key: None,
                };
                self.start(span, anchor, tag.as_deref(), content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(place),
            // Stream marks and comments carry nothing; events of later parsers cannot be asked for here.
            _ => Ok(()),
        }
    }

    fn count(&mut self, values: usize, place: Place) -> Result<(), Problem> {
        self.total = self.total.saturating_add(values);
        if self.total > MAX_VALUES {
            return Err(Problem { place, kind: ConfigErrorKind::TooManyValues { limit: MAX_VALUES } });
        }
        Ok(())
    }

    /// The innermost mapping, when what comes next is a key of it.
    fn key_slot(&mut self) -> Option<&mut Content> {
        self.open
            .last_mut()
            .map(|frame| &mut frame.content)
            .filter(|content| matches!(content, Content::Map { key: None, .. }))
    }

    fn start(
        &mut self,
        span: &Span,
        anchor: usize,
        tag: Option<&Tag>,
        content: Content,
    ) -> Result<(), Problem> {
        let place = place_of(span.start);
        if forced_text(tag, span)? {
            return Err(Problem { place, kind: ConfigErrorKind::Tag("!!str".to_owned()) });
        }
        if self.key_slot().is_some() {
            return Err(Problem { place, kind: ConfigErrorKind::KeyNotText });
        }
        self.count(1, place)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(Problem { place, kind: ConfigErrorKind::TooDeep { limit: MAX_DEPTH } });
        }
        self.open.push(Frame { place, anchor, size: 1, height: 1, content });
        Ok(())
    }

    fn end(&mut self, place: Place) -> Result<(), Problem> {
        let Some(Frame { place, anchor, mut size, height, content }) = self.open.pop() else {
            // The parser balances its events; an unbalanced one is answered as the syntax error that it is.
            let message = "unexpected end of a collection".to_owned();
            return Err(Problem { place, kind: ConfigErrorKind::Syntax { message, hint: None } });
        };
        let value = match content {
            Content::List(items) => Value::List(Rc::new(items)),
            Content::Map { mut entries, mut given, merged, .. } => {
                for entry in merged {
                    if !given.contains_key(&entry.key) {
                        given.insert(entry.key.clone(), entry.key_place);
                        size = size.saturating_add(entry.node.size);
                        entries.push(entry);
                    }
                }
                Value::Map(Rc::new(entries))
            }
        };
        self.finish(Node { place, value, size, height }, anchor)
    }

    /// Puts a complete value where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        if self.open.len() + node.height > MAX_DEPTH + 1 {
            return Err(Problem { place: node.place, kind: ConfigErrorKind::TooDeep { limit: MAX_DEPTH } });
        }
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.height = frame.height.max(node.height + 1);
        match &mut frame.content {
            Content::List(items) => {
                frame.size = frame.size.saturating_add(node.size);
                items.push(node);
            }
            Content::Map { entries, merged, key, .. } => {
                let Some(Key { text, place, merge }) = key.take() else {
                    return Err(Problem { place: node.place, kind: ConfigErrorKind::KeyNotText });
                };
                if merge {
                    return merge_into(merged, &node);
                }
                frame.size = frame.size.saturating_add(node.size);
                // What is not there has no place of its own: speak of its key.
                let node = match node.value {
                    Value::Null => Node { place, ..node },
                    _ => node,
                };
                entries.push(Entry { key: text, key_place: place, node });
            }
        }
        Ok(())
    }
}

fn put_key(map: &mut Content, text: &str, plain: bool, merge: bool, place: Place) -> Result<(), Problem> {
    if plain && is_null(text) {
        return Err(Problem { place, kind: ConfigErrorKind::KeyNotText });
    }
    let Content::Map { given, key, .. } = map else { return Ok(()) };
    let text: Rc<str> = text.into();
    if let Some(first) = given.insert(text.clone(), place) {
        let kind = ConfigErrorKind::DuplicateKey { key: shown(&text), first };
        return Err(Problem { place, kind });
    }
    *key = Some(Key { text, place, merge });
    Ok(())
}

/// The entries of a mapping, or of each in a list of mappings, as `<<` means it: what stands first wins.
fn merge_into(merged: &mut Vec<Entry>, node: &Node) -> Result<(), Problem> {
    let sources = match &node.value {
        Value::Map(_) => std::slice::from_ref(node),
        Value::List(items) => items.as_slice(),
        _ => return Err(Problem { place: node.place, kind: ConfigErrorKind::Merge }),
    };
    for source in sources {
        let Value::Map(entries) = &source.value else {
            return Err(Problem { place: source.place, kind: ConfigErrorKind::Merge });
        };
        merged.extend(entries.iter().cloned());
    }
    Ok(())
}

/// Whether a tag makes text of a plain scalar. The other tags of YAML's core schema say what is seen anyway.
fn forced_text(tag: Option<&Tag>, span: &Span) -> Result<bool, Problem> {
    match tag {
        None => Ok(false),
        Some(tag) if tag.is_yaml_core_schema() => Ok(tag.is_yaml_core_schema_tag("str")),
        Some(tag) => {
            let kind = ConfigErrorKind::Tag(shown(&tag.original()).trim_matches('`').to_owned());
            Err(Problem { place: place_of(span.tag_start().unwrap_or(span.start)), kind })
        }
    }
}

/// The parser counts lines from 1 and columns from 0.
fn place_of(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
