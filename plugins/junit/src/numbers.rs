//! Durations as report writers of many locales write them.

/// Nanoseconds in one second.
const SECOND: f64 = 1e9;

/// Longest duration that is believed, in seconds: a year. What is longer is a time stamp or a mistake.
const LONGEST: f64 = 366.0 * 86_400.0;

/// Nanoseconds of a `time` attribute, which counts seconds unless a unit (`ns`, `us`, `ms`, `s`) follows.
///
/// Thousands separators and decimal commas are understood: of a comma and a point the later one is decimal;
/// a single comma alone is decimal (`0,288`), several are thousands (`1,234,567`). What is negative, not finite
/// or not a number is unknown.
#[must_use]
pub fn nanoseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = split_unit(text);
    let value = match number.parse::<f64>() {
        // Words such as `inf` and `nan` parse too.
        Ok(value) if number.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => value,
        _ => plain(number)?.parse().ok()?,
    };
    let value = value * unit;
    if !value.is_finite() || value.is_sign_negative() || value > LONGEST {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to a year: fits in 64 bits"
    )]
    let nanoseconds = (value * SECOND).round() as u64;
    Some(nanoseconds)
}

/// The number and how many seconds its unit is.
fn split_unit(text: &str) -> (&str, f64) {
    for (unit, seconds) in [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)] {
        if let Some(number) = text.strip_suffix(unit) {
            return (number.trim_end(), seconds);
        }
    }
    (text, 1.0)
}

/// The number as Rust writes it, without separators of thousands.
fn plain(number: &str) -> Option<String> {
    let ungrouped: String =
        number.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '_')).collect();
    let last_comma = ungrouped.rfind(',');
    let last_point = ungrouped.rfind('.');
    let commas = ungrouped.matches(',').count();
    let decimal = match (last_comma, last_point) {
        (Some(comma), Some(point)) => Some(comma.max(point)),
        (Some(comma), None) => (commas == 1).then_some(comma),
        (None, Some(point)) => (ungrouped.matches('.').count() == 1).then_some(point),
        (None, None) => None,
    };
    let mut out = String::with_capacity(ungrouped.len());
    for (at, c) in ungrouped.char_indices() {
        match c {
            ',' | '.' if Some(at) == decimal => out.push('.'),
            ',' | '.' => {}
            '0'..='9' | '+' | '-' | 'e' | 'E' => out.push(c),
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn durations_of_all_locales_are_read() {
        let cases = [
            ("0", Some(0)),
            ("0.001", Some(1_000_000)),
            (".5", Some(500_000_000)),
            (" 1.5 ", Some(1_500_000_000)),
            ("1,234.5", Some(1_234_500_000_000)),
            ("2,503.1", Some(2_503_100_000_000)),
            ("1.234,5", Some(1_234_500_000_000)),
            ("0,288", Some(288_000_000)),
            ("1,234,567", Some(1_234_567_000_000_000)),
            ("1 234,5", Some(1_234_500_000_000)),
            ("1e-3", Some(1_000_000)),
            ("2.5E+1", Some(25_000_000_000)),
            ("4.76837158203125e-07", Some(477)),
            ("12ms", Some(12_000_000)),
            ("0.4s", Some(400_000_000)),
            ("1500000 ns", Some(1_500_000)),
            ("", None),
            ("-0.5", None),
            ("-1,5", None),
            ("NaN", None),
            ("inf", None),
            ("infinity", None),
            ("1e300", None),
            ("abc", None),
            ("12:03", None),
            ("1700000000", None),
        ];
        for (text, expected) in cases {
            assert_eq!(nanoseconds(text), expected, "`{text}`");
        }
    }
}
