//! How numbers of a report are said. All reporters say them alike, so that nobody has to wonder whether two
//! different texts mean two different things.

use super::{BaseTest, Category, Change, FailureGroup, Test};

/// A rate as text, with as many digits as a reader can use: `0 %`, `2.95 %`, `30.0 %`, `100 %`. What is not quite
/// 0 or 1 never reads as if it were.
#[must_use]
pub fn percent(rate: f64) -> String {
    if !rate.is_finite() {
        return "? %".to_owned();
    }
    let hundredths = rate.clamp(0.0, 1.0) * 100.0;
    if hundredths == 0.0 {
        "0 %".to_owned()
    } else if hundredths < 0.005 {
        "< 0.01 %".to_owned()
    } else if hundredths < 9.995 {
        format!("{hundredths:.2} %")
    } else if hundredths < 99.95 {
        format!("{hundredths:.1} %")
    } else if hundredths < 100.0 {
        "> 99.9 %".to_owned()
    } else {
        "100 %".to_owned()
    }
}

/// The one-sided upper bound of a rate of something that never happened in `n` attempts: the exact
/// (Clopper–Pearson) bound, which for zero events is `1 − (1 − level)^(1/n)` (C. J. Clopper and E. S. Pearson,
/// Biometrika 26, 1934). 1 when there were no attempts.
#[must_use]
pub fn at_most_when_never(n: u32, level: f64) -> f64 {
    if n == 0 {
        return 1.0;
    }
    (1.0 - (1.0 - level).max(f64::MIN_POSITIVE).powf(1.0 / f64::from(n))).clamp(0.0, 1.0)
}

/// `1 attempt`, `2 attempts`; words that end in `s` themselves are not used.
#[must_use]
pub fn plural(count: u32, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// Text that came from a test, safe to show on a terminal or page and without surprises in its meaning: what
/// would act instead of being seen (control characters, marks that reorder or hide text) is shown as `\u{…}`.
/// Line ends and tabs become spaces.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            _ if acts(c) => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

/// Whether a character does something instead of being seen. Beside the control characters: the bidirectional
/// controls (Unicode Standard Annex 9, "Trojan Source"), separators that terminals take for line ends,
/// characters without width, tags, interlinear annotation.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// Printed text without the control sequences of terminals (ECMA-48, 5.4); line ends stay.
#[must_use]
pub fn without_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
        } else if chars.next_if_eq(&'[').is_some() {
            while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
            chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
        } else {
            while chars.next_if(|c| ('\u{20}'..='\u{2f}').contains(c)).is_some() {}
            chars.next_if(|c| ('\u{30}'..='\u{7e}').contains(c));
        }
    }
    out
}

/// Seconds as a person says them: `0.31 s`, `12.3 s`, `3 min 12 s`, `1 h 4 min`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    if seconds < 10.0 {
        format!("{seconds:.2} s")
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else if seconds < 3600.0 {
        format!("{} min {} s", (seconds / 60.0).floor(), (seconds % 60.0).floor())
    } else {
        format!("{} h {} min", (seconds / 3600.0).floor(), (seconds % 3600.0 / 60.0).floor())
    }
}

/// Keys of tags that `thresholds` and `statistical` make of what reports say anyway.
const SAID_IN_WORDS: [&str; 4] = ["change", "reproduced", "interference", "retried"];

/// Tags of one test that are read at a glance.
const MOST_TAGS: usize = 5;

impl Test {
    /// The failure rate with what is known of its error: `30.0 % (21.9–39.6 %)`; when it never failed
    /// `at most 2.95 %`, when it always did `at least 97.0 %`; `never ran` without attempts.
    #[must_use]
    pub fn rate_text(&self) -> String {
        let bound = at_most_when_never(self.ran, self.interval.level);
        if self.ran == 0 {
            "never ran".to_owned()
        } else if self.failures == 0 {
            format!("at most {}", percent(bound))
        } else if self.failures >= self.ran {
            format!("at least {}", percent(1.0 - bound))
        } else {
            let low = percent(self.interval.low);
            let low = low.strip_suffix(" %").unwrap_or(&low);
            format!("{} ({low}–{})", percent(self.rate), percent(self.interval.high))
        }
    }

