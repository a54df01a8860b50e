//! The log of a CI job, as platforms hand it out: time stamps before every line, and lines of their own. A parser is to see
//! what the framework printed.
//!
//! - GitHub Actions: `2026-01-31T12:00:00.1234567Z ` before every line, and commands of the runner (`##[group]…`, `::error::…`).
//! - `gh run view --log`: the same behind the names of job and step, with tabs between.
//! - GitLab with `FF_TIMESTAMPS`: `2026-01-31T12:00:00.123456Z 00O ` (stream, and `+` where a line goes on), and marks of sections.

use std::io::{self, BufRead, Read, Write};

/// So much of a line is looked at: names of a job and a step, a stamp, and the beginning of what was printed.
pub(crate) const BEGINNING: u64 = 4096;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// `d` stands for a digit, `x` for one of base 16, `s` for the letter of a stream.
const OF_GITHUB: &[u8] = b"dddd-dd-ddTdd:dd:dd.dddddddZ ";
const OF_GITLAB: &[u8] = b"dddd-dd-ddTdd:dd:dd.ddddddZ xxs";

/// A line without its stamp.
#[derive(Debug, PartialEq, Eq)]
enum Line<'l> {
    /// Printed by the job.
    Printed(&'l [u8]),
    /// The same; it belongs to the end of the line before.
    GoesOn(&'l [u8]),
    /// The platform's own.
    Own,
}

/// Whether a text that begins like this is such a log.
pub(crate) fn is_job_log(beginning: &[u8]) -> bool {
    let line = beginning.split(|b| *b == b'\n').next().unwrap_or_default();
    read(line).is_some()
}

/// Copies what the job printed. Lines without a stamp stay as they are.
pub(crate) fn printed(mut from: impl BufRead, to: &mut impl Write) -> io::Result<()> {
    let mut beginning = Vec::new();
    // The end of a line is held back until it is known that the next one is another.
    let mut line_end: &[u8] = b"";
    loop {
        beginning.clear();
        from.by_ref().take(BEGINNING).read_until(b'\n', &mut beginning)?;
        if beginning.is_empty() {
            return to.write_all(line_end);
        }
        let line = read(&beginning).unwrap_or(Line::Printed(&beginning));
        let is_whole = beginning.ends_with(b"\n");
        match line {
            Line::Own => {
                if !is_whole {
                    rest_of_line(&mut from, &mut io::sink())?;
                }
                continue;
            }
            Line::GoesOn(text) => to.write_all(without_end(text))?,
            Line::Printed(text) => {
                to.write_all(line_end)?;
                to.write_all(without_end(text))?;
            }
        }
        let has_end = is_whole || rest_of_line(&mut from, to)?;
        line_end = if has_end { b"\n" } else { b"" };
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

/// Copies up to the end of the line, and says whether there was one.
fn rest_of_line(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<bool> {
    loop {
        let held = from.fill_buf()?;
        if held.is_empty() {
            return Ok(false);
        }
        let end = held.iter().position(|b| *b == b'\n');
        let length = end.unwrap_or(held.len());
        to.write_all(&held[..length])?;
        from.consume(length + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// `None`: no stamp.
fn read(line: &[u8]) -> Option<Line<'_>> {
    let line = without_mark(line);
    if let Some(text) = after(OF_GITLAB, line) {
        return match text.split_first()? {
            (b'+', text) => Some(Line::GoesOn(text)),
            (b' ', text) => Some(if is_section(text) { Line::Own } else { Line::Printed(text) }),
            _ => None,
        };
    }
    let text = after(OF_GITHUB, line).or_else(|| {
        let mut columns = line.splitn(3, |b| *b == b'\t');
        after(OF_GITHUB, without_mark(columns.nth(2)?))
    })?;
    let own = [&b"##["[..], b"::"].iter().any(|mark| text.starts_with(mark));
    Some(if own { Line::Own } else { Line::Printed(text) })
}

/// `section_start:1560896352:name\r\x1b[0K`, with nothing or a heading behind.
fn is_section(text: &[u8]) -> bool {
    [&b"section_start:"[..], b"section_end:"].iter().any(|mark| text.starts_with(mark))
}

fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)
}

fn after<'l>(stamp: &[u8], line: &'l [u8]) -> Option<&'l [u8]> {
    let (beginning, text) = line.split_at_checked(stamp.len())?;
    let fits = stamp.iter().zip(beginning).all(|(want, found)| match want {
        b'd' => found.is_ascii_digit(),
        b'x' => found.is_ascii_hexdigit(),
        b's' => matches!(found, b'O' | b'E'),
        other => other == found,
    });
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GITHUB: &str = "2026-01-31T12:00:00.1234567Z ";
    const GITLAB: &str = "2026-01-31T12:00:00.123456Z ";

    fn told(log: &str) -> String {
        let mut out = Vec::new();
        printed(log.as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn stamps_and_the_platforms_own_lines_are_taken_away() {
        let long = "x".repeat(3 * 4096);
        let cases = [
            (
                format!(
                    "\u{feff}{GITHUB}##[group]Run pytest\n{GITHUB}a.py::b FAILED\nnot stamped\n{GITHUB}::error::x\n{GITHUB}\n2026-01-31T12:00"
                ),
                "a.py::b FAILED\nnot stamped\n\n2026-01-31T12:00".to_owned(),
            ),
            (
                format!(
                    "test (3.12)\tRun pytest\t\u{feff}{GITHUB}##[group]Run\ntest (3.12)\tRun pytest\t{GITHUB}a\tb\tc\n"
                ),
                "a\tb\tc\n".to_owned(),
            ),
            (
                format!(
                    "{GITLAB}00O section_start:1560896352:get_sources\r\u{1b}[0KGetting source\n{GITLAB}00O a.py::b \n{GITLAB}00O+FAILED\n{GITLAB}01E  indented\n"
                ),
                "a.py::b FAILED\n indented\n".to_owned(),
            ),
            (format!("{GITHUB}{long}\n{GITHUB}##[{long}\n{GITHUB}end"), format!("{long}\nend")),
            (format!("{GITLAB}00O {long}\n{GITLAB}00O+{long}"), format!("{long}{long}")),
            (String::new(), String::new()),
        ];
        for (log, expected) in cases {
            assert_eq!(told(&log), expected, "{log:.200}");
            assert!(log.is_empty() || is_job_log(log.as_bytes()), "{log:.200}");
        }
    }

    #[test]
    fn what_is_no_log_is_told_from_one() {
        for text in [
            "",
            "ok 1 - a\n2026-01-31T12:00:00.1234567Z b\n",
            "2026-01-31T12:00:00Z started\n",
            "2026-01-31T12:00:00.123456Z 00X text\n",
            "2026-01-31T12:00:00.123456Z 00O",
            "a\tb\n2026-01-31T12:00:00.1234567Z \n",
        ] {
            assert!(!is_job_log(text.as_bytes()), "{text}");
        }
    }
}
