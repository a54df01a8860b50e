//! What text without quotes means in YAML.

/// What a scalar without quotes means. As the original's YAML reader where both agree with today's YAML; where
/// they do not (`010`, `0x10`, `1:30`) it is text, so that no number is read in two ways.
pub(crate) enum Scalar<'a> {
    Bool(bool),
    Integer(i128),
    Number(f64),
    /// A number that no setting can hold.
    TooLarge,
    Text(&'a str),
}

pub(crate) fn resolve(text: &str) -> Scalar<'_> {
    match text {
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if is_integer(digits) {
        return text.replace('_', "").parse().map_or(Scalar::TooLarge, Scalar::Integer);
    }
    let lower = digits.to_ascii_lowercase();
    if matches!(lower.as_str(), ".inf" | ".nan") {
        return Scalar::TooLarge;
    }
    let number_like = is_number_like(&lower);
    match text.parse::<f64>() {
        Ok(number) if number_like && number.is_finite() => Scalar::Number(number),
        Ok(_) if number_like => Scalar::TooLarge,
        _ => Scalar::Text(text),
    }
}

/// Digits, point and exponent, without a leading 0 before another digit. `text` is in lower case.
fn is_number_like(text: &str) -> bool {
    let begins = match text.strip_prefix('0') {
        Some(rest) => !rest.starts_with(|c: char| c.is_ascii_digit()),
        None => text.starts_with(|c: char| c.is_ascii_digit() || c == '.'),
    };
    begins && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'))
}

/// Digits with single `_` between them, without a leading 0.
fn is_integer(digits: &str) -> bool {
    let grouped =
        digits.split('_').all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
    grouped && (digits == "0" || !digits.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::{Scalar, resolve};

    fn meaning(text: &str) -> String {
        match resolve(text) {
            Scalar::Bool(value) => format!("bool {value}"),
            Scalar::Integer(value) => format!("integer {value}"),
            Scalar::Number(value) => format!("number {value:?}"),
            Scalar::TooLarge => "too large".to_owned(),
            Scalar::Text(_) => "text".to_owned(),
        }
    }

    #[test]
    fn a_word_without_quotes_means_what_every_yaml_reader_agrees_on() {
        for (text, expected) in [
            ("true", "bool true"),
            ("FALSE", "bool false"),
            ("yes", "text"),
            ("0", "integer 0"),
            ("-0", "integer 0"),
            ("+5", "integer 5"),
            ("-5", "integer -5"),
            ("1_000_000", "integer 1000000"),
            ("1__0", "text"),
            ("_1", "text"),
            ("010", "text"),
            ("0x10", "text"),
            ("0o17", "text"),
            ("1:30", "text"),
            ("1.2.3", "text"),
            ("1e", "text"),
            ("e5", "text"),
            (".", "text"),
            ("-", "text"),
            ("inf", "text"),
            ("nan", "text"),
            ("infinity", "text"),
            ("2026-11-24", "text"),
            ("0.5", "number 0.5"),
            (".5", "number 0.5"),
            ("-.5", "number -0.5"),
            ("5.", "number 5.0"),
            ("1e3", "number 1000.0"),
            ("1E-1", "number 0.1"),
            ("0e1", "number 0.0"),
            ("00.5", "text"),
            ("1e999", "too large"),
            (".inf", "too large"),
            ("-.INF", "too large"),
            (".NaN", "too large"),
            ("170141183460469231731687303715884105728", "too large"),
        ] {
            assert_eq!(meaning(text), expected, "{text}");
        }
    }
}