    /// That it is in quarantine, until when and whose it is: `in quarantine until 2026-12-02 (@team)`.
    #[must_use]
    pub fn quarantine_text(&self) -> Option<String> {
        let held = self.quarantined.as_ref()?;
        let owner = held.owner.as_ref().map(|owner| format!(" ({owner})")).unwrap_or_default();
        Some(format!("in quarantine until {}{owner}", held.expires))
    }

    /// What earlier runs know of it in one line, where that is worth one.
    #[must_use]
    pub fn history_text(&self) -> Option<&str> {
        self.history.as_ref().map(|earlier| earlier.text.as_str()).filter(|text| !text.is_empty())
    }

    /// What policies tagged it with in one line: `cause: infra, owner: @acme/payments`. Not what the bundled policies tag, which
    /// stands in words elsewhere.
    #[must_use]
    pub fn tags_text(&self) -> Option<String> {
        let told: Vec<String> = self
            .tags
            .iter()
            .filter(|(key, _)| !SAID_IN_WORDS.contains(&key.as_str()))
            .map(|(key, value)| if value.is_empty() { key.clone() } else { format!("{key}: {value}") })
            .collect();
        let (shown, more) = told.split_at(told.len().min(MOST_TAGS));
        let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        (!shown.is_empty()).then(|| format!("{}{more}", shown.join(", ")))
    }

    /// Whether its verdict is one of those that the run's is made of: neither ignored nor in quarantine.
    #[must_use]
    pub const fn gates(&self) -> bool {
        !self.ignored && self.quarantined.is_none()
    }

    /// Whether the change that the run is about brought its failures, or more of them. Of a test that the base does not
    /// have only a verdict says so.
    #[must_use]
    pub fn is_introduced(&self) -> bool {
        let judged = matches!(self.verdict, Category::Flaky | Category::Broken);
        let brought = |base: &BaseTest| match base.change {
            Change::Introduced => base.ran > 0 || judged,
            Change::Worsened => true,
            _ => false,
        };
        self.gates() && self.base.as_ref().is_some_and(brought)
    }

    /// Whether there is nothing to say of the test but that it is stable.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.verdict == Category::Stable
            && self.failures == 0
            && self.side_by_side.is_none()
            && self.counts.retried == 0
            && self.counts.missing == 0
            && !self.failed_in_ci
            && self.change_text().is_none()
    }

    /// What a change did to the test, with the numbers of the base, where that is known:
    /// `introduced by the change: failed 0 of 60 at the base`.
    #[must_use]
    pub fn change_text(&self) -> Option<(String, &Change)> {
        let base = self.base.as_ref()?;
        let words = match &base.change {
            Change::Introduced => "introduced by the change",
            Change::Worsened => "worsened by the change",
            Change::WasThereBefore => "was there before",
            Change::Fixed => "fixed by the change",
            Change::NoEvidence | Change::Other(_) => return None,
        };
        let text = match base.ran {
            0 => "new with the change: it did not run at the base".to_owned(),
            ran => format!("{words}: failed {} of {ran} at the base", base.failed),
        };
        Some((text, &base.change))
    }

    /// The failure seen most often, when there was one.
    #[must_use]
    pub fn main_failure(&self) -> Option<&FailureGroup> {
        // The first of the most frequent: `max_by_key` gives the last of equals.
        self.failure_groups.iter().rev().max_by_key(|group| group.count)
    }
}

