//! What reading costs at least: code that knows one way of writing a format, and keeps plain records.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::Result;

/// A case of a JUnit file.
#[derive(Debug, Default)]
pub(crate) struct JunitCase {
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) seconds: f64,
    /// Message and text.
    pub(crate) failure: Option<(String, String)>,
}

/// With quick-xml, from bytes in memory.
pub(crate) fn junit(bytes: &[u8]) -> Result<Vec<JunitCase>> {
    let mut reader = Reader::from_reader(bytes);
    let mut buffer = Vec::new();
    let (mut cases, mut in_failure) = (Vec::new(), false);
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer)? {
            Event::Start(start) | Event::Empty(start) if start.name().as_ref() == "testcase" => {
                cases.push(case(&start)?);
            }
            Event::Start(start) if start.name().as_ref() == "failure" => {
                in_failure = true;
                let message = attribute(&start, "message")?;
                if let Some(case) = cases.last_mut() {
                    case.failure = Some((message, String::new()));
                }
            }
            Event::End(end) if end.name().as_ref() == "failure" => in_failure = false,
            Event::Text(text) if in_failure => {
                if let Some((_, kept)) =
                    cases.last_mut().and_then(|case: &mut JunitCase| case.failure.as_mut())
                {
                    kept.push_str(&text);
                }
            }
            Event::GeneralRef(name) if in_failure => {
                if let Some((_, kept)) = cases.last_mut().and_then(|case| case.failure.as_mut()) {
                    kept.push(match &*name {
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => '&',
                    });
                }
            }
            Event::Eof => return Ok(cases),
            _ => {}
        }
    }
}

fn case(start: &BytesStart<'_>) -> Result<JunitCase> {
    let mut case = JunitCase::default();
    for attribute in start.attributes() {
        let attribute = attribute?;
        let value = quick_xml::escape::unescape(&attribute.value)?;
        match attribute.key.as_ref() {
            "name" => case.name = value.into_owned(),
            "classname" => case.class = value.into_owned(),
            "time" => case.seconds = value.parse()?,
            _ => {}
        }
    }
    Ok(case)
}

fn attribute(start: &BytesStart<'_>, wanted: &str) -> Result<String> {
    for attribute in start.attributes() {
        let attribute = attribute?;
        if attribute.key.as_ref() == wanted {
            return Ok(quick_xml::escape::unescape(&attribute.value)?.into_owned());
        }
    }
    Ok(String::new())
}

/// Every line as text of its own, and nothing of what it says.
pub(crate) fn lines(bytes: &[u8]) -> Vec<String> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}
