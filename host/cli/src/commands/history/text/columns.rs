//! Columns, sparklines, and numbers in few characters.

use flaky_core::history::Share;
use flaky_core::text::visible;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A rate as a bar, on one scale for all tests: empty where nothing ran, the lowest where nothing failed.
pub(super) fn bar(share: Share) -> char {
    match share.rate() {
        _ if share.ran == 0 => ' ',
        _ if share.failed == 0 => '▁',
        rate if rate <= 0.01 => '▂',
        rate if rate <= 0.03 => '▃',
        rate if rate <= 0.10 => '▄',
        rate if rate <= 0.25 => '▅',
        rate if rate <= 0.50 => '▆',
        rate if rate < 1.0 => '▇',
        _ => '█',
    }
}

/// Bars in a row.
pub(super) fn strip(shares: impl IntoIterator<Item = Share>) -> String {
    shares.into_iter().map(bar).collect()
}

/// CPU seconds as `0.4s`, `12s`, `2m10s`, `3h05m`.
pub(super) fn cost(seconds: f64) -> String {
    let whole = seconds.max(0.0).round().min(1e15);
    match whole {
        s if s < 1.0 => format!("{:.1}s", seconds.max(0.0)),
        s if s < 60.0 => format!("{s}s"),
        s if s < 3_600.0 => format!("{}m{:02}s", (s / 60.0).floor(), s % 60.0),
        s => format!("{}h{:02}m", (s / 3_600.0).floor(), (s % 3_600.0 / 60.0).floor()),
    }
}

/// A name in so many columns: the end says more than the beginning, so that is what stays.
pub(super) fn fitted(name: &str, columns: usize) -> String {
    let name = visible(name);
    if name.width() <= columns {
        return name;
    }
    let mut kept: Vec<char> = Vec::new();
    let mut used = 1;
    for c in name.chars().rev() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept.into_iter().rev().collect()
}

/// The text in so many columns, to the left.
pub(super) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// The text in so many columns, to the right.
pub(super) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(text.width())))
}

/// Without blanks at line ends.
pub(super) fn line(text: &mut String, row: &str) {
    text.push_str(row.trim_end());
    text.push('\n');
}