impl FailureGroup {
    /// Kind and message on one line, of what of them is there.
    #[must_use]
    pub fn headline(&self) -> String {
        let message = self.message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        match (self.kind.trim(), message) {
            ("", "") => "failed without a message".to_owned(),
            (kind, "") => kind.to_owned(),
            ("", message) => message.to_owned(),
            (kind, message) => format!("{kind}: {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{BaseTest, Interval};

    #[test]
    fn rates_read_as_no_more_than_is_known() {
        let cases = [
            (0.0, "0 %"),
            (0.000_01, "< 0.01 %"),
            (0.0295, "2.95 %"),
            (0.099_94, "9.99 %"),
            (0.099_96, "10.0 %"),
            (0.3, "30.0 %"),
            (0.999_6, "> 99.9 %"),
            (1.0, "100 %"),
            (f64::NAN, "? %"),
            (7.0, "100 %"),
        ];
        for (rate, text) in cases {
            assert_eq!(percent(rate), text, "{rate}");
        }
    }

    #[test]
    fn what_a_change_did_is_told_with_the_numbers_of_the_base_where_there_are_any() {
        for (ran, failed, change, text) in [
            (60, 0, "introduced", Some("introduced by the change: failed 0 of 60 at the base")),
            (0, 0, "introduced", Some("new with the change: it did not run at the base")),
            (60, 3, "was-there-before", Some("was there before: failed 3 of 60 at the base")),
            (60, 3, "no-evidence", None),
        ] {
            let base =
                BaseTest { ran, failed, change: Change::from(change.to_owned()), ..BaseTest::default() };
            let test = Test { base: Some(base), ..Test::default() };
            assert_eq!(test.change_text().map(|(text, _)| text).as_deref(), text);
        }
    }

    #[test]
    fn tags_of_policies_are_told_and_those_of_the_bundled_ones_are_not() {
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let many = (0..7).map(|n| tag(&format!("k{n}"), "v")).collect();
        for (tags, text) in [
            (vec![], None),
            (vec![tag("change", "introduced"), tag("retried", "3")], None),
            (vec![tag("cause", "infra"), tag("slow", "")], Some("cause: infra, slow")),
            (many, Some("k0: v, k1: v, k2: v, k3: v, k4: v and 2 more")),
        ] {
            let test = Test { tags, ..Test::default() };
            assert_eq!(test.tags_text().as_deref(), text);
        }
    }

    #[test]
    fn text_of_tests_is_seen_and_does_not_act() {
        let cases = [
            ("plain é 😀 日本", "plain é 😀 日本"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("x\u{202e}y\u{2066}", "x\\u{202e}y\\u{2066}"),
            ("a\nb\tc\r", "a b c "),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("\u{9b}2J\u{7f}\0", "\\u{9b}2J\\u{7f}\\u{0}"),
        ];
        for (text, expected) in cases {
            assert_eq!(visible(text), expected);
        }
        assert_eq!(without_colours("\u{1b}[1;31mred\u{1b}[0m\nnext\u{1b}(B \u{1b}"), "red\nnext ");
    }

    #[test]
    fn durations_are_said_in_the_unit_that_fits() {
        for (value, text) in [
            (0.0, "0.00 s"),
            (9.5, "9.50 s"),
            (41.26, "41.3 s"),
            (192.0, "3 min 12 s"),
            (3900.0, "1 h 5 min"),
            (f64::NAN, "0.00 s"),
        ] {
            assert_eq!(seconds(value), text);
        }
    }

    #[test]
    fn the_error_of_a_rate_is_always_said() {
        let cases = [
            (100, 0, "at most 2.95 %"),
            (14, 0, "at most 19.3 %"),
            (10, 0, "at most 25.9 %"),
            (100, 100, "at least 97.0 %"),
            (100, 30, "30.0 % (21.9–39.6 %)"),
            (0, 0, "never ran"),
        ];
        for (ran, failures, text) in cases {
            let interval = Interval { low: 0.2189, high: 0.3958, level: 0.95 };
            let rate = if ran == 0 { 0.0 } else { f64::from(failures) / f64::from(ran) };
            let test = Test { ran, failures, rate, interval, ..Test::default() };
            assert_eq!(test.rate_text(), text);
        }
    }
}
