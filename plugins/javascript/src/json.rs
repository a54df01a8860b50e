//! JSON documents among printed text.

use flaky_plugin_sdk::Blob;
use memchr::memmem;
use serde::de::DeserializeOwned;

/// A document larger than this does not fit beside what is made of it in the memory that a plugin may have.
const LARGEST: u64 = 512 * 1024 * 1024;

/// A document, and where it stands.
#[derive(Debug)]
pub struct Document<T> {
    /// What it says.
    pub value: T,
    /// Offset of its first byte in the source.
    pub offset: u64,
}

/// Every document of type `T` that begins at the start of a line. Tests print, so text may stand before, between and
/// after; `mark` is a key that every such document has, to pass over other sources without reading them whole.
#[must_use]
pub fn documents<T: DeserializeOwned>(blob: &Blob<'_>, mark: &str) -> Vec<Document<T>> {
    if !holds(blob, format!("\"{mark}\"").as_bytes()) {
        return Vec::new();
    }
    blob.read_to_end(LARGEST).map(|bytes| all(&bytes)).unwrap_or_default()
}

fn holds(blob: &Blob<'_>, mark: &[u8]) -> bool {
    let finder = memmem::Finder::new(mark);
    // The mark may stand across the ends of pieces: the end of what came before is kept.
    let mut tail: Vec<u8> = Vec::new();
    for chunk in blob.chunks() {
        if finder.find(&chunk).is_some() {
            return true;
        }
        tail.extend_from_slice(chunk.get(..mark.len()).unwrap_or(&chunk));
        if finder.find(&tail).is_some() {
            return true;
        }
        if chunk.len() >= mark.len() {
            tail.clear();
            tail.extend_from_slice(chunk.get(chunk.len() - mark.len()..).unwrap_or_default());
        }
        let over = tail.len().saturating_sub(mark.len());
        tail.drain(..over);
    }
    false
}

fn all<T: DeserializeOwned>(bytes: &[u8]) -> Vec<Document<T>> {
    let mut found = Vec::new();
    let mut at = usize::from(bytes.starts_with(b"\xef\xbb\xbf")) * 3;
    // Lines that begin like a document and are none cost what was read of them. Text made to be read again and again
    // ends the search.
    let mut budget = bytes.len().saturating_mul(4).saturating_add(1024 * 1024);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let mut used = 0;
        if rest.first() == Some(&b'{') {
            let mut stream = serde_json::Deserializer::from_slice(rest).into_iter::<T>();
            match stream.next() {
                Some(Ok(value)) => {
                    found.push(Document { value, offset: at as u64 });
                    at += stream.byte_offset().max(1);
                    continue;
                }
                Some(Err(error)) => used = consumed(rest, error.line(), error.column()),
                None => {}
            }
        }
        match budget.checked_sub(used) {
            Some(left) => budget = left,
            None => break,
        }
        match memmem::find(rest, b"\n{") {
            Some(next) => at += next + 1,
            None => break,
        }
    }
    found
}

fn consumed(text: &[u8], line: usize, column: usize) -> usize {
    let before = memchr::memchr_iter(b'\n', text).take(line.saturating_sub(1)).last();
    before.unwrap_or_default().saturating_add(column)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Ours {
        ours: u32,
    }

    fn found(text: &str) -> Vec<(u32, u64)> {
        let blob = Blob::in_memory(text.as_bytes()).in_chunks_of(3);
        documents::<Ours>(&blob, "ours")
            .iter()
            .map(|document| (document.value.ours, document.offset))
            .collect()
    }

    #[test]
    fn documents_are_found_between_other_lines() {
        let cases: &[(&str, &[(u32, u64)])] = &[
            ("{\"ours\":1}", &[(1, 0)]),
            ("text\n{\"ours\":1}\nmore {\n{ \n\"ours\": 2}", &[(1, 5), (2, 23)]),
            ("{\"other\":1}\n{\"ours\":3}", &[(3, 12)]),
            ("{\"other\": {\"ours\":1}}", &[]),
            (" {\"ours\":1}", &[]),
            ("{\"ours\":1", &[]),
            ("{\"theirs\":1}", &[]),
            ("", &[]),
            ("\u{feff}{\"ours\":4}", &[(4, 3)]),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text), *expected, "{text}");
        }
    }

    #[test]
    fn text_made_to_be_read_again_and_again_is_left() {
        let text = format!("{{\"ours\":1}}\n{}", "{\"a\":[\n".repeat(100_000));
        assert_eq!(found(&text), [(1, 0)]);
    }
}
