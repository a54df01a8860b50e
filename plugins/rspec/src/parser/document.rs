//! The document that the JSON formatter writes when RSpec ends.

use flaky_plugin_sdk::{Attempt, Blob, Completeness, Diagnostic, PackedAttempt, Source};
use memchr::memmem::Finder;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::example::{self, Example};

/// The formatter writes its keys in this order, without spaces.
const START: &[u8] = b"{\"version\":\"";
/// Of a longer document the beginning is read: half of the memory that a plugin has by default is for the text.
const LARGEST: u64 = 48 * 1024 * 1024;
/// A document may stand behind text of a test that printed no line feed. Nobody looks further into a line.
const LONGEST_LINE: usize = 256 * 1024;

/// A report file that is such a document and nothing else.
pub(super) fn of_files(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let reports = attempt.reports().filter(|(path, _)| path.ends_with(".json"));
    let tree = attempt.tree_files().filter(|(path, _)| path.ends_with(".json"));
    let mut found = reports.chain(tree).filter_map(|(_, blob)| {
        let (bytes, whole) = load(&blob, 0);
        let start = bytes.iter().position(|byte| *byte == b'{')?;
        bytes.get(..start)?.iter().all(|b| b.is_ascii_whitespace() || !b.is_ascii()).then_some(())?;
        read(bytes.get(start..)?, whole)
    });
    found.next()
}

/// The last document among what was printed: the formatter writes at the end, and what tests print comes before.
pub(super) fn printed(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let stdout = attempt.stdout();
    let start = Finder::new(START);
    let mut places = Vec::new();
    let mut lines = stdout.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        if let Some(at) = start.find(line.bytes) {
            places.push(line.offset + at as u64);
        }
    }
    // A test that prints thousands of such lines is not read thousands of times.
    places.into_iter().rev().take(4).find_map(|place| {
        let (bytes, whole) = load(&stdout, place);
        let mut parsed = read(&bytes, whole)?;
        for diagnostic in &mut parsed.diagnostics {
            if diagnostic.code == "cut-off" {
                diagnostic.at = Some((Source::Stdout, place));
            }
        }
        Some(parsed)
    })
}

/// What stands from `place` on, and whether that is all.
fn load(blob: &Blob<'_>, place: u64) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let end = blob.cut().map(|(from, _)| from).filter(|from| *from > place).unwrap_or(blob.size());
    let end = end.min(place + LARGEST);
    let mut at = place;
    while at < end {
        let chunk = blob.read_at(at, u32::try_from(end - at).unwrap_or(u32::MAX).min(64 * 1024));
        if chunk.is_empty() {
            break;
        }
        at += chunk.len() as u64;
        bytes.extend_from_slice(&chunk);
    }
    (bytes, end == blob.size())
}

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(rename = "version")]
    _version: String,
    #[serde(default)]
    messages: Vec<String>,
    examples: Vec<Example>,
    summary: Summary,
    #[serde(rename = "summary_line")]
    _summary_line: String,
}

#[derive(Debug, Default, Deserialize)]
struct Summary {
    #[serde(default)]
    example_count: usize,
    #[serde(default)]
    errors_outside_of_examples_count: usize,
}

fn read(bytes: &[u8], whole: bool) -> Option<PackedAttempt> {
    let mut documents = serde_json::Deserializer::from_slice(bytes).into_iter::<Document>();
    match documents.next()? {
        Ok(document) => Some(pack(document)),
        Err(error) if error.is_eof() || !whole => salvage(bytes),
        // Text of tests may not be UTF-8.
        Err(_) if std::str::from_utf8(bytes).is_err() => {
            let text = String::from_utf8_lossy(bytes);
            let document = serde_json::Deserializer::from_str(&text).into_iter::<Document>().next()?.ok()?;
            Some(pack(document))
        }
        Err(_) => None,
    }
}

fn pack(document: Document) -> PackedAttempt {
    let mut parsed = PackedAttempt {
        format: "rspec-json".to_owned(),
        completeness: Completeness::Complete,
        ..PackedAttempt::default()
    };
    parsed.diagnostics = document.messages.iter().filter_map(|message| example::outside(message)).collect();
    let outside = document.summary.errors_outside_of_examples_count;
    if outside > 0 && parsed.diagnostics.is_empty() {
        let message = format!("{outside} errors occurred outside of examples");
        parsed.diagnostics.push(Diagnostic::new("internal-error", message));
    }
    if document.examples.is_empty() && outside == 0 {
        parsed.diagnostics.push(Diagnostic::new("no-tests", "RSpec found no example to run"));
    }
    if document.summary.example_count != document.examples.len() {
        let message = format!(
            "the summary speaks of {} examples, and there are {}",
            document.summary.example_count,
            document.examples.len()
        );
        parsed.diagnostics.push(Diagnostic::warning("contradicting-counts", message));
    }
    parsed.tests = example::pack(document.examples);
    parsed
}

/// The examples that stand whole in a document without an end.
fn salvage(bytes: &[u8]) -> Option<PackedAttempt> {
    const EXAMPLES: &[u8] = b"\"examples\":[";
    let at = bytes.windows(EXAMPLES.len()).position(|window| window == EXAMPLES)?;
    // Nothing but a version and messages stands before them.
    let head = [bytes.get(..at)?, b"\"examples\":[]}"].concat();
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "version")]
        _version: String,
        #[serde(rename = "messages", default)]
        _messages: IgnoredAny,
    }
    serde_json::from_slice::<Head>(&head).ok()?;
    let mut rest = bytes.get(at + EXAMPLES.len()..)?;
    let mut examples = Vec::new();
    loop {
        let mut stream = serde_json::Deserializer::from_slice(rest).into_iter::<Example>();
        let Some(Ok(example)) = stream.next() else { break };
        examples.push(example);
        rest = rest.get(stream.byte_offset()..).unwrap_or_default();
        rest = rest.strip_prefix(b",").unwrap_or(rest);
    }
    if examples.is_empty() {
        return None;
    }
    let message = "the document has no end: the examples that stand in it whole are told";
    Some(PackedAttempt {
        format: "rspec-json".to_owned(),
        completeness: Completeness::Truncated,
        tests: example::pack(examples),
        diagnostics: vec![Diagnostic::warning("cut-off", message)],
        ..PackedAttempt::default()
    })
}
