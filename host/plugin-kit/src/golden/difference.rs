//! Where an answer is not the expected one, by the path in the document.

use std::collections::BTreeMap;

use serde_json::Value;

/// Differences that are told: the first few show what is wrong.
const MOST: usize = 12;

/// Bytes of a value that are told.
const LONGEST: usize = 160;

/// Where two documents differ. What is null, or an empty list, is the same as what is not there, so that an expectation
/// need not name what does not matter.
pub(super) fn values(expected: &Value, got: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    compare("", expected, got, &mut differences);
    shortened(differences)
}

/// Where two sets of files differ.
pub(super) fn files(expected: &[(String, Vec<u8>)], got: &[(String, Vec<u8>)]) -> Vec<String> {
    let named = |path: &str| if path.is_empty() { UNNAMED.to_owned() } else { path.to_owned() };
    let got: BTreeMap<String, &Vec<u8>> = got.iter().map(|(path, content)| (named(path), content)).collect();
    let mut differences = Vec::new();
    for (path, content) in expected {
        match got.get(path) {
            None => differences.push(format!("expected/{path}: expected, and not written")),
            Some(other) if *other == content => {}
            Some(other) => differences.push(format!("expected/{path}: {}", lines(content, other))),
        }
    }
    let unexpected = got.keys().filter(|path| !expected.iter().any(|(known, _)| known == *path));
    differences.extend(unexpected.map(|path| format!("expected/{path}: written, and not expected")));
    shortened(differences)
}

/// What the file is called in `expected/` that the user of a reporter names.
pub(super) const UNNAMED: &str = "unnamed";

fn shortened(mut differences: Vec<String>) -> Vec<String> {
    let more = differences.len().saturating_sub(MOST);
    if more > 0 {
        differences.truncate(MOST);
        differences.push(format!("and {more} more"));
    }
    differences
}

fn compare(path: &str, expected: &Value, got: &Value, out: &mut Vec<String>) {
    match (expected, got) {
        _ if expected == got || (is_nothing(expected) && is_nothing(got)) => {}
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            for key in keys {
                let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&at, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), out);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for (i, pair) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{i}]"), pair.0, pair.1, out);
            }
            let (n, m) = (a.len(), b.len());
            out.extend((m..n).map(|i| format!("{path}[{i}]: expected {}, got nothing", shown(&a[i]))));
            out.extend((n..m).map(|i| format!("{path}[{i}]: expected nothing, got {}", shown(&b[i]))));
        }
        // Numbers by value: 1 and 1.0 are the same.
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        _ => {
            let at = if path.is_empty() { "the whole" } else { path };
            out.push(format!("{at}: expected {}, got {}", shown(expected), shown(got)));
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn shown(value: &Value) -> String {
    if is_nothing(value) { "nothing".to_owned() } else { short(&value.to_string()) }
}

fn short(text: &str) -> String {
    match text.len() {
        0..=LONGEST => text.to_owned(),
        _ => format!("{}…", &text[..text.floor_char_boundary(LONGEST)]),
    }
}

/// The first line that differs.
fn lines(expected: &[u8], got: &[u8]) -> String {
    let split = |bytes: &[u8]| -> Vec<String> {
        bytes.split(|b| *b == b'\n').map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    };
    let (a, b) = (split(expected), split(got));
    let at = a.iter().zip(&b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
    let line = |lines: &[String]| lines.get(at).map_or("nothing".into(), |l| format!("{:?}", short(l)));
    format!("line {}: expected {}, got {}", at + 1, line(&a), line(&b))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_name_the_place_what_was_expected_and_what_came() {
        let cases = [
            (json!({"a": 1}), json!({"a": 1.0}), vec![]),
            (json!({"a": null}), json!({}), vec![]),
            (json!({}), json!({"a": []}), vec![]),
            (
                json!({"t": [{"o": "x"}]}),
                json!({"t": [{"o": "y"}]}),
                vec!["t[0].o: expected \"x\", got \"y\""],
            ),
            (json!([1]), json!([1, 2]), vec!["[1]: expected nothing, got 2"]),
            (json!([1, 2]), json!([1]), vec!["[1]: expected 2, got nothing"]),
            (
                json!({"a": 1}),
                json!({"b": 1}),
                vec!["a: expected 1, got nothing", "b: expected nothing, got 1"],
            ),
            (json!(1), json!("1"), vec!["the whole: expected 1, got \"1\""]),
        ];
        for (expected, got, told) in cases {
            assert_eq!(values(&expected, &got), told, "{expected} {got}");
        }
        let many = json!((0..40).collect::<Vec<_>>());
        assert_eq!(values(&many, &json!([])).last().unwrap(), "and 28 more");
    }

    #[test]
    fn of_files_the_first_line_that_differs_is_told() {
        let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
        let told = files(&[file("a.csv", "x\ny\n"), file("b", "")], &[file("a.csv", "x\nz\n"), file("", "")]);
        assert_eq!(
            told,
            [
                "expected/a.csv: line 2: expected \"y\", got \"z\"",
                "expected/b: expected, and not written",
                "expected/unnamed: written, and not expected"
            ]
        );
    }
}
